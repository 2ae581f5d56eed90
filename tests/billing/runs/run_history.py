"""The same answers about runs and accounts as each place worked out for itself once, at every commit that a run of a life pinned."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import sqlalchemy as sa

from billing.accounts import covering, undone
from billing.intake import view
from billing.intake.marks import COMMIT_SEQ
from billing.left_out import for_good
from billing.runs.contracts import counted_runs, facts
from billing.runs.contracts.columns import int64
from billing.runs.contracts.counted_charges import Counting
from billing.runs.selection.coverage import billed_seq, computed_seq
from billing.runs.usage import carried_allowances
from billing.store import tables
from rating.dates import DAY_US, day_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.accounts.covering import CoveringRun
    from billing.runs.contracts.counted_runs import Looked
    from billing.runs.contracts.facts import Facts
    from billing.store.home import Home


def differing(home: Home) -> list[str]:
    """Questions that have another answer than before."""
    with home.connect() as connection:
        return [*_runs_of_accounts(connection), *_gone(connection), *_counted(home, connection)]


def _runs_of_accounts(connection: sa.Connection) -> list[str]:
    """The first or last run that billed or computed a period, and the one after another run."""
    account, run = tables.accounts.c, tables.bill_runs.c
    history = covering.load(connection)
    ids = [0, *connection.execute(sa.select(run.run_id)).scalars()]
    dates = sorted({dt.date.fromisoformat(date) for date in connection.execute(sa.select(run.bill_date)).scalars()})
    ends = [date + dt.timedelta(days) for date in dates for days in (0, 1)]
    wrong = []
    for key, seq in connection.execute(sa.select(account.account_key, account.commit_seq)).all():
        for runs in (history.ever(key, seq), history.of(key, seq)[0]):
            for end in ends:
                was: list[Any] = [_billed_seq(runs, end), _computed_seq(runs, end), *(_first_after(runs, end, after) for after in ids)]
                found = [covering.first_reaching(runs, end, after) for after in ids]
                now: list[Any] = [
                    billed_seq(runs, end),
                    computed_seq(runs, end),
                    *(None if each is None else each.run_id for each in found),
                ]
                wrong += [f"runs of account {key} and {end}: {now}, before {was}"] if now != was else []
    return wrong


def _gone(connection: sa.Connection) -> list[str]:
    """The runs that count no more for accounts, as of each commit that a run pinned, and as each run knew it."""
    account, run = tables.accounts.c, tables.bill_runs.c
    runs = connection.execute(sa.select(run.run_id, run.pinned_seq).order_by(run.run_id)).all()
    seqs = dict(connection.execute(sa.select(account.account_key, account.commit_seq)).all())
    wrong = []
    for pinned_seq in sorted({each.pinned_seq for each in runs}):
        counting, before = Counting(connection, pinned_seq), _Before(connection, pinned_seq, seqs)
        for each in runs:
            was, now = before.gone(each.run_id), counting.gone(each.run_id, [0, *seqs])
            wrong += [f"run {each.run_id} as of {pinned_seq} is gone for {now}, before {was}"] if now != was else []
    for each in runs if undone.load(connection) else ():
        known = facts.load(connection, each.pinned_seq)
        pairs = carried_allowances._undone(connection, known, known.account_keys.tolist(), each.run_id, None)  # noqa: SLF001 -- what it reads
        if pairs != _undone(connection, known, each.run_id):
            wrong.append(f"run {each.run_id} knew other runs as undone: {sorted(pairs)}")
    return wrong


def _counted(home: Home, connection: sa.Connection) -> list[str]:
    """The runs with charges that count as of each commit that a run pinned. Returns whether usage came after they had looked."""
    run, file = tables.bill_runs.c, tables.charge_manifest.c
    priced = set(connection.execute(sa.select(file.run_id).distinct()).scalars())
    wrong = []
    for seq in sorted(set(connection.execute(sa.select(run.pinned_seq)).scalars())):
        query = sa.select(run.run_id, run.pinned_seq, run.started_us).where(run.state.in_(counted_runs.COUNTED), run.commit_seq <= seq)
        was = [tuple(row) for row in connection.execute(query.order_by(run.run_id.desc())) if row.run_id in priced]
        found = counted_runs.looked(connection, seq)
        now = [(each.run_id, each.pinned_seq, each.started_us) for each in found if each.run_id in priced]
        late, was_late = for_good._came_late(home, seq), _came_late(home, connection, found, seq)  # noqa: SLF001 -- the question
        if (now, late) != (was, was_late):
            wrong.append(f"as of {seq} {now} count, and usage came late: {late}; before {was}, {was_late}")
    return wrong


def _came_late(home: Home, connection: sa.Connection, found: Sequence[Looked], seq: int) -> bool:
    """As late usage was looked for."""
    runs = sorted(found, key=lambda each: each.pinned_seq)
    pinned = np.array([each.pinned_seq for each in runs], np.int64)
    ends_us = np.maximum.accumulate(np.array([(day_number(each.bill_date) + 1) * DAY_US for each in runs], np.int64)) if runs else pinned
    for part in view.parts_under_lock(home, view.stored(connection, 0, seq), ("start_us", COMMIT_SEQ), 0, seq) if runs else ():
        before = np.searchsorted(pinned, int64(part[COMMIT_SEQ]))
        if bool(np.any((before > 0) & (int64(part["start_us"]) < ends_us[np.maximum(before - 1, 0)]))):
            return True
    return False


class _Before:
    """As charges that count were selected."""

    def __init__(self, connection: sa.Connection, seq: int, seqs: dict[int, int]) -> None:
        run = tables.bill_runs.c
        self._undos = undone.load(connection, seq)
        self._history = covering.load(connection, known=covering.KnownBy(seq, dt.date.max))
        self._pins = dict(connection.execute(sa.select(run.run_id, run.pinned_seq)).all())
        self._seqs = seqs

    def gone(self, run_id: int) -> list[int]:
        """The accounts, and 0 for all."""
        cutting = {undo for undo in self._undos if undo.cuts(run_id, self._pins[run_id])}
        for_all = any(undo.account_keys is None for undo in cutting)
        own = {key: not cutting.isdisjoint(self._history.undos_of(key, seq)) for key, seq in self._seqs.items()}
        return [key for key, is_gone in {0: for_all, **own}.items() if is_gone and cutting]


def _undone(connection: sa.Connection, known: Facts, before_run: int) -> set[tuple[int, int]]:
    """As what is left of allowances was read."""
    run, history = tables.bill_runs.c, covering.load(connection, before_run=before_run)
    pins = connection.execute(sa.select(run.run_id, run.pinned_seq)).all()
    cut = {undo: [run_id for run_id, pinned_seq in pins if undo.cuts(run_id, pinned_seq)] for undo in history.undos}
    seqs = dict(zip(known.account_keys.tolist(), known.account_seq.tolist(), strict=True))
    return {(run_id, key) for key in seqs for undo in history.undos_of(key, seqs[key]) for run_id in cut[undo]}


def _billed_seq(runs: Sequence[CoveringRun], end: dt.date) -> int | None:
    """As `selection.coverage` was."""
    return next((run.pinned_seq for run in runs if run.bill_date >= end), None)


def _computed_seq(runs: Sequence[CoveringRun], end: dt.date) -> int | None:
    """As `selection.coverage` was."""
    first = next((run.bill_date for run in runs if run.bill_date >= end), dt.date.max)
    until_later = itertools.takewhile(lambda run: run.bill_date <= first, runs)
    return max((run.pinned_seq for run in until_later if run.bill_date == first), default=None)


def _first_after(runs: Sequence[CoveringRun], end: dt.date, after: int) -> int | None:
    """As alarms about interim bills and the list of accounts that were put aside had it."""
    return next((run.run_id for run in runs if run.run_id > after and run.bill_date.isoformat() >= end.isoformat()), None)
