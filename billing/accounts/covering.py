"""The runs that billed an account so far, as facts of the store. Runs, and forecasts of bills, rest on them.

A run of kind `cycle` covers an account if four conditions hold. It knew the account, was numbered and was not restricted to others. And it
did not leave the account out (quarantine, hold, bills of later dates, an invoice that was voided since). A test account is covered as any
other: no amount that a run computed for it is ever invoiced. Other kinds of run bill single things and cover no account.

Charges of a void invoice are to be billed once more, however old. The account is open again from the first day of its lines on. It is until
a run covers it that is not dated before that invoice's run.

To know what was billed by a day, runs whose invoices are dated later are ignored. A run that was begun after one of those already counted
that run's invoices, at any date of its own. So an account counts as covered only by the runs before the first that is ignored. The same
holds for an ignored re-rating, for the accounts that have a document of it. If such a run has taken back some of the ignored charges, the
account is open from there on. So amounts that are billed beside it then are found. A void that is dated later is not known either. If a
known run billed the same once more, it was billed twice by that day.

A run that was undone for an account (`billing.accounts.undone`) covers it no more, as of the commit that undid it. Its void invoices open
nothing, since the state before is as if it had never been.
"""

from __future__ import annotations

import datetime as dt
import itertools
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import sqlalchemy as sa

from billing.accounts import undone
from billing.accounts.undone import Undo
from billing.store import tables
from billing.store.voids import VOIDED

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

CYCLE: Final = "cycle"
THRESHOLD: Final = "threshold"
RERATE: Final = "rerate"
QUARANTINED: Final = "quarantined"
TESTED: Final = "test"
ISSUED_ON: Final = "issued_on"  # in the detail of a cycle run whose invoices are not dated on its bill date
_COUNTS: Final = ("numbered", "posted")


class Coverage(NamedTuple):
    """Bill dates of runs that covered an account: the latest, and the one before it in their order. `reopened_from`: by a void invoice."""

    through: dt.date
    before: dt.date | None
    reopened_from: dt.date | None = None

    @property
    def closed_to(self) -> dt.date:
        """The day up to which nothing is still to be billed for the first time, or once more, of periods that end by it."""
        return self.through if self.reopened_from is None else min(self.through, self.reopened_from)


class CoveringRun(NamedTuple):
    """A run with the data that coverage needs, in the order in which runs were begun."""

    run_id: int
    bill_date: dt.date
    pinned_seq: int
    restricted: bool


class Void(NamedTuple):
    """An invoice that was voided, its run, and the first day of its lines. `seq`: the commit that voided it; `known`: it counts by then."""

    run_id: int
    bill_date: dt.date
    seq: int
    first_day: dt.date
    known: bool

    def opens(self, runs: Sequence[CoveringRun]) -> bool:
        """Return whether the account is open from its first day on, given the runs that cover it.

        It is until a run has billed everything once more. Before the void is known, it is as soon as a run may have billed any of it. So
        amounts that are billed twice then are found.
        """
        since = [run for run in runs if run.pinned_seq >= self.seq]
        return all(run.bill_date < self.bill_date for run in since) if self.known else bool(since)


class KnownBy(NamedTuple):
    """The limit of known documents: voids stored up to a commit and dated up to a day, and runs whose invoices are dated so."""

    as_of: int
    until: dt.date


