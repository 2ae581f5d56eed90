"""Runs, comparisons and previews of messages, as billing has them: what commands print."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.charges.charge_keys import Kind
from billing.charges.own_days import Days
from billing.documents.following import Followed
from billing.invoicing.forms import KIND_NAMES, DraftLine, InvoiceDraft
from billing.runs.preview import Preview
from billing.runs.reports import NumberRange, RunReport
from billing.runs.trial import BillChange, Changes, Revenue, Trial
from server.actions.bill_runs import Ended
from server.cli.remote.calling import by_currency, day, last
from server.cli.remote.controls import book_of, finding_of
from server.client import micros

if TYPE_CHECKING:
    from ratewright.v1 import bill_run_pb2 as runs


def ended(found: runs.BillRun) -> Ended:
    """A run with what an operation tells beside it."""
    told = report(found)
    return Ended(
        run=told,
        followed=[_followed(each) for each in found.followed],
        trial=trial(found.comparison) if found.HasField("comparison") else None,
        waits=found.needs_approval,
        reports=[told if each.run.name == found.name else report(each.run) for each in found.followed],
    )


def report(found: runs.BillRun) -> RunReport:
    """The report of a run."""
    return RunReport(
        run_id=run_id(found.name),
        bill_date=day(found.bill_date),
        pinned_seq=found.pinned_commit,
        state=found.state,
        resumed=found.resumed,
        accounts=found.account_count,
        invoices=found.invoice_count,
        numbers=tuple(NumberRange(each.legal_entity, each.first, each.last) for each in found.numbers),
        net_micros=by_currency(found.net),
        tax_micros=by_currency(found.tax),
        total_micros=by_currency(found.total),
        events=dict(sorted(found.events.items())),
        left_out=dict(sorted(found.left_out.items())),
        quarantined=dict(sorted(found.quarantined.items())),
        kind=found.kind,
        restricted=found.restricted,
        started_by=found.started_by,
        approved_by=found.approved_by,
        started_us=found.start_time.ToMicroseconds(),
        computed_us=found.compute_time.ToMicroseconds(),
        numbered_us=found.number_time.ToMicroseconds(),
        finished_us=found.end_time.ToMicroseconds(),
        put_aside=dict(sorted(found.put_aside.items())),
        drafts=found.listed_count,
        ahead=found.ahead_reason,
        undone_by=found.undone_by,
        undone_us=found.undo_time.ToMicroseconds(),
        undone_accounts=found.undone_account_count,
        undo_proposed_by=found.undo_proposed_by,
        too_late_open=found.too_late_open if found.HasField("too_late_open") else None,
    )


def trial(found: runs.BillRunComparison) -> Trial:
    """The list of a run beside the last period."""
    return Trial(
        run_id=run_id(found.bill_run),
        bill_date=day(found.bill_date),
        state=found.state,
        compared_runs=dict(sorted(found.compared_runs.items())),
        invoices_then=found.invoices_then,
        invoices_now=found.invoices_now,
        total_micros_then=by_currency(found.total_then),
        total_micros_now=by_currency(found.total_now),
        zero_bills=_changes(found.zero_bills),
        jumps=_changes(found.jumps),
        lost=_changes(found.lost),
        new=_changes(found.fresh),
        put_aside=found.put_aside,
        revenue=tuple(Revenue(each.now.currency_code, each.revenue_code, micros(each.then), micros(each.now)) for each in found.revenue),
        ahead=found.ahead_reason,
    )


def preview(found: runs.BillPreview) -> Preview:
    """The bills that a run would make."""
    return Preview(
        bill_date=day(found.bill_date),
        seq=found.pinned_commit,
        drafts=tuple(_draft(each) for each in found.bills),
        account_ids=tuple(last(each.account) for each in found.bills),
        events=dict(sorted(found.events.items())),
        left_out=dict(sorted(found.left_out.items())),
        quarantined=dict(sorted(found.quarantined.items())),
        put_aside=dict(sorted(found.put_aside.items())),
        findings=dict(sorted(found.findings.items())),
        refused=found.refused,
        goes_on=run_id(found.goes_on),
        waits=found.needs_approval,
    )


def run_id(name: str) -> int:
    """The number of a run; 0 where none is named."""
    return int(last(name)) if name else 0


def _followed(found: runs.FollowedRun) -> Followed:
    books = [book_of(each) for each in found.books]
    return Followed(run_id(found.run.name), books, [finding_of(each) for each in found.open_findings], found.alarm_count)


def _changes(found: runs.AccountChanges) -> Changes:
    shown = (BillChange(last(each.account), each.now.currency_code, micros(each.then), micros(each.now)) for each in found.shown)
    return Changes(found.count, tuple(shown))


def _draft(found: runs.PreviewedBill) -> InvoiceDraft:
    """A draft. One that came without lines has its two sums as lines, so that its totals are right; it is shown without lines."""
    sums = (_sum(Kind.RECURRING, micros(found.net)), _sum(Kind.TAX, micros(found.tax)))
    return InvoiceDraft(
        account_key=found.account_key,
        currency=found.net.currency_code,
        period_from=day(found.period_from),
        period_to=day(found.period_to),
        issued_on=day(found.issue_date),
        due_on=day(found.due_date),
        lines=tuple(_line(each) for each in found.lines) or sums,
    )


def _line(found: runs.PreviewedLine) -> DraftLine:
    return DraftLine(
        kind=found.kind,
        subscription_key=found.subscription_key,
        charge_code=found.charge_code,
        price_id=found.price_id,
        revenue_code=found.revenue_code,
        tax_class=found.tax_class,
        period_from=day(found.period_from),
        period_to=day(found.period_to),
        text=found.text,
        events=found.events,
        quantity=found.quantity,
        free_quantity=found.free_quantity,
        quantity_unit=found.quantity_unit,
        exact_micros=found.exact_micros,
        amount_micros=found.amount_micros,
        subscription_id=found.subscription_id,
        days=tuple(Days(day(each.from_date), day(each.to_date)) for each in found.days),
        tax_name=found.tax_name,
    )


def _sum(kind: Kind, amount_micros: int) -> DraftLine:
    return DraftLine(KIND_NAMES[kind], 0, 0, 0, 0, 0, "", "", "", 0, 0, 0, 0, amount_micros, amount_micros)
