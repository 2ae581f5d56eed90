"""A home for cases that need one: documents, payments and refunds of a customer each, in the product's own books.

`at_hand()` opens no home before the first case asks for it, and throws it away at the end.
"""

from __future__ import annotations

import contextlib
import itertools
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import sqlalchemy as sa

from billing import accounts, allocations, ledger
from billing.accounting import balances
from billing.documents import voiding
from billing.ledger.closed_months import Who
from billing.payments import giving_back
from billing.payments.giving_back import Back
from billing.store import tables
from rating.errors import UserError
from tests.billing.payments.desk import ANA, Desk, day
from tests.vectors.billing.form import units

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from billing.allocations import OpenItem

CURRENCY: Final = "EUR"
PAID_ON, BACK_ON = "02-10", "02-20"
_ACCOUNTS: Final = "account_id,name,currency,timezone,bill_day,language,opened_on,billed_through,dunning_policy,payment_days"
_numbers = itertools.count(1)
_open: list[Desk] = []
_folders: list[Path] = []


class Books(NamedTuple):
    """What the books say of a customer: owed less paid, and what settles nothing yet."""

    balance: Fraction
    credit: Fraction


class Customer:
    """One case's customer; every name of a document or payment is the case's own."""

    def __init__(self, name: str) -> None:
        self._desk = _desk()
        self._name = f"{name}-{next(_numbers)}"  # two files may have cases of one id
        self._desk.account(self._name, CURRENCY)
        self._documents = 0

    def document(self, amount: Fraction, *, charge: int = 0) -> str:
        """An invoice, or with an amount below zero a credit; its number. Documents with a line of one `charge` correct each other."""
        self._documents += 1
        number = f"{self._name}-{self._documents}"
        if amount:
            self._desk.invoice(number, amount, account_id=self._name)
        if amount and charge:
            self._desk.line(number, 1, charge, amount)
        return number

    def void(self, number: str) -> None:
        """Void a document, as a person does. Raises UserError for what is in the way."""
        voiding.void(self._desk.home, number, "wrong", Who(ANA.name, ANA.uid, self._desk.act.now_us), on=day(BACK_ON))

    def credit_notes(self) -> int:
        """The number of credit notes of this customer."""
        with self._desk.home.connect() as connection:
            row = tables.invoices.c
            query = sa.select(sa.func.count()).where(row.account_key == self._desk._account_key(connection, self._name))  # noqa: SLF001 -- the desk it stands on
            return int(connection.execute(query.where(row.document_type == "credit_note")).scalar_one())

    def pay(self, amount: Fraction) -> str:
        """A payment; its id."""
        self._documents += 1
        payment = f"{self._name}-P{self._documents}"
        self._desk.pay(payment, amount, PAID_ON, self._name)
        return payment

    def refund(self, payment: str, amount: Fraction | None) -> Fraction:
        """Give back so much of a payment, or all that there is. Raises UserError for more than there is."""
        self._documents += 1
        told = None if amount is None else int(amount * 10**6)
        back = Back(f"{self._name}-B{self._documents}", giving_back.REFUND, day(BACK_ON), payment, None, told)
        return units(giving_back.give_back(self._desk.home, back, self._desk.act).amount_micros)

    def books(self) -> Books:
        """What the ledger says, and what is left of payments and documents. Both tell the same story."""
        with self._desk.home.connect() as connection:
            lines = balances.trial_balance(connection, every_customer=True)
            key = self._desk._account_key(connection, self._name)  # noqa: SLF001 -- the desk of the tests
            left = sum(each.left_micros for each in allocations.unallocated(connection, [key]))
            items = [each.open_micros for each in allocations.open_items(connection, [key])]
        balance = sum(each.balance_micros for each in lines if each.account == ledger.receivable(self._name))
        assert balance == sum(items) - left, "what is open less what is left is the balance of the ledger"
        return Books(units(balance), units(left - sum(each for each in items if each < 0)))

    def open_items(self) -> list[OpenItem]:
        """Documents that are not settled."""
        with self._desk.home.connect() as connection:
            key = self._desk._account_key(connection, self._name)  # noqa: SLF001 -- the desk of the tests
            return list(allocations.open_items(connection, [key]))

    def open_of(self, number: str) -> Fraction:
        """What is open of a document."""
        return units(sum(each.open_micros for each in self.open_items() if each.number == number))


@contextlib.contextmanager
def at_hand() -> Iterator[None]:
    """Cases may ask for a home."""
    with tempfile.TemporaryDirectory() as folder:
        _folders.append(Path(folder))
        try:
            yield
        finally:
            while _open:
                _open.pop().home.close()
            _folders.pop()


def home() -> Desk:
    """The home, made when it is first asked for."""
    return _desk()


def refuses_subscription(start: dt.date, end: dt.date) -> bool:
    """Whether the import of a subscription with these dates is refused for them."""
    folder = Path(tempfile.mkdtemp(dir=_folders[-1]))
    (folder / "accounts.csv").write_text(f"{_ACCOUNTS}\nD-1,Dated,EUR,UTC,1,en,{min(start, end)},,standard,14\n")
    (folder / "subscriptions.csv").write_text(f"subscription_id,account_id,plan,from_date,to_date\nD-1-1,D-1,x/y,{start},{end}\n")
    (folder / "numbers.csv").write_text("served_id,subscription_id,from,to\n")
    desk = _desk()
    try:
        accounts.import_files(desk.home, folder, desk.act.now_us)
    except UserError as error:
        return f"to_date {end} is not after from_date {start}" in "\n".join(error.lines())
    return False


def _desk() -> Desk:
    assert _folders, "cases are judged within at_hand()"
    if not _open:
        _open.append(Desk(_folders[-1] / "home"))
    return _open[0]
