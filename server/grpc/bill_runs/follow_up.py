"""Calls of BillRunService about what comes before and after runs: due dates, abnormal bills, refused events, opening documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from billing.documents import alarms, openings
from billing.persons import Who
from billing.runs.dates.due import due_dates
from billing.runs.refused_events import refusals
from ratewright.v1 import bill_follow_up_pb2 as pb
from rating.dates import utc_date
from rating.errors import quoted
from server.grpc import calls, convert, entrance, paging
from server.grpc.bill_runs import names
from server.grpc.finance import values
from server.grpc.refusals import invalid

if TYPE_CHECKING:
    import grpc

    from billing.documents.alarms import Alarm
    from billing.documents.openings import Opened
    from billing.payments.writing import Act
    from billing.runs.refused_events import Refusal
    from server.access.masking import Mask
    from server.grpc.calls import Door

EVENTS_DEFAULT: Final = 50
EVENTS_MAX: Final = 10_000
_ALARMS: Final = "billAlarms"
_DIGITS_MAX: Final = 18


class FollowUpCalls:
    """Those calls over one home. `page_token_key` signs the tokens of pages."""

    def __init__(self, door: Door, page_token_key: bytes) -> None:
        self._door = door
        self._page_token_key = page_token_key

    def ListDueBillDates(self, _request: pb.ListDueBillDatesRequest, context: grpc.ServicerContext) -> pb.ListDueBillDatesResponse:
        """Bill dates that are to be run now."""

        def find() -> pb.ListDueBillDatesResponse:
            found = due_dates(self._door.home, self._door.clock_us())
            dates = [
                pb.DueBillDate(
                    bill_date=convert.date(each.bill_date),
                    account_count=each.accounts,
                    again_count=each.again,
                    test_count=each.test,
                    held_count=each.held,
                    passed_by_count=each.passed_by,
                    waiting_count=each.waiting,
                    time_zone=each.clock,
                    command=each.command,
                )
                for each in found.dates
            ]
            return pb.ListDueBillDatesResponse(dates=dates, unfinished_command=found.unfinished, practice=self._door.home.is_practice)

        return calls.read(context, find)

    def ListBillAlarms(self, request: pb.ListBillAlarmsRequest, context: grpc.ServicerContext) -> pb.ListBillAlarmsResponse:
        """A page of abnormal bills, oldest first."""

        def find() -> pb.ListBillAlarmsResponse:
            page, home = paging.page(request, self._page_token_key), self._door.home
            after = page.after_number or 0
            found = [each for each in alarms.list_all(home, only_open=not request.show_decided) if each.alarm_id > after]
            rows, token = page.parted(found[: page.limit], lambda each: each.alarm_id)
            return pb.ListBillAlarmsResponse(alarms=map(_alarm, rows), next_page_token=token, practice=home.is_practice)

        return calls.read(context, find)

    def TellBillAlarm(self, request: pb.TellBillAlarmRequest, context: grpc.ServicerContext) -> pb.DecideBillAlarmResponse:
        """An alarm that the customer knows."""
        return self._decided_alarm(request, context, alarms.TOLD)

    def DismissBillAlarm(self, request: pb.DismissBillAlarmRequest, context: grpc.ServicerContext) -> pb.DecideBillAlarmResponse:
        """An alarm that is dismissed."""
        return self._decided_alarm(request, context, alarms.DISMISSED)

    def ListRefusedEvents(self, request: pb.ListRefusedEventsRequest, context: grpc.ServicerContext) -> pb.ListRefusedEventsResponse:
        """Events that a run could not price."""

        def find() -> pb.ListRefusedEventsResponse:
            names.require_texts(request)
            limit = request.event_limit if request.HasField("event_limit") else EVENTS_DEFAULT
            if not 0 <= limit <= EVENTS_MAX:
                raise invalid("MALFORMED_REQUEST", f"event_limit is not from 0 to {EVENTS_MAX}", {"field": "event_limit"})
            run_id = names.parse_run_name(request.bill_run) if request.bill_run else None
            found = refusals(self._door.home, run_id, request.reason if request.HasField("reason") else None, limit)
            mask = entrance.mask()
            return pb.ListRefusedEventsResponse(
                bill_run=names.run_name(found.run_id),
                counts=[pb.RefusedEventCount(reason=reason, count=count) for reason, count in found.counts.items()],
                events=[_event(each, mask) for each in found.rows],
                practice=self._door.home.is_practice,
            )

        return calls.read(context, find)

    def IssueOpeningDocuments(
        self, request: pb.IssueOpeningDocumentsRequest, context: grpc.ServicerContext
    ) -> pb.IssueOpeningDocumentsResponse:
        """Documents of what imported accounts owed before."""

        def act(by: Act) -> pb.IssueOpeningDocumentsResponse:
            on = values.day_or_none(request, "date") or utc_date(self._door.clock_us())
            who = Who(by.by.name, by.by.uid, by.now_us)
            return self._opened(openings.open_items(self._door.home, who, on, dry_run=by.dry_run))

        def recover(commit_seq: int) -> pb.IssueOpeningDocumentsResponse:
            return self._opened(openings.stored_by(self._door.home, commit_seq))

        return calls.write(self._door, request, context, pb.IssueOpeningDocumentsResponse, act, recover)

    def _decided_alarm(
        self, request: pb.TellBillAlarmRequest | pb.DismissBillAlarmRequest, context: grpc.ServicerContext, kind: str
    ) -> pb.DecideBillAlarmResponse:
        def act(by: Act) -> pb.DecideBillAlarmResponse:
            number = _alarm_number(request.name)
            names.require_texts(request)
            entrance.about(f"alarm {number}")
            changed = alarms.decide(self._door.home, number, kind, request.note, Who(by.by.name, by.by.uid, by.now_us))
            return answer(number, changed=changed)

        def answer(number: int, *, changed: bool = True, as_of: int | None = None) -> pb.DecideBillAlarmResponse:
            found = next(each for each in alarms.list_all(self._door.home, as_of=as_of) if each.alarm_id == number)
            return pb.DecideBillAlarmResponse(alarm=_alarm(found), changed=changed)

        def recover(commit_seq: int) -> pb.DecideBillAlarmResponse:
            return answer(_alarm_number(request.name), as_of=commit_seq)

        return calls.write(self._door, request, context, pb.DecideBillAlarmResponse, act, recover)

    def _opened(self, done: Opened) -> pb.IssueOpeningDocumentsResponse:
        return pb.IssueOpeningDocumentsResponse(
            document_count=done.documents,
            total=names.amounts(done.total_micros),
            bill_run=names.run_name(done.run_id),
            refusal=done.refused,
            needs_second=done.needs_second,
            proposal=done.proposal,
            practice=self._door.home.is_practice,
        )


def _alarm_number(name: str) -> int:
    text = values.identity(name, _ALARMS, "bill_alarm")
    if not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS_MAX):
        form = f"{_ALARMS}/{{bill_alarm}}"
        raise invalid("MALFORMED_NAME", f"{quoted(name)} does not have the form {form}", {"form": form})
    return int(text)


def _alarm(found: Alarm) -> pb.BillAlarm:
    return pb.BillAlarm(
        name=f"{_ALARMS}/{found.alarm_id}",
        kind=found.kind,
        account=f"accounts/{found.account_id}",
        period_from=convert.date(found.period_from),
        reached=convert.money(found.currency, found.reached_micros),
        limit=convert.money(found.currency, found.limit_micros),
        bill_run=names.run_name(found.run_id),
        state=found.state,
        note=found.note,
    )


def _event(row: Refusal, mask: Mask) -> pb.RefusedEvent:
    return pb.RefusedEvent(
        reason=row.reason,
        source=row.source,
        record_id="" if mask.hides else row.record_id,  # it may hold a number
        served=mask.number(row.served_id),
        destination=mask.number(row.destination),
        start_time=convert.timestamp(row.start_us),
        duration_us=row.duration_us,
    )
