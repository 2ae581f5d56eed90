"""Imports of accounts by a service: `ratewright accounts import --server`. The files are read here, and sent."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from billing.accounts import layouts
from billing.accounts.importing.sheet_files import read_folder
from billing.accounts.importing.sheets import Mistakes
from billing.accounts.importing.step import Count
from billing.accounts.importing.whole import ImportReport, files_of
from ratewright.v1 import account_import_pb2 as pb
from ratewright.v1 import account_service_pb2_grpc as stubs
from rating import definition_file
from rating.errors import Problem, ProblemsError, UserError
from server.cli.remote.calling import LONG_S
from server.client import CallError

if TYPE_CHECKING:
    from pathlib import Path

    from server.client import Connection

_SENT_BYTES_MAX: Final = 8 << 20  # of all files, as a message holds them


class AccountImports:
    """The call of AccountService that imports."""

    def __init__(self, service: Connection) -> None:
        self._service = service
        self._stub = stubs.AccountServiceStub(service.channel)

    def run(self, source: Path, *, dry_run: bool) -> ImportReport:
        """`accounts import`. Raises ProblemsError with every mistake: a refusal names a few, so a refused import is tried once more."""
        asked = pb.ImportAccountsRequest(files=_files(source), validate_only=dry_run)
        try:
            answer = self._service.call(self._stub.ImportAccounts, asked, deadline_s=LONG_S)
        except CallError as error:
            if error.places and not dry_run:
                asked.validate_only = True
                _raise_for(self._service.call(self._stub.ImportAccounts, asked, deadline_s=LONG_S))
            raise
        _raise_for(answer)
        return _imported(answer)


def _files(source: Path) -> list[pb.AccountFile]:
    """The files of an import. Raises ProblemsError for a folder without any, and UserError for more than a message holds."""
    paths = [each for each in files_of(source) if each.exists()]
    if not paths:
        mistakes = Mistakes()
        read_folder(source, layouts.LAYOUTS, mistakes, lambda _: None)
        raise ProblemsError(mistakes.in_order())
    files = [pb.AccountFile(file_name=each.name, content=_content(each)) for each in paths]
    if sum(len(each.content) for each in files) > _SENT_BYTES_MAX:
        what = f"{source} has more than the {_SENT_BYTES_MAX:,} bytes that a service takes"
        raise UserError(what, "import it in parts, or give the command on the machine that holds the home")
    return files


def _content(path: Path) -> bytes:
    with definition_file.opened(path) as file:
        return file.read(_SENT_BYTES_MAX + 1)


def _imported(answer: pb.ImportAccountsResponse) -> ImportReport:
    counts = {each.kind: Count(each.added_count, each.known_count, each.ended_count) for each in answer.counts}
    accounts, subscriptions, numbers = (counts.pop(name) for name in ("accounts", "subscriptions", "numbers"))
    return ImportReport(
        accounts_added=accounts.added,
        accounts_known=accounts.known,
        subscriptions_added=subscriptions.added,
        subscriptions_known=subscriptions.known,
        numbers_added=numbers.added,
        numbers_known=numbers.known,
        commit_seq=answer.commit_seq or None,
        subscriptions_ended=subscriptions.ended,
        numbers_ended=numbers.ended,
        moved_ends=tuple(answer.moved_ends),
        **counts,
    )


def _raise_for(answer: pb.ImportAccountsResponse) -> None:
    """Raises ProblemsError for the mistakes of an import that was tried."""
    found = [Problem(each.file_name, each.place, each.message, each.remedy) for each in answer.problems]
    if answer.problem_count > len(found):
        print(f"the service shows the first {len(found):,} of {answer.problem_count:,} mistakes", file=sys.stderr)
    if found:
        raise ProblemsError(found)
