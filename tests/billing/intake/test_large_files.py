"""Large files are taken in chunks: what they end in is what they end in as a whole, whatever happens between two chunks."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from billing.intake import large_files, view
from billing.intake.taking import Intake
from billing.store.tables import raw_files
from mediation.decode import decode_parts
from mediation.definitions.named import find
from rating.errors import UserError
from tests.billing.intake.suspended import suspended_rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from billing.store.home import Home

NOW_US = 1_773_187_200_000_000
ASTERISK = find("asterisk")
ROWS = 60


def row(number: int, seconds: int = 30) -> str:
    """A call of an Asterisk, a minute after the one before, in several ones a second leg that is absorbed."""
    minute, linked = divmod(number, 2)
    times = f"2026-03-01 10:{minute:02d}:00,2026-03-01 10:{minute:02d}:00,2026-03-01 10:{minute:02d}:{seconds:02d}"
    call = f"call.{minute}" if number % 10 < 2 else f"call.{minute}.{linked}"
    parties = f",8613800000001,8613700000001,c,,SIP/a-{call},SIP/b-{number},Dial,"
    return f"{parties},{times},{seconds},{seconds},ANSWERED,DOC,{call},,,{call},{number}\n"


TEXT = "".join(row(number) if number != 33 else "broken\n" for number in range(ROWS)) + row(3) + row(4, 31)


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file is large, and a chunk is a few rows."""
    monkeypatch.setattr(large_files, "LARGE_BYTES", 0)
    monkeypatch.setattr(large_files, "CHUNK_ROWS", 8)
    monkeypatch.setattr("mediation.decode.WINDOW_BYTES", 1200)


def test_chunks_end_in_what_the_whole_ends_in(
    home_maker: Callable, balanced: Callable, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    path = tmp_path / "Master.csv"
    path.write_text(TEXT)
    whole, chunked = home_maker("whole"), home_maker("chunked")
    expected = Intake(whole).take_file(path, ASTERISK, NOW_US)
    request.getfixturevalue("small_chunks")
    report = Intake(chunked).take_file(path, ASTERISK, NOW_US)
    assert report.commit_seq > 4
    found = {name: rows for name, rows in report.rows.items() if rows}
    assert found == {"answered": 53, "absorbed": 6, "conflicting": 1, "duplicate": 1, "rejected": 1}
    assert stored_events(chunked) == stored_events(whole)
    assert balanced(chunked) == balanced(whole)
    assert report.received == expected.received == 62
    assert report.rejected_by_reason == expected.rejected_by_reason == {"wrong_column_count": 1}
    (stored,) = files(chunked)
    assert (stored.rows, stored.sha256, stored.commit_seq) == (62, files(whole)[0].sha256, report.commit_seq)


@pytest.mark.usefixtures("small_chunks")
def test_it_is_known_when_it_comes_again(home: Home, balanced: Callable, tmp_path: Path) -> None:
    path = tmp_path / "Master.csv"
    path.write_text(TEXT)
    first = Intake(home).take_file(path, ASTERISK, NOW_US)
    copy = tmp_path / "copy.csv"
    copy.write_text(TEXT)
    again = Intake(home).take_file(copy, ASTERISK, NOW_US)
    assert (again.already_taken, again.commit_seq, again.same_as) == (True, first.commit_seq, str(path))
    packed = tmp_path / "Master.csv.gz"
    packed.write_bytes(gzip.compress(TEXT.encode()))
    report = Intake(home).take_file(packed, ASTERISK, NOW_US)
    assert (report.rows["duplicate"], report.rows["rejected"], report.received) == (62, 0, 62), "row by row, the broken one as well"
    balanced(home)


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("after", [1, 3])
def test_an_intake_that_ends_between_two_chunks(
    home: Home, balanced: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    """What is stored counts, the file is not known as a whole, and taking it again ends as if nothing had been."""
    path = tmp_path / "Master.csv"
    path.write_text(TEXT)
    plain, done = Intake._take, list[bool]()  # noqa: SLF001 - to end in its midst

    def ending(self: Intake, *arguments: object) -> object:
        if len(done) == after:
            raise KeyboardInterrupt
        done.append(True)
        return plain(self, *arguments)  # type: ignore[arg-type]  # passed on

    monkeypatch.setattr(Intake, "_take", ending)
    with pytest.raises(KeyboardInterrupt):
        Intake(home).take_file(path, ASTERISK, NOW_US)
    monkeypatch.setattr(Intake, "_take", plain)
    before, broken = len(stored_events(home)), len(suspended_rows(home))
    assert 0 < before < 58
    balanced(home)
    report = Intake(home).take_file(path, ASTERISK, NOW_US)
    assert (report.already_taken, report.rows["duplicate"]) == (False, before + broken + 1)
    assert broken == (after == 3), "the broken row comes in the third chunk"
    assert len(stored_events(home)) == 58, "60 rows, one of them broken, one in conflict"
    assert len(files(home)) == 2
    balanced(home)


@pytest.mark.usefixtures("small_chunks")
def test_a_file_that_changes_says_what_is_stored(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "Master.csv"
    path.write_text(TEXT)
    plain = Intake._take  # noqa: SLF001 - to change the file in its midst

    def changing(self: Intake, *arguments: object) -> object:
        path.write_text(TEXT[: len(TEXT) // 2])
        return plain(self, *arguments)  # type: ignore[arg-type]  # passed on

    monkeypatch.setattr(Intake, "_take", changing)
    with pytest.raises(UserError, match=r"changed while it was taken; its first \d+ rows are stored"):
        Intake(home).take_file(path, ASTERISK, NOW_US)


@pytest.mark.usefixtures("small_chunks")
def test_nothing_usable_is_refused(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "Master.csv"
    path.write_text("broken\n" * 500)
    with pytest.raises(UserError, match="no row of"):
        Intake(home).take_file(path, ASTERISK, NOW_US)
    assert files(home) == []


@pytest.mark.usefixtures("small_chunks")
def test_the_summary_has_all_sums(tmp_path: Path) -> None:
    path = tmp_path / "Master.csv"
    path.write_text(TEXT)
    parts = list(decode_parts(path, ASTERISK))
    assert len(parts) > 4
    told = large_files.summary(parts)
    assert (told.rows, len(told.rejects), told.usage.column("duration_us").to_pylist()) == (62, 1, [(60 * 30 + 31) * 1_000_000])


def stored_events(home: Home) -> list[tuple[object, ...]]:
    """Every event that is not in suspense, with what it is."""
    table = view.usage(home, ["record_id", "source_seq", "duration_us", "flags"], 10_000, every=True)
    return sorted(tuple(row.values()) for row in table.to_pylist())


def files(home: Home) -> list[sa.Row]:
    with home.connect() as connection:
        return list(connection.execute(sa.select(raw_files).order_by(raw_files.c.raw_file_id)))
