"""`ratewright usage` from a file to suspense and back to nothing new."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from billing.store.home import Home
from server.cli import app

if TYPE_CHECKING:
    from pathlib import Path

DIALLED = '"","8613800000001","8613900000002","ctx","x","SIP/a-1","SIP/b-1","Dial","x"'
GOOD = f'{DIALLED},"2026-03-01 10:00:00","2026-03-01 10:00:05","2026-03-01 10:01:05",65,60,"ANSWERED","DOCUMENTATION","u1",""'
OTHER = GOOD.replace("65,60", "65,59")
MISSED = f'{DIALLED},"2026-03-01 11:00:00","","2026-03-01 11:00:09",9,0,"NO ANSWER","DOCUMENTATION","u2",""'


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ANN401 - a small closure
    """Run a command in the home of the test; its stdout, as JSON if it was asked for."""
    monkeypatch.setenv("RATEWRIGHT_HOME", str(tmp_path / "home"))

    def call(*words: object, status: int = 0) -> Any:  # noqa: ANN401 - JSON is anything
        assert app.main([str(word) for word in words]) == status
        out = capsys.readouterr().out
        return json.loads(out) if "--json" in words else out

    return call


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "Master.csv"
    path.write_text(f"{GOOD}\n{MISSED}\n{GOOD}\nbroken\n")
    return path


@pytest.mark.slow
def test_ingest_makes_a_home_and_reports(run: Any, file: Path, tmp_path: Path) -> None:  # noqa: ANN401 - see the fixture
    (report,) = run("usage", "ingest", file, "--source", "asterisk", "--json")
    found = {outcome: rows for outcome, rows in report["rows"].items() if rows}
    assert found == {"answered": 1, "unanswered": 1, "duplicate": 1, "rejected": 1}
    assert (report["received"], report["answered_duration_us"]) == (4, 60_000_000)
    (again,) = run("usage", "ingest", file, "--source", "asterisk", "--json")
    assert (again["already_taken"], again["received"]) == (True, 0)
    with Home.open(tmp_path / "home") as home, home.connect() as connection:
        assert home.head_seq(connection) == 1


@pytest.mark.slow
def test_a_file_that_cannot_be_used_does_not_stop_the_others(
    run: Any,  # noqa: ANN401 - see the fixture
    file: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    cut, empty = tmp_path / "cut.csv", tmp_path / "empty.csv"
    cut.write_text("cut in the\n")
    empty.touch()
    words = ("usage", "ingest", cut, file, empty, "--source", "asterisk")
    assert app.main([str(word) for word in words]) == 1
    told = capsys.readouterr()
    assert "Master.csv" in told.out
    assert "2 of 3 files were refused, the others were taken" in told.err
    assert all(text in told.err for text in ("no row of", "holds no rows", "wrong_column_count"))
    (again,) = run("usage", "ingest", file, "--source", "asterisk", "--json")
    assert again["already_taken"]


@pytest.mark.slow
@pytest.mark.parametrize("bad", ["", "cut in the\n"])
def test_a_refused_file_leaves_no_empty_home(run: Any, tmp_path: Path, bad: str) -> None:  # noqa: ANN401 - see the fixture
    path = tmp_path / "bad.csv"
    path.write_text(bad)
    run("usage", "ingest", path, "--source", "asterisk", status=1)
    assert not (tmp_path / "home").exists()


@pytest.mark.slow
def test_several_files_and_what_waits(run: Any, file: Path, tmp_path: Path) -> None:  # noqa: ANN401 - see the fixture
    other = tmp_path / "Master.csv.1"
    other.write_text(OTHER + "\n")
    out = run("usage", "ingest", file, other, "--source", "asterisk")
    assert [line.split()[:8] for line in out.splitlines()[1:3]] == [
        ["Master.csv", "4", "1", "1", "0", "0", "1", "1"],
        ["Master.csv.1", "1", "0", "0", "0", "1", "0", "0"],
    ]
    assert "1 earlier row now conflicting" in out
    shown = run("usage", "suspense", "--json")
    assert [(each["source"], each["reason"], each["rows"]) for each in shown["counts"]] == [
        ("asterisk", "conflicting", 2),
        ("asterisk", "wrong_column_count", 1),
    ]
    assert [(row["reason"], row["file"], row["offset"]) for row in shown["rows"]] == [
        ("wrong_column_count", str(file), len(GOOD) * 2 + len(MISSED) + 3),
        ("conflicting", str(file), 0),
        ("conflicting", str(other), 0),
    ]
    assert [row["reason"] for row in run("usage", "suspense", "--reason", "wrong_column_count", "--json")["rows"]] == ["wrong_column_count"]
    text = run("usage", "suspense", "--limit", "1")
    assert "2 more: --limit 3 shows all" in text
    assert "broken" in text


@pytest.mark.slow
def test_a_name_that_is_no_utf8_and_rows_that_would_move_the_cursor(run: Any, file: Path, tmp_path: Path) -> None:  # noqa: ANN401
    path = tmp_path / os.fsdecode(b"caf\xe9.csv")
    path.write_bytes(file.read_bytes() + b"bad\x1b[2J row\n")
    assert run("usage", "inspect", path, "--source", "asterisk", "--json")["file"].endswith(r"caf\xe9.csv")
    (report,) = run("usage", "ingest", path, "--source", "asterisk", "--json")
    assert report["name"].endswith(r"caf\xe9.csv")
    assert run("usage", "suspense", "--json")["rows"][0]["file"] == str(tmp_path / r"caf\xe9.csv")
    shown = run("usage", "suspense")
    assert r"bad\x1b[2J row" in shown
    assert "\x1b" not in shown


@pytest.mark.slow
def test_suspense_names_the_file_from_the_root(run: Any, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ANN401
    monkeypatch.chdir(file.parent)
    run("usage", "ingest", file.name, "--source", "asterisk")
    (row,) = run("usage", "suspense", "--json")["rows"]
    with open(row["file"], "rb") as raw:  # noqa: PTH123 - as the operator would
        raw.seek(row["offset"])
        assert raw.read(row["length"]) == b"broken"


def test_inspect_prints_its_notes(run: Any, file: Path) -> None:  # noqa: ANN401 - see the fixture
    assert "note: 1 row wrong_column_count: " in run("usage", "inspect", file, "--source", "asterisk")


@pytest.mark.slow
def test_seal(run: Any, file: Path) -> None:  # noqa: ANN401 - see the fixture
    run("usage", "ingest", file, "--source", "asterisk")
    assert run("usage", "seal", "--json")["rows"] == 2
    assert run("usage", "seal") == "nothing to seal\n"
    assert "nothing waits" not in run("usage", "suspense")


def test_inspect_stores_nothing(run: Any, file: Path, tmp_path: Path) -> None:  # noqa: ANN401 - see the fixture
    figures = run("usage", "inspect", file, "--source", "asterisk", "--json")
    wanted = {
        "rows": 4,
        "accepted": 2,
        "answered": 1,
        "unanswered": 1,
        "duplicate": 1,
        "conflicting": 0,
        "answered_duration_us": 60_000_000,
    }
    assert {name: figures[name] for name in wanted} == wanted
    assert figures["rejected"] == {"wrong_column_count": 1}
    assert (figures["first"], figures["last"]) == ("2026-03-01T10:00:05Z", "2026-03-01T11:00:00Z")
    assert "answered_duration_us" in run("usage", "inspect", file, "--source", "asterisk")
    assert not (tmp_path / "home").exists()


def test_inspect_of_a_file_of_no_use_tells_and_fails(run: Any, tmp_path: Path) -> None:  # noqa: ANN401 - see the fixture
    path = tmp_path / "letter.csv"
    path.write_text("dear,you\n")
    assert run("usage", "inspect", path, "--source", "asterisk", "--json", status=1)["rejected"] == {"wrong_column_count": 1}
