"""Which runs billed each account so far: the ground on which the next one decides what is left to do.

Accounts that the same runs covered (`billing.accounts.covering`) share a *class*; there are few, however many accounts.
"""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from billing.accounts import covering
from billing.accounts.covering import CYCLE, TESTED, Coverage, CoveringRun, coverage
from billing.runs.columns import index_of

if TYPE_CHECKING:
    import datetime as dt

    import sqlalchemy as sa

    from billing.charges.lines import Int64s
    from billing.runs.facts import Facts

__all__ = ["CYCLE", "TESTED", "Coverage", "Covered", "CoveringRun", "billed_seq", "computed_seq", "coverage", "covered_through"]


class Covered(Sequence[Coverage | None]):
    """By account index what covered it. `of`: the class of each account; `classes`: the runs that covered each class, oldest first.

    `reopened`: by class, from which day on void invoices opened it again.
    """

    def __init__(
        self, of: Int64s, classes: list[tuple[CoveringRun, ...]], reopened: Mapping[int, dt.date] = types.MappingProxyType({})
    ) -> None:
        self.of = of
        self.classes = classes
        self.coverages = [coverage(runs, reopened.get(number)) for number, runs in enumerate(classes)]

    def __len__(self) -> int:
        return len(self.of)

    def __getitem__(self, index: int) -> Coverage | None:  # type: ignore[override]  # nobody asks for slices
        return self.coverages[int(self.of[index])]

    @classmethod
    def nobody(cls, accounts: int) -> Covered:
        """No account was ever billed."""
        return cls(np.zeros(accounts, np.int64), [()])


def billed_seq(runs: Sequence[CoveringRun], end: dt.date) -> int | None:
    """The sequence number as of which the period that ended on `end` was billed first; None: never."""
    return next((run.pinned_seq for run in runs if run.bill_date >= end), None)


def computed_seq(runs: Sequence[CoveringRun], end: dt.date) -> int | None:
    """The sequence number as of which the period that ended on `end`, and all before it, were last looked at; None: never.

    An account takes part in the first run of a date on or after its bill date, and when that run is made again for its date.
    """
    first = next((run.bill_date for run in runs if run.bill_date >= end), None)
    return max((run.pinned_seq for run in runs if run.bill_date == first), default=None)


def covered_through(
    connection: sa.Connection, facts: Facts, before_run: int | None = None, *, voided_until: dt.date | None = None
) -> Covered:
    """Which runs covered each account. `before_run`: as things stood for that run. `voided_until`: voids of later dates are not known."""
    history = covering.load(connection, before_run=before_run, voided_until=voided_until)
    common = [run for run in history.runs if not run.restricted]
    pinned = np.array([run.pinned_seq for run in common], np.int64)
    of = np.searchsorted(pinned, facts.account_seq).astype(np.int64)
    classes = [tuple(common[first:]) for first in range(len(common) + 1)]
    known: dict[tuple[tuple[CoveringRun, ...], dt.date | None], int] = {(each, None): place for place, each in enumerate(classes)}
    reopened: dict[int, dt.date] = {}
    keys = np.array(sorted(history.voids.keys() | history.left_out.keys() | history.named.keys()), np.int64)
    order = np.argsort(facts.account_keys, kind="stable")
    place = index_of(facts.account_keys[order], keys)
    for key, at in zip(keys.tolist(), place.tolist(), strict=True):
        if at >= 0:
            index = int(order[at])
            own, open_from = history.of(key, int(facts.account_seq[index]))
            of[index] = known.setdefault((own, open_from), len(classes))
            if of[index] == len(classes):
                classes.append(own)
                reopened |= {int(of[index]): open_from} if open_from is not None else {}
    return Covered(of, classes, reopened)
