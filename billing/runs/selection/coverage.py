"""Runs that billed each account so far: the ground on which the next one decides what is left to do.

Accounts that the same runs covered (`billing.accounts.covering`) share a *class*; there are few, however many accounts.
"""

from __future__ import annotations

import itertools
import types
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from billing.accounts import covering, undone
from billing.accounts.covering import CYCLE, TESTED, Coverage, CoveringRun, KnownBy, coverage, first_reaching

if TYPE_CHECKING:
    import datetime as dt

    import sqlalchemy as sa

    from billing.charges.lines import Int64s
    from billing.runs.contracts.facts import Facts

__all__ = [
    "CYCLE",
    "TESTED",
    "Coverage",
    "Covered",
    "CoveringRun",
    "KnownBy",
    "billed_seq",
    "computed_seq",
    "coverage",
    "covered_through",
]


class Covered(Sequence[Coverage | None]):
    """By account index what covered it. `of`: the class of each account; `classes`: the runs that covered each class, oldest first.

    `reopened`: by class, from which day on void invoices opened it again. `ever`: of each class the runs that covered it and those whose
    invoice is void by now; None: they are the same.
    """

    def __init__(
        self,
        of: Int64s,
        classes: list[tuple[CoveringRun, ...]],
        reopened: Mapping[int, dt.date] = types.MappingProxyType({}),
        ever: list[tuple[CoveringRun, ...]] | None = None,
    ) -> None:
        self.of = of
        self.classes = classes
        self.ever = classes if ever is None else ever
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
    """The commit pinned by the first of `runs` that billed the period that ended on `end`; None: none did."""
    found = first_reaching(runs, end)
    return None if found is None else found.pinned_seq


def computed_seq(runs: Sequence[CoveringRun], end: dt.date) -> int | None:
    """The commit pinned by the last run that looked at the period that ended on `end`, and at all before it; None: none did.

    An account takes part in the first run of a date on or after its bill date. It takes part once more when that run is made again for its
    date before there is one of a later date.
    """
    first = first_reaching(runs, end)
    if first is None:
        return None
    until_later = itertools.takewhile(lambda run: run.bill_date <= first.bill_date, runs)
    return max(run.pinned_seq for run in until_later if run.bill_date == first.bill_date)


def covered_through(connection: sa.Connection, facts: Facts, before_run: int | None = None, *, known: KnownBy | None = None) -> Covered:
    """Runs that covered each account. `before_run`: as that run knew them; `known`: the limit of known documents."""
    history = covering.load(connection, before_run=before_run, known=known)
    common = [run for run in history.runs if not run.restricted]
    pinned = np.array([run.pinned_seq for run in common], np.int64)
    of = np.searchsorted(pinned, facts.account_seq).astype(np.int64)
    classes = [history.until_later(undone.without(common[first:], history.undos).runs) for first in range(len(common) + 1)]
    ever = classes.copy()
    numbers: dict[tuple[Any, ...], int] = {(each, each, None): place for place, each in enumerate(classes)}
    reopened: dict[int, dt.date] = {}
    apart = (history.voids, history.left_out, history.named, history.rerated, history.corrected_from)
    by_name = [undo.account_keys for undo in history.undos if undo.account_keys is not None]
    keys = np.array(sorted(set().union(*apart, *by_name)), np.int64)
    for key, index in zip(keys.tolist(), facts.account_index(keys).tolist(), strict=True):
        if index >= 0:
            own, open_from = history.of(key, int(facts.account_seq[index]))
            all_runs = history.ever(key, int(facts.account_seq[index]))
            of[index] = numbers.setdefault((own, all_runs, open_from), len(classes))
            if of[index] == len(classes):
                classes.append(own)
                ever.append(all_runs)
                reopened |= {int(of[index]): open_from} if open_from is not None else {}
    return Covered(of, classes, reopened, ever)
