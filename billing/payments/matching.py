"""Assignment of a bank line to an account, by the numbers of invoices and ids of accounts that its reference names. Pure.

An invoice number decides before an account's id; both must name the same account. Some lines wait in the work list with the reason: the
reference names nothing known or more than one account, or the money is in another currency or another legal entity's bank account.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from billing.payments import patterns
from billing.payments.writing import Account

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from collections.abc import Mapping as Map

    from billing.payments.bank_file import BankLine
    from billing.payments.mapping import Match

MATCHED: Final = "matched"
NO_REFERENCE: Final = "no_reference"
UNKNOWN_REFERENCE: Final = "unknown_reference"
SEVERAL_ACCOUNTS: Final = "several_accounts"
OTHER_CURRENCY: Final = "other_currency"
OTHER_ENTITY: Final = "other_entity"
WRONG_REFERENCE: Final = "wrong_reference"
WHOLE_BATCH: Final = "whole_batch"
RETURNED_DEBIT: Final = "returned_debit"
REASONS: Final = {
    NO_REFERENCE: "names neither an invoice nor an account",
    UNKNOWN_REFERENCE: "names an invoice or account that does not exist",
    SEVERAL_ACCOUNTS: "names more than one account",
    OTHER_CURRENCY: "is in another currency than the account",
    OTHER_ENTITY: "came into the bank account of another legal entity than the account's",
    WRONG_REFERENCE: "has a structured reference with wrong check digits",
    WHOLE_BATCH: "is a batch whose payments the bank does not list",
    RETURNED_DEBIT: "is money of ours that came back",
}


class Named(NamedTuple):
    """Invoice numbers and account ids that a reference names, in its order, each once."""

    numbers: tuple[str, ...]
    account_ids: tuple[str, ...]


class Matched(NamedTuple):
    """Result for a line: an account and the invoices named, or the reason why there is none."""

    state: str
    account: Account | None = None
    numbers: tuple[str, ...] = ()


def named_in(references: Sequence[str], match: Match) -> list[Named]:
    """Texts that the patterns of a mapping find in each reference, compared without regard to case and spaces."""
    invoices, accounts = _found(match.invoice, references), _found(match.account, references)
    return [Named(*each) for each in zip(invoices, accounts, strict=True)]


def matched(
    named: Named, line: BankLine, invoices: Map[str, tuple[str, Account]], accounts: Map[str, Account], entity: str = ""
) -> Matched:
    """The account of a line. `invoices`: number and account of every invoice, `accounts` likewise; both by their upper case.

    `entity`: the legal entity whose bank account the money came into.
    """
    if not named.numbers and not named.account_ids:
        return Matched(NO_REFERENCE)
    found = [invoices[number.upper()] for number in named.numbers if number.upper() in invoices]
    numbers = [number for number, _ in found]
    owners = {account for _, account in found} | {accounts[each.upper()] for each in named.account_ids if each.upper() in accounts}
    if not owners or len(numbers) < len(named.numbers):
        return Matched(UNKNOWN_REFERENCE)
    if len(owners) > 1:
        return Matched(SEVERAL_ACCOUNTS)
    (account,) = owners
    if account.currency != line.currency:
        return Matched(OTHER_CURRENCY)
    if account.entity != entity:
        return Matched(OTHER_ENTITY)
    return Matched(MATCHED, account, tuple(numbers))


def spellings(texts: Iterable[str]) -> list[str]:
    """Spellings to look up for texts that payers write with any case."""
    return sorted({spelled for text in texts for spelled in (text, text.upper(), text.lower())})


def _found(pattern: str, references: Sequence[str]) -> list[tuple[str, ...]]:
    if not pattern:
        return [()] * len(references)
    return [_distinct(each or ()) for each in patterns.found(pattern, references)]


def _distinct(found: Iterable[str]) -> tuple[str, ...]:
    texts = ("".join(each.split()) for each in found if each)
    return tuple({text.upper(): text for text in texts}.values())
