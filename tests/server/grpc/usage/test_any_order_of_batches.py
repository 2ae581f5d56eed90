"""Usage streams in any order of acts: each answer is that of a plain model, and so is what is stored in the end."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from billing.intake import counting
from billing.intake.streams import offsets
from ratewright.v1 import usage_service_pb2 as pb
from tests.server.grpc.usage.stream_model import ROWS_MAX, Ack, Model
from tests.server.grpc.usage.streams import at, finalize, get, in_columns, make, send, stored

if TYPE_CHECKING:
    import grpc

    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow
KEPT = 4
MINUTE_US = 60_000_000
CONNECTIONS = 60
SEEDS = [1, 2, 3]


@pytest.fixture(autouse=True)
def _on_both(both: str) -> str:
    return both


def drawn(chance: random.Random, model: Model, name: str) -> list[tuple[int, list[int]]]:
    """Some batches of one connection, mostly in their place, else repeated, changed, stale, ahead or too large."""
    batches, after = [], len(model.streams[name])
    for _ in range(chance.randint(1, 5)):
        kind = chance.choices(["next", "repeat", "changed", "ahead", "large"], [10, 5, 2, 1, 1])[0]
        if kind in {"repeat", "changed"} and model.streams[name]:
            last = len(model.streams[name])
            offset = chance.randrange(0 if kind == "repeat" else max(0, last - KEPT), last)
            ids = model.streams[name][offset][0]
            batches.append((offset, ids if kind == "repeat" else [*ids[1:], 900]))
        else:
            rows = ROWS_MAX + 5 if kind == "large" else chance.randint(1, ROWS_MAX)
            ids = [chance.randrange(200) for _ in range(rows)]
            batches.append((after + (chance.randint(1, 3) if kind == "ahead" else 0), ids))
            after += kind == "next"
    return batches


@pytest.mark.parametrize("seed", SEEDS)
def test_any_order(channel: grpc.Channel, world: World, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Groups hold what one connection sends at once, so that a batch that cannot be counted is alone or among others."""
    monkeypatch.setattr(offsets, "KEPT_BATCHES", KEPT)
    monkeypatch.setattr(counting, "_INT64_MAX", (ROWS_MAX + 1) * MINUTE_US)
    chance, model = random.Random(seed), Model(KEPT)
    reasons = set()
    for name in ("usageStreams/one-1", "usageStreams/two-2"):
        model.streams[name] = []
        make(channel, name.partition("/")[2])
    for turn in range(CONNECTIONS):
        name = chance.choice(list(model.streams))
        batches = drawn(chance, model, name)
        sent = send(channel, name, *(chance.choice([at, in_columns])(offset, ids) for offset, ids in batches))
        acks = [Ack(ack.offset, ack.repeated, ack.accepted, ack.duplicate) for ack in sent.acks]
        answer = (acks, "" if sent.refusal is None else sent.refusal.reason)
        assert answer == model.send(name, batches), (turn, batches)
        reasons.add(answer[1])
        if turn == CONNECTIONS * 3 // 4:
            finalize(channel, name)
            model.finalized.add(name)
        accepted, duplicate = model.rows(name)
        found = get(channel, name)
        assert (found.next_offset, found.rows) == (len(model.streams[name]), pb.RowCounts(accepted=accepted, duplicate=duplicate))
    assert stored(world.home.path) == sorted(f"call-{each}" for each in model.known)
    assert reasons == {"", "OFFSET_AHEAD", "OFFSET_REUSED", "BATCH_UNUSABLE", "STREAM_FINALIZED"}, "all of them were met"
