"""A clock that was set back: nothing is committed, whatever it is, until it is right again. On both databases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing import setting_changes
from billing.controls import findings
from billing.store import settings
from billing.store.home import Home
from rating.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

NOON_US = 1_772_366_400_000_000  # 1 March 2026, 12:00 UTC
SECOND_US = 1_000_000
HOUR_US = 3_600 * SECOND_US


@pytest.fixture(autouse=True)
def _on_both(both: str) -> str:
    return both


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A home whose last commit was at noon."""
    Home.open(tmp_path / "home", create=True).close()
    commit(tmp_path / "home", NOON_US)
    return tmp_path / "home"


def commit(folder: Path, now_us: int, kind: str = "payment") -> int:
    """One command: its number."""
    with Home.open(folder) as home, home.begin() as connection:
        return home.next_commit_seq(connection, kind, now_us)


def head(folder: Path) -> int:
    with Home.open(folder) as home, home.connect() as connection:
        return home.head_seq(connection)


@pytest.mark.parametrize("kind", ["payment", "usage", "invoice", "ledger", "run"])
def test_every_commit_is_refused_again_and_again(folder: Path, kind: str) -> None:
    for _ in range(2):
        with pytest.raises(UserError) as caught:
            commit(folder, NOON_US - HOUR_US, kind)
    said = "the clock says 2026-03-01 11:00:00 UTC, and the last commit was at 2026-03-01 12:00:00 UTC: it was set back"
    assert caught.value.message == said
    assert caught.value.remedy.endswith("ratewright settings set clock_ahead_through 1 --reason ...")
    assert head(folder) == 1
    assert commit(folder, NOON_US, kind) == 2, "the clock is right again"


def test_a_step_of_less_than_a_second_is_no_setting_back(folder: Path) -> None:
    assert commit(folder, NOON_US - SECOND_US) == 2
    with pytest.raises(UserError, match="it was set back"):
        commit(folder, NOON_US - SECOND_US - 1)


def test_a_setting_is_refused_as_well_and_does_not_hide_it(folder: Path) -> None:
    with Home.open(folder) as home:
        with pytest.raises(UserError, match="it was set back"):
            setting_changes.put(home, "lines_per_day_max", "14", "ana", 2001, NOON_US - HOUR_US)
        assert setting_changes.put(home, "lines_per_day_max", "14", "ana", 2001, NOON_US)
        assert setting_changes.put(home, "lines_per_day_max", "13", "ana", 2001, NOON_US + HOUR_US)
    with pytest.raises(UserError, match="the last commit was at 2026-03-01 12:00:00 UTC"):
        commit(folder, NOON_US - HOUR_US)
    assert commit(folder, NOON_US) == 4


def test_who_worked_long_is_held_against_what_there_was_when_it_began(folder: Path) -> None:
    """It looks at the clock at 12:10; others commit at 12:30, then it does. Who comes at 12:20 now is too early, for 12:30 was there."""
    with Home.open(folder) as slow:
        assert commit(folder, NOON_US + HOUR_US // 2) == 2
        with slow.begin() as connection:
            assert slow.next_commit_seq(connection, "fact", NOON_US + HOUR_US // 6) == 3
    with pytest.raises(UserError, match="the last commit was at 2026-03-01 12:30:00 UTC"):
        commit(folder, NOON_US + HOUR_US // 3)


def test_a_server_meets_it_while_it_runs(folder: Path) -> None:
    with Home.open(folder) as home:
        for now_us in (NOON_US + HOUR_US, NOON_US + 2 * HOUR_US):
            with home.begin() as connection:
                home.next_commit_seq(connection, "usage", now_us)
        with pytest.raises(UserError, match="the last commit was at 2026-03-01 14:00:00 UTC"), home.begin() as connection:
            home.next_commit_seq(connection, "usage", NOON_US + HOUR_US)
    assert head(folder) == 3


def test_what_was_undone_is_not_held_against_anybody(folder: Path) -> None:
    with Home.open(folder) as home:
        with home.begin(dry_run=True) as connection:
            home.next_commit_seq(connection, "payment", NOON_US + HOUR_US)
        with home.begin() as connection:
            assert home.next_commit_seq(connection, "payment", NOON_US) == 2


def test_a_clock_that_was_ahead_is_excused_by_the_number_of_its_last_commit(folder: Path) -> None:
    """Commit 2 came under a clock of 2029; it is right since, and a server that was open all the time goes on as well."""
    with Home.open(folder) as server:
        with server.begin() as connection:
            assert server.next_commit_seq(connection, "usage", NOON_US + 30_000 * HOUR_US) == 2
        with pytest.raises(UserError) as caught, server.begin() as connection:
            server.next_commit_seq(connection, "usage", NOON_US + HOUR_US)
        assert caught.value.remedy.endswith("settings set clock_ahead_through 2 --reason ...")
        with pytest.raises(UserError, match="clock_ahead_through cannot be 3: the last commit is 2"):
            setting_changes.put(server, "clock_ahead_through", "3", "ana", 2001, NOON_US, reason="the battery was empty")
        with pytest.raises(UserError, match="setting clock_ahead_through needs a reason"):
            setting_changes.put(server, "clock_ahead_through", "2", "ana", 2001, NOON_US)
        setting_changes.put(server, "clock_ahead_through", "2", "ana", 2001, NOON_US, reason="the battery was empty")
        told = "ana says that the clock was ahead through commit 2: the battery was empty"
        assert [(each.name, each.text, each.owner, each.due_on, each.is_open) for each in findings.findings(server)] == [
            (settings.CLOCK_FINDING, told, "ana", "2026-03-06", True)
        ]
        with server.begin() as connection:
            assert server.next_commit_seq(connection, "usage", NOON_US + HOUR_US) == 4
    with pytest.raises(UserError, match="the last commit was at 2026-03-01 13:00:00 UTC"):
        commit(folder, NOON_US)
