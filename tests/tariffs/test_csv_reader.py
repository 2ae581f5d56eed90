"""Which files a tariff may name, how large they may be, and how their mistakes are told."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tariffs.documents import csv_reader, limits
from tariffs.documents.csv_reader import CsvReader, whole
from tariffs.language.texts import TextError

if TYPE_CHECKING:
    from pathlib import Path

    from tariffs.documents.document import Finding


def read(folder: Path, name: str = "a.csv", columns: tuple[str, ...] = ("a", "b")) -> tuple[list[dict[str, str]], list[str]]:
    """The rows of a file, and what was wrong with it."""
    findings: list[Finding] = []
    rows = [row.cells for row in CsvReader((), name, findings).rows(folder, columns)]
    return rows, [finding.message for finding in findings]


# content of the file -> rows, part of the one mistake ("" for none)
FILES = [
    (b"a,b\n1,2\n", 1, ""),
    (b"\xef\xbb\xbfa,b\r\n1,2\r\n\r\n", 1, ""),
    (b'a,b\n"1\n1",2\n3,4\n', 2, ""),
    (b"b,a\n1,2\n", 1, ""),
    (b"", 0, "column `a` is missing"),
    (b"a,b,b\n", 0, "there twice"),
    (b"a;b\n1;2\n", 0, "not parted by commas"),
    (b'a,b\n"1,2\n', 0, "not a CSV file"),
    (b"a,b\n1\n1,2\n", 1, "line 2: 1 cell instead of 2"),
    (b"a,b\n1,\xff\n", 0, "line 2 is not UTF-8 text"),
    (b"\xff\xfea\x00,\x00b\x00\n\x00", 0, "line 1 is not UTF-8 text"),
]


@pytest.mark.parametrize(("content", "rows", "mistake"), FILES)
def test_files(tmp_path: Path, content: bytes, rows: int, mistake: str) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    found, mistakes = read(tmp_path)
    assert len(found) == rows
    assert len(mistakes) == bool(mistake)
    assert mistake in "".join(mistakes)


def test_a_row_after_the_first_block_of_text_that_is_not_utf8_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"a,b\n" + b"1,2\n" * 9_998 + b"\xe9,1\n")
    assert read(tmp_path)[1] == ["a.csv: line 10000 is not UTF-8 text"]


def test_only_files_inside_the_folder_are_read(tmp_path: Path) -> None:
    inside, outside = tmp_path / "catalogue", tmp_path / "elsewhere"
    for folder in (inside, outside, inside / "inner"):
        folder.mkdir()
        (folder / "a.csv").write_text("a,b\n1,2\n")
    (inside / "link.csv").symlink_to("inner/a.csv")
    (inside / "out.csv").symlink_to(outside / "a.csv")
    (inside / "door").symlink_to(outside)
    (inside / "loop.csv").symlink_to("loop.csv")
    os.mkfifo(inside / "pipe.csv")
    names = {
        "a.csv": "",
        "inner/a.csv": "",
        "inner/../a.csv": "",
        "link.csv": "",
        "../elsewhere/a.csv": "lies outside",
        "../catalogue-2/a.csv": "lies outside",
        str(outside / "a.csv"): "lies outside",
        "/etc/passwd": "lies outside",
        "out.csv": "lies outside",
        "door/a.csv": "lies outside",
        "loop.csv": "",
        "pipe.csv": "not an ordinary file",
        "inner": "not an ordinary file",
        "missing.csv": "no such file",
        "a\0.csv": "cannot be read",
        "a" * 500: "cannot be read",
    }
    for name, mistake in names.items():
        rows, mistakes = read(inside, name)
        assert (len(rows) == 1) != bool(mistakes), name
        assert mistake in "".join(mistakes), (name, mistakes)
    assert read(inside, "loop.csv")[0] == []


def test_a_folder_that_is_a_link_itself(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.csv").write_text("a,b\n1,2\n")
    (tmp_path / "link").symlink_to("real")
    assert len(read(tmp_path / "link")[0]) == 1


def test_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.csv").write_text("a,b\n" + "1,2\n" * 20)
    monkeypatch.setattr(limits, "CSV_ROWS_MAX", 20)
    assert len(read(tmp_path)[0]) == 20
    monkeypatch.setattr(limits, "CSV_ROWS_MAX", 19)
    rows, mistakes = read(tmp_path)
    assert (len(rows), mistakes) == (19, ["a.csv: has more than 19 rows"])
    monkeypatch.setattr(limits, "CSV_BYTES_MAX", 83)
    assert read(tmp_path) == ([], ["a.csv: is larger than 0 MiB"])


def test_a_whole_country_in_one_cell(tmp_path: Path) -> None:
    cell = " ".join(f"86{number:07d}" for number in range(50_000))
    (tmp_path / "a.csv").write_text(f"a,b\n1,{cell}\n")
    [row], mistakes = read(tmp_path)
    assert (row["b"], mistakes) == (cell, [])


def test_mistakes_end_somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_reader, "MISTAKES_MAX", 3)
    (tmp_path / "a.csv").write_text("a,b\n" + "1\n" * 3)
    assert len(read(tmp_path)[1]) == 3
    (tmp_path / "a.csv").write_text("a,b\n" + "1\n" * 1_000)
    assert read(tmp_path)[1][3:] == ["a.csv: and more mistakes than 3"]


def test_whole_numbers() -> None:
    assert whole("0017") == 17
    for text in ("", "-1", "1.0", "\u0661", "9" * 5_000):
        with pytest.raises(TextError) as error:
            whole(text)
        assert len(error.value.message) < 100
