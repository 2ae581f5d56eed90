"""Postings for money that comes, goes back, is held apart or waits. Amounts are micro-units above zero.

Each kind with its debit account and its credit account (`against`):
    payment           cash (a till, suspense)   against receivable:<account>
    deposit           cash                      against deposits:<account>
    release           deposits:<account>        against receivable:<account>
    deposit_refund    deposits:<account>        against cash
    refund, reversal, chargeback   receivable:<account>   against cash (a till)
    chargeback_won    cash                      against receivable:<account>
    fee               bank_fees                 against cash
    unmatched         cash                      against suspense
    returned          suspense                  against cash
    bank_charge       bank_fees                 against cash
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from billing import ledger
from rating.dates import utc_date

if TYPE_CHECKING:
    from billing.payments.writing import Account

SUSPENSE: Final = "suspense"
BANK_FEES: Final = "bank_fees"
TILL: Final = "cash:"
FROM_BANK, FROM_DESK, FROM_SUSPENSE = "bank", "cash", "suspense"  # payments.channel
APPLIED, REFUNDED = "applied", "refunded"  # deposit_events.kind
WON: Final = "chargeback_won"
CHARGE: Final = "charge"  # bank_debits.kind


def money_account(channel: str | None, receipt: str | None) -> str:
    """The ledger account in which a payment lies: cash, or the till whose receipt it has."""
    if channel == FROM_DESK and receipt:
        return TILL + receipt.rpartition("-")[0]
    return ledger.CASH


def of_payment(  # noqa: PLR0913, PLR0917 -- the fields of a payment
    payment_id: str, account: Account, amount_micros: int, posted_on: str, channel: str | None = None, receipt: str | None = None
) -> ledger.Posting:
    """A payment settles what the customer owes. Out of the work list it comes from suspense, where it was put before."""
    debit = SUSPENSE if channel == FROM_SUSPENSE else money_account(channel, receipt)
    return _posting(payment_id, "payment", debit, ledger.receivable(account.account_id), (account, amount_micros, posted_on))


def posting_day(received_on: str, decided_us: int | None) -> str:
    """The date on which a payment is posted: when it came, or, out of the work list, when it was assigned to an account (UTC).

    Suspense was credited in the month it came in, which may be closed by then.
    """
    return received_on if decided_us is None else max(received_on, utc_date(decided_us).isoformat())


def of_event(  # noqa: PLR0913, PLR0917 -- the fields of an event
    reference: str, kind: str, account: Account, amount_micros: int, fee_micros: int, on_date: str, money: str = ledger.CASH
) -> list[ledger.Posting]:
    """Money that goes back to the payer, or comes again, and what the bank takes for it."""
    debit, credit = ledger.receivable(account.account_id), money
    if kind == WON:
        debit, credit = credit, debit
    made = [_posting(reference, kind, debit, credit, (account, amount_micros, on_date))]
    if fee_micros:
        made.append(_posting(reference, "fee", BANK_FEES, ledger.CASH, (account, fee_micros, on_date)))
    return made


def of_deposit(deposit_id: str, account: Account, amount_micros: int, received_on: str) -> ledger.Posting:
    """A deposit is owed to the customer, and settles nothing."""
    return _posting(deposit_id, "deposit", ledger.CASH, held(account.account_id), (account, amount_micros, received_on))


def of_deposit_event(reference: str, kind: str, account: Account, amount_micros: int, on_date: str) -> ledger.Posting:
    """A deposit is released to pay, or given back."""
    leg, credit = ("release", ledger.receivable(account.account_id)) if kind == APPLIED else ("deposit_refund", ledger.CASH)
    return _posting(reference, leg, held(account.account_id), credit, (account, amount_micros, on_date))


def of_unmatched(line_id: str, currency: str, amount_micros: int, received_on: str, entity: str) -> ledger.Posting:
    """Money without a known owner, in the books of the entity whose bank account it came into."""
    return ledger.Posting(
        document=line_id,
        line_no=0,
        leg="unmatched",
        debit_account=ledger.CASH,
        credit_account=SUSPENSE,
        currency=currency,
        amount_micros=amount_micros,
        posted_on=received_on,
        entity=entity,
    )


def of_returned(line_id: str, currency: str, amount_micros: int, on_date: str, entity: str) -> ledger.Posting:
    """Such money goes back to where it came from."""
    return ledger.Posting(
        document=line_id,
        line_no=0,
        leg="returned",
        debit_account=SUSPENSE,
        credit_account=ledger.CASH,
        currency=currency,
        amount_micros=amount_micros,
        posted_on=on_date,
        entity=entity,
    )


def of_bank_charge(line_id: str, currency: str, amount_micros: int, on_date: str, entity: str) -> ledger.Posting:
    """The bank takes something for itself, in the books of the entity whose bank account it is."""
    return ledger.Posting(
        document=line_id,
        line_no=0,
        leg="bank_charge",
        debit_account=BANK_FEES,
        credit_account=ledger.CASH,
        currency=currency,
        amount_micros=amount_micros,
        posted_on=on_date,
        entity=entity,
    )


def held(account_id: str) -> str:
    """The ledger account of a customer's deposits."""
    return f"deposits:{account_id}"


def _posting(document: str, leg: str, debit: str, credit: str, amount: tuple[Account, int, str]) -> ledger.Posting:
    account, amount_micros, posted_on = amount
    made = ledger.posting(
        document,
        0,
        leg,
        debit=debit,
        credit=credit,
        currency=account.currency,
        signed_micros=amount_micros,
        posted_on=posted_on,
        entity=account.entity,
    )
    assert made is not None, document
    return made
