"""Accounts: one with all that is known of it, searches, changes one at a time, and imports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ratewright.v1 import account_change_pb2 as change_pb
from ratewright.v1 import account_import_pb2 as import_pb
from ratewright.v1 import account_service_pb2 as pb
from ratewright.v1 import account_service_pb2_grpc as grpc_stubs
from server.client import values

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Mapping

    from google.protobuf.message import Message

    from server.client.connection import Connection

PAGE_SIZE: Final = 1_000


class Accounts:
    """Reads and changes accounts; its operator has the role `operator`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._accounts = grpc_stubs.AccountServiceStub(connection.channel)

    def account(self, name: str, *, as_of: dt.date | None = None, full: bool = False) -> pb.Account:
        """One account (`accounts/anna`). With `full` also what is on no invoice yet, and what is left of its allowances."""
        view = pb.ACCOUNT_VIEW_FULL if full else pb.ACCOUNT_VIEW_STORED
        day = None if as_of is None else values.date(as_of)
        return self._connection.call(self._accounts.GetAccount, pb.GetAccountRequest(name=name, as_of=day, view=view))

    def accounts(self, *, number: str = "", limit: int | None = None) -> Iterator[pb.Account]:
        """Accounts by id, in pages as they are asked for; those that have or had a number, if one is given."""
        asked = pb.ListAccountsRequest(number=number, page_size=PAGE_SIZE)
        return self._connection.pages(self._accounts.ListAccounts, asked, "accounts", limit)

    def search(self, query: str, *, on: dt.date | None = None, names: bool = False) -> pb.SearchAccountsResponse:
        """Accounts by the beginning of an id, a subscription or a number; with `names` by any part of a name as well."""
        asked = pb.SearchAccountsRequest(query=query, date=None if on is None else values.date(on), search_names=names)
        return self._connection.call(self._accounts.SearchAccounts, asked)

    def change(self, name: str, *, request_id: str = "", validate_only: bool = False, **change: Message) -> change_pb.ChangeAccountResponse:
        """One change of an account, by its name in ChangeAccountRequest: `hold=HoldBills(...)`. With `validate_only` it is previewed."""
        fields: dict[str, Any] = {"name": name, "request_id": request_id, "validate_only": validate_only, **change}
        return self._connection.call(self._accounts.ChangeAccount, change_pb.ChangeAccountRequest(**fields))

    def import_files(
        self, files: Mapping[str, bytes], *, request_id: str = "", validate_only: bool = False
    ) -> import_pb.ImportAccountsResponse:
        """Import files by their names, all or nothing. With `validate_only` the answer has every mistake."""
        sent = [import_pb.AccountFile(file_name=name, content=content) for name, content in files.items()]
        asked = import_pb.ImportAccountsRequest(files=sent, request_id=request_id, validate_only=validate_only)
        return self._connection.call(self._accounts.ImportAccounts, asked)
