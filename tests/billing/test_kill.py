"""Killed at every commit point: what was stored counts, what was not does not, and doing it again ends in the same state.

Points of other parts have their own test.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec
import pytest
import sqlalchemy as sa

from billing import accounts, catalogue
from billing.accounts import lifecycle
from billing.accounts.recording import Asked
from billing.intake import books, view
from billing.intake.sealing import Portion
from billing.intake.taking import Intake
from billing.store import commit_points, tables
from billing.store.home import Home
from tests.billing.files import NOW_US, a_catalogue, write
from tests.billing.usage_rows import MARCH_US, Event, batch
from tests.crash_images import Crashes

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
MINE = [name for name in commit_points.POINTS if name.split(".")[0] in {"catalogue", "draft", "decision", "accounts", "intake", "seal"}]
FACTS = (
    tables.publications,
    tables.tariff_drafts,
    tables.tariff_decisions,
    tables.accounts,
    tables.subscriptions,
    tables.plan_facts,
    tables.guiding_facts,
    tables.subscription_facts,
)
ANN, BEN = catalogue.Operator("ann", 1001), catalogue.Operator("ben", 1002)


def work(folder: Path) -> None:
    """Everything once: publish, draft, review, repeal, import, pause, take in two batches that conflict, seal, more, seal a part."""
    with Home.open(folder / "home", create=True) as home:
        catalogue.publish(home, a_catalogue(), NOW_US)
        _second_version(home)
        accounts.import_files(home, folder / "in", NOW_US)
        lifecycle.pause(home, Asked(ANN, NOW_US), "S1", dt.date(2026, 3, 10), None, "abroad")
        intake = Intake(home)
        intake.take_batch("sw1", batch(*(Event(f"e{i}", 10 + i, start_us=MARCH_US + i) for i in range(50)), rejects=["?"]), NOW_US)
        intake.take_batch("sw1", batch(Event("e0", 99), Event("f")), NOW_US)
        intake.seal(NOW_US)
        intake.take_batch("sw1", batch(Event("g"), Event("e1", 98)), NOW_US)
        intake.take_batch("sw1", batch(Event("h")), NOW_US)
        intake.seal_oldest(NOW_US, Portion(1, 100))


def _second_version(home: Home) -> None:
    """Drafted, reviewed, published and repealed, each step unless it is done."""
    new = msgspec.structs.replace(a_catalogue(2), effective_from_us=NOW_US + 10)
    if len(catalogue.published(home)) == 1:
        catalogue.save(home, new, ANN, NOW_US)
        if not catalogue.decisions(home):
            catalogue.review(home, "mobile@2", BEN, NOW_US, accept=True)
        catalogue.publish_draft(home, "mobile@2", ANN, NOW_US, newest=lambda *_: None)
    if len(catalogue.in_force(home)) == len(catalogue.published(home)):
        catalogue.repeal(home, "mobile@2", ANN, NOW_US, from_us=NOW_US + 20, reason="a test")


def state(folder: Path) -> dict[str, object]:
    """What counts, without the sequence numbers and duplicates that a second try adds."""
    with Home.open(folder / "home") as home:
        with home.connect() as connection:
            head = home.head_seq(connection)
            facts = {table.name: [_plain(row) for row in connection.execute(sa.select(table)).mappings()] for table in FACTS}
            waiting = connection.execute(sa.select(tables.suspense.c.event_key, tables.suspense.c.reason, tables.suspense.c.raw)).all()
        usage = view.usage(home, ["record_id", "duration_us", "start_us", "served_id"], head, every=True).to_pylist()
        for line in books.intake_book(home, head):
            assert line.left == line.right, line
    assert len({row["record_id"] for row in usage}) == len(usage)
    return {
        **facts,
        "usage": sorted(usage, key=lambda row: row["record_id"]),
        "conflicts": sorted(set(waiting) - {(None, "wrong_column_count", "?")}, key=str),
    }


def _plain(row: sa.RowMapping) -> dict[str, object]:
    return {name: value for name, value in row.items() if name != "commit_seq"}


def prepare(folder: Path) -> None:
    """Files to import."""
    folder.mkdir()
    write(folder / "in")


@pytest.fixture(scope="module")
def crashes(tmp_path_factory: pytest.TempPathFactory) -> Crashes:
    return Crashes(tmp_path_factory.mktemp("crashes"), prepare, work, by_kill=["intake.journal_written", "seal.files_written"])


@pytest.fixture(scope="module")
def expected(crashes: Crashes) -> dict[str, object]:
    return state(crashes.unharmed())


@pytest.mark.parametrize("point", MINE)
def test_a_kill_and_a_second_try_end_alike(expected: dict[str, object], crashes: Crashes, point: str) -> None:
    folder = crashes.at(point)
    before = state(folder)  # readable at once, and balanced, before anyone mends anything
    assert len(before["usage"]) <= len(expected["usage"])  # type: ignore[arg-type]  # lists
    work(folder)
    assert state(folder) == expected
    with Home.open(folder / "home") as home:
        named = set(_named(home))
        files = {path.relative_to(home.path).as_posix() for path in (home.path / "usage").glob("*/*")}
        assert files == named, "nothing is left behind"


@pytest.mark.parametrize("point", ["seal.files_written", "seal.before_commit", "seal.committed", "seal.segments_deleted"])
def test_a_kill_while_a_part_is_sealed_loses_nothing(expected: dict[str, object], crashes: Crashes, point: str) -> None:
    """The range of `g` and `e1` is sealed, that of `h` behind it is not: 50 rows, `f`, `g` and `h` are there at every point."""
    folder = crashes.at(f"{point}:2")
    assert state(folder) == expected
    with Home.open(folder / "home") as home, home.connect() as connection:
        row = tables.usage_manifest.c
        left = connection.execute(sa.select(row.rows).where(row.sealed_at_seq.is_(None), row.form == "journal")).scalars().all()
    assert sorted(left) == ([1] if point in {"seal.committed", "seal.segments_deleted"} else [1, 2])
    work(folder)
    assert state(folder) == expected


def test_a_kill_between_two_batches_keeps_the_first(crashes: Crashes) -> None:
    with Home.open(crashes.at("intake.journal_synced:2") / "home") as home:
        assert view.usage(home, ["record_id"], 99).num_rows == 50
    with Home.open(crashes.at("intake.committed:2") / "home") as home:
        assert view.usage(home, ["record_id"], 99).num_rows == 50, "e0 gone, f come"


def _named(home: Home) -> list[str]:
    row = tables.usage_manifest.c
    with home.connect() as connection:
        usage = connection.execute(sa.select(row.path).where(row.sealed_at_seq.is_(None))).scalars().all()
        return [*usage, *connection.execute(sa.select(tables.index_snapshots.c.path)).scalars()]
