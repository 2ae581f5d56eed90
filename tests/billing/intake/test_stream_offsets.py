"""Places of batches in their streams: groups with several streams, a stream finalized in between, and kills."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from billing.acting import Actor
from billing.intake import view
from billing.intake.streams import offsets, registry
from billing.intake.streams.offsets import Line, LinedBatch, OffsetError, Stored, StreamPlace
from billing.intake.streams.registry import Counts
from billing.intake.taking import Intake
from billing.store import commit_points, tables
from billing.store.home import Home
from rating.errors import NotFoundError, StoreError
from tests.billing.usage_rows import MARCH_US, Event, batch
from tests.crash_images import Crashes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
NOW_US = MARCH_US + 1
ANN, BEN = Actor("ann", 1001), Actor("ben", 1002)
POINTS = [name for name in commit_points.POINTS if name.split(".")[0] in {"stream", "intake"}]


@pytest.fixture
def home(tmp_path: Path, both: str) -> Iterator[Home]:
    assert both
    with Home.open(tmp_path / "home", create=True) as opened:
        yield opened


def a_line(home: Home, stream_id: str) -> Line:
    """A connection to a stream, which is made if it is not there."""
    try:
        found = registry.find(home, ANN, stream_id)
    except NotFoundError:
        found = registry.create(home, ANN, stream_id, "sw1", NOW_US)
    return Line("sw1", found.stream_key, stream_id)


def lined(line: Line, offset: int, *ids: str) -> LinedBatch:
    """A batch of a line."""
    decoded = batch(*(Event(each) for each in ids))
    assert line.stream_key is not None
    return LinedBatch(line, decoded, StreamPlace(line.stream_key, offset, offsets.digest_of(decoded)))


def told(outcomes: list[offsets.Outcome]) -> list[str]:
    """Each outcome in a word: rows accepted, `again` for a repeat, or the fault."""
    return [each.fault.name if isinstance(each, OffsetError) else f"{'again ' * each.repeated}{each.counts.accepted}" for each in outcomes]


def ids_of(home: Home) -> list[str]:
    """Records that count."""
    with home.connect() as connection:
        seq = home.head_seq(connection)
    return sorted(view.usage(home, ["record_id"], seq).column("record_id").to_pylist())


def test_a_group_of_several_streams_where_one_is_stale(home: Home) -> None:
    """One commit: stream a goes on by two, b has one connection that is ahead and another that is right, c repeats, d has no stream."""
    intake = Intake(home)
    a, b, late_b, c = a_line(home, "aaaa"), a_line(home, "bbbb"), a_line(home, "bbbb"), a_line(home, "cccc")
    assert told(intake.take_lined([lined(c, 0, "c0", "c1")], NOW_US)) == ["2"]
    group = [
        lined(a, 0, "a0"),
        lined(late_b, 1, "b1"),  # ahead
        lined(b, 0, "b0", "b00"),
        lined(late_b, 1, "b1"),  # in its place by now, and behind a refusal on its own connection
        lined(c, 0, "c0", "c1"),  # stored already
        lined(a, 1, "a1"),
        LinedBatch(Line("sw1"), batch(Event("d"))),
        lined(a, 1, "a1"),  # twice in one group
        lined(c, 1, "c2"),
    ]
    outcomes = intake.take_lined(group, NOW_US)
    assert told(outcomes) == ["1", "AHEAD", "2", "BROKEN", "again 2", "1", "1", "again 1", "1"]
    assert len({each.commit_seq for each in outcomes if isinstance(each, Stored) and each.counts != Counts(2)}) == 1, "one commit"
    assert ids_of(home) == ["a0", "a1", "b0", "b00", "c0", "c1", "c2", "d"]
    assert [registry.find(home, ANN, name).next_offset for name in ("aaaa", "bbbb", "cccc")] == [2, 1, 2]
    assert told(intake.take_lined([lined(late_b, 1, "b1")], NOW_US)) == ["BROKEN"]
    assert told(intake.take_lined([lined(a_line(home, "bbbb"), 1, "b1")], NOW_US)) == ["1"], "another connection goes on"


def test_a_group_without_anything_new_makes_no_commit(home: Home) -> None:
    intake, a = Intake(home), a_line(home, "aaaa")
    intake.take_lined([lined(a, 0, "a0")], NOW_US)
    with home.connect() as connection:
        before = home.head_seq(connection)
    assert told(intake.take_lined([lined(a, 0, "a0"), lined(a, 2, "a2")], NOW_US)) == ["again 1", "AHEAD"]
    with home.connect() as connection:
        assert home.head_seq(connection) == before


def test_other_records_in_one_group_at_one_offset(home: Home) -> None:
    intake = Intake(home)
    group = [lined(a_line(home, "aaaa"), 0, "a0"), lined(a_line(home, "aaaa"), 0, "b0")]
    assert told(intake.take_lined(group, NOW_US)) == ["1", "REUSED"]
    assert ids_of(home) == ["a0"]


def test_a_stream_that_is_finalized_while_its_batch_is_stored(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look at its place and the transaction: that one is undone, and stored again without the batch. Stream b goes on."""
    intake, a, b = Intake(home), a_line(home, "aaaa"), a_line(home, "bbbb")
    planned = []

    def looked(*words: object) -> object:
        plan = plain(*words)  # type: ignore[arg-type] -- passed on
        if not planned:
            registry.finalize(home, ANN, "aaaa", NOW_US)
        planned.append(plan.taken)
        return plan

    plain = offsets._planned  # noqa: SLF001 -- to be in between
    monkeypatch.setattr(offsets, "_planned", looked)
    assert told(intake.take_lined([lined(a, 0, "a0"), lined(b, 0, "b0")], NOW_US)) == ["FINALIZED", "1"]
    assert planned == [[0, 1], [1]]
    assert ids_of(home) == ["b0"]
    found = registry.find(home, ANN, "aaaa")
    assert (found.next_offset, found.counts) == (0, Counts())


