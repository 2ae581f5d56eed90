"""Runs that are undone, due dates, alarms, refused events and openings, by a service: `ratewright bill undo|due|alarms|refused|opening`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from billing.documents import undoing
from billing.documents.alarms import DISMISSED, Alarm
from billing.documents.openings import Opened
from billing.documents.undo.blockers import Blocker
from billing.documents.undoing import Taken, Undoing
from billing.runs.dates.due import Due, DueDate
from billing.runs.refused_events import Refusal, Refusals
from ratewright.v1 import bill_follow_up_pb2 as pb
from ratewright.v1 import bill_run_service_pb2_grpc as stubs
from ratewright.v1 import bill_run_undo_pb2
from rating.errors import UserError
from server.cli.remote.bill_runs.running import run_name
from server.cli.remote.bill_runs.values import run_id
from server.cli.remote.calling import LONG_S, PAGE_SIZE, by_currency, day, last, tail
from server.cli.remote.operations import named
from server.client import CallError, date, micros

if TYPE_CHECKING:
    import datetime as dt

    from server.client import Connection

EVENTS_MAX: Final = 10_000  # of one answer
_BLOCKED: Final = "UNDO_BLOCKED"


class FollowUps:
    """Calls of BillRunService about runs that are undone, and about what comes before and after runs."""

    def __init__(self, service: Connection) -> None:
        self._service = service
        self._stub = stubs.BillRunServiceStub(service.channel)

    def undo(self, run: int, reason: str, accounts: frozenset[str] | None, *, dry_run: bool) -> Undoing:
        """`bill undo`. Raises ProblemsError with all that is in the way: a refusal names the first of it alone."""
        asked = bill_run_undo_pb2.UndoBillRunRequest(name=run_name(run), accounts=named(accounts), reason=reason, validate_only=dry_run)
        try:
            return _undoing(self._service.call(self._stub.UndoBillRun, asked, deadline_s=LONG_S))
        except CallError as error:
            if error.reason != _BLOCKED:
                raise
            asked.validate_only = True
            found = _undoing(self._service.call(self._stub.UndoBillRun, asked, deadline_s=LONG_S))
            undoing.require_free(found.run_id, found.bill_date, found.blockers)
            raise

    def withdraw(self, run: int, reason: str, accounts: frozenset[str] | None) -> Undoing:
        """`bill undo --withdraw`."""
        asked = bill_run_undo_pb2.WithdrawBillRunUndoRequest(name=run_name(run), accounts=named(accounts), reason=reason)
        return _undoing(self._service.call(self._stub.WithdrawBillRunUndo, asked, deadline_s=LONG_S))

    def due(self) -> Due:
        """`bill due`."""
        found = self._service.call(self._stub.ListDueBillDates, pb.ListDueBillDatesRequest(), deadline_s=LONG_S)
        dates = tuple(
            DueDate(
                bill_date=day(each.bill_date),
                accounts=each.account_count,
                again=each.again_count,
                test=each.test_count,
                held=each.held_count,
                passed_by=each.passed_by_count,
                waiting=each.waiting_count,
                clock=each.time_zone,
                command=each.command,
            )
            for each in found.dates
        )
        return Due(dates, found.unfinished_command)

    def alarms(self, *, every: bool) -> list[Alarm]:
        """`bill alarms list`."""
        asked = pb.ListBillAlarmsRequest(show_decided=every, page_size=PAGE_SIZE)
        return [
            Alarm(
                alarm_id=int(last(each.name)),
                kind=each.kind,
                account_id=tail(each.account),
                period_from=day(each.period_from),
                currency=each.reached.currency_code,
                reached_micros=micros(each.reached),
                limit_micros=micros(each.limit),
                run_id=run_id(each.bill_run) or None,
                state=each.state,
                note=each.note,
            )
            for each in self._service.pages(self._stub.ListBillAlarms, asked, "alarms")
        ]

    def decide_alarm(self, alarm: int, kind: str, note: str) -> bool:
        """`bill alarms told|dismiss`; False where nothing changed."""
        name = f"billAlarms/{alarm}"
        if kind == DISMISSED:
            return self._service.call(self._stub.DismissBillAlarm, pb.DismissBillAlarmRequest(name=name, note=note)).changed
        return self._service.call(self._stub.TellBillAlarm, pb.TellBillAlarmRequest(name=name, note=note)).changed

    def refused(self, run: int | None, reason: str | None, limit: int) -> Refusals:
        """`bill refused`."""
        if limit > EVENTS_MAX:
            message = f"the service shows at most {EVENTS_MAX:,} events, not {limit:,}"
            raise UserError(message, "give a smaller --limit, or the command in the home", exit_status=2)
        asked = pb.ListRefusedEventsRequest(bill_run="" if run is None else run_name(run), reason=reason, event_limit=limit)
        found = self._service.call(self._stub.ListRefusedEvents, asked, deadline_s=LONG_S)
        rows = tuple(
            Refusal(
                reason=each.reason,
                source=each.source,
                record_id=each.record_id,
                served_id=each.served,
                destination=each.destination,
                start_us=each.start_time.ToMicroseconds(),
                duration_us=each.duration_us,
            )
            for each in found.events
        )
        return Refusals(run_id(found.bill_run), {each.reason: each.count for each in found.counts}, rows)

    def open_items(self, on: dt.date | None, *, dry_run: bool) -> Opened:
        """`bill opening`; by the clock of the service where no date is given."""
        asked = pb.IssueOpeningDocumentsRequest(date=None if on is None else date(on), validate_only=dry_run)
        done = self._service.call(self._stub.IssueOpeningDocuments, asked, deadline_s=LONG_S)
        return Opened(
            documents=done.document_count,
            total_micros=by_currency(done.total),
            run_id=run_id(done.bill_run),
            refused=done.refusal,
            needs_second=done.needs_second,
            proposal=done.proposal,
        )


def _undoing(done: bill_run_undo_pb2.BillRunUndo) -> Undoing:
    return Undoing(
        run_id=run_id(done.bill_run),
        bill_date=day(done.bill_date),
        state=done.state,
        accounts=done.account_count,
        documents=tuple(_taken(each) for each in done.documents),
        net_micros=by_currency(done.net),
        tax_micros=by_currency(done.tax),
        total_micros=by_currency(done.total),
        freed_micros=by_currency(done.freed),
        postings=done.posting_count,
        proposed_by=done.proposed_by,
        blockers=tuple(Blocker(tuple(map(tail, each.accounts)), each.document, each.reason, each.remedy) for each in done.blockers),
        dry_run=done.tried,
        others=done.other_count,
    )


def _taken(row: bill_run_undo_pb2.UndoneDocument) -> Taken:
    return Taken(
        number=row.number,
        account_id=tail(row.account),
        currency=row.total.currency_code,
        on_date=day(row.date),
        net_micros=micros(row.net),
        tax_micros=micros(row.tax),
        total_micros=micros(row.total),
    )
