"""Documents of re-ratings that may have billed a late record: those of before, and those made before it was left out for good.

A re-rating says of its documents that it leaves late usage alone (`run_inputs.LEAVES_LATE`), and by which rule (`LATE_RULE`). Some of
before say nothing. Others have a rule by which they held usage that runs had refused in time, and not usage that a void had opened
again. Those since left alone exactly what was left out for good when the job was planned; the rule before the one of now knew nothing of
void documents there. In all other cases only the document shows whether it has a record. So a record is not billed by decision where such a
document may hold it at all, void or not.

Documents of accounts that had a number of the record before count as well: they may have billed it before it moved.

Of a record that a closed period bills in another version than counts, a re-rating prices the billed one. It stores which these were
(`AS_BILLED`). One of before, or one planned while the period was open, priced the version that counted, and may have billed the difference.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import sqlalchemy as sa

from billing.allocations.items import chunks
from billing.documents.run_inputs import AS_BILLED, LATE_RULE, LEAVES_LATE, RERATE
from billing.intake.marks import SUPERSEDED
from billing.left_out.for_good import RULE_OF_BEFORE, left_for_good
from billing.runs.contracts.agreements import RELATIONS
from billing.runs.selection import billed_periods
from billing.store import tables
from billing.too_late.listing import local_day
from billing.too_late.results import Obstacle
from rating.dates import last_day

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.store.home import Home
    from billing.too_late.listing import Listed, TooLate

_WIDER_DAYS: Final = 62  # two months: periods that reach into the months of a job, whatever the bill day
_PAYS: Final = ("payer", "sponsor")


class _Job(NamedTuple):
    """A run of a re-rating. `known_us`: what came later is not in its documents. `rule`: of LATE_RULE, 0: none.

    `planned_seq`: the commit at which the job was planned. It knew what was left out for good by then. `known_seq`: of usage it knew
    nothing later. `as_billed`: keys of the events that it priced in the version on their final bill.
    """

    job_id: int
    plan: str
    first_day: dt.date
    after_day: dt.date
    known_us: int
    rule: int
    planned_seq: int
    known_seq: int
    as_billed: frozenset[str]

    def may_hold(self, each: TooLate) -> bool:
        """True where a record began or came on a day that it may have computed, and its rule says nothing else."""
        if self.rule == RULE_OF_BEFORE and not each.record.refused:
            return False
        return each.record.came_us <= self.known_us and self._reaches(each, (each.record.start_us, *_arrived(each)))

    def may_differ(self, each: TooLate, changed_seq: int) -> bool:
        """True where it may have priced another version of a record than its final bill has. `changed_seq`: when the first one came."""
        assert each.versions is not None, each
        if each.versions.event_key in self.as_billed or changed_seq > self.known_seq:
            return False
        starts = [version.start_us for version in (each.versions.billed, each.versions.counts) if version is not None]
        return self._reaches(each, (*starts, *_arrived(each)))

    def _reaches(self, each: TooLate, instants: tuple[int, ...]) -> bool:
        """True where it may have computed a day of any of these instants."""
        wider = dt.timedelta(days=_WIDER_DAYS)
        days = (local_day(each, instant) for instant in instants)
        return any(self.first_day - wider <= day < self.after_day + wider for day in days)


def _arrived(each: TooLate) -> tuple[int, ...]:
    """The instants of the first version of a record and of the one that counts: a plan may bill it with either."""
    return each.record.came_us, each.record.stored_us


class Rerated:
    """Looks up whether a re-rating of before may have billed a record."""

    def __init__(self, home: Home, connection: sa.Connection) -> None:
        self._home, self._connection = home, connection
        self._left_alone: dict[tuple[int, int], frozenset[str]] = {}
        self._jobs = dict(_jobs(connection))
        self._accounts = _Payers(connection) if self._jobs else None
        self._documents: dict[frozenset[str], list[tuple[int, str]]] = {}

    def why(self, each: TooLate) -> Obstacle | None:
        """The reason why a record cannot be billed by decision; None where no such document may have it."""
        for job, number in self._documents_of(each):
            if job.may_hold(each) and not (job.rule > RULE_OF_BEFORE and each.record.event_key in self._left_alone_by(job)):
                return _obstacle(job, number)
        return None

    def why_not_the_difference(self, each: TooLate) -> Obstacle | None:
        """The reason why the difference of a record's versions may be billed; None where no such document may have it."""
        found = self._with_difference(each)
        return None if found is None else _obstacle_of_versions(*found)

    def document_with_difference(self, each: TooLate) -> str:
        """The number of the document that may have the difference of a record's versions; empty where there is none."""
        found = self._with_difference(each)
        return "" if found is None else found[1]

    def _with_difference(self, each: TooLate) -> tuple[_Job, str] | None:
        documents = self._documents_of(each)
        changed_seq = self._changed(each) if documents else 0
        return next(((job, number) for job, number in documents if job.may_differ(each, changed_seq)), None)

    def _documents_of(self, each: TooLate) -> list[tuple[_Job, str]]:
        """The documents that may be about a record, with their jobs: of its account, of those that had its number, and of their payers."""
        account_id = each.record.account_id
        if self._accounts is None or not account_id:
            return []
        accounts = frozenset({account_id, *self._owners_before(each)})
        if accounts not in self._documents:
            self._documents[accounts] = self._of(set[int]().union(*(self._accounts.of(account) for account in accounts)))
        return [(self._jobs[run_id], number) for run_id, number in self._documents[accounts]]

    def _owners_before(self, each: TooLate) -> set[str]:
        """The accounts that any fact, valid or not, says to have had a number of the record at its start.

        These are the numbers of its subscription, and of its other versions.
        """
        fact, owner, account, row = tables.guiding_facts.c, tables.subscriptions.c, tables.accounts.c, tables.suspense.c
        key, start_us = bytes.fromhex(each.versions.event_key if each.versions is not None else each.record.event_key), each.record.start_us
        its_own = sa.select(fact.served_id).join_from(
            tables.guiding_facts, tables.subscriptions, owner.subscription_key == fact.subscription_key
        )
        its_own = its_own.where(owner.subscription_id == each.record.subscription_id)
        of_versions = sa.select(row.served_id).where(row.event_key == key, row.served_id.is_not(None))
        query = sa.select(account.account_id).select_from(tables.guiding_facts)
        query = query.join(tables.subscriptions, owner.subscription_key == fact.subscription_key)
        query = query.join(tables.accounts, account.account_key == owner.account_key)
        query = query.where(fact.from_us <= start_us, sa.or_(fact.to_us.is_(None), fact.to_us > start_us))
        query = query.where(fact.served_id.in_(its_own) | fact.served_id.in_(of_versions))
        return set(self._connection.execute(query).scalars())

    def _changed(self, each: TooLate) -> int:
        """The first commit that took a version of a record out of what counts."""
        assert each.versions is not None, each
        row, key = tables.suspense.c, bytes.fromhex(each.versions.event_key)
        query = sa.select(sa.func.min(row.commit_seq)).where(row.event_key == key, row.reason != SUPERSEDED)
        return int(self._connection.execute(query).scalar_one())

    def _left_alone_by(self, job: _Job) -> frozenset[str]:
        """Event keys of what a job left alone, by its rule."""
        asked = (job.planned_seq, job.rule)
        if asked not in self._left_alone:
            found = left_for_good(self._home, *asked)
            keys: list[Any] = [] if found is None else found.keys.to_pylist()
            self._left_alone[asked] = frozenset(key.hex() for key in keys)
        return self._left_alone[asked]

    def _of(self, account_keys: set[int]) -> list[tuple[int, str]]:
        """The documents of these accounts, as run and number."""
        row = tables.invoices.c
        query = sa.select(row.run_id, row.number).where(row.run_id.in_(sorted(self._jobs))).order_by(row.invoice_key)
        lots = (query.where(row.account_key.in_(lot or ())) for lot in chunks(sorted(account_keys)))
        return [(int(run_id), number) for lot in lots for run_id, number in self._connection.execute(lot)]


