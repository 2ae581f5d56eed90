"""The account that a booking belongs to: structured references first, then the patterns for free text of `billing.payments.matching`.

A reference names an invoice where its body is the number without dashes: `R0000000004` or `R4` for R-0000000004. A body of digits alone is
the counter behind the prefix of the legal entity whose bank account it is. It names an account where it is the id. One whose check digits
are wrong names nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

import sqlalchemy as sa

from billing.accounts import entities
from billing.payments import importing, matching
from billing.payments.bank_file import BankLine
from billing.payments.mapping import Match
from billing.payments.statements import references
from billing.payments.statements.records import Reference, ReferenceKind, Transaction
from billing.store import tables

if TYPE_CHECKING:
    from collections.abc import Mapping as Map
    from collections.abc import Sequence

    from billing.payments.writing import Account

NUMBER_DIGITS: Final = 10


class Series(NamedTuple):
    """Prefixes of invoices (and of opening items) of a legal entity."""

    entity: str
    prefixes: tuple[str, ...]


class CreditToMatch(NamedTuple):
    """A booking to match: its line, its transaction, and the entity whose bank account it came into. `verdict`: why it is not matched."""

    line: BankLine
    transaction: Transaction
    entity: str
    verdict: str = ""


def series(connection: sa.Connection) -> list[Series]:
    """The series of every legal entity."""
    row = tables.legal_entities.c
    named = connection.execute(sa.select(row.entity, row.invoice_prefix).order_by(row.entity))
    every = [("", entities.INVOICES), *((each.entity, each.invoice_prefix) for each in named)]
    return [Series(entity, (prefix, f"{prefix}{entities.OPENING_MARK}")) for entity, prefix in every]


def default_match(known: Sequence[Series]) -> Match:
    """The pattern that finds numbers of all series in free text; accounts are found by patterns of a mapping alone."""
    prefixes = sorted({re.escape(prefix) for each in known for prefix in each.prefixes}, key=lambda text: (-len(text), text))
    return Match(invoice=rf"\b(?:{'|'.join(prefixes)})-[0-9]{{{NUMBER_DIGITS}}}\b")


def decided(connection: sa.Connection, wanted: Sequence[CreditToMatch], match: Match, known: Sequence[Series]) -> list[matching.Matched]:
    """Each booking with the account that it belongs to, or the reason why there is none."""
    texts = matching.named_in([each.line.reference for each in wanted], match)
    structured = [_structured(each.transaction, each.entity, known) for each in wanted]
    numbers = {number for each in structured for names in each.invoices for number in names}
    ids = {account for each in structured for account in each.accounts}
    numbers |= {number for each in texts for number in each.numbers}
    ids |= {account_id for each in texts for account_id in each.account_ids}
    invoices = importing.invoices_named(connection, matching.spellings(numbers))
    accounts = importing.accounts_named(connection, matching.spellings(ids))
    return [_decided(each, found, text, (invoices, accounts)) for each, found, text in zip(wanted, structured, texts, strict=True)]


class _Structured(NamedTuple):
    """Names that structured references may mean: of each the numbers, and ids of accounts. `is_wrong`: one has wrong check digits."""

    invoices: tuple[tuple[str, ...], ...]
    accounts: tuple[str, ...]
    is_wrong: bool


def _structured(transaction: Transaction, entity: str, known: Sequence[Series]) -> _Structured:
    every = dict.fromkeys((*transaction.references, *references.in_text(transaction.text)))
    good, wrong = references.sound(every)
    return _Structured(
        tuple(tuple(numbers_of(each, entity, known)) for each in good),
        tuple(dict.fromkeys(text for each in good for text in (each.text.strip(), references.body(each)) if text)),
        bool(wrong),
    )


def numbers_of(reference: Reference, entity: str, known: Sequence[Series]) -> list[str]:
    """Numbers of invoices that a reference may mean, the likeliest first."""
    found = [reference.text.strip()] if reference.kind is ReferenceKind.DOCUMENT else []
    body = references.body(reference)
    for each in known:
        for prefix in each.prefixes:
            start = references.compact(prefix)
            rest = body.removeprefix(start)
            if len(rest) < len(body) and _is_counter(rest):
                found.append(f"{prefix}-{rest.zfill(NUMBER_DIGITS)}")
    counter = body.lstrip("0")
    if _is_counter(counter):
        found += [f"{each.prefixes[0]}-{counter.zfill(NUMBER_DIGITS)}" for each in known if each.entity == entity]
    return list(dict.fromkeys(found))


def _is_counter(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= NUMBER_DIGITS


def _decided(
    wanted: CreditToMatch, found: _Structured, text: matching.Named, stored: tuple[Map[str, tuple[str, Account]], Map[str, Account]]
) -> matching.Matched:
    if wanted.verdict:
        return matching.Matched(wanted.verdict)
    invoices, accounts = stored
    numbers = [next((each for each in names if each.upper() in invoices), "") for names in found.invoices]
    ids = [each for each in found.accounts if each.upper() in accounts]
    named = matching.Named(tuple(dict.fromkeys(filter(None, numbers))), tuple(ids))
    if named.numbers or named.account_ids:
        return matching.matched(named, wanted.line, invoices, accounts, wanted.entity)
    decided_by_text = matching.matched(text, wanted.line, invoices, accounts, wanted.entity)
    if decided_by_text.state != matching.NO_REFERENCE:
        return decided_by_text
    if found.is_wrong:
        return matching.Matched(matching.WRONG_REFERENCE)
    return matching.Matched(matching.UNKNOWN_REFERENCE) if found.invoices else decided_by_text
