"""What a user reads when a rate deck, its mapping, or the folder it goes into is wrong. Nothing is written then."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.server.cli.test_deck_commands import CATALOGUE, FULL

if TYPE_CHECKING:
    from tests.errors.conftest import Provoke

MAPPING = Path(__file__).parents[2] / "examples" / "decks" / "a-z.yaml"
HEADER = FULL.splitlines()[0]
SIX_MISTAKES = f"""\
{HEADER}
49,Germany,0.00000,0,015,1
49x,Germany Mobile,0.00000,0,0.04,6
1808,USA - Hawaii,0.00000,30,0.02,6
{"5" * 50},Nowhere,0.00000,0,0.02,6
33,France,0.00000,0,0.02,0
34,,0.00000,0,0.02,1
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A catalogue without its deck, and the mapping."""
    (tmp_path / "trunk").mkdir()
    (tmp_path / "trunk" / "trunk.yaml").write_text(CATALOGUE, encoding="utf-8")
    (tmp_path / "a-z.yaml").write_text(MAPPING.read_text(encoding="utf-8"), encoding="utf-8")
    return tmp_path


def words(folder: Path, *more: object, whole: str = "--full") -> list[object]:
    return ["tariffs", "deck", "import", folder / "a-z.csv", "--mapping", folder / "a-z.yaml", whole, "--into", folder / "trunk", *more]


# content of the deck (None: there is none) -> golden text
DECKS = [
    (None, "deck_missing"),
    (SIX_MISTAKES, "deck_six_mistakes"),
    (f"{HEADER}\n49,Germany,0,0,0.01,1\n49,Germany Mobile,0,0,0.04,6\n", "deck_conflict"),
    (HEADER.replace("cost_per_min", "price") + "\n49,Germany,0,0,0.01,1\n", "deck_no_column"),
    (f"{HEADER}\n49,Germany,0,0,0.0000123,1\n", "deck_too_fine"),
]


@pytest.mark.parametrize(("content", "golden"), DECKS)
def test_decks(provoke: Provoke, folder: Path, content: str | None, golden: str) -> None:
    if content is not None:
        (folder / "a-z.csv").write_text(content)
    provoke(words(folder), status=1, golden=f"tariffs/{golden}", unchanged=folder / "trunk")


def test_a_mapping_with_mistakes(provoke: Provoke, folder: Path) -> None:
    (folder / "a-z.csv").write_text(FULL)
    (folder / "a-z.yaml").write_text("columns: {prefix: prefix, dest: destination, rate: 0}\nrate_per: 60\ndelimiter: tabs\n")
    provoke(words(folder), status=1, golden="tariffs/deck_mapping", unchanged=folder / "trunk")


def test_a_deck_in_another_currency(provoke: Provoke, folder: Path) -> None:
    (folder / "a-z.csv").write_text(FULL)
    path = folder / "trunk" / "trunk.yaml"
    path.write_text(CATALOGUE.replace("currency: USD", "currency: EUR"), encoding="utf-8")
    provoke(words(folder), status=1, golden="tariffs/deck_currency", unchanged=folder / "trunk")


def test_a_folder_that_names_no_deck(provoke: Provoke, folder: Path) -> None:
    (folder / "a-z.csv").write_text(FULL)
    (folder / "trunk" / "trunk.yaml").write_text("identity: trunk\n")
    provoke(words(folder), status=1, golden="tariffs/deck_not_named", unchanged=folder / "trunk")


def test_neither_whole_nor_part(provoke: Provoke, folder: Path) -> None:
    (folder / "a-z.csv").write_text(FULL)
    provoke(
        [word for word in words(folder) if word != "--full"], status=2, golden="tariffs/deck_full_or_partial", unchanged=folder / "trunk"
    )


def test_a_day_that_is_none(provoke: Provoke, folder: Path) -> None:
    (folder / "a-z.csv").write_text(FULL)
    provoke(words(folder, "--on", "01.12.2026"), status=2, golden="tariffs/deck_day", unchanged=folder / "trunk")
    provoke(words(folder, "--received", "2026-11-01"), status=2, golden="tariffs/deck_received", unchanged=folder / "trunk")
    provoke(words(folder, "--notice-days", "-1"), status=2, golden="tariffs/deck_notice_days", unchanged=folder / "trunk")


def test_onto_what_is_not_there(provoke: Provoke, folder: Path) -> None:
    (folder / "a-z.csv").write_text(FULL)
    (folder / "empty").mkdir()
    provoke(words(folder, "--onto", folder / "empty"), status=1, golden="tariffs/deck_onto_nothing", unchanged=folder / "trunk")
