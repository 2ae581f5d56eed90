"""Choices among versions of a record by a service, and taking them back."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pyarrow as pa

from billing.enquiries.version_bills import OnBill
from billing.left_out.telling import UnbilledRecord
from billing.runs.selection.left_out import LeftOut, Outlook
from billing.suspense.choosing import Worth
from billing.suspense.final_version import FinalVersion
from billing.suspense.proposals import CHOOSE, Subject
from billing.suspense.taking_back import Choice
from billing.suspense.versions import Versions
from ratewright.v1 import suspense_pb2 as pb
from ratewright.v1 import usage_service_pb2_grpc as stubs
from server.actions.suspense_choice import Shown
from server.cli.remote.calling import LONG_S, by_currency, day, last, tail
from server.cli.remote.usage import suspense_values as values
from server.client import micros

if TYPE_CHECKING:
    from server.client import Connection


class SuspenseChoices:
    """Calls of UsageService about choices among versions."""

    def __init__(self, service: Connection) -> None:
        self._service = service
        self._stub = stubs.UsageServiceStub(service.channel)

    def resolve(self, record: int, keep: str, note: str, *, incomplete: bool, dry_run: bool) -> Shown:
        """`usage suspense resolve`; without a choice the versions are shown."""
        asked = pb.ResolveSuspenseRequest(name=values.record_name(record), note=note, validate_only=dry_run or not (keep or incomplete))
        if incomplete:
            asked.incomplete = True
        elif keep:
            asked.keep = keep
        found = self._service.call(self._stub.ResolveSuspense, asked, deadline_s=LONG_S)
        return _incomplete(record, found) if incomplete else _versions(record, found)

    def take_back(self, record: int, note: str, *, dry_run: bool) -> tuple[Choice, OnBill | None]:
        """`usage suspense take-back`: the choice, and the bill that has its version."""
        asked = pb.TakeBackResolutionRequest(name=values.record_name(record), note=note, validate_only=dry_run)
        done = self._service.call(self._stub.TakeBackResolution, asked, deadline_s=LONG_S)
        choice = Choice(
            version=done.version,
            suspense_ids=tuple(int(last(each)) for each in done.records),
            by_name=done.chosen_by,
            approved_by=done.approved_by,
            at_us=done.choose_time.ToMicroseconds(),
            reason=done.note,
            waits_as=int(last(done.waits_as)) if done.waits_as else 0,
            decides=by_currency(done.decides.estimates),
            unknown=done.decides.unknown_count,
            needs_second=done.needs_second,
            proposal=int(last(done.proposal)) if done.proposal else 0,
        )
        return choice, _bill(done.bill) if done.HasField("bill") else None


def _incomplete(record: int, found: pb.ResolveSuspenseResponse) -> Shown:
    return Shown(
        record,
        subject=_subject(found, 1),
        needs_second=found.needs_second,
        proposal=values.proposal(found.proposal) if found.HasField("proposal") else None,
    )


def _versions(record: int, found: pb.ResolveSuspenseResponse) -> Shown:
    names = tuple(each.version for each in found.versions)
    is_chosen = found.HasField("decides")
    told, given_back = (
        _told(found.outlook) if found.HasField("outlook") else None,
        _told(found.give_back_outlook) if found.HasField("give_back_outlook") else None,
    )
    pairs = ((told, found.next_bill_date), (given_back, found.give_back_date))
    return Shown(
        record,
        found=Versions(b"", 0, pa.table({}), names, (), {}),
        differences=values.differences(found.differences, len(names)),
        worths=tuple(Worth(each.version, micros(each.worth), each.worth.currency_code, each.worth_basis) for each in found.versions),
        closed=_final(found) if found.final_version else None,
        bill=_bill(found.bill) if found.HasField("bill") else None,
        subject=_subject(found, len(names)) if is_chosen else None,
        place=names.index(found.kept) if is_chosen else -1,
        told=told,
        given_back=given_back,
        owners=tuple(tail(each.account) for each in found.versions),
        held_to={each: day(on) for each, on in pairs if each is not None and each.reason is LeftOut.HELD},
        needs_second=found.needs_second,
        proposal=values.proposal(found.proposal) if found.HasField("proposal") else None,
        waiting=list(map(values.proposal, found.waiting_proposals)),
    )


def _subject(found: pb.ResolveSuspenseResponse, versions: int) -> Subject:
    """The subject of a choice, as far as it is shown."""
    return Subject(CHOOSE, versions, by_currency(found.decides.estimates), found.decides.unknown_count)


def _final(found: pb.ResolveSuspenseResponse) -> FinalVersion:
    return FinalVersion(found.final_version, tail(found.final_account), dt.date.fromisoformat(day(found.final_period_from)))


def _bill(found: pb.SuspenseBill) -> OnBill:
    return OnBill(
        version=found.version,
        account_id=tail(found.account),
        invoice=found.document,
        line_no=found.line_no,
        charge_micros=micros(found.charge),
        currency=found.charge.currency_code,
        later_lines=tuple(found.later_lines),
    )


def _told(found: pb.SuspenseOutlook) -> UnbilledRecord:
    """The fate of a version, as far as it is shown."""
    return UnbilledRecord(
        event_key="",
        source="",
        record_id="",
        start_us=0,
        came_us=0,
        account_id=tail(found.account),
        subscription_id="",
        timezone="",
        reason=LeftOut(found.reason),
        outlook=Outlook(found.outlook),
        run_id=0,
        bill_date=day(found.next_bill_date),
        period_from="",
        period_to="",
        billed_from="",
        open_from="",
        closed_since="",
        detail="",
    )
