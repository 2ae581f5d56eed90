"""Files that cannot be read are refused with their place; what is read of a file is its rows and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rating.errors import UserError
from tariffs.cgrates import reading
from tariffs.cgrates.reading import DESTINATIONS, RATING_PROFILES, read
from tests.tariffs.cgrates.small import folder

if TYPE_CHECKING:
    from pathlib import Path

# bytes of Destinations.csv -> part of what is said
REFUSED = [
    ("Büro".encode("latin-1"), "Destinations.csv line 1: is not UTF-8 text"),
    (b'DST,"49\n', "Destinations.csv line 1: not CSV"),
    (b"A,1\n" * 300, "more than 200 lines"),
    (b"A" * 5_000, "is larger than"),
]


@pytest.mark.parametrize(("data", "told"), REFUSED)
def test_a_file_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes, told: str) -> None:
    monkeypatch.setattr("tariffs.documents.limits.CSV_ROWS_MAX", 200)
    monkeypatch.setattr("tariffs.documents.limits.CSV_BYTES_MAX", 4_000)
    place = folder(tmp_path / "plan")
    (place / DESTINATIONS).write_bytes(data)
    with pytest.raises(UserError, match=told):
        read(place)


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    place = folder(tmp_path / "plan")
    (place / RATING_PROFILES).unlink()
    with pytest.raises(UserError, match=r"there is no RatingProfiles\.csv") as told:
        read(place)
    assert "Timings.csv, Destinations.csv" in told.value.remedy


def test_a_folder_in_place_of_a_file(tmp_path: Path) -> None:
    place = folder(tmp_path / "plan")
    (place / DESTINATIONS).unlink()
    (place / DESTINATIONS).mkdir()
    with pytest.raises(UserError, match="is not an ordinary file"):
        read(place)


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read: No such file"):
        read(tmp_path / "none")


def test_other_files_are_listed(tmp_path: Path) -> None:
    place = folder(tmp_path / "plan")
    (place / "Actions.csv").write_text("x\n")
    assert [(each.file, each.line, each.what) for each in read(place).listed] == [("Actions.csv", 0, "the file is not read")]


def test_rows(tmp_path: Path) -> None:
    place = folder(tmp_path / "plan")
    text = "\ufeffTag,Prefix\r\n# a comment, and more\r\n\r\nDST, 49 \r\n,1\r\nDST,33,\r\nDST,1,2\r\n"
    (place / DESTINATIONS).write_text(text, encoding="utf-8", newline="")
    found = read(place)
    assert [(row.line, row.cells) for row in found.rows[DESTINATIONS]] == [(4, ("DST", "49")), (6, ("DST", "33"))]
    assert [(each.line, each.why) for each in found.listed] == [
        (5, "2 cells instead of Tag, Prefix"),
        (7, "3 cells instead of Tag, Prefix"),
    ]


@pytest.mark.parametrize(
    "head", ["Tag,DestinationRate,Timing,Weight", "Tag,DestinationRatesTag,TimingTag,Weight", "Id,DestinationRatesId,X"]
)
def test_heads_as_editions_have_them(tmp_path: Path, head: str) -> None:
    place = folder(tmp_path / "plan", "RatingPlans", "#Tag,DestinationRatesTag,TimingTag,Weight", head)
    assert read(place).rows["RatingPlans.csv"][0].cells[0] == "RP_RETAIL"


def test_columns_in_another_order(tmp_path: Path) -> None:
    place = folder(tmp_path / "plan", "RatingPlans", "#Tag,DestinationRatesTag,TimingTag,Weight", "Tag,Timing,DestinationRates,Weight")
    with pytest.raises(UserError, match=r"RatingPlans\.csv line 1: columns in another order"):
        read(place)


@pytest.mark.parametrize("row", ['DST,"49\nDST,33"', '# see,"below\nDST,33\n# and", this'])
def test_rows_that_a_quotation_mark_takes_in_are_told(tmp_path: Path, row: str) -> None:
    place = folder(tmp_path / "plan")
    (place / DESTINATIONS).write_text(f"{row}\nDST,50\n")
    found = read(place)
    assert [each.cells for each in found.rows[DESTINATIONS]] == [("DST", "50")]
    assert [(each.what, "several lines" in each.why) for each in found.listed] == [("the row is left out", True)]


def test_a_tag_may_be_called_tag(tmp_path: Path) -> None:
    place = folder(tmp_path / "plan")
    (place / DESTINATIONS).write_text("Tag,49\n")
    assert [row.cells for row in read(place).rows[DESTINATIONS]] == [("Tag", "49")]


@pytest.mark.parametrize(("text", "parts"), [("a;b", ["a", "b"]), (" a ; ;b;", ["a", "b"]), ("", [])])
def test_lists(text: str, parts: list[str]) -> None:
    assert reading.several(text) == parts
