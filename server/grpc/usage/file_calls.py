"""IngestFile, ListFileFindings, WaiveFileFinding: usage files that are sent, and findings about files that were collected."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

import grpc

from billing.collection import findings
from billing.operators import Role
from mediation.bytes import containers
from mediation.bytes.reader import shown
from mediation.sources.model import BUILT_IN, Format
from ratewright.v1 import usage_file_pb2 as pb
from rating.errors import UnusableFileError, UserError, quoted
from server.actions import usage_files
from server.grpc import calls, convert, paging
from server.grpc.entrance import about, caller, pace
from server.grpc.finance import values
from server.grpc.refusals import Refusal, invalid, not_found

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from billing.collection.findings import Finding
    from billing.intake.reports import IntakeReport
    from billing.intake.taking import Intake
    from billing.payments.writing import Act
    from mediation.sources.model import Source
    from server.grpc.calls import Door
    from server.grpc.spool import Incoming, Spool

FILE_BYTES_MAX: Final = 256 << 20
PIECE_BYTES_MAX: Final = 4 << 20
NAME_BYTES_MAX: Final = 255
SHA256_BYTES: Final = 32
UNPACKED: Final = containers.Limits(bytes=8 << 30)


def sources_of_files(taken: Sequence[Source]) -> dict[str, Source]:
    """The sources whose files can be read: built-in ones, and `taken` that have a definition."""
    return {**BUILT_IN, **{each.name: each for each in taken if each.layouts or each.format is not Format.FREESWITCH}}


class FileCalls:
    """The calls about usage files. `intake` is that of the streams: what it knows of records is there once."""

    def __init__(self, door: Door, sources: Mapping[str, Source], intake: Intake, spool: Spool, page_token_key: bytes) -> None:
        self._door, self._sources, self._intake, self._spool, self._key = door, sources, intake, spool, page_token_key

    @contextlib.contextmanager
    def received(
        self, first: pb.IngestFileRequest | None, rest: Iterator[pb.IngestFileRequest]
    ) -> Iterator[tuple[pb.IngestFileHeader, Path]]:
        """A whole file as long as the block lasts, and its header with size and hash."""
        if first is None or not first.HasField("header"):
            raise invalid("HEADER_MISSING", "the first message of a file is its header")
        header = first.header
        self._allow(header.source)
        values.require_texts(header)
        if header.sha256 and len(header.sha256) != SHA256_BYTES:
            raise invalid("MALFORMED_REQUEST", f"sha256 has {SHA256_BYTES} bytes", {"field": "sha256"})
        with self._spool.file(_name(header.file_name)) as incoming:
            _receive(header, rest, incoming)
            yield header, incoming.whole()

    def ingest(self, header: pb.IngestFileHeader, path: Path, context: grpc.ServicerContext) -> pb.IngestFileResponse:
        """Take a file that has come."""
        act, recover = lambda _: self._take(header, path), lambda since_seq: self._take(header, path, since_seq)
        return calls.write(self._door, header, context, pb.IngestFileResponse, act, recover)

    def list_findings(self, request: pb.ListFileFindingsRequest, context: grpc.ServicerContext) -> pb.ListFileFindingsResponse:
        """A page of findings."""

        def find() -> pb.ListFileFindingsResponse:
            page = paging.page(request, self._key)
            with self._door.home.connect() as connection:
                every = sorted(findings.findings(connection), key=lambda each: each.name)
            found = [each for each in every if (request.show_waived or each.is_open) and each.name > page.after]
            rows, token = page.parted(found, lambda each: each.name)
            return pb.ListFileFindingsResponse(file_findings=map(finding, rows), next_page_token=token)

        return calls.read(context, find)

    def waive(self, request: pb.WaiveFileFindingRequest, context: grpc.ServicerContext) -> pb.FileFinding:
        """Accept a finding."""

        def accept(act: Act) -> pb.FileFinding:
            name = values.identity(request.name, "fileFindings", "file_finding")
            return finding(findings.waive(self._door.home, name, request.reason, act.by, act.now_us, dry_run=act.dry_run))

        def recover(_: int) -> pb.FileFinding:
            with self._door.home.connect() as connection:
                found = {f"fileFindings/{each.name}": each for each in findings.findings(connection)}
            return finding(found[request.name])

        return values.write(self._door, request, context, accept, recover, pb.FileFinding)

    def _allow(self, name: str) -> None:
        """Refuse a source whose files are not known here, or that is not one of the caller's."""
        if name not in self._sources:
            raise not_found("SOURCE_UNKNOWN", f"source {quoted(name)} is not one whose files this server takes", {"source": name})
        known = caller()
        if known is not None and not known.identity.may_send(name, self._door.clock_us(), {Role.SWITCH, Role.OPERATOR, Role.ADMIN}):
            message = f"{known.name} may not send usage of source {quoted(name)}"
            raise Refusal(grpc.StatusCode.PERMISSION_DENIED, "SOURCE_NOT_ALLOWED", message, {"source": name})

    def _take(self, header: pb.IngestFileHeader, path: Path, since_seq: int | None = None) -> pb.IngestFileResponse:
        """Take a file. `since_seq`: the first commit of a call that was killed; what it took is answered as it would have been."""
        done = usage_files.Ingested([], [])
        try:
            usage_files.take(
                self._intake, path, self._sources[header.source], self._door.clock_us, done, unpacked_in=path.parent, limits=UNPACKED
            )
        except UnusableFileError as error:
            done.refused.append(error)
        refused = [_named(each, path) for each in done.refused]
        if not done.reports:
            raise _unusable(refused)
        files = [self._file(each, since_seq) for each in done.reports]
        about(f"usage file {files[0].name.rpartition('/')[2]}")
        pace().took(sum(each.received for each in done.reports))  # its rows hold back the streams of this operator
        return pb.IngestFileResponse(
            files=files, refused_files=[pb.RefusedFile(message=each.message, remedy=each.remedy) for each in refused]
        )

    def _file(self, report: IntakeReport, since_seq: int | None) -> pb.IngestedFile:
        home = self._door.home
        kept = usage_files.kept(home, report.source, report.commit_seq)
        message = pb.IngestedFile(name=f"usageFiles/{kept.raw_file_id}", source=report.source, commit_seq=report.commit_seq)
        message.file_name = Path(report.name).name if Path(report.name).is_absolute() else report.name
        if report.already_taken and since_seq is not None and report.commit_seq >= since_seq:
            message.received_count = kept.received
            message.rows.update(kept.rows)
            message.rejected.update(kept.rejected)
            message.answered_duration_us = kept.answered_duration_us
            return message
        message.received_count = report.received
        message.rows.update(report.rows)
        message.rejected.update(report.rejected_by_reason)
        message.suspended.update(report.suspended_by_reason)
        message.told_twice.update(report.told_twice)
        message.already_taken, message.same_as = report.already_taken, Path(report.same_as).name
        message.taken_back_count, message.absorbed_later_count = report.taken_back, report.absorbed_later
        message.assembled_count, message.answered_duration_us = report.assembled, report.answered_duration_us
        return message