class History(NamedTuple):
    """All runs that count, oldest first; and by account key those that left it out, restricted ones that name it, and its void invoices.

    `later`: the ids of runs that are dated after the known ones. `rerated`: by account key those of them that are re-ratings with a
    document of the account. `corrected_from`: the first day of lines by which known invoices correct documents of `later` runs. `undos`: of
    runs that were undone by then.
    """

    runs: list[CoveringRun]
    left_out: dict[int, set[int]]
    named: dict[int, set[int]]
    voids: dict[int, list[Void]]
    later: set[int]
    rerated: dict[int, set[int]]
    corrected_from: dict[int, dt.date]
    undos: tuple[Undo, ...] = ()

    @property
    def latest(self) -> dt.date | None:
        """The latest bill date of the runs that count for any account."""
        gone = undone.whole_runs(self.undos)
        return max((run.bill_date for run in self.runs if run.run_id not in gone), default=None)

    def covers(self, key: int, account_seq: int, run_id: int) -> bool:
        """Return whether an account took part in a run, and that was not undone for it."""
        return any(run.run_id == run_id for run in undone.without(self._took_part(key, account_seq), self.undos, key).runs)

    def undos_of(self, key: int, account_seq: int) -> list[Undo]:
        """The undos of the runs that an account took part in."""
        return undone.without(self._took_part(key, account_seq), self.undos, key).undos

    def of(self, key: int, account_seq: int) -> tuple[tuple[CoveringRun, ...], dt.date | None]:
        """The runs that covered an account, which was stored with `account_seq`; and the day from which void invoices opened it again."""
        all_runs = self._took_part(key, account_seq)
        took_part: list[CoveringRun] = undone.without(all_runs, self.undos, key).runs
        never = {run.run_id for run in all_runs} - {run.run_id for run in took_part}
        voids = [void for void in self.voids.get(key, []) if void.run_id not in never]
        gone = {void.run_id for void in voids if void.known}
        first = min(self.rerated.get(key, ()), default=None)
        standing = (run for run in self.until_later(took_part) if first is None or run.run_id < first)
        own = tuple(run for run in standing if run.run_id not in gone)
        known = [run for run in took_part if run.run_id not in self.later]
        opened = [void.first_day for void in voids if void.opens(own if void.known else known)]
        opened += [self.corrected_from[key]] if key in self.corrected_from else []
        return own, min(opened, default=None)

    def ever(self, key: int, account_seq: int) -> tuple[CoveringRun, ...]:
        """The same runs, and those whose invoice is void by now: they also were the first to bill their charges."""
        return self.until_later(undone.without(self._took_part(key, account_seq), self.undos, key).runs)

    def until_later(self, runs: Iterable[CoveringRun]) -> tuple[CoveringRun, ...]:
        """Those of an account's runs that were begun before the first that is not known."""
        return tuple(itertools.takewhile(lambda run: run.run_id not in self.later, runs))

    def _took_part(self, key: int, account_seq: int) -> list[CoveringRun]:
        """The runs that an account took part in, known or not, undone since or not."""
        without, named = self.left_out.get(key, set()), self.named.get(key, set())
        return [
            run
            for run in self.runs
            if run.run_id not in without and (not run.restricted or run.run_id in named) and run.pinned_seq >= account_seq
        ]


def coverage(runs: Sequence[CoveringRun], reopened_from: dt.date | None = None) -> Coverage | None:
    """The coverage by these runs, oldest first; None where there are none.

    One that is dated before another before it covers nothing more.
    """
    latest = sorted(set(itertools.accumulate((run.bill_date for run in runs), max)), reverse=True)[:2]
    return Coverage(latest[0], latest[1] if len(latest) > 1 else None, reopened_from) if latest else None


def first_reaching(runs: Iterable[CoveringRun], end: dt.date, after_run: int = 0) -> CoveringRun | None:
    """The first of an account's runs, begun after a run, that is not dated before a day: it computed what ended by it. None: none did."""
    return next((run for run in runs if run.run_id > after_run and run.bill_date >= end), None)


def load(
    connection: sa.Connection,
    *,
    before_run: int | None = None,
    known: KnownBy | None = None,
    account_keys: Collection[int] | None = None,
) -> History:
    """The history of all accounts, or of some. `before_run`: the state that this run knew; `known`: the limit of known documents."""
    later = later_runs(connection, known.until) if known is not None else set()
    runs = cycle_runs(connection, before_run)
    parked, named, invoice = tables.quarantine.c, tables.run_accounts.c, tables.invoices.c

    def chosen(query: sa.Select[Any], key: sa.Column[int]) -> sa.Select[Any]:
        return query if account_keys is None else query.where(key.in_(account_keys))

    aside = sa.select(parked.account_key, parked.run_id).where(parked.kind != TESTED)
    if before_run is not None:
        aside = aside.where(parked.run_id < before_run)
    left_out = _sets(connection, chosen(aside, parked.account_key))
    by_name = chosen(sa.select(named.account_key, named.run_id), named.account_key)
    included = _sets(connection, by_name) if any(run.restricted for run in runs) else {}
    voids = _voids(connection, chosen(_void_query(before_run, known), invoice.account_key), known)
    gone = undone.load(connection, known.as_of if known is not None else _pinned(before_run))
    if known is None or not later:
        return History(runs, left_out, included, voids, later, {}, {}, gone)
    rerated = _sets(connection, chosen(_rerated_query(later), invoice.account_key))
    since = {run.run_id for run in runs if run.run_id > min(later)} - later
    about = chosen(_corrections_query(since, later, known), invoice.account_key)
    corrected_from = {account_key: dt.date.fromisoformat(first) for account_key, first in connection.execute(about)}
    return History(runs, left_out, included, voids, later, rerated, corrected_from, gone)


