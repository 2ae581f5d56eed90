"""What a user reads when a tariff plan folder cannot be imported, or the days of a calendar are wrong."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.errors.conftest import Provoke

FILES = Path(__file__).parent / "files" / "tariffs"
EXAMPLE = Path(__file__).parents[2] / "examples" / "cgrates"


def _call(tmp_path: Path, *more: object, currency: str = "EUR") -> list[object]:
    words = ["tariffs", "import-cgrates", tmp_path / "plan", "--into", tmp_path / "into"]
    return [*words, "--currency", currency, "--timezone", "Europe/Berlin", *more]


def test_a_folder_without_one_of_the_files(provoke: Provoke, tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE, tmp_path / "plan")
    (tmp_path / "plan" / "RatingProfiles.csv").unlink()
    provoke(_call(tmp_path), status=1, golden="tariffs/cgrates_missing_file", unchanged=tmp_path / "plan")
    assert not (tmp_path / "into").exists()


def test_a_folder_that_is_there(provoke: Provoke, tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE, tmp_path / "plan")
    shutil.copytree(EXAMPLE, tmp_path / "into")
    provoke(_call(tmp_path), status=1, golden="tariffs/cgrates_there_already", unchanged=tmp_path / "into")


def test_words_that_no_catalogue_takes(provoke: Provoke, tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE, tmp_path / "plan")
    provoke(_call(tmp_path, currency="EURO"), status=1, golden="tariffs/cgrates_currency", unchanged=tmp_path)
    provoke(_call(tmp_path, "--service", "call=pigeon"), status=1, golden="tariffs/cgrates_service", unchanged=tmp_path)


def test_days_of_calendars(provoke: Provoke, tmp_path: Path) -> None:
    shutil.copy(FILES / "calendar_days.yaml", tmp_path)
    provoke(["tariffs", "check", tmp_path / "calendar_days.yaml"], status=1, golden="tariffs/calendar_days")
