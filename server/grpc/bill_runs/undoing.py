"""Calls of BillRunService that take a posted run back."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

import grpc

from billing.documents import undoing
from billing.persons import Who
from ratewright.v1 import bill_run_undo_pb2 as pb
from rating.errors import ProblemsError
from server.grpc import calls, convert
from server.grpc.bill_runs import names
from server.grpc.entrance import about
from server.grpc.oversight import second_person
from server.grpc.refusals import Refusal

if TYPE_CHECKING:
    from billing.documents.undoing import Undoing
    from billing.payments.writing import Act
    from server.grpc.calls import Door

DOCUMENTS_MAX: Final = 200_000  # of a run: all of them are in one answer

_MAY_UNDO: Final = functools.partial(second_person.require_role, nothing="no undoing of that run for those accounts")


class UndoingCalls:
    """UndoBillRun and WithdrawBillRunUndo over one home."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def UndoBillRun(self, request: pb.UndoBillRunRequest, context: grpc.ServicerContext) -> pb.BillRunUndo:
        """A run that an operator proposes to undo, or that is undone as another one agrees."""

        def act(by: Act) -> pb.BillRunUndo:
            run_id, home = self._parsed(request), self._door.home
            undoing.require_few(home, run_id, DOCUMENTS_MAX)
            accounts, who = _accounts(request), Who(by.by.name, by.by.uid, by.now_us)
            try:
                done = undoing.undo(home, run_id, request.reason, who, accounts=accounts, dry_run=by.dry_run, allow=_MAY_UNDO)
            except ProblemsError as error:
                raise _blocked(error) from error
            return self._message(done)

        return calls.write(self._door, request, context, pb.BillRunUndo, act, lambda seq: self._stored(request, seq))

    def WithdrawBillRunUndo(self, request: pb.WithdrawBillRunUndoRequest, context: grpc.ServicerContext) -> pb.BillRunUndo:
        """A proposal that is taken back."""

        def act(by: Act) -> pb.BillRunUndo:
            run_id, who = self._parsed(request), Who(by.by.name, by.by.uid, by.now_us)
            return self._message(undoing.withdraw(self._door.home, run_id, request.reason, who, accounts=_accounts(request)))

        return calls.write(self._door, request, context, pb.BillRunUndo, act, lambda seq: self._stored(request, seq))

    def _parsed(self, request: pb.UndoBillRunRequest | pb.WithdrawBillRunUndoRequest) -> int:
        run_id = names.parse_run_name(request.name)
        names.require_texts(request)
        about(f"bill run {run_id}")
        return run_id

    def _stored(self, request: pb.UndoBillRunRequest | pb.WithdrawBillRunUndoRequest, commit_seq: int) -> pb.BillRunUndo:
        return self._message(undoing.stored_by(self._door.home, commit_seq, names_accounts=bool(request.accounts)))

    def _message(self, done: Undoing) -> pb.BillRunUndo:
        return pb.BillRunUndo(
            bill_run=names.run_name(done.run_id),
            bill_date=convert.date(done.bill_date),
            state=done.state,
            account_count=done.accounts,
            other_count=done.others,
            documents=[
                pb.UndoneDocument(
                    number=each.number,
                    account=f"accounts/{each.account_id}",
                    date=convert.date(each.on_date),
                    net=convert.money(each.currency, each.net_micros),
                    tax=convert.money(each.currency, each.tax_micros),
                    total=convert.money(each.currency, each.total_micros),
                )
                for each in done.documents
            ],
            net=names.amounts(done.net_micros),
            tax=names.amounts(done.tax_micros),
            total=names.amounts(done.total_micros),
            freed=names.amounts(done.freed_micros),
            posting_count=done.postings,
            proposed_by=done.proposed_by,
            blockers=[
                pb.UndoBlocker(
                    accounts=[f"accounts/{name}" for name in each.account_ids],
                    document=each.document,
                    reason=each.reason,
                    remedy=each.remedy,
                )
                for each in done.blockers
            ],
            tried=done.dry_run,
            practice=self._door.home.is_practice,
        )


def _accounts(request: pb.UndoBillRunRequest | pb.WithdrawBillRunUndoRequest) -> frozenset[str] | None:
    found = names.parse_accounts(request.accounts)
    return None if found is None else frozenset(found)


def _blocked(error: ProblemsError) -> Refusal:
    places = [(each.path, f"{each.message}; {each.remedy}") for each in error.problems]
    told = {"remedy": "with validate_only the answer names all that is in the way; undo the run for other accounts alone"}
    message = f"something was built on documents of the run, in {len(places)} places"
    return Refusal(grpc.StatusCode.FAILED_PRECONDITION, "UNDO_BLOCKED", message, told, places)
