"""Usage files that are sent to a service, and findings about files that it collected."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from billing.collection.findings import Finding
from billing.intake.reports import IntakeReport
from billing.intake.settle import OUTCOME_NAMES
from mediation.bytes.reader import shown
from ratewright.v1 import usage_file_pb2 as pb
from ratewright.v1 import usage_service_pb2_grpc as stubs
from rating.errors import UnusableFileError, UserError
from server.cli.remote.calling import LONG_S, PAGE_SIZE, tail
from server.client import CallError, Switch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from server.actions.usage_files import Ingested
    from server.client import Connection

_UNUSABLE: Final = "FILE_UNUSABLE"
_UNKNOWN_SOURCE: Final = "SOURCE_UNKNOWN"


class UsageFiles:
    """Calls of UsageService about files."""

    def __init__(self, service: Connection) -> None:
        self._service = service
        self._stub = stubs.UsageServiceStub(service.channel)

    def ingest(self, file: Path, source: str, done: Ingested, report: Callable[[int, int], None]) -> None:
        """`usage ingest` of one file; `done` gets the results. `report` tells how many bytes are sent.

        Raises UnusableFileError where nothing of it can be used.
        """
        try:
            answer = Switch(self._service, source).ingest(file, deadline_s=LONG_S, progress=report)
        except CallError as error:
            if error.reason == _UNKNOWN_SOURCE:
                remedy = "name a built-in one, or start the service with its definition (serve --source)"
                raise UserError(error.message, remedy, exit_status=2) from error
            if error.reason == _UNUSABLE:
                raise _refused(error.message, error.remedy, file) from error
            raise
        done.reports.extend(_report(each, file) for each in answer.files)
        done.refused.extend(_refused(each.message, each.remedy, file) for each in answer.refused_files)

    def findings(self, *, every: bool) -> list[Finding]:
        """`usage findings`."""
        asked = pb.ListFileFindingsRequest(show_waived=every, page_size=PAGE_SIZE)
        return list(map(finding_of, self._service.pages(self._stub.ListFileFindings, asked, "file_findings")))

    def waive(self, name: str, reason: str) -> Finding:
        """`usage findings waive`."""
        asked = pb.WaiveFileFindingRequest(name=f"fileFindings/{name}", reason=reason)
        return finding_of(self._service.call(self._stub.WaiveFileFinding, asked))


def _report(found: pb.IngestedFile, file: Path) -> IntakeReport:
    """The report of a file under the name by which it was given; a member of an archive has its own."""
    return IntakeReport(
        name=shown(file) if found.file_name == file.name else found.file_name,
        source=found.source,
        received=found.received_count,
        rows={name: found.rows[name] for name in OUTCOME_NAMES},
        rejected_by_reason=dict(sorted(found.rejected.items())),
        answered_duration_us=found.answered_duration_us,
        taken_back=found.taken_back_count,
        absorbed_later=found.absorbed_later_count,
        already_taken=found.already_taken,
        commit_seq=found.commit_seq,
        same_as=found.same_as,
        suspended_by_reason=dict(sorted(found.suspended.items())),
        told_twice=dict(sorted(found.told_twice.items())),
        assembled=found.assembled_count,
    )


def _refused(message: str, remedy: str, file: Path) -> UnusableFileError:
    """A refusal that names the file as it was given. The service knows its name alone."""
    alone = re.compile(rf"(?<![\w./-]){re.escape(file.name)}(?![\w/-])")
    given = shown(file)
    return UnusableFileError(alone.sub(lambda _: given, message), alone.sub(lambda _: given, remedy))


def finding_of(found: pb.FileFinding) -> Finding:
    """A finding about collected files."""
    return Finding(
        name=tail(found.name),
        kind=found.kind,
        source=found.source,
        text=found.text,
        remedy=found.remedy,
        from_us=found.from_time.ToMicroseconds(),
        found_us=found.find_time.ToMicroseconds(),
        waived_by=found.waived_by,
        waived_because=found.reason,
    )
