"""What stands beside the example catalogues: README, sheets as `tariffs sheet` prints them, and the deck that `deck import` wrote."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from server.cli import app
from tariffs.reading.load import load

if TYPE_CHECKING:
    from collections.abc import Iterator

CATALOGS = Path(__file__).parents[2] / "tariffs" / "catalogs"
TRUNK = CATALOGS / "wholesale-trunk"
SHEETS = {  # the plan of each folder whose sheet stands there
    "business": "business/team",
    "china-mobile": "china-mobile/star-39+data-10g+roaming-day",
    "content-services": "content-services/reader",
    "fixed-line": "fixed-line/office",
    "iot-pool": "iot-pool/tracker",
    "wholesale-trunk": "wholesale-trunk/trunk",
}
WITHOUT_DIARY = {"business"}  # its terms are of bills as a whole, which `tests/billing` bills
WRITES_GOLDEN = os.environ.get("RATEWRIGHT_GOLDEN") == "write"  # to change sheets on purpose


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("folder", SHEETS)
def test_the_sheet_is_what_the_command_prints(capsys: pytest.CaptureFixture[str], folder: str, language: str) -> None:
    command = ["tariffs", "sheet", SHEETS[folder], "--catalog", str(CATALOGS / folder), "--at", "2026-01-01", "--language", language]
    assert app.main(command) == 0
    printed, kept = capsys.readouterr().out, CATALOGS / folder / f"sheet.{language}.txt"
    if WRITES_GOLDEN:
        kept.write_text(printed, encoding="utf-8")
    assert printed == kept.read_text(encoding="utf-8"), (
        "if it is meant so: RATEWRIGHT_GOLDEN=write pytest tests/tariffs/test_example_folders.py"
    )


@pytest.mark.parametrize("folder", SHEETS)
def test_an_example_has_no_warning(capsys: pytest.CaptureFixture[str], folder: str) -> None:
    assert app.main(["tariffs", "check", str(CATALOGS / folder), "--strict"]) == 0, capsys.readouterr().out


@pytest.mark.parametrize("folder", SHEETS)
def test_the_readme_names_what_is_there(folder: str) -> None:
    """Plans and add-ons of the catalogue, files of the folder, and the diary."""
    text = (CATALOGS / folder / "README.md").read_text(encoding="utf-8")
    catalogue = load(CATALOGS / folder)
    plans = {plan.name for plan in catalogue.plans if plan.base is None} | {each.name for each in catalogue.add_ons}
    assert {name for name in plans if f"`{name}`" not in text} == set()
    for target in re.findall(r"\]\(([^)]+)\)", text):
        assert (CATALOGS / folder / target).exists(), target
    assert (f"../../../tests/diaries/{folder}.md" in text) is (folder not in WITHOUT_DIARY)


TITLED = (
    "allowances",
    "day_passes",
    "caps",
    "discounts",
    "recurring",
    "one_offs",
    "commitments",
    "volume_tiers",
    "invoice_discounts",
    "bill_thresholds",
)


def titles(folder: str) -> Iterator[dict[str, str]]:
    catalogue = load(CATALOGS / folder)
    yield from (catalogue.disclosure, catalogue.complaint_channel)
    yield from (price.title for price in catalogue.prices)
    yield from (zone.title for zone in (*catalogue.zones, *catalogue.roaming_zones) if folder != "wholesale-trunk")  # a deck's have none
    yield from (tax.title for tax in catalogue.tax_classes)
    for plan in (*catalogue.plans, *catalogue.add_ons):
        yield plan.title
        for name in TITLED:
            yield from (each.title for each in getattr(plan, name, ()))


@pytest.mark.parametrize("folder", SHEETS)
def test_everything_has_a_title_in_both_languages(folder: str) -> None:
    found = list(titles(folder))
    assert [title for title in found if title.keys() != {"en", "zh"}] == []
    assert [title for title in found if not re.search(r"[\u4e00-\u9fff]", title["zh"]) and "," not in title["zh"]] == []


def copied(tmp_path: Path) -> Path:
    folder = tmp_path / "wholesale-trunk"
    shutil.copytree(TRUNK, folder)
    return folder


def deck_import(folder: Path, name: str, *more: str) -> None:
    carrier = folder / "carrier"
    assert (
        app.main(
            ["tariffs", "deck", "import", str(carrier / name), "--mapping", str(carrier / "mapping.yaml"), "--into", str(folder), *more]
        )
        == 0
    )


def test_the_deck_is_what_the_import_writes(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    (folder / "deck.csv").write_text("zone_id,zone,prefixes,rate\n", encoding="utf-8")
    deck_import(folder, "2026-01-full.csv", "--full")
    assert (folder / "deck.csv").read_bytes() == (TRUNK / "deck.csv").read_bytes()


def test_the_carriers_changes_make_a_second_version(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """As the README does it; the comparison tells what the carrier wrote."""
    folder = copied(tmp_path)
    deck_import(folder, "2026-12-changes.csv", "--partial", "--on", "2026-12-01")
    text = (folder / "trunk.yaml").read_text(encoding="utf-8")
    text = text.replace("version: 1", "version: 2").replace("2026-01-01T00:00:00+08:00", "2026-12-01T00:00:00+08:00")
    (folder / "trunk.yaml").write_text(text, encoding="utf-8")
    capsys.readouterr()
    assert app.main(["tariffs", "diff", str(TRUNK), str(folder)]) == 0
    told = capsys.readouterr().out
    assert "  rate  0.112 USD a minute -> 0.131 USD a minute  (dearer +17.0 %)" in told
    assert "  rate  0.0185 USD a minute -> 0.017 USD a minute  (cheaper -8.1 %)" in told
    assert "2 prefixes from China to China main cities, such as 86571, 86577" in told
