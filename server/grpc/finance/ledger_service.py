"""LedgerService: balances, postings, a month for the books of finance, and the check of all of it; `ledger_acts` has the rest."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from billing.accounting import check, gl_export
from billing.ledger import listing
from ratewright.v1 import ledger_service_pb2 as pb
from server.actions import ledger
from server.grpc import calls, convert, paging
from server.grpc.finance import values
from server.grpc.finance.ledger_acts import LedgerActs
from server.grpc.refusals import answering, invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import grpc
    from google.type import money_pb2

    from billing.accounting.balances import Line
    from billing.ledger.listing import StoredPosting
    from billing.payments.writing import Act
    from billing.store.home import Home

PIECE_BYTES: Final = 1 << 20
_SEPARATOR: Final = "\x01"  # between the parts of a place in a list; sorts before every character of an id


class LedgerService(LedgerActs):
    """Servicer of ratewright.v1.LedgerService over one home. `page_token_key` signs the tokens of its pages."""

    def __init__(self, home: Home, clock_us: Callable[[], int], page_token_key: bytes) -> None:
        super().__init__(calls.Door(home, clock_us), page_token_key)

    def ListBalances(self, request: pb.ListBalancesRequest, context: grpc.ServicerContext) -> pb.ListBalancesResponse:
        """A page of the trial balance."""

        def find() -> pb.ListBalancesResponse:
            values.require_texts(request)
            page = paging.page(request, self._key)
            entity = request.legal_entity if request.HasField("legal_entity") else None
            through = values.day_or_none(request, "through_date")
            found = ledger.balances(self._home, entity, through, every_customer=request.every_customer)
            rows, token = page.parted([each for each in found if _place(each) > page.after][: page.limit], _place)
            return pb.ListBalancesResponse(balances=map(_balance, rows), next_page_token=token, practice=self._home.is_practice)

        return calls.read(context, find)

    def ListPostings(self, request: pb.ListPostingsRequest, context: grpc.ServicerContext) -> pb.ListPostingsResponse:
        """A page of postings."""

        def find() -> pb.ListPostingsResponse:
            page = paging.page(request, self._key)
            found = listing.list_postings(self._home, after=page.after, limit=page.limit)
            rows, token = page.parted(found, lambda each: each.posting_id)
            return pb.ListPostingsResponse(postings=map(_posting, rows), next_page_token=token)

        return calls.read(context, find)

    def ExportLedger(self, request: pb.ExportLedgerRequest, context: grpc.ServicerContext) -> pb.ExportLedgerResponse:
        """A month that goes to the books of finance."""

        def act(by: Act) -> pb.ExportLedgerResponse:
            name = request.file_name or f"{request.month}.csv"
            if not name.isprintable() or "/" in name:
                raise invalid("MALFORMED_REQUEST", "file_name: give the name of a file, without its folder", {"field": "file_name"})
            done = ledger.note_export(self._home, _mapping(request), request.month, request.legal_entity, name, by, detail=request.detail)
            return self._exported(done)

        def recover(commit_seq: int) -> pb.ExportLedgerResponse:
            return self._exported(gl_export.noted_by(self._home, _mapping(request), commit_seq, detail=request.detail))

        return values.write(self._door, request, context, act, recover, pb.ExportLedgerResponse)

    def StreamLedgerExport(
        self, request: pb.StreamLedgerExportRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.StreamLedgerExportResponse]:
        """The file of a month."""
        with answering(context), calls.translated():
            values.require_texts(request)
            entity, month = request.legal_entity, request.month
            content = ledger.export_file(self._home, _mapping(request), month, entity, detail=request.detail).content
        for first in range(0, len(content), PIECE_BYTES):
            yield pb.StreamLedgerExportResponse(content=content[first : first + PIECE_BYTES])

    def CheckLedger(self, _request: pb.CheckLedgerRequest, context: grpc.ServicerContext) -> pb.CheckLedgerResponse:
        """Everything computed again."""

        def find() -> pb.CheckLedgerResponse:
            found = check.check(self._home)
            checks = [pb.LedgerCheck(name=each.name, compared=each.compared, first_difference=each.first_difference) for each in found]
            return pb.CheckLedgerResponse(checks=checks)

        return calls.read(context, find)

    def _exported(self, done: gl_export.Export) -> pb.ExportLedgerResponse:
        return pb.ExportLedgerResponse(
            month=done.month,
            legal_entity=done.entity,
            rows=done.rows,
            debits=_sums(done.debit_micros),
            sha256=done.sha256,
            same_as_before=done.same_as_before,
            exported_before=done.exported_before,
            new_postings=done.new_postings,
            new_amounts=_sums(done.new_micros),
            practice=self._home.is_practice,
        )


def _sums(micros: Mapping[str, int]) -> list[money_pb2.Money]:
    return [convert.money(currency, amount) for currency, amount in sorted(micros.items())]


def _mapping(request: pb.ExportLedgerRequest | pb.StreamLedgerExportRequest) -> gl_export.Mapping:
    return gl_export.parse_mapping(request.mapping.encode(), PurePath("mapping"))


def _place(row: Line) -> str:
    """The place of an account in the trial balance, as it is sorted."""
    return _SEPARATOR.join((row.entity, row.currency, row.account))


def _balance(row: Line) -> pb.LedgerBalance:
    return pb.LedgerBalance(
        legal_entity=row.entity,
        account=row.account,
        debits=convert.money(row.currency, row.debit_micros),
        credits=convert.money(row.currency, row.credit_micros),
        balance=convert.money(row.currency, row.balance_micros),
    )


def _posting(row: StoredPosting) -> pb.Posting:
    return pb.Posting(
        posting_id=row.posting_id,
        document=row.document,
        line_no=row.line_no,
        leg=row.leg,
        debit_account=row.debit_account,
        credit_account=row.credit_account,
        amount=convert.money(row.currency, row.amount_micros),
        post_date=convert.date(row.posted_on),
        legal_entity=row.entity,
        commit_seq=row.commit_seq,
    )
