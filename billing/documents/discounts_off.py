"""What every discount takes off the lines of a period, in the order in which discounts apply: percentages, then fixed amounts.

Lines that come after discounts (commitments, adjustments by hand) are looked at by percentages that name them, and by nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from billing.charges.discounts import USUAL_KINDS, Entry, fixed_amounts, percentages, take_off
from billing.charges.lines import Int64s, Kind, Lines
from billing.runs.menus import Menus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.documents.due import Due

LATE_KINDS: Final = (int(Kind.COMMITMENT), int(Kind.ADJUSTMENT))


class Off(NamedTuple):
    """What one discount takes off the lines of a subscription, or of the account."""

    entry: Entry
    price_id: int
    base_micros: int
    off_micros: int
    by_class: dict[int, int]


class Discounted(NamedTuple):
    """`base`: the lines that discounts are about; `rest_micros`: what they leave of each; `offs`: of whom was asked about."""

    base: Lines
    rest_micros: Int64s
    offs: list[Off]


def discounted(due: Due, line: Any) -> Discounted:  # noqa: ANN401 -- a row of LINE
    """What is taken off in the period of a line; `offs` are those of its subscription, or of the account where it names none."""
    rows = due.where(period_from=int(line["period_from"]), period_to=int(line["period_to"]))
    lines = np.sort(due.lines[rows], order=["subscription_key", "kind"])
    late = np.isin(lines["kind"], LATE_KINDS)
    base = lines[~late & (lines["kind"] != Kind.DISCOUNT)]
    rest, offs = base["amount_micros"].copy(), list[Off]()
    offs += _taken(due, base, rest, int(line["subscription_key"]), late=False)
    offs += _taken(due, lines[late], lines[late]["amount_micros"].copy(), int(line["subscription_key"]), late=True)
    return Discounted(base, rest, offs)


def _taken(due: Due, base: Lines, rest: Int64s, wanted: int, *, late: bool) -> Iterator[Off]:
    """Take everything off `rest`, and tell what is taken of the wanted subscription (0: of the account)."""
    menus = Menus(due.contracts, due.scope)
    if menus.concerns_nobody or not base.size:
        return
    menu, (agreed, of_accounts) = menus.of(base), menus.of_accounts(base)
    numbers = np.unique(base["subscription_key"], return_inverse=True)[1].astype(np.int64)
    for phase in (percentages,) if late else (percentages, fixed_amounts):
        for place_of, lists, alone in ((menu, [each.discounts for each in menus.all], True), (agreed, of_accounts, False)):
            for place, entries in enumerate(lists):
                rows = np.flatnonzero(place_of == place)
                for entry in phase(entries) if rows.size else ():
                    before = rest[rows].copy()
                    group = numbers[rows] if alone else np.zeros(rows.size, np.int64)
                    off = take_off(entry, base[rows], before, group, due.currencies.steps_of(base[rows]))
                    rest[rows] -= off
                    own = base["subscription_key"][rows] == wanted if alone else np.full(rows.size, wanted == 0)
                    if own.any():
                        yield _of(entry, base[rows][own], before[own], off[own])


def _of(entry: Entry, base: Lines, before_micros: Int64s, off_micros: Int64s) -> Off:
    about = np.isin(base["kind"], entry.kinds or USUAL_KINDS)
    if entry.charge_codes:
        about &= np.isin(base["charge_code"], entry.charge_codes)
    by_class = {int(code): int(off_micros[base["tax_class"] == code].sum()) for code in np.unique(base["tax_class"])}
    return Off(entry, entry.price_id, max(int(before_micros[about].sum()), 0), int(off_micros.sum()), by_class)
