"""Totals of statements held against their entries: balances, summaries, counts. A file with one that disagrees is refused whole.

Entries that are not booked yet (pending, for information) count in no balance and are left out; `Summary` says how many there were.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from stdnum import iban

from billing.payments.statements.records import Balance, Entry, EntryEnd, Kind, StatedTotal, Statement, StatementEnd, Transaction
from billing.store.sums import STORED_MAX
from rating.money import format_micros

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from billing.payments.statements.records import Problems, Record

TEXT_MAX: Final = 140  # an account, an id of a statement: more is no id
_IBAN_START: Final = 4


class Summary(NamedTuple):
    """The end of a statement that adds up. Sums are micro-units in `currency`; `lines`: transactions that were booked."""

    statement: Statement
    currency: str
    opening: Balance | None
    closing: Balance | None
    entries: int
    lines: int
    credit_micros: int
    debit_micros: int
    pending: int
    is_referenced: bool  # each entry has a reference of the bank

    @property
    def net_micros(self) -> int:
        """Credits less debits."""
        return self.credit_micros - self.debit_micros


class _Sums:
    """Entries of one statement so far: those that are booked, and all."""

    def __init__(self, statement: Statement) -> None:
        self.statement = statement
        self.currency = statement.currency
        self.entries = self.lines = self.pending = self.credits = self.debits = 0
        self.pending_credits = 0
        self.credit_micros = self.debit_micros = 0
        self.pending_credit_micros = self.pending_debit_micros = 0
        self.is_referenced = True

    def add(self, entry: Entry) -> None:
        """Count an entry."""
        if entry.is_booked:
            self.entries += 1
            self.is_referenced &= bool(entry.reference)
            if entry.is_credit:
                self.credits += 1
                self.credit_micros += entry.amount_micros
            else:
                self.debits += 1
                self.debit_micros += entry.amount_micros
            return
        self.pending += 1
        if entry.is_credit:
            self.pending_credits += 1
            self.pending_credit_micros += entry.amount_micros
        else:
            self.pending_debit_micros += entry.amount_micros

    def found(self, side: str, *, with_pending: bool) -> tuple[int, int]:
        """Number and sum of entries of a side."""
        more = with_pending
        credit = self.credit_micros + more * self.pending_credit_micros
        debit = self.debit_micros + more * self.pending_debit_micros
        credits_ = self.credits + more * self.pending_credits
        debits = self.debits + more * (self.pending - self.pending_credits)
        sides = {
            "all": (credits_ + debits, credit + debit),
            "net": (credits_ + debits, credit - debit),
            "credit": (credits_, credit),
            "debit": (debits, debit),
        }
        return sides[side]


def checked(records: Iterable[Record], problems: Problems) -> Iterator[Statement | Entry | Transaction | EntryEnd | Summary]:
    """Records of booked entries, each statement with its Summary at its end. What disagrees is noted in `problems`."""
    sums: _Sums | None = None
    is_passed_over = False
    for record in records:
        if isinstance(record, Statement):
            sums = _Sums(record)
            _check_head(record, problems)
            yield record
            continue
        assert sums is not None, record
        if isinstance(record, Entry):
            sums.add(record)
            is_passed_over = not record.is_booked
            _check_currency(sums, record, problems)
        if isinstance(record, StatementEnd):
            _check_end(sums, record, problems)
            yield _summary(sums, record)
        elif not is_passed_over and not (isinstance(record, Transaction) and _is_nothing(record)):
            sums.lines += isinstance(record, Transaction)
            yield record


def _is_nothing(transaction: Transaction) -> bool:
    """Return whether no money moved: banks list interest of 0.00 at the end of a quarter."""
    return transaction.amount_micros == transaction.charge_micros == 0


def _summary(sums: _Sums, end: StatementEnd) -> Summary:
    return Summary(
        sums.statement, sums.currency, end.opening, end.closing, sums.entries, sums.lines, sums.credit_micros, sums.debit_micros,
        sums.pending, sums.is_referenced,
    )  # fmt: skip


def _check_head(statement: Statement, problems: Problems) -> None:
    account = "".join(statement.account.split())
    if not account or len(account) > TEXT_MAX or not account.isprintable():
        problems.add(statement.line_no, f"the statement names no account: {statement.account!r}")
    elif account[:2].isalpha() and account[2:_IBAN_START].isdecimal() and not iban.is_valid(account):
        problems.add(statement.line_no, f"{account} is not an IBAN: its check digits or its form are wrong")
    identity = statement.statement_id
    if (not identity and statement.number is None) or len(identity) > TEXT_MAX or not identity.isprintable():
        problems.add(statement.line_no, f"the statement has neither id nor number: {identity!r}")


def _check_currency(sums: _Sums, entry: Entry, problems: Problems) -> None:
    sums.currency = sums.currency or entry.currency
    if entry.currency != sums.currency:
        problems.add(entry.line_no, f"entry {entry.number} is in {entry.currency}, the account in {sums.currency}")


def _check_end(sums: _Sums, end: StatementEnd, problems: Problems) -> None:
    """Note what disagrees: balances, then every total that the bank states."""
    line_no = sums.statement.line_no
    if max(sums.credit_micros, sums.debit_micros) > STORED_MAX:
        problems.add(line_no, f"its entries come to more than {format_micros(STORED_MAX)}", "ask the bank for smaller files")
    if sums.statement.kind is Kind.STATEMENT:
        _check_balances(sums, end, problems)
    for told in end.told:
        _check_told(sums, told, problems)


def _check_balances(sums: _Sums, end: StatementEnd, problems: Problems) -> None:
    if end.opening is None or end.closing is None:
        which = "opening" if end.opening is None else "closing"
        problems.add(sums.statement.line_no, f"it has no {which} balance: nothing shows that it is whole")
        return
    wanted = end.opening.micros + sums.credit_micros - sums.debit_micros
    if wanted != end.closing.micros:
        problems.add(
            sums.statement.line_no,
            f"the opening balance {format_micros(end.opening.micros)} and {sums.entries} entries come to {format_micros(wanted)}, "
            f"the closing balance is {format_micros(end.closing.micros)}",
        )


def _check_told(sums: _Sums, told: StatedTotal, problems: Problems) -> None:
    """Totals of banks count what is booked, or pending entries as well."""
    booked = sums.found(told.side, with_pending=False)
    if any(_agrees(told, sums.found(told.side, with_pending=more)) for more in (False, True)):
        return
    if told.entries is not None and told.entries != booked[0]:
        problems.add(told.line_no, f"its summary ({told.side}) says {told.entries} entries, it holds {booked[0]}")
    if told.sum_micros is not None and told.sum_micros != booked[1]:
        said, held = format_micros(told.sum_micros), format_micros(booked[1])
        problems.add(told.line_no, f"its summary ({told.side}) says a sum of {said}, its entries come to {held}")


def _agrees(told: StatedTotal, found: tuple[int, int]) -> bool:
    return told.entries in {None, found[0]} and told.sum_micros in {None, found[1]}
