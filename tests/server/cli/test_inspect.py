"""`ratewright usage inspect`: one file, or each member of an archive; every format; nothing is stored."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from server.cli import app

if TYPE_CHECKING:
    import pytest

EXAMPLES = Path(__file__).parents[3] / "examples" / "sources"
ROW = '"","8613800000001","8613900000002","c","x","SIP/a","SIP/b","Dial","x"'
ANSWERED = f'{ROW},"2026-03-01 10:00:00","2026-03-01 10:00:05","2026-03-01 10:01:05",65,60,"ANSWERED","DOCUMENTATION"\n'


def inspected(capsys: pytest.CaptureFixture[str], *words: object, status: int = 0) -> tuple[str, str]:
    assert app.main(["usage", "inspect", *map(str, words)]) == status
    told = capsys.readouterr()
    return told.out, told.err


def test_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = inspected(capsys, EXAMPLES / "packets.csv", "--source", EXAMPLES / "packets.yaml")
    lines = [line.split() for line in out.splitlines()]
    assert all(line in lines for line in (["rows", "4"], ["waiting", "3"], ["accepted", "1"], ["bytes", "12288"]))
    assert "note: 3 rows waiting" in out


def test_each_member_of_an_archive_is_a_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "monday.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/Master.csv", ANSWERED)
        archive.writestr("b/Master.csv", ANSWERED * 2)
    out, _ = inspected(capsys, path, "--source", "asterisk", "--json")
    figures = json.loads(out)
    assert [each["file"] for each in figures] == ["monday.zip/a/Master.csv", "monday.zip/b/Master.csv"]
    assert [(each["rows"], each["answered"], each["duplicate"]) for each in figures] == [(1, 1, 0), (2, 1, 1)]


def test_a_member_that_cannot_be_used(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "monday.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("Master.csv", ANSWERED)
        archive.writestr("notes.txt", "cut in the\n")
    out, err = inspected(capsys, path, "--source", "asterisk", status=1)
    assert out.count("figure") == 2
    assert "no row of monday.zip/notes.txt can be read" in err
