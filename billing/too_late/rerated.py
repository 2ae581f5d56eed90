"""Documents of re-ratings that may have billed a late record: those of before, and those made before it was left out for good.

A re-rating says of its documents that it leaves late usage alone (`run_inputs.LEAVES_LATE`), and by which rule (`LATE_RULE`). Some of
before say nothing. Others have a rule by which they held usage that runs had refused in time, and not usage that a void had opened
again. The rule of now left alone exactly what was left out for good when the job was planned. In all other cases only the document shows
whether it has a record. So a record is not billed by decision where such a document may hold it at all, void or not.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import sqlalchemy as sa

from billing.allocations.items import chunks
from billing.documents.run_inputs import LATE_RULE, LEAVES_LATE, RERATE
from billing.left_out.for_good import RULE, RULE_OF_BEFORE, left_for_good
from billing.runs.contracts.agreements import RELATIONS
from billing.runs.selection import billed_periods
from billing.store import tables
from billing.too_late.listing import local_day
from billing.too_late.results import Obstacle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.store.home import Home
    from billing.too_late.listing import TooLate

_WIDER_DAYS: Final = 62  # two months: periods that reach into the months of a job, whatever the bill day
_PAYS: Final = ("payer", "sponsor")


class _Job(NamedTuple):
    """A run of a re-rating. `known_us`: what came later is not in its documents. `rule`: of LATE_RULE, 0: none.

    `planned_seq`: the commit at which the job was planned. It knew what was left out for good by then.
    """

    job_id: int
    plan: str
    first_day: dt.date
    after_day: dt.date
    known_us: int
    rule: int
    planned_seq: int

    def may_hold(self, each: TooLate) -> bool:
        """True where a record began or came on a day that it may have computed, and its rule says nothing else."""
        if self.rule == RULE_OF_BEFORE and not each.record.refused:
            return False
        wider = dt.timedelta(days=_WIDER_DAYS)
        days = (local_day(each, each.record.start_us), local_day(each, each.record.came_us))
        return each.record.came_us <= self.known_us and any(self.first_day - wider <= day < self.after_day + wider for day in days)


class Rerated:
    """Looks up whether a re-rating of before may have billed a record."""

    def __init__(self, home: Home, connection: sa.Connection) -> None:
        self._home, self._connection = home, connection
        self._left_alone: dict[int, frozenset[str]] = {}
        self._jobs = dict(_jobs(connection))
        self._accounts = _Payers(connection) if self._jobs else None
        self._documents: dict[str, list[tuple[int, str]]] = {}

    def why(self, each: TooLate) -> Obstacle | None:
        """The reason why a record cannot be billed by decision; None where no such document may have it."""
        if self._accounts is None:
            return None
        account_id = each.record.account_id
        if account_id not in self._documents:
            self._documents[account_id] = self._of(self._accounts.of(account_id))
        for run_id, number in self._documents[account_id]:
            job = self._jobs[run_id]
            if job.may_hold(each) and not (job.rule == RULE and each.record.event_key in self._left_alone_by(job)):
                return _obstacle(job, number)
        return None

    def _left_alone_by(self, job: _Job) -> frozenset[str]:
        """Event keys of what a job left alone, by the rule of now."""
        if job.planned_seq not in self._left_alone:
            found = left_for_good(self._home, job.planned_seq)
            keys: list[Any] = [] if found is None else found.keys.to_pylist()
            self._left_alone[job.planned_seq] = frozenset(key.hex() for key in keys)
        return self._left_alone[job.planned_seq]

    def _of(self, account_keys: set[int]) -> list[tuple[int, str]]:
        """The documents of these accounts, as run and number."""
        row = tables.invoices.c
        query = sa.select(row.run_id, row.number).where(row.run_id.in_(sorted(self._jobs))).order_by(row.invoice_key)
        lots = (query.where(row.account_key.in_(lot or ())) for lot in chunks(sorted(account_keys)))
        return [(int(run_id), number) for lot in lots for run_id, number in self._connection.execute(lot)]


class _Payers:
    """Pairs of accounts where one has ever paid for the other, by agreements of accounts and of subscriptions, retracted ones too."""

    def __init__(self, connection: sa.Connection) -> None:
        account, fact, of_one = tables.accounts.c, tables.account_facts.c, tables.subscription_facts.c
        self._keys = {name: int(key) for name, key in connection.execute(sa.select(account.account_id, account.account_key))}
        owner = tables.subscriptions.c
        agreed = sa.select(fact.account_key, fact.kind, fact.detail).where(fact.kind.in_(_PAYS))
        split = sa.select(owner.account_key, of_one.kind, of_one.detail).where(of_one.kind.in_(_PAYS))
        split = split.join_from(tables.subscription_facts, tables.subscriptions, owner.subscription_key == of_one.subscription_key)
        self._payers: dict[int, set[int]] = {}
        self._paid_for: dict[int, set[int]] = {}
        for query in (agreed, split):
            for key, kind, detail in connection.execute(query):
                self._add(int(key), self._keys.get(_other(kind, detail), 0))

    def of(self, account_id: str) -> set[int]:
        """An account (key), all that pay for it, and all that it pays for, directly or through others."""
        own = self._keys[account_id]
        return _reached(own, self._payers) | _reached(own, self._paid_for)

    def _add(self, account: int, payer: int) -> None:
        if payer:
            self._payers.setdefault(account, set()).add(payer)
            self._paid_for.setdefault(payer, set()).add(account)


def _other(kind: str, detail: str) -> str:
    """The id of the account that a fact names; empty where it names none."""
    told: dict[str, Any] = msgspec.json.decode(detail or "{}")
    return str(told.get(RELATIONS[kind], ""))


def _reached(start: int, steps: dict[int, set[int]]) -> set[int]:
    found, ahead = {start}, [start]
    while ahead:
        new = steps.get(ahead.pop(), set()) - found
        found |= new
        ahead += new
    return found


def _obstacle(job: _Job, number: str) -> Obstacle:
    months = f"{job.first_day} to {job.after_day - dt.timedelta(days=1)}"
    return Obstacle(
        f"re-rating {job.job_id} of {job.plan}, {months}, may have billed it on {number}",
        f"`ratewright invoice explain {number}` shows whether it is in it: if it is not, `ratewright adjustment add` bills it;"
        " in either case `ratewright usage too-late write-off` closes the record",
    )


def _jobs(connection: sa.Connection) -> Iterator[tuple[int, _Job]]:
    """The re-ratings that may have billed late usage, by the runs of their documents."""
    run, job, commit = tables.bill_runs.c, tables.rerate_jobs, tables.commits.c
    query = sa.select(run.run_id, run.detail, commit.at_us).join_from(tables.bill_runs, tables.commits, commit.commit_seq == run.commit_seq)
    for run_id, detail, at_us in connection.execute(query.where(run.kind == RERATE).order_by(run.run_id)).all():
        told: dict[str, Any] = msgspec.json.decode(detail or "{}")
        if "job" in told:
            row = connection.execute(sa.select(job).where(job.c.job_id == told["job"])).one()
            days = msgspec.json.decode(row.periods, type=tuple[dt.date, dt.date])
            rule, planned_seq = told.get(LATE_RULE, RULE_OF_BEFORE) if told.get(LEAVES_LATE) else 0, int(row.pinned_seq)
            known_us = _known_us(connection, planned_seq) if rule else int(at_us)
            yield int(run_id), _Job(int(row.job_id), row.plan, *days, known_us, rule, planned_seq)


def _known_us(connection: sa.Connection, planned_seq: int) -> int:
    """The latest arrival of usage that the newest run of the cycle knew when a job was planned: a job has no other."""
    commit, pins = tables.commits.c, [run.pinned_seq for run in billed_periods.cycle_runs(connection, planned_seq)]
    return int(connection.execute(sa.select(sa.func.max(commit.at_us)).where(commit.commit_seq <= max(pins, default=0))).scalar_one() or 0)
