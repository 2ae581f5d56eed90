"""Discounts of a period, line by line, as the run computed them (`billing.runs.settlement.totals`), for explanations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from billing.charges.discounts import Entry, is_about
from billing.runs.settlement.payer_table import Payers
from billing.runs.settlement.tax_exemptions import as_agreed

if TYPE_CHECKING:
    import numpy.typing as npt

    from billing.charges.lines import Lines
    from billing.documents.due import Due
    from billing.runs.settlement import totals


class Off(NamedTuple):
    """The amount that a discount took off the lines of a subscription or an account, with the parts of one payer and tax class."""

    entry: Entry
    base_micros: int
    off_micros: int
    paid_micros: int
    class_micros: int


def offs_of(due: Due, line: Any) -> list[Off]:  # noqa: ANN401 -- a row of LINE
    """The parts of a line of a discount: one for each owner of the lines that it is off."""
    found = []
    for each in due.workings.offs:
        if each.entry.price_id == line["price_id"] and each.of_account == (line["subscription_key"] == 0):
            theirs = _agreed(due, each)
            paid = _of_period(each, line) & (each.payer == line["account_key"]) & (each.off_micros != 0)
            of_class = paid & np.logical_and.reduce([theirs[name] == line[name] for name in ("tax_class", "rate_ppm", "catalogue")])
            found += [_of(each, line, paid, of_class, owner) for owner in np.unique(each.lines["account_key"][of_class]).tolist()]
    return found


def _of(off: totals.Off, line: Any, paid: npt.NDArray[np.bool_], of_class: npt.NDArray[np.bool_], owner: int) -> Off:  # noqa: ANN401 -- a row of LINE
    own = off.lines["account_key"] == owner
    group = own & _of_period(off, line)
    base = int(off.rest_micros[group & is_about(off.entry, off.lines)].sum())
    taken = (int(off.off_micros[rows].sum()) for rows in (group, own & paid, own & of_class))
    return Off(off.entry, max(base, 0), *taken)


def _of_period(off: totals.Off, line: Any) -> npt.NDArray[np.bool_]:  # noqa: ANN401 -- a row of LINE
    """A mask of the lines that it applied to together with those of `line`, of any owner."""
    rows: npt.NDArray[np.bool_] = (off.lines["period_from"] == line["period_from"]) & (off.lines["period_to"] == line["period_to"])
    return rows if off.of_account else rows & (off.lines["subscription_key"] == line["subscription_key"])


def _agreed(due: Due, off: totals.Off) -> Lines:
    """The lines with the tax classes that they have at their payers."""
    lines: Lines = off.lines.copy()
    lines["account_key"] = off.payer
    return as_agreed(lines, due.contracts, Payers(due.contracts, due.scope, due.currencies))
