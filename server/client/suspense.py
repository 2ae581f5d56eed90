"""Records in suspense, and findings about usage files: list, correct, bring back, choose, write off, waive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ratewright.v1 import suspense_pb2 as pb
from ratewright.v1 import suspense_proposal_pb2 as proposal_pb
from ratewright.v1 import usage_file_pb2 as file_pb
from ratewright.v1 import usage_service_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from server.client.connection import Connection

PAGE_SIZE: Final = 200


class Suspense:
    """Decides about usage that could not be used; its operator has the role `operator`, or `approver` for what another one proposed."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._usage = usage_service_pb2_grpc.UsageServiceStub(connection.channel)

    def records(self, *, source: str = "", reason: str = "", limit: int | None = None) -> Iterator[pb.SuspenseRecord]:
        """Records that wait, the oldest first, in pages as they are asked for."""
        asked = pb.ListSuspenseRecordsRequest(source=source, reason=reason, page_size=PAGE_SIZE)
        return self._connection.pages(self._usage.ListSuspenseRecords, asked, "suspense_records", limit)

    def groups(self) -> Sequence[pb.SuspenseGroup]:
        """Sums of all that waits, by source and reason."""
        asked = pb.ListSuspenseRecordsRequest(page_size=1)
        return self._connection.call(self._usage.ListSuspenseRecords, asked).groups

    def record(self, name: str) -> pb.SuspenseRecord:
        """One record (`suspenseRecords/12`), with its bytes and what was read of them."""
        return self._connection.call(self._usage.GetSuspenseRecord, pb.GetSuspenseRecordRequest(name=name))

    def correct(self, rule: pb.CorrectionRule, note: str = "", *, validate_only: bool = False) -> pb.CorrectSuspenseResponse:
        """Save a rule that corrects records, or preview it."""
        asked = pb.CorrectSuspenseRequest(rule=rule, note=note, validate_only=validate_only)
        return self._connection.call(self._usage.CorrectSuspense, asked)

    def recycle(self, names: Sequence[str] = (), *, correction: str = "", note: str = "") -> pb.RecycleSuspenseResponse:
        """Bring records back as they are, or those of a correction (`suspenseProposals/1`)."""
        asked = pb.RecycleSuspenseRequest(names=names, correction=correction, note=note)
        return self._connection.call(self._usage.RecycleSuspense, asked)

    def resolve(self, name: str, keep: str, note: str = "", *, validate_only: bool = False) -> pb.ResolveSuspenseResponse:
        """Let one version of a record count; with `validate_only` and no version, show them."""
        asked = pb.ResolveSuspenseRequest(name=name, keep=keep, note=note, validate_only=validate_only)
        return self._connection.call(self._usage.ResolveSuspense, asked)

    def write_off(self, names: Sequence[str], note: str) -> proposal_pb.SuspenseProposal:
        """Propose to give records up; another operator approves it."""
        return self._connection.call(self._usage.WriteOffSuspense, proposal_pb.WriteOffSuspenseRequest(names=names, note=note))

    def proposals(self) -> Iterator[proposal_pb.SuspenseProposal]:
        """Proposals, newest first."""
        asked = proposal_pb.ListSuspenseProposalsRequest(page_size=PAGE_SIZE)
        return self._connection.pages(self._usage.ListSuspenseProposals, asked, "suspense_proposals")

    def approve(self, name: str, note: str = "") -> proposal_pb.SuspenseProposal:
        """Agree to a proposal of another operator."""
        asked = proposal_pb.ApproveSuspenseProposalRequest(name=name, note=note)
        return self._connection.call(self._usage.ApproveSuspenseProposal, asked)

    def reject(self, name: str, note: str = "") -> proposal_pb.SuspenseProposal:
        """Give a proposal up."""
        asked = proposal_pb.RejectSuspenseProposalRequest(name=name, note=note)
        return self._connection.call(self._usage.RejectSuspenseProposal, asked)

    def file_findings(self) -> Iterator[file_pb.FileFinding]:
        """Findings about usage files that keep bill runs from beginning."""
        asked = file_pb.ListFileFindingsRequest(page_size=PAGE_SIZE)
        return self._connection.pages(self._usage.ListFileFindings, asked, "file_findings")

    def waive(self, name: str, reason: str) -> file_pb.FileFinding:
        """Accept a finding (`fileFindings/missing:sw1:17`)."""
        return self._connection.call(self._usage.WaiveFileFinding, file_pb.WaiveFileFindingRequest(name=name, reason=reason))
