"""Which runs billed an account so far: the ground on which the next one decides what is left to do.

A run of kind `cycle` covers an account if it knew it, was numbered, was not restricted to others and did not leave the account out
(quarantine, hold, test account, an invoice that was voided since). Other kinds of run bill single things and
cover nobody. Accounts that the same runs covered share a *class*; there are few, however many accounts.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import sqlalchemy as sa

from billing.runs.columns import index_of
from billing.store import tables

if TYPE_CHECKING:
    from billing.charges.lines import Int64s
    from billing.runs.facts import Facts

CYCLE: Final = "cycle"
_COUNTS: Final = ("numbered", "posted")


class Coverage(NamedTuple):
    """Bill dates of runs that covered an account: the latest, and the latest before that one."""

    through: dt.date
    before: dt.date | None


class CoveringRun(NamedTuple):
    """A run as it matters to coverage, in the order in which runs were begun."""

    run_id: int
    bill_date: dt.date
    pinned_seq: int
    restricted: bool


class Covered(Sequence[Coverage | None]):
    """By account index what covered it. `of`: the class of each account; `classes`: the runs that covered each class, oldest first."""

    def __init__(self, of: Int64s, classes: list[tuple[CoveringRun, ...]]) -> None:
        self.of = of
        self.classes = classes
        self.coverages = [coverage(runs) for runs in classes]

    def __len__(self) -> int:
        return len(self.of)

    def __getitem__(self, index: int) -> Coverage | None:  # type: ignore[override]  # nobody asks for slices
        return self.coverages[int(self.of[index])]

    @classmethod
    def nobody(cls, accounts: int) -> Covered:
        """No account was ever billed."""
        return cls(np.zeros(accounts, np.int64), [()])


def coverage(runs: Sequence[CoveringRun]) -> Coverage | None:
    """What these runs covered; None where there are none."""
    latest = sorted({run.bill_date for run in runs}, reverse=True)[:2]
    return Coverage(latest[0], latest[1] if len(latest) > 1 else None) if latest else None


def computed_seq(runs: Sequence[CoveringRun], end: dt.date) -> int | None:
    """The sequence number as of which the period that ended on `end`, and all before it, were last looked at; None: never.

    An account takes part in the first run of a date on or after its bill date, and when that run is made again for its date.
    """
    first = next((run.bill_date for run in runs if run.bill_date >= end), None)
    return max((run.pinned_seq for run in runs if run.bill_date == first), default=None)


def covered_through(connection: sa.Connection, facts: Facts, before_run: int | None = None) -> Covered:
    """Which runs covered each account. `before_run`: as things stood for that run."""
    runs = _runs(connection, before_run)
    common = [run for run in runs if not run.restricted]
    pinned = np.array([run.pinned_seq for run in common], np.int64)
    of = np.searchsorted(pinned, facts.account_seq).astype(np.int64)
    classes = [tuple(common[first:]) for first in range(len(common) + 1)]
    known = {each: place for place, each in enumerate(classes)}
    apart = _left_out(connection, before_run)
    included = _named(connection, [run.run_id for run in runs if run.restricted])
    keys = np.array(sorted(apart.keys() | included.keys()), np.int64)
    order = np.argsort(facts.account_keys, kind="stable")
    place = index_of(facts.account_keys[order], keys)
    for key, at in zip(keys.tolist(), place.tolist(), strict=True):
        if at >= 0:
            index = int(order[at])
            without, named = apart.get(key, set()), included.get(key, set())
            own = tuple(
                run
                for run in runs
                if run.run_id not in without and (not run.restricted or run.run_id in named) and run.pinned_seq >= facts.account_seq[index]
            )
            of[index] = known.setdefault(own, len(classes))
            if of[index] == len(classes):
                classes.append(own)
    return Covered(of, classes)


def _runs(connection: sa.Connection, before_run: int | None) -> list[CoveringRun]:
    run = tables.bill_runs.c
    query = sa.select(run.run_id, run.bill_date, run.pinned_seq, run.restricted)
    query = query.where(run.state.in_(_COUNTS), sa.or_(run.kind.is_(None), run.kind == CYCLE))
    if before_run is not None:
        query = query.where(run.run_id < before_run)
    rows = connection.execute(query.order_by(run.run_id))
    return [CoveringRun(row.run_id, dt.date.fromisoformat(row.bill_date), row.pinned_seq, bool(row.restricted)) for row in rows]


def _left_out(connection: sa.Connection, before_run: int | None) -> dict[int, set[int]]:
    """Runs that left an account out, by account key, or whose invoice for it is void: what it billed is to be billed once more."""
    parked, invoice, event = tables.quarantine.c, tables.invoices.c, tables.invoice_events.c
    aside = sa.select(parked.run_id, parked.account_key)
    void = sa.select(invoice.run_id, invoice.account_key).join_from(tables.invoices, tables.invoice_events).where(event.kind == "voided")
    if before_run is not None:
        run = tables.bill_runs.c
        aside = aside.where(parked.run_id < before_run)
        void = void.where(event.commit_seq <= sa.select(run.pinned_seq).where(run.run_id == before_run).scalar_subquery())
    found: dict[int, set[int]] = {}
    for query in (aside, void):
        for run_id, account_key in connection.execute(query):
            found.setdefault(account_key, set()).add(run_id)
    return found


def _named(connection: sa.Connection, restricted: list[int]) -> dict[int, set[int]]:
    """Restricted runs that name an account, by account key."""
    found: dict[int, set[int]] = {}
    named = tables.run_accounts.c
    if restricted:
        for run_id, account_key in connection.execute(sa.select(named.run_id, named.account_key)):
            found.setdefault(account_key, set()).add(run_id)
    return found
