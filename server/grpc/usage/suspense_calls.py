"""The calls about suspense. Each converts, and calls an act of `server.actions`."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from billing.enquiries.version_bills import on_bill
from billing.intake.known_records.source_memory import require_source
from billing.suspense import deciding, limits, listing, proposals, rule, showing, taking_back, writing_off
from billing.suspense.deciding import Deciding
from billing.suspense.selection import Selection, checked_ids
from ratewright.v1 import suspense_pb2 as pb
from ratewright.v1 import suspense_proposal_pb2 as proposal_pb
from rating.errors import quoted
from server.actions import suspense, suspense_choice, suspense_proposals
from server.grpc import calls, entrance, paging
from server.grpc.finance import values
from server.grpc.refusals import invalid
from server.grpc.usage import suspense_messages as messages
from server.grpc.usage import suspense_recovery as recovery

if TYPE_CHECKING:
    from collections.abc import Mapping

    import grpc
    from google.protobuf.message import Message

    from billing.payments.writing import Act
    from billing.suspense.proposals import Proposal
    from billing.suspense.selection import Asking
    from mediation.sources.model import Source
    from server.actions.suspense_choice import Shown
    from server.grpc.calls import Door

PREVIEWED_ROWS: Final = 50
PREVIEWED_ROWS_MAX: Final = 1_000
_DIGITS_MAX: Final = 18
_RECORDS, _PROPOSALS = ("suspenseRecords", "suspense_record"), ("suspenseProposals", "suspense_proposal")


class SuspenseCalls:
    """The calls about suspense. `sources`: definitions by which rows are read again."""

    def __init__(self, door: Door, sources: Mapping[str, Source], page_token_key: bytes) -> None:
        self._door, self._sources, self._key = door, sources, page_token_key

    def list_records(self, request: pb.ListSuspenseRecordsRequest, context: grpc.ServicerContext) -> pb.ListSuspenseRecordsResponse:
        """A page of records, and the sums of all."""

        def find() -> pb.ListSuspenseRecordsResponse:
            values.require_texts(request)
            page, home, mask = paging.page(request, self._key), self._door.home, entrance.mask()
            if request.source:
                require_source(home, request.source)
            selection, day = (
                Selection(request.source, (request.reason,) if request.reason else ()),
                values.day_or_none(request, "bill_date"),
            )
            found = listing.listing(home, selection, self._door.clock_us(), limit=page.limit, bill_date=day, after=page.after)
            rows, token = page.parted(found.rows, listing.place_of)
            return pb.ListSuspenseRecordsResponse(
                suspense_records=[messages.entry(each, mask) for each in rows],
                next_page_token=token,
                groups=map(messages.group, found.counts),
                total_size=found.total,
                commit=found.seq,
            )

        return calls.read(context, find)

    def get_record(self, request: pb.GetSuspenseRecordRequest, context: grpc.ServicerContext) -> pb.SuspenseRecord:
        """One record."""

        def find() -> pb.SuspenseRecord:
            identifier = _record(request.name)
            entrance.about(f"suspense record {identifier}")
            found = showing.show(self._door.home, identifier, self._asking(values.day_or_none(request, "bill_date")), folders=False)
            return messages.shown(identifier, found, entrance.mask())

        return calls.read(context, find)

    def correct(self, request: pb.CorrectSuspenseRequest, context: grpc.ServicerContext) -> pb.CorrectSuspenseResponse:
        """A rule that is previewed, or saved."""

        def act(by: Act) -> pb.CorrectSuspenseResponse:
            asked = self._asking(values.day_or_none(request, "bill_date"))
            limit = request.record_limit if request.HasField("record_limit") else PREVIEWED_ROWS
            rule, home = _rule(request.rule), self._door.home
            tried.append(suspense.tried(home, rule, asked, min(limit, PREVIEWED_ROWS_MAX)))
            return answer(None if by.dry_run else suspense.save(home, rule, request.note, by, asked, tried[-1]).saved)

        def answer(proposal: Proposal | None) -> pb.CorrectSuspenseResponse:
            done = tried[-1]
            rows = [messages.corrected(each, entrance.mask()) for each in done.rows]
            saved = None if proposal is None else messages.proposal(proposal, entrance.mask())
            return pb.CorrectSuspenseResponse(preview=messages.preview(done.preview), records=rows, proposal=saved)

        tried: list[suspense.Corrected] = []

        def recover(commit_seq: int) -> pb.CorrectSuspenseResponse:
            return pb.CorrectSuspenseResponse(proposal=self._made(commit_seq))

        return values.write(self._door, request, context, act, recover, pb.CorrectSuspenseResponse, answer)

    def recycle(self, request: pb.RecycleSuspenseRequest, context: grpc.ServicerContext) -> pb.RecycleSuspenseResponse:
        """Records that come back."""

        def act(by: Act) -> pb.RecycleSuspenseResponse:
            selection = Selection(request.source, tuple(request.reasons), tuple(map(_record, request.names)))
            number = _number(request.correction, _PROPOSALS) if request.correction else None
            suspense.require_choice(selection, number)
            home, asked = self._door.home, self._asking()
            if by.dry_run:
                return pb.RecycleSuspenseResponse(preview=messages.preview(suspense.preview_recycling(home, selection, number, asked)))
            if number is None:
                done = suspense.recycle(home, selection, request.note, by, asked)
            else:
                done = suspense.apply_correction(home, number, request.note, by, asked)
            return messages.recycled(done)

        def recover(commit_seq: int) -> pb.RecycleSuspenseResponse:
            return messages.recycled(recovery.recycled(self._door.home, commit_seq, calls.actor().uid, request.request_id))

        return values.write(self._door, request, context, act, recover, pb.RecycleSuspenseResponse)

    def resolve(self, request: pb.ResolveSuspenseRequest, context: grpc.ServicerContext) -> pb.ResolveSuspenseResponse:
        """A version that is to count."""

        def act(by: Act) -> pb.ResolveSuspenseResponse:
            record, home, asked = suspense_choice.number_of(_record(request.name)), self._door.home, self._asking()
            entrance.about(f"suspense record {record}")
            if not by.dry_run:
                suspense.needs_reason("a choice", request.note)
                if not (request.keep or request.incomplete):
                    raise invalid("MALFORMED_REQUEST", "choice: say what to keep, or that it is incomplete", {"field": "keep"})
            if request.incomplete:
                shown = suspense_choice.incomplete(home, record, asked, by.by)
            else:
                shown = suspense_choice.versions(home, record, asked, request.keep, by.by)
            if shown.subject is not None and not by.dry_run:
                shown = suspense_choice.decide(home, shown, asked, request.note, by.by)
            return _chosen(shown)

        def recover(commit_seq: int) -> pb.ResolveSuspenseResponse:
            made = recovery.proposal_of_commit(self._door.home, commit_seq)
            message = pb.ResolveSuspenseResponse(kept=request.keep or request.name.rpartition("/")[2], needs_second=made is not None)
            if made is not None:
                message.proposal.CopyFrom(messages.proposal(made, entrance.mask()))
            return message

        return values.write(self._door, request, context, act, recover, pb.ResolveSuspenseResponse)

    def take_back(self, request: pb.TakeBackResolutionRequest, context: grpc.ServicerContext) -> pb.TakeBackResolutionResponse:
        """A choice that is taken back."""

        def act(by: Act) -> pb.TakeBackResolutionResponse:
            record, asked = suspense_choice.number_of(_record(request.name)), self._asking()
            entrance.about(f"suspense record {record}")
            suspense.needs_reason("taking a choice back", request.note)
            what = Deciding(by.by, asked.now_us, request.note)
            done, found = taking_back.take_back(self._door.home, record, what, asked, dry_run=by.dry_run)
            return messages.taken_back(done, on_bill(self._door.home, found))

        def recover(commit_seq: int) -> pb.TakeBackResolutionResponse:
            made = recovery.proposal_of_commit(self._door.home, commit_seq)
            if made is not None:
                return pb.TakeBackResolutionResponse(needs_second=True, proposal=messages.proposal_name(made.proposal_id))
            return pb.TakeBackResolutionResponse(waits_as=messages.record_name(recovery.waits_as(self._door.home, commit_seq)))

        return values.write(self._door, request, context, act, recover, pb.TakeBackResolutionResponse)

    def write_off(self, request: proposal_pb.WriteOffSuspenseRequest, context: grpc.ServicerContext) -> proposal_pb.SuspenseProposal:
        """Records to be given up."""

        def act(by: Act) -> proposal_pb.SuspenseProposal:
            selection = Selection(request.source, tuple(request.reasons), tuple(map(_record, request.names)))
            asked = self._asking(values.day_or_none(request, "bill_date"))
            subject, made = suspense.write_off(self._door.home, selection, request.note, by, asked)
            return messages.tried(subject) if made is None else messages.proposal(made, entrance.mask())

        return values.write(self._door, request, context, act, self._made, proposal_pb.SuspenseProposal)

    def list_proposals(
        self, request: proposal_pb.ListSuspenseProposalsRequest, context: grpc.ServicerContext
    ) -> proposal_pb.ListSuspenseProposalsResponse:
        """A page of proposals, newest first."""

        def find() -> proposal_pb.ListSuspenseProposalsResponse:
            page = paging.page(request, self._key)
            before = page.after_number
            every = [each for each in proposals.proposals(self._door.home)[::-1] if before is None or each.proposal_id < before]
            rows, token = page.parted(every, lambda each: each.proposal_id)
            listed = [messages.proposal(each, entrance.mask()) for each in rows]
            return proposal_pb.ListSuspenseProposalsResponse(suspense_proposals=listed, next_page_token=token)

        return calls.read(context, find)

    def approve(self, request: proposal_pb.ApproveSuspenseProposalRequest, context: grpc.ServicerContext) -> proposal_pb.SuspenseProposal:
        """A proposal that another person agrees to."""
        return self._decide(request, context, accept=True)

    def reject(self, request: proposal_pb.RejectSuspenseProposalRequest, context: grpc.ServicerContext) -> proposal_pb.SuspenseProposal:
        """A proposal that is given up."""
        return self._decide(request, context, accept=False)

    def list_decisions(
        self, request: proposal_pb.ListSuspenseDecisionsRequest, context: grpc.ServicerContext
    ) -> proposal_pb.ListSuspenseDecisionsResponse:
        """A page of decisions, newest first."""

        def find() -> proposal_pb.ListSuspenseDecisionsResponse:
            page = paging.page(request, self._key)
            with self._door.home.connect() as connection:
                found = deciding.newest(connection, page.limit, before=page.after_number)
            rows, token = page.parted(found, lambda each: each.decision_id)
            return proposal_pb.ListSuspenseDecisionsResponse(suspense_decisions=map(messages.decision, rows), next_page_token=token)

        return calls.read(context, find)

    def get_limit(self, context: grpc.ServicerContext) -> proposal_pb.SuspenseLimit:
        """The limit that holds for the caller."""
        return calls.read(context, lambda: self._limit(calls.actor().uid))

    def set_limit(self, request: proposal_pb.SetSuspenseLimitRequest, context: grpc.ServicerContext) -> proposal_pb.SuspenseLimit:
        """Another limit."""

        def act(by: Act) -> proposal_pb.SuspenseLimit:
            amount = values.required_amount(request, "amount")
            if amount.currency is not None:
                raise invalid("MALFORMED_REQUEST", "amount: it is in units of every currency, without a code", {"field": "amount"})
            wanted = {"reason": request.note, "etag": request.etag}
            made = limits.set_limit(self._door.home, amount.micros, by.by, by.now_us, **wanted, dry_run=by.dry_run)
            return self._limit(by.by.uid, None if by.dry_run else made.commit_seq)

        return values.write(self._door, request, context, act, lambda seq: self._limit(calls.actor().uid, seq), proposal_pb.SuspenseLimit)

    def _limit(self, number: int, as_of: int | None = None) -> proposal_pb.SuspenseLimit:
        with self._door.home.connect() as connection:
            return messages.limit(limits.limit_micros(connection, number, as_of), limits.limits(connection, as_of))

    def _asking(self, bill_date: dt.date | None = None) -> Asking:
        return suspense.asking(self._door.home, self._door.clock_us(), bill_date, self._sources)

    def _decide(self, request: Any, context: grpc.ServicerContext, *, accept: bool) -> proposal_pb.SuspenseProposal:  # noqa: ANN401 -- of either call
        def act(by: Act) -> proposal_pb.SuspenseProposal:
            home, number = self._door.home, _number(request.name, _PROPOSALS)
            entrance.about(f"suspense proposal {number}")
            _, done = suspense_proposals.decide(home, number, by.by, self._asking_by, accept=accept, note=request.note)
            message = messages.proposal(proposals.proposal_of(home, number), entrance.mask())
            if done is not None:
                message.written_off.CopyFrom(messages.written_off(done))
            return message

        def recover(commit_seq: int) -> proposal_pb.SuspenseProposal:
            """Do what was approved, where that was left undone."""
            home, number = self._door.home, _number(request.name, _PROPOSALS)
            found = proposals.proposal_of(home, number)
            if not accept or found.subject.kind not in suspense_proposals.AT_ONCE:
                return messages.proposal(proposals.proposal_of(home, number, commit_seq), entrance.mask())
            if found.state is proposals.State.APPROVED:
                suspense_proposals.decide(home, number, calls.actor(), self._asking_by, accept=True, note=request.note)
            message = messages.proposal(proposals.proposal_of(home, number), entrance.mask())
            if (done := writing_off.written_off_by(home, number)) is not None:
                message.written_off.CopyFrom(messages.written_off(done))
            return message

        return values.write(self._door, request, context, act, recover, proposal_pb.SuspenseProposal)

    def _asking_by(self, bill_date: str | None) -> Asking:
        return self._asking(None if bill_date is None else dt.date.fromisoformat(bill_date))

    def _made(self, commit_seq: int) -> proposal_pb.SuspenseProposal:
        made = recovery.proposal_of_commit(self._door.home, commit_seq)
        assert made is not None, commit_seq
        return messages.proposal(made, entrance.mask())


def _chosen(shown: Shown) -> pb.ResolveSuspenseResponse:
    dates = suspense_choice.bill_date(shown, shown.told), suspense_choice.bill_date(shown, shown.given_back)
    return messages.choice(shown, entrance.mask(), dates)


def _record(name: str) -> str:
    """The id of a record."""
    (identifier,) = checked_ids([values.identity(name, *_RECORDS)])
    return identifier


def _number(name: str, of: tuple[str, str]) -> int:
    """The number of a proposal."""
    text = values.identity(name, *of)
    if not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS_MAX):
        form = f"{of[0]}/{{{of[1]}}}"
        raise invalid("MALFORMED_NAME", f"{quoted(name)} does not have the form {form}", {"form": form})
    return int(text)


def _rule(message: pb.CorrectionRule) -> rule.Rule:
    """A rule as its file has it. Raises UserError, or every mistake at once."""
    given = {
        "source": message.source,
        "reasons": list(message.reasons),
        "from": message.start_from,
        "before": message.start_before,
        "zone": message.date_time_zone,
        "served": _set(message.served),
        "other": _set(message.other),
        "time": _set(message.time),
        "service": message.service,
    }
    return rule.rule_of({name: value for name, value in given.items() if value}, "rule")


def _set(message: Message) -> dict[str, Any]:
    """The fields of a change that are set, by the names of a rule."""
    return {"zone" if field.name == "time_zone" else field.name: value for field, value in message.ListFields()}
