"""Operations as google.longrunning.Operation: metadata, and the response or the error of one that is done."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from google.longrunning import operations_proto_pb2 as longrunning
from google.rpc import code_pb2, error_details_pb2, status_pb2

from billing.runs.reports import run_report
from ratewright.v1 import operation_pb2 as pb
from server.actions.bill_runs import BOOKS
from server.grpc import convert
from server.grpc.bill_runs import messages
from server.grpc.bill_runs.names import amounts, instant, run_name
from server.grpc.refusals import DOMAIN
from server.operations import rows
from server.operations.rows import State
from server.operations.work import RunEnded, read_result

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from billing.store.home import Home
    from server.operations.rows import Operation
    from server.operations.work import Result

_STATES: Final = {
    State.RUNNING: pb.OPERATION_STATE_RUNNING,
    State.SUCCEEDED: pb.OPERATION_STATE_SUCCEEDED,
    State.FAILED: pb.OPERATION_STATE_FAILED,
    State.CANCELLED: pb.OPERATION_STATE_CANCELLED,
    State.INTERRUPTED: pb.OPERATION_STATE_INTERRUPTED,
}
_ERRORS: Final = {
    "refused": (code_pb2.FAILED_PRECONDITION, "REFUSED"),
    "wrong call": (code_pb2.INVALID_ARGUMENT, "MALFORMED_REQUEST"),
    "not found": (code_pb2.NOT_FOUND, "NOT_FOUND"),
    "internal": (code_pb2.INTERNAL, "INTERNAL"),
}
_KNOWN: Final = frozenset({BOOKS, "post"})  # stages in which a run has its amounts


def message(home: Home, found: Operation, *, with_response: bool = True) -> longrunning.Operation:
    """An operation as it is now."""
    result = read_result(found.kind, found.result) if found.result else None
    made = longrunning.Operation(name=f"operations/{found.name}", done=found.is_done)
    made.metadata.Pack(_metadata(home, found, result))
    if result is not None and with_response:
        made.response.Pack(messages.result(result, practice=home.is_practice))
    elif found.is_done and result is None:
        made.error.CopyFrom(_error(found))
    return made


def _metadata(home: Home, found: Operation, result: Result | None) -> pb.OperationMetadata:
    run_id = rows.run_of(home, found)
    made = pb.OperationMetadata(
        state=_STATES[found.state],
        kind=found.kind,
        subject=found.subject,
        stage=found.progress.stage,
        done=found.progress.done,
        total=found.progress.total,
        rate_per_second=found.progress.rate_per_second,
        operator=found.actor.name,
        start_time=instant(found.at_us),
        end_time=instant(found.ended_us),
        cancelled_by=found.cancelled_by,
        resumes=f"operations/{found.resumes}" if found.resumes else "",
        bill_run=run_name(run_id),
        remedy=_remedy(found),
    )
    if isinstance(result, RunEnded):
        made.bill_run = run_name(result.run.run_id)
        made.amounts.extend(amounts(result.run.total_micros))
        made.findings.extend(
            pb.OperationFinding(
                finding_id=each.finding_id,
                display_name=each.name,
                owner=each.owner,
                due_date=convert.date(dt.date.fromisoformat(each.due_on)),
            )
            for each in result.findings
        )
    elif run_id is not None and found.progress.stage in _KNOWN:
        made.amounts.extend(amounts(run_report(home, run_id).total_micros))
    return made


def _remedy(found: Operation) -> str:
    if found.state in {State.CANCELLED, State.INTERRUPTED}:
        return f"ResumeOperation operations/{found.name} goes on where it ended"
    return found.error.remedy if found.error is not None else ""


def _error(found: Operation) -> status_pb2.Status:
    if found.state is State.CANCELLED:
        return _status(code_pb2.CANCELLED, "OPERATION_CANCELLED", f"cancelled by {found.cancelled_by}: {found.subject}", _remedy(found))
    if found.error is None:
        return _status(code_pb2.ABORTED, "OPERATION_INTERRUPTED", f"its process is gone: {found.subject}", _remedy(found))
    return _status(*_ERRORS[found.error.kind], found.error.message, found.error.remedy)


def _status(code: int, reason: str, text: str, remedy: str) -> status_pb2.Status:
    made = status_pb2.Status(code=code, message=text)
    details: Message = error_details_pb2.ErrorInfo(reason=reason, domain=DOMAIN, metadata={"remedy": remedy} if remedy else {})
    made.details.add().Pack(details)
    return made
