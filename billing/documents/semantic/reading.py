"""Both parties of a document, read from the store, and how to pay it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import sqlalchemy as sa

from billing.accounts.parties import stored
from billing.accounts.parties.stored import Subject
from billing.accounts.parties.view import Party
from billing.documents.semantic.model import Payment
from billing.documents.semantic.parties import Buyer, Seller
from billing.documents.semantic.subjects import buyer_of, seller_of
from billing.store import tables
from billing.store.prepared import Prepared

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Mapping

    from billing.documents.semantic.model import Line

SEPA_TRANSFER: Final = "58"  # BT-81, code list UNTDID 4461
TRANSFER: Final = "30"
_EURO: Final = "EUR"


class Customer(NamedTuple):
    """The account that a document is for, and its issuer."""

    account_key: int
    account_id: str
    entity: str
    currency: str


class Parties(NamedTuple):
    """Both parties of a document on its date. `issuer`: all facts about the issuer."""

    seller: Seller
    buyer: Buyer
    issuer: Party


def parties_on(connection: sa.Connection, customer: Customer, day: dt.date) -> Parties:
    """Both parties of a document on a day."""
    issuer = Party(day, stored.of_subject(connection, Subject(None, customer.entity)))
    facts = Party(day, stored.of_subject(connection, Subject(customer.account_key)))
    entity = _ENTITY.one_or_none(connection, entity=customer.entity)
    account = _ACCOUNT.one_or_none(connection, account_key=customer.account_key)
    assert account is not None
    seller = seller_of(customer.entity, entity.name if entity is not None else "", issuer, customer.currency)
    return Parties(seller, buyer_of(customer.account_id, account.name, facts), issuer)


class User(NamedTuple):
    """The account whose subscription another one pays for."""

    account_id: str
    name: str


def users_of(connection: sa.Connection, payer_key: int, subscription_keys: Collection[int]) -> dict[str, User]:
    """Other accounts than the payer, by the ids of their subscriptions."""
    keys = sorted({key for key in subscription_keys if key > 0})
    rows = _OWNERS.rows(connection, keys=keys) if keys else []
    return {row.subscription_id: User(row.account_id, row.name) for row in rows if row.account_key != payer_key}


def with_user(line: Line, users: Mapping[str, User]) -> Line:
    """A line with the account whose subscription it is, where that is not the payer."""
    user = users.get(line.subscription_id)
    return line if user is None else msgspec.structs.replace(line, user=user.account_id, user_name=user.name)


def payment_of(reference: str, currency: str, to_pay_micros: int, seller: Seller) -> Payment:
    """The means of payment of an amount; nothing, or an amount to the customer's credit, has none."""
    if to_pay_micros <= 0:
        return Payment("", reference)
    is_sepa = currency == _EURO and any(each.iban for each in seller.bank_accounts)
    return Payment(SEPA_TRANSFER if is_sepa else TRANSFER, reference, seller.bank_accounts)


def _entity() -> sa.Select[Any]:
    row = tables.legal_entities.c
    return sa.select(row.name).where(row.entity == sa.bindparam("entity"))


def _owners() -> sa.Select[Any]:
    subscription, account = tables.subscriptions.c, tables.accounts.c
    query = sa.select(subscription.subscription_id, account.account_key, account.account_id, account.name)
    query = query.join_from(tables.subscriptions, tables.accounts, account.account_key == subscription.account_key)
    return query.where(subscription.subscription_key.in_(sa.bindparam("keys", expanding=True)))


def _account() -> sa.Select[Any]:
    row = tables.accounts.c
    return sa.select(row.name).where(row.account_key == sa.bindparam("account_key"))


_ENTITY: Final = Prepared(_entity)
_OWNERS: Final = Prepared(_owners)
_ACCOUNT: Final = Prepared(_account)
