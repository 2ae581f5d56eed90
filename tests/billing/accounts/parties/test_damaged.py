"""Facts whose stored rows cannot be read: shown as damaged, found by the check, retracted, and in the way of no other fact."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from billing.accounts import exporting
from billing.accounts.parties import kinds, recording, stored
from billing.accounts.parties.recording import Named
from billing.accounts.parties.stored import NewFact
from billing.accounts.searching import search
from billing.controls import traces
from billing.store import tables
from rating.errors import UserError
from server.actions import parties
from tests.billing.accounts.operator_home import ASKED, NOW_US, day, make

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from billing.store.home import Home

pytestmark = pytest.mark.slow
A1, NORTH = Named("A1"), Named(entity="north")
DAMAGE = [
    ({"detail": '{"number": 7}'}, "its fields are not those of tax_id"),
    ({"detail": "{"}, "its fields are not those of tax_id"),
    ({"detail": "[" * 100_000}, "its fields are not those of tax_id"),
    ({"kind": "passport"}, "its kind is unknown"),
    ({"from_date": "soon"}, "its days cannot be read"),
]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """Fact 1 is a tax number of A1, fact 2 its contact, fact 3 a note about the issuer north."""
    with make(tmp_path) as opened:
        for party, kind, name, detail in (
            (A1, "tax_id", "tax_number", kinds.TaxId("21/815/08150")),
            (A1, "contact", "billing", kinds.Contact(email="eva@example.com")),
            (NORTH, "note", "visit", kinds.Note("Ring twice.")),
        ):
            recording.record(opened, ASKED, party, NewFact(kind, name, day("2026-01-01"), None, detail))
        yield opened


def damage(home: Home, fact: int, columns: dict[str, str]) -> None:
    with home.begin() as connection:
        connection.execute(sa.update(tables.party_facts).where(tables.party_facts.c.fact_id == fact).values(**columns))


@pytest.mark.parametrize(("columns", "what"), DAMAGE, ids=["type", "cut", "deep", "kind", "day"])
def test_one_damaged_row_is_told_and_keeps_no_other_from_being_read(home: Home, columns: dict[str, str], what: str) -> None:
    damage(home, 1, columns)
    shown = parties.show(home, A1, day("2026-02-01"), NOW_US, show_all=True).facts
    assert [each.says for each in shown if each.fact_id == 1] == [f"damaged: {what}"]
    assert [each.says for each in shown if each.fact_id == 2] == ["email eva@example.com"]
    assert [each.account_id for each in search(home, "eva@").hits] == ["A1"]
    assert [each.what for each in traces.findings(home) if each.place == "party_facts"] == [
        "1 facts about parties are damaged; `party retract` and `entity retract` take them back, by fact_id: 1"
    ]
    recording.retract(home, ASKED, A1, 1, "damaged")
    assert [each for each in traces.findings(home) if each.place == "party_facts"] == []
    with home.connect() as connection:
        assert [each.fact_id for each in stored.of_accounts(connection)] == [2]


@pytest.mark.parametrize("form", ["csv", "json"])
def test_an_export_leaves_nothing_out_in_silence(home: Home, tmp_path: Path, form: str) -> None:
    damage(home, 3, {"detail": "{}"})
    with pytest.raises(UserError) as refused:
        exporting.export_files(home, tmp_path / "out", form)
    assert refused.value.message == "note visit of issuer north from 2026-01-01 is damaged: its fields are not those of note"
    assert refused.value.remedy == "retract it: `ratewright entity retract north 3 --reason damaged`, then record it again"
    assert list((tmp_path / "out").iterdir()) == []
    recording.retract(home, ASKED, NORTH, 3, "damaged")
    assert exporting.export_files(home, tmp_path / "out", form)


def test_a_damaged_fact_is_replaced_and_not_ended(home: Home) -> None:
    damage(home, 1, {"detail": "{}"})
    with pytest.raises(UserError, match=r"tax id tax_number of A1 from 2026-01-01 is damaged"):
        recording.end(home, ASKED, A1, "tax_id", "tax_number", day("2026-02-01"))
    recording.record(home, ASKED, A1, NewFact("tax_id", "tax_number", day("2026-01-01"), None, kinds.TaxId("7")))
    assert [each for each in traces.findings(home) if each.place == "party_facts"] == []


def test_a_fact_that_would_be_refused_today_is_read(home: Home) -> None:
    """The longest number was once doubled by its capitals."""
    damage(home, 1, {"detail": f'{{"number": "{"S" * 42}"}}'})
    with home.connect() as connection:
        assert [each.detail for each in stored.of_accounts(connection) if each.fact_id == 1] == [kinds.TaxId("S" * 42)]
