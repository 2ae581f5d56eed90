"""Continuity from one version to the next: currency, whether amounts hold their tax, and numbers that bills are sorted by.

The instant must not stay: only a version that `corrects` another one begins when that one began, and takes its place from the beginning.

A bill recomputes past periods and compares line with line; a price or fee whose id or charge code moved would be billed again under the new
one and credited under the old. The rest of an allowance, day pass, cap or counter is kept by its number. So a number means the
same kind of thing in every version. Names may change, prices and grants may come and go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rating.errors import Problem, ProblemsError
from tariffs.documents.document import Finding, Place, place_text
from tariffs.language.texts import UNIT_WORDS
from tariffs.tax_codes import check_tax_codes

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from rating.model import Catalogue, Commitment, InvoiceDiscount, OneOffFee, RecurringFee, VolumeTier

_FEES = ("recurring", "one_offs", "commitments", "volume_tiers", "invoice_discounts")  # the first two of add-ons too
_FOR_EVER = "numbers stay for ever; give the new thing a new name and number, or the old number back"


def check_succession(catalogue: Catalogue, others: Sequence[Catalogue], withdrawn: Collection[int] = ()) -> list[Finding]:
    """Breaks of `catalogue` with other versions of the same identity; other catalogues are skipped.

    Versions that a correction replaced, and `withdrawn` ones, take no effect, so their instant is free.
    """
    findings: list[Finding] = []
    versions = [each for each in others if each.identity == catalogue.identity and each.version != catalogue.version]
    void = {each.corrects for each in (*versions, catalogue)} | set(withdrawn)
    for other in versions:
        if other.effective_from_us == catalogue.effective_from_us and other.version not in void and catalogue.version not in void:
            findings.append(_same_instant(other))
        findings += _between(other, catalogue)
    return list(dict.fromkeys(findings))


def refuse_break(catalogue: Catalogue, others: Sequence[Catalogue], origin: str, withdrawn: Collection[int] = ()) -> None:
    """Raise ProblemsError with all that `check_succession` and `check_tax_codes` find; `origin` is the file the catalogue comes from."""
    findings = [*check_succession(catalogue, others, withdrawn), *check_tax_codes(catalogue, others)]
    if findings:
        raise ProblemsError([Problem(origin, place_text(each.place), each.message, each.remedy) for each in findings])


def _between(other: Catalogue, catalogue: Catalogue) -> Iterator[Finding]:
    which = f"version {other.version}"
    yield from _amounts(other, catalogue, which)
    prices = {price.name: price for price in other.prices}
    for index, price in enumerate(catalogue.prices):
        before, place = prices.get(price.name), ("prices", index)
        if before is not None and before.price_id != price.price_id:
            yield _moved(place, f"price `{price.name}` has id {before.price_id} in {which}", "id")
        if before is not None and before.charge_code != price.charge_code:
            yield _moved(place, f"price `{price.name}` has charge code {before.charge_code} in {which}", "charge_code")
    fees = {(holder, fee.name): fee for holder, fee, _ in _fees(other)}
    for holder, fee, where in _fees(catalogue):
        known = fees.get((holder, fee.name))
        if known is not None and known.price_id != fee.price_id:
            yield _moved(where, f"fee `{fee.name}` of `{holder}` has id {known.price_id} in {which}", "id")
        if known is not None and known.charge_code != fee.charge_code:
            yield _moved(where, f"fee `{fee.name}` of `{holder}` has charge code {known.charge_code} in {which}", "charge_code")
    codes = {tax.name: tax.code for tax in other.tax_classes}
    for index, tax in enumerate(catalogue.tax_classes):
        if codes.get(tax.name, tax.code) != tax.code:
            yield _moved(("tax_classes", index), f"tax class `{tax.name}` has code {codes[tax.name]} in {which}", "code")

    yield from _kept_by_number(other, catalogue, which)


def _amounts(other: Catalogue, catalogue: Catalogue, which: str) -> Iterator[Finding]:
    """Changes in what an amount of the catalogue means: currency, decimal places, or tax included."""
    if (other.currency, other.minor_digits) != (catalogue.currency, catalogue.minor_digits):
        message = f"currency {catalogue.currency} is not {other.currency} as in {which}"
        yield Finding(("currency",), message, "a catalogue keeps its currency; give another currency another identity")
    if other.tax_inclusive is not catalogue.tax_inclusive:
        message = f"amounts {'hold their tax' if catalogue.tax_inclusive else 'are without tax'}, other than in {which}"
        yield Finding(("tax_inclusive",), message, "keep it as it was; give amounts of the other kind another identity")


def _fees(catalogue: Catalogue) -> Iterator[tuple[str, RecurringFee | OneOffFee | Commitment | VolumeTier | InvoiceDiscount, Place]]:
    """Fees with the name of their plan or add-on, and where the file has them."""
    for index, plan in enumerate(catalogue.plans):
        for section in _FEES if plan.base is None else ():
            yield from ((plan.name, fee, ("plans", index, section, i)) for i, fee in enumerate(getattr(plan, section)))
    for index, add_on in enumerate(catalogue.add_ons):
        for section in _FEES[:2]:
            yield from ((f"+{add_on.name}", fee, ("add_ons", index, section, i)) for i, fee in enumerate(getattr(add_on, section)))


def _same_instant(other: Catalogue) -> Finding:
    remedy = f"give each version its own effective_from, or write `corrects: {other.version}` to take its place from the beginning"
    return Finding(("effective_from",), f"version {other.version} takes effect at the same instant", remedy)


def _kept_by_number(other: Catalogue, catalogue: Catalogue, which: str) -> Iterator[Finding]:
    """Numbers under which something is left from one event to the next, and that meant something else."""
    before = {key: meaning for key, (meaning, _) in _meanings(other).items()}
    for key, (meaning, place) in _meanings(catalogue).items():
        if before.get(key, meaning) != meaning:
            yield Finding(place, f"{key[0]} {key[1]} is {before[key]} in {which}, and {meaning} here", _FOR_EVER)


def _meanings(catalogue: Catalogue) -> dict[tuple[str, int], tuple[str, Place]]:
    """The meaning of each number, and the place that defines it first."""
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
