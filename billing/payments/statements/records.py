"""Records that every format of a bank file is decoded to: a statement, its entries, their transactions, and its end with its totals.

A decoder yields them in this order: Statement, then for each entry Entry, its Transactions and EntryEnd, then StatementEnd. Amounts are
micro-units and never below zero: `is_credit` has the sign, and a credit is money that comes into the account.
"""

from __future__ import annotations

import datetime as dt
import enum
from typing import Final, NamedTuple

from rating.errors import Problem, ProblemsError

PROBLEMS_MAX: Final = 100
REMEDY: Final = "fetch the file again, or ask the bank; nothing of it was taken"


class Kind(enum.StrEnum):
    """Kind of a message: a statement has balances and is whole, a notification tells single entries."""

    STATEMENT = "statement"
    NOTIFICATION = "notification"


class ReferenceKind(enum.StrEnum):
    """Kind of a structured reference."""

    RF = "rf"  # ISO 11649
    SCOR = "scor"  # reference of the creditor that is not ISO 11649
    NATIONAL = "national"  # a scheme of one country, such as QRR (Switzerland) or KID (Norway)
    DOCUMENT = "document"  # number of a document that the payer names


class Reference(NamedTuple):
    """A structured reference. `scheme`: the name that the bank gives it, such as QRR."""

    kind: ReferenceKind
    text: str
    scheme: str = ""


class Statement(NamedTuple):
    """The head of a statement. `account` and `statement_id` as the bank writes them; `number` None: it has none."""

    line_no: int
    kind: Kind
    account: str
    statement_id: str
    number: int | None = None
    page: int = 1
    currency: str = ""
    is_copy: bool = False  # the bank says that it sent it before


class Entry(NamedTuple):
    """One booking of the account. `reference`: the bank's own id of it, empty where it gives none. `code`: kind of transaction."""

    line_no: int
    number: int  # in its statement, from 1
    amount_micros: int
    currency: str
    is_credit: bool
    booked_on: dt.date
    value_on: dt.date | None = None
    reference: str = ""
    is_reversal: bool = False
    is_booked: bool = True
    code: str = ""
    batch_count: int | None = None  # transactions that the bank says it has


class Transaction(NamedTuple):
    """One payment within an entry. `amount_micros`: what was booked of it; `charge_micros`: what the bank took of it in the same booking.

    Of a credit the payer sent `amount + charge`; of a debit `amount - charge` left for its purpose.
    """

    amount_micros: int
    currency: str
    is_credit: bool
    charge_micros: int = 0
    reference: str = ""  # of the bank
    end_to_end_id: str = ""
    mandate_id: str = ""
    reason_code: str = ""  # of a return, such as AC04
    references: tuple[Reference, ...] = ()
    text: str = ""
    party: str = ""  # who paid, or was paid
    party_account: str = ""
    is_whole_batch: bool = False  # it stands for several payments that the bank does not list


class EntryEnd(NamedTuple):
    """The end of an entry. `charge_micros`: what the bank took of the whole entry, beside the charges of its transactions."""

    charge_micros: int = 0


class Balance(NamedTuple):
    """A balance at a day; below zero: overdrawn."""

    micros: int
    on: dt.date


class StatedTotal(NamedTuple):
    """A total that a bank states: a number of entries, their sum, or both. `side`: all, credit, debit or net."""

    line_no: int
    side: str
    entries: int | None = None
    sum_micros: int | None = None


class StatementEnd(NamedTuple):
    """The end of a statement, with its balances (None: it has none) and the totals that the bank states."""

    line_no: int
    opening: Balance | None = None
    closing: Balance | None = None
    told: tuple[StatedTotal, ...] = ()


Record = Statement | Entry | Transaction | EntryEnd | StatementEnd


class Problems:
    """Mistakes of a file, listed together. It stops the reading when there are PROBLEMS_MAX."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.found: list[Problem] = []

    def add(self, line_no: int, message: str, remedy: str = REMEDY) -> None:
        """Note a mistake. Raises ProblemsError where there are too many."""
        self.found.append(Problem(self.file, f"line {line_no}", message, remedy))
        if len(self.found) >= PROBLEMS_MAX:
            raise ProblemsError(self.found)

    def stop(self, line_no: int, message: str, remedy: str = REMEDY) -> ProblemsError:
        """The error for a mistake behind which nothing can be read, with all that were noted before."""
        return ProblemsError([*self.found, Problem(self.file, f"line {line_no}", message, remedy)])

    def close(self) -> None:
        """Raises ProblemsError where mistakes were noted."""
        if self.found:
            raise ProblemsError(self.found)


class WrongError(Exception):
    """A mistake of one entry, and the remedy: it is listed, and the entry passed over."""

    def __init__(self, message: str, remedy: str = REMEDY) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
