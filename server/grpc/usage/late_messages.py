"""Messages of usage that no run bills any more. Ids of records, which may hold numbers, are left out where the caller may not see them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.late_decisions import BILLED
from ratewright.v1 import late_usage_pb2 as pb
from server.grpc import convert
from server.grpc.finance.values import date_message

if TYPE_CHECKING:
    from google.type import money_pb2

    from billing.late_decisions import Undone
    from billing.left_out.decisions import DecisionTold
    from billing.too_late.listing import Sum, TooLate
    from billing.too_late.recovery import Recovered
    from billing.too_late.results import Decided, Group
    from billing.too_late.taking_back import TakenBack
    from billing.too_late.versions import Version, Versions
    from server.access.masking import Mask


def decision_name(number: int) -> str:
    """The name of a decision; empty for none."""
    return f"lateDecisions/{number}" if number else ""


def approval_name(number: int) -> str:
    """The name of a proposal; empty for none."""
    return f"approvals/{number}" if number else ""


def record(found: TooLate, mask: Mask) -> pb.LateRecord:
    """A record as the list has it."""
    told = found.record
    return pb.LateRecord(
        event_key=told.event_key,
        source=told.source,
        record_id="" if mask.hides else told.record_id,
        start_time=convert.timestamp(told.start_us),
        arrive_time=convert.timestamp(told.came_us),
        account=_account(told.account_id),
        subscription_id=told.subscription_id,
        time_zone=told.timezone,
        reason=told.reason.value,
        outlook=told.outlook.value,
        run_id=told.run_id,
        bill_date=date_message(told.bill_date),
        period_from=date_message(told.period_from),
        period_to=date_message(told.period_to),
        billed_from=date_message(told.billed_from),
        open_from=date_message(told.open_from),
        closed_since=date_message(told.closed_since),
        detail=told.detail,
        decision=None if told.decision is None else decision(told.decision),
        close_date=date_message(told.closes_on),
        proposal=approval_name(told.proposal),
        proposed=told.proposed,
        proposed_by=told.proposed_by,
        refused=told.refused,
        refused_by=told.refused_by,
        arrives_from=date_message(told.arrives_from),
        arrives_to=date_message(told.arrives_to),
        taken_back=map(undone, told.taken_back),
        next_run_date=date_message(told.next_run),
        document=told.document,
        document_account=_account(told.document_account_id),
        store_time=convert.timestamp(told.stored_us),
        age_days=found.age_days,
        worth=convert.money(found.currency, found.worth_micros),
        worth_basis=found.basis,
        catalogue=found.catalogue,
        tax_class=found.tax_class,
        versions=None if found.versions is None else _versions(found.versions),
        may_be_on=found.may_be_on,
    )


def sums(found: Sum) -> pb.LateUsageSum:
    """Records of one account in one currency."""
    worth = convert.money(found.currency, found.worth_micros)
    return pb.LateUsageSum(account=_account(found.account_id), record_count=found.records, worth=worth)


def decision(found: DecisionTold) -> pb.LateDecision:
    """A valid decision."""
    return pb.LateDecision(
        name=decision_name(found.decision_id),
        kind=found.kind,
        decided_by=found.by_name,
        agreed_by=found.agreed_by,
        decide_time=convert.timestamp(found.at_us),
        reason=found.reason,
        record_count=found.records,
        amount=convert.money(found.currency, found.amount_micros),
        adjustment=found.reference,
        invoice=found.invoice,
        line_no=found.line_no,
        credit_note=found.credit_note,
        credited=convert.money(found.currency, found.credited_micros),
        line=convert.money(found.currency, found.line_micros),
        credit_notes=found.credit_notes,
        never_billed=found.never_billed,
        never_because=found.never_because,
        account=_account(found.account_id),
        subscription_id=found.subscription_id,
    )


def undone(found: Undone) -> pb.LateDecisionUndone:
    """A decision that was taken back."""
    return pb.LateDecisionUndone(
        decision=decision_name(found.decision_id),
        kind=found.kind,
        decided_by=found.decided_by,
        record_count=found.records,
        taken_back_by=found.by_name,
        take_back_time=convert.timestamp(found.at_us),
        reason=found.reason,
        adjustment_number=found.adjustment_id,
        account=_account(found.account_id),
        worth=convert.money(found.currency, found.worth_micros),
    )


def decided(found: Decided) -> pb.LateUsageDecided:
    """Decisions that are made, or would be."""
    return pb.LateUsageDecided(
        kind=found.kind,
        groups=map(_group, found.groups),
        left_alone=[
            pb.LateUsageLeftAlone(record_id=each.record_id, event_key=each.event_key, why=each.why, remedy=each.remedy)
            for each in found.left_alone
        ],
        record_count=found.records,
        values=[convert.money(currency, micros) for currency, micros in found.values.items()],
        needs_second=found.needs_second,
        proposal=approval_name(found.proposal),
        tried=found.dry_run,
    )


def decided_before(found: Recovered) -> pb.LateUsageDecided:
    """Decisions or a proposal of a call that was killed before it was answered, as far as they are stored."""
    answer = decided(found.decided)
    for place in found.without_sums:
        answer.groups[place].ClearField("worth")
        if found.decided.kind == BILLED:
            answer.groups[place].ClearField("amount")
    return answer


def taken_back(found: TakenBack) -> pb.TakeBackLateUsageResponse:
    """A decision that holds no more, or would not."""
    return pb.TakeBackLateUsageResponse(decision=decision(found.decision), tried=found.dry_run)


def _group(found: Group) -> pb.LateUsageGroup:
    return pb.LateUsageGroup(
        decision=decision_name(found.decision_id),
        account=_account(found.account_id),
        subscription_id=found.subscription_id,
        catalogue=found.catalogue,
        tax_class=found.tax_class,
        records=found.records,
        event_keys=found.event_keys,
        worth=convert.money(found.currency, found.worth_micros),
        amount=convert.money(found.currency, found.amount_micros),
        adjustment_date=date_message(found.on_date),
        text=found.text,
        adjustment=found.reference,
        versions=found.versions,
    )


def _versions(found: Versions) -> pb.LateVersions:
    return pb.LateVersions(
        event_key=found.event_key,
        billed=_version(found.billed),
        counts=_version(found.counts),
        counts_elsewhere=found.counts_elsewhere,
    )


def _version(found: Version | None) -> pb.LateVersion | None:
    if found is None:
        return None
    return pb.LateVersion(
        start_time=convert.timestamp(found.start_us),
        duration_us=found.duration_us,
        volume_bytes=found.bytes,
        units=found.units,
        worth=_worth(found.worth_micros),
    )


def _worth(micros: int | None) -> money_pb2.Money | None:
    return None if micros is None else convert.money("", micros)


def _account(account_id: str) -> str:
    return f"accounts/{account_id}" if account_id else ""
