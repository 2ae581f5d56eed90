"""What must stay from one version of a catalogue to the next: currency, and the numbers that bills are sorted by. The instant must not.

A bill recomputes past periods and compares line with line; a price whose id or charge code moved would be billed again under the new
one and credited under the old. What is left of an allowance, day pass, cap or counter is kept by its number, so that a number means the
same kind of thing in every version. Names may change, prices and grants may come and go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rating.errors import Problem, ProblemsError
from tariffs.document import Finding, Place, place_text
from tariffs.texts import UNIT_WORDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rating.model import Catalogue

_FOR_EVER = "numbers stay for ever; give the new thing a new name and number, or the old number back"


def check_succession(catalogue: Catalogue, others: Sequence[Catalogue]) -> list[Finding]:
    """What in `catalogue` breaks with other versions of the same identity; others are passed over."""
    findings: list[Finding] = []
    for other in others:
        if other.identity == catalogue.identity and other.version != catalogue.version:
            findings += _between(other, catalogue)
    return list(dict.fromkeys(findings))


def refuse_break(catalogue: Catalogue, others: Sequence[Catalogue], origin: str) -> None:
    """Raise ProblemsError with everything `check_succession` finds; `origin` is the file the catalogue comes from."""
    findings = check_succession(catalogue, others)
    if findings:
        raise ProblemsError([Problem(origin, place_text(each.place), each.message, each.remedy) for each in findings])


def _between(other: Catalogue, catalogue: Catalogue) -> Iterator[Finding]:
    which = f"version {other.version}"
    if (other.currency, other.minor_digits) != (catalogue.currency, catalogue.minor_digits):
        message = f"currency {catalogue.currency} is not {other.currency} as in {which}"
        yield Finding(("currency",), message, "a catalogue keeps its currency; give another currency another identity")
    if other.effective_from_us == catalogue.effective_from_us:
        message = f"{which} takes effect at the same instant"
        yield Finding(("effective_from",), message, "give each version its own effective_from")
    prices = {price.name: price for price in other.prices}
    for index, price in enumerate(catalogue.prices):
        before, place = prices.get(price.name), ("prices", index)
        if before is not None and before.price_id != price.price_id:
            yield _moved(place, f"price `{price.name}` has id {before.price_id} in {which}", "id")
        if before is not None and before.charge_code != price.charge_code:
            yield _moved(place, f"price `{price.name}` has charge code {before.charge_code} in {which}", "charge_code")
    codes = {tax.name: tax.code for tax in other.tax_classes}
    for index, tax in enumerate(catalogue.tax_classes):
        if codes.get(tax.name, tax.code) != tax.code:
            yield _moved(("tax_classes", index), f"tax class `{tax.name}` has code {codes[tax.name]} in {which}", "code")

    yield from _kept_by_number(other, catalogue, which)


def _kept_by_number(other: Catalogue, catalogue: Catalogue, which: str) -> Iterator[Finding]:
    """Numbers under which something is left from one event to the next, and that meant something else."""
    before = {key: meaning for key, (meaning, _) in _meanings(other).items()}
    for key, (meaning, place) in _meanings(catalogue).items():
        if before.get(key, meaning) != meaning:
            yield Finding(place, f"{key[0]} {key[1]} is {before[key]} in {which}, and {meaning} here", _FOR_EVER)


def _meanings(catalogue: Catalogue) -> dict[tuple[str, int], tuple[str, Place]]:
    """What a number stands for, and where that is said first."""
    found: dict[tuple[str, int], tuple[str, Place]] = {}
    for index, plan in enumerate(catalogue.plans):
        place: Place = ("plans", index)
        for i, a in enumerate(plan.allowances):
            found.setdefault(("id", a.allowance_id), (f"an allowance of {UNIT_WORDS[a.unit]}", (*place, "allowances", i, "id")))
        for i, p in enumerate(plan.day_passes):
            found.setdefault(("id", p.pass_id), (f"a day pass of {UNIT_WORDS[p.unit]}", (*place, "day_passes", i, "id")))
        for i, cap in enumerate(plan.caps):
            found.setdefault(("cap", cap.cap_id), (f"for each {cap.window.value}", (*place, "caps", i, "id")))
    for index, price in enumerate(catalogue.prices):
        if price.counter_id:
            found.setdefault(("counter", price.counter_id), (f"of {UNIT_WORDS[price.unit]}", ("prices", index, "counter")))
    return found


def _moved(place: Place, message: str, field: str) -> Finding:
    return Finding((*place, field), message, _FOR_EVER)
