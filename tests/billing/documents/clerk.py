"""What tests about documents share: people, a world with one customer, and sums that a finance department looks at."""

from __future__ import annotations

import datetime as dt

import msgspec
import sqlalchemy as sa

from billing import invoicing
from billing.accounts import facts as dated
from billing.catalogue import Operator
from billing.controls import books
from billing.documents import crediting, voiding
from billing.ledger.closed_months import Who
from billing.store import tables
from tests.billing.runs.world import Call, World, instant_us

CENT = 10_000
ANA, BEN = ("ana", 1001), ("ben", 1002)


def who(world: World, person: tuple[str, int] = ANA, *, on: dt.date | None = None) -> Who:
    """Somebody, now, or when a day has begun."""
    return Who(*person, world.tick() if on is None else world.begun(on))


def customer(world: World) -> World:
    """Anna on plan basic (10.00 a month, 20 free minutes, 0.10 a minute), with 30 minutes in October and a call of 2.01."""
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001")
    world.take(Call("1001", "2025-10-05T10:00:00", 30 * 60), Call("1001", "2025-10-07T10:00:00", 30, 8690000000001))
    return world


def void(world: World, number: str, on: str = "2025-11-03", at: str | None = None, **more: bool) -> voiding.Void:
    """Void an invoice, at noon of that day (or of another one) or later."""
    world.now_us = max(world.now_us, instant_us(f"{at or on}T12:00:00"))
    return voiding.void(world.home, number, "wrong address", who(world), on=dt.date.fromisoformat(on), **more)


def credit(world: World, number: str, line: int | None, cents: int | None, effect: str = "outside", **more: object) -> crediting.CreditNote:
    """Credit a line (an amount in cents, None: what is left), or all of an invoice, at noon of a day or later.

    `reference`, `on` and `dry_run` may be given.
    """
    amount = None if cents is None else cents * CENT
    reference = str(more.get("reference") or f"note {world.now_us}")
    wanted = crediting.CreditRequest(reference, number, line, amount, effect, "goodwill")
    on = dt.date.fromisoformat(str(more.get("on") or "2025-11-05"))
    world.now_us = max(world.now_us, instant_us(f"{on}T12:00:00"))
    return crediting.credit(world.home, wanted, who(world), on=on, dry_run=bool(more.get("dry_run")))


def wrong(world: World) -> list[str]:
    """Books that do not balance."""
    return [f"{book.name}: {book.left} and {book.right}" for book in books(world.home) if not book.ok]


def cents(world: World, account_id: str = "anna") -> int:
    """What an account owes by the ledger."""
    row, total = tables.postings.c, 0
    with world.home.connect() as connection:
        for side, sign in ((row.debit_account, 1), (row.credit_account, -1)):
            query = sa.select(sa.func.coalesce(sa.func.sum(row.amount_micros), 0)).where(side == f"receivable:{account_id}")
            total += sign * int(connection.execute(query).scalar_one())
    return total // CENT


def tell(world: World, subject: str, kind: str, detail: msgspec.Struct, *days: str | None) -> None:
    """A fact about an account, or a subscription (by its dash), from a day on and to a day."""
    from_date, to_date = (*days, None)[:2]
    values = {"kind": kind, "from_date": from_date, "to_date": to_date, "detail": msgspec.json.encode(detail).decode()}
    table, key = _facts(world, subject)
    with world.home.begin() as connection:
        seq = world.home.next_commit_seq(connection, "fact", world.tick())
        connection.execute(table.insert().values(**key, **values, by_name="", by_uid=0, commit_seq=seq))


def retract(world: World, subject: str, kind: str) -> None:
    """Say that the facts of a kind about an account, or a subscription, never held."""
    table, key = _facts(world, subject)
    read = dated.account_facts if table is tables.account_facts else dated.subscription_facts
    with world.home.begin() as connection:
        seq = world.home.next_commit_seq(connection, "fact", world.tick())
        for fact in read(connection, kinds=(kind,), keys=tuple(key.values())):
            dated.retract(connection, table, fact, "wrong customer", by=Operator("clerk", 1), commit_seq=seq)


def _facts(world: World, subject: str) -> tuple[sa.Table, dict[str, int]]:
    if "-" in subject:
        return tables.subscription_facts, {"subscription_key": world.key("subscriptions", "subscription_key", "subscription_id", subject)}
    return tables.account_facts, {"account_key": world.key("accounts", "account_key", "account_id", subject)}


def totals(world: World, account_id: str) -> list[int]:
    """With tax, in cents, by invoice."""
    return [each.total_micros // CENT for each in invoicing.list_invoices(world.home, account_id)]
