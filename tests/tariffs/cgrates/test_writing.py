"""What an import leaves: folders that load, a list of what is not as it was, and nothing where it failed."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import pytest

from rating.errors import UserError
from tariffs.cgrates.reading import read
from tariffs.cgrates.translation import translate
from tariffs.cgrates.writing import INLINE_PREFIXES, write
from tariffs.reading.load import load
from tests.tariffs.cgrates.small import MONDAY, SETTINGS, costs, folder, imported

if TYPE_CHECKING:
    from pathlib import Path

    from tariffs.cgrates.translation import Settings


def test_folders_load_as_what_was_returned(tmp_path: Path) -> None:
    place = folder(tmp_path / "plan", "Destinations", "DST_DE,49", "DST_DE,49\nDST_DE,home")
    translated, catalogues = imported(place)
    into = tmp_path / "imported"
    assert sorted(path.name for path in into.iterdir()) == ["cgrates-1", "cgrates-2", "not-carried.csv", "plans.csv"]
    assert [load(into / f"cgrates-{each.version}").content_hash for each in catalogues] == [each.content_hash for each in catalogues]
    with (into / "not-carried.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file))[1:] == [[str(cell) for cell in each] for each in translated.not_carried]
    with (into / "plans.csv").open(encoding="utf-8", newline="") as file:
        assert ["cgrates.org", "call", "1001", "call-1001"] in list(csv.reader(file))


def test_many_prefixes_have_a_file_of_their_own(tmp_path: Path) -> None:
    rows = "".join(f"DST_MOBILE,49151{number:04d}\n" for number in range(INLINE_PREFIXES))
    made = imported(folder(tmp_path / "plan", "Destinations", "DST_MOBILE,4915\n", f"DST_MOBILE,4915\n{rows}"))
    (zone,) = (zone for zone in made[1][0].zones if zone.name == "DST_MOBILE")
    assert len(zone.prefixes) == INLINE_PREFIXES + 2
    assert (tmp_path / "imported" / "cgrates-1" / f"zone-{zone.zone_id}.csv").read_text().count("\n") == INLINE_PREFIXES + 3
    assert costs(made, "1001", "4915100199", 59, MONDAY) == 290_000


def test_an_import_never_writes_over_files(tmp_path: Path) -> None:
    translated = translate(read(folder(tmp_path / "plan")), SETTINGS)
    (tmp_path / "there").mkdir()
    assert write(translated, tmp_path / "there")  # an empty folder is as good as none
    with pytest.raises(UserError, match="is there already"):
        write(translated, tmp_path / "there")
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="is there already"):
        write(translated, tmp_path / "file")


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (SETTINGS._replace(currency="EURO"), r'the imported catalogue has a mistake: currency \(line 3\): "EURO" is not a currency'),
        (SETTINGS._replace(timezone="Mars/Olympus"), '"Mars/Olympus" is not a known time zone'),
    ],
)
def test_nothing_is_left_where_it_fails(tmp_path: Path, settings: Settings, told: str) -> None:
    place = folder(tmp_path / "plan")
    with pytest.raises(UserError, match=told):
        imported(place, settings)
    assert [path.name for path in tmp_path.iterdir()] == ["plan"]
