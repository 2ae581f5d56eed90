"""The clock of homes: who may move it, how it runs on, and that nobody else reads one."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import pytest

from rating.errors import UserError
from server import clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from billing.store.home import Home

ROOT = Path(__file__).parents[2]
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
READS_A_CLOCK = re.compile(r"time\.time(_ns)?\(|datetime\.now|datetime\.today|date\.today|utcnow|localtime\(|gmtime\(\)")

# The machine's clock, RATEWRIGHT_TODAY, the last commit of a practice home, and what it is there (all UTC)
MOVED = """
2026-11-29T18:45  -                          -                 2026-11-29T18:45
2026-11-29T18:45  2026-12-01                 -                 2026-12-01T18:45
2026-11-29T18:45  2026-12-01                 2026-11-30T23:59  2026-12-01T18:45
2026-11-29T00:01  2026-12-01                 2026-12-01T23:59  2026-12-01T23:59
2026-11-29T18:45  2026-11-30                 2026-12-01T00:01  2026-11-30T18:45
2026-11-29T18:45  2025-02-28                 -                 2025-02-28T18:45
2026-11-29T18:45  2026-12-01T09:00+08:00     -                 2026-12-01T01:00
2026-11-29T18:45  2026-12-01T09:00+00:00     2026-12-01T09:30  2026-12-01T09:30
2026-11-29T18:45  2026-12-01T09:00Z          2026-11-30T09:30  2026-12-01T09:00
"""
WRONG = ("tomorrow", "2026-13-01", "2026-12-01T09:00", "2026-12", "9999-12-31", "2026-12-01 9")


class FakeHome(NamedTuple):
    """What the clock asks of a home."""

    is_practice: bool
    latest_us: int = 0
    path: Path = Path("books")


def at(text: str) -> int:
    moment = dt.datetime.fromisoformat(text)
    return ((moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)) - EPOCH) // dt.timedelta(microseconds=1)


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Sets the clock of the machine; nothing is remembered of other tests."""

    def show(text: str) -> None:
        monkeypatch.setattr(clock, "machine_now_us", lambda: at(text))

    clock._moved_by_us.cache_clear()  # noqa: SLF001 -- what this process asked first
    monkeypatch.delenv(clock.TODAY, raising=False)
    yield show
    clock._moved_by_us.cache_clear()  # noqa: SLF001 -- as above


def home(*told: Any) -> Home:  # noqa: ANN401 -- fields of the fake
    return cast("Home", FakeHome(*told))


@pytest.mark.parametrize("row", MOVED.strip().splitlines())
def test_what_time_it_is_in_a_practice_home(row: str, machine: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    shown, today, last, expected = row.split()
    machine(shown)
    if today != "-":
        monkeypatch.setenv(clock.TODAY, today)
    practice = home(True, 0 if last == "-" else at(last))
    assert clock.now_us(practice) == at(expected)
    assert clock.today(practice).isoformat() == expected[:10]


@pytest.mark.parametrize("today", ["2026-12-01", "2026-12-01T09:00Z"])
def test_the_time_of_day_runs_on_over_midnight(today: str, machine: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """The day is that of the moment at which the process asked first: a service goes on into the next one."""
    monkeypatch.setenv(clock.TODAY, today)
    machine("2026-11-29T23:00")
    first_us = clock.now_us(home(True))
    machine("2026-11-30T02:30")
    assert clock.now_us(home(True)) - first_us == 3 * 3_600_000_000 + 1_800_000_000


def test_an_ordinary_home_goes_by_the_machine_and_refuses_another_day(
    machine: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine("2026-11-29T18:45")
    assert clock.now_us(home(False)) == at("2026-11-29T18:45")
    monkeypatch.setenv(clock.TODAY, "2026-12-01")
    with pytest.raises(UserError, match="RATEWRIGHT_TODAY is set to 2026-12-01, and books is an ordinary home folder") as caught:
        clock.now_us(home(False))
    assert (caught.value.remedy, caught.value.exit_status) == ("unset RATEWRIGHT_TODAY; a practice home is made with --practice", 2)
    monkeypatch.setenv(clock.TODAY, "")
    assert clock.now_us(home(False)) == at("2026-11-29T18:45"), "empty is not set"


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_day(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(clock.TODAY, text)
    with pytest.raises(UserError, match="RATEWRIGHT_TODAY") as caught:
        clock.now_us(home(True))
    assert caught.value.exit_status == 2


def test_nobody_else_reads_a_clock() -> None:
    """Not the commands, not the service, and nothing below them."""
    found = [
        f"{file.relative_to(ROOT)}: {line.strip()}"
        for folder in ("server", "billing", "mediation", "tariffs", "rating")
        for file in sorted((ROOT / folder).rglob("*.py"))
        for line in file.read_text(encoding="utf-8").splitlines()
        if READS_A_CLOCK.search(line)
    ]
    assert found == ["server/clock.py: return time.time_ns() // 1000"]
