"""Parties over gRPC: masked by role, held to legal entities, in the audit trail; messages have the fields of their structs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_type_hints

import grpc
import pytest
from google.type import date_pb2

from billing import operators
from billing.accounts import entities, lookup
from billing.accounts.parties.fields import Masking, described
from billing.accounts.recording import Asked
from billing.catalogue import Operator
from billing.operators import Limits, Role
from billing.store import tables
from ratewright.v1 import party_service_pb2 as pb
from ratewright.v1 import party_service_pb2_grpc
from server.access import showing
from server.grpc import entrance
from server.grpc.accounts.party_messages import KINDS
from tests.server.grpc.calls import refused

if TYPE_CHECKING:
    from tests.server.access.conftest import Guarded

pytestmark = pytest.mark.slow
FROM = date_pb2.Date(year=2025, month=11, day=1)
ANNA, BERT = "accounts/anna/party", "accounts/bert/party"
NORTH, UNNAMED = "legalEntities/north/party", "legalEntities/-/party"
CONTACT = pb.PartyContact(person="Anna Li", email="anna@example.com", phone="+8613800000001")
REASON = (entrance.REASON_HEADER, "the customer is on the line")


@pytest.fixture
def people(guarded: Guarded) -> Guarded:
    """Anna gets her invoices of `north`, bert his of the issuer without a name. Nora is an operator for `north` alone."""
    guarded.world.catch_up()
    for name in ("anna", "bert"):
        guarded.world.account(name)
    guarded.now_us = guarded.world.now_us
    entities.add(guarded.home, entities.Entity("north", "North Ltd", "N", "NC"), Asked(Operator("boss", 1), guarded.who.now_us))
    with guarded.home.begin() as connection:
        connection.execute(tables.accounts.update().where(tables.accounts.c.account_id == "anna").values(legal_entity="north"))
    guarded.add("nora", days=90)
    operators.grant(guarded.home, "nora", Role.OPERATOR, "of the north", guarded.who, limits=Limits(entity="north"))
    return guarded


def stub(guarded: Guarded, name: str, *metadata: tuple[str, str]) -> Any:  # noqa: ANN401 -- a stub
    return party_service_pb2_grpc.PartyServiceStub(guarded.channel(name, *metadata))


def record(guarded: Guarded, party: str, as_operator: str = "the-operator", **fact: Any) -> pb.PartyChange:  # noqa: ANN401 -- fields of a message
    asked = pb.RecordPartyFactRequest(name=party, fact=pb.PartyFact(from_date=FROM, **fact))
    answer: pb.PartyChange = stub(guarded, as_operator).RecordPartyFact(asked, timeout=20)
    return answer


def contact(guarded: Guarded, party: str, name: str, *metadata: tuple[str, str]) -> pb.PartyFact:
    """The first fact of a party, as an operator sees it."""
    found = stub(guarded, name, *metadata).GetParty(pb.GetPartyRequest(name=party), timeout=20)
    fact: pb.PartyFact = found.facts[0]
    return fact


def test_each_message_has_the_fields_of_its_struct() -> None:
    """In their order, of the same type; and PartyFact has one field a kind."""
    types = {str: "string", bool: "bool", int: "int64", dict[str, str]: "map"}
    fields = {each.name: each for each in pb.PartyFact.DESCRIPTOR.oneofs_by_name["detail"].fields}
    assert list(fields) == list(KINDS)
    field = next(iter(fields.values()))
    proto_types = {field.TYPE_STRING: "string", field.TYPE_BOOL: "bool", field.TYPE_INT64: "int64"}
    for kind, struct in KINDS.items():
        hints = get_type_hints(struct)
        wanted = [(name, types.get(hints[name], "string")) for name in struct.__struct_fields__]
        found = [(each.name, "map" if each.message_type else proto_types[each.type]) for each in fields[kind].message_type.fields]
        assert found == wanted, kind


def test_names_and_numbers_are_masked_by_role(people: Guarded) -> None:
    record(people, ANNA, fact_name="billing", contact=CONTACT)
    masked = pb.PartyContact(person="A***", email="***", phone="**********0001")
    seen = {
        (name, bool(metadata)): contact(people, ANNA, name, *metadata)
        for name, metadata in (
            ("the-auditor", ()),
            ("the-approver", (REASON,)),
            ("the-support", ()),
            ("the-support", (REASON,)),
            ("the-finance", ()),
            ("the-operator", ()),
        )
    }
    assert {key: fact.contact == masked for key, fact in seen.items()} == {
        ("the-auditor", False): True,
        ("the-approver", True): True,
        ("the-support", False): True,
        ("the-support", True): False,
        ("the-finance", False): False,
        ("the-operator", False): False,
    }
    assert seen["the-support", True].contact == CONTACT
    assert seen["the-auditor", False].text == "person A***, email ***, phone **********0001"
    entries = [each for each in showing.entries(people.home) if each.operator == "the-support"]
    subject = f"account {lookup.key_of(people.home, 'anna')}"
    assert [(each.subject, each.reason) for each in entries] == [(subject, ""), (subject, REASON[1])]


def test_no_masked_field_is_whole_for_an_auditor(people: Guarded) -> None:
    """Every text field of every kind of customers: those that identify somebody are not shown."""
    from billing.accounts.parties import examples  # noqa: PLC0415 -- beside the data it makes
    from server.actions.parties import values_of  # noqa: PLC0415 -- as above

    for kind, words in examples.CUSTOMER_EXAMPLES.items():
        name = [each for each in words[:1] if "=" not in each]
        fields = values_of(words[len(name) :], kind)
        given = {field: value in {"true", "yes"} if value in {"true", "false", "yes", "no"} else value for field, value in fields.items()}
        record(people, ANNA, fact_name="".join(name), **{kind: given})
        [seen] = [
            each for each in stub(people, "the-auditor").GetParty(pb.GetPartyRequest(name=ANNA), timeout=20).facts if each.kind == kind
        ]
        for field in described(KINDS[kind]):
            if field.name in fields:
                shown = getattr(getattr(seen, kind), field.name)
                assert (shown == given[field.name]) == (field.masking is Masking.WHOLE), (kind, field.name)
                assert field.masking is Masking.WHOLE or str(given[field.name]) not in seen.text, (kind, field.name)


def test_what_may_name_a_customer_is_hidden(people: Guarded) -> None:
    """Names of facts that people chose, and free texts; short names and numbers show nothing or a third."""
    identity = pb.PartyIdentity(name="王伟", family_name="王", given_name="伟", category="consumer", register_id="RB 1")
    identity.legal_information = "Director: Anna Li"
    record(people, ANNA, identity=identity)
    record(people, ANNA, fact_name="anna.li", contact=CONTACT)
    record(people, ANNA, references=pb.PartyReferences(buyer_reference="Anna Li", purchase_order="for Anna"))
    record(people, ANNA, fact_name="marketing", consent=pb.PartyConsent(given=True, proof="mail of anna@example.com"))
    found = stub(people, "the-auditor").GetParty(pb.GetPartyRequest(name=ANNA), timeout=20)
    assert {(each.kind, each.fact_name, each.text) for each in found.facts} == {
        ("identity", "", "name ***, category consumer, given name ***, family name ***, register id ***1, legal information ***"),
        ("contact", "***", "person A***, email ***, phone **********0001"),
        ("references", "", "buyer reference ***, purchase order ***"),
        ("consent", "marketing", "given yes, proof ***"),
    }
    assert "nna" not in str(found).replace("accounts/anna/party", "")


def test_a_damaged_fact_is_shown_as_damaged(people: Guarded) -> None:
    record(people, ANNA, fact_name="tax_number", tax_id=pb.PartyTaxId(number="21/815/08150"))
    with people.home.begin() as connection:
        connection.execute(tables.party_facts.update().values(detail='{"number": 7}'))
    seen = contact(people, ANNA, "the-auditor")
    assert (seen.kind, seen.WhichOneof("detail"), seen.text) == ("tax_id", None, "damaged: its fields are not those of tax_id")


def test_an_answer_that_no_client_takes_is_refused(people: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound is three facts of 60,000 bytes: each is sent as fields and as a text."""
    texts = {f"a{letter}": "x" * 2_000 for letter in "bcdefghijklmnop"}
    for name in ("a", "b", "c"):
        record(people, NORTH, fact_name=name, legal_text=pb.PartyLegalText(texts=texts))
    monkeypatch.setattr("server.grpc.accounts.party_service.ANSWER_BYTES_MAX", 180_000)
    told = refused(lambda: contact(people, NORTH, "the-operator"))
    assert (told.code, told.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "ANSWER_TOO_LARGE")
    assert told.metadata["remedy"].startswith("ask for one day, without show_all")


