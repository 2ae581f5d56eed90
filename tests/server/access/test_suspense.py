"""Suspense over gRPC: listed as the command does, masked by role, corrected, recycled, chosen and written off with four eyes.

Anna's October has a call of 25 minutes (five beyond her free minutes). A call without its country code (10 minutes, 1.00 at 0.10) and one
of a stranger (0.10) were refused.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.type import money_pb2

from billing import operators
from billing.catalogue import Operator
from billing.operators import Limits, OperatorKind, Role
from billing.suspense import limits, proposals, writing_off
from billing.suspense.selection import Selection
from ratewright.v1 import suspense_pb2 as pb
from ratewright.v1 import suspense_proposal_pb2 as proposal_pb
from ratewright.v1 import usage_file_pb2 as file_pb
from ratewright.v1 import usage_service_pb2_grpc
from server.actions import suspense
from server.cli import app
from server.grpc import convert, entrance
from tests.billing.collection import drop
from tests.billing.runs.world import Call, World
from tests.server.access.test_approvals import refusal
from tests.server.grpc.finance.asking import micros

if TYPE_CHECKING:
    from pathlib import Path

    from tests.server.access.conftest import Guarded

pytestmark = pytest.mark.slow
REASON = (entrance.REASON_HEADER, "the customer is on the line")
OTHER = Operator("somebody", os.getuid() + 7)
RULE = pb.CorrectionRule(source="switch", served=pb.NumberChange(begins="1", digits=11, add="86"))


@pytest.fixture
def waiting(guarded: Guarded) -> Guarded:
    """Two calls that rating refused."""
    world = guarded.world
    world.catch_up()
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "8613800000001")
    world.take(Call("8613800000001", "2025-10-05T10:00", 1500), Call("13800000001", "2025-10-06T10:00", 600))
    world.take(Call("stranger", "2025-10-07T10:00", 60))
    world.bill("2025-11-01")
    guarded.now_us = world.now_us
    return guarded


@pytest.fixture
def conflict(guarded: Guarded) -> Guarded:
    """Two versions of a call, of 25 and 26 minutes: 0.50 and 0.60 beyond the free ones."""
    world = guarded.world
    world.catch_up()
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "8613800000001")
    for seconds in (1500, 1560):
        world.take(Call("8613800000001", "2025-10-05T10:00", seconds, key="one"))
    guarded.now_us = world.now_us
    return guarded


def stub(guarded: Guarded, name: str, *metadata: tuple[str, str]) -> Any:  # noqa: ANN401 -- a stub
    return usage_service_pb2_grpc.UsageServiceStub(guarded.channel(name, *metadata))


def head(guarded: Guarded) -> int:
    with guarded.home.connect() as connection:
        return guarded.home.head_seq(connection)


def records(guarded: Guarded, name: str = "the-operator", **fields: Any) -> pb.ListSuspenseRecordsResponse:  # noqa: ANN401 -- fields of the request
    return stub(guarded, name).ListSuspenseRecords(pb.ListSuspenseRecordsRequest(**fields), timeout=20)


def command(capsys: pytest.CaptureFixture[str], world: World, *words: object) -> Any:  # noqa: ANN401 -- JSON is anything
    capsys.readouterr()
    assert app.main(["usage", "suspense", *map(str, words), "--home", str(world.home.path), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_list_is_that_of_the_command(waiting: Guarded, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.clock.machine_now_us", lambda: waiting.now_us)
    told, found = command(capsys, waiting.world, "list"), records(waiting)
    rows = [(each.name, each.reason, each.served, each.age_days, micros(each.worth), each.worth_basis) for each in found.suspense_records]
    expected = [
        (f"suspenseRecords/{each['id']}", each["reason"], each["served_id"], each["age_days"], each["estimated_micros"], each["basis"])
        for each in told["rows"]
    ]
    assert rows == expected
    assert {each.served for each in found.suspense_records} == {"13800000001", "stranger"}
    (group,) = found.groups
    assert (group.reason, group.record_count, micros(group.worth.estimates[0])) == ("UNKNOWN_SUBSCRIPTION", 2, 1_100_000)
    assert (found.total_size, told["total"]) == (2, 2)


def test_pages_go_on_where_they_ended(waiting: Guarded) -> None:
    first = records(waiting, page_size=1)
    waiting.world.take(Call("other", "2025-10-08T10:00", 60, key="later"))
    rest = records(waiting, page_size=1, page_token=first.next_page_token)
    names = [each.name for page in (first, rest) for each in page.suspense_records]
    assert names == [each.name for each in records(waiting).suspense_records]
    assert rest.next_page_token == ""
    other = pb.ListSuspenseRecordsRequest(page_size=1, reason="conflicting", page_token=first.next_page_token)
    assert refusal(stub(waiting, "the-operator").ListSuspenseRecords, other)[1] == "PAGE_TOKEN"


def test_numbers_are_masked_by_role(waiting: Guarded) -> None:
    def seen(name: str, *metadata: tuple[str, str]) -> tuple[list[str], list[str], set[str]]:
        service = stub(waiting, name, *metadata)
        listed = service.ListSuspenseRecords(pb.ListSuspenseRecordsRequest(), timeout=20).suspense_records
        each = next(row for row in listed if row.served.endswith("0001"))
        found = service.GetSuspenseRecord(pb.GetSuspenseRecordRequest(name=each.name), timeout=20)
        numbers = [field.value for field in found.fields if field.name in {"served_id", "other_e164"}]
        return sorted(row.served for row in listed), numbers, {field.name for field in found.fields}

    whole = seen("the-finance")
    assert whole[:2] == (["13800000001", "stranger"], ["13800000001", "8613900000001"])
    assert "record_id" in whole[2]
    assert seen("the-support", REASON) == whole
    for name in ("the-auditor", "the-approver", "the-support"):
        served, numbers, fields = seen(name)
        assert (served, numbers) == (["*******0001", "******er"], ["*******0001", "*********0001"])
        assert not fields & {"record_id", "event_key", "content_hash", "call_ref"}


def test_a_correction_above_the_limit_takes_two(waiting: Guarded) -> None:
    limits.set_limit(waiting.home, 500_000, OTHER, waiting.now_us, reason="small shop")
    operator = stub(waiting, "the-operator")
    before = head(waiting)
    tried = operator.CorrectSuspense(pb.CorrectSuspenseRequest(rule=RULE, validate_only=True), timeout=20)
    assert (tried.preview.record_count, tried.preview.returning_count, micros(tried.preview.worth.estimates[0])) == (1, 1, 1_000_000)
    ((change,),) = [each.changes for each in tried.records]
    assert (change.name, list(change.values)) == ("served_id", ["13800000001", "8613800000001"])
    assert (tried.HasField("proposal"), head(waiting)) == (False, before)
    saved = operator.CorrectSuspense(pb.CorrectSuspenseRequest(rule=RULE, note="no country code", request_id="once"), timeout=20)
    assert operator.CorrectSuspense(pb.CorrectSuspenseRequest(rule=RULE, note="no country code", request_id="once"), timeout=20) == saved
    assert (saved.proposal.name, saved.proposal.state, saved.proposal.proposed_by) == ("suspenseProposals/1", "proposed", "the-operator")
    recycle = pb.RecycleSuspenseRequest(correction=saved.proposal.name, request_id="back")
    assert refusal(operator.RecycleSuspense, recycle)[:2] == (grpc.StatusCode.FAILED_PRECONDITION, "REFUSED")
    approve = proposal_pb.ApproveSuspenseProposalRequest(name=saved.proposal.name, note="asked the switch team")
    assert refusal(operator.ApproveSuspenseProposal, approve)[:2] == (grpc.StatusCode.PERMISSION_DENIED, "ROLE_MISSING")
    agreed = stub(waiting, "the-approver").ApproveSuspenseProposal(approve, timeout=20)
    assert (agreed.state, agreed.approved_by) == ("approved", "the-approver")
    previewed = operator.RecycleSuspense(pb.RecycleSuspenseRequest(correction=saved.proposal.name, validate_only=True), timeout=20)
    assert (previewed.preview.returning_count, dict(previewed.outcomes)) == (1, {})
    done = operator.RecycleSuspense(recycle, timeout=20)
    assert dict(done.outcomes) == {"recycled": 1}
    after = head(waiting)
    assert waiting.world.changed("UPDATE requests SET answer = NULL WHERE request_id = 'back'") == 1, "cut off behind its commit"
    assert operator.RecycleSuspense(recycle, timeout=20) == done
    assert head(waiting) == after
    listed = operator.ListSuspenseProposals(proposal_pb.ListSuspenseProposalsRequest(), timeout=20).suspense_proposals
    assert [each.state for each in listed] == ["applied"]
    decisions = operator.ListSuspenseDecisions(proposal_pb.ListSuspenseDecisionsRequest(page_size=1), timeout=20)
    assert [(each.verdict, each.decided_by, each.approved_by) for each in decisions.suspense_decisions] == [
        ("recycled", "the-operator", "the-approver")
    ]


def test_a_write_off_is_of_two_operators_whatever_it_is_worth(waiting: Guarded) -> None:
    waiting.add("both", Role.OPERATOR, Role.APPROVER)
    both, stranger = stub(waiting, "both"), next(each.name for each in records(waiting).suspense_records if each.served == "stranger")
    ask = proposal_pb.WriteOffSuspenseRequest(names=[stranger], note="a test call", request_id="off")
    tried = both.WriteOffSuspense(proposal_pb.WriteOffSuspenseRequest(names=[stranger], validate_only=True), timeout=20)
    assert (tried.name, tried.record_count, micros(tried.worth.estimates[0])) == ("", 1, 100_000)
    made = both.WriteOffSuspense(ask, timeout=20)
    assert waiting.world.changed("UPDATE requests SET answer = NULL WHERE request_id = 'off'") == 1
    assert both.WriteOffSuspense(ask, timeout=20) == made
    approve = proposal_pb.ApproveSuspenseProposalRequest(name=made.name, request_id="agree")
    code, reason, _ = refusal(both.ApproveSuspenseProposal, approve)
    assert (code, reason) == (grpc.StatusCode.FAILED_PRECONDITION, "REFUSED"), "one operator with both roles"
    approver = stub(waiting, "the-approver")
    done = approver.ApproveSuspenseProposal(approve, timeout=20)
    assert (done.state, done.approved_by) == ("applied", "the-approver")
    assert approver.ApproveSuspenseProposal(approve, timeout=20) == done
    assert [each.served for each in records(waiting).suspense_records] == ["13800000001"]
    gone = both.GetSuspenseRecord(pb.GetSuspenseRecordRequest(name=stranger), timeout=20) if stranger.isdecimal() else None
    assert gone is None or not gone.waits


def test_nobody_agrees_to_their_own_proposal_by_another_door(waiting: Guarded) -> None:
    """Ana proposes in the shell, by the account of the system; she is an approver, with a token."""
    ana = Operator("ana", os.getuid() + 1)
    operators.add(waiting.home, "ana", OperatorKind.PERSON, waiting.who, uid=ana.uid)
    operators.grant(waiting.home, "ana", Role.APPROVER, "agrees to others", waiting.who)
    waiting.issue("ana")
    subject = writing_off.subject(waiting.home, Selection("switch"), suspense.asking(waiting.home, waiting.now_us, None))
    made = proposals.propose(waiting.home, subject, ana, waiting.now_us, reason="an old switch")
    approve = proposal_pb.ApproveSuspenseProposalRequest(name=f"suspenseProposals/{made.proposal_id}")
    code, reason, _ = refusal(stub(waiting, "ana").ApproveSuspenseProposal, approve)
    assert (code, reason) == (grpc.StatusCode.FAILED_PRECONDITION, "REFUSED")
    assert stub(waiting, "the-approver").ApproveSuspenseProposal(approve, timeout=20).state == "applied"


def test_an_approval_that_was_cut_off_before_it_was_done(waiting: Guarded) -> None:
    """The approval and the write-off are two commits: a repeat does what is left."""
    operator, approver = stub(waiting, "the-operator"), stub(waiting, "the-approver")
    made = operator.WriteOffSuspense(proposal_pb.WriteOffSuspenseRequest(source="switch", note="an old switch"), timeout=20)
    approve = proposal_pb.ApproveSuspenseProposalRequest(name=made.name, request_id="agree")
    proposals.decide(waiting.home, 1, OTHER, waiting.now_us, accept=True)
    assert approver.ApproveSuspenseProposal(approve, timeout=20).state == "applied"
    assert records(waiting).total_size == 0


def test_a_proposal_is_given_up(waiting: Guarded) -> None:
    operator = stub(waiting, "the-operator")
    made = operator.WriteOffSuspense(proposal_pb.WriteOffSuspenseRequest(source="switch", note="an old switch"), timeout=20)
    gone = operator.RejectSuspenseProposal(proposal_pb.RejectSuspenseProposalRequest(name=made.name, note="a mistake"), timeout=20)
    assert gone.state == "rejected"
    again = proposal_pb.RejectSuspenseProposalRequest(name=made.name)
    assert refusal(operator.RejectSuspenseProposal, again)[1] == "REFUSED"


def test_a_limit_does_not_hold_for_the_one_who_raised_it(guarded: Guarded) -> None:
    """1,000 by default; lowered to 2, then raised to 5 by finance."""
    guarded.world.catch_up()
    guarded.now_us = guarded.world.now_us
    finance = stub(guarded, "the-finance")

    def put(units: int, note: str, **fields: Any) -> proposal_pb.SuspenseLimit:  # noqa: ANN401 -- fields of the request
        asked = proposal_pb.SetSuspenseLimitRequest(amount=money_pb2.Money(units=units), note=note, **fields)
        return finance.SetSuspenseLimit(asked, timeout=20)

    before = head(guarded)
    put(2, "tried", validate_only=True)
    assert head(guarded) == before
    lowered = put(2, "small shop", request_id="low")
    assert (lowered.amount.units, [each.note for each in lowered.changes], head(guarded)) == (2, ["default", "small shop"], before + 1)
    assert put(2, "small shop", request_id="low") == lowered
    assert put(5, "larger").amount.units == 2
    of_another = stub(guarded, "the-operator").GetSuspenseLimit(proposal_pb.GetSuspenseLimitRequest(), timeout=20)
    assert (of_another.amount.units, of_another.changes[-1].set_by) == (5, "the-finance")
    for wrong in (money_pb2.Money(units=-1), money_pb2.Money(units=1, currency_code="CNY"), None):
        asked = proposal_pb.SetSuspenseLimitRequest(amount=wrong, note="x")
        assert refusal(finance.SetSuspenseLimit, asked)[1] == "MALFORMED_REQUEST"


def test_numbers_of_a_rule_are_masked(waiting: Guarded) -> None:
    rule = pb.CorrectionRule(source="switch", served=pb.NumberChange(begins="138", set="8613800000001"))
    stub(waiting, "the-operator").CorrectSuspense(pb.CorrectSuspenseRequest(rule=rule, note="it is hers"), timeout=20)
    wanted = proposal_pb.ListSuspenseProposalsRequest()
    shown = {"the-finance": "8613800000001", "the-approver": "*********0001"}
    for name, number in shown.items():
        (found,) = stub(waiting, name).ListSuspenseProposals(wanted, timeout=20).suspense_proposals
        assert found.text == f"source switch; served: begins 138, set {number}"
        assert json.loads(found.subject)["rule"]["served"] == {"begins": "138", "set": number}


def test_a_version_is_chosen_and_the_choice_taken_back(conflict: Guarded) -> None:
    operator = stub(conflict, "the-operator")
    name = records(conflict).suspense_records[0].name
    shown = operator.ResolveSuspense(pb.ResolveSuspenseRequest(name=name, validate_only=True), timeout=20)
    assert [micros(each.worth) for each in shown.versions] == [2_500_000, 2_600_000]
    assert [each.account for each in shown.versions] == ["accounts/anna"] * 2
    assert [(each.name, list(each.values)) for each in shown.differences] == [("duration_us", ["1500000000", "1560000000"])]
    keep = shown.versions[1].version
    before = head(conflict)
    tried = operator.ResolveSuspense(pb.ResolveSuspenseRequest(name=name, keep=keep, validate_only=True), timeout=20)
    assert (tried.kept, micros(tried.decides.estimates[0]), tried.needs_second, head(conflict)) == (keep, 100_000, False, before)
    assert (tried.billed_to, convert.parse_date(tried.next_bill_date, "").isoformat()) == ("accounts/anna", "2025-11-01")
    none = pb.ResolveSuspenseRequest(name=name, note="x")
    assert refusal(operator.ResolveSuspense, none) == (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_REQUEST", "keep")
    assert refusal(operator.ResolveSuspense, pb.ResolveSuspenseRequest(name=name, keep=keep))[1] == "MALFORMED_REQUEST", "no reason"
    done = operator.ResolveSuspense(pb.ResolveSuspenseRequest(name=name, keep=keep, note="the switch says so", request_id="1"), timeout=20)
    assert (done.kept, head(conflict), records(conflict).total_size) == (keep, before + 1, 0)
    back = pb.TakeBackResolutionRequest(name=name, note="the other one", request_id="2")
    taken = operator.TakeBackResolution(back, timeout=20)
    assert (taken.version, taken.chosen_by) == (keep, "the-operator")
    assert taken.waits_as in {each.name for each in records(conflict).suspense_records}
    assert conflict.world.changed("UPDATE requests SET answer = NULL") == 2
    assert operator.TakeBackResolution(back, timeout=20).waits_as == taken.waits_as


REASONS: tuple[tuple[str, Any, str], ...] = (
    ("GetSuspenseRecord", pb.GetSuspenseRecordRequest(name="suspenseRecords/9999"), "NOT_FOUND"),
    ("GetSuspenseRecord", pb.GetSuspenseRecordRequest(name="suspenseRecords/x y"), "MALFORMED_REQUEST"),
    ("GetSuspenseRecord", pb.GetSuspenseRecordRequest(name="12"), "MALFORMED_NAME"),
    ("ListSuspenseRecords", pb.ListSuspenseRecordsRequest(source="nobody"), "MALFORMED_REQUEST"),
    ("ListSuspenseRecords", pb.ListSuspenseRecordsRequest(source="a\0"), "MALFORMED_REQUEST"),
    ("CorrectSuspense", pb.CorrectSuspenseRequest(rule=pb.CorrectionRule()), "MALFORMED_REQUEST"),
    ("CorrectSuspense", pb.CorrectSuspenseRequest(rule=pb.CorrectionRule(source="switch", service="fax")), "MALFORMED_REQUEST"),
    ("RecycleSuspense", pb.RecycleSuspenseRequest(), "MALFORMED_REQUEST"),
    ("RecycleSuspense", pb.RecycleSuspenseRequest(names=["suspenseRecords/9999"]), "NOT_FOUND"),
    ("RecycleSuspense", pb.RecycleSuspenseRequest(correction="suspenseProposals/9"), "NOT_FOUND"),
    ("RecycleSuspense", pb.RecycleSuspenseRequest(correction="suspenseProposals/x"), "MALFORMED_NAME"),
    ("ResolveSuspense", pb.ResolveSuspenseRequest(name="suspenseRecords/9999", keep="abcd", note="x"), "NOT_FOUND"),
    ("TakeBackResolution", pb.TakeBackResolutionRequest(name="suspenseRecords/9999", note="x"), "NOT_FOUND"),
    ("WriteOffSuspense", proposal_pb.WriteOffSuspenseRequest(note="x"), "MALFORMED_REQUEST"),
    ("RejectSuspenseProposal", proposal_pb.RejectSuspenseProposalRequest(name="suspenseProposals/9"), "NOT_FOUND"),
    ("ListSuspenseProposals", proposal_pb.ListSuspenseProposalsRequest(page_size=-1), "PAGE_SIZE"),
    ("ListSuspenseDecisions", proposal_pb.ListSuspenseDecisionsRequest(page_size=-1), "PAGE_SIZE"),
    ("WaiveFileFinding", file_pb.WaiveFileFindingRequest(name="fileFindings/none", reason="x"), "NOT_FOUND"),
    ("WaiveFileFinding", file_pb.WaiveFileFindingRequest(name="none", reason="x"), "MALFORMED_NAME"),
    ("WaiveFileFinding", file_pb.WaiveFileFindingRequest(name="fileFindings/none", reason=" "), "REFUSED"),
)


def test_reasons(waiting: Guarded) -> None:
    operator = stub(waiting, "the-operator")
    found = [refusal(getattr(operator, method), sent)[1] for method, sent, _ in REASONS]
    assert found == [reason for *_, reason in REASONS]


def test_a_missing_file_is_found_and_waived(guarded: Guarded, tmp_path: Path) -> None:
    guarded.now_us = drop.NOW_US
    guarded.issue("the-operator")
    for number in (7, 9):
        drop.put(tmp_path / "in", f"sw1_000{number}.csv", drop.text(drop.Call(f"c{number}")))
    drop.collect(guarded.home, tmp_path / "in")
    operator = stub(guarded, "the-operator")
    (found,) = operator.ListFileFindings(file_pb.ListFileFindingsRequest(), timeout=20).file_findings
    assert (found.name, found.kind, found.source, found.waived_by) == ("fileFindings/missing:sw1:8", "missing", "sw1", "")
    before = head(guarded)
    waive = file_pb.WaiveFileFindingRequest(name=found.name, reason="the switch was down", request_id="1")
    operator.WaiveFileFinding(file_pb.WaiveFileFindingRequest(name=found.name, reason="tried", validate_only=True), timeout=20)
    assert head(guarded) == before
    done = operator.WaiveFileFinding(waive, timeout=20)
    assert (done.waived_by, done.reason) == ("the-operator", "the switch was down")
    assert guarded.world.changed("UPDATE requests SET answer = NULL") == 1
    assert operator.WaiveFileFinding(waive, timeout=20) == done
    assert not operator.ListFileFindings(file_pb.ListFileFindingsRequest(), timeout=20).file_findings
    assert list(operator.ListFileFindings(file_pb.ListFileFindingsRequest(show_waived=True), timeout=20).file_findings) == [done]
    again = file_pb.WaiveFileFindingRequest(name=found.name, reason="again")
    assert refusal(operator.WaiveFileFinding, again)[:2] == (grpc.StatusCode.FAILED_PRECONDITION, "REFUSED")


def test_a_role_of_one_source_sends_files_of_no_other(guarded: Guarded) -> None:
    operators.add(guarded.home, "pbx", OperatorKind.MACHINE, guarded.who)
    operators.grant(guarded.home, "pbx", Role.SWITCH, "its own files", guarded.who, limits=Limits(source="asterisk"))
    guarded.issue("pbx")
    send = stub(guarded, "pbx").IngestFile

    def reason(source: str) -> str:
        header = file_pb.IngestFileRequest(header=file_pb.IngestFileHeader(source=source, file_name="a.csv"))
        return refusal(lambda request, timeout: send(iter([request]), timeout=timeout), header)[1]

    assert [reason(source) for source in ("freeswitch", "asterisk")] == ["SOURCE_NOT_ALLOWED", "END_MISSING"]
