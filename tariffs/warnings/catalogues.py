"""The catalogue as a whole: texts in all languages, terms that no bill acts on yet, figures near to what can be computed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from tariffs.compiling import bounds
from tariffs.documents import limits
from tariffs.documents.findings import ZONE_ID_MAX
from tariffs.warnings.common import warning, written_plans

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rating.model import AddOn, Catalogue, Plan, Price
    from tariffs.documents.document import Place
    from tariffs.warnings.common import Warning  # noqa: A004 -- see there

NEAR_PERCENT: Final = 90
HEADROOM: Final = 2  # rates so many times as high must still fit
_TITLED: Final = (
    "allowances",
    "day_passes",
    "caps",
    "discounts",
    "recurring",
    "one_offs",
    "commitments",
    "volume_tiers",
    "invoice_discounts",
    "bill_thresholds",
    "spend_limits",
)


def warn(catalogue: Catalogue) -> Iterator[Warning]:
    """Languages, what is not billed, bounds."""
    yield from _languages(catalogue)
    yield from _not_billed(catalogue)
    yield from _near_bounds(catalogue)


def _languages(catalogue: Catalogue) -> Iterator[Warning]:
    """Texts that customers read: each has every language that the disclosure, the complaint channel or the title of some plan has.

    A title that is left out altogether falls back to the entry's name and says nothing.
    """
    texts = list(_texts(catalogue))
    always = [catalogue.disclosure, catalogue.complaint_channel, *(plan.title for plan in catalogue.plans)]
    languages = dict.fromkeys(language for each in always for language in each)
    for place, which, text in texts:
        missing = [language for language in languages if language not in text]
        if text and missing:
            message = f"{which} has no text in {', '.join(missing)}"
            yield warning("language-missing", place, message, f"add it: {', '.join(languages)} are the languages of this catalogue")


def _texts(catalogue: Catalogue) -> Iterator[tuple[Place, str, Mapping[str, str]]]:
    yield ("disclosure",), "the disclosure", catalogue.disclosure
    yield ("complaint_channel",), "the complaint channel", catalogue.complaint_channel
    for index, plan in written_plans(catalogue):
        yield ("plans", index, "title"), f"plan `{plan.name}`", plan.title
        yield from _titles(plan, ("plans", index))
    for index, add_on in enumerate(catalogue.add_ons):
        yield ("add_ons", index, "title"), f"add-on `{add_on.name}`", add_on.title
        yield from _titles(add_on, ("add_ons", index))
    decks: set[str] = set()  # the prices of a deck have one title: the first stands for all
    for index, price in enumerate(catalogue.prices):
        deck, colon, _ = price.name.partition(":")
        if not colon or deck not in decks:
            yield ("prices", index, "title"), f"price `{price.name}`", price.title
        decks.add(deck)
    for index, tax_class in enumerate(catalogue.tax_classes):
        yield ("tax_classes", index, "title"), f"tax class `{tax_class.name}`", tax_class.title


def _titles(of: Plan | AddOn, place: Place) -> Iterator[tuple[Place, str, Mapping[str, str]]]:
    for section in _TITLED:
        for number, entry in enumerate(getattr(of, section, ())):
            yield (*place, section, number, "title"), f"`{entry.name}` of `{of.name}`", entry.title


def _not_billed(catalogue: Catalogue) -> Iterator[Warning]:
    for index, plan in written_plans(catalogue):
        for number, entry in enumerate(plan.spend_limits):
            message = f"spend limit `{entry.name}` of plan `{plan.name}` is on the sheet, but is for alarms only: it changes no bill"
            yield warning("not-billed-yet", ("plans", index, "spend_limits", number), message, "keep it only if it is seen to by hand")


def _near_bounds(catalogue: Catalogue) -> Iterator[Warning]:
    discounted = any(plan.discounts for plan in catalogue.plans)
    for index, price in enumerate(catalogue.prices):
        complaint = bounds.prove(_dearer(price), discounted=discounted)
        if complaint is not None:
            message = f"price `{price.name}`: with rates {HEADROOM} times as high {complaint}"
            yield warning("near-bound", ("prices", index), message, "look at its decimal point")
    counted: dict[str, tuple[int, int]] = {
        "zones": (len(catalogue.zones), ZONE_ID_MAX),
        "plans": (len(catalogue.plans), limits.PLANS_MAX),
    }
    for section, (count, most) in counted.items():
        if count * 100 > most * NEAR_PERCENT:
            yield warning("near-bound", (section,), f"{count:,} {section} of at most {most:,}", "split the catalogue in time")


def _dearer(price: Price) -> Price:
    """The price with all its rates and connect fees so many times as high."""
    rates = tuple(
        msgspec.structs.replace(
            rate,
            connect_fee_micros=rate.connect_fee_micros * HEADROOM,
            steps=tuple(msgspec.structs.replace(step, rate_micros=step.rate_micros * HEADROOM) for step in rate.steps),
        )
        for rate in price.rates
    )
    return msgspec.structs.replace(price, rates=rates)
