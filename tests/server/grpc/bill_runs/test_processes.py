"""Operations as processes: they outlive the server, end when they are told to, and are gone on with after any death."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import msgspec
import pytest
import sqlalchemy as sa
from google.longrunning import operations_proto_pb2 as longrunning

from billing.runs import states
from billing.runs.lock import LOCK_NAME
from billing.store import lock, tables
from billing.store.commit_points import POINTS, VARIABLE
from ratewright.v1 import bill_run_pb2 as runs
from ratewright.v1 import bill_run_service_pb2 as pb
from server.cli import app
from server.operations import processes
from server.operations.processes import Mark
from tests.billing.runs.world import World
from tests.server.grpc.bill_runs.client import NOVEMBER, OWNER, Client, error, micros, october, response, state, told
from tests.server.grpc.calls import DEADLINE_S, refused
from tests.server.with_token import local_channel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.store.home import Home
    from tests.server.grpc.bill_runs.client import Desk

pytestmark = pytest.mark.slow
AT_START = ("operation.before_commit", "operation.committed")  # points at which the server is killed; at others it is the process
MINE = [name for name in POINTS if name.startswith("operation.")]
COMMAND = Path(sys.executable).with_name("ratewright")


def run_ids(home: Home) -> list[tuple[int, str]]:
    with home.connect() as connection:
        run = tables.bill_runs.c
        return [tuple(row) for row in connection.execute(sa.select(run.run_id, run.state))]


def holder(home: Home, asked: longrunning.Operation) -> int:
    """The process of an operation."""
    file = home.path / processes.FOLDER / f"{asked.name.removeprefix('operations/')}.lock"
    return msgspec.json.decode(file.read_bytes(), type=Mark).pid


@contextlib.contextmanager
def busy(home: Home) -> Iterator[None]:
    """While another run works on the home, a run that waits goes no further."""
    with lock.held(home.charges_folder / LOCK_NAME, "the test", 1):
        yield


def test_a_run_is_that_of_the_command(world: World, client: Client, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    twin = october(World(tmp_path / "twin"))
    twin.home.close()
    assert app.main(["bill", "run", "--date", "2025-11-01", "--json", "--home", str(tmp_path / "twin")]) == 0
    wanted = msgspec.json.decode(capsys.readouterr().out)

    asked = client.runs.RunBills(pb.RunBillsRequest(bill_date=NOVEMBER, request_id="october"))
    assert (asked.done, state(asked), told(asked).operator, told(asked).subject) == (False, "RUNNING", "ana", "bill run 2025-11-01")
    ended = client.wait(asked)
    assert (state(ended), told(ended).bill_run, told(ended).stage) == ("SUCCEEDED", "billRuns/1", "books")
    made = response(ended, runs.BillRun)
    # Two fees of 10.00 and 5 minutes of 0.10, with 6 % of tax: 20.50 + 1.23.
    assert micros(made.total) == wanted["total_micros"] == {"CNY": 21_730_000} == micros(told(ended).amounts)
    assert (micros(made.net), micros(made.tax)) == (wanted["net_micros"], wanted["tax_micros"])
    assert (
        (made.state, made.account_count, made.invoice_count)
        == (wanted["state"], wanted["accounts"], wanted["invoices"])
        == ("posted", 2, 2)
    )
    assert [(each.first, each.last) for each in made.numbers] == [(each["first"], each["last"]) for each in wanted["numbers"]]
    assert dict(made.events) == wanted["events"]
    assert dict(made.left_out) == wanted["left_out"]
    assert made.too_late_open == wanted["too_late_open"]
    assert made.started_by == "ana", "the process acts as the operator who asked"
    assert client.runs.GetBillRun(pb.GetBillRunRequest(name="billRuns/1")).total == made.total
    with world.home.connect() as connection:
        commit, of_run = tables.commits.c, tables.bill_runs.c
        query = sa.select(commit.by_name, commit.subject).join(tables.bill_runs, of_run.commit_seq == commit.commit_seq)
        assert connection.execute(query).one() == ("ana", "operation 1")
    assert list((world.home.path / processes.FOLDER).iterdir()) == [], "its files are tidied away"


def test_killed_then_cancelled_then_resumed_it_is_one_run(world: World, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("RATEWRIGHT_KILL_AT", "run.drafts_written")  # the process inherits it, and kills itself there
        killed = client.wait(client.runs.RunBills(pb.RunBillsRequest(bill_date=NOVEMBER, wait=True, request_id="1")))
    assert (state(killed), told(killed).bill_run, run_ids(world.home)) == ("INTERRUPTED", "billRuns/1", [(1, states.COMPUTING)])
    assert error(killed)[:2] == (grpc.StatusCode.ABORTED.value[0], "OPERATION_INTERRUPTED")
    assert told(killed).remedy == f"ResumeOperation {killed.name} goes on where it ended"

    with busy(world.home):
        going_on = client.runs.ResumeOperation(pb.ResumeOperationRequest(name=killed.name, request_id="2"))
        assert (state(going_on), told(going_on).resumes, told(going_on).bill_run) == ("RUNNING", killed.name, "billRuns/1")
        second = refused(lambda: client.runs.RunBills(pb.RunBillsRequest(bill_date=NOVEMBER)))
        assert (second.code, second.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "OPERATION_RUNNING")
        assert second.metadata["operation"] == going_on.name
        client.cancel(going_on)
        cancelled = client.get(going_on)
    assert (cancelled.done, state(cancelled), told(cancelled).cancelled_by) == (True, "CANCELLED", "ana")
    assert error(cancelled)[:2] == (grpc.StatusCode.CANCELLED.value[0], "OPERATION_CANCELLED")
    client.cancel(going_on)  # again, it changes nothing
    assert client.get(going_on) == cancelled

    ended = client.wait(client.runs.ResumeOperation(pb.ResumeOperationRequest(name=going_on.name, request_id="3")))
    made = response(ended, runs.BillRun)
    assert (made.name, made.state, made.resumed, made.invoice_count) == ("billRuns/1", "posted", True, 2)
    assert micros(made.total) == {"CNY": 21_730_000}
    assert run_ids(world.home) == [(1, states.POSTED)]


def test_killed_after_it_was_posted_its_books_are_looked_at(world: World, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("RATEWRIGHT_KILL_AT", "follow.before_commit")
        killed = client.wait(client.runs.RunBills(pb.RunBillsRequest(bill_date=NOVEMBER)))
    assert (state(killed), run_ids(world.home)) == ("INTERRUPTED", [(1, states.POSTED)])
    ended = client.wait(client.runs.ResumeOperation(pb.ResumeOperationRequest(name=killed.name)))
    assert (response(ended, runs.BillRun).name, told(ended).stage) == ("billRuns/1", "books")
    with world.home.connect() as connection:
        assert "followed_up" in states.steps(connection, 1)
    assert run_ids(world.home) == [(1, states.POSTED)], "no second run of the date"


def test_an_operation_outlives_its_server(tmp_path: Path, world: World, client: Client, desk: Desk) -> None:
    """The server is killed while the operation works; then the operation too. Another server tells its state, and goes on with it."""
    assert desk
    with busy(world.home):
        with serving(tmp_path, world.home.path) as (process, address), local_channel(address, world.home.path) as channel:
            asked = Client(channel).runs.RunBills(pb.RunBillsRequest(bill_date=NOVEMBER, wait=True))
            process.kill()
            process.wait(DEADLINE_S)
        assert (client.get(asked).done, state(client.get(asked))) == (False, "RUNNING"), "it needs no server"
        os.kill(holder(world.home, asked), signal.SIGKILL)
        killed = client.wait(asked)
        assert (state(killed), run_ids(world.home)) == ("INTERRUPTED", [])
    ended = client.wait(client.runs.ResumeOperation(pb.ResumeOperationRequest(name=asked.name)))
    assert (state(ended), response(ended, runs.BillRun).invoice_count) == ("SUCCEEDED", 2)


def test_of_many_calls_at_once_one_starts(world: World, client: Client) -> None:
    """Six calls with one id have one operation; six others for the same date are refused. Nothing else is started."""
    with busy(world.home):
        same = [client.runs.RunBills.future(pb.RunBillsRequest(bill_date=NOVEMBER, wait=True, request_id="one")) for _ in range(6)]
        (name,) = {each.result(DEADLINE_S).name for each in same}
        others = [client.runs.RunBills.future(pb.RunBillsRequest(bill_date=NOVEMBER, request_id=f"{place}")) for place in range(6)]
        for each in others:
            other = refused(lambda call=each: call.result(DEADLINE_S))
            assert (other.reason, other.metadata["operation"]) == ("OPERATION_RUNNING", name)
        (asked,) = client.operations.ListOperations(longrunning.ListOperationsRequest()).operations
        client.cancel(asked)
    locks = (world.home.path / processes.FOLDER).glob("*.lock")
    assert [f"operations/{each.stem}" for each in locks] == [name], "of what is refused nothing stays"


def test_a_process_has_a_lower_priority_and_a_session_of_its_own(world: World, client: Client) -> None:
    with busy(world.home):
        asked = client.runs.RunBills(pb.RunBillsRequest(bill_date=NOVEMBER, wait=True))
        pid = holder(world.home, asked)
        wanted = os.getpriority(os.PRIO_PROCESS, 0) + processes.NICENESS
        for _ in range(400):
            if os.getpriority(os.PRIO_PROCESS, pid) == wanted:
                break
            time.sleep(0.02)
        assert os.getpriority(os.PRIO_PROCESS, pid) == wanted
        assert os.getsid(pid) == pid != os.getsid(0)
        client.cancel(asked)
    assert state(client.get(asked)) == "CANCELLED"


@pytest.mark.parametrize("point", MINE)
def test_killed_at_a_commit_of_its_own_it_counts_once(tmp_path: Path, world: World, client: Client, desk: Desk, point: str) -> None:
    """The server dies as it stores an operation, or the process as it stores the end: the repeat of the call tells what there is."""
    desk.actor = OWNER._replace(call="ratewright.v1.BillRunService/RunBills")
    request = pb.RunBillsRequest(bill_date=NOVEMBER, request_id="october")
    with serving(tmp_path, world.home.path, {VARIABLE: point}) as (process, address), local_channel(address, world.home.path) as channel:
        with contextlib.suppress(grpc.RpcError):
            Client(channel).wait(Client(channel).runs.RunBills(request))
        if point in AT_START:
            assert process.wait(DEADLINE_S) == -signal.SIGKILL
        assert process.poll() is None or point in AT_START
    found = client.wait(client.runs.RunBills(request))
    wanted = "SUCCEEDED" if point in {"operation.before_commit", "operation.end_committed"} else "INTERRUPTED"
    assert state(found) == wanted
    if wanted == "INTERRUPTED":
        found = client.wait(client.runs.ResumeOperation(pb.ResumeOperationRequest(name=found.name)))
    assert (response(found, runs.BillRun).name, run_ids(world.home)) == ("billRuns/1", [(1, states.POSTED)])
    assert sorted(world.numbers()) == ["R-0000000001", "R-0000000002"]


@contextlib.contextmanager
def serving(folder: Path, home: Path, more: dict[str, str] | None = None) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A server process over the home."""
    port_file = folder / "port"
    call = [COMMAND, "serve", "--home", home, "--address", "127.0.0.1:0", "--port-file", port_file]
    process = subprocess.Popen(call, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | (more or {}))
    try:
        for _ in range(400):
            if port_file.exists() or process.poll() is not None:
                break
            time.sleep(0.05)
        yield process, f"127.0.0.1:{port_file.read_text().strip()}"
    finally:
        process.kill()
        process.wait(DEADLINE_S)
