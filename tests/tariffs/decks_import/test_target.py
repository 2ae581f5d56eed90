"""The deck that a catalogue's folder names, and one read back out of a catalogue."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from rating.errors import ProblemsError, UserError
from rating.model import QuantityUnit
from tariffs.decks_import import ledger, published, target
from tariffs.language.texts import Quantity
from tests.tariffs.decks_import.helpers import MINUTE
from tests.tariffs.sample import loaded
from tests.tariffs.test_load import DECK

if TYPE_CHECKING:
    from pathlib import Path

CSV = "zone_id,zone,prefixes,rate,increments,connect_fee,blocked\n50,france,33 331,0.1,,,\n51,italy,39,0.2,60/1,0.05,\n52,cuba,53,,,,true\n"
ENTRY = next(line for line in DECK.splitlines() if "file: deck.csv" in line)


def found(folder: Path, text: str = DECK, name: str | None = None) -> target.Target:
    (folder / "a.yaml").write_text(text, encoding="utf-8")
    return target.find(folder, name)


def test_a_deck_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "deck.csv").write_text(CSV)
    made = found(tmp_path)
    assert (made.name, made.file, made.currency, made.on) == ("world", tmp_path / "deck.csv", "EUR", dt.date(2026, 1, 1))
    assert made.taken == {1, 2}
    assert made.deck.defaults == ledger.Defaults(MINUTE, (1_000, 1_000))
    assert [row.zone for row in made.deck.rows] == ["france", "italy", "cuba"]
    assert target.find(tmp_path / "a.yaml", "world").deck == made.deck


def test_a_deck_that_is_not_there_yet(tmp_path: Path) -> None:
    assert found(tmp_path).deck.rows == ()


def test_ids_of_other_decks_are_taken(tmp_path: Path) -> None:
    (tmp_path / "deck.csv").write_text(CSV)
    (tmp_path / "more.csv").write_text("zone_id,zone,prefixes,rate\n70,spain,34,0.1\n")
    text = DECK.replace(ENTRY, f"{ENTRY}\n{ENTRY.replace('world', 'more').replace('deck.csv', 'more.csv')}")
    assert found(tmp_path, text, "world").taken == {1, 2, 70}
    assert found(tmp_path, text, "more").taken == {1, 2, 50, 51, 52}
    with pytest.raises(UserError, match="several decks") as error:
        found(tmp_path, text)
    assert error.value.remedy == "name one with --deck: world, more"
    with pytest.raises(UserError, match="no deck `other`"):
        found(tmp_path, text, "other")


# terms of the entry -> increments and connect fee of rows that say nothing
TERMS = [
    ("increments: 60/1", (60_000, 1_000), 0),
    ("first_increment: 30s, increment: 6s", (30_000, 6_000), 0),
    ("increment: 6s", (6_000, 6_000), 0),
    ("first_increment: 6s", (6_000, 6_000), 0),
    ("connect_fee: '0.1'", None, 100_000),
]


@pytest.mark.parametrize(("words", "increments", "fee"), TERMS)
def test_terms_of_the_deck(tmp_path: Path, words: str, increments: tuple[int, int] | None, fee: int) -> None:
    defaults = found(tmp_path, DECK.replace("increments: 1/1", words) if "increments: 1/1" in ENTRY else DECK).deck.defaults
    assert (defaults.increments, defaults.connect_fee_micros) == (increments, fee)


def test_nothing_to_import_into(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such folder"):
        target.find(tmp_path / "none", None)
    with pytest.raises(UserError, match="holds no tariff file"):
        target.find(tmp_path, None)
    with pytest.raises(UserError, match="no deck is named there"):
        found(tmp_path, "identity: x\n")
    with pytest.raises(UserError, match="lies outside"):
        found(tmp_path, DECK.replace("file: deck.csv", "file: ../deck.csv"))
    wrong = {"per: 60s,": "a deck needs a `per`", "charge_code: 7,": "field `charge_code` is missing"}
    for word, message in wrong.items():
        with pytest.raises(ProblemsError) as error:
            found(tmp_path, DECK.replace(ENTRY, ENTRY.replace(word, "")))
        assert error.value.problems[0].message == message
    with pytest.raises(ProblemsError) as error:
        found(tmp_path, DECK.replace("identity: sample", "identity: [", 1))
    assert "not valid YAML" in error.value.problems[0].message
    (tmp_path / "deck.csv").write_text("zone_id,zone,prefixes,rate\n1,a,x,0.1\n")
    with pytest.raises(ProblemsError) as error:
        found(tmp_path)
    assert "is not a prefix" in error.value.problems[0].message


def test_a_deck_out_of_a_catalogue(tmp_path: Path) -> None:
    """What is read back costs the same as the file does."""
    (tmp_path / "deck.csv").write_text(CSV)
    catalogue = loaded(tmp_path, DECK)
    back = published.deck_of(catalogue, None)
    assert published.deck_of(catalogue, "world") == back
    assert back.defaults.per == MINUTE
    of_file = ledger.timelines(ledger.Deck(target.rows_of(tmp_path, "deck.csv"), ledger.Defaults(MINUTE, (1_000, 1_000))))
    assert ledger.timelines(back) == of_file
    with pytest.raises(UserError, match="has no deck `more`"):
        published.deck_of(catalogue, "more")


def test_a_catalogue_without_a_deck(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="sample@1 has no deck"):
        published.deck_of(
            loaded(tmp_path, DECK.replace("    decks: [world]\n", "").replace(ENTRY, "  []").replace("decks:\n  []", "")), None
        )


def test_other_terms_of_a_deck(tmp_path: Path) -> None:
    """What rows left empty is written out, so that the deck costs what it did."""
    (tmp_path / "deck.csv").write_text(CSV)
    deck = found(tmp_path).deck
    hour = ledger.Defaults(Quantity(3_600_000, QuantityUnit.MILLISECOND), (60_000, 60_000), 70_000)
    hourly = ledger.rebased(deck, hour)
    assert [ledger.terms_of(row, hour) for row in hourly.rows] == [
        ledger.Terms(6_000_000, (1_000, 1_000), 0),
        ledger.Terms(12_000_000, (60_000, 1_000), 50_000),
        None,
    ]
    assert ledger.timelines(ledger.rebased(hourly, deck.defaults)) == ledger.timelines(deck)
    with pytest.raises(UserError, match="cannot be said exactly"):
        ledger.rebased(deck, ledger.Defaults(Quantity(7_000, QuantityUnit.MILLISECOND)))
    with pytest.raises(UserError, match="count different things"):
        ledger.rebased(deck, ledger.Defaults(Quantity(1, QuantityUnit.MESSAGE)))