def cycle_runs(connection: sa.Connection, before_run: int | None = None) -> list[CoveringRun]:
    """The runs of the cycle that are numbered, undone since or not, oldest first; those before a run, if it is given."""
    run = tables.bill_runs.c
    query = sa.select(run.run_id, run.bill_date, run.pinned_seq, run.restricted)
    query = query.where(run.state.in_(_COUNTS), run.kind == CYCLE)
    if before_run is not None:
        query = query.where(run.run_id < before_run)
    rows = connection.execute(query.order_by(run.run_id))
    return [CoveringRun(row.run_id, dt.date.fromisoformat(row.bill_date), row.pinned_seq, bool(row.restricted)) for row in rows]


def later_runs(connection: sa.Connection, until: dt.date) -> set[int]:
    """Runs of the cycle, and re-ratings, whose documents are dated after a day: on the bill date, or by the detail of a run."""
    run = tables.bill_runs.c
    query = sa.select(run.run_id, run.bill_date, run.detail).where(run.kind.in_((CYCLE, RERATE)))
    told = {row.run_id: msgspec.json.decode(row.detail or "{}").get(ISSUED_ON, row.bill_date) for row in connection.execute(query)}
    return {run_id for run_id, issued_on in told.items() if issued_on > until.isoformat()}


def _pinned(run_id: int | None) -> sa.ScalarSelect[int] | None:
    """The commit that a run pinned."""
    run = tables.bill_runs.c
    return None if run_id is None else sa.select(run.pinned_seq).where(run.run_id == run_id).scalar_subquery()


def _sets(connection: sa.Connection, query: sa.Select[Any]) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    for account_key, run_id in connection.execute(query):
        found.setdefault(account_key, set()).add(run_id)
    return found


def _rerated_query(later: Collection[int]) -> sa.Select[Any]:
    """The accounts that have a document of a re-rating of `later`."""
    invoice, run = tables.invoices.c, tables.bill_runs.c
    query = sa.select(invoice.account_key, invoice.run_id).join_from(tables.invoices, tables.bill_runs, run.run_id == invoice.run_id)
    return query.where(run.kind == RERATE, run.run_id.in_(later))


def _corrections_query(since: Collection[int], later: Collection[int], known: KnownBy) -> sa.Select[Any]:
    """By account the first day of lines of runs `since`, valid by then, that correct a document of `later`."""
    invoice, line, event, other = tables.invoices.c, tables.invoice_lines.c, tables.invoice_events.c, tables.invoices.alias("other")
    void = sa.select(event.invoice_key).where(
        event.kind == VOIDED, event.commit_seq <= known.as_of, event.on_date <= known.until.isoformat()
    )
    query = sa.select(invoice.account_key, sa.func.min(line.period_from)).select_from(tables.invoices)
    query = query.join(tables.invoice_lines, line.invoice_key == invoice.invoice_key)
    query = query.join(other, other.c.invoice_key == line.corrects_invoice_key)
    query = query.where(invoice.run_id.in_(since), invoice.commit_seq <= known.as_of, invoice.invoice_key.not_in(void))
    return query.where(other.c.run_id.in_(later)).group_by(invoice.account_key)


def _void_query(before_run: int | None, known: KnownBy | None) -> sa.Select[Any]:
    """Void invoices of the cycle, and those between its runs; none that an undone run made void."""
    invoice, line, event, run = tables.invoices.c, tables.invoice_lines.c, tables.invoice_events.c, tables.bill_runs.c
    columns = (invoice.account_key, invoice.run_id, run.bill_date, event.commit_seq, event.on_date)
    query = sa.select(*columns, sa.func.min(line.period_from)).select_from(tables.invoices).join(tables.invoice_events)
    query = query.join(tables.bill_runs, run.run_id == invoice.run_id)
    query = query.join(tables.invoice_lines, line.invoice_key == invoice.invoice_key)
    query = query.where(event.kind == VOIDED, run.kind.in_((CYCLE, THRESHOLD)))
    query = query.where(event.commit_seq.not_in(undone.commits()))
    if known is not None:
        query = query.where(event.commit_seq <= known.as_of)
    elif before_run is not None:
        query = query.where(event.commit_seq <= _pinned(before_run))
    return query.group_by(invoice.invoice_key, *columns)


def _voids(connection: sa.Connection, query: sa.Select[Any], known: KnownBy | None) -> dict[int, list[Void]]:
    found: dict[int, list[Void]] = {}
    until = (known.until if known is not None else dt.date.max).isoformat()
    for account_key, run_id, bill_date, seq, on_date, first in connection.execute(query):
        void = Void(run_id, dt.date.fromisoformat(bill_date), seq, dt.date.fromisoformat(first), on_date <= until)
        found.setdefault(account_key, []).append(void)
    return found
