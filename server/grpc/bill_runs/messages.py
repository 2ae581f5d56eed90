"""Messages of what billing returns: runs, comparisons, previews, and results of other operations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from billing.accounting.closing import Closing
from billing.documents.interim import InterimRun
from ratewright.v1 import bill_run_pb2 as runs
from ratewright.v1 import billing_results_pb2 as results
from server.grpc import convert
from server.grpc.bill_runs.names import amounts, instant, run_name
from server.operations.work import Previewed, Rerated, RunEnded, Tried, previewed

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from billing.documents.interim import Interim, PassedBy
    from billing.invoicing import DraftLine
    from billing.rerate.figures import Figures
    from billing.rerate.jobs import Job
    from billing.rerate.request import Request
    from billing.runs.preview import Preview
    from billing.runs.quarantine import Parked
    from billing.runs.reports import RunReport
    from billing.runs.trial import Change, Changes, Trial
    from server.operations.work import Bill, Result


def result(found: Result, *, practice: bool) -> Message:
    """The response of an operation."""
    if isinstance(found, RunEnded):
        made = bill_run(found.run, practice=practice, needs_approval=found.waits)
        made.alarm_count = found.alarms
        if found.trial is not None:
            made.comparison.CopyFrom(comparison(found.trial))
        return made
    if isinstance(found, Previewed):
        return preview(found, practice=practice)
    if isinstance(found, InterimRun):
        return thresholds(found)
    if isinstance(found, Rerated):
        return rerating(found.request, found.figures, found.job)
    return month_end(found) if isinstance(found, Closing) else what_if(found)


def bill_run(report: RunReport, *, practice: bool, needs_approval: bool = False) -> runs.BillRun:
    """A run with its figures."""
    made = runs.BillRun(
        name=run_name(report.run_id),
        bill_date=convert.date(report.bill_date),
        state=report.state,
        kind=report.kind,
        pinned_commit=report.pinned_seq,
        resumed=report.resumed,
        restricted=report.restricted,
        account_count=report.accounts,
        invoice_count=report.invoices,
        listed_count=report.drafts,
        numbers=[runs.NumberRange(legal_entity=each.legal_entity, first=each.first, last=each.last) for each in report.numbers],
        net=amounts(report.net_micros),
        tax=amounts(report.tax_micros),
        total=amounts(report.total_micros),
        events=report.events,
        left_out={name: count for name, count in report.left_out.items() if count},
        quarantined=report.quarantined,
        put_aside=report.put_aside,
        ahead_reason=report.ahead,
        started_by=report.started_by,
        approved_by=report.approved_by,
        needs_approval=needs_approval,
        start_time=instant(report.started_us),
        compute_time=instant(report.computed_us),
        number_time=instant(report.numbered_us),
        end_time=instant(report.finished_us),
        undone_by=report.undone_by,
        practice=practice,
    )
    if report.too_late_open is not None:
        made.too_late_open = report.too_late_open
    return made


def comparison(found: Trial) -> runs.BillRunComparison:
    """A computed run beside the last period."""
    return runs.BillRunComparison(
        bill_run=run_name(found.run_id),
        compared_runs=found.compared_runs,
        invoices_then=found.invoices_then,
        invoices_now=found.invoices_now,
        total_then=amounts(found.total_micros_then),
        total_now=amounts(found.total_micros_now),
        zero_bills=_changes(found.zero_bills),
        jumps=_changes(found.jumps),
        lost=_changes(found.lost),
        fresh=_changes(found.new),
        put_aside=found.put_aside,
        revenue=[
            runs.RevenueChange(revenue_code=each.revenue_code, **_then_and_now(each.currency, each.then_micros, each.now_micros))
            for each in found.revenue
        ],
    )


def preview(found: Previewed, *, practice: bool) -> runs.BillPreview:
    """The bills that a run would make; all sums are of all of them."""
    return runs.BillPreview(
        bill_date=convert.date(found.bill_date),
        bills=[_bill(each) for each in found.bills],
        bill_count=found.bill_count,
        net=amounts(found.net_micros),
        tax=amounts(found.tax_micros),
        quarantined=found.quarantined,
        put_aside=found.put_aside,
        findings=found.findings,
        refused=found.refused,
        goes_on=run_name(found.goes_on),
        needs_approval=found.waits,
        practice=practice,
    )


def preview_with_lines(found: Preview, *, practice: bool) -> runs.BillPreview:
    """The bill that a run would make of one account, with its lines."""
    made = preview(previewed(found), practice=practice)
    for bill, draft in zip(made.bills, found.drafts, strict=False):  # of a rating unit, at most as many as are kept
        bill.lines.extend(_line(each) for each in draft.lines)
    return made


def quarantined(each: Parked) -> runs.QuarantinedAccount:
    """An account that a run did not bill."""
    return runs.QuarantinedAccount(
        account=f"accounts/{each.account_id}",
        bill_run=run_name(each.run_id),
        bill_date=convert.date(each.bill_date),
        kind=each.kind,
        reason=each.reason,
        billed_by=run_name(each.billed_by),
    )


def thresholds(found: InterimRun) -> results.ThresholdBilling:
    """Interim bills of a date."""
    return results.ThresholdBilling(
        bill_run=run_name(found.run_id),
        bill_date=convert.date(found.date),
        invoice_count=found.invoices,
        reached=[_reached(each) for each in found.reached],
        held=[_reached(each) for each in found.held],
        limit_count=len(found.limits),
        refused=found.refused,
        passed_by=[_passed_by(each) for each in found.passed_by],
    )


def rerating(asked: Request, found: Figures, job: Job | None) -> results.Rerating:
    """A re-rating and what it comes to; None: nothing is stored."""
    made = results.Rerating(
        plan=asked.plan,
        version=asked.version,
        from_date=convert.date(asked.first_day),
        to_date=convert.date(asked.after_day),
        account_count=found.accounts,
        dearer_count=found.dearer,
        cheaper_count=found.cheaper,
        unchanged_count=found.unchanged,
        net=amounts(found.net_micros),
        tax=amounts(found.tax_micros),
        quarantined=found.quarantined,
    )
    if job is not None:
        made.name, made.state, made.existed = f"reratings/{job.job_id}", job.state, job.existed
        made.planned_by, made.decided_by = job.by_name, job.decided_by
        made.bill_runs.extend(run_name(each) for each in job.run_ids)
    return made


def month_end(found: Closing) -> results.MonthEnd:
    """The end of a month."""
    entries = [
        results.MonthEndEntry(
            kind=each.kind,
            code=each.code,
            held=convert.money(each.currency, each.held_micros),
            target=convert.money(each.currency, each.target_micros),
            moved=convert.money(each.currency, each.moved_micros),
        )
        for each in found.entries
    ]
    return results.MonthEnd(month=found.month, legal_entity=found.entity, closed=found.closed, obstacles=found.obstacles, entries=entries)


def what_if(found: Tried) -> results.WhatIf:
    """A draft, tried on a month."""
    report = found.report
    return results.WhatIf(
        catalogue=f"{report.identity}@{report.version}",
        month=report.month,
        event_count=report.events,
        currencies=[
            results.WhatIfCurrency(
                customer_count=each.payers.customers,
                more_count=each.payers.more,
                less_count=each.payers.less,
                same_count=each.payers.same,
                **_then_and_now(each.currency, each.then_micros, each.now_micros),
            )
            for each in report.currencies
        ],
        left_out=report.left_out,
        kept=found.kept,
    )


def _bill(each: Bill) -> runs.PreviewedBill:
    return runs.PreviewedBill(
        account=f"accounts/{each.account_id}",
        period_from=convert.date(each.period_from),
        period_to=convert.date(each.period_to),
        net=convert.money(each.currency, each.net_micros),
        tax=convert.money(each.currency, each.tax_micros),
    )


def _line(line: DraftLine) -> runs.PreviewedLine:
    return runs.PreviewedLine(
        text=line.text,
        subscription_id=line.subscription_id,
        period_from=convert.date(line.period_from),
        period_to=convert.date(line.period_to),
        events=line.events,
        amount_micros=line.amount_micros,
    )


def _changes(found: Changes) -> runs.AccountChanges:
    return runs.AccountChanges(count=found.count, shown=[_change(each) for each in found.shown])


def _change(each: Change) -> runs.AccountChange:
    return runs.AccountChange(account=f"accounts/{each.account_id}", **_then_and_now(each.currency, each.then_micros, each.now_micros))


def _then_and_now(currency: str, then_micros: int, now_micros: int) -> dict[str, Any]:
    return {"then": convert.money(currency, then_micros), "now": convert.money(currency, now_micros)}


def _reached(each: Interim) -> results.ReachedThreshold:
    return results.ReachedThreshold(
        account=f"accounts/{each.account_id}",
        subscription_id=each.subscription_id,
        display_name=each.threshold,
        threshold=convert.money(each.currency, each.threshold_micros),
        unbilled=convert.money(each.currency, each.unbilled_micros),
    )


def _passed_by(each: PassedBy) -> results.ReachedThreshold:
    return results.ReachedThreshold(
        account=f"accounts/{each.account_id}", subscription_id=each.subscription_id, display_name=each.limit, reason=each.reason
    )
