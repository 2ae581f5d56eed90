"""Long work by a service: progress is shown while a command waits, and what a run was followed by is printed as in a home."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import msgspec
import pytest
from google.longrunning import operations_pb2

from billing.controls import Book
from billing.documents import following
from billing.runs.reports import RunReport
from ratewright.v1 import bill_run_pb2 as runs
from ratewright.v1 import operation_pb2 as operation
from rating.errors import UserError
from server.cli.remote import operations
from server.client import CallError, Connection
from server.operations import work

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.server.cli.remote.persons import Persons

RUN = ("bill", "run", "--date", "2025-11-01")


@pytest.fixture
def nowhere() -> Iterator[Connection]:
    """A connection that is not used."""
    with Connection("127.0.0.1:1") as made:
        yield made


def asked(stage: str) -> operations_pb2.Operation:
    """An operation that is done."""
    made = operations_pb2.Operation(name="operations/7", done=True)
    made.metadata.Pack(operation.OperationMetadata(stage=stage, done=3, total=4))
    made.response.Pack(runs.BillRun(name="billRuns/7"))
    return made


def test_progress_is_that_of_the_operation(nowhere: Connection) -> None:
    told: list[tuple[str, int, int]] = []
    found = operations.waited(nowhere, asked("settle"), runs.BillRun(), lambda *each: told.append(each))
    assert (found.name, told) == ("billRuns/7", [("settle", 3, 4)])
    operations.waited(nowhere, asked(""), runs.BillRun(), lambda *each: told.append(each))
    assert len(told) == 1, "one that has not begun has no stage"


LOST = CallError(grpc.StatusCode.UNAVAILABLE, "nobody answers")
FAILED = CallError(grpc.StatusCode.FAILED_PRECONDITION, "no", "REFUSED", {"operation": "operations/7"})


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (KeyboardInterrupt(), "operations/7 goes on without this command\n"),
        (LOST, "operations/7 goes on without this command\n"),
        (FAILED, ""),
    ],
    ids=["stopped", "lost", "failed"],
)
def test_who_stops_waiting_reads_that_it_goes_on(
    nowhere: Connection, capsys: pytest.CaptureFixture[str], error: BaseException, said: str
) -> None:
    def ends(*_: object) -> None:
        raise error

    with pytest.raises(type(error)):
        operations.waited(nowhere, asked("settle"), runs.BillRun(), ends)
    assert capsys.readouterr().err == said


def test_results_that_an_earlier_version_stored_are_read() -> None:
    """They have no books of runs, and no lines of bills."""
    of_preview = work.Previewed("2025-11-01", (), 0, {}, {}, {}, {}, {}, "", 0, waits=False, seq=7)
    of_run = work.RunEnded(RunReport(1, "2025-11-01", 7, "posted", False, 1, 1, (), {}, {}, {}, {}, {}, {}))
    for kind, result in (("preview", of_preview), ("bill_run", of_run)):
        stored = msgspec.to_builtins(result)
        for name in ("seq", "events", "left_out", "drafts", "followed"):
            stored.pop(name, None)
        found = work.read_result(kind, msgspec.json.encode(stored).decode())
        assert found == (msgspec.structs.replace(of_preview, seq=0) if kind == "preview" else of_run)


@pytest.mark.parametrize("value", [2**31, -(2**31)])
def test_numbers_that_no_request_holds(value: int) -> None:
    assert operations.fitting(2**31 - 1, "--threads") == 2**31 - 1
    with pytest.raises(UserError) as raised:
        operations.fitting(value, "--threads")
    assert (raised.value.exit_status, raised.value.message) == (2, f"--threads {value} is out of range")


@pytest.mark.slow
def test_runs_that_were_not_followed_up_before(billed: Persons) -> None:
    """The run of both bills was stopped before its books were looked at: the next one looks at those of both."""
    said = billed(*RUN)
    reports = [line for line in said.splitlines() if line.startswith("run ")]
    assert [line.split()[1] for line in reports] == ["1", "2"]
    assert said.count("books of this run balance") == 2


@pytest.mark.slow
def test_books_that_do_not_balance(billed: Persons, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit status 1, and a finding; the JSON is that of the run."""
    right: Any = following.of_run
    broken = Book("a book", 1, 2, "rows", ok=False, terms={"one": 1, "two": 2})
    monkeypatch.setattr(following, "of_run", lambda *words: [*right(*words), broken])
    said = billed(*RUN, status=1)
    assert "  FAILED a book: 1 is not 2 rows\n" in said
    assert "  finding 1, nobody by 2025-11-18: a book\n" in said
    billed(*RUN, "--json", status=1)
