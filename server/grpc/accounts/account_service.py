"""AccountService: accounts in pages, by number, and one with all that is known of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from billing.accounts import lookup
from billing.enquiries.account import standing
from ratewright.v1 import account_service_pb2 as pb
from ratewright.v1 import account_service_pb2_grpc
from rating.dates import local_date
from rating.errors import NotFoundError, UserError, quoted
from server.grpc import calls, convert, entrance, paging
from server.grpc.accounts import account_messages
from server.grpc.refusals import invalid, not_found

if TYPE_CHECKING:
    import datetime as dt

    import grpc

    from server.grpc.calls import Door

NUMBER_CHARACTERS_MAX: Final = 40


class AccountService(account_service_pb2_grpc.AccountServiceServicer):
    """Servicer of ratewright.v1.AccountService over one home."""

    def __init__(self, door: Door, page_token_key: bytes) -> None:
        self._door, self._key = door, page_token_key

    def ListAccounts(self, request: pb.ListAccountsRequest, context: grpc.ServicerContext) -> pb.ListAccountsResponse:
        """One page, by id."""
        return calls.read(context, lambda: self._list(request))

    def GetAccount(self, request: pb.GetAccountRequest, context: grpc.ServicerContext) -> pb.Account:
        """One account, with all that is known of it."""
        return calls.read(context, lambda: self._get(request))

    def _list(self, request: pb.ListAccountsRequest) -> pb.ListAccountsResponse:
        number = _number(request.number)
        page = paging.page(request, self._key)
        found = lookup.page_of_accounts(self._door.home, page.after, page.limit, number=number or None)
        rows, token = page.parted(found, lambda each: each.account_id)
        mask = entrance.mask()
        return pb.ListAccountsResponse(accounts=[account_messages.of_list(each, mask) for each in rows], next_page_token=token)

    def _get(self, request: pb.GetAccountRequest) -> pb.Account:
        account_id = convert.parse_account_name(request.name)
        asked = convert.parse_date(request.as_of, "as_of") if request.HasField("as_of") else None
        home, now_us = self._door.home, self._door.clock_us()
        entrance.about_account(home, account_id)
        try:
            zone = lookup.timezone_of(home, account_id)
        except NotFoundError as error:
            message = f"no account has the id {quoted(account_id)}"
            raise not_found("ACCOUNT_UNKNOWN", message, {"account": account_id}) from error
        day: dt.date = asked or local_date(now_us, zone)
        try:
            detail, money = lookup.show_account(home, account_id, day), standing(home, account_id, now_us)
        except UserError as error:
            raise calls.refusal_of(error) from error
        return account_messages.whole(detail, money, entrance.mask())


def _number(text: str) -> str:
    if len(text) > NUMBER_CHARACTERS_MAX or not (text == "" or (text.isascii() and text.isprintable())) or " " in text:
        message = f"number is longer than {NUMBER_CHARACTERS_MAX} characters, or has other signs than a number"
        raise invalid("MALFORMED_REQUEST", message, {"field": "number"})
    return text
