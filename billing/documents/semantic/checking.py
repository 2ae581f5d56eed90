"""Data that is missing for documents, before any is made: of issuers, and of the customers who get bills from them; all told at once.

Parties are looked at as they are on one day. What depends on a document itself (its rates, charges of third parties) is a finding of that
document.
"""

from __future__ import annotations

import collections
import datetime as dt
from typing import TYPE_CHECKING, Any, Final

import msgspec
import sqlalchemy as sa

from billing.accounts import entities
from billing.accounts import facts as dated
from billing.accounts.kinds import WITHOUT_TAX
from billing.accounts.lookup import unknown_account
from billing.accounts.parties import kinds, stored
from billing.accounts.parties.stored import Subject
from billing.accounts.parties.view import Party
from billing.documents.semantic import findings
from billing.documents.semantic.categories import EXEMPT
from billing.documents.semantic.model import Finding
from billing.documents.semantic.subjects import buyer_of, seller_of
from billing.store import tables
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from billing.accounts.kinds import TaxFact
    from billing.accounts.parties.stored import PartyFact
    from billing.store.home import Home


_TEST: Final = "test"  # the category of accounts that are never invoiced


class Checked(msgspec.Struct, frozen=True):
    """The findings, issuers first, then accounts by id; and how many of both were looked at."""

    as_of: dt.date
    issuers: int
    accounts: int
    findings: tuple[Finding, ...]


def check(home: Home, day: dt.date, *, entity: str | None = None, account_id: str | None = None) -> Checked:
    """Findings on a day: of all issuers that have accounts, and of all accounts that get bills; of one issuer, or of one account.

    Raises UserError for an entity or an account that is not there.
    """
    if entity is not None and account_id is not None:
        raise UserError("an account has one issuer", "give an account or an entity, not both", exit_status=2)
    with home.connect() as connection:
        if entity is not None:
            entities.require_known(connection, entity)
        names = {each.entity: each.name for each in entities.list_all(home)}
        rows = _accounts(connection, day, entity, account_id)
        if account_id is not None and not rows:
            raise unknown_account(connection, account_id)
        keys = None if entity is None and account_id is None else [row.account_key for row in rows]
        of_customers = _by_subject(stored.of_accounts(connection, keys))
        of_issuers = _by_subject(stored.of_issuers(connection))
        taxes = {fact.subject: fact.detail for fact in dated.account_facts(connection, kinds=("tax",), keys=keys) if fact.holds_on(day)}
    by_issuer: dict[str, list[Any]] = collections.defaultdict(list, {} if entity is None else {entity: []})
    for row in rows:
        by_issuer[row.entity].append(row)
    found: list[Finding] = []
    for name, own in sorted(by_issuer.items()):
        issuer = Party(day, of_issuers.get(Subject(None, name), ()))
        found += _of_issuer(name, names.get(name, ""), issuer, own, taxes)
    for row in rows:
        found += _of_account(row, Party(day, of_customers.get(Subject(row.account_key), ())), taxes.get(row.account_key))
    return Checked(day, len(by_issuer), len(rows), tuple(found))


def _of_issuer(name: str, listed_name: str, issuer: Party, accounts: Sequence[Any], taxes: Mapping[int, TaxFact]) -> Iterator[Finding]:
    currencies = sorted({row.currency for row in accounts}) or [""]
    sellers = [seller_of(name, listed_name, issuer, currency) for currency in currencies]
    seen = dict.fromkeys(
        each for seller, currency in zip(sellers, currencies, strict=True) for each in findings.of_seller(seller, currency)
    )
    yield from seen
    told = issuer.named(kinds.Exemption)
    missing: dict[str, str] = {}  # the fact that would say it, with the first account that needs it
    for row in accounts:
        for fact in _reasons(taxes.get(row.account_key)):
            if fact not in told and not (fact not in WITHOUT_TAX and EXEMPT in told):
                missing.setdefault(fact, row.account_id)
    for fact, account_id in sorted(missing.items()):
        yield findings.exemption_text(f"account {account_id}", fact, sellers[0])


def _reasons(tax: TaxFact | None) -> list[str]:
    """Names of the issuer's facts that say why an account has no tax."""
    if tax is None:
        return []
    if tax.place in WITHOUT_TAX:
        return [tax.place]
    return sorted(EXEMPT if each == "*" else each.lower() for each in tax.exempt)


def _of_account(row: Any, customer: Party, tax: TaxFact | None) -> Iterator[Finding]:  # noqa: ANN401 -- a row of the query
    buyer = buyer_of(row.account_id, row.name, customer)
    yield from findings.of_buyer(buyer)
    if tax is not None and tax.place == "reverse_charge" and not buyer.vat_id:
        yield findings.without_vat_id(f"account {row.account_id}", buyer)


def _accounts(connection: sa.Connection, day: dt.date, entity: str | None, account_id: str | None) -> list[Any]:
    """Accounts by id that get bills: neither closed on a day nor for tests; one that is named in any case."""
    row = tables.accounts.c
    issuer = sa.func.coalesce(row.legal_entity, "").label("entity")
    query = sa.select(row.account_key, row.account_id, row.name, row.currency, row.category, issuer).order_by(row.account_id)
    if entity is not None:
        query = query.where(issuer == entity)
    if account_id is not None:
        query = query.where(row.account_id == account_id)
    found = list(connection.execute(query))
    keys = [each.account_key for each in found]
    told = dated.account_facts(connection, kinds=("closed", "category"), keys=keys)
    closed = {fact.subject for fact in told if fact.kind == "closed" and fact.from_date <= day}
    category = {fact.subject: fact.detail.category for fact in told if fact.kind == "category" and fact.holds_on(day)}
    without = {each.account_key for each in found if category.get(each.account_key, each.category) == _TEST} | closed
    return [each for each in found if each.account_key not in without or account_id is not None]


def _by_subject(facts: Sequence[PartyFact]) -> dict[Subject, list[PartyFact]]:
    found: dict[Subject, list[PartyFact]] = {}
    for fact in facts:
        found.setdefault(fact.subject, []).append(fact)
    return found
