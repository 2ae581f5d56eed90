"""Usage by offset: progress, broken connections, refusals, and a service that is killed and started again in the middle."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
import pytest

from billing.store import commit_points
from server.client import COUNTS, CallError, Progress, Retries, Switch
from tests.server.client.conftest import connect
from tests.server.grpc.calls import ipc, records
from tests.server.grpc.usage.streams import stored

if TYPE_CHECKING:
    from pathlib import Path

    from tests.server.access.conftest import Guarded
    from tests.server.client.conftest import Killable

pytestmark = pytest.mark.slow
BATCHES = [ipc(records(range(offset * 5, offset * 5 + 5))) for offset in range(12)]
ALL = sorted(f"call-{each}" for each in range(60))
ALL_ACCEPTED = dict.fromkeys(COUNTS, 0) | {"accepted": 60}


class BrokenError(Exception):
    """Raised by the progress of a test."""


@pytest.mark.parametrize("point", ["intake.before_commit:2", "intake.committed:2"])
def test_a_service_that_is_killed_and_started_again_stores_each_batch_once(killable: Killable, point: str) -> None:
    """It dies over its second group of batches, before or after the commit; the next one is started when it is dead. 60 records are 60."""
    killable.start(**{commit_points.VARIABLE: point})
    killable.after_death.start()
    told: list[CallError] = []
    acked: list[int] = []
    with killable.connect(told=lambda error, _: told.append(error)) as connection:
        switch = Switch(connection)
        first = switch.send(BATCHES[:1], "switch-7")
        done = switch.send(BATCHES, "switch-7", progress=lambda progress: acked.append(progress.next_offset))
        rows = switch.stream("switch-7").rows
    assert (first.next_offset, done.next_offset, killable.starts) == (1, 12, 2)
    assert {each.code for each in told} == {grpc.StatusCode.UNAVAILABLE}
    assert done.connections > 1
    assert acked == sorted(set(acked))
    assert acked[-1] == 12
    assert {name: getattr(rows, name) for name in COUNTS} == ALL_ACCEPTED
    killable.after_death.join()
    killable.kill()
    assert stored(killable.folder / "home") == ALL


def test_a_sending_that_was_broken_goes_on(guarded: Guarded, tmp_path: Path) -> None:
    """An error of the progress callback breaks the connection; the next sending leaves out what is stored."""
    seen: list[Progress] = []

    def break_at_the_third(progress: Progress) -> None:
        seen.append(progress)
        if progress.acked == 3:
            raise BrokenError

    with connect(guarded, tmp_path, "the-switch") as connection:
        switch = Switch(connection)
        with pytest.raises(BrokenError):
            switch.send(BATCHES, "switch-7", progress=break_at_the_third)
        assert [seen[-1].acked, seen[-1].next_offset, seen[-1].rows["accepted"], seen[-1].last_ack.accepted] == [3, 3, 15, 5]
        again = switch.send(BATCHES, "switch-7")
        assert (again.next_offset, again.rows["duplicate"]) == (12, 0)
        assert 1 <= again.acked <= 10, "the last one that is stored is compared, and up to nine are new"
        nothing = switch.send(BATCHES, "switch-7")
        assert (nothing.acked, nothing.repeated, nothing.connections) == (1, 1, 1), "the last one is compared"
        ended = switch.finalize("switch-7")
        assert (ended.next_offset, ended.rows.accepted) == (12, 60)
        with pytest.raises(CallError) as refused:
            switch.send(BATCHES[:1], "switch-7", first_offset=12)
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "STREAM_FINALIZED")
    assert stored(guarded.home.path) == ALL


@pytest.mark.parametrize("is_finalized", [False, True])
def test_other_records_under_offsets_that_a_stream_has_are_an_error(guarded: Guarded, tmp_path: Path, is_finalized: bool) -> None:  # noqa: FBT001 -- a case
    """A switch that takes the name of yesterday's stream again loses nothing silently. The same batches again are no error."""
    others = [ipc(records(range(100 + offset * 5, 105 + offset * 5))) for offset in range(3)]
    with connect(guarded, tmp_path, "the-switch") as connection:
        switch = Switch(connection)
        switch.send(BATCHES[:3], "switch-7")
        if is_finalized:
            switch.finalize("switch-7")
        for batches in (others, others[:1], [*BATCHES[:2], others[2]]):
            with pytest.raises(CallError) as refused:
                switch.send(batches, "switch-7")
            assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.ALREADY_EXISTS, "OFFSET_REUSED")
            assert refused.value.remedy.startswith("send other records in another stream")
        assert switch.send(BATCHES[:3], "switch-7").repeated == 1
    assert stored(guarded.home.path) == sorted(f"call-{each}" for each in range(15))


def test_without_a_stream_records_are_known_by_their_keys(guarded: Guarded, tmp_path: Path) -> None:
    with connect(guarded, tmp_path, "the-switch") as connection:
        switch = Switch(connection)
        assert switch.send(BATCHES[:2]).rows["accepted"] == 10
        assert switch.send(BATCHES[:3]).rows == dict.fromkeys(COUNTS, 0) | {"accepted": 5, "duplicate": 10}


def test_a_batch_ahead_of_the_stream_is_refused(guarded: Guarded, tmp_path: Path) -> None:
    with connect(guarded, tmp_path, "the-switch") as connection, pytest.raises(CallError) as refused:
        Switch(connection).send(BATCHES[4:], "switch-7", first_offset=4)
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.OUT_OF_RANGE, "OFFSET_AHEAD")
    assert (refused.value.metadata["offset"], refused.value.metadata["next_offset"]) == ("4", "0")


def test_finance_may_not_send_usage(guarded: Guarded, tmp_path: Path) -> None:
    with connect(guarded, tmp_path, "the-finance") as connection, pytest.raises(CallError) as refused:
        Switch(connection).send(BATCHES, "switch-7")
    error = refused.value
    assert (error.code, error.reason, error.metadata) == (grpc.StatusCode.PERMISSION_DENIED, "ROLE_MISSING", {"roles": "admin or switch"})
    assert stored(guarded.home.path) == []


def test_nobody_answers(tmp_path: Path, killable: Killable) -> None:
    """A port where nothing listens: the error is UNAVAILABLE, after the attempts that are allowed."""
    token = tmp_path / "home" / "keys" / "local-token"
    token.parent.mkdir(parents=True)
    token.write_text("nobody's")
    token.chmod(0o600)
    killable.port = "1"
    pauses: list[float] = []
    with killable.connect(retries=Retries(attempts_max=3, sleep=pauses.append)) as connection, pytest.raises(CallError) as raised:
        Switch(connection).send(BATCHES)
    assert (raised.value.code, pauses) == (grpc.StatusCode.UNAVAILABLE, [0.25, 0.5])