def test_a_store_that_fails_breaks_no_stream(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    intake, a = Intake(home), a_line(home, "aaaa")

    def full(*_: object) -> None:
        raise StoreError("full", "make room")

    with monkeypatch.context() as patched:
        patched.setattr(offsets, "_move_on", full)
        with pytest.raises(StoreError, match="full"):
            intake.take_lined([lined(a, 0, "a0")], NOW_US)
    assert (ids_of(home), registry.find(home, ANN, "aaaa").next_offset) == ([], 0)
    assert told(intake.take_lined([lined(a, 0, "a0")], NOW_US)) == ["1"]


def test_a_stream_belongs_to_its_operator(home: Home) -> None:
    a_line(home, "aaaa")
    for act in (registry.find, lambda *words: registry.finalize(*words, NOW_US)):
        with pytest.raises(registry.OfAnotherError, match="another operator"):
            act(home, BEN, "aaaa")
    with pytest.raises(registry.ExistsError, match="'aaaa'"):
        registry.create(home, BEN, "aaaa", "sw1", NOW_US)
    assert registry.find(home, ANN, "aaaa").finalized_us is None


def test_the_digest_is_of_records_in_their_order() -> None:
    first = offsets.digest_of(batch(Event("a"), Event("b")))
    assert first == offsets.digest_of(batch(Event("a"), Event("b")))
    others = [
        batch(Event("b"), Event("a")),
        batch(Event("a")),
        batch(Event("a", 9), Event("b")),
        batch(Event("a"), Event("b"), rejects=["?"]),
    ]
    assert len({first, *(offsets.digest_of(each) for each in others)}) == 5


SENT = [("a", "b"), ("b", "c"), ("d",)]  # b comes twice


def prepare(folder: Path) -> None:
    """An empty home."""
    folder.mkdir()
    Home.open(folder / "home", create=True).close()


def work(folder: Path) -> None:
    """A client: make the stream or find it, send what is left by its next offset, finalize."""
    with Home.open(folder / "home") as home:
        line, intake = a_line(home, "aaaa"), Intake(home)
        for offset in range(registry.find(home, ANN, "aaaa").next_offset, len(SENT)):
            assert told(intake.take_lined([lined(line, offset, *SENT[offset])], NOW_US))[0] in {"2", "1"}
        registry.finalize(home, ANN, "aaaa", NOW_US)


def state(folder: Path) -> dict[str, object]:
    """Stored rows, without the numbers of commits."""
    row = tables.usage_stream_batches.c
    with Home.open(folder / "home") as home, home.connect() as connection:
        streams = connection.execute(sa.select(tables.usage_streams)).mappings().all()
        kept = connection.execute(sa.select(row.batch_offset, row.accepted, row.duplicate).order_by(row.batch_offset)).all()
        usage = sorted(view.usage(home, ["record_id"], home.head_seq(connection), every=True).column("record_id").to_pylist())
    plain = [{name: value for name, value in each.items() if not name.endswith("seq")} for each in streams]
    for each in plain:
        assert each["next_offset"] == len(kept)
        assert each["accepted"] == len(usage), "the stream has what counts, at any kill"
    return {"streams": plain, "batches": [tuple(each) for each in kept], "usage": usage}


def test_a_kill_at_any_point_and_a_client_that_goes_on_end_alike(tmp_path: Path, both: str) -> None:
    """Of the three batches, the second one has a record of the first: a batch that were stored twice would show as duplicates."""
    assert both
    crashes = Crashes(tmp_path, prepare, work, by_kill=["intake.before_commit:2"])
    expected = state(crashes.unharmed())
    assert expected["batches"] == [(0, 2, 0), (1, 1, 1), (2, 1, 0)]
    assert expected["usage"] == ["a", "b", "c", "d"]
    for point in [*POINTS, "intake.before_commit:2", "intake.committed:2", "stream.before_commit:2", "stream.committed:2"]:
        folder = crashes.at(point)
        state(folder)
        work(folder)
        assert state(folder) == expected, point
