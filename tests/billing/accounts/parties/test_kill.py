"""Killed at every commit point of recordings about parties, and called again: the same as without the kill. On both databases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from billing import accounts
from billing.accounts.parties import kinds, recording, stored
from billing.accounts.parties.recording import Named
from billing.accounts.parties.stored import NewFact
from billing.store import tables
from billing.store.home import Home
from tests.billing.accounts.operator_home import ANN, ASKED, NOW_US, day, make, write
from tests.crash_images import Crashes

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
A1, NORTH = Named("A1"), Named(entity="north")
BERLIN = kinds.Address("Berlin", "DE", street="Invalidenstr.", building="117")
FILES = {"party_facts": 'account_id,kind,name,from_date,to_date,detail\nA2,note,x,2026-01-01,,"{""text"": ""y""}"\n'}
POINTS = [
    *(f"accounts.change_{when}:{time}" for when in ("before_commit", "committed") for time in (1, 2, 3, 4)),
    *(f"accounts.{when}:1" for when in ("before_commit", "committed")),
]
COLUMNS = ("account_key", "entity", "kind", "name", "from_date", "to_date", "detail", "found_as", "by_name")


def work(folder: Path) -> None:
    """An address is recorded and ends, a text of an issuer never held, and a file is imported. Each act is done once, however often."""
    with Home.open(folder / "home") as home:
        if not _of_a1(home):  # after its end the same address would go on again
            recording.record(home, ASKED, A1, NewFact("address", "billing", day("2026-01-01"), None, BERLIN))
        recording.end(home, ASKED, A1, "address", "billing", day("2026-06-30"))
        text = NewFact("legal_text", "footer", day("2026-01-01"), None, kinds.LegalText({"en": "Bye"}))
        if not _retracted(home):
            recording.record(home, ASKED, NORTH, text)
            [fact] = _of_north(home)
            recording.retract(home, ASKED, NORTH, fact.fact_id, "mistyped")
        accounts.import_files(home, write(folder / "more", **FILES), NOW_US, by=ANN)


def _of_a1(home: Home) -> list[stored.PartyFact]:
    with home.connect() as connection:
        return stored.of_subject(connection, recording.subject_of(connection, A1))


def _of_north(home: Home) -> list[stored.PartyFact]:
    with home.connect() as connection:
        return stored.of_issuers(connection)


def _retracted(home: Home) -> bool:
    row = tables.party_facts.c
    with home.connect() as connection:
        return connection.execute(sa.select(row.fact_id).where(row.retracts.is_not(None))).first() is not None


def kept(folder: Path) -> list[tuple[Any, ...]]:
    """Facts as they are stored, without their numbers."""
    row = tables.party_facts.c
    with Home.open(folder / "home") as home, home.connect() as connection:
        return sorted((tuple(each) for each in connection.execute(sa.select(*(row[name] for name in COLUMNS)))), key=str)


def prepare(folder: Path) -> None:
    """Account A1 and issuer north are there."""
    folder.mkdir(exist_ok=True)
    make(folder).close()


def test_a_kill_and_a_second_call_end_alike(tmp_path: Path, both: str) -> None:
    assert both
    crashes = Crashes(tmp_path, prepare, work)
    expected = kept(crashes.unharmed())
    assert sorted(row[2] for row in expected) == ["address", "address", "legal_text", "note", "retraction"]
    for point in POINTS:
        folder = crashes.at(point)
        kept(folder)  # readable at once
        work(folder)
        assert kept(folder) == expected, point
