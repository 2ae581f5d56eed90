"""Facts about parties in a home: recorded, replaced, ended, retracted, and the party that documents of a day have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing.accounts.parties import kinds, recording, stored
from billing.accounts.parties.recording import Named
from billing.accounts.parties.stored import NewFact, Subject
from billing.accounts.parties.view import Party
from rating.errors import NotFoundError, UserError
from tests.billing.accounts.operator_home import ASKED, DRY, day, make

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import msgspec

    from billing.accounts.recording import Done
    from billing.store.home import Home

pytestmark = pytest.mark.slow
A1, NORTH, UNNAMED = Named("A1"), Named(entity="north"), Named(entity="")
BERLIN = kinds.Address("Berlin", "DE", street="Invalidenstr.", building="117", postal_code="10115")
BONN = kinds.Address("Bonn", "DE", street="Am Markt", building="1", postal_code="53111")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """Account A1 and issuer north are there."""
    with make(tmp_path) as opened:
        yield opened


def test_a_removal_is_one_new_fact(home: Home) -> None:
    assert put(home, A1, "address", "billing", BERLIN, "2026-01-01").said == (
        "address billing of A1 from 2026-01-01: city Berlin, country DE, street Invalidenstr., building 117, postal code 10115",
    )
    put(home, A1, "address", "billing", BONN, "2026-03-01")
    put(home, A1, "address", "service", BERLIN, "2026-02-01")
    assert party(home, A1, "2025-12-31").named(kinds.Address) == {}
    assert party(home, A1, "2026-02-28").named(kinds.Address) == {"billing": BERLIN, "service": BERLIN}
    assert party(home, A1, "2026-03-01").named(kinds.Address) == {"billing": BONN, "service": BERLIN}
    assert party(home, A1, "2026-03-01").one_of(kinds.Address, "letters", "service") == BERLIN
    assert party(home, A1, "2026-03-01").one_of(kinds.Address, "letters") == BONN, "the first by name"


def test_a_fact_with_an_end_gives_way_to_the_one_before(home: Home) -> None:
    put(home, A1, "address", "billing", BERLIN, "2026-01-01")
    put(home, A1, "address", "billing", BONN, "2026-02-01", "2026-03-01")
    assert [party(home, A1, date).one_of(kinds.Address) for date in ("2026-01-31", "2026-02-28", "2026-03-01")] == [BERLIN, BONN, BERLIN]


def test_the_same_again_changes_nothing_and_other_data_replace_it(home: Home) -> None:
    assert not put(home, A1, "identity", "", kinds.Identity("Li Wei", "consumer"), "2026-01-01").existed
    again = put(home, A1, "identity", "", kinds.Identity(" Li Wei ", "consumer"), "2026-01-01")
    assert (again.existed, again.commit_seq, again.said) == (True, None, ("A1 has this identity already",))
    before = head(home)
    other = put(home, A1, "identity", "", kinds.Identity("Li Weiwei", "consumer"), "2026-01-01")
    assert other.said[1:] == ("it takes the place of fact 1, of the same day",)
    assert party(home, A1, "2026-01-01").only(kinds.Identity) == kinds.Identity("Li Weiwei", "consumer")
    assert party(home, A1, "2026-01-01", before).only(kinds.Identity) == kinds.Identity("Li Wei", "consumer"), "as it was known then"


def test_a_dry_run_stores_nothing(home: Home) -> None:
    before = head(home)
    done = recording.record(home, DRY, A1, NewFact("identity", "", day("2026-01-01"), None, kinds.Identity("Li Wei", "consumer")))
    assert (done.dry_run, done.commit_seq, len(done.said)) == (True, None, 1)
    assert (party(home, A1, "2026-01-01").facts, head(home)) == ({}, before)


def test_an_end_names_its_last_day(home: Home) -> None:
    put(home, A1, "address", "billing", BERLIN, "2026-01-01")
    ended = recording.end(home, ASKED, A1, "address", "billing", day("2026-01-31"))
    assert ended.said == ("address billing of A1 from 2026-01-01 ends: 2026-01-31 is its last day",)
    assert [len(party(home, A1, date).facts) for date in ("2026-01-31", "2026-02-01")] == [1, 0]
    with pytest.raises(UserError, match="A1 has no address billing on 2026-02-01"):
        recording.end(home, ASKED, A1, "address", "billing", day("2026-02-01"))


def test_an_end_lets_no_fact_of_before_hold_again(home: Home) -> None:
    """Without it the address of January would be that of letters again from June on."""
    put(home, A1, "address", "billing", BERLIN, "2026-01-01")
    put(home, A1, "address", "billing", BONN, "2026-03-01")
    put(home, A1, "address", "billing", BERLIN, "2026-08-01")
    ended = recording.end(home, ASKED, A1, "address", "billing", day("2026-05-31"))
    assert ended.said == (
        "address billing of A1 from 2026-01-01 ends: 2026-05-31 is its last day",
        "address billing of A1 from 2026-03-01 ends: 2026-05-31 is its last day",
        "another one begins on 2026-08-01: city Berlin, country DE, street Invalidenstr., building 117, postal code 10115",
    )
    days = ("2026-02-28", "2026-05-31", "2026-06-01", "2026-07-31", "2026-08-01")
    assert [party(home, A1, date).one_of(kinds.Address) for date in days] == [BERLIN, BONN, None, None, BERLIN]
    again = recording.end(home, ASKED, A1, "address", "billing", day("2026-05-31"))
    assert (again.existed, again.said[0]) == (True, "address billing of A1 ends on 2026-05-31 already")
    with pytest.raises(UserError, match="a customer has no facts of kind 'style'"):
        recording.end(home, ASKED, A1, "style", "", day("2026-05-31"))


def test_what_is_withdrawn_is_said(home: Home) -> None:
    done = put(home, A1, "consent", "marketing", kinds.Consent(given=False), "2026-01-01")
    assert done.said == ("consent marketing of A1 from 2026-01-01: given no",)


def test_a_retraction_needs_a_reason(home: Home) -> None:
    with pytest.raises(UserError, match="a retraction needs a reason"):
        recording.retract(home, ASKED, A1, 1, "  ")


def test_what_is_retracted_never_held(home: Home) -> None:
    put(home, A1, "address", "billing", BERLIN, "2026-01-01")
    put(home, A1, "address", "billing", BONN, "2026-03-01")
    seen = head(home)
    fact_id = party(home, A1, "2026-03-01").facts["address", "billing"].fact_id
    done = recording.retract(home, ASKED, A1, fact_id, "did not move")
    assert done.said == ("address billing of A1 from 2026-03-01 never held",)
    assert party(home, A1, "2026-03-01").one_of(kinds.Address) == BERLIN
    assert party(home, A1, "2026-03-01", seen).one_of(kinds.Address) == BONN, "as it was known then"
    with pytest.raises(NotFoundError, match=f"A1 has no fact {fact_id}"):
        recording.retract(home, ASKED, A1, fact_id, "again")
    with pytest.raises(NotFoundError, match="issuer north has no fact 1"):
        recording.retract(home, ASKED, NORTH, 1, "of another party")


def test_issuers_have_facts_of_their_own(home: Home) -> None:
    put(home, NORTH, "identity", "", kinds.Identity("North Telecom Ltd"), "2026-01-01")
    put(home, UNNAMED, "identity", "", kinds.Identity("Ratewright Mobile"), "2026-01-01")
    put(home, A1, "identity", "", kinds.Identity("Li Wei", "consumer"), "2026-01-01")
    names = [party(home, each, "2026-01-01").only(kinds.Identity) for each in (NORTH, UNNAMED, A1)]
    assert [each and each.name for each in names] == ["North Telecom Ltd", "Ratewright Mobile", "Li Wei"]
    with home.connect() as connection:
        assert [fact.subject for fact in stored.of_issuers(connection)] == [Subject(None, ""), Subject(None, "north")]
        assert [fact.detail.name for fact in stored.of_accounts(connection)] == ["Li Wei"]


@pytest.mark.parametrize(
    ("named", "kind", "message"),
    [
        (Named("A9"), "identity", "account A9 is unknown"),
        (Named(entity="nowhere"), "identity", "no legal entity is called 'nowhere'"),
        (A1, "legal_text", "a customer has no facts of kind 'legal_text'"),
        (NORTH, "delivery", "an issuer has no facts of kind 'delivery'"),
    ],
)
def test_what_is_not_there_is_said(home: Home, named: Named, kind: str, message: str) -> None:
    with pytest.raises(UserError) as found:
        put(home, named, kind, "", kinds.Identity("X"), "2026-01-01")
    assert message in str(found.value)


def put(home: Home, named: Named, kind: str, name: str, detail: msgspec.Struct, since: str, until: str | None = None) -> Done:  # noqa: PLR0913, PLR0917 -- a fact
    """Record a fact; dates are half open."""
    return recording.record(home, ASKED, named, NewFact(kind, name, day(since), None if until is None else day(until), detail))


def party(home: Home, named: Named, on: str, seq: int | None = None) -> Party:
    """The party on a day."""
    with home.connect() as connection:
        return Party(day(on), stored.of_subject(connection, recording.subject_of(connection, named), seq))


def head(home: Home) -> int:
    """The number of the last commit."""
    with home.connect() as connection:
        return home.head_seq(connection)
