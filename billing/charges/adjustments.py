"""Adjustments by hand: the permitted entries, and the need for the agreement of a second person.

An adjustment is a charge (above zero) or a credit (below) in whole minor units, with a reason code. Its amount is stated as the catalogue
states its prices: with tax where those hold it. Up to a limit one person may enter it; beyond, charge or credit, another one approves. It
becomes a line of its own in the period that holds its date. No discount and no commitment counts it (unless a discount names it).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from billing.persons import same_person
from rating.money import format_micros

if TYPE_CHECKING:
    from collections.abc import Collection


class Entered(NamedTuple):
    """The adjustment that is asked for. `approved_uid` None: not approved yet."""

    amount_micros: int
    reason_code: str
    text: str
    by_uid: int
    approved_uid: int | None = None


def needs_approval(amount_micros: int, limit_micros: int) -> bool:
    """Return whether an amount of either sign is beyond what one person may enter."""
    return abs(amount_micros) > limit_micros


def problems(entered: Entered, step_micros: int, limit_micros: int, reasons: Collection[str]) -> list[str]:
    """All errors of an adjustment, in words; empty: it may be stored.

    `step_micros`: the currency's minor unit; `reasons`: the existing codes.
    """
    found = []
    amount = format_micros(entered.amount_micros)
    if entered.amount_micros == 0:
        found.append("an amount of 0 adjusts nothing")
    if entered.amount_micros % step_micros:
        found.append(f"the amount {amount} is finer than the smallest coin {format_micros(step_micros)}")
    if entered.reason_code not in reasons:
        found.append(f"the reason {entered.reason_code!r} is none of {', '.join(sorted(reasons))}")
    if entered.reason_code == "other" and not entered.text.strip():
        found.append("the reason `other` needs a text")
    if needs_approval(entered.amount_micros, limit_micros):
        if entered.approved_uid is None:
            found.append(f"the amount {amount} is beyond the limit of {format_micros(limit_micros)}: another person has to approve it")
        elif same_person(entered.approved_uid, entered.by_uid):
            found.append("the person who approves is the one who entered it")
    return found
