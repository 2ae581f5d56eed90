"""The lines of a home of before are filled in as it is opened, or, where there are many, by `db upgrade` alone, which can be stopped."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from billing.controls import books
from billing.store import commit_points, tables, upgrading
from billing.store.checks import checking
from billing.store.home import Home
from billing.store.migrations import long_step
from billing.store.schema import SCHEMA_VERSIONS
from rating.errors import UserError
from server.cli.app import main
from tests.billing.documents import derived_periods
from tests.billing.documents.clerk import credit, void
from tests.billing.runs.world import Call, World

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

Periods = dict[tuple[int, int], str]

AHEAD = list(SCHEMA_VERSIONS[SCHEMA_VERSIONS.index("0014") + 1 :])  # the first of them is the long step
BACK = AHEAD[::-1]
NEWEST = SCHEMA_VERSIONS[-1]


class Stopped(BaseException):
    """The machine stopped."""


@pytest.fixture
def folder(tmp_path: Path, both: str) -> Path:
    """Four accounts with a fee in advance over three months, a document that is void, one of late usage, and a credit note."""
    assert both
    world = World(tmp_path / "home")
    for place, name in enumerate(("anna", "ben", "carl", "dora")):
        world.account(name)
        world.subscription(f"{name}-1", name, "shop/plus", str(1001 + place))
    world.bill("2025-11-01")
    void(world, "R-0000000002", "2025-11-02")
    world.bill("2025-12-01")
    world.take(Call("1003", "2025-11-03T10:00:00", 600))
    credit(world, "R-0000000001", 2, None, on="2025-12-02")
    world.bill("2026-01-01")
    world.home.close()
    return tmp_path / "home"


def stored(folder: Path) -> Periods:
    """The periods of lines in an open home, all of which are those of the rule of before."""
    line = tables.invoice_lines.c
    with Home.open(folder) as home, home.connect() as connection:
        rows = connection.execute(sa.select(line.invoice_key, line.line_no, line.billed_with).where(line.billed_with.is_not(None)))
        found = {(row.invoice_key, row.line_no): row.billed_with for row in rows}
        assert derived_periods.differing(home) == []
        assert [each.name for each in books(home) if not each.ok] == []
        assert checking.check(home).findings == []
    assert len(found) > 10
    return found


def test_a_small_home_is_filled_in_as_it_is_opened(folder: Path) -> None:
    before = stored(folder)
    assert upgrading.upgrade(folder, "0014").revisions == BACK
    assert stored(folder) == before


def test_a_large_home_is_upgraded_by_its_command_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Stopped in the middle it is opened by nobody, and goes on."""
    before = stored(folder)
    upgrading.upgrade(folder, "0014")
    monkeypatch.setattr(long_step, "LINES_MAX", 3)
    monkeypatch.setattr(long_step, "ACCOUNTS", 1)
    with pytest.raises(UserError, match="has schema 0014, and the upgrade to 0015 reads more than 3 lines") as refused:
        Home.open(folder)
    assert "ratewright db upgrade" in refused.value.remedy
    assert upgrading.upgrade(folder, dry_run=True) == upgrading.Upgrade("0014", NEWEST, AHEAD)
    for point, left in (("upgrade.part_committed", 4), ("upgrade.before_part_commit", 3), ("upgrade.part_committed", 3)):
        with monkeypatch.context() as patched:
            patched.setattr(commit_points, "reached", _stopping(point))
            with pytest.raises(Stopped):
                upgrading.upgrade(folder)
        with pytest.raises(UserError, match="is being upgraded to schema 0015, and not all of its lines are filled in"):
            Home.open(folder)
        assert upgrading.upgrade(folder, dry_run=True).left == left - (point == "upgrade.part_committed")
    capsys.readouterr()
    assert main(["db", "upgrade", "--home", str(folder)]) == 0
    assert capsys.readouterr().out == "filled in the lines of 2 accounts\n"
    assert stored(folder) == before
    assert main(["db", "upgrade", "--home", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"found": NEWEST, "to": NEWEST, "revisions": [], "left": 0, "notes": [], "dry_run": False}


def test_a_step_that_was_stopped_may_go_back(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = stored(folder)
    upgrading.upgrade(folder, "0014")
    with monkeypatch.context() as patched:
        patched.setattr(long_step, "LINES_MAX", 3)
        patched.setattr(long_step, "ACCOUNTS", 1)
        patched.setattr(commit_points, "reached", _stopping("upgrade.part_committed"))
        with pytest.raises(Stopped):
            upgrading.upgrade(folder)
    assert upgrading.upgrade(folder, "0014").left == 0
    assert stored(folder) == before


def _stopping(point: str) -> object:
    def reached(name: str) -> None:
        if name == point:
            raise Stopped

    return reached
