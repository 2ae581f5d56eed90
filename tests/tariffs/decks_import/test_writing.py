"""The canonical deck on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rating.errors import UserError
from rating.model import QuantityUnit
from tariffs.decks_import import writing
from tariffs.documents.deck_files import DeckRow
from tariffs.language.texts import Increments, Quantity
from tests.tariffs.decks_import.helpers import deck, merged, text

if TYPE_CHECKING:
    from pathlib import Path


def lengths(first: int, further: int, unit: QuantityUnit | None) -> Increments:
    return Increments(Quantity(first, unit), Quantity(further, unit))


# increments -> what stands in the cell
INCREMENTS = [
    (lengths(60_000, 1_000, QuantityUnit.MILLISECOND), "60/1"),
    (lengths(500, 60_000, QuantityUnit.MILLISECOND), "500ms/60"),
    (lengths(100_000, 1, QuantityUnit.BYTE), "100000/1"),
    (lengths(1, 1, QuantityUnit.MESSAGE), "1/1"),
    (lengths(60, 1, None), "60/1"),
]


@pytest.mark.parametrize(("increments", "cell"), INCREMENTS)
def test_increments(increments: Increments, cell: str) -> None:
    line = writing.csv_text([DeckRow(1, "a", ("1",), 10_000, increments, None)]).splitlines()[1]
    assert line == f"1,a,1,0.01,{cell}"


def test_a_fee_of_nothing_where_the_deck_has_one() -> None:
    rows = [DeckRow(1, "a", ("1",), 10_000, None, 0)]
    assert writing.csv_text(rows) == "zone_id,zone,prefixes,rate\n1,a,1,0.01\n"
    assert writing.csv_text(rows, connect_fee_micros=50_000) == "zone_id,zone,prefixes,rate,connect_fee\n1,a,1,0.01,0\n"


def test_names_with_commas_and_quotes_come_back(tmp_path: Path) -> None:
    rows = '1,"Congo, ""DR""",0.1,,\n2,Curaçao,0.000001,,\n'
    made = merged(tmp_path, "", rows)
    assert [row.zone for row in deck(tmp_path, text(made)).rows] == ['Congo, "DR"', "Curaçao"]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "deck.csv"
    assert writing.write(path, "a\n")
    assert not writing.write(path, "a\n")
    assert writing.write(path, "b\n")
    assert (path.read_text(), names(tmp_path)) == ("b\n", ["deck.csv"])
    with pytest.raises(UserError, match="cannot be written"):
        writing.write(tmp_path / "none" / "deck.csv", "a\n")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match="cannot be written"):
        writing.write(tmp_path / "folder", "a\n")
    assert names(tmp_path) == ["deck.csv", "folder"], "nothing is left beside it"
