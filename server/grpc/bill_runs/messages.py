"""Messages of what billing returns: runs, comparisons, previews, and results of other operations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from billing.accounting.closing import Closing
from billing.documents.interim import InterimRun
from ratewright.v1 import bill_run_pb2 as runs
from ratewright.v1 import billing_results_pb2 as results
from server.grpc import convert
from server.grpc.bill_runs.names import amounts, instant, run_name
from server.grpc.finance import control_messages
from server.operations.work import Previewed, Rerated, RunEnded, Tried

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from billing.documents.interim import Interim, Limit, PassedBy
    from billing.invoicing import DraftLine
    from billing.invoicing.forms import InvoiceDraft
    from billing.rerate.figures import Beyond, Figures
    from billing.rerate.jobs import Job, Step
    from billing.rerate.request import Request
    from billing.runs.quarantine import Parked
    from billing.runs.reports import RunReport
    from billing.runs.trial import BillChange, Changes, Trial
    from server.operations.work import Bill, FollowedRun, Result

REPORT_BYTES_MAX: Final = 3 * 1024 * 1024  # of a what-if: clients take 4 MiB


def result(found: Result, *, practice: bool) -> Message:
    """The response of an operation."""
    if isinstance(found, RunEnded):
        made = bill_run(found.run, practice=practice, needs_approval=found.waits)
        made.alarm_count, made.balances = found.alarms, found.balances
        made.followed.extend(_followed(each, found.run.run_id, practice=practice) for each in found.followed)
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
        left_out=report.left_out,
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
        undo_time=instant(report.undone_us),
        undone_account_count=report.undone_accounts,
        undo_proposed_by=report.undo_proposed_by,
        practice=practice,
    )
    if report.too_late_open is not None:
        made.too_late_open = report.too_late_open
    return made


def comparison(found: Trial) -> runs.BillRunComparison:
    """A computed run beside the last period."""
    return runs.BillRunComparison(
        bill_run=run_name(found.run_id),
        bill_date=convert.date(found.bill_date),
        state=found.state,
        ahead_reason=found.ahead,
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
    drafts = found.drafts or (None,) * len(found.bills)
    return runs.BillPreview(
        bill_date=convert.date(found.bill_date),
        bills=[_bill(each, draft) for each, draft in zip(found.bills, drafts, strict=False)],  # at most as many bills as drafts
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
        pinned_commit=found.seq,
        events=found.events,
        left_out=found.left_out,
    )


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
        limits=[_limit(each) for each in found.limits],
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
        net_micros_by_revenue_code=found.by_revenue_code,
        deciles=[results.RerateDeciles(currency_code=currency, net_micros=micros) for currency, micros in found.deciles.items()],
        largest=[
            results.AccountDifference(
                account=f"accounts/{each.account_id}",
                net=convert.money(each.currency, each.net_micros),
                tax=convert.money(each.currency, each.tax_micros),
            )
            for each in found.largest
        ],
        left_alone=[f"accounts/{each}" for each in found.left_alone],
        moved=[f"accounts/{each}" for each in found.moved],
        beyond={account_id: _beyond(each) for account_id, each in found.beyond.items()},
        restricted=asked.accounts is not None,
        accounts=[f"accounts/{each}" for each in asked.accounts or ()],
    )
    if job is not None:
        made.name, made.state, made.existed = f"reratings/{job.job_id}", job.state, job.existed
        made.planned_by, made.decided_by = job.by_name, job.decided_by
        made.bill_runs.extend(run_name(each) for each in job.run_ids)
        made.pinned_commit, made.planned_by_number = job.pinned_seq, job.by_uid
        made.steps.extend(_step(each) for each in job.steps)
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
    whole = msgspec.json.encode(report)
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
        report_json=whole.decode() if len(whole) <= REPORT_BYTES_MAX else "",
    )


def _bill(each: Bill, draft: InvoiceDraft | None) -> runs.PreviewedBill:
    """A bill, with what only its draft has where that is kept."""
    made = runs.PreviewedBill(
        account=f"accounts/{each.account_id}",
        period_from=convert.date(each.period_from),
        period_to=convert.date(each.period_to),
        net=convert.money(each.currency, each.net_micros),
        tax=convert.money(each.currency, each.tax_micros),
    )
    if draft is not None:
        made.account_key = draft.account_key
        made.issue_date.CopyFrom(convert.date(draft.issued_on))
        made.due_date.CopyFrom(convert.date(draft.due_on))
        made.lines.extend(_line(line) for line in draft.lines)
    return made


def _line(line: DraftLine) -> runs.PreviewedLine:
    return runs.PreviewedLine(
        text=line.text,
        subscription_id=line.subscription_id,
        period_from=convert.date(line.period_from),
        period_to=convert.date(line.period_to),
        events=line.events,
        amount_micros=line.amount_micros,
        kind=line.kind,
        subscription_key=line.subscription_key,
        charge_code=line.charge_code,
        price_id=line.price_id,
        revenue_code=line.revenue_code,
        tax_class=line.tax_class,
        quantity=line.quantity,
        free_quantity=line.free_quantity,
        quantity_unit=line.quantity_unit,
        exact_micros=line.exact_micros,
        days=[runs.PreviewedDays(from_date=convert.date(of.from_date), to_date=convert.date(of.to_date)) for of in line.days],
        tax_name=line.tax_name,
    )


def _followed(each: FollowedRun, of_run: int, *, practice: bool) -> runs.FollowedRun:
    is_same = each.run.run_id == of_run
    return runs.FollowedRun(
        run=runs.BillRun(name=run_name(of_run)) if is_same else bill_run(each.run, practice=practice),
        books=map(control_messages.book, each.books),
        open_findings=map(control_messages.finding, each.open_findings),
        alarm_count=each.alarms,
    )


def _changes(found: Changes) -> runs.AccountChanges:
    return runs.AccountChanges(count=found.count, shown=[_change(each) for each in found.shown])


def _change(each: BillChange) -> runs.AccountChange:
    return runs.AccountChange(account=f"accounts/{each.account_id}", **_then_and_now(each.currency, each.then_micros, each.now_micros))


def _then_and_now(currency: str, then_micros: int, now_micros: int) -> dict[str, Any]:
    return {"then": convert.money(currency, then_micros), "now": convert.money(currency, now_micros)}


def _beyond(each: Beyond) -> results.GivenBeyond:
    return results.GivenBeyond(amount=convert.money(each.currency, each.micros), credit_notes=each.notes)


def _step(each: Step) -> results.RerateStep:
    return results.RerateStep(kind=each.kind, operator=each.by_name, time=convert.timestamp(each.at_us), note=each.note)


def _reached(each: Interim) -> results.ReachedThreshold:
    return results.ReachedThreshold(
        account=f"accounts/{each.account_id}",
        subscription_id=each.subscription_id,
        display_name=each.threshold,
        threshold=convert.money(each.currency, each.threshold_micros),
        unbilled=convert.money(each.currency, each.unbilled_micros),
        period_from=convert.date(each.period_from),
    )


def _limit(each: Limit) -> results.ReachedLimit:
    return results.ReachedLimit(
        account=f"accounts/{each.account_id}",
        subscription_id=each.subscription_id,
        display_name=each.limit,
        limit=convert.money(each.currency, each.limit_micros),
        spent=convert.money(each.currency, each.spent_micros),
        window_from=convert.date(each.window_from),
        action=each.action,
    )


def _passed_by(each: PassedBy) -> results.ReachedThreshold:
    return results.ReachedThreshold(
        account=f"accounts/{each.account_id}", subscription_id=each.subscription_id, display_name=each.limit, reason=each.reason
    )
