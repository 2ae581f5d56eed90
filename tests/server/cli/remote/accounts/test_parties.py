"""Parties, in a home and by a service: both say the same, and record the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from billing.accounts.parties import examples
from billing.accounts.parties.kinds import CUSTOMER_KINDS, ISSUER_KINDS
from billing.store import tables

if TYPE_CHECKING:
    from pathlib import Path

    from tests.server.cli.remote.persons import Persons

pytestmark = pytest.mark.slow
NORTH = "accounts entity add north --name North --invoice-prefix N --credit-prefix NC"

# Words of a command, then the end of what it says. Each goes on from the state that the one before it left.
LIFE = """
party set P-300 identity --from 2026-01-01 name=Muster category=business | identity of P-300 from 2026-01-01: name Muster, category business
party set P-300 address billing --from 2026-01-01 city=Berlin country=de | address billing of P-300 from 2026-01-01: city Berlin, country DE
party set P-300 address billing --from 2026-03-01 --to 2026-09-30 city=Bonn country=DE | to 2026-09-30: city Bonn, country DE
party set P-300 contact billing --from 2026-01-01 phone=+49-30-901820 | contact billing of P-300 from 2026-01-01: phone +4930901820
party set P-300 consent marketing --from 2026-01-01 given=false | consent marketing of P-300 from 2026-01-01: given no
party end P-300 contact billing --on 2026-06-30 | contact billing of P-300 from 2026-01-01 ends: 2026-06-30 is its last day
entity set north legal_text footer --from 2026-01-01 texts.en=Bye texts.de=Ade | issuer north from 2026-01-01: texts de: Ade; en: Bye
entity set - tax_id vat --from 2026-01-01 number=DE136695976 | tax id vat of the issuer without a name from 2026-01-01: number DE136695976
entity end north legal_text footer --on 2026-06-30 | legal text footer of issuer north from 2026-01-01 ends: 2026-06-30 is its last day
"""


def test_the_life_of_parties(both: Persons) -> None:
    both(*NORTH.split())
    for line in LIFE.strip().splitlines():
        words, _, said = line.partition(" | ")
        rehearsed = both(*words.split(), "--dry-run").splitlines()
        assert (len(rehearsed), rehearsed[0]) == (2, "nothing is stored; this would happen:"), line
        assert rehearsed[1].endswith(said), line
        done = json.loads(both(*words.split(), "--json"))
        assert (done["existed"], done["commit_seq"] is None, done["said"]) == (False, False, [rehearsed[1].strip()]), line
        assert both(*words.split()).splitlines()[0].endswith("already"), line
    assert both("party", "show", "P-300", "--as-of", "2026-07-15") == (
        "kind      name       on 2026-07-15                   since       recorded by\n"
        "address   billing    city Bonn, country DE           2026-03-01  boss\n"
        "consent   marketing  given no                        2026-01-01  boss\n"
        "identity             name Muster, category business  2026-01-01  boss\n"
    )
    assert both("party", "show", "P-300", "--all").splitlines()[:3] == [
        "fact  kind      name       from        to          says                            recorded by",
        "   2  address   billing    2026-01-01              city Berlin, country DE         boss",
        "   3  address   billing    2026-03-01  2026-09-30  city Bonn, country DE           boss",
    ]
    shown = json.loads(both("party", "show", "P-300", "--all", "--json"))
    assert (shown["party"], len(shown["facts"])) == ("P-300", 5)
    assert shown["facts"][1] == {
        "fact_id": 3,
        "kind": "address",
        "name": "billing",
        "from_date": "2026-03-01",
        "to_date": "2026-10-01",
        "detail": {"city": "Bonn", "country": "DE"},
        "recorded_by": "boss",
        "commit_seq": shown["facts"][0]["commit_seq"] + 1,
    }
    assert "texts de: Ade; en: Bye" in both("entity", "show", "north", "--as-of", "2026-06-30")
    assert both("entity", "show", "north") == "issuer north has no facts on 2026-07-01\n"
    assert "number DE136695976" in both("entity", "show", "-")
    assert "number DE136695976" in both("entity", "show", "")
    assert both("party", "retract", "P-300", 3, "--reason", "did not move") == "address billing of P-300 from 2026-03-01 never held\n"
    assert "city Berlin" in both("party", "show", "P-300")


# What is refused, and the exit status.
REFUSED = """
1 | party set P-300 identity --from 2026-01-01 name=Muster
1 | party set P-300 address billing --from 2026-01-01 city=Berlin country=DE street
1 | party set P-300 address billing --from 2026-01-01 city=Berlin city=Bonn country=DE
1 | party set P-300 address --from 2026-01-01 city=Berlin country=XX
1 | party set P-300 tax_id vat --from 2026-01-01 number=DE136695977
1 | party set P-300 address billing --from 2026-01-01 city.en=Berlin country=DE
2 | party set P-300 style --from 2026-01-01 colour=#004488
2 | party set P-300 address billing --from 2026-01-01 --to 2025-12-31 city=Berlin country=DE
2 | party set P-300 address billing --from soon city=Berlin country=DE
2 | party end P-300 nothing --on 2026-01-01
1 | party end P-300 address billing --on 2026-01-01
1 | party retract P-300 1 --reason mistyped
2 | party retract P-300 1 --reason -
1 | entity set - identity --from 2026-01-01 name=North category=business
2 | entity set - delivery --from 2026-01-01 channel=email
"""


def test_refusals(both: Persons) -> None:
    """They have the same text, remedy and exit status by both ways."""
    for line in REFUSED.strip().splitlines():
        status, _, words = line.partition(" | ")
        assert "error: " in both(*words.replace("--reason -", "--reason=").split(), status=int(status)), line
    for words in ("party show P-9", "party set P-9 note x --from 2026-01-01 text=y", "entity show nowhere"):
        for run in (both.here, both.there):
            told = run(*words.split(), status=1)
            assert "P-9" in told or "no legal entity is called" in told, told
    with both.acting("the-finance"):
        assert "needs the role admin or operator" in both.there(
            "party", "end", "P-300", "address", "billing", "--on", "2026-01-01", status=1
        )


HOSTILE = [
    ("note", "x", "text=a\0b", 2),
    ("note", "x", "text=a\udc80b", 1),
    ("note", "x\0", "text=y", 2),
    ("note", "x", "te\udc80xt=y", 1),
    ("no\x1bte", "x", "text=y", 2),
    ("note", "x", "text=" + "y" * 1_000_000, 1),
    ("note", "x", "y" * 1_000_000 + "=y", 1),
]


def test_hostile_words_are_refused_and_shown_short(both: Persons) -> None:
    for kind, name, field, status in HOSTILE:
        told = both("party", "set", "P-300", kind, name, "--from", "2026-01-01", field, status=status)
        assert ("error: " in told, len(told) < 4_000, "\x1b" in told, "\0" in told) == (True, True, False, False), (kind, told)
    assert both("party", "show", "P-300", "--all") == "P-300 has no facts\n"


def test_what_a_role_does_not_see(both: Persons) -> None:
    both("party", "set", "P-300", "contact", "billing", "--from", "2026-01-01", "email=eva@example.com", "person=Eva", "phone=+4930901820")
    line = "contact  billing  person E***, email ***, phone *******1820  2026-01-01  boss"
    assert line in both.there("party", "show", "P-300", as_operator="the-auditor")
    assert line in both.there("party", "show", "P-300", as_operator="the-support")
    assert "person Eva, email eva@example.com" in both.there("party", "show", "P-300", "--why", "he calls", as_operator="the-support")
    assert "person Eva, email eva@example.com" in both.there("party", "show", "P-300", as_operator="the-finance")


def test_a_damaged_fact_is_shown_the_same_and_retracted(both: Persons) -> None:
    both("party", "set", "P-300", "note", "visit", "--from", "2026-01-01", "text=x")
    for home in (both.twin.home, both.guarded.home):
        with home.begin() as connection:
            connection.execute(tables.party_facts.update().values(detail="{}"))
    shown = both("party", "show", "P-300", "--all")
    assert "damaged: its fields are not those of note" in shown
    both("party", "retract", "P-300", shown.splitlines()[1].split()[0], "--reason", "damaged")
    assert both("party", "show", "P-300", "--all") == "P-300 has no facts\n"


EXAMPLES = [("party", kind) for kind in CUSTOMER_KINDS] + [("entity", kind) for kind in ISSUER_KINDS]


def test_each_example_works_as_typed(both: Persons) -> None:
    """`kinds KIND` ends with it. It names every field that is needed, and an account and an entity of each home here."""
    both(*NORTH.split())
    for home in (both.twin.home, both.guarded.home):
        opened = "accounts open A1 --name Li --currency CNY --timezone Asia/Shanghai --bill-day 1 --opened-on 2026-01-01"
        both.run(*opened.split(), "--home", home.path)
    for group, kind in EXAMPLES:
        words: Any = examples.words(kind, of_customer=group == "party")
        done = json.loads(both(*words[1:], "--json"))
        assert (done["existed"], len(done["said"])) == (False, 1), words
        shown = both.run(group, "kinds", kind)
        assert shown.splitlines()[-1].startswith(f"ratewright {group} set "), shown
        assert json.loads(both.run(group, "kinds", kind, "--json"))["example"] == shown.splitlines()[-1]
    assert [line.split()[0] for line in both.run("entity", "kinds").splitlines()[1:]] == list(ISSUER_KINDS)
    assert "yes     " in both.run("party", "kinds", "identity").splitlines()[2], "a customer needs a category"
    assert "category" not in both.run("entity", "kinds", "identity")
    assert ["email", "254"] in [line.split()[:2] for line in both.run("party", "kinds", "contact").splitlines()], "the most characters"
    [street] = [each for each in json.loads(both.run("party", "kinds", "address", "--json"))["fields"] if each["name"] == "street"]
    assert street["characters_max"] == 200
    assert "kinds: identity, address" in both.run("party", "kinds", "nothing", status=2)


def test_customers_are_found_by_both_ways(both: Persons) -> None:
    both("party", "set", "P-300", "contact", "billing", "--from", "2026-01-01", "email=Eva@example.com")
    both("party", "set", "P-300", "bank_account", "main", "--from", "2026-01-01", "holder=Eva", "iban=DE89370400440532013000")
    assert both("accounts", "find", "eva@").splitlines()[1:] == ["P-300    Single customer  email     eva@example.com"]
    assert "bank account  de89370400440532013000" in both("accounts", "find", "DE89 3704 0044")
    assert json.loads(both("accounts", "find", "eva@example.com", "--json"))["hits"][0]["found_by"] == "email"
    both("accounts", "find", "eva@", "--on", "2025-12-31", status=1)
    assert both.there("accounts", "find", "eva@", status=1, as_operator="the-auditor")
    seen = both.there("accounts", "find", "eva@example.com", as_operator="the-auditor")
    assert ("eva@" in seen, "email     ***" in seen) == (False, True)
    assert "******************3000" in both.there("accounts", "find", "DE89370400440532013000", as_operator="the-auditor")


def test_facts_are_imported_by_both_ways(both: Persons, tmp_path: Path) -> None:
    (tmp_path / "facts.json").write_text(
        '{"party_facts": [{"account_id": "P-300", "kind": "note", "name": "x", "from_date": "2026-01-01", "detail": {"text": "y"}}]}'
    )
    assert both("accounts", "import", tmp_path / "facts.json").splitlines()[-1].split() == ["party", "facts", "1", "0", "0"]
    assert both("accounts", "import", tmp_path / "facts.json").splitlines()[-1].split() == ["party", "facts", "0", "0", "1"]
    assert "text y" in both("party", "show", "P-300")
