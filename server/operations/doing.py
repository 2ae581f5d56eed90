"""The doing of an operation: its work, its progress, and its end."""

from __future__ import annotations

import functools
import logging
from typing import TYPE_CHECKING

import msgspec

from billing import acting, operators
from billing.acting import Via
from billing.catalogue import Operator
from billing.store.home import Home
from rating.errors import NotFoundError, ProblemsError, UserError
from server import clock
from server.operations import processes, rows, work
from server.operations.rows import Failure
from server.operations.work import Bench

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from billing.acting import Actor

_WRONG_CALL = 2  # exit status of a command that was called with values that cannot be
_NUMBERED = frozenset({"post", "books"})  # stages behind the numbers: what has them is finished by whoever began it
_log = logging.getLogger(__name__)


def do(home_path: Path, name: str) -> None:
    """Do the work of an operation as the operator who asked for it, and store its end."""
    reporter = processes.Reporter(home_path, name)
    with Home.open(home_path) as home:
        operation = rows.find(home, name)
        now, actor = functools.partial(clock.now_us, home), rows.actor_of(operation)
        with acting.acting_as(actor):
            by = Operator(actor.name, actor.number, actor.via.value)
            progress = _Held(home, actor, now, reporter.report)
            bench = Bench(home, by, now, progress, operation.run_id, bool(operation.resumes))
            outcome = _lost_right(home, actor, now()) or _outcome(operation, bench)
            rows.note_end(home, name, now, reporter.last, outcome)
    processes.tidy(home_path, name)


class _Held:
    """Progress that is held to the right of the operator: at each new stage it is looked up, until the numbers of a run are given."""

    def __init__(self, home: Home, actor: Actor, now: Callable[[], int], report: Callable[[str, int, int], None]) -> None:
        self._home, self._actor, self._now, self._report = home, actor, now, report
        self._stage = ""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Note how much of a stage is done. Raises UserError at the start of one where the operator has lost the role."""
        if stage != self._stage:
            self._stage = stage
            lost = None if stage in _NUMBERED else _lost_right(self._home, self._actor, self._now())
            if lost is not None:
                raise UserError(lost.message, lost.remedy)
        self._report(stage, done, total)


def _lost_right(home: Home, actor: Actor, now_us: int) -> Failure | None:
    """The refusal of an operator who is closed, or without the role, since it was asked for; None where it may be done."""
    if actor.via not in {Via.TOKEN, Via.CERTIFICATE}:
        return None
    with home.connect() as connection:
        found = operators.of_number(connection, actor.number)
    if found is not None and not found.is_closed and any(each.role == actor.role and each.holds_at(now_us) for each in found.grants):
        return None
    return Failure("refused", f"{actor.name} does not have the role {actor.role} any more", "let another operator ask for it")


def _outcome(operation: rows.Operation, bench: Bench) -> str | Failure:
    """The result of the work, as JSON, or its error."""
    try:
        return msgspec.json.encode(work.read_work(operation.request).done(bench)).decode()
    except UserError as error:
        wrong = "wrong call" if error.exit_status == _WRONG_CALL else "refused"
        lines = "; ".join(error.lines()[:-2]) if isinstance(error, ProblemsError) else error.message  # their number is no news
        return Failure("not found" if isinstance(error, NotFoundError) else wrong, lines, error.remedy)
    except Exception:  # noqa: BLE001 -- the edge of the process: its end is told to whoever asks
        _log.exception("internal error")
        return Failure("internal", f"internal error; the log of the operation says more: {processes.FOLDER}/{operation.name}.log", "")
