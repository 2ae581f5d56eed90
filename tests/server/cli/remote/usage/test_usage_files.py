"""Commands about usage files, in a home and by a service: both print the same, but that a service knows no folder of a file."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING

import pytest

from tests.billing.collection import drop
from tests.server.access.conftest import NOW_US
from tests.server.cli.remote.persons import Persons, two_homes
from tests.server.cli.test_assemble import DEFINITION as SEGMENTS
from tests.server.cli.test_assemble import FIRST
from tests.server.cli.test_usage_report import DEFINITION, ROWS
from tests.server.grpc.usage.test_files import FILE, OTHER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
ASTERISK = ("--source", "asterisk")


@pytest.fixture
def empty(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Persons]:
    with two_homes(tmp_path, capsys, monkeypatch, lambda _: None) as made:
        yield made


def test_files_are_sent(empty: Persons, tmp_path: Path) -> None:
    """Of four rows one is answered, one not, one comes twice and one is broken. Another version of the first one conflicts with it."""
    first, second, packed, broken, spoilt = (tmp_path / name for name in ("Master.csv", "second.csv", "a.zip", "broken.csv", "b.zip"))
    first.write_bytes(FILE)
    second.write_bytes(FILE.replace(b"65,60", b"65,59"))
    broken.write_bytes(b"no row\n")
    for archive, good in ((packed, OTHER), (spoilt, b"nothing\n")):
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("good.csv", good)
            file.writestr("bad.csv", b"no row\n")
    assert "rejected and conflicting rows wait in suspense" in empty("usage", "ingest", first, second, *ASTERISK)
    assert "taken before, nothing added" in empty("usage", "ingest", first, *ASTERISK)
    again = ("usage", "ingest", first, second, *ASTERISK, "--json")
    here = empty.here(*again)
    assert empty.there(*again) == without_folder(here, "same_as", tmp_path)
    assert [each["already_taken"] for each in json.loads(here)] == [True, True]
    assert "a.zip/good.csv" in empty("usage", "ingest", packed, *ASTERISK, "--json", status=1)
    for words, status in (((packed, broken, spoilt), 1), ((broken,), 1), ((spoilt,), 1), ((tmp_path / "none.csv",), 1)):
        empty("usage", "ingest", *words, *ASTERISK, status=status)
    assert "error: " in empty.here("usage", "ingest", first, "--source", "nobody", status=2)
    assert "serve --source" in empty.there("usage", "ingest", first, "--source", "nobody", status=2)
    assert "not sent to a service" in empty.there("usage", "ingest", first, "--source", "mine.yaml", status=2)
    assert "--practice" in empty.there("usage", "ingest", first, *ASTERISK, "--practice", status=2)


def test_the_journal_is_sealed_and_the_waiting_ends(empty: Persons, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A message of two parts lacks one: it waits, and is in suspense once its time is up. Both homes seal the same rows."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "centre.yaml").write_text(SEGMENTS)
    (tmp_path / "first.csv").write_text(FIRST.replace("2026-03-02", "2025-11-12"))
    empty.in_both_homes("usage", "ingest", "first.csv", "--source", "centre.yaml")
    (row,) = json.loads(empty("usage", "assemble", "--json"))["incomplete"]
    assert (row["source"], row["call_ref"], row["state"], row["segments"]) == ("centre", "r-9", "waiting", 1)
    assert empty("usage", "assemble", "--limit", "0").startswith("0 assembled, 1 waiting, 0 suspended; 0 changed just now\n")
    assert empty("usage", "assemble", "--at", "2199-01-01T00:00:00+08:00").startswith("0 assembled, 0 waiting, 1 suspended; 1 changed")
    empty("usage", "assemble", "--limit", "-1", status=2)
    (tmp_path / "Master.csv").write_bytes(FILE)
    empty.in_both_homes("usage", "ingest", tmp_path / "Master.csv", *ASTERISK)
    assert json.loads(empty("usage", "seal", "--json"))["rows"] > 0
    assert empty("usage", "seal") == "nothing to seal\n"
    with empty.acting("the-finance"):
        for name in ("seal", "assemble"):
            assert "needs the role admin or operator" in empty.there("usage", name, status=1)


def test_records_of_files_wait(empty: Persons, tmp_path: Path) -> None:
    """Two versions of a call, and a row that is broken: their bytes are shown, and the row still cannot be read."""
    file = tmp_path / "Master.csv"
    file.write_bytes(FILE + FILE.splitlines(keepends=True)[0].replace(b"65,60", b"65,59"))
    empty.in_both_homes("usage", "ingest", file, *ASTERISK)
    here = empty.here("usage", "suspense", "--json")
    assert empty.there("usage", "suspense", "--json") == without_folder(here, "file", tmp_path)
    rows = json.loads(here)["rows"]
    assert [each["reason"] for each in rows].count("conflicting") == 2
    for row in rows:
        shown = ("usage", "suspense", "show", row["id"])
        assert empty.there(*shown, "--json") == without_folder(empty.here(*shown, "--json"), "file", tmp_path)
        assert _words(empty.there(*shown)) == _words(empty.here(*shown).replace(f"{tmp_path}/", ""))
    assert "it still cannot be read" in empty("usage", "suspense", "recycle", "--source", "asterisk")


def test_a_file_that_was_sent_is_not_kept(empty: Persons, tmp_path: Path) -> None:
    """Its row is longer than the 64 KiB that the store keeps. By the service a file that is gone is called by its name alone."""
    sent, taken = tmp_path / "sent.csv", tmp_path / "taken.csv"
    sent.write_bytes(FILE + b"x" * 100_000 + b"\n")
    taken.write_bytes(OTHER + b"y" * 100_000 + b"\n")
    empty.there("usage", "ingest", sent, *ASTERISK)
    empty.behind("usage", "ingest", taken, *ASTERISK)
    taken.unlink()
    rows = json.loads(empty.there("usage", "suspense", "--reason", "wrong_column_count", "--json"))["rows"]
    problems = {
        each["file"]: (
            json.loads(empty.there("usage", "suspense", "show", each["id"], "--json"))["raw_problem"],
            json.loads(empty.behind("usage", "suspense", "show", each["id"], "--json"))["raw_problem"],
        )
        for each in rows
    }
    gone = "the file sent.csv was sent to a service, which keeps no file: look at the row in your own"
    assert problems == {
        "sent.csv": (gone, gone),
        "taken.csv": ("the file is not there any more: taken.csv", f"the file is not there any more: {taken}"),
    }
    for each in rows:
        assert "/spool/" not in empty.there("usage", "suspense", "show", each["id"])
    assert str(tmp_path) not in empty.there("usage", "suspense", "recycle", "--source", "asterisk")


def test_findings(empty: Persons, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files 8 and 10 to 11 of a switch are missing."""
    monkeypatch.setattr(drop, "NOW_US", NOW_US)
    for home in (empty.twin.home, empty.guarded.home):
        for number in (7, 9, 12):
            drop.put(tmp_path / home.path.name, f"sw1_{number:04}.csv", drop.text(drop.Call(f"c{number}", at="2025-11-01 10:00:00")))
        drop.collect(home, tmp_path / home.path.name, machine_us=NOW_US)
    assert [each["name"] for each in json.loads(empty("usage", "findings", "--json"))["findings"]] == [
        "missing:sw1:8",
        "missing:sw1:10..11",
    ]
    waive = ("usage", "findings", "waive", "missing:sw1:8", "--reason", "the switch was down")
    assert empty(*waive) == "missing:sw1:8 is waived by boss: the switch was down\n"
    assert "error: " in empty(*waive, status=1)
    assert "error: " in empty("usage", "findings", "waive", "missing:sw1:9", "--reason", "x", status=1)
    empty("usage", "findings", "waive", "missing:sw1:10..11", "--reason", "it was down", "--json")
    assert empty("usage", "findings") == "no usage file is known to be missing or rejected\n"
    assert "waived by boss" in empty("usage", "findings", "--all")
    empty("usage", "findings", "--all", "--json")


