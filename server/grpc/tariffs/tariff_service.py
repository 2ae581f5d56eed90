"""TariffService: catalogues from files in one message, the steps of a version from draft to repeal, and sheets for customers."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Final

import grpc

from billing import catalogue as store
from billing.catalogue import Waivers
from billing.catalogue.gates import GateError
from ratewright.v1 import tariff_service_pb2 as pb
from ratewright.v1 import tariff_service_pb2_grpc
from rating.dates import midnight_us
from rating.errors import NotFoundError, ProblemsError
from server.actions import catalogues
from server.actions.tariffs import checks, publishing, reviews, sheets, uploads, versions
from server.grpc import calls, convert, paging
from server.grpc.admission import AGAIN_S
from server.grpc.entrance import about
from server.grpc.finance import values
from server.grpc.refusals import Refusal, invalid, not_found
from server.grpc.tariffs import messages, names
from tariffs.changes import changes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from billing.catalogue.names import VersionName
    from billing.payments.writing import Act
    from rating.model import Catalogue
    from server.actions.tariffs.figures import Figures
    from server.grpc.calls import Door
    from server.grpc.spool import Spool
    from tariffs.reading.load import Located

WAIT_S: Final = 10.0  # for the files of others: reading takes much memory, so that one catalogue is read at a time
SHEET_BYTES_MAX: Final = 3 * 1024 * 1024  # clients take 4 MiB in one answer
DEFAULT_LANGUAGE: Final = "en"
_FORMS: Final = {
    pb.GetTariffSheetRequest.FORMAT_UNSPECIFIED: sheets.TEXT,
    pb.GetTariffSheetRequest.FORMAT_TEXT: sheets.TEXT,
    pb.GetTariffSheetRequest.FORMAT_HTML: sheets.HTML,
    pb.GetTariffSheetRequest.FORMAT_PDF: sheets.PDF,
    pb.GetTariffSheetRequest.FORMAT_JSON: sheets.JSON,
}
_MEDIA_TYPES: Final = {
    sheets.TEXT: "text/plain; charset=utf-8",
    sheets.HTML: "text/html; charset=utf-8",
    sheets.PDF: "application/pdf",
    sheets.JSON: "application/json",
}


class TariffService(tariff_service_pb2_grpc.TariffServiceServicer):
    """Servicer of ratewright.v1.TariffService over one home. `page_token_key` signs the tokens of its pages."""

    def __init__(self, door: Door, page_token_key: bytes, spool: Spool) -> None:
        self._door, self._home = door, door.home
        self._key, self._spool = page_token_key, spool
        self._reading = threading.Lock()

    def CheckTariff(self, request: pb.CheckTariffRequest, context: grpc.ServicerContext) -> pb.CheckTariffResponse:
        """Every mistake of a catalogue, or its warnings."""

        def find() -> pb.CheckTariffResponse:
            try:
                with self._read(request.files) as located:
                    found = checks.check([located], checks.stored(self._home) if request.against_published else checks.NOTHING_STORED)
                    return messages.checked(found[0])
            except ProblemsError as error:
                return messages.problems(error.problems)

        return calls.read(context, find)

    def DraftTariff(self, request: pb.DraftTariffRequest, context: grpc.ServicerContext) -> pb.DraftTariffResponse:
        """A catalogue that waits for its review."""

        def act(by: Act) -> pb.DraftTariffResponse:
            with self._read(request.files) as located:
                about(f"tariff {located.catalogue.identity}@{located.catalogue.version}")
                saved = versions.draft(self._home, located.catalogue, by, uploads.origin(_files(request.files)), etag=request.etag)
            return messages.draft(saved, already=not saved.added, is_trial=by.dry_run)

        def recover(commit_seq: int) -> pb.DraftTariffResponse:
            saved = next(each for each in store.drafts(self._home) if each.commit_seq == commit_seq)
            return messages.draft(saved, already=False, is_trial=False)

        return values.write(self._door, request, context, act, recover, pb.DraftTariffResponse)

    def ListTariffVersions(self, request: pb.ListTariffVersionsRequest, context: grpc.ServicerContext) -> pb.ListTariffVersionsResponse:
        """A page of versions."""

        def find() -> pb.ListTariffVersionsResponse:
            identity, page = names.parse_catalogue(request.parent), paging.page(request, self._key)
            found = versions.histories(self._home, identity, self._door.clock_us())
            if identity is not None and not found:
                error = versions.unknown(identity)
                raise not_found("CATALOGUE_UNKNOWN", error.message, {"name": request.parent, "remedy": error.remedy})
            behind = [each for each in found if _place(each.figures) > page.after]
            rows, token = page.parted(behind[: page.limit], lambda each: _place(each.figures))
            return pb.ListTariffVersionsResponse(tariff_versions=map(messages.of_history, rows), next_page_token=token)

        return calls.read(context, find)

    def GetTariffVersion(self, request: pb.GetTariffVersionRequest, context: grpc.ServicerContext) -> pb.TariffVersion:
        """One version."""

        def find() -> pb.TariffVersion:
            name = names.parse_version(request.name)
            found = versions.histories(self._home, name.identity, self._door.clock_us())
            wanted = next((each for each in found if each.figures.version == name.version), None)
            if wanted is None:
                raise _unknown(name)
            return messages.of_history(wanted)

        return calls.read(context, find)

    def DiffTariffVersions(self, request: pb.DiffTariffVersionsRequest, context: grpc.ServicerContext) -> pb.DiffTariffVersionsResponse:
        """A page of the changes between two versions."""

        def find() -> pb.DiffTariffVersionsResponse:
            page = paging.page(request, self._key)
            before, after = (self._version(names.parse_version(each)) for each in (request.old, request.new))
            found = changes(before, after)
            first = page.after_number or 0
            rows, token = page.parted(list(enumerate(found, 1))[first : first + page.limit], lambda each: each[0])
            return messages.changes([each for _, each in rows], len(found), token, before, after)

        return calls.read(context, find)

    def ApproveTariffDraft(self, request: pb.ApproveTariffDraftRequest, context: grpc.ServicerContext) -> pb.TariffReview:
        """A draft that another operator approves."""
        return self._reviewed(request, context, accept=True)

    def RejectTariffDraft(self, request: pb.RejectTariffDraftRequest, context: grpc.ServicerContext) -> pb.TariffReview:
        """A draft that goes back to its author."""
        return self._reviewed(request, context, accept=False)

    def PublishTariff(self, request: pb.PublishTariffRequest, context: grpc.ServicerContext) -> pb.PublishTariffResponse:
        """A version that prices from its effective date on."""

        def act(by: Act) -> pb.PublishTariffResponse:
            wanted = self._version(_named(request.name))
            try:
                done = publishing.publish(self._home, wanted, by, _waivers(request))
            except GateError as error:
                raise _not_ready(error) from error
            return messages.published(done, already=not done.publication.added, is_trial=by.dry_run)

        def recover(commit_seq: int) -> pb.PublishTariffResponse:
            found = publishing.published_by(self._home, commit_seq, self._door.clock_us())
            return messages.published(found, already=False)

        return values.write(self._door, request, context, act, recover, pb.PublishTariffResponse)

    def RepealTariff(self, request: pb.RepealTariffRequest, context: grpc.ServicerContext) -> pb.RepealTariffResponse:
        """A version that ends."""

        def act(by: Act) -> pb.RepealTariffResponse:
            name = str(_named(request.name))
            from_us = _begin_us(request, versions.timezone_of(self._home, name))
            done = versions.repeal(self._home, name, by, from_us=from_us, reason=request.reason)
            return messages.repealed(done, is_trial=by.dry_run)

        def recover(commit_seq: int) -> pb.RepealTariffResponse:
            decision = self._decision(commit_seq)
            return messages.repealed(versions.repealed(self._home, decision))

        return values.write(self._door, request, context, act, recover, pb.RepealTariffResponse)

    def GetTariffSheet(self, request: pb.GetTariffSheetRequest, context: grpc.ServicerContext) -> pb.TariffSheet:
        """A tariff sheet as a file."""

        def find() -> pb.TariffSheet:
            values.require_texts(request)
            form = _FORMS.get(request.format)
            if form is None:
                raise invalid("MALFORMED_REQUEST", "format: is not one of a sheet", {"field": "format"})
            language = convert.parse_language(request.language_code) or DEFAULT_LANGUAGE
            wanted = sheets.parse(request.plan)
            chosen = sheets.choose(self._versions(wanted), wanted)
            made = sheets.render(sheets.make(chosen, language, self._as_of_us(request, chosen.timezone)), form)
            if len(made.content) > SHEET_BYTES_MAX:
                message = f"the sheet has {len(made.content):,} bytes, and an answer at most {SHEET_BYTES_MAX:,}"
                remedy = "write it on the machine that holds the home: ratewright tariffs sheet"
                raise Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "ANSWER_TOO_LARGE", message, {"remedy": remedy})
            return pb.TariffSheet(title=made.title, content=made.content, media_type=_MEDIA_TYPES[form], price_count=made.price_count)

        return calls.read(context, find)

    def _reviewed(
        self, request: pb.ApproveTariffDraftRequest | pb.RejectTariffDraftRequest, context: grpc.ServicerContext, *, accept: bool
    ) -> pb.TariffReview:
        def act(by: Act) -> pb.TariffReview:
            name = str(_named(request.name))
            done = reviews.review(self._home, name, by, accept=accept, note=request.note, content=request.content_hash)
            return messages.review(*done, is_trial=by.dry_run)

        def recover(commit_seq: int) -> pb.TariffReview:
            decision = self._decision(commit_seq)
            return messages.review(decision, reviews.compared(self._home, decision))

        return values.write(self._door, request, context, act, recover, pb.TariffReview)

    def _as_of_us(self, request: pb.GetTariffSheetRequest, timezone: str) -> int:
        """The instant at which a sheet shall be valid."""
        if (day := values.day_or_none(request, "as_of")) is not None:
            return midnight_us(day, timezone)
        return convert.parse_timestamp(request.as_of_time, "as_of_time") if request.HasField("as_of_time") else self._door.clock_us()

    @contextlib.contextmanager
    def _read(self, files: Sequence[pb.TariffFile]) -> Iterator[Located]:
        """The catalogue of an upload, while no other one is read."""
        if not self._reading.acquire(timeout=WAIT_S):
            message = "the files of others are being read; try again later"
            raise Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "UPLOADS_EXHAUSTED", message, retry_after_s=AGAIN_S)
        try:
            with self._spool.folder() as folder:
                located = uploads.load(_files(files), folder)
            yield located
        except uploads.UploadError as error:
            if error.is_too_much:
                raise Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "UPLOAD_TOO_LARGE", error.message, {"remedy": error.remedy}) from error
            raise invalid("UPLOAD_MALFORMED", error.message, {"field": error.place, "remedy": error.remedy}) from error
        finally:
            self._reading.release()

    def _version(self, name: VersionName) -> Catalogue:
        """A published version, or the newest draft of it. Refuses TARIFF_VERSION_UNKNOWN."""
        try:
            return catalogues.named(self._home, str(name))
        except NotFoundError as error:
            raise _unknown(name) from error

    def _versions(self, wanted: sheets.Wanted) -> Sequence[Catalogue]:
        """The versions among which a plan is looked for. Refuses TARIFF_VERSION_UNKNOWN for a number that the catalogue does not have."""
        if wanted.number:
            self._version(names.parse_version(f"catalogues/{wanted.identity}/versions/{wanted.number}"))
        return sheets.of_home(self._home, wanted)

    def _decision(self, commit_seq: int) -> store.Decision:
        return next(each for each in store.decisions(self._home) if each.commit_seq == commit_seq)


def _files(files: Sequence[pb.TariffFile]) -> list[uploads.File]:
    return [uploads.File(each.name, each.content) for each in files]


def _named(name: str) -> VersionName:
    """The version that a call is about, which the audit trail names."""
    found = names.parse_version(name)
    about(f"tariff {found}")
    return found


def _begin_us(request: pb.RepealTariffRequest, timezone: str) -> int:
    """The instant from which on a version ends."""
    if request.HasField("from_date"):
        return midnight_us(values.day(request, "from_date"), timezone)
    if not request.HasField("from_time"):
        raise invalid("MALFORMED_REQUEST", "from_date: say from when on, by date or time", {"field": "from_date"})
    return convert.parse_timestamp(request.from_time, "from_time")


def _waivers(request: pb.PublishTariffRequest) -> Waivers:
    """The reasons of a call, None for each that is absent."""
    return Waivers(
        request.waive_review if request.HasField("waive_review") else None,
        request.waive_notice if request.HasField("waive_notice") else None,
        request.waive_what_if if request.HasField("waive_what_if") else None,
    )


def _place(found: Figures) -> str:
    """The place of a version in lists."""
    return f"{found.identity}\x01{found.version:012d}"


def _unknown(name: VersionName) -> Refusal:
    full = names.version_name(*name)
    told = {"name": full, "remedy": f"`ratewright tariffs history {name.identity}` lists its versions"}
    return not_found("TARIFF_VERSION_UNKNOWN", f"there is no {full}, published or drafted", told)


def _not_ready(error: GateError) -> Refusal:
    """The refusal of a draft that does not meet all conditions, each by its name."""
    places = ((each.path, f"{each.message}; {each.remedy}") for each in error.problems)
    return Refusal(grpc.StatusCode.FAILED_PRECONDITION, "TARIFF_NOT_READY", error.message, {"remedy": error.remedy}, places)
