"""Bill runs by a service: `ratewright bill run|retry|preview|list|trial|approve|reject|abandon|quarantine --server`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from billing.runs import states
from billing.runs.quarantine import Parked
from ratewright.v1 import bill_run_pb2 as runs
from ratewright.v1 import bill_run_service_pb2 as pb
from ratewright.v1 import bill_run_service_pb2_grpc as stubs
from rating.errors import UserError
from server.cli.bill.decided import Decided
from server.cli.remote.bill_runs import values as run_values
from server.cli.remote.calling import LONG_S, account, day, last
from server.cli.remote.operations import fitting, named, waited
from server.client import date

if TYPE_CHECKING:
    import datetime as dt

    from billing.runs.cycle import Order, Preview
    from billing.runs.reports import RunReport
    from billing.runs.trial import Trial
    from server.actions.bill_runs import Ended
    from server.cli.remote.operations import Report
    from server.client import Connection

PAGE_SIZE: Final = 100  # runs; each names all accounts that it did not bill


class BillRuns:
    """Calls of BillRunService about runs of the cycle."""

    def __init__(self, service: Connection) -> None:
        self._service = service
        self._stub = stubs.BillRunServiceStub(service.channel)

    def run(self, bill_date: dt.date, order: Order, threads: int, report: Report) -> Ended:
        """`bill run`."""
        asked = self._service.call(self._stub.RunBills, _asked(bill_date, order, threads))
        return run_values.ended(waited(self._service, asked, runs.BillRun(), report))

    def retry(self, run_id: int, threads: int, report: Report) -> Ended:
        """`bill retry`."""
        wanted = pb.RetryBillRunRequest(name=run_name(run_id), threads=fitting(threads, "--threads"))
        asked = self._service.call(self._stub.RetryBillRun, wanted)
        return run_values.ended(waited(self._service, asked, runs.BillRun(), report))

    def preview(self, bill_date: dt.date, order: Order, threads: int, report: Report, *, whole: bool) -> Preview:
        """`bill run --dry-run`, and `bill preview` of all accounts. `whole`: with the lines of all bills."""
        wanted = _asked(bill_date, order, threads)
        wanted.validate_only = True
        asked = self._service.call(self._stub.RunBills, wanted)
        return preview_of(waited(self._service, asked, runs.BillPreview(), report), whole=whole)

    def preview_retry(self, run_id: int, threads: int, report: Report, *, whole: bool) -> Preview:
        """`bill retry --dry-run`."""
        wanted = pb.RetryBillRunRequest(name=run_name(run_id), threads=fitting(threads, "--threads"), validate_only=True)
        asked = self._service.call(self._stub.RetryBillRun, wanted)
        return preview_of(waited(self._service, asked, runs.BillPreview(), report), whole=whole)

    def preview_account(self, bill_date: dt.date, account_id: str) -> Preview:
        """`bill preview --account`."""
        wanted = pb.PreviewBillRequest(account=account(account_id), bill_date=date(bill_date))
        return preview_of(self._service.call(self._stub.PreviewBill, wanted, deadline_s=LONG_S), whole=True)

    def list_runs(self) -> list[RunReport]:
        """`bill list`."""
        asked = pb.ListBillRunsRequest(page_size=PAGE_SIZE)
        newest_first = [run_values.report(each) for each in self._service.pages(self._stub.ListBillRuns, asked, "bill_runs")]
        return newest_first[::-1]

    def trial(self, run_id: int) -> Trial:
        """`bill trial`."""
        asked = pb.CompareBillRunRequest(name=run_name(run_id))
        return run_values.trial(self._service.call(self._stub.CompareBillRun, asked, deadline_s=LONG_S))

    def decide(self, run_id: int, kind: str, note: str) -> Decided:
        """`bill approve|reject`."""
        if kind == states.APPROVED:
            found = self._service.call(self._stub.ApproveBillRun, pb.ApproveBillRunRequest(name=run_name(run_id), note=note))
        else:
            found = self._service.call(self._stub.RejectBillRun, pb.RejectBillRunRequest(name=run_name(run_id), note=note))
        return Decided(day(found.bill_date), found.state, found.decided_by)

    def abandon(self, bill_date: dt.date) -> int:
        """`bill abandon`: the run of that date that is not finished is looked for, and given up by its name."""
        asked = pb.ListBillRunsRequest(page_size=PAGE_SIZE)
        for each in self._service.pages(self._stub.ListBillRuns, asked, "bill_runs"):
            if day(each.bill_date) == bill_date.isoformat() and each.state in states.UNFINISHED:
                found = self._service.call(self._stub.AbandonBillRun, pb.AbandonBillRunRequest(name=each.name))
                return int(last(found.name))
        raise states.none_unfinished(bill_date)

    def quarantine(self, run_id: int | None, *, every: bool) -> list[Parked]:
        """`bill quarantine`."""
        asked = pb.ListQuarantinedAccountsRequest(bill_run="" if run_id is None else run_name(run_id), show_billed=every)
        return [_parked(each) for each in self._service.call(self._stub.ListQuarantinedAccounts, asked).accounts]


def run_name(run_id: int) -> str:
    """The resource name of a run."""
    return f"billRuns/{run_id}"


def _asked(bill_date: dt.date, order: Order, threads: int) -> pb.RunBillsRequest:
    return pb.RunBillsRequest(
        bill_date=date(bill_date),
        accounts=named(order.accounts),
        trial=order.trial,
        everything=order.everything,
        ahead_reason=order.ahead,
        wait=order.wait,
        threads=fitting(threads, "--threads"),
        resume=order.resume,
    )


def preview_of(found: runs.BillPreview, *, whole: bool) -> Preview:
    """A preview. Raises UserError where lines are asked for, and the service has left them out."""
    left_out = found.bill_count - sum(bool(bill.lines) for bill in found.bills)
    if whole and left_out:
        what = f"the service leaves out the lines of a preview of {found.bill_count:,} bills"
        raise UserError(what, "name fewer accounts, leave out --json, or give the command in the home")
    more = found.bill_count - len(found.bills)
    if more:
        print(f"the service shows the first {len(found.bills):,} bills; there are {more:,} more", file=sys.stderr)
    return run_values.preview(found)


def _parked(each: runs.QuarantinedAccount) -> Parked:
    billed_by = int(last(each.billed_by)) if each.billed_by else 0
    return Parked(int(last(each.bill_run)), day(each.bill_date), last(each.account), each.kind, each.reason, billed_by)
