"""Records in suspense by a service: lists, corrections, recycling, write-offs, proposals and the limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from billing.suspense.deciding import plain
from billing.suspense.limits import Limit
from billing.suspense.listing import Listing
from billing.suspense.proposals import Proposal, State
from billing.suspense.recycling import Preview, Recycled, by_count
from billing.suspense.segments import LISTED
from billing.suspense.showing import Shown
from billing.suspense.writing_off import WrittenOff
from ratewright.v1 import suspense_pb2 as pb
from ratewright.v1 import suspense_proposal_pb2 as proposal_pb
from ratewright.v1 import usage_service_pb2_grpc as stubs
from rating.errors import UserError
from server.actions.suspense import Corrected
from server.cli.remote.calling import LONG_S, PAGE_SIZE, by_currency, last
from server.cli.remote.usage import suspense_values as values
from server.client import date, micros, money

if TYPE_CHECKING:
    import datetime as dt

    from google.type import date_pb2

    from billing.suspense.deciding import Decision
    from billing.suspense.rule import NumberChange, Rule, TimeChange
    from billing.suspense.selection import Selection
    from server.client import Connection

_ROWS_MAX: Final = 1_000  # of a preview


class Suspense:
    """Calls of UsageService about suspense, but for choices among versions."""

    def __init__(self, service: Connection) -> None:
        self._service = service
        self._stub = stubs.UsageServiceStub(service.channel)

    def listing(self, selection: Selection, limit: int, bill_date: dt.date | None) -> Listing:
        """`usage suspense list`."""
        asked = pb.ListSuspenseRecordsRequest(
            source=selection.source,
            reason=selection.reasons[0] if selection.reasons else "",
            bill_date=_day(bill_date),
            page_size=min(max(limit, 1), PAGE_SIZE),
        )
        pages = self._service.each_page(self._stub.ListSuspenseRecords, asked, deadline_s=LONG_S)
        first = next(pages)
        rows = list(first.suspense_records)
        while len(rows) < limit and (page := next(pages, None)) is not None:
            rows += page.suspense_records
        return Listing(
            seq=first.commit,
            counts=tuple(map(values.group, first.groups)),
            rows=tuple(map(values.entry, rows[: max(limit, 0)])),
            total=first.total_size,
        )

    def show(self, identifier: str, bill_date: dt.date | None) -> Shown:
        """`usage suspense show`."""
        asked = pb.GetSuspenseRecordRequest(name=values.record_name(identifier), bill_date=_day(bill_date))
        found = self._service.call(self._stub.GetSuspenseRecord, asked, deadline_s=LONG_S)
        return Shown(
            entry=values.entry(found) if found.waits else None,
            reason=found.reason,
            meaning=found.meaning,
            raw_text=found.raw,
            raw_hex=found.raw_hex,
            raw_problem=found.raw_problem,
            fields=values.fields(found.fields),
            versions=tuple(found.versions),
            differences=values.differences(found.differences, len(found.versions)),
            segments=tuple({"id": last(each.name), **dict.fromkeys(LISTED), **values.fields(each.fields)} for each in found.segments),
            decisions=tuple(plain(values.decision(each)) for each in found.decisions),
            came_again=found.repeat_count,
        )

    def correct(self, rule: Rule, note: str, limit: int, bill_date: dt.date | None, *, dry_run: bool) -> Corrected:
        """`usage suspense correct`."""
        if limit > _ROWS_MAX:
            raise UserError(f"--limit {limit} is not served", f"give at most {_ROWS_MAX:,} with --server", exit_status=2)
        asked = pb.CorrectSuspenseRequest(
            rule=_rule(rule), note=note, bill_date=_day(bill_date), record_limit=max(limit, 0), validate_only=dry_run
        )
        done = self._service.call(self._stub.CorrectSuspense, asked, deadline_s=LONG_S)
        rows: list[dict[str, object]] = [
            {
                "id": last(each.name),
                "reason": each.reason,
                "problem": each.problem,
                "changed": values.changes(each.changes),
                "estimated_micros": micros(each.worth),
                "currency": each.worth.currency_code,
            }
            for each in done.records
        ]
        return Corrected(_preview(done.preview), rows, values.proposal(done.proposal) if done.HasField("proposal") else None)

    def recycle(self, selection: Selection, correction: int | None, note: str) -> Recycled:
        """`usage suspense recycle`."""
        asked = pb.RecycleSuspenseRequest(
            names=map(values.record_name, selection.ids),
            source=selection.source,
            reasons=selection.reasons,
            correction="" if correction is None else values.proposal_name(correction),
            note=note,
        )
        done = self._service.call(self._stub.RecycleSuspense, asked, deadline_s=LONG_S)
        return Recycled(commit_seq=done.commit, rows=done.record_count, outcomes=by_count(done.outcomes), left=by_count(done.left))

    def write_off(self, selection: Selection, note: str, bill_date: dt.date | None) -> Proposal:
        """`usage suspense write-off`."""
        asked = proposal_pb.WriteOffSuspenseRequest(
            names=map(values.record_name, selection.ids),
            source=selection.source,
            reasons=selection.reasons,
            note=note,
            bill_date=_day(bill_date),
        )
        return values.proposal(self._service.call(self._stub.WriteOffSuspense, asked, deadline_s=LONG_S))

    def list_proposals(self) -> list[Proposal]:
        """`usage suspense proposals`."""
        asked = proposal_pb.ListSuspenseProposalsRequest(page_size=PAGE_SIZE)
        return list(map(values.proposal, self._service.pages(self._stub.ListSuspenseProposals, asked, "suspense_proposals")))

    def decide(self, number: int, note: str, *, accept: bool) -> tuple[Proposal, WrittenOff | None]:
        """`usage suspense approve`. The proposal is as the word leaves it, also where it is applied at once."""
        name = values.proposal_name(number)
        if not accept:
            asked = proposal_pb.RejectSuspenseProposalRequest(name=name, note=note)
            return values.proposal(self._service.call(self._stub.RejectSuspenseProposal, asked)), None
        agreed = proposal_pb.ApproveSuspenseProposalRequest(name=name, note=note)
        found = self._service.call(self._stub.ApproveSuspenseProposal, agreed, deadline_s=LONG_S)
        return values.proposal(found)._replace(state=State.APPROVED), _written_off(found)

    def decisions(self, limit: int) -> list[Decision]:
        """`usage suspense decisions`."""
        asked = proposal_pb.ListSuspenseDecisionsRequest(page_size=PAGE_SIZE)
        found = self._service.pages(self._stub.ListSuspenseDecisions, asked, "suspense_decisions", limit)
        return list(map(values.decision, found))

    def limit(self) -> tuple[list[Limit], int]:
        """`usage suspense limit`: every setting, and the one that holds for the caller."""
        return _limits(self._service.call(self._stub.GetSuspenseLimit, proposal_pb.GetSuspenseLimitRequest()))

    def set_limit(self, limit_micros: int, note: str) -> tuple[list[Limit], int]:
        """`usage suspense limit` with an amount."""
        asked = proposal_pb.SetSuspenseLimitRequest(amount=money(limit_micros), note=note)
        return _limits(self._service.call(self._stub.SetSuspenseLimit, asked))


def _day(of: dt.date | None) -> date_pb2.Date | None:
    return None if of is None else date(of)


def _rule(rule: Rule) -> pb.CorrectionRule:
    return pb.CorrectionRule(
        source=rule.source,
        reasons=rule.reasons,
        start_from=rule.from_,
        start_before=rule.before,
        date_time_zone=rule.zone,
        served=_number(rule.served),
        other=_number(rule.other),
        time=_time(rule.time),
        service=rule.service,
    )


def _number(change: NumberChange | None) -> pb.NumberChange | None:
    if change is None:
        return None
    return pb.NumberChange(begins=change.begins, digits=change.digits, strip=change.strip, add=change.add, set=change.set)


def _time(change: TimeChange | None) -> pb.TimeChange | None:
    if change is None:
        return None
    return pb.TimeChange(time_zone=change.zone, offset=change.offset, shift=change.shift, doubtful=change.doubtful)


def _preview(found: pb.RecyclingPreview) -> Preview:
    return Preview(
        rows=found.record_count,
        coming_back=found.returning_count,
        estimated=by_currency(found.worth.estimates),
        unknown=found.worth.unknown_count,
        left=by_count(found.left),
    )


def _written_off(found: proposal_pb.SuspenseProposal) -> WrittenOff | None:
    if not found.HasField("written_off"):
        return None
    done = found.written_off
    return WrittenOff(done.commit, done.record_count, by_currency(done.worth.estimates), done.worth.unknown_count)


def _limits(found: proposal_pb.SuspenseLimit) -> tuple[list[Limit], int]:
    every = [
        Limit(
            micros=micros(each.amount),
            reason=each.note,
            by_name=each.set_by,
            by_uid=each.set_by_number,
            at_us=each.set_time.ToMicroseconds(),
            commit_seq=each.commit,
        )
        for each in found.changes
    ]
    return every, micros(found.amount)