def with_documents(home: Home, found: Listed) -> Listed:
    """A list of open records, with the document of a re-rating that may have billed the difference of versions, where there is one."""
    if all(each.versions is None for each in found.records):
        return found
    with home.connect() as connection:
        rerated = Rerated(home, connection)
        records = tuple(
            each if each.versions is None else msgspec.structs.replace(each, may_be_on=rerated.document_with_difference(each))
            for each in found.records
        )
    return msgspec.structs.replace(found, records=records)


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
    months = f"{job.first_day} to {last_day(job.after_day)}"
    return Obstacle(
        f"re-rating {job.job_id} of {job.plan}, {months}, may have billed it on {number}",
        f"`ratewright invoice explain {number}` shows whether it is in it: if it is not, `ratewright adjustment add` bills it;"
        " in either case `ratewright usage too-late write-off` closes the record",
    )


def _obstacle_of_versions(job: _Job, number: str) -> Obstacle:
    months = f"{job.first_day} to {last_day(job.after_day)}"
    return Obstacle(
        f"re-rating {job.job_id} of {job.plan}, {months}, may have billed the difference of its versions on {number}",
        f"`ratewright invoice explain {number}` shows whether the difference is in it: if it is not, `ratewright adjustment add` bills or"
        " gives it back; in either case `ratewright usage too-late write-off` closes the record",
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
            known_seq = _known_seq(connection, planned_seq)
            known_us = _at_us(connection, known_seq) if rule else int(at_us)
            as_billed = frozenset(key for key, _ in told.get(AS_BILLED, ()))
            yield int(run_id), _Job(int(row.job_id), row.plan, *days, known_us, rule, planned_seq, known_seq, as_billed)


def _known_seq(connection: sa.Connection, planned_seq: int) -> int:
    """The newest commit that any run of the cycle knew when a job was planned: a job knows no usage of later ones."""
    return max((run.pinned_seq for run in billed_periods.cycle_runs(connection, planned_seq)), default=0)


def _at_us(connection: sa.Connection, through_seq: int) -> int:
    """The latest arrival of usage up to a commit."""
    commit = tables.commits.c
    return int(connection.execute(sa.select(sa.func.max(commit.at_us)).where(commit.commit_seq <= through_seq)).scalar_one() or 0)
