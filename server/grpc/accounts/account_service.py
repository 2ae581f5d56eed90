"""AccountService: accounts in pages, by number, and one with all that is known of it; their changes, and accounts that are imported."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from billing.accounts import entities, lookup, searching
from billing.accounts.recording import Asked
from billing.documents import enquiry
from billing.documents.allowances_left import allowances_left
from billing.enquiries.account import standing
from billing.payments.writing import Act
from ratewright.v1 import account_change_pb2, account_export_pb2, account_import_pb2, account_service_pb2_grpc
from ratewright.v1 import account_service_pb2 as pb
from rating.dates import local_date
from rating.errors import NotFoundError, UserError, as_shown
from server.actions import accounts
from server.grpc import calls, convert, entrance, paging
from server.grpc.accounts import account_changes, account_messages
from server.grpc.accounts.account_exports import AccountExports
from server.grpc.finance import values
from server.grpc.refusals import Refusal, answering, invalid, not_found

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    import grpc

    from billing.accounts.importing.whole import ImportReport
    from billing.accounts.recording import Done
    from server.grpc.calls import Door
    from server.grpc.spool import Spool

NUMBER_CHARACTERS_MAX: Final = 40


class AccountService(account_service_pb2_grpc.AccountServiceServicer):
    """Servicer of ratewright.v1.AccountService over one home."""

    def __init__(self, door: Door, page_token_key: bytes, spool: Spool) -> None:
        self._door, self._key, self._spool = door, page_token_key, spool
        self._exports = AccountExports(door.home, spool)

    def ListAccounts(self, request: pb.ListAccountsRequest, context: grpc.ServicerContext) -> pb.ListAccountsResponse:
        """One page, by id."""
        return calls.read(context, lambda: self._list(request))

    def GetAccount(self, request: pb.GetAccountRequest, context: grpc.ServicerContext) -> pb.Account:
        """One account, with all that is known of it."""
        return calls.read(context, lambda: self._get(request))

    def SearchAccounts(self, request: pb.SearchAccountsRequest, context: grpc.ServicerContext) -> pb.SearchAccountsResponse:
        """Accounts by id, subscription and number."""

        def find() -> pb.SearchAccountsResponse:
            values.require_texts(request)
            mask, size = entrance.mask(), paging.size(request)
            day = values.day_or_none(request, "date")
            found = searching.search(self._door.home, request.query, on=day, limit=size, names=request.search_names, whole=mask.hides)
            return pb.SearchAccountsResponse(
                matches=[account_messages.match(each, mask) for each in found.hits], more=found.more, whole=found.whole
            )

        return calls.read(context, find)

    def ChangeAccount(
        self, request: account_change_pb2.ChangeAccountRequest, context: grpc.ServicerContext
    ) -> account_change_pb2.ChangeAccountResponse:
        """One change of one account."""

        def act(by: Act) -> account_change_pb2.ChangeAccountResponse:
            to = account_changes.changing(self._door.home, Asked(by.by, by.now_us, by.dry_run), request)
            try:
                done = account_changes.change(to, request)
            except NotFoundError as error:
                if accounts.currency_of(self._door.home, to.account_id) is not None:  # then it is about something else
                    raise
                raise not_found("ACCOUNT_UNKNOWN", error.message, {"account": to.account_id, "remedy": error.remedy}) from error
            entrance.about_account(self._door.home, to.account_id)  # one that is opened was not there before
            return answer(done)

        def answer(done: Done) -> account_change_pb2.ChangeAccountResponse:
            return account_change_pb2.ChangeAccountResponse(
                effects=done.said, already_recorded=done.existed, commit_seq=done.commit_seq or 0
            )

        def recover(commit_seq: int) -> account_change_pb2.ChangeAccountResponse:
            return account_change_pb2.ChangeAccountResponse(commit_seq=commit_seq)

        return values.write(self._door, request, context, act, recover, account_change_pb2.ChangeAccountResponse, answer)

    def ImportAccounts(
        self, request: account_import_pb2.ImportAccountsRequest, context: grpc.ServicerContext
    ) -> account_import_pb2.ImportAccountsResponse:
        """Accounts with everything about them, as files."""

        def act(by: Act) -> account_import_pb2.ImportAccountsResponse:
            return self._imported(request, by)

        def recover(commit_seq: int) -> account_import_pb2.ImportAccountsResponse:
            again = self._imported(request, Act(calls.actor(), self._door.clock_us(), dry_run=True))
            again.commit_seq = commit_seq
            return again

        def answer(report: ImportReport) -> account_import_pb2.ImportAccountsResponse:
            return account_messages.imported(report, ())

        return calls.write(self._door, request, context, account_import_pb2.ImportAccountsResponse, act, recover, answer)

    def StreamAccountExport(
        self, request: account_export_pb2.StreamAccountExportRequest, context: grpc.ServicerContext
    ) -> Iterator[account_export_pb2.StreamAccountExportResponse]:
        """Everything about accounts, as files."""
        with contextlib.ExitStack() as stack:
            with answering(context), calls.translated():
                messages = stack.enter_context(self._exports.made(request))
            yield from messages

    def AddLegalEntity(
        self, request: account_import_pb2.AddLegalEntityRequest, context: grpc.ServicerContext
    ) -> account_import_pb2.LegalEntity:
        """An issuer of documents."""

        def act(by: Act) -> account_import_pb2.LegalEntity:
            return answer(entities.add(self._door.home, wanted(), Asked(by.by, by.now_us, by.dry_run)))

        def wanted() -> entities.Entity:
            asked = request.legal_entity
            entity = values.identity(asked.name, "legalEntities", "legal_entity")
            return entities.Entity(entity, asked.display_name, asked.invoice_prefix, asked.credit_prefix)

        def answer(done: Done) -> account_import_pb2.LegalEntity:
            return account_messages.added(wanted(), done)

        def recover(commit_seq: int) -> account_import_pb2.LegalEntity:
            again = act(Act(calls.actor(), self._door.clock_us(), dry_run=True))
            again.commit_seq = commit_seq
            return again

        return values.write(self._door, request, context, act, recover, account_import_pb2.LegalEntity, answer)

    def ListLegalEntities(
        self, _request: account_import_pb2.ListLegalEntitiesRequest, context: grpc.ServicerContext
    ) -> account_import_pb2.ListLegalEntitiesResponse:
        """Every issuer that was added."""

        def find() -> account_import_pb2.ListLegalEntitiesResponse:
            found = map(account_messages.entity, entities.list_all(self._door.home))
            return account_import_pb2.ListLegalEntitiesResponse(legal_entities=found)

        return calls.read(context, find)

    def _imported(self, request: account_import_pb2.ImportAccountsRequest, by: Act) -> account_import_pb2.ImportAccountsResponse:
        files = {each.file_name: each.content for each in request.files}
        if len(files) < len(request.files):
            raise invalid("MALFORMED_REQUEST", "files: two of them have one name", {"field": "files"})
        with self._spool.folder() as folder:
            return account_messages.imported(*accounts.import_sent(self._door.home, files, by, folder))

    def _list(self, request: pb.ListAccountsRequest) -> pb.ListAccountsResponse:
        number = _number(request.number)
        page = paging.page(request, self._key)
        found = lookup.page_of_accounts(self._door.home, page.after, page.limit, number=number or None)
        rows, token = page.parted(found, lambda each: each.account_id)
        mask = entrance.mask()
        total = 0 if number or request.page_token else lookup.count_accounts(self._door.home)
        shown = [account_messages.of_list(each, mask) for each in rows]
        return pb.ListAccountsResponse(accounts=shown, next_page_token=token, total_size=total)

    def _get(self, request: pb.GetAccountRequest) -> pb.Account:
        account_id = convert.parse_account_name(request.name)
        asked = convert.parse_date(request.as_of, "as_of") if request.HasField("as_of") else None
        through, language = values.day_or_none(request, "unbilled_through_date"), convert.parse_language(request.language_code)
        home, now_us = self._door.home, self._door.clock_us()
        entrance.about_account(home, account_id)
        try:
            zone = lookup.timezone_of(home, account_id)
        except NotFoundError as error:
            raise _unknown(account_id) from error
        day: dt.date = asked or local_date(now_us, zone)
        try:
            detail, money = lookup.show_account(home, account_id, day), standing(home, account_id, now_us)
        except UserError as error:
            raise calls.refusal_of(error) from error
        message = account_messages.whole(detail, money, entrance.mask(), practice=home.is_practice)
        message.open_items.extend(account_messages.open_items(home, account_id, detail.account.currency))
        if request.view in {pb.ACCOUNT_VIEW_FULL, pb.ACCOUNT_VIEW_UNBILLED}:
            found = enquiry.enquire(home, account_id, through, now_us, language)
            left = allowances_left(home, account_id, now_us) if request.view == pb.ACCOUNT_VIEW_FULL else ()
            message.unbilled.CopyFrom(account_messages.unbilled(found, left))
        return message


def _unknown(account_id: str) -> Refusal:
    told = {"account": account_id, "remedy": "`ratewright accounts list` shows all ids"}
    return not_found("ACCOUNT_UNKNOWN", f"no account has the id {as_shown(account_id)}", told)


def _number(text: str) -> str:
    if len(text) > NUMBER_CHARACTERS_MAX or not (text == "" or (text.isascii() and text.isprintable())) or " " in text:
        message = f"number is longer than {NUMBER_CHARACTERS_MAX} characters, or has other signs than a number"
        raise invalid("MALFORMED_REQUEST", message, {"field": "number"})
    return text