def without_folder(text: str, field: str, folder: Path) -> str:
    """JSON with the names of files alone in a field, as a service has them."""
    return text.replace(f'"{field}": "{folder}/', f'"{field}": "')


def _words(text: str) -> list[str]:
    return text.split()


def test_a_report(empty: Persons, tmp_path: Path) -> None:
    """Of a file of a switch that numbers its records, and one of another source."""
    (tmp_path / "gate.yaml").write_text(DEFINITION)
    (tmp_path / "one.csv").write_text(ROWS.replace("2026-03-0", "2025-11-0"))
    (tmp_path / "Master.csv").write_bytes(FILE)
    report = ("usage", "report")
    assert "no usage was taken in yet" in empty(*report, status=1)
    empty.in_both_homes("usage", "ingest", tmp_path / "one.csv", "--source", tmp_path / "gate.yaml")
    empty.in_both_homes("usage", "ingest", tmp_path / "Master.csv", *ASTERISK)
    assert "every book balances" in empty(*report)
    assert [each["source"] for each in json.loads(empty(*report, "--json"))["intake"]] == ["asterisk", "gate"]
    for words in (("--by", "file"), ("--by", "day", "--json"), ("--source", "gate"), ("--from", "2025-10-01", "--to", "2025-11-30")):
        empty(*report, *words)
    for words in (("--by", "hour"), ("--source", "nobody"), ("--from", "2025-11-01")):
        assert "error: " in empty(*report, *words, status=2)
