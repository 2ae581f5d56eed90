"""Messages of records in suspense, with numbers as the caller may see them.

Of a record that is masked the numbers are masked. Its bytes are left out, and so are other columns that may hold a name or a number.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from billing.suspense import limits
from billing.suspense.deciding import plain
from billing.suspense.rule import Rule
from ratewright.v1 import suspense_pb2 as pb
from ratewright.v1 import suspense_proposal_pb2 as proposal_pb
from rating.dates import utc_time
from server.actions import suspense_proposals
from server.grpc import convert

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from google.type import money_pb2

    from billing.enquiries.version_bills import OnBill
    from billing.left_out.telling import UnbilledRecord
    from billing.suspense.deciding import Decision
    from billing.suspense.limits import Limit
    from billing.suspense.listing import Entry, Group
    from billing.suspense.proposals import Proposal, Subject
    from billing.suspense.recycling import Preview, Recycled
    from billing.suspense.showing import Shown
    from billing.suspense.taking_back import Choice
    from billing.suspense.writing_off import WrittenOff
    from server.access.masking import Mask
    from server.actions.suspense_choice import Shown as Choosing

_WHOLE_NUMBER: Final = re.compile(r"[0-9]{7,}")  # longer than a prefix
NUMBERS: Final = frozenset({"served_id", "served_raw", "other_e164", "other_raw", "third_e164"})
_ANYBODY: Final = NUMBERS | {
    "source", "source_seq", "raw_offset", "raw_length", "service", "direction", "leg_role", "served_kind", "start_us", "offset_s",
    "offset_origin", "duration_us", "bytes_up", "bytes_down", "units", "source_amount_micros", "source_currency", "segment_first",
    "segment_last", "cause", "flags",
}  # fmt: skip


def record_name(identifier: object) -> str:
    """The name of a record by its id."""
    return f"suspenseRecords/{identifier}"


def proposal_name(number: int | None) -> str:
    """The name of a proposal; empty for none."""
    return f"suspenseProposals/{number}" if number else ""


def worth(by_currency: Mapping[str, int], unknown: int) -> proposal_pb.SuspenseWorth:
    """An estimate."""
    estimates = [convert.money(currency, micros) for currency, micros in sorted(by_currency.items())]
    return proposal_pb.SuspenseWorth(estimates=estimates, unknown_count=unknown)


def group(found: Group) -> pb.SuspenseGroup:
    """Records of a source that wait for a reason."""
    return pb.SuspenseGroup(
        source=found.source,
        reason=found.reason,
        record_count=found.records,
        version_count=found.rows,
        first_seen_time=convert.timestamp(found.first_seen_us),
        last_seen_time=convert.timestamp(found.last_seen_us),
        ages=found.ages,
        worth=worth(found.estimated, found.unknown),
    )


def entry(found: Entry, mask: Mask) -> pb.SuspenseRecord:
    """A record as lists have it."""
    message = pb.SuspenseRecord(
        name=record_name(found.id),
        waits=True,
        source=found.source,
        reason=found.reason,
        first_seen_time=convert.timestamp(found.first_seen_us),
        last_seen_time=convert.timestamp(found.last_seen_us),
        age_days=found.age_days,
        served=mask.number(found.served_id or ""),
        other=mask.number(found.other or ""),
        duration_us=found.duration_us,
        worth=_money(found.currency, found.estimated_micros),
        worth_basis=found.basis,
        mended=found.mended,
        file_name=Path(found.file).name,
        offset=found.offset,
        length=found.length,
        row_number=found.row,
        raw="" if mask.hides else found.raw,
    )
    if found.start_us is not None:
        message.start_time.CopyFrom(convert.timestamp(found.start_us))
    return message


def shown(identifier: str, found: Shown, mask: Mask) -> pb.SuspenseRecord:
    """One record with all that is known of it."""
    message = pb.SuspenseRecord(name=record_name(identifier), reason=found.reason) if found.entry is None else entry(found.entry, mask)
    message.listed_raw = message.raw
    message.meaning, message.repeat_count = found.meaning, found.came_again
    message.raw, message.raw_hex = ("", "") if mask.hides else (found.raw_text, found.raw_hex)
    message.raw_problem = "the role does not show it" if mask.hides and not found.raw_problem else found.raw_problem
    message.fields.extend(fields(found.fields, mask))
    message.versions.extend(found.versions)
    message.differences.extend(differences(found.differences, mask))
    for each in found.segments:
        named = dict(each)
        message.segments.append(pb.SuspenseSegment(name=record_name(named.pop("id")), fields=fields(named, mask)))
    message.decisions.extend(_decided(each) for each in found.decisions)
    return message


def fields(values: Mapping[str, Any], mask: Mask) -> list[pb.UsageField]:
    """Columns of usage."""
    return [
        pb.UsageField(name=name, value=_text(name, value, mask))
        for name, value in values.items()
        if value is not None and not _is_left_out(name, mask)
    ]


def differences(values: Mapping[str, Iterable[Any]], mask: Mask) -> list[pb.VersionDifference]:
    """Columns in which versions differ. One that is masked whole has its name alone."""
    return [
        pb.VersionDifference(name=name, values=[] if _is_left_out(name, mask) else [_text(name, each, mask) for each in every])
        for name, every in values.items()
    ]


def preview(found: Preview) -> pb.RecyclingPreview:
    """The forecast of a recycling."""
    estimate = worth(found.estimated, found.unknown)
    return pb.RecyclingPreview(record_count=found.rows, returning_count=found.coming_back, worth=estimate, left=found.left)


def recycled(done: Recycled) -> pb.RecycleSuspenseResponse:
    """Records that came back."""
    return pb.RecycleSuspenseResponse(outcomes=done.outcomes, left=done.left, commit=done.commit_seq, record_count=done.rows)


def corrected(row: Mapping[str, Any], mask: Mask) -> pb.CorrectedRecord:
    """A record before and after (`server.actions.suspense.previewed`)."""
    return pb.CorrectedRecord(
        name=record_name(row["id"]),
        reason=row["reason"],
        problem=row["problem"],
        changes=differences(row["changed"], mask),
        worth=_money(row["currency"], row["estimated_micros"]),
    )


def choice(found: Choosing, mask: Mask, dates: tuple[str, str]) -> pb.ResolveSuspenseResponse:
    """Versions, and what is chosen of them. `dates`: the bill dates of the kept version, and of what is given back."""
    message = pb.ResolveSuspenseResponse(
        needs_second=found.needs_second,
        waiting_proposals=[proposal(each, mask) for each in found.waiting],
        differences=differences(found.differences, mask),
        final_version=found.closed.name if found.closed is not None else "",
        billed_on=found.bill.invoice if found.bill is not None else "",
    )
    for each, owner in zip(found.worths, found.owners, strict=True):
        value = _money(each.currency, each.estimated_micros)
        message.versions.append(pb.SuspenseVersion(version=each.name, account=_account(owner), worth=value, worth_basis=each.basis))
    if found.subject is not None:
        message.decides.CopyFrom(worth(found.subject.estimated, found.subject.unknown))
        message.kept = found.found.names[found.place] if found.found is not None else str(found.record)
    _on_bills(message, found)
    if found.proposal is not None:
        message.proposal.CopyFrom(proposal(found.proposal, mask))
    if found.told is not None and dates[0]:
        message.billed_to = _account(found.told.account_id)
        message.next_bill_date.CopyFrom(convert.date(dates[0]))
    if found.given_back is not None and found.bill is not None:
        message.given_back_to = _account(found.bill.account_id)
        if dates[1]:
            message.give_back_date.CopyFrom(convert.date(dates[1]))
    return message


def _on_bills(message: pb.ResolveSuspenseResponse, found: Choosing) -> None:
    """Fill in the bills that have a version, and what becomes of versions."""
    if found.closed is not None:
        message.final_account = _account(found.closed.account_id)
        message.final_period_from.CopyFrom(convert.date(found.closed.period_from.isoformat()))
    if found.bill is not None:
        message.bill.CopyFrom(bill(found.bill))
    if found.told is not None:
        message.outlook.CopyFrom(_outlook(found.told))
    if found.given_back is not None:
        message.give_back_outlook.CopyFrom(_outlook(found.given_back))


def bill(found: OnBill) -> pb.SuspenseBill:
    """The line or interim bill that has a version."""
    return pb.SuspenseBill(
        version=found.version,
        account=_account(found.account_id),
        document=found.invoice,
        line_no=found.line_no,
        charge=_money(found.currency, found.charge_micros),
        later_lines=found.later_lines,
    )


def _outlook(found: UnbilledRecord) -> pb.SuspenseOutlook:
    date = convert.date(found.next_bill_date) if found.next_bill_date else None
    return pb.SuspenseOutlook(
        account=_account(found.account_id), reason=found.reason.value, outlook=found.outlook.value, next_bill_date=date
    )


def taken_back(found: Choice, on_bill: OnBill | None) -> pb.TakeBackResolutionResponse:
    """A choice that is taken back."""
    return pb.TakeBackResolutionResponse(
        version=found.version,
        chosen_by=found.by_name,
        choose_time=convert.timestamp(found.at_us),
        waits_as=record_name(found.waits_as) if found.waits_as else "",
        decides=worth(found.decides, found.unknown),
        needs_second=found.needs_second,
        proposal=proposal_name(found.proposal),
        records=map(record_name, found.suspense_ids),
        approved_by=found.approved_by,
        note=found.reason,
        bill=None if on_bill is None else bill(on_bill),
    )


def proposal(found: Proposal, mask: Mask) -> proposal_pb.SuspenseProposal:
    """A proposal. A rule may name whole numbers."""
    text = suspense_proposals.in_words(found)
    if found.subject.rule is not None:
        text = _WHOLE_NUMBER.sub(lambda number: mask.number(number[0]), text)
    return proposal_pb.SuspenseProposal(
        name=proposal_name(found.proposal_id),
        kind=found.subject.kind,
        state=found.state.value,
        text=text,
        record_count=suspense_proposals.records(found),
        worth=worth(found.subject.estimated, found.subject.unknown),
        note=found.reason,
        proposed_by=found.by.name,
        propose_time=convert.timestamp(found.at_us),
        approved_by="" if found.approved_by is None else found.approved_by.name,
        subject=_subject(found.subject, mask),
        proposed_by_number=found.by.uid,
        approved_by_number=0 if found.approved_by is None else found.approved_by.uid,
        commit=found.commit_seq,
    )


def written_off(found: WrittenOff) -> proposal_pb.WrittenOffSuspense:
    """Records that were written off."""
    estimate = worth(found.estimated, found.unknown)
    return proposal_pb.WrittenOffSuspense(commit=found.commit_seq, record_count=found.rows, worth=estimate)


def tried(subject: Subject) -> proposal_pb.SuspenseProposal:
    """A proposal that was only tried."""
    estimate = worth(subject.estimated, subject.unknown)
    return proposal_pb.SuspenseProposal(kind=subject.kind, state="proposed", record_count=subject.rows, worth=estimate)


def limit(holds_micros: int, every: Sequence[Limit]) -> proposal_pb.SuspenseLimit:
    """The limit that holds, and every setting. Amounts are of every currency."""
    changes = [
        proposal_pb.SuspenseLimitChange(
            amount=convert.money("", each.micros),
            set_by=each.by_name,
            set_time=convert.timestamp(each.at_us) if each.commit_seq else None,
            note=each.reason,
            set_by_number=each.by_uid,
            commit=each.commit_seq,
        )
        for each in every
    ]
    return proposal_pb.SuspenseLimit(amount=convert.money("", holds_micros), changes=changes, etag=limits.etag_of(every))


def decision(found: Decision) -> proposal_pb.SuspenseDecision:
    """A decision about one record."""
    return _decided(plain(found))


def _decided(found: Mapping[str, Any]) -> proposal_pb.SuspenseDecision:
    return proposal_pb.SuspenseDecision(
        record=record_name(found["suspense_id"]),
        verdict=str(found["verdict"]),
        note=found["reason"],
        decided_by=found["by"]["name"],
        approved_by=found["approved_by"]["name"] if found["approved_by"] else "",
        decide_time=convert.timestamp(found["at_us"]),
        proposal=proposal_name(found["proposal_id"]),
        decided_by_number=found["by"]["uid"],
        approved_by_number=found["approved_by"]["uid"] if found["approved_by"] else 0,
        commit=found["commit_seq"],
        decision_number=found["decision_id"],
    )


def _subject(found: Subject, mask: Mask) -> str:
    """The subject as JSON; numbers of its rule as the caller may see them."""
    if found.rule is not None:
        text = _WHOLE_NUMBER.sub(lambda number: mask.number(number[0]), msgspec.json.encode(found.rule).decode())
        found = msgspec.structs.replace(found, rule=msgspec.json.decode(text, type=Rule))
    return msgspec.json.encode(found, order="sorted").decode()


def _is_left_out(name: str, mask: Mask) -> bool:
    return mask.hides and name not in _ANYBODY


def _text(name: str, value: Any, mask: Mask) -> str:  # noqa: ANN401 -- a value of any column
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.hex()
    if name in NUMBERS:
        return mask.number(str(value))
    if name == "start_us" and isinstance(value, int):
        return utc_time(value).isoformat()
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _money(currency: str, micros: int) -> money_pb2.Money | None:
    return convert.money(currency, micros) if currency else None


def _account(account_id: str) -> str:
    return f"accounts/{account_id}" if account_id else ""
