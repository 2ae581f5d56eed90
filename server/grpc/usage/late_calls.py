"""The calls about usage that no run bills any more. Each converts, and calls the function of its command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from billing.late_decisions import BILLED, WRITTEN_OFF
from billing.left_out.decisions import standing
from billing.persons import Who
from billing.too_late import deciding, recovery, taking_back
from billing.too_late.choosing import Choice
from billing.too_late.results import LateAct
from billing.too_late.taking_back import TakenBack
from ratewright.v1 import late_usage_pb2 as pb
from rating.errors import quoted
from server.actions import late_usage
from server.grpc import calls, entrance, paging
from server.grpc.finance import values
from server.grpc.refusals import invalid
from server.grpc.usage import late_messages as messages

if TYPE_CHECKING:
    import grpc

    from billing.payments.writing import Act
    from billing.too_late.listing import TooLate
    from server.grpc.calls import Door

_DIGITS_MAX: Final = 18
_FORM: Final = "lateDecisions/{late_decision}"


class LateCalls:
    """The calls about late usage."""

    def __init__(self, door: Door, page_token_key: bytes) -> None:
        self._door, self._key = door, page_token_key

    def list_late(self, request: pb.ListLateUsageRequest, context: grpc.ServicerContext) -> pb.ListLateUsageResponse:
        """A page of records, and the sums of all."""

        def find() -> pb.ListLateUsageResponse:
            page, account_id = paging.page(request, self._key), values.account_or_all(request.parent)
            if request.without_owner and account_id is not None:
                raise invalid("MALFORMED_REQUEST", "without_owner: parent names an account", {"field": "without_owner"})
            wanted = "" if request.without_owner else account_id
            found = late_usage.list_late(self._door.home, self._door.clock_us(), wanted, decided=request.show_decided)
            begin = next((number for number, each in enumerate(found.records) if _is_behind(each, page.after)), len(found.records))
            rows, token = page.parted(found.records[begin : begin + page.limit], _place)
            return pb.ListLateUsageResponse(
                late_records=[messages.record(each, entrance.mask()) for each in rows],
                next_page_token=token,
                sums=map(messages.sums, found.sums),
                taken_back=map(messages.undone, found.taken_back),
                total_size=len(found.records),
                commit=found.seq,
            )

        return calls.read(context, find)

    def bill(self, request: pb.BillLateUsageRequest, context: grpc.ServicerContext) -> pb.LateUsageDecided:
        """Bill records by adjustments."""

        def act(by: Act) -> pb.LateUsageDecided:
            amount = values.amount_or_all(request, "amount")
            if amount.currency is not None:
                message = "amount: it is in the currency of the catalogue, without a code"
                raise invalid("MALFORMED_REQUEST", message, {"field": "amount"})
            day = values.day_or_none(request, "adjustment_date")
            return self._decide(LateAct(BILLED, _choice(request), request.reason, day, amount.micros, request.text), by)

        return values.write(self._door, request, context, act, lambda seq: self._decided(BILLED, seq), pb.LateUsageDecided)

    def write_off(self, request: pb.WriteOffLateUsageRequest, context: grpc.ServicerContext) -> pb.LateUsageDecided:
        """Give records up."""

        def act(by: Act) -> pb.LateUsageDecided:
            return self._decide(LateAct(WRITTEN_OFF, _choice(request), request.reason), by)

        return values.write(self._door, request, context, act, lambda seq: self._decided(WRITTEN_OFF, seq), pb.LateUsageDecided)

    def take_back(self, request: pb.TakeBackLateUsageRequest, context: grpc.ServicerContext) -> pb.TakeBackLateUsageResponse:
        """Take a decision back."""

        def act(by: Act) -> pb.TakeBackLateUsageResponse:
            number = _number(request.name)
            entrance.about(f"late decision {number}")
            who = Who(by.by.name, by.by.uid, by.now_us)
            return messages.taken_back(taking_back.take_back(self._door.home, number, request.reason, who, dry_run=by.dry_run))

        def recover(commit_seq: int) -> pb.TakeBackLateUsageResponse:
            number = _number(request.name)
            with self._door.home.connect() as connection:
                return messages.taken_back(TakenBack(standing(connection, commit_seq - 1, {number})[number]))

        return values.write(self._door, request, context, act, recover, pb.TakeBackLateUsageResponse)

    def _decide(self, wanted: LateAct, by: Act) -> pb.LateUsageDecided:
        done = deciding.decide(self._door.home, wanted, Who(by.by.name, by.by.uid, by.now_us), dry_run=by.dry_run)
        entrance.about(f"{done.records} late records")
        return messages.decided(done)

    def _decided(self, kind: str, commit_seq: int) -> pb.LateUsageDecided:
        """The decisions or the proposal that a commit has stored."""
        return messages.decided_before(recovery.stored_by(self._door.home, kind, commit_seq))


def _choice(request: pb.BillLateUsageRequest | pb.WriteOffLateUsageRequest) -> Choice:
    if request.without_owner and request.account:
        raise invalid("MALFORMED_REQUEST", "without_owner: an account is named", {"field": "without_owner"})
    account_id = values.account(request.account) if request.account else None
    return Choice(tuple(request.records), "" if request.without_owner else account_id, request.month or None)


def _number(name: str) -> int:
    """The number of a decision."""
    text = values.identity(name, "lateDecisions", "late_decision")
    if not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS_MAX):
        raise invalid("MALFORMED_NAME", f"{quoted(name)} does not have the form {_FORM}", {"form": _FORM})
    return int(text)


def _place(each: TooLate) -> str:
    """The place of a record in the list, which it keeps while others come and go."""
    return f"{each.record.start_us}:{each.record.event_key}"


def _is_behind(each: TooLate, place: str) -> bool:
    start_us, _, key = place.partition(":")
    return not place or (each.record.start_us, each.record.event_key) > (int(start_us), key)
