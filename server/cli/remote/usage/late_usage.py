"""Usage that no run bills any more, by a service: `ratewright usage too-late --server`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from billing.late_decisions import BILLED, Undone
from billing.left_out.decisions import DecisionTold
from billing.left_out.telling import UnbilledRecord
from billing.runs.selection.left_out import LeftOut, Outlook
from billing.too_late.listing import Listed, Sum, TooLate
from billing.too_late.results import Decided, Group, LeftAlone
from billing.too_late.taking_back import TakenBack
from billing.too_late.versions import Version, Versions
from ratewright.v1 import late_usage_pb2 as pb
from ratewright.v1 import usage_service_pb2_grpc as stubs
from rating.errors import NotFoundError
from server.cli.remote.calling import LONG_S, PAGE_SIZE, account, accounts, amount, by_currency, day, last, tail
from server.client import date, micros

if TYPE_CHECKING:
    from billing.too_late.choosing import Choice
    from billing.too_late.results import LateAct
    from server.client import Connection


class LateUsage:
    """Calls of UsageService about late usage."""

    def __init__(self, service: Connection) -> None:
        self._service = service
        self._stub = stubs.UsageServiceStub(service.channel)

    def listed(self, account_id: str | None, *, decided: bool) -> Listed:
        """`usage too-late list`. An empty account: records without an owner."""
        asked = pb.ListLateUsageRequest(
            parent=accounts(account_id or None), without_owner=account_id == "", show_decided=decided, page_size=PAGE_SIZE
        )
        pages = list(self._service.each_page(self._stub.ListLateUsage, asked, deadline_s=LONG_S))
        first, records = pages[0], [each for page in pages for each in page.late_records]
        return Listed(
            seq=first.commit,
            records=tuple(map(_record, records)),
            sums=tuple(Sum(tail(each.account), each.worth.currency_code, each.record_count, micros(each.worth)) for each in first.sums),
            taken_back=tuple(map(_undone, first.taken_back)),
        )

    def decide(self, wanted: LateAct, *, dry_run: bool) -> Decided:
        """`usage too-late bill|write-off`."""
        if wanted.kind != BILLED:
            given_up = pb.WriteOffLateUsageRequest(reason=wanted.reason, validate_only=dry_run, **_chosen(wanted.choice))
            return _decided(self._service.call(self._stub.WriteOffLateUsage, given_up, deadline_s=LONG_S))
        billed = pb.BillLateUsageRequest(
            reason=wanted.reason,
            adjustment_date=None if wanted.on_date is None else date(wanted.on_date),
            amount=amount(wanted.amount_micros),
            text=wanted.text,
            validate_only=dry_run,
            **_chosen(wanted.choice),
        )
        return _decided(self._service.call(self._stub.BillLateUsage, billed, deadline_s=LONG_S))

    def take_back(self, number: int, reason: str, *, dry_run: bool) -> TakenBack:
        """`usage too-late take-back`. Raises NotFoundError for a number that no decision has."""
        if number < 1:
            raise NotFoundError(f"there is no decision {number} on late usage", "`ratewright usage too-late --decided` shows them")
        asked = pb.TakeBackLateUsageRequest(name=f"lateDecisions/{number}", reason=reason, validate_only=dry_run)
        done = self._service.call(self._stub.TakeBackLateUsage, asked, deadline_s=LONG_S)
        return TakenBack(_decision(done.decision), done.tried)


def _chosen(choice: Choice) -> dict[str, Any]:
    """The fields of a request that choose records."""
    return {
        "records": choice.records,
        "account": account(choice.account_id) if choice.account_id else "",
        "without_owner": choice.account_id == "",
        "month": choice.month or "",
    }


def _number(name: str) -> int:
    return int(last(name)) if name else 0


def _record(found: pb.LateRecord) -> TooLate:
    told = UnbilledRecord(
        event_key=found.event_key,
        source=found.source,
        record_id=found.record_id,
        start_us=found.start_time.ToMicroseconds(),
        came_us=found.arrive_time.ToMicroseconds(),
        account_id=tail(found.account),
        subscription_id=found.subscription_id,
        timezone=found.time_zone,
        reason=LeftOut(found.reason),
        outlook=Outlook(found.outlook),
        run_id=found.run_id,
        bill_date=day(found.bill_date),
        period_from=day(found.period_from),
        period_to=day(found.period_to),
        billed_from=day(found.billed_from),
        open_from=day(found.open_from),
        closed_since=day(found.closed_since),
        detail=found.detail,
        decision=_decision(found.decision) if found.HasField("decision") else None,
        closes_on=day(found.close_date),
        proposal=_number(found.proposal),
        proposed=found.proposed,
        proposed_by=found.proposed_by,
        refused=found.refused,
        refused_by=found.refused_by,
        arrives_from=day(found.arrives_from),
        arrives_to=day(found.arrives_to),
        taken_back=tuple(map(_undone, found.taken_back)),
        next_run=day(found.next_run_date),
        document=found.document,
        document_account_id=tail(found.document_account),
        stored_us=found.store_time.ToMicroseconds(),
    )
    return TooLate(
        record=told,
        age_days=found.age_days,
        worth_micros=micros(found.worth),
        currency=found.worth.currency_code,
        basis=found.worth_basis,
        catalogue=found.catalogue,
        tax_class=found.tax_class,
        versions=_versions(found.versions) if found.HasField("versions") else None,
        may_be_on=found.may_be_on,
    )


def _decision(found: pb.LateDecision) -> DecisionTold:
    return DecisionTold(
        decision_id=_number(found.name),
        kind=found.kind,
        by_name=found.decided_by,
        agreed_by=found.agreed_by,
        at_us=found.decide_time.ToMicroseconds(),
        reason=found.reason,
        records=found.record_count,
        amount_micros=micros(found.amount),
        currency=found.amount.currency_code,
        reference=found.adjustment,
        invoice=found.invoice,
        line_no=found.line_no,
        credit_note=found.credit_note,
        credited_micros=micros(found.credited),
        line_micros=micros(found.line),
        credit_notes=tuple(found.credit_notes),
        never_billed=found.never_billed,
        never_because=found.never_because,
        account_id=tail(found.account),
        subscription_id=found.subscription_id,
    )


def _undone(found: pb.LateDecisionUndone) -> Undone:
    return Undone(
        decision_id=_number(found.decision),
        kind=found.kind,
        decided_by=found.decided_by,
        records=found.record_count,
        by_name=found.taken_back_by,
        at_us=found.take_back_time.ToMicroseconds(),
        reason=found.reason,
        adjustment_id=found.adjustment_number,
        account_id=tail(found.account),
        currency=found.worth.currency_code,
        worth_micros=micros(found.worth),
    )


def _decided(found: pb.LateUsageDecided) -> Decided:
    return Decided(
        kind=found.kind,
        groups=tuple(map(_group, found.groups)),
        left_alone=tuple(LeftAlone(each.record_id, each.event_key, each.why, each.remedy) for each in found.left_alone),
        records=found.record_count,
        values=by_currency(found.values),
        needs_second=found.needs_second,
        proposal=_number(found.proposal),
        dry_run=found.tried,
    )


def _group(found: pb.LateUsageGroup) -> Group:
    return Group(
        decision_id=_number(found.decision),
        account_id=tail(found.account),
        subscription_id=found.subscription_id,
        currency=found.worth.currency_code,
        catalogue=found.catalogue,
        tax_class=found.tax_class,
        records=tuple(found.records),
        event_keys=tuple(found.event_keys),
        worth_micros=micros(found.worth),
        amount_micros=micros(found.amount),
        on_date=day(found.adjustment_date),
        text=found.text,
        reference=found.adjustment,
        versions=tuple(found.versions),
    )


def _versions(found: pb.LateVersions) -> Versions:
    return Versions(
        event_key=found.event_key,
        billed=_version(found.billed) if found.HasField("billed") else None,
        counts=_version(found.counts) if found.HasField("counts") else None,
        counts_elsewhere=found.counts_elsewhere,
    )


def _version(found: pb.LateVersion) -> Version:
    return Version(
        start_us=found.start_time.ToMicroseconds(),
        duration_us=found.duration_us,
        bytes=found.volume_bytes,
        units=found.units,
        worth_micros=micros(found.worth) if found.HasField("worth") else None,
    )
