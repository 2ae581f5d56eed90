"""Values of suspense between messages and what commands print: worth, proposals, decisions, records, columns of usage."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from billing.catalogue import Operator
from billing.suspense.deciding import Decision
from billing.suspense.listing import AGE_BUCKETS, Entry, Group
from billing.suspense.proposals import Proposal, State, Subject
from rating.errors import NotFoundError
from rating.schema import USAGE_V1
from server.cli.remote.calling import by_currency, last
from server.cli.remote.receiving import json_value
from server.client import micros

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ratewright.v1 import suspense_pb2 as pb
    from ratewright.v1 import suspense_proposal_pb2 as proposal_pb

_START: Final = "start_us"


def record_name(identifier: object) -> str:
    """The resource name of a record."""
    return f"suspenseRecords/{identifier}"


def proposal_name(number: int) -> str:
    """The resource name of a proposal. Raises NotFoundError for a number that none has."""
    if number < 1:
        raise NotFoundError(f"there is no proposal {number}", "`ratewright usage suspense proposals` lists them all")
    return f"suspenseProposals/{number}"


def proposal(found: proposal_pb.SuspenseProposal) -> Proposal:
    """A stored proposal."""
    return Proposal(
        proposal_id=int(last(found.name)),
        subject=json_value(found.subject, Subject),
        reason=found.note,
        by=Operator(found.proposed_by, found.proposed_by_number),
        at_us=found.propose_time.ToMicroseconds(),
        commit_seq=found.commit,
        state=State(found.state),
        approved_by=_second(found.approved_by, found.approved_by_number),
    )


def decision(found: proposal_pb.SuspenseDecision) -> Decision:
    """A decision about one record."""
    return Decision(
        suspense_id=int(last(found.record)),
        verdict=found.verdict,
        reason=found.note,
        by=Operator(found.decided_by, found.decided_by_number),
        approved_by=_second(found.approved_by, found.approved_by_number),
        at_us=found.decide_time.ToMicroseconds(),
        proposal_id=int(last(found.proposal)) if found.proposal else None,
        commit_seq=found.commit,
        decision_id=found.decision_number,
    )


def group(found: pb.SuspenseGroup) -> Group:
    """Records of a source that wait for a reason."""
    return Group(
        source=found.source,
        reason=found.reason,
        records=found.record_count,
        rows=found.version_count,
        first_seen_us=found.first_seen_time.ToMicroseconds(),
        last_seen_us=found.last_seen_time.ToMicroseconds(),
        ages={name: found.ages[name] for name, _ in AGE_BUCKETS if name in found.ages},
        estimated=by_currency(found.worth.estimates),
        unknown=found.worth.unknown_count,
    )


def entry(found: pb.SuspenseRecord) -> Entry:
    """A row that waits. Its file has no folder: that is of the service."""
    return Entry(
        id=last(found.name),
        source=found.source,
        reason=found.reason,
        first_seen_us=found.first_seen_time.ToMicroseconds(),
        last_seen_us=found.last_seen_time.ToMicroseconds(),
        age_days=found.age_days,
        start_us=found.start_time.ToMicroseconds() if found.HasField("start_time") else None,
        served_id=found.served or None,
        other=found.other or None,
        duration_us=found.duration_us,
        estimated_micros=micros(found.worth),
        currency=found.worth.currency_code,
        basis=found.worth_basis,
        mended=found.mended,
        file=found.file_name,
        offset=found.offset,
        length=found.length,
        row=found.row_number,
        raw=found.listed_raw or found.raw,
    )


def fields(found: Iterable[pb.UsageField]) -> dict[str, Any]:
    """Columns of a record that were read. Instants are text."""
    return {each.name: _read(each.name, each.value) for each in found}


def changes(found: Iterable[pb.VersionDifference]) -> dict[str, tuple[Any, ...]]:
    """Columns before and after. Instants are text; what is masked whole is empty."""
    return {each.name: tuple(_read_or_none(each.name, text) for text in each.values) or ("", "") for each in found}


def differences(found: Iterable[pb.VersionDifference], versions: int) -> dict[str, tuple[Any, ...]]:
    """Columns in which versions differ, with the value of each; what is masked whole is empty."""
    return {each.name: tuple(_instant_or_other(each.name, text) for text in each.values) or ("",) * versions for each in found}


def _instant_or_other(name: str, text: str) -> Any:  # noqa: ANN401 -- a value of any column
    return dt.datetime.fromisoformat(text) if name == _START and text else _read_or_none(name, text)


def _read_or_none(name: str, text: str) -> Any:  # noqa: ANN401 -- as above
    return _read(name, text) if text else None


def _read(name: str, text: str) -> Any:  # noqa: ANN401 -- as above
    """A number of a column of numbers, unless it is masked; else the text."""
    place = USAGE_V1.get_field_index(name)
    is_number = place >= 0 and pa.types.is_integer(USAGE_V1.field(place).type) and text.removeprefix("-").isdecimal()
    return int(text) if is_number else text


def _second(name: str, number: int) -> Operator | None:
    return Operator(name, number) if name else None