def test_a_refusal_names_the_account_in_the_trail(people: Guarded) -> None:
    refused(lambda: contact(people, BERT, "nora"))
    [entry] = [each for each in showing.entries(people.home) if each.operator == "nora"]
    assert (entry.subject, entry.outcome) == (f"account {lookup.key_of(people.home, 'bert')}", "PERMISSION_DENIED")


def test_what_an_issuer_prints_is_whole(people: Guarded) -> None:
    record(people, UNNAMED, fact_name="main", contact=CONTACT)
    assert contact(people, UNNAMED, "the-auditor").contact == CONTACT
    [entry] = [each for each in showing.entries(people.home) if each.operator == "the-auditor"]
    assert entry.subject == "legal entity without a name"


def test_a_role_of_an_entity_is_held_to_it(people: Guarded) -> None:
    for party in (ANNA, NORTH):
        assert record(people, party, "nora", fact_name="billing", contact=CONTACT).commit_seq > 0
        assert contact(people, party, "nora").contact == CONTACT
    for party in (BERT, UNNAMED, "accounts/nobody/party", "legalEntities/south/party"):
        calls = (
            lambda party=party: record(people, party, "nora", fact_name="billing", contact=CONTACT),
            lambda party=party: contact(people, party, "nora"),
        )
        for call in calls:
            told = refused(call)
            assert (told.code, told.reason) == (grpc.StatusCode.PERMISSION_DENIED, "ENTITY_NOT_ALLOWED"), party


