"""Customers are found by e-mail address, tax id, electronic address and bank account, by index. On both databases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy.dialects import sqlite

from billing.accounts.parties import kinds, recording
from billing.accounts.parties.recording import Named
from billing.accounts.parties.stored import NewFact
from billing.accounts.searching import party_query, search
from tests.billing.accounts.operator_home import ASKED, day, make

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import msgspec

    from billing.store.home import Home

pytestmark = pytest.mark.slow
FACTS: list[tuple[Named, str, str, msgspec.Struct]] = [
    (Named("A1"), "contact", "billing", kinds.Contact(email="Eva@Example.com")),
    (Named("A1"), "contact", "technical", kinds.Contact(email="eva@example.com")),
    (Named("A2"), "contact", "billing", kinds.Contact(email="eva@example.org")),
    (Named("A1"), "tax_id", "vat", kinds.TaxId("DE136695976")),
    (Named("A1"), "bank_account", "main", kinds.BankAccount("H", iban="DE89370400440532013000")),
    (Named("A2"), "electronic_address", "", kinds.ElectronicAddress("0204", "991-03730-19")),
    (Named(entity="north"), "tax_id", "vat", kinds.TaxId("DE136695976")),
]


@pytest.fixture
def home(tmp_path: Path, both: str) -> Iterator[Home]:
    assert both
    with make(tmp_path) as opened:
        for party, kind, name, detail in FACTS:
            recording.record(opened, ASKED, party, NewFact(kind, name, day("2026-01-01"), None, detail))
        yield opened


def found(home: Home, text: str, *, on: str = "", whole: bool = False) -> list[tuple[str, str, str, bool]]:
    hits = search(home, text, on=day(on) if on else None, whole=whole).hits
    return [(each.account_id, each.found_by, each.text, each.exact) for each in hits]


def test_by_all_of_it_or_its_beginning_exact_ones_first(home: Home) -> None:
    assert found(home, "EVA@example.com") == [("A1", "email", "eva@example.com", True)]
    assert found(home, "eva@") == [("A1", "email", "eva@example.com", False), ("A2", "email", "eva@example.org", False)]
    assert found(home, "de136695976") == [("A1", "tax_id", "de136695976", True)], "not the issuer"
    assert found(home, "DE89 3704 0044 0532 0130 00") == [("A1", "bank_account", "de89370400440532013000", True)]
    assert found(home, "991-03730-19") == [("A2", "electronic_address", "991-03730-19", True)]
    assert found(home, "%") == found(home, "e_a@") == found(home, "x") == []


def test_where_all_is_masked_a_beginning_finds_nothing(home: Home) -> None:
    assert found(home, "eva@", whole=True) == found(home, "DE8937", whole=True) == []
    assert found(home, "eva@example.com", whole=True) == [("A1", "email", "eva@example.com", True)]


def test_what_no_longer_holds_is_found_by_its_day(home: Home) -> None:
    recording.end(home, ASKED, Named("A2"), "contact", "billing", day("2026-03-31"))
    assert found(home, "eva@example.org") == [("A2", "email", "eva@example.org", True)]
    assert found(home, "eva@example.org", on="2026-03-31") == [("A2", "email", "eva@example.org", True)]
    assert found(home, "eva@example.org", on="2026-04-01") == []


def test_what_was_replaced_or_retracted_is_not_found(home: Home) -> None:
    other = NewFact("contact", "billing", day("2026-01-01"), None, kinds.Contact(email="new@example.org"))
    recording.record(home, ASKED, Named("A2"), other)
    assert (found(home, "eva@example.org"), len(found(home, "new@example.org"))) == ([], 1)
    recording.retract(home, ASKED, Named("A1"), 4, "mistyped")
    assert found(home, "de136695976") == []


def test_the_answer_is_bounded_and_says_so(home: Home) -> None:
    answer = search(home, "eva@", limit=1)
    assert ([each.account_id for each in answer.hits], answer.more) == (["A1"], True)


@pytest.mark.sqlite
@pytest.mark.parametrize("whole", [True, False])
def test_they_are_found_by_index(home: Home, *, whole: bool) -> None:
    if home.engine.dialect.name != "sqlite":
        with home.begin() as connection:
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            text = str(party_query("eva@", 50, whole=whole).compile(home.engine, compile_kwargs={"literal_binds": True}))
            plan = "\n".join(row[0] for row in connection.exec_driver_sql(f"EXPLAIN {text}".replace("%", "%%")))
            assert "ix_party_facts_found_as" in plan, plan
            assert "Index Cond" in plan, plan
        return
    text = str(party_query("eva@", 50, whole=whole).compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}))
    with home.connect() as connection:
        plan = "\n".join(row[-1] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}"))
    assert "SEARCH party_facts USING INDEX ix_party_facts_found_as" in plan, plan
