"""Customers are found by e-mail address, tax id, electronic address and bank account, by index. On both databases."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

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


class Row(NamedTuple):
    """A row of the index, after which more is read."""

    found_as: str
    account_key: int


LATER = Row("eva@example.com", 1)


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


@pytest.mark.parametrize(
    ("given", "searched"),
    [
        ("vat DE136695976", "DE 136.695.976"),
        ("vat DE136695976", "de-136695976"),
        ("tax_number 12  345   67890", "12  345   67890"),
        ("tax_number 12  345   67890", "1234567890"),
        ("tax_number 21/815/08150", "21/815/08150"),
    ],
)
def test_a_number_is_looked_for_in_its_one_spelling(home: Home, given: str, searched: str) -> None:
    name, _, number = given.partition(" ")
    recording.record(home, ASKED, Named("A3"), NewFact("tax_id", name, day("2026-01-01"), None, kinds.TaxId(number)))
    assert [account for account, *_ in found(home, searched)][-1:] == ["A3"]
    assert [each[3] for each in found(home, searched)][-1:] == [True], "exact"


def test_an_iban_is_found_as_people_write_it(home: Home) -> None:
    for text in ("DE89-3704-0044-0532-0130-00", "de89\u20133704\u20130044\u20130532\u20130130\u201300", "DE\uff18\uff19 3704"):
        assert [each[0] for each in found(home, text)] == ["A1"], text


def test_on_a_day_the_latest_fact_of_a_kind_and_name_counts(home: Home) -> None:
    """As `party show` has it: a later fact overrides one without an end."""
    other = NewFact("contact", "billing", day("2026-06-01"), None, kinds.Contact(email="new@example.org"))
    recording.record(home, ASKED, Named("A2"), other)
    assert found(home, "eva@example.org", on="2026-05-31") == [("A2", "email", "eva@example.org", True)]
    assert found(home, "eva@example.org", on="2026-06-01") == []
    assert len(found(home, "eva@example.org")) == 1, "without a day what held at any time is found"


@pytest.mark.parametrize("limit", [1, 2])
def test_facts_that_no_longer_count_hide_no_other_and_are_no_more(home: Home, limit: int) -> None:
    """Of A1 and A2 the addresses were slips of the same day; the one of A3 comes after them in the index."""
    for account, email in (("A1", "info1@x.example"), ("A2", "info2@x.example"), ("A1", "z1@y.example"), ("A2", "z2@y.example")):
        recording.record(home, ASKED, Named(account), NewFact("contact", "post", day("2026-01-01"), None, kinds.Contact(email=email)))
    recording.record(home, ASKED, Named("A3"), NewFact("contact", "post", day("2026-01-01"), None, kinds.Contact(email="info9@x.example")))
    answer = search(home, "info", limit=limit)
    assert ([each.account_id for each in answer.hits], answer.more) == (["A3"], False)


def test_rows_of_the_index_are_read_in_lots(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("billing.accounts.searching._ROWS_AT_ONCE", 1)
    test_facts_that_no_longer_count_hide_no_other_and_are_no_more(home, 1)
    assert [each[0] for each in found(home, "eva@")] == ["A1", "A2"]


def test_the_answer_is_bounded_and_says_so(home: Home) -> None:
    answer = search(home, "eva@", limit=1)
    assert ([each.account_id for each in answer.hits], answer.more) == (["A1"], True)


@pytest.mark.sqlite
@pytest.mark.parametrize("after", [None, LATER])
@pytest.mark.parametrize("whole", [True, False])
def test_they_are_found_by_index(home: Home, after: Row | None, *, whole: bool) -> None:
    if home.engine.dialect.name != "sqlite":
        with home.begin() as connection:
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            text = str(party_query("eva@", 50, whole=whole, after=after).compile(home.engine, compile_kwargs={"literal_binds": True}))
            plan = "\n".join(row[0] for row in connection.exec_driver_sql(f"EXPLAIN {text}".replace("%", "%%")))
            assert "ix_party_facts_found_as" in plan, plan
            assert "Index Cond" in plan, plan
        return
    text = str(party_query("eva@", 50, whole=whole, after=after).compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}))
    with home.connect() as connection:
        plan = "\n".join(row[-1] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}"))
    assert "SEARCH party_facts USING INDEX ix_party_facts_found_as" in plan, plan