def test_refusals(people: Guarded) -> None:
    """Each reason that the comments of the calls have."""
    operator = stub(people, "the-operator")
    fact = pb.PartyFact(fact_name="billing", from_date=FROM, contact=CONTACT)

    def recorded(name: str, given: pb.PartyFact = fact, request_id: str = "") -> pb.PartyChange:
        answer: pb.PartyChange = operator.RecordPartyFact(
            pb.RecordPartyFactRequest(name=name, fact=given, request_id=request_id), timeout=20
        )
        return answer

    def ended(name: str, kind: str = "contact", last: date_pb2.Date = FROM) -> object:
        return operator.EndPartyFact(pb.EndPartyFactRequest(name=name, kind=kind, last_date=last), timeout=20)

    def retracted(name: str, number: int, reason: str = "mistyped") -> object:
        return operator.RetractPartyFact(pb.RetractPartyFactRequest(name=name, fact=number, reason=reason), timeout=20)

    def got(name: str, as_of: date_pb2.Date = FROM) -> object:
        return operator.GetParty(pb.GetPartyRequest(name=name, as_of=as_of), timeout=20)

    recorded(ANNA, request_id="monday")
    reasons = [
        (lambda: recorded("accounts/anna"), "MALFORMED_NAME"),
        (lambda: recorded("accounts/-/party"), "MALFORMED_NAME"),
        (lambda: recorded("legalEntities//party"), "MALFORMED_NAME"),
        (lambda: recorded("legalEntities/a\0/party"), "MALFORMED_REQUEST"),
        (lambda: recorded("accounts/a\0/party"), "MALFORMED_REQUEST"),
        (lambda: got("accounts/a\0/party"), "MALFORMED_REQUEST"),
        (lambda: ended(ANNA, "a\0"), "MALFORMED_REQUEST"),
        (lambda: recorded("accounts/nobody/party"), "ACCOUNT_UNKNOWN"),
        (lambda: recorded("legalEntities/south/party"), "ENTITY_UNKNOWN"),
        (lambda: recorded(ANNA, pb.PartyFact(from_date=FROM)), "DETAIL_MISSING"),
        (lambda: recorded(ANNA, pb.PartyFact(contact=CONTACT)), "MALFORMED_REQUEST"),
        (lambda: recorded(ANNA, pb.PartyFact(from_date=FROM, contact=CONTACT)), "MALFORMED_REQUEST"),
        (lambda: recorded(ANNA, pb.PartyFact(from_date=FROM, consent=pb.PartyConsent(), fact_name="x")), "MALFORMED_REQUEST"),
        (lambda: recorded(ANNA, pb.PartyFact(from_date=FROM, note=pb.PartyNote(text="a\0"), fact_name="x")), "MALFORMED_REQUEST"),
        (lambda: recorded(ANNA, pb.PartyFact(from_date=FROM, note=pb.PartyNote(text="x" * 2_001), fact_name="x")), "MALFORMED_REQUEST"),
        (lambda: recorded(ANNA, pb.PartyFact(from_date=FROM, style=pb.PartyStyle(colour="#004488"))), "MALFORMED_REQUEST"),
        (lambda: recorded(ANNA, request_id="x" * 129), "REQUEST_ID"),
        (lambda: recorded(BERT, request_id="monday"), "REQUEST_ID_REUSED"),
        (lambda: ended("accounts/nobody/party"), "ACCOUNT_UNKNOWN"),
        (lambda: ended("legalEntities/south/party"), "ENTITY_UNKNOWN"),
        (lambda: ended("nobody"), "MALFORMED_NAME"),
        (lambda: ended(ANNA, "style"), "MALFORMED_REQUEST"),
        (lambda: ended(ANNA, last=date_pb2.Date(year=2025)), "MALFORMED_REQUEST"),
        (lambda: ended(ANNA), "REFUSED"),
        (lambda: retracted(ANNA, 9), "NOT_FOUND"),
        (lambda: retracted(ANNA, 1, " "), "MALFORMED_REQUEST"),
        (lambda: retracted("accounts/nobody/party", 1), "ACCOUNT_UNKNOWN"),
        (lambda: retracted("legalEntities/south/party", 1), "ENTITY_UNKNOWN"),
        (lambda: retracted("nobody", 1), "MALFORMED_NAME"),
        (lambda: got("accounts/nobody/party"), "ACCOUNT_UNKNOWN"),
        (lambda: got("legalEntities/south/party"), "ENTITY_UNKNOWN"),
        (lambda: got("nobody"), "MALFORMED_NAME"),
        (lambda: got(ANNA, date_pb2.Date(year=2025, month=13)), "MALFORMED_REQUEST"),
    ]
    assert [refused(call).reason for call, _ in reasons] == [reason for _, reason in reasons]
    assert len(contact(people, ANNA, "the-operator").text) > 0


