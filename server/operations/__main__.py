"""The process of one operation: `python -m server.operations HOME NAME LOCK`, where LOCK is the number of an open file."""

from __future__ import annotations

import functools
import logging
import os
import sys
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy starts threads for products of matrices, of which there are none here

import msgspec

from billing import acting
from billing.catalogue import Operator
from billing.store.home import Home
from rating.errors import NotFoundError, UserError
from server import clock
from server.operations import processes, rows, work
from server.operations.rows import Failure
from server.operations.work import Bench

_WRONG_CALL = 2  # exit status of a command that was called with values that cannot be
_log = logging.getLogger("server.operations")


def main(home_path: str, name: str, descriptor: int) -> None:
    """Do the work of an operation, and store its end."""
    os.nice(processes.NICENESS)
    os.set_inheritable(descriptor, False)
    processes.sign(descriptor, os.getpid())
    reporter = processes.Reporter(Path(home_path), name)
    with Home.open(Path(home_path)) as home:
        operation = rows.find(home, name)
        now, actor = functools.partial(clock.now_us, home), rows.actor_of(operation)
        with acting.acting_as(actor):
            by = Operator(actor.name, actor.number, actor.via.value)
            outcome = _outcome(operation, Bench(home, by, now, reporter.report, operation.run_id, bool(operation.resumes)))
            rows.note_end(home, name, now, reporter.last, outcome)


def _outcome(operation: rows.Operation, bench: Bench) -> str | Failure:
    """The result of the work, as JSON, or its error."""
    try:
        return msgspec.json.encode(work.read_work(operation.request).done(bench)).decode()
    except UserError as error:
        wrong = "wrong call" if error.exit_status == _WRONG_CALL else "refused"
        lines = " ".join(error.lines()[:-1]) if hasattr(error, "problems") else error.message
        return Failure("not found" if isinstance(error, NotFoundError) else wrong, lines, error.remedy)
    except Exception:  # noqa: BLE001 -- the edge of the process: its end is told to whoever asks
        _log.exception("internal error")
        return Failure("internal", f"internal error; the log of the operation says more: {processes.FOLDER}/{operation.name}.log", "")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
