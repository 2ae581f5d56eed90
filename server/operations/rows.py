"""Operations as stored, and the state in which each is."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any, Final

import msgspec
import sqlalchemy as sa

from billing import acting
from billing.acting import Actor, Via
from billing.store import commit_points, tables
from rating.errors import NotFoundError, UserError
from server.operations import processes
from server.operations.processes import Progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.store.home import Home

COMMIT_KIND: Final = "operation"
RUNNING_MAX: Final = 8  # at once on a home: each may take all processors, and memory
RUNNING: Final = "running"  # as stored; a process that is gone makes it another state
SUCCEEDED: Final = "succeeded"
FAILED: Final = "failed"
_RUNS: Final = frozenset({"bill_run", "retry"})  # kinds that make one run
_SUBJECT: Final = "operation {}"  # of the commits that an operation makes


class State(enum.StrEnum):
    """The state of an operation, as its row and its process have it."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"


class Failure(msgspec.Struct, frozen=True):
    """The error of an operation. `kind`: refused, wrong call, not found or internal."""

    kind: str
    message: str
    remedy: str


class Operation(msgspec.Struct, frozen=True):
    """One operation. `request`, `result`: JSON; instants in microseconds UTC, 0 not yet."""

    key: int
    name: str
    kind: str
    subject: str
    request: str
    run_id: int | None
    resumes: str
    actor: Actor
    state: State
    at_us: int
    commit_seq: int
    cancelled_by: str
    progress: Progress
    result: str
    error: Failure | None
    ended_us: int

    @property
    def is_done(self) -> bool:
        """True if nothing works on it any more."""
        return self.state is not State.RUNNING


class New(msgspec.Struct, frozen=True):
    """An operation that is asked for."""

    name: str
    kind: str
    subject: str
    request: str
    run_id: int | None = None
    resumes: str = ""


class TooManyError(UserError):
    """As many operations work as may."""


class RunningError(UserError):
    """Another operation works on the same thing."""

    def __init__(self, name: str, subject: str) -> None:
        super().__init__(f"the operation {name} works on it: {subject}", "wait for it, or cancel it")
        self.name = name


def add(home: Home, new: New, now_us: int) -> int:
    """Store an operation of the current actor; its commit.

    Raises RunningError where another one works on its subject, and TooManyError where RUNNING_MAX work.
    """
    actor, row = acting.current(), tables.operations
    with home.begin() as connection:
        seq = home.next_commit_seq(connection, COMMIT_KIND, now_us)  # first: a repeat of the call is told as one, not as another operation
        begun = connection.execute(sa.select(row.c.name, row.c.subject).where(row.c.state == RUNNING)).all()
        working = {each.subject: each.name for each in begun if processes.is_alive(home, each.name)}
        if new.subject in working:
            raise RunningError(working[new.subject], new.subject)
        if len(working) >= RUNNING_MAX:
            raise TooManyError(f"{len(working)} operations work on this home, which is as many as may", "wait until one has ended")
        values = msgspec.structs.asdict(new) | {"resumes": new.resumes or None}
        by = {"by_name": actor.name, "by_uid": actor.number, "via": actor.via.value, "role": actor.role or None, "call": actor.call or None}
        connection.execute(row.insert().values(**values, **by, state=RUNNING, at_us=now_us, commit_seq=seq))
        commit_points.reached("operation.before_commit")
    commit_points.reached("operation.committed")
    return seq


def note_cancelled(home: Home, name: str, now_us: int) -> None:
    """Note that the current actor wants an operation to end, unless it is done."""
    row, actor = tables.operations, acting.current()
    with home.begin() as connection:
        mine = (row.c.name == name) & (row.c.state == RUNNING) & row.c.cancelled_us.is_(None)
        if connection.execute(row.update().where(mine).values(cancelled_by=actor.name, cancelled_us=now_us)).rowcount:
            home.next_commit_seq(connection, COMMIT_KIND, now_us)


