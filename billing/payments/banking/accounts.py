"""Bank accounts of issuers: the legal entity whose books a statement belongs to, by the facts `bank_account`.

A bank writes an account as an IBAN or as a number of its own. In MT940 of Germany it is bank code and number with a slash, which make an
IBAN.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from billing.accounts.parties import stored

if TYPE_CHECKING:
    import datetime as dt

    import sqlalchemy as sa

REMEDY: Final = "record whose it is: `ratewright entity set ENTITY bank_account main --from DATE holder=NAME iban=IBAN`"
_GERMAN: Final = re.compile(r"([0-9]{8})/([0-9]{1,10})(?:[A-Z]{3})?")
_NUMBER_DIGITS: Final = 10


class Owned(NamedTuple):
    """A bank account and the legal entity that has it. `number`: its IBAN, or its number where it has none."""

    number: str
    entity: str
    currency: str


def owned(connection: sa.Connection) -> list[tuple[stored.PartyFact, Owned]]:
    """Every bank account of an issuer, with the fact that says so."""
    return [
        (fact, Owned(fact.detail.iban or fact.detail.number, fact.subject.entity, fact.detail.currency))
        for fact in stored.of_issuers(connection)
        if fact.kind == "bank_account"
    ]


def owners(facts: list[tuple[stored.PartyFact, Owned]], account: str, on: dt.date) -> list[Owned]:
    """Accounts of issuers that `account` means on a day, each once."""
    meant = spellings(account)
    found = [own for fact, own in facts if fact.holds_on(on) and _plain(own.number) in meant and _is_latest(facts, fact, on)]
    return list(dict.fromkeys(found))


def spellings(account: str) -> set[str]:
    """The numbers that an account may have in the facts: as written, and as the IBAN of a German bank code and number."""
    plain = _plain(account)
    german = _GERMAN.fullmatch(plain)
    return {plain, german_iban(german[1], german[2])} if german else {plain}


def german_iban(bank_code: str, number: str) -> str:
    """The IBAN of a German account: `DE`, two check digits (98 less the rest of 97), bank code, number with zeros before it."""
    body = f"{bank_code}{number.zfill(_NUMBER_DIGITS)}"
    check = 98 - int(f"{body}131400") % 97  # D is 13, E is 14
    return f"DE{check:02}{body}"


def _plain(text: str) -> str:
    return "".join(text.split()).upper()


def _is_latest(facts: list[tuple[stored.PartyFact, Owned]], fact: stored.PartyFact, on: dt.date) -> bool:
    """Return whether no later fact of the same name takes its place on the day."""
    others = (each for each, _ in facts if (each.subject, each.name) == (fact.subject, fact.name) and each.holds_on(on))
    return all(each.from_date <= fact.from_date for each in others)
