"""Charge files that cannot be written: a clear error, and nothing that counts."""

from __future__ import annotations

import resource
import signal
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from billing.store import tables
from rating.errors import UserError
from rating.schema import CHARGE_V1
from tests.billing.runs.test_promises import FREE, a_plan, minutes, publish, subscribe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.billing.runs.world import World

CALLS = 400


@pytest.fixture
def used(world: World) -> World:
    publish(world, a_plan("plain", FREE))
    subscribe(world, "anna", "plain", "1001")
    world.take(*(minutes("1001", f"2025-10-{1 + number % 28:02}T{number // 28:02}:00:00", 1 + number % 7) for number in range(CALLS)))
    return world


@pytest.fixture
def no_room() -> Iterator[None]:
    """No file may grow beyond 8 KB, as on a disk that is full; the database's log has its pages already."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, ignored)


def test_a_full_disk_bills_nothing_and_the_next_attempt_all(used: World, no_room: None, monkeypatch: pytest.MonkeyPatch) -> None:
    del no_room
    original = pq.ParquetWriter.write_table

    def on_a_full_disk(self: pq.ParquetWriter, *args: object, **kwargs: object) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
        original(self, *args, **kwargs)  # type: ignore[arg-type]  # whatever the product passes

    with monkeypatch.context() as patched:
        patched.setattr(pq.ParquetWriter, "write_table", on_a_full_disk)
        with pytest.raises(UserError, match=r"charge files cannot be written to .*run=1: .*File too large"):
            used.bill("2025-11-01")
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.getrlimit(resource.RLIMIT_FSIZE)[1],) * 2)
    with used.home.connect() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(tables.charge_manifest)).scalar_one() == 0
    assert used.numbers() == []
    report = used.bill("2025-11-01")
    assert (report.resumed, report.invoices) == (True, 1)
    (file,) = used.home.charges_folder.rglob("part-*.parquet")
    assert pq.read_table(file, partitioning=None).column_names == CHARGE_V1.names
    assert pq.read_metadata(file).num_rows == CALLS
