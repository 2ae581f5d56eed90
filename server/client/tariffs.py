"""Tariffs from draft to repeal, sheets for customers; usage priced in batches, charges explained, plans compared."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from google.type import date_pb2

from ratewright.v1 import rating_service_pb2 as rating_pb
from ratewright.v1 import rating_service_pb2_grpc as rating_grpc
from ratewright.v1 import tariff_service_pb2 as pb
from ratewright.v1 import tariff_service_pb2_grpc as grpc_stubs
from server.client import errors, values

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Mapping

    from server.client.connection import Connection

PAGE_SIZE: Final = 200
ALL_CATALOGUES: Final = "catalogues/-"
ENDINGS: Final = (".yaml", ".yml", ".csv")


def tariff_files(folder: Path | str) -> dict[str, bytes]:
    """The files of a catalogue by their names below its folder: YAML and CSV, also of inner folders; none that is hidden."""
    top = Path(folder)
    found: dict[str, bytes] = {}
    for path in sorted(top.rglob("*")):
        name = path.relative_to(top)
        if path.suffix in ENDINGS and path.is_file() and not any(part.startswith(".") for part in name.parts):
            try:
                found[name.as_posix()] = path.read_bytes()
            except OSError as error:
                errors.refuse_to_read(path, error)
    return found


class Tariffs:
    """Calls about tariffs and prices, for operators with a role for each. Names are such as `catalogues/mobile/versions/2`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._tariffs = grpc_stubs.TariffServiceStub(connection.channel)
        self._rating = rating_grpc.RatingServiceStub(connection.channel)

    def check_tariff(self, files: Mapping[str, bytes], *, against_published: bool = False) -> pb.CheckTariffResponse:
        """Every mistake in the files of a catalogue (`tariff_files`), or what is doubtful."""
        asked = pb.CheckTariffRequest(files=_files(files), against_published=against_published)
        return self._connection.call(self._tariffs.CheckTariff, asked)

    def draft_tariff(
        self, files: Mapping[str, bytes], *, etag: str = "", request_id: str = "", validate_only: bool = False
    ) -> pb.DraftTariffResponse:
        """Keep a catalogue as the draft of its version. `etag`: the content hash of the draft that it replaces, as it was read."""
        asked = pb.DraftTariffRequest(files=_files(files), etag=etag, request_id=request_id, validate_only=validate_only)
        return self._connection.call(self._tariffs.DraftTariff, asked)

    def tariff_versions(self, catalogue: str = ALL_CATALOGUES, limit: int | None = None) -> Iterator[pb.TariffVersion]:
        """Versions of a catalogue (`catalogues/mobile`) or of all, with what happened to each."""
        asked = pb.ListTariffVersionsRequest(parent=catalogue, page_size=PAGE_SIZE)
        return self._connection.pages(self._tariffs.ListTariffVersions, asked, "tariff_versions", limit)

    def tariff_version(self, name: str) -> pb.TariffVersion:
        """One version, published or drafted."""
        return self._connection.call(self._tariffs.GetTariffVersion, pb.GetTariffVersionRequest(name=name))

    def tariff_changes(self, old: str, new: str, limit: int | None = None) -> Iterator[pb.TariffChange]:
        """Changes from one version to another, in pages as they are asked for."""
        asked = pb.DiffTariffVersionsRequest(old=old, new=new, page_size=PAGE_SIZE)
        return self._connection.pages(self._tariffs.DiffTariffVersions, asked, "changes", limit)

    def approve_tariff(self, name: str, note: str = "", *, content_hash: str = "") -> pb.TariffReview:
        """Approve the draft of another operator; with `content_hash` exactly the content that was reviewed."""
        asked = pb.ApproveTariffDraftRequest(name=name, note=note, content_hash=content_hash)
        return self._connection.call(self._tariffs.ApproveTariffDraft, asked)

    def reject_tariff(self, name: str, note: str = "", *, content_hash: str = "") -> pb.TariffReview:
        """Give a draft back to its author."""
        asked = pb.RejectTariffDraftRequest(name=name, note=note, content_hash=content_hash)
        return self._connection.call(self._tariffs.RejectTariffDraft, asked)

    def publish_tariff(  # noqa: PLR0913 -- the fields of the call
        self,
        name: str,
        *,
        waive_review: str | None = None,
        waive_notice: str | None = None,
        waive_what_if: str | None = None,
        request_id: str = "",
        validate_only: bool = False,
    ) -> pb.PublishTariffResponse:
        """Publish a reviewed draft. Each condition can be waived with a reason, which is kept."""
        asked = pb.PublishTariffRequest(
            name=name,
            waive_review=waive_review,
            waive_notice=waive_notice,
            waive_what_if=waive_what_if,
            request_id=request_id,
            validate_only=validate_only,
        )
        return self._connection.call(self._tariffs.PublishTariff, asked)

    def repeal_tariff(
        self, name: str, from_date: dt.date, reason: str, *, request_id: str = "", validate_only: bool = False
    ) -> pb.RepealTariffResponse:
        """End a published version: from the beginning of a date on nothing is sold by it."""
        asked = pb.RepealTariffRequest(
            name=name, from_date=values.date(from_date), reason=reason, request_id=request_id, validate_only=validate_only
        )
        return self._connection.call(self._tariffs.RepealTariff, asked)

    def tariff_sheet(self, plan: str, form: str = "text", *, language: str = "", as_of: dt.date | None = None) -> pb.TariffSheet:
        """The sheet of a plan (`mobile/smart-m`) as customers read it: `text`, `html` or `pdf`."""
        asked = pb.GetTariffSheetRequest(
            plan=plan,
            language_code=language,
            format=pb.GetTariffSheetRequest.Format.Value(f"FORMAT_{form.upper()}"),
            as_of=None if as_of is None else values.date(as_of),
        )
        return self._connection.call(self._tariffs.GetTariffSheet, asked)

    def rate_batch(self, version: str, plan: str, arrow_ipc: bytes, *, effective_on: dt.date | None = None) -> rating_pb.RateBatchResponse:
        """The charge of each row of usage (an Arrow IPC stream) on a plan of a published version."""
        day = None if effective_on is None else values.date(effective_on)
        asked = rating_pb.RateBatchRequest(tariff_version=version, plan=plan, arrow_ipc=arrow_ipc, effective_date=day)
        return self._connection.call(self._rating.RateBatch, asked)

    def explain_record(self, record_id: str, *, bill_run: str = "", language: str = "") -> rating_pb.ExplainResponse:
        """The charge of a record, or why no bill has it."""
        asked = rating_pb.ExplainRequest(record_id=record_id, bill_run=bill_run, language_code=language)
        return self._connection.call(self._rating.Explain, asked)

    def explain_invoice(self, invoice: str, line_no: int = 0, *, event_limit: int = 0, language: str = "") -> rating_pb.ExplainResponse:
        """An invoice (`accounts/anna/invoices/R-0000000001`), or one line of it, in words."""
        asked = rating_pb.ExplainRequest(invoice=invoice, line_no=line_no, event_limit=event_limit, language_code=language)
        return self._connection.call(self._rating.Explain, asked)

    def compare_plans(
        self, account: str, year: int, month: int, *, catalogue: str = "", subscription_id: str = ""
    ) -> rating_pb.ComparePlansResponse:
        """The month of an account (`accounts/anna`) on every plan, the cheapest first."""
        asked = rating_pb.ComparePlansRequest(
            account=account, month=date_pb2.Date(year=year, month=month), catalogue=catalogue, subscription_id=subscription_id
        )
        return self._connection.call(self._rating.ComparePlans, asked)


def _files(files: Mapping[str, bytes]) -> Iterator[pb.TariffFile]:
    return (pb.TariffFile(name=name, content=content) for name, content in files.items())
