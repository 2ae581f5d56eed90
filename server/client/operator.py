"""Bill runs: start, follow to the end, preview, approve; what waits for a second person; and tariffs (`server.client.tariffs`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

from google.longrunning import operations_pb2, operations_pb2_grpc
from google.protobuf import duration_pb2

from ratewright.v1 import approval_service_pb2 as approval_pb
from ratewright.v1 import approval_service_pb2_grpc as approval_grpc
from ratewright.v1 import bill_run_pb2, operation_pb2
from ratewright.v1 import bill_run_service_pb2 as pb
from ratewright.v1 import bill_run_service_pb2_grpc as grpc_stubs
from server.client import errors, values
from server.client.tariffs import Tariffs

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterator, Sequence

    from google.protobuf.message import Message

    from server.client.connection import Connection

    Told: TypeAlias = Callable[[operation_pb2.OperationMetadata], None]

Answer = TypeVar("Answer", bound="Message")
PAGE_SIZE: Final = 200
WAIT_S: Final = 2  # of one WaitOperation: progress is told so often


class Operator(Tariffs):
    """Runs bills and keeps tariffs; its operator has the role `operator`, or `approver` for what another person asked for."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._runs = grpc_stubs.BillRunServiceStub(connection.channel)
        self._operations = operations_pb2_grpc.OperationsStub(connection.channel)
        self._approvals = approval_grpc.ApprovalServiceStub(connection.channel)

    def run_bills(  # noqa: PLR0913 -- the fields of the call
        self,
        bill_date: dt.date,
        *,
        accounts: Sequence[str] = (),
        trial: bool = False,
        ahead_reason: str = "",
        threads: int = 0,
        request_id: str = "",
        progress: Told | None = None,
    ) -> bill_run_pb2.BillRun:
        """Run the bills of a date to their end. `accounts` are names (`accounts/anna`); none are all."""
        asked = pb.RunBillsRequest(
            bill_date=values.date(bill_date),
            accounts=accounts,
            trial=trial,
            ahead_reason=ahead_reason,
            threads=threads,
            request_id=request_id,
        )
        return self.wait(self._connection.call(self._runs.RunBills, asked), bill_run_pb2.BillRun(), progress)

    def preview_bills(self, bill_date: dt.date, *, progress: Told | None = None) -> bill_run_pb2.BillPreview:
        """Bills that a run of a date would make; nothing is stored."""
        asked = pb.RunBillsRequest(bill_date=values.date(bill_date), validate_only=True)
        return self.wait(self._connection.call(self._runs.RunBills, asked), bill_run_pb2.BillPreview(), progress)

    def preview_bill(self, account: str, bill_date: dt.date) -> bill_run_pb2.BillPreview:
        """The bill that a run would make for one account (`accounts/anna`)."""
        return self._connection.call(self._runs.PreviewBill, pb.PreviewBillRequest(account=account, bill_date=values.date(bill_date)))

    def resume_run(self, name: str, *, progress: Told | None = None) -> bill_run_pb2.BillRun:
        """Go on with a run that is not finished (`billRuns/7`), such as one whose list was approved."""
        return self.wait(
            self._connection.call(self._runs.ResumeBillRun, pb.ResumeBillRunRequest(name=name)), bill_run_pb2.BillRun(), progress
        )

    def resume(self, operation: str, response: Answer, *, progress: Told | None = None) -> Answer:
        """Go on with an operation that was cancelled, was interrupted or failed; `response` is an empty message of its kind."""
        return self.wait(self._connection.call(self._runs.ResumeOperation, pb.ResumeOperationRequest(name=operation)), response, progress)

    def wait(self, operation: operations_pb2.Operation, response: Answer, progress: Told | None = None) -> Answer:
        """The response of an operation, once it has ended; it fills `response`. `progress` is called at each state that is seen.

        Raises CallError where the operation failed, was cancelled or was interrupted; `metadata["operation"]` is its name then.
        The operation goes on when the waiting ends.
        """
        metadata = operation_pb2.OperationMetadata()
        asked = operations_pb2.WaitOperationRequest(name=operation.name, timeout=duration_pb2.Duration(seconds=WAIT_S))
        while True:
            if operation.metadata.Unpack(metadata):
                self._connection.note_received(metadata)
            if progress is not None:
                progress(metadata)
            if operation.done:
                break
            operation = self._connection.call(self._operations.WaitOperation, asked)
        if not operation.response.Unpack(response):
            raise errors.of_operation(operation, metadata)
        self._connection.note_received(response)
        return response

    def run(self, name: str) -> bill_run_pb2.BillRun:
        """One run with its figures (`billRuns/7`)."""
        return self._connection.call(self._runs.GetBillRun, pb.GetBillRunRequest(name=name))

    def runs(self, limit: int | None = None) -> Iterator[bill_run_pb2.BillRun]:
        """Runs, newest first."""
        return self._connection.pages(self._runs.ListBillRuns, pb.ListBillRunsRequest(page_size=PAGE_SIZE), "bill_runs", limit)

    def approve_run(self, name: str, note: str = "") -> bill_run_pb2.BillRun:
        """Approve the list of a run that another operator started."""
        return self._connection.call(self._runs.ApproveBillRun, pb.ApproveBillRunRequest(name=name, note=note))

    def reject_run(self, name: str, note: str) -> bill_run_pb2.BillRun:
        """Reject the list of a run."""
        return self._connection.call(self._runs.RejectBillRun, pb.RejectBillRunRequest(name=name, note=note))

    def approvals(self, *, show_decided: bool = False) -> Iterator[approval_pb.Approval]:
        """Proposals that wait for a second person, oldest first; those that are decided too, where asked for."""
        asked = approval_pb.ListApprovalsRequest(page_size=PAGE_SIZE, show_decided=show_decided)
        return self._connection.pages(self._approvals.ListApprovals, asked, "approvals")

    def agree(self, name: str, note: str = "") -> approval_pb.Approval:
        """Agree to a proposal of another person (`approvals/3`): it is done in the same commit."""
        return self._connection.call(self._approvals.AgreeApproval, approval_pb.AgreeApprovalRequest(name=name, note=note))

    def refuse(self, name: str, note: str) -> approval_pb.Approval:
        """Refuse a proposal, or withdraw one's own."""
        return self._connection.call(self._approvals.RefuseApproval, approval_pb.RefuseApprovalRequest(name=name, note=note))
