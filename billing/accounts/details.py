"""Permitted values of a fact's detail: errors that depend on no other fact. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection
from typing import TYPE_CHECKING, Final, NamedTuple

from billing.accounts import kinds
from billing.accounts.kinds import CATEGORIES, PAYMENT_DAYS_MAX
from billing.charges.charge_keys import USUAL_KINDS, Kind
from billing.charges.periods import BILL_DAY_MAX
from rating.model import PPM
from rating.money import MICROS_LIMIT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import msgspec

    from rating.model import Catalogue

MINIMUM_MONTHS_MAX: Final = 120
LINE_KINDS: Final = tuple(kind.name.lower() for kind in Kind if kind is not Kind.TAX)  # tax goes with what it is on
_OFF_AMOUNTS: Final = tuple(kind.name.lower() for kind in USUAL_KINDS)
_OFF_PERCENTAGES: Final = (*_OFF_AMOUNTS, "commitment", "adjustment")
EVERY_CLASS: Final = "*"
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")


# Terms of an account, and of a subscription; and what is said of one that is told of the other.
_OF_ACCOUNTS: Final = ("language", "payment_days", "dunning_policy")
_OF_SUBSCRIPTIONS: Final = ("minimum_months", "early_end_waived")
_ELSEWHERE: Final = {
    False: ("is agreed with an account, not for a subscription", "record it for the account"),
    True: ("is agreed for a subscription, not with an account", "record it for each subscription that it is about"),
}


class Wrong(NamedTuple):
    """The error of a field of a detail."""

    field: str
    message: str
    remedy: str


class Known(NamedTuple):
    """Names that details may use. `tax_classes`: those of each published catalogue, see `tax_classes_of`."""

    policies: Collection[str]
    tax_classes: Collection[Collection[str]]


def tax_classes_of(catalogues: Iterable[Catalogue]) -> list[set[str]]:
    """The names of the tax classes of each catalogue, in all its versions."""
    found: dict[str, set[str]] = {}
    for each in catalogues:
        found.setdefault(each.identity, set()).update(tax.name for tax in each.tax_classes)
    return list(found.values())


def wrongs(detail: msgspec.Struct, known: Known, *, of_account: bool) -> Iterator[Wrong]:
    """All errors of a detail."""
    check = _CHECKS.get(type(detail))
    if check is not None:
        yield from check(detail, known)
    if isinstance(detail, kinds.TermsFact):
        for field in _OF_SUBSCRIPTIONS if of_account else _OF_ACCOUNTS:
            if getattr(detail, field) != getattr(kinds.TermsFact(), field):
                yield Wrong(field, *_ELSEWHERE[of_account])


def _bill_day(detail: kinds.BillDayFact, _known: Known) -> Iterator[Wrong]:
    if not 1 <= detail.bill_day <= BILL_DAY_MAX:
        yield Wrong(
            "bill_day", f"{detail.bill_day} is not from 1 to {BILL_DAY_MAX}", "give a day of the month; it is clamped to the month's end"
        )


def _terms(detail: kinds.TermsFact, known: Known) -> Iterator[Wrong]:
    if detail.language is not None and _LANGUAGE.fullmatch(detail.language) is None:
        yield Wrong("language", f"{detail.language!r} cannot be used", "use a language tag such as zh or en")
    if detail.payment_days is not None and not 0 <= detail.payment_days <= PAYMENT_DAYS_MAX:
        yield Wrong("payment_days", f"{detail.payment_days} is not from 0 to {PAYMENT_DAYS_MAX}", "give days after the bill date")
    if detail.dunning_policy is not None and detail.dunning_policy not in known.policies:
        message = f"there is no dunning policy {detail.dunning_policy}"
        yield Wrong("dunning_policy", message, f"known policies: {', '.join(sorted(known.policies))}")
    if detail.minimum_months is not None and not 0 <= detail.minimum_months <= MINIMUM_MONTHS_MAX:
        yield Wrong(
            "minimum_months", f"{detail.minimum_months} is not from 0 to {MINIMUM_MONTHS_MAX}", "give whole months; 0 means no minimum"
        )
    if detail == kinds.TermsFact():
        yield Wrong("detail", "agrees nothing", "name at least one term; retract a fact to undo it")


def _filtered(detail: kinds.PayerFact | kinds.SponsorFact, _known: Known) -> Iterator[Wrong]:
    yield from _line_kinds(detail.kinds)
    yield from _codes(detail.charge_codes)
    if isinstance(detail, kinds.SponsorFact) and detail.sponsor and not detail.kinds and not detail.charge_codes:
        yield Wrong("kinds", "a sponsor pays for some charges, and none are named", "name kinds or charge_codes, or record a payer")


def _category(detail: kinds.CategoryFact, _known: Known) -> Iterator[Wrong]:
    if detail.category not in CATEGORIES:
        yield Wrong("category", f"{detail.category!r} is not a category", f"use one of {', '.join(CATEGORIES)}")


def _tax(detail: kinds.TaxFact, known: Known) -> Iterator[Wrong]:
    every = sorted({name for names in known.tax_classes for name in names})
    named = [("exempt", name) for name in detail.exempt if name != EVERY_CLASS]
    named += [("classes", name) for pair in detail.classes.items() for name in pair]
    for field, name in named:
        if name not in every:
            close = difflib.get_close_matches(name, every, n=1)
            remedy = f"did you mean {close[0]}?" if close else f"known classes: {', '.join(every)}"
            yield Wrong(field, f"no published catalogue has the tax class {name}", remedy)
    for old, new in detail.classes.items():
        both = {old, new}
        if both.issubset(every) and not any(both.issubset(names) for names in known.tax_classes):
            message = f"no published catalogue has both tax classes, {old} and {new}"
            yield Wrong("classes", message, "a class is replaced by another of its own catalogue: name one of that")
    if detail.place not in kinds.PLACES:
        yield Wrong("place", f"{detail.place!r} is not a place of supply", f"use one of {', '.join(kinds.PLACES)}")
    if detail.place in kinds.WITHOUT_TAX and EVERY_CLASS not in detail.exempt:
        message = f"does not name all classes: with the place of supply {detail.place} none is taxed"
        yield Wrong("exempt", message, "exempt all classes with *")


def _discount(detail: kinds.DiscountFact, _known: Known) -> Iterator[Wrong]:
    if not detail.name.strip() or not detail.name.isprintable():
        yield Wrong("name", "is empty or holds control characters", "give the discount a name: the invoice shows it")
    if (detail.percent_ppm == 0) == (detail.amount_micros == 0):
        yield Wrong("percent_ppm", "a discount is a percentage or an amount, one of them", "give percent_ppm or amount_micros above 0")
    if not 0 <= detail.percent_ppm <= PPM:
        yield Wrong("percent_ppm", f"{detail.percent_ppm} is not from 0 to {PPM}", "100 % is 1000000")
    if not 0 <= detail.amount_micros < MICROS_LIMIT:
        yield Wrong("amount_micros", f"{detail.amount_micros} is not an amount off", "give micro-units of the account's currency, above 0")
    yield from _line_kinds(detail.kinds)
    what, off = ("a fixed amount", _OFF_AMOUNTS) if detail.amount_micros else ("a percentage", _OFF_PERCENTAGES)
    if detail.kinds and set(detail.kinds) <= set(LINE_KINDS) - set(off):
        yield Wrong("kinds", f"{what} is never off {' or '.join(detail.kinds)}", f"name some of {', '.join(off)}")
    yield from _codes(detail.charge_codes)
    yield from _codes((detail.charge_code, detail.revenue_code), ("charge_code", "revenue_code"))


def _line_kinds(named: tuple[str, ...]) -> Iterator[Wrong]:
    for kind in named:
        if kind not in LINE_KINDS:
            yield Wrong("kinds", f"{kind!r} is not a kind of line", f"use some of {', '.join(LINE_KINDS)}")


def _codes(codes: tuple[int, ...], fields: tuple[str, ...] = ("charge_codes",)) -> Iterator[Wrong]:
    for place, code in enumerate(codes):
        if not 0 <= code < 2**31:
            yield Wrong(fields[min(place, len(fields) - 1)], f"{code} is not a code", "give a code as in the catalogue")


_CHECKS: Final[dict[type[msgspec.Struct], Callable[..., Iterator[Wrong]]]] = {
    kinds.BillDayFact: _bill_day,
    kinds.TermsFact: _terms,
    kinds.PayerFact: _filtered,
    kinds.SponsorFact: _filtered,
    kinds.CategoryFact: _category,
    kinds.TaxFact: _tax,
    kinds.DiscountFact: _discount,
}
