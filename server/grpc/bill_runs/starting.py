"""Calls that start an operation: the request is read and checked, the operation is stored with it, and its process is started."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Final, TypeVar

import grpc
from google.longrunning import operations_proto_pb2 as longrunning

from server.actions import bill_runs
from server.grpc import calls, convert
from server.grpc.bill_runs import names
from server.grpc.bill_runs.operation_messages import message
from server.grpc.bill_runs.rights import require_role
from server.grpc.entrance import about
from server.grpc.refusals import Refusal
from server.operations import operating, rows, work
from server.operations.operating import NotResumableError
from server.operations.rows import RunningError, TooManyError

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.payments.writing import Act
    from ratewright.v1 import bill_run_service_pb2 as pb
    from server.grpc.calls import Door
    from server.operations.rows import Operation
    from server.operations.work import Work

_NAME_BYTES: Final = 16

Wanted = TypeVar("Wanted", bound="Work")


class Starting:
    """The calls of BillRunService that answer with an operation."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def RunBills(self, request: pb.RunBillsRequest, context: grpc.ServicerContext) -> longrunning.Operation:
        """Run the cycle, or preview it."""

        def read(act: Act) -> work.RunBills:
            return work.RunBills(
                bill_date=convert.parse_date(request.bill_date, "bill_date"),
                accounts=names.parse_accounts(request.accounts),
                trial=request.trial,
                everything=request.everything,
                ahead=request.ahead_reason,
                wait=request.wait,
                threads=names.threads(request.threads),
                dry_run=act.dry_run,
                resume=request.resume,
            )

        def going_on(wanted: work.RunBills) -> int | None:
            return None if wanted.dry_run else bill_runs.unfinished(self._door.home, wanted.bill_date)

        return self._started(request, context, read, going_on)

    def ResumeBillRun(self, request: pb.ResumeBillRunRequest, context: grpc.ServicerContext) -> longrunning.Operation:
        """Go on with a run that is not finished."""

        def read(act: Act) -> work.RunBills:
            day = bill_runs.require_unfinished(self._door.home, names.parse_run_name(request.name))
            return work.RunBills(bill_date=day, threads=names.threads(request.threads), dry_run=act.dry_run, resume=True)

        return self._started(request, context, read, lambda _: names.parse_run_name(request.name))

    def RetryBillRun(self, request: pb.RetryBillRunRequest, context: grpc.ServicerContext) -> longrunning.Operation:
        """Bill what a run put into quarantine."""

        def read(act: Act) -> work.RetryRun:
            run_id = names.parse_run_name(request.name)
            day = bill_runs.date_of(self._door.home, run_id)
            return work.RetryRun(of_run=run_id, bill_date=day, threads=names.threads(request.threads), dry_run=act.dry_run)

        return self._started(request, context, read)

    def BillThresholds(self, request: pb.BillThresholdsRequest, context: grpc.ServicerContext) -> longrunning.Operation:
        """Make interim bills."""

        def read(act: Act) -> work.Thresholds:
            day = convert.parse_date(request.bill_date, "bill_date")
            return work.Thresholds(bill_date=day, threads=names.threads(request.threads), dry_run=act.dry_run)

        return self._started(request, context, read)

    def PlanRerating(self, request: pb.PlanReratingRequest, context: grpc.ServicerContext) -> longrunning.Operation:
        """Plan a re-rating."""

        def read(act: Act) -> work.PlanRerating:
            wanted = work.PlanRerating(
                plan=request.plan,
                version=request.version,
                months=request.months,
                accounts=names.parse_accounts(request.accounts),
                threads=names.threads(request.threads),
                dry_run=act.dry_run,
            )
            wanted.wanted()  # or it is refused
            return wanted

        return self._started(request, context, read)

    def ApplyRerating(self, request: pb.ApplyReratingRequest, context: grpc.ServicerContext) -> longrunning.Operation:
        """Make the documents of a re-rating."""

        def read(_act: Act) -> work.ApplyRerating:
            job_id, day = names.parse_rerating_name(request.name), convert.parse_date(request.issue_date, "issue_date")
            return work.ApplyRerating(job_id=job_id, issued_on=day, threads=names.threads(request.threads))

        return self._started(request, context, read)

    def CloseMonth(self, request: pb.CloseMonthRequest, context: grpc.ServicerContext) -> longrunning.Operation:
        """Close a month, or show its end."""

        def read(act: Act) -> work.CloseMonth:
            return work.CloseMonth(month=request.month, entity=request.legal_entity, note=request.note, dry_run=act.dry_run)

        return self._started(request, context, read)

    def RunWhatIf(self, request: pb.RunWhatIfRequest, context: grpc.ServicerContext) -> longrunning.Operation:
        """Try a draft on a stored month."""

        def read(act: Act) -> work.TryTariff:
            return work.TryTariff(
                catalogue=request.catalogue,
                month=request.month,
                plan=request.plan,
                migrations=tuple(request.migrations),
                threads=names.threads(request.threads),
                dry_run=act.dry_run,
            )

        return self._started(request, context, read)

    def ResumeOperation(self, request: pb.ResumeOperationRequest, context: grpc.ServicerContext) -> longrunning.Operation:
        """Go on with an operation that was cancelled or interrupted."""

        def act(act: Act) -> Operation:
            old = names.parse_operation_name(request.name)
            require_role(rows.find(self._door.home, old).kind)
            if act.dry_run:
                return operating.require_resumable(self._door.home, old)
            return operating.resume(self._door.home, old, _new_name(), act.now_us)

        return self._answered(request, context, act)

    def _started(
        self,
        request: Any,  # noqa: ANN401 -- a message with `request_id` and `validate_only`
        context: grpc.ServicerContext,
        read: Callable[[Act], Wanted],
        going_on: Callable[[Wanted], int | None] = lambda _: None,
    ) -> longrunning.Operation:
        def act(act: Act) -> Operation:
            wanted = read(act)
            return operating.start(self._door.home, _new_name(), wanted, act.now_us, run_id=going_on(wanted))

        return self._answered(request, context, act)

    def _answered(self, request: Any, context: grpc.ServicerContext, start: Callable[[Act], Operation]) -> longrunning.Operation:  # noqa: ANN401 -- as above
        home = self._door.home

        def act(act: Act) -> longrunning.Operation:
            names.require_texts(request)
            try:
                found = start(act)
                about(f"operation {found.key}")
                return message(home, found)
            except RunningError as error:
                told = {"operation": f"operations/{error.name}", "remedy": error.remedy}
                raise Refusal(grpc.StatusCode.FAILED_PRECONDITION, "OPERATION_RUNNING", error.message, told) from error
            except TooManyError as error:
                raise Refusal(
                    grpc.StatusCode.RESOURCE_EXHAUSTED, "OPERATIONS_EXHAUSTED", error.message, {"remedy": error.remedy}
                ) from error
            except NotResumableError as error:
                told = {"remedy": error.remedy}
                raise Refusal(grpc.StatusCode.FAILED_PRECONDITION, "OPERATION_NOT_RESUMABLE", error.message, told) from error

        def recover(commit_seq: int) -> longrunning.Operation:
            return message(home, rows.by_commit(home, commit_seq))

        return calls.write(self._door, request, context, longrunning.Operation, act, recover)


def _new_name() -> str:
    return secrets.token_hex(_NAME_BYTES)
