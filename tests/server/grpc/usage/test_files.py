"""Usage files over gRPC: as the command takes them, once each, whole or not at all, and nothing of them is left behind.

A file has four rows: a call of a minute, a call without an answer, the first one again, and one that is no row of the format.
"""

from __future__ import annotations

import hashlib
import io
import json
import threading
import zipfile
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from billing.acting import Actor, Via, acting_as
from billing.store import tables
from ratewright.v1 import usage_file_pb2 as pb
from ratewright.v1 import usage_service_pb2_grpc
from server.cli import app
from server.grpc import service
from server.grpc.spool import Spool
from server.grpc.usage import file_calls
from tests.server.cli.test_usage import GOOD, MISSED
from tests.server.grpc.calls import DEADLINE_S, Refused, refused
from tests.server.grpc.conftest import LOOPBACK, NOW_US

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow
FILE = f"{GOOD}\n{MISSED}\n{GOOD}\nbroken\n".replace("2026-03-01", "2025-11-01").encode()
ROWS = {"answered": 1, "unanswered": 1, "duplicate": 1, "rejected": 1}
OTHER = FILE.replace(b'"u1"', b'"u3"').replace(b'"u2"', b'"u4"')


def header(**fields: Any) -> pb.IngestFileRequest:  # noqa: ANN401 -- fields of the header
    return pb.IngestFileRequest(header=pb.IngestFileHeader(**{"source": "asterisk", "file_name": "Master.csv", **fields}))


END = pb.IngestFileRequest(end=True)


def pieces(content: bytes, size: int = 100) -> list[pb.IngestFileRequest]:
    return [*(pb.IngestFileRequest(content=content[begin : begin + size]) for begin in range(0, len(content), size)), END]


def stub(channel: grpc.Channel) -> Any:  # noqa: ANN401 -- a stub
    return usage_service_pb2_grpc.UsageServiceStub(channel)


def ingest(channel: grpc.Channel, content: bytes = FILE, **fields: Any) -> pb.IngestFileResponse:  # noqa: ANN401 -- fields of the header
    return stub(channel).IngestFile(iter([header(**fields), *pieces(content)]), timeout=DEADLINE_S)


def refusal(channel: grpc.Channel, *requests: pb.IngestFileRequest) -> Refused:
    return refused(lambda: stub(channel).IngestFile(iter(requests), timeout=DEADLINE_S))


def counted(file: pb.IngestedFile) -> dict[str, int]:
    return {name: rows for name, rows in file.rows.items() if rows}


def head(world: World) -> int:
    with world.home.connect() as connection:
        return world.home.head_seq(connection)


def left(world: World) -> list[str]:
    """Files of the spool, but for its locks."""
    return [each.name for each in (world.home.path / "spool").rglob("*") if each.is_file() and each.name != "lock"]


