"""A day of mixed files from seven sources through `usage collect`: two collectors, killed again and again, and books that balance.

What the books must say was counted while the files were made (truth.py), not by anything that reads them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from billing.store.commit_points import POINTS, VARIABLE
from tests.day import day, files
from tests.day.truth import Sums

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

SEED: Final = 20260908
SOURCES: Final = Path(__file__).parent / "sources"
RATEWRIGHT: Final = (str(Path(sys.executable).with_name("ratewright")),)
_POINTS: Final = (  # after the claim, the journal, its sync, the commit, the note, the archive, and around sealing
    "collect.claimed", "intake.journal_written", "intake.journal_synced", "intake.before_commit", "intake.committed", "collect.taken",
    "collect.noted", "collect.moved", "seal.files_written", "seal.committed",
)  # fmt: skip
_COMPANION: Final = "collect.taken"  # where the second collector dies that runs beside each first one
_SIGNAL: Final = -9
_OUTCOMES: Final = ("answered", "unanswered", "absorbed", "duplicate", "conflicting", "rejected", "waiting", "assembled")


class Place:
    """A watched folder and a home."""

    def __init__(self, folder: Path) -> None:
        self.watched, self.home = folder / "watched", folder / "home"
        self.watched.mkdir()

    def collect(self, kill_at: str = "") -> subprocess.Popen[bytes]:
        """Start a collector that looks once."""
        words = (*RATEWRIGHT, "usage", "collect", str(self.watched), "--sources", str(SOURCES), "--settle", "0", "--seal-rows", "1")
        environment = {**os.environ, **({VARIABLE: kill_at} if kill_at else {})}
        return subprocess.Popen((*words, "--home", str(self.home)), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def ask(self, *words: str) -> Any:  # noqa: ANN401 - JSON
        """What a command answers as JSON."""
        call = (*RATEWRIGHT, *words, "--home", str(self.home), "--json")
        return json.loads(subprocess.run(call, check=False, capture_output=True).stdout)


@pytest.fixture(scope="module")
def made() -> day.Day:
    """The day of the test's seed."""
    return day.make(SEED)


@pytest.fixture(scope="module")
def collected(made: day.Day, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Place, set[str]]]:
    """The day after collection, and the points at which collectors died."""
    folder = tmp_path_factory.mktemp("day")
    place, died = Place(folder), set[str]()
    broken = [file for file in made.files if file.name == made.refused[0]]
    waiting = [file for file in made.files[:-1] if file not in broken]
    files.put(place.watched, broken)
    for place_of_point, point in enumerate(_POINTS):
        assert point in POINTS
        files.put(place.watched, [waiting.pop(0) for _ in waiting[:2]])
        collectors = [(point, place.collect(point))]
        if place_of_point % 3 == 0:  # a second one beside it, which dies as well
            collectors.append((_COMPANION, place.collect(_COMPANION)))
        died |= {name for name, collector in collectors if collector.wait(timeout=120) == _SIGNAL}
        if point not in died:  # the other one was faster
            files.put(place.watched, [waiting.pop(0) for _ in waiting[:1]])
            assert place.collect(point).wait(timeout=120) == _SIGNAL
            died.add(point)
    files.put(place.watched, waiting)
    assert place.collect().wait(timeout=120) == 1, "the file whose trailer is wrong is told by the exit status"
    files.put(place.watched, made.files[-1:])  # the file whose trailer was wrong comes again, whole
    assert place.collect().wait(timeout=120) == 0
    yield place, died
    shutil.rmtree(folder, ignore_errors=True)


def test_collectors_died_at_every_point(collected: tuple[Place, set[str]]) -> None:
    _, died = collected
    assert died == set(_POINTS)


@pytest.mark.parametrize("source", day.SOURCES)
def test_books_say_what_the_day_held(collected: tuple[Place, set[str]], made: day.Day, source: str) -> None:
    place, _ = collected
    report = place.ask("usage", "report", "--from", "2026-09-01", "--to", "2026-09-30", "--source", source)
    (line,) = report["intake"]
    expected = {outcome: sums for outcome, sums in made.truth.of(source).items() if sums.rows}
    assert expected
    assert line["ok"]
    for side in ("counted", "found"):
        assert {outcome: _sums(line[side][outcome]) for outcome in _OUTCOMES if outcome in line[side]} == expected, side
    (rated,) = report["rating"]
    assert rated["ok"]
    assert sum(each[0] for each in rated["left"].values()) == sum(expected.get(name, Sums()).rows for name in ("answered", "assembled"))


def test_every_book_balances(collected: tuple[Place, set[str]]) -> None:
    place, _ = collected
    answer = place.ask("controls")
    assert answer["books"]
    assert [book for book in answer["books"] if not book["ok"]] == []


def test_files_are_where_they_belong(collected: tuple[Place, set[str]], made: day.Day) -> None:
    """Each whole file is in the archive once, each broken one is among the rejected ones with its reason, and nothing is left over."""
    place, _ = collected
    archived = [path.name for path in (place.watched / "archive").rglob("*") if path.is_file()]
    rejected = {path.name for path in (place.watched / "rejected").rglob("*") if path.is_file()}
    whole = {file.name for file in made.files} - set(made.refused[:1])
    assert sorted(archived) == sorted(whole)
    assert {name for name in rejected if not name.endswith(".reason.json")} == set(made.refused)
    assert {f"{name}.reason.json" for name in made.refused} <= rejected
    assert [path.name for path in place.watched.iterdir() if path.is_file()] == []


def test_what_is_missing_is_found(collected: tuple[Place, set[str]], made: day.Day) -> None:
    place, _ = collected
    names = {finding["name"] for finding in place.ask("usage", "findings")["findings"]}
    assert {f"missing:{source}:{number}" for source, numbers in made.missing.items() for number in numbers} <= names
    assert sum(name.startswith("rejected:") for name in names) == 1, "the file that came again whole is no finding"


def _sums(quantities: list[int]) -> Sums:
    rows, duration_us, units, volume_bytes = quantities
    return Sums(rows, duration_us, volume_bytes, units)