def note_end(home: Home, name: str, clock_us: Callable[[], int], last: Progress, outcome: str | Failure) -> None:
    """Store the result (JSON) of an operation, or its error."""
    has_failed = isinstance(outcome, Failure)
    row = tables.operations
    with home.begin() as connection:
        now_us = max(clock_us(), home.latest_us)
        seq = home.next_commit_seq(connection, COMMIT_KIND, now_us)
        values = {
            "state": FAILED if has_failed else SUCCEEDED,
            "error" if has_failed else "result": msgspec.json.encode(outcome).decode() if isinstance(outcome, Failure) else outcome,
            "stage": last.stage,
            "done": last.done,
            "total": last.total,
            "ended_us": now_us,
            "ended_seq": seq,
        }
        connection.execute(row.update().where(row.c.name == name).values(**values))
        commit_points.reached("operation.before_end_commit")
    commit_points.reached("operation.end_committed")


def find(home: Home, name: str) -> Operation:
    """An operation by its name. Raises NotFoundError."""
    row = tables.operations
    was_alive = processes.is_alive(home, name)  # asked first: one that ends meanwhile has stored its end by the next question
    with home.connect() as connection:
        found = connection.execute(sa.select(row).where(row.c.name == name)).one_or_none()
    if found is None:
        raise NotFoundError(f"there is no operation {name}", "ListOperations shows all")
    return _operation(home, found, is_alive=was_alive)


def by_commit(home: Home, commit_seq: int) -> Operation:
    """The operation that a commit stored."""
    row = tables.operations.c
    with home.connect() as connection:
        name = connection.execute(sa.select(row.name).where(row.commit_seq == commit_seq)).scalar_one()
    return find(home, name)


def page(home: Home, before: int | None, size: int) -> list[Operation]:
    """At most `size` operations, newest first, of those in front of the key `before`."""
    row = tables.operations.c
    query = sa.select(row.name).order_by(row.operation_key.desc()).limit(size)
    with home.connect() as connection:
        names = connection.execute(query if before is None else query.where(row.operation_key < before)).scalars().all()
    return [find(home, name) for name in names]


def begun(home: Home) -> list[Operation]:
    """Operations whose end is not stored and that no other one has gone on with: they work, or their process is gone."""
    row = tables.operations
    with home.connect() as connection:
        resumed = sa.select(row.c.resumes).where(row.c.resumes.is_not(None))
        names = connection.execute(sa.select(row.c.name).where(row.c.state == RUNNING, row.c.name.not_in(resumed))).scalars().all()
    return [find(home, name) for name in names]


def run_of(home: Home, operation: Operation) -> int | None:
    """The bill run that an operation goes on with, or has begun; None where there is none."""
    if operation.run_id is not None or operation.kind not in _RUNS:
        return operation.run_id
    run, commit = tables.bill_runs, tables.commits
    query = sa.select(sa.func.max(run.c.run_id)).join_from(run, commit, run.c.commit_seq == commit.c.commit_seq)
    with home.connect() as connection:
        found: int | None = connection.execute(query.where(commit.c.subject == _SUBJECT.format(operation.key))).scalar_one()
    return found


def actor_of(operation: Operation) -> Actor:
    """The actor for whom the process of an operation acts: its commits name the operation."""
    return operation.actor._replace(subject=_SUBJECT.format(operation.key))


def _operation(home: Home, row: Any, *, is_alive: bool) -> Operation:  # noqa: ANN401 -- a row of operations
    last = processes.Progress(row.stage or "", row.done or 0, row.total or 0)
    return Operation(
        key=int(row.operation_key),
        name=row.name,
        kind=row.kind,
        subject=row.subject,
        request=row.request,
        run_id=row.run_id,
        resumes=row.resumes or "",
        actor=Actor(row.by_name, int(row.by_uid), Via(row.via), row.role or "", row.call or ""),
        state=_state(row, is_alive=is_alive),
        at_us=int(row.at_us),
        commit_seq=int(row.commit_seq),
        cancelled_by=row.cancelled_by or "",
        progress=last if row.state != RUNNING else processes.progress(home, row.name),
        result=row.result or "",
        error=msgspec.json.decode(row.error, type=Failure) if row.error else None,
        ended_us=int(row.ended_us or 0),
    )


def _state(row: Any, *, is_alive: bool) -> State:  # noqa: ANN401 -- as above
    if row.state != RUNNING:
        return State(row.state)
    if is_alive:
        return State.RUNNING
    return State.INTERRUPTED if row.cancelled_us is None else State.CANCELLED
