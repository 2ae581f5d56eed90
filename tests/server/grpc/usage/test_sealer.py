"""The journal of a service is sealed by itself: small batches leave no pile of ranges, and nothing is lost or counted twice."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from billing.intake import records, taking, view
from billing.intake.sealing import Portion
from billing.intake.streams.offsets import Line
from ratewright.v1 import usage_service_pb2 as pb
from rating.errors import StoreError
from server.grpc.usage import sealer
from server.grpc.usage.storing_sink import StoringSink, stream_sources
from server.observing.prometheus import PrometheusMeter, State
from tests.server.grpc.calls import ipc
from tests.server.grpc.calls import records as calls

if TYPE_CHECKING:
    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow
WAIT_S = 60
START_US = 1_730_000_000_000_000  # before the clock of the world
SOURCES = stream_sources(["stream"])


@pytest.fixture(autouse=True)
def _early(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than six ranges are many, two groups are looked at, and three rows are sealed at once."""
    for name, value in (("RANGES_MIN", 6), ("ROWS_MIN", 7), ("RANGES_MAX", 100), ("LOOK_EACH", 2), ("AT_ONCE", Portion(4, 3))):
        monkeypatch.setattr(sealer, name, value)


def send(sink: StoringSink, *ids: int) -> None:
    """A batch of one record each, each in a group of its own."""
    for each in ids:
        assert (
            sink.submit(Line("stream"), pb.UsageBatch(arrow_ipc=ipc(calls([each], start_us=START_US)))).result(WAIT_S).counts.accepted == 1
        )


def is_sealed(world: World, ranges: int) -> bool:
    """Return whether no more ranges than that are left, within a minute."""
    until_s = time.monotonic() + WAIT_S
    while records.unsealed(world.home).ranges > ranges and time.monotonic() < until_s:
        time.sleep(0.01)
    return records.unsealed(world.home).ranges <= ranges


def stored(world: World) -> list[str]:
    """Ids of the records that count."""
    with world.home.connect() as connection:
        seq = world.home.head_seq(connection)
    return sorted(view.usage(world.home, ["record_id"], seq).column("record_id").to_pylist())


def test_a_stream_of_small_batches_is_sealed_while_it_goes_on(world: World) -> None:
    """Twenty batches are as many ranges: no more than six wait in the end, and each record counts once."""
    sink = StoringSink(world.home, SOURCES, world.tick)
    send(sink, *range(20))
    assert is_sealed(world, 6)
    send(sink, 20)
    assert stored(world) == sorted(f"call-{each}" for each in range(21))
    assert sink.close(WAIT_S)


def test_what_an_earlier_service_left_is_sealed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealer, "LOOK_EACH", 1_000)
    first = StoringSink(world.home, SOURCES, world.tick)
    send(first, *range(9))
    assert first.close(WAIT_S)
    again = StoringSink(world.home, SOURCES, world.tick)
    send(again, 9)
    assert is_sealed(world, 6)
    assert again.close(WAIT_S)
    assert stored(world) == sorted(f"call-{each}" for each in range(10))


def test_few_ranges_and_few_rows_stay() -> None:
    """Seven ranges with seven rows are sealed; six ranges are not, nor are seven with fewer rows than it takes, until they are too many."""
    found = [sealer._due_rows(records.Unsealed(*each)) for each in ((6, 900), (7, 6), (7, 7), (101, 1))]  # noqa: SLF001 - the rule itself
    assert found == [0, 0, 7, 1]


def test_a_store_that_cannot_be_sealed_takes_streams_all_the_same(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[Portion] = []

    def full(_intake: taking.Intake, _now_us: int, portion: Portion) -> None:
        tried.append(portion)
        raise StoreError("no room", "make room")

    monkeypatch.setattr(taking.Intake, "seal_oldest", full)
    monkeypatch.setattr(sealer, "RETRY_S", 0.01)
    sink = StoringSink(world.home, SOURCES, world.tick)
    send(sink, *range(12))
    assert sink.close(WAIT_S)
    assert set(tried) == {(4, 3)}
    assert len(stored(world)) == 12


def test_a_seal_that_fails_of_a_mistake_of_ours_is_tried_again(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Twelve ranges are seven too many. The first two tries fail; nothing more is sent, and they are sealed all the same."""
    meter, well, original = PrometheusMeter(lambda: State([], 0, 0)), list[float | None](), taking.Intake.seal_oldest
    failed = threading.Event()

    def seal(intake: taking.Intake, now_us: int, portion: Portion) -> object:
        well.append(meter.registry.get_sample_value("ratewright_journal_sealing"))
        if len(well) <= 2:
            failed.set()
            raise KeyError("8613800000001")
        return original(intake, now_us, portion)

    monkeypatch.setattr(taking.Intake, "seal_oldest", seal)
    monkeypatch.setattr(sealer, "RETRY_S", 0.01)
    sink = StoringSink(world.home, SOURCES, world.tick, meter)
    send(sink, *range(12))
    assert failed.wait(WAIT_S)
    assert is_sealed(world, 6)
    assert sink.close(WAIT_S)
    assert well[:3] == [1, 0, 0]
    assert {each.message for each in caplog.records if each.levelname == "ERROR"} == {"the journal is not sealed: internal error"}
    assert len(stored(world)) == 12
