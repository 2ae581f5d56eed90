"""Exports of accounts by a service: `ratewright accounts export --server`. The files are written here, as the service sends them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from billing.accounts import layouts
from billing.accounts.exporting import require_free
from billing.store import access
from ratewright.v1 import account_export_pb2 as pb
from ratewright.v1 import account_service_pb2_grpc as stubs
from rating.errors import UserError, quoted
from server.cli.remote.calling import LONG_S
from server.client import values

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path

    from server.client import Connection

DOCUMENT: Final = "accounts.json"
_FORMATS: Final = {"csv": pb.StreamAccountExportRequest.FORMAT_CSV, "json": pb.StreamAccountExportRequest.FORMAT_JSON}


class AccountExports:
    """The call of AccountService that exports."""

    def __init__(self, service: Connection) -> None:
        self._service = service
        self._stub = stubs.AccountServiceStub(service.channel)

    def run(self, folder: Path, form: str) -> tuple[dict[str, int], dt.date | None]:
        """`accounts export`: rows by file, and the latest bill date. Files are written once all have come."""
        require_free(folder)
        asked = pb.StreamAccountExportRequest(format=_FORMATS[form])
        found = self._service.whole_stream(self._stub.StreamAccountExport, asked, deadline_s=LONG_S)
        names = {DOCUMENT} if form == "json" else {each.file for each in layouts.LAYOUTS}
        files: dict[str, list[bytes]] = {}
        for each in found:
            if each.HasField("piece"):
                _require_name(each.piece.file_name, names)
                files.setdefault(each.piece.file_name, []).append(each.piece.content)
        with access.users_mask():
            folder.mkdir(parents=True, exist_ok=True)
            for name, pieces in files.items():
                (folder / name).write_bytes(b"".join(pieces))
        summary = next((each.summary for each in found if each.HasField("summary")), pb.AccountExportSummary())
        billed = values.day(summary.billed_through_date) if summary.HasField("billed_through_date") else None
        return {each.name: each.row_count for each in summary.counts}, billed


def _require_name(name: str, names: set[str]) -> None:
    """Raises UserError for a file that no export has: it could lie elsewhere."""
    if name not in names:
        message = f"the service sends a file {quoted(name)}, which no export has"
        raise UserError(message, "see that this program and the service are of one version")