def archive(**members: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        for name, content in members.items():
            file.writestr(f"{name}.csv", content)
    return made.getvalue()


def test_a_file_is_taken_as_the_command_takes_it(
    channel: grpc.Channel, world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.clock.machine_now_us", lambda: NOW_US)
    (tmp_path / "Master.csv").write_bytes(FILE)
    assert (
        app.main(["usage", "ingest", str(tmp_path / "Master.csv"), "--source", "asterisk", "--home", str(tmp_path / "twin"), "--json"]) == 0
    )
    (told,) = json.loads(capsys.readouterr().out)
    (file,) = ingest(channel, size_bytes=len(FILE), sha256=hashlib.sha256(FILE).digest()).files
    assert (file.name, file.file_name, file.source, file.received_count) == ("usageFiles/1", "Master.csv", "asterisk", 4)
    assert counted(file) == ROWS
    assert (dict(file.rows), dict(file.rejected)) == (told["rows"], told["rejected_by_reason"])
    assert (file.taken_back_count, file.assembled_count, file.already_taken) == (told["taken_back"], told["assembled"], False)
    assert file.commit_seq == head(world)
    assert left(world) == []


def test_a_file_that_comes_again_adds_nothing(channel: grpc.Channel, world: World) -> None:
    ingest(channel)
    before = head(world)
    (again,) = ingest(channel, file_name="copy.csv").files
    assert (again.already_taken, again.same_as, again.received_count, again.name) == (True, "Master.csv", 0, "usageFiles/1")
    assert head(world) == before


def test_a_request_counts_once(channel: grpc.Channel, world: World) -> None:
    first = ingest(channel, request_id="monday")
    before = head(world)
    assert ingest(channel, request_id="monday") == first
    assert not first.files[0].already_taken
    other = refusal(channel, header(request_id="monday"), *pieces(OTHER))
    assert (other.reason, other.metadata["field"]) == ("REQUEST_ID_REUSED", "sha256")
    assert head(world) == before


def test_a_call_that_was_killed_before_it_was_answered(channel: grpc.Channel, world: World) -> None:
    first = ingest(channel, request_id="monday")
    before = head(world)
    with world.home.begin() as connection:
        connection.execute(tables.requests.update().values(answer=None))
    assert ingest(channel, request_id="monday") == first
    assert head(world) == before


def test_members_of_an_archive_are_files(channel: grpc.Channel, world: World) -> None:
    answer = ingest(channel, archive(one=FILE, two=b"no row\n", three=OTHER), file_name="week.zip")
    assert [(each.file_name, counted(each)) for each in answer.files] == [
        ("week.zip/one.csv", ROWS),
        ("week.zip/three.csv", {"answered": 1, "unanswered": 1, "duplicate": 2}),  # `broken` is known by now
    ]
    (bad,) = answer.refused_files
    assert "week.zip/two.csv" in bad.message
    assert str(world.home.path) not in bad.message
    assert left(world) == []


REFUSED = {
    "no source": ({"source": "nobody"}, FILE, "SOURCE_UNKNOWN"),
    "a stream has no files": ({"source": "stream"}, FILE, "SOURCE_UNKNOWN"),
    "a path of the server": ({"source": "../sources/mine.yaml"}, FILE, "SOURCE_UNKNOWN"),
    "no name": ({"file_name": " "}, FILE, "MALFORMED_REQUEST"),
    "a folder": ({"file_name": "a/b.csv"}, FILE, "MALFORMED_REQUEST"),
    "the folder above": ({"file_name": ".."}, FILE, "MALFORMED_REQUEST"),
    "a NUL": ({"file_name": "a\0"}, FILE, "MALFORMED_REQUEST"),
    "a long name": ({"file_name": "é" * 128}, FILE, "MALFORMED_REQUEST"),
    "another size": ({"size_bytes": len(FILE) + 1}, FILE, "SIZE_MISMATCH"),
    "a size beyond the bound": ({"size_bytes": file_calls.FILE_BYTES_MAX + 1}, FILE, "FILE_TOO_LARGE"),
    "another hash": ({"sha256": b"\0" * 32}, FILE, "SHA256_MISMATCH"),
    "half a hash": ({"sha256": b"\0" * 16}, FILE, "MALFORMED_REQUEST"),
    "a long id": ({"request_id": "x" * 129}, FILE, "REQUEST_ID"),
    "an empty file": ({}, b"", "FILE_UNUSABLE"),
    "no row": ({}, b"cut in the\n", "FILE_UNUSABLE"),
    "an empty archive": ({"file_name": "a.zip"}, archive(), "FILE_UNUSABLE"),
    "half an archive": ({"file_name": "a.zip"}, archive(one=FILE)[:80], "FILE_UNUSABLE"),
}


@pytest.mark.parametrize(("fields", "content", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_stores_nothing(channel: grpc.Channel, world: World, fields: dict[str, Any], content: bytes, reason: str) -> None:
    before = head(world)
    found = refusal(channel, header(**fields), *pieces(content))
    assert found.reason == reason
    assert str(world.home.path) not in found.message + str(found.metadata)
    assert (head(world), left(world)) == (before, [])


def test_messages_in_another_order_are_refused(channel: grpc.Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    assert refusal(channel).reason == "HEADER_MISSING"
    assert refusal(channel, *pieces(FILE)).reason == "HEADER_MISSING"
    assert refusal(channel, header(), header()).reason == "HEADER_REPEATED"
    assert refusal(channel, header(), *pieces(FILE), END).reason == "HEADER_REPEATED"
    assert refusal(channel, header(), *pieces(FILE)[:-1]).reason == "END_MISSING"
    monkeypatch.setattr(file_calls, "PIECE_BYTES_MAX", 50)
    assert refusal(channel, header(), *pieces(FILE)).reason == "PIECE_TOO_LARGE"
    monkeypatch.setattr(file_calls, "FILE_BYTES_MAX", len(FILE) - 1)
    assert refusal(channel, header(), *pieces(FILE, 50)).reason == "FILE_TOO_LARGE"


def test_a_call_that_is_cut_off_stores_nothing(channel: grpc.Channel, world: World) -> None:
    before = head(world)

    def halves() -> Iterator[pb.IngestFileRequest]:
        yield header()
        yield from pieces(FILE)[:2]
        call.cancel()

    call = stub(channel).IngestFile.future(halves(), timeout=DEADLINE_S)
    with pytest.raises(grpc.FutureCancelledError):
        call.result()
    (file,) = ingest(channel, OTHER).files  # the service goes on
    assert (head(world), counted(file)) == (before + 1, ROWS)
    assert left(world) == []


def test_the_spool_of_a_dead_service_is_removed_as_another_one_starts(world: World) -> None:
    folder = world.home.path / "spool"
    dead = folder / "dead"
    (dead / "call").mkdir(parents=True)
    (dead / "lock").touch()
    (dead / "call" / "half.csv").touch()
    living = Spool(world.home.path)
    with living.file("now.csv") as incoming:
        incoming.write(b"1")
        with service.Service.start(service.listen(LOOPBACK), world.home, lambda: NOW_US):
            assert left(world) == ["now.csv"]
    living.close()
    assert [each.name for each in folder.iterdir()] == ["lock"]


def test_files_together_have_a_bound(world: World) -> None:
    spool = Spool(world.home.path, bytes_max=10, own_bytes_max=10)
    try:
        with spool.file("one") as one, spool.file("two") as two:
            one.write(b"x" * 6)
            with pytest.raises(Exception, match="try again later"):
                two.write(b"x" * 5)
            two.write(b"x" * 4)
        with spool.file("three") as three:
            three.write(b"x" * 10)
            assert three.size_bytes == 10
    finally:
        spool.close()


def test_the_files_of_one_operator_leave_room_for_others(world: World) -> None:
    """A quarter of all is for one: here two bytes of eight."""
    spool = Spool(world.home.path, bytes_max=8)
    try:
        with acting_as(Actor("one", 1, Via.TOKEN)), spool.file("a") as first, spool.file("b") as second:
            first.write(b"xx")
            with pytest.raises(Exception, match="one is sending are all that this service takes of one operator"):
                second.write(b"x")
            with acting_as(Actor("two", 2, Via.TOKEN)), spool.file("c") as other:
                other.write(b"xx")
            first.close()
        with acting_as(Actor("one", 1, Via.TOKEN)), spool.file("d") as third:
            third.write(b"xx")
    finally:
        spool.close()


def test_the_operator_is_the_actor_of_the_commit(channel: grpc.Channel, world: World) -> None:
    with acting_as(Actor("somebody else", 17, Via.TOKEN)):  # of this thread alone, not of the call's
        ingest(channel)
    row = tables.commits.c
    with world.home.connect() as connection:
        found = connection.execute(tables.commits.select().order_by(row.commit_seq.desc())).first()
    assert found.kind == "usage"
    assert found.by_name != "somebody else"


def test_a_deadline_that_is_over_in_the_middle_stores_nothing(channel: grpc.Channel, world: World) -> None:
    """The pieces that came are whole rows: they would be a file by themselves."""
    before, ended = head(world), threading.Event()

    def halves() -> Iterator[pb.IngestFileRequest]:
        yield header()
        yield pb.IngestFileRequest(content=FILE[: FILE.index(b"\n") + 1])
        ended.wait(DEADLINE_S)

    call = stub(channel).IngestFile.future(halves(), timeout=0.5)
    with pytest.raises(grpc.RpcError) as raised:
        call.result()
    ended.set()
    assert raised.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    ingest(channel, OTHER)  # the service goes on
    assert (head(world), left(world)) == (before + 1, [])