def test_a_repeat_has_no_second_effect_and_a_try_has_none(people: Guarded) -> None:
    operator = stub(people, "the-operator")
    asked = pb.RecordPartyFactRequest(name=ANNA, fact=pb.PartyFact(fact_name="billing", from_date=FROM, contact=CONTACT))
    tried = pb.RecordPartyFactRequest(validate_only=True)
    tried.MergeFrom(asked)
    assert (operator.RecordPartyFact(tried, timeout=20).commit_seq, people_facts(people)) == (0, 0)
    asked.request_id = "monday"
    first = operator.RecordPartyFact(asked, timeout=20)
    assert operator.RecordPartyFact(asked, timeout=20) == first
    assert (first.already_recorded, len(first.effects), people_facts(people)) == (False, 1, 1)
    ended = operator.EndPartyFact(pb.EndPartyFactRequest(name=ANNA, kind="contact", fact_name="billing", last_date=FROM), timeout=20)
    assert ended.effects == ["contact billing of anna from 2025-11-01 ends: 2025-11-01 is its last day"]
    found = operator.GetParty(pb.GetPartyRequest(name=ANNA, show_all=True), timeout=20)
    assert [(each.fact, each.to_date) for each in found.facts] == [(2, date_pb2.Date(year=2025, month=11, day=2))]
    operator.RetractPartyFact(pb.RetractPartyFactRequest(name=ANNA, fact=2, reason="mistyped"), timeout=20)
    assert people_facts(people) == 0


def people_facts(guarded: Guarded) -> int:
    """The number of facts about Anna."""
    return len(stub(guarded, "the-operator").GetParty(pb.GetPartyRequest(name=ANNA, show_all=True), timeout=20).facts)


@pytest.mark.parametrize(("north", "south"), [(Role.FINANCE, Role.SUPPORT), (Role.OPERATOR, Role.AUDITOR), (Role.AUDITOR, Role.FINANCE)])
def test_a_role_of_one_entity_shows_nothing_of_another(people: Guarded, north: Role, south: Role) -> None:
    entities.add(people.home, entities.Entity("south", "South Ltd", "S", "SC"), Asked(Operator("boss", 1), people.who.now_us))
    with people.home.begin() as connection:
        connection.execute(tables.accounts.update().where(tables.accounts.c.account_id == "bert").values(legal_entity="south"))
    for party in (ANNA, BERT):
        record(people, party, fact_name="billing", contact=CONTACT)
    people.add("mix", days=90)
    for role, entity in ((north, "north"), (south, "south")):
        operators.grant(people.home, "mix", role, "of each", people.who, limits=Limits(entity=entity))
    for role, party in ((north, ANNA), (south, BERT)):
        is_whole = role in {Role.FINANCE, Role.OPERATOR}
        assert (contact(people, party, "mix").contact == CONTACT) is is_whole, party
        assert (contact(people, party, "mix").contact.person == "A***") is not is_whole, party


def test_a_repeat_about_an_issuer_is_answered_to_a_role_of_it(people: Guarded) -> None:
    asked = pb.RecordPartyFactRequest(
        name=NORTH, fact=pb.PartyFact(fact_name="billing", from_date=FROM, contact=CONTACT), request_id="once"
    )
    assert stub(people, "nora").RecordPartyFact(asked, timeout=20) == stub(people, "nora").RecordPartyFact(asked, timeout=20)
    assert [(each.outcome, each.subject) for each in showing.entries(people.home) if each.operator == "nora"][-2:] == [
        ("OK", "legal entity north")
    ] * 2


def test_a_word_of_a_caller_is_no_subject(people: Guarded) -> None:
    told = refused(lambda: contact(people, "legalEntities/13800000001 Anna/party", "the-operator"))
    assert told.reason == "ENTITY_UNKNOWN"
    assert not any("Anna" in (each.subject or "") for each in showing.entries(people.home))
