"""Example catalogues, and tariffs of these pages, for a month or two of life: billed, priced again by the twin, in books that balance."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from billing import catalogue
from billing.controls import books
from billing.verification.rerate_sample import rerate
from rating.status import Status
from tariffs.reading.load import load
from tests.billing.runs.world import World
from tests.diaries import reading

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGES = sorted(Path(__file__).parent.glob("*.md"))
CATALOGS = Path(__file__).parents[2] / "tariffs" / "catalogs"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "home", catalogues=())  # the shop taxes class 1 otherwise than they do
    yield made
    made.home.close()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_diary(world: World, page: Path) -> None:
    own = page.with_suffix("")  # a folder beside the page, where it has a tariff of its own
    tariff = load(own if own.is_dir() else CATALOGS / page.stem)
    diary = reading.read(page, tariff.currency)
    catalogue.publish(world.home, tariff, world.tick())
    _settle(world, diary, tariff.currency, tariff.timezone)
    world.take(*(entry.call for entry in diary.entries))
    for date in dict.fromkeys(date for date, _, _ in diary.invoices):
        world.bill(date)
    found = _costs(world)
    for entry in diary.entries:
        assert (entry.row, entry.worked_out()) == (entry.row, entry.costs)
        assert (entry.row, found.get(entry.start_us, reading.NOT_BILLED)) == (entry.row, entry.costs)
    for (date, account, lines), number in zip(diary.invoices, _numbers(world, diary), strict=True):
        billed = [(text, cents) for text, _, _, _, cents in world.lines(number)]
        assert (date, account, billed) == (date, account, lines)
    assert [book for book in books(world.home) if not book.ok] == []
    sample = rerate(world.home, None, 10**6, 1)
    assert (sample.events > 0, sample.disagreements) == (True, 0), sample.examples


def _settle(world: World, diary: reading.Diary, currency: str, timezone: str) -> None:
    """Accounts, lines and changes of plan."""
    for account in dict.fromkeys(line.account for line in diary.lines):
        opened = min(line.from_date for line in diary.lines if line.account == account)
        world.account(account, currency=currency, timezone=timezone, opened_on=opened)
    for line in diary.lines:
        world.subscription(line.name, line.account, line.plan, line.number, from_date=line.from_date)
    for name, plan, from_date in diary.changes:
        world.plan(name, plan, from_date)


def _costs(world: World) -> dict[int, int | str]:
    """By start: micro-units, or the status of what was refused; by the newest run that priced it."""
    found: dict[int, int | str] = {}
    for folder in sorted(world.home.charges_folder.glob("run=*"), key=lambda path: int(path.name.partition("=")[2])):
        for file in folder.glob("*.parquet"):
            rows = pq.read_table(file, columns=["start_us", "charge_micros", "status"], partitioning=None)
            rows = rows.set_column(0, "start_us", rows["start_us"].cast(pa.int64()))
            for row in rows.to_pylist():
                charge = row["charge_micros"]
                found[row["start_us"]] = Status(row["status"]).name if charge is None else int(charge * 1_000_000)
    return found


def _numbers(world: World, diary: reading.Diary) -> list[str]:
    """The numbers of the invoices that the page shows, in its order: an account's first invoice stands first."""
    waiting = {account: world.numbers(account) for _, account, _ in diary.invoices}
    return [waiting[account].pop(0) for _, account, _ in diary.invoices]
