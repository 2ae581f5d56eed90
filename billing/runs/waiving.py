"""Late usage of plans that waive it: what exceeds the bill of a period that an earlier run covered is not charged."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from billing.charges.lines import KEY_FIELDS, PPM, Kind, Lines
from rating.model import LateUsage
from rating.money import RoundingMode, round_exact

if TYPE_CHECKING:
    from billing.charges.lines import Int64s
    from billing.runs.contracts import Contracts
    from billing.runs.payer_columns import Payers

_REPLACED: Final = ("events", "quantity", "free_quantity")


class Waived(NamedTuple):
    """`due`: with what was billed in place of what exceeds it. `lines`: what exceeds, as amounts that are not charged."""

    due: Lines
    lines: Lines


def waived(due: Lines, billed: Lines, steps: Int64s, contracts: Contracts, payers: Payers) -> Waived:
    """Leave out late usage. `due` and `billed` have one row a key; `steps`: the minor unit of each row of `due`."""
    waiving = _subscriptions(contracts)
    if waiving is None or not due.size:
        return Waived(due, due[:0])
    place = payers.place(due["account_key"])
    late = due["period_to"] <= np.where(place >= 0, payers.covered[place], np.iinfo(np.int64).min)
    rows = np.flatnonzero(late & (due["kind"] == Kind.USAGE) & np.isin(due["subscription_key"], waiving))
    before = {_key(each): each for each in billed[(billed["kind"] == Kind.USAGE) & np.isin(billed["subscription_key"], waiving)]}
    due = due.copy()
    exceeding = []
    for row in rows.tolist():
        kept = _kept(due[row], before.get(_key(due[row])), int(steps[row]))
        if kept is not None:
            over = due[row].copy()
            for name in (*kept.keys(),):
                over[name] -= kept[name]
                due[name][row] = kept[name]
            exceeding.append(over)
    return Waived(due, np.array(exceeding, due.dtype) if exceeding else due[:0])


def _subscriptions(contracts: Contracts) -> Int64s | None:
    """Keys of subscriptions with a plan that waives late usage; None where there is no such plan."""
    price_list = contracts.price_list
    plans = {f"{each.identity}/{plan.name}" for each in price_list.catalogues for plan in each.plans if plan.late_usage is LateUsage.WAIVE}
    if not plans:
        return None
    keys: Int64s = contracts.facts.subscription_keys[contracts.subscriptions_that(lambda plan: plan in plans)]
    return keys


def _key(row: Any) -> tuple[int, ...]:  # noqa: ANN401 -- a row of LINE
    return tuple(int(row[name]) for name in KEY_FIELDS)


def _kept(due: Any, billed: Any, step: int) -> dict[str, int] | None:  # noqa: ANN401 -- rows of LINE
    """The sums that stay due; None where nothing exceeds. What is billed is net: a price that holds its tax is grossed up again."""
    exact = int(billed["exact_micros"]) if billed is not None else 0
    gross = Fraction(exact * (PPM + int(due["rate_ppm"])), PPM) if due["inclusive"] else Fraction(exact)
    if round_exact(Fraction(int(due["exact_micros"])), 1, RoundingMode.HALF_UP) <= round_exact(gross, 1, RoundingMode.HALF_UP):
        return None
    sums = {name: int(billed[name]) if billed is not None else 0 for name in _REPLACED}
    return {
        "exact_micros": round_exact(gross, 1, RoundingMode.HALF_UP),
        "amount_micros": round_exact(gross, step, RoundingMode.HALF_UP),
        **sums,
    }
