"""Figures that a case asserts beside its cost: what was matched, how much was rated, the fee, and the parts that are priced apart."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from rating.status import REFUSALS_FROM
from tests.vectors.subjects import ANY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rating.outcome import Outcome
    from tests.vectors.cases import Case
    from tests.vectors.translation import Translation

ERRORS: Final = {None, "", "RATING_PLAN_NOT_FOUND", "UNAUTHORIZED_DESTINATION", "refused"}  # ours are words of its own: any refusal will do


def differing(case: Case, said: Translation, twin: Outcome) -> list[str]:
    """Each figure that does not come out, as it is told to people. Usage that is refused has none."""
    if twin.status >= REFUSALS_FROM:
        return []
    return [f"asserted {name} {wanted}, ours {ours}" for name, wanted, ours in _figures(case, said, twin) if wanted != ours]


def _figures(case: Case, said: Translation, twin: Outcome) -> Iterator[tuple[str, Any, Any]]:
    expected = case.expected
    if expected.matched_prefix is not None:
        yield "matched prefix", _digits(case, expected.matched_prefix), twin.prefix
    if expected.matched_subject is not None:
        yield "matched subject", expected.matched_subject, subject_of(case, twin.rule_plan)
    rated = expected.rated_duration_s if expected.rated_units is None else expected.rated_units
    if rated is not None:
        yield "rated quantity", Fraction(rated), Fraction(twin.chargeable_qty) / said.scale
    if expected.connect_fee is not None:
        yield "connect fee", Fraction(expected.connect_fee), Fraction(twin.connect_fee_micros, 10**said.fineness)
    if expected.exact_cost not in {None, expected.cost}:
        return  # the parts are those of the other engine's cost, which is not exact
    parts = parts_of(said, twin)
    if expected.spans is not None:
        yield "spans", expected.spans, len(parts)
    if expected.spans_detail:
        yield "lengths of spans", [str(Fraction(each.length)) for each in expected.spans_detail], [str(each) for each in parts]


def subject_of(case: Case, rule_plan: str) -> str:
    """The subject whose plan priced the usage: plans are named after number, case, subject and depth (`subjects`, `together`)."""
    _, _, name = rule_plan.partition(" ")
    return name.removeprefix(f"{case.id} ").rpartition(" ")[0]


def parts_of(said: Translation, twin: Outcome) -> list[Fraction]:
    """The usage that each band and slot prices, in the case's own unit."""
    found: list[tuple[tuple[str, int], Fraction]] = []
    for piece in twin.pieces:
        length = Fraction(piece.to_qty - piece.from_qty) / said.scale
        if found and found[-1][0] == (piece.band, piece.step):
            found[-1] = (found[-1][0], found[-1][1] + length)
        else:
            found.append(((piece.band, piece.step), length))
    return [length for _, length in found]


def _digits(case: Case, prefix: str) -> str:
    """A prefix as our model has it (`numbers`)."""
    if prefix == ANY:
        return ""
    named = not (case.usage.destination or "").removeprefix("+").isdigit()
    return "1" * len(prefix) if named and case.usage.destination not in {None, ANY} else prefix.removeprefix("+")
