"""Accounts as files, in pieces: they are made in a folder of the spool, and sent from there."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Final

import grpc

from billing.accounts import exporting
from ratewright.v1 import account_export_pb2 as pb
from server.grpc import convert
from server.grpc.admission import AGAIN_S
from server.grpc.refusals import Refusal, invalid

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from billing.store.home import Home
    from server.grpc.spool import Spool

PIECE_BYTES: Final = 1 << 20
WAIT_S: Final = 10.0  # for the export of another caller: making one takes memory for all accounts
_FORMS: Final = {
    pb.StreamAccountExportRequest.FORMAT_UNSPECIFIED: "csv",
    pb.StreamAccountExportRequest.FORMAT_CSV: "csv",
    pb.StreamAccountExportRequest.FORMAT_JSON: "json",
}


class AccountExports:
    """Exports of one home. One is made at a time."""

    def __init__(self, home: Home, spool: Spool) -> None:
        self._home, self._spool = home, spool
        self._making = threading.Lock()

    @contextlib.contextmanager
    def made(self, request: pb.StreamAccountExportRequest) -> Iterator[Iterator[pb.StreamAccountExportResponse]]:
        """The messages of an export, whose files are there as long as the block lasts."""
        form = _FORMS.get(request.format)
        if form is None:
            raise invalid("MALFORMED_REQUEST", "format: is not one of an export", {"field": "format"})
        with self._spool.folder() as spool:
            folder = spool / "export"
            counts, billed = self._written(folder, form)
            summary = pb.AccountExportSummary(
                counts=[pb.AccountExportCount(name=name, row_count=rows) for name, rows in counts.items()],
                billed_through_date=None if billed is None else convert.date(billed),
            )
            yield _messages(summary, folder)

    def _written(self, folder: Path, form: str) -> exporting.Exported:
        if not self._making.acquire(timeout=WAIT_S):
            message = "another export of accounts is being made; try again later"
            raise Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "EXPORTS_EXHAUSTED", message, retry_after_s=AGAIN_S)
        try:
            return exporting.write_files(self._home, folder, form)
        finally:
            self._making.release()


def _messages(summary: pb.AccountExportSummary, folder: Path) -> Iterator[pb.StreamAccountExportResponse]:
    yield pb.StreamAccountExportResponse(summary=summary)
    for path in sorted(folder.iterdir()):
        with path.open("rb") as file:
            while content := file.read(PIECE_BYTES):
                yield pb.StreamAccountExportResponse(piece=pb.AccountExportPiece(file_name=path.name, content=content))