def _receive(header: pb.IngestFileHeader, rest: Iterator[pb.IngestFileRequest], incoming: Incoming) -> None:
    """Write the pieces of a file. Size and hash are compared with those of the header, and set there."""
    if header.size_bytes > FILE_BYTES_MAX:
        raise _too_large()
    digest, is_over = hashlib.sha256(), False
    for each in rest:
        kind = each.WhichOneof("payload")
        if kind == "header" or is_over:
            raise invalid("HEADER_REPEATED", "a file has one header, then its bytes, and nothing behind its end")
        if len(each.content) > PIECE_BYTES_MAX:
            raise invalid("PIECE_TOO_LARGE", f"a piece of {len(each.content)} bytes; at most {PIECE_BYTES_MAX} are taken")
        if incoming.size_bytes + len(each.content) > FILE_BYTES_MAX:
            raise _too_large()
        incoming.write(each.content)
        digest.update(each.content)
        is_over = kind == "end"
    if not (is_over or header.HasField("size_bytes") or header.sha256):  # gRPC tells a call that broke as one that ended, now and then
        message = "the file may not be whole: give its size or its hash in the header, or send `end` as the last message"
        raise invalid("END_MISSING", message)
    if header.HasField("size_bytes") and header.size_bytes != incoming.size_bytes:
        message = f"{incoming.size_bytes} bytes came, and the header says {header.size_bytes}"
        raise invalid("SIZE_MISMATCH", message, {"field": "size_bytes"})
    if header.sha256 and header.sha256 != digest.digest():
        raise invalid("SHA256_MISMATCH", "the bytes that came are not those of the header's hash", {"field": "sha256"})
    header.size_bytes, header.sha256 = incoming.size_bytes, digest.digest()


def _name(text: str) -> str:
    """The name of a file. Refuses one that leads elsewhere."""
    is_name = text.strip() and text.isprintable() and text not in {".", ".."} and "/" not in text
    if not is_name or len(text.encode("utf-8", "surrogatepass")) > NAME_BYTES_MAX:
        message = f"file_name: give the name of a file, without its folder, of at most {NAME_BYTES_MAX} bytes"
        raise invalid("MALFORMED_REQUEST", message, {"field": "file_name"})
    return text


def _named(error: UnusableFileError, path: Path) -> UnusableFileError:
    """An error that names the file as it was sent, and no place of the server."""
    for name in ("message", "remedy"):
        text = getattr(error, name).replace(shown(path), path.name).replace(str(path), path.name)
        setattr(error, name, text.replace(str(path.parent), "the service"))
    return error


def _unusable(refused: Sequence[UnusableFileError]) -> Refusal:
    """The refusal of a file, or of an archive without a member that can be used."""
    try:
        usage_files.raise_refused(refused, len(refused))
    except UserError as error:
        return invalid("FILE_UNUSABLE", error.message, {"remedy": error.remedy})
    return invalid("FILE_UNUSABLE", "the archive holds no usage file", {"remedy": "send a file, or an archive of files"})


def _too_large() -> Refusal:
    message = f"the file has more than {FILE_BYTES_MAX} bytes; take it in with `ratewright usage ingest`, or in parts"
    return Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "FILE_TOO_LARGE", message)


def finding(found: Finding) -> pb.FileFinding:
    """A finding about collected files."""
    return pb.FileFinding(
        name=f"fileFindings/{found.name}",
        kind=found.kind,
        source=found.source,
        text=found.text,
        remedy=found.remedy,
        find_time=convert.timestamp(found.found_us),
        waived_by=found.waived_by,
        reason=found.waived_because,
        from_time=None if found.from_us == findings.UNKNOWN_US else convert.timestamp(found.from_us),
    )
