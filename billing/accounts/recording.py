"""The change of accounts by one command: facts are added in one transaction, checked as stored, and reported in words.

A change that is there already changes nothing. With `dry_run` everything is done, checked and reported, and then undone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from billing import catalogue
from billing.accounts import facts, layouts
from billing.accounts.checking import new_troubles
from billing.accounts.details import Known, tax_classes_of
from billing.accounts.handovers.known import NAME_ANOTHER, never_was
from billing.accounts.importing import stored
from billing.accounts.importing.sheets import CellError
from billing.accounts.lookup import unknown_account, unknown_subscription
from billing.accounts.picture import account_keys, load, subscription_keys
from billing.accounts.wording import field_in_words, value_in_words
from billing.catalogue import Operator
from billing.dunning_policy import policies
from billing.store import commit_points, requests, tables
from rating import identifiers
from rating.errors import Problem, ProblemsError, UserError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    import msgspec

    from billing.accounts.facts import Fact
    from billing.accounts.picture import Contract, Customer
    from billing.store.home import Home


class Asked(NamedTuple):
    """The person who asks for a change, the instant, and whether it is a preview."""

    by: Operator
    now_us: int
    dry_run: bool = False


class Done(NamedTuple):
    """The result of a command. `existed`: all of it was there before, and nothing changed."""

    existed: bool
    dry_run: bool
    commit_seq: int | None
    said: tuple[str, ...]


class Recorder:
    """One change under way. Its messages are kept in order; the number is taken when the first row needs it."""

    def __init__(self, home: Home, connection: sa.Connection, asked: Asked) -> None:
        self.home = home
        self.connection = connection
        self.asked = asked
        self.commit_seq: int | None = None
        self.said: list[str] = []
        self._touched: set[int] = set()

    def seq(self) -> int:
        """The number of this change."""
        if self.commit_seq is None:
            self.commit_seq = self.home.next_commit_seq(self.connection, "fact", self.asked.now_us)
        return self.commit_seq

    def say(self, text: str) -> None:
        """Add one sentence to the report."""
        self.said.append(text)

    def customer(self, account_id: str) -> Customer:
        """The account of this id. Raises UserError where there is none."""
        key = account_keys(self.connection, [account_id]).get(account_id)
        if key is None:
            raise unknown_account(self.connection, account_id)
        self._touched.add(key)
        return load(self.connection, [key]).customers[key]

    def contract(self, subscription_id: str, *, ever: bool = False) -> tuple[Customer, Contract]:
        """The subscription of this id and its account. Raises UserError where there is none.

        So it does for one whose handover was taken back, but where it is asked for whether it `ever` was.
        """
        key = subscription_keys(self.connection, [subscription_id]).get(subscription_id)
        if key is None:
            raise unknown_subscription(self.connection, subscription_id)
        subscription = tables.subscriptions.c
        query = sa.select(subscription.account_key).where(subscription.subscription_key == key)
        account_key = int(self.connection.execute(query).scalar_one())
        self._touched.add(account_key)
        picture = load(self.connection, [account_key])
        contract = picture.contract(key)
        if contract.is_taken_back and not ever:
            raise UserError(never_was(subscription_id), NAME_ANOTHER)
        return picture.customers[account_key], contract

    def account_fact(self, customer: Customer, kind: str, from_date: dt.date, to_date: dt.date | None, detail: msgspec.Struct) -> bool:
        """Add a fact about an account; False where it holds already. Raises UserError where one of that date has other data."""
        self._touched.add(customer.key)
        held = customer.of_kind(kind)
        return self._fact(tables.account_facts, customer.key, customer.account_id, held, (kind, from_date, to_date, detail))

    def subscription_fact(  # noqa: PLR0913 -- one argument a part of what is recorded
        self, contract: Contract, kind: str, from_date: dt.date, to_date: dt.date | None, detail: msgspec.Struct, *, replaces: bool = False
    ) -> bool:
        """Add a fact about a subscription, as `account_fact`; one that `replaces` may have other data than one of the same date."""
        self._touched.add(contract.account)
        held = [] if replaces else contract.of_kind(kind)
        return self._fact(tables.subscription_facts, contract.key, contract.subscription_id, held, (kind, from_date, to_date, detail))

    def _fact(
        self, table: sa.Table, key: int, name: str, held: list[Fact], told: tuple[str, dt.date, dt.date | None, msgspec.Struct]
    ) -> bool:
        kind, from_date, to_date, detail = told
        named = getattr(detail, "name", "")
        for fact in held:
            if fact.from_date == from_date and fact.name == named:
                if (fact.to_date, fact.detail) == (to_date, detail):
                    return False
                raise _says_otherwise(name, fact, to_date, detail)
        facts.add(self.connection, table, key, kind, from_date, to_date, detail, by=self.asked.by, commit_seq=self.seq())
        return True

    def retract(self, fact: Fact, account_key: int, reason: str, *, of_account: bool) -> None:
        """Record that a fact never held."""
        self._touched.add(account_key)
        table = tables.account_facts if of_account else tables.subscription_facts
        facts.retract(self.connection, table, fact, reason, by=self.asked.by, commit_seq=self.seq())

    def plan(self, contract: Contract, from_date: dt.date, plan: str) -> None:
        """From a day on the subscription has this plan."""
        self._insert(tables.plan_facts, subscription_key=contract.key, plan=plan, from_date=from_date.isoformat())

    def number(self, served_id: str, subscription_key: int, from_us: int, to_us: int | None) -> None:
        """Record the payer of a number over a span. Of two facts with one beginning the later one holds; an empty span takes one back."""
        self._insert(tables.guiding_facts, served_id=served_id, subscription_key=subscription_key, from_us=from_us, to_us=to_us)

    def subscription(
        self, subscription_id: str, customer: Customer, plan: str, from_date: dt.date, transferred_from: int | None = None
    ) -> Contract:
        """A new subscription."""
        require_cell("subscription", layouts.an_id, subscription_id)
        identifiers.require_new(subscription_id, "subscription", identifiers.CHARS_MAX)
        key = stored.next_key(self.connection, tables.subscriptions.c.subscription_key)
        values: dict[str, Any] = {"subscription_key": key, "subscription_id": subscription_id, "account_key": customer.key}
        values |= {"from_date": from_date.isoformat(), "to_date": None, "transferred_from": transferred_from}
        self._insert(tables.subscriptions, **values)
        self._insert(tables.plan_facts, subscription_key=key, plan=plan, from_date=from_date.isoformat())
        self._touched.add(customer.key)
        return self.contract(subscription_id)[1]

    def check(self) -> None:
        """Raises where written facts do not fit together, with every reason."""
        if self.commit_seq is None or not self._touched:
            return
        known = Known(policies(self.connection), tax_classes_of(catalogue.published(self.home)))
        before = self.commit_seq - 1
        found = new_troubles(load(self.connection, self._touched), lambda: load(self.connection, self._touched, before), known)
        if len(found) == 1:
            raise UserError(found[0].message, found[0].remedy)
        if found:
            raise ProblemsError([Problem(each.fact.kind, each.field, each.message, each.remedy) for each in found])

    def _insert(self, table: sa.Table, **values: object) -> None:
        self.connection.execute(table.insert().values(**values, commit_seq=self.seq()))


def change(home: Home, asked: Asked, work: Callable[[Recorder], None]) -> Done:
    """Do `work` in one transaction. Raises UserError, and stores nothing, where it does not fit the stored data."""
    with home.begin(dry_run=asked.dry_run) as connection:
        recorder = Recorder(home, connection, asked)
        work(recorder)
        recorder.check()
        done = Done(recorder.commit_seq is None, asked.dry_run, None if asked.dry_run else recorder.commit_seq, tuple(recorder.said))
        if not asked.dry_run:
            requests.tell(connection, done)
            commit_points.reached("accounts.change_before_commit")
    if not asked.dry_run:
        commit_points.reached("accounts.change_committed")
    return done


def require_cell(what: str, read: Callable[[str], str], text: str) -> None:
    """Raises UserError for an id given to a command that a file could not hold."""
    try:
        read(text)
    except CellError as error:
        raise UserError(f"{what} {error}", error.remedy) from error


def _says_otherwise(name: str, fact: Fact, to_date: dt.date | None, detail: msgspec.Struct) -> UserError:
    """The error that names the field of a stored fact that differs from the given one."""
    remedy = f"retract fact {fact.fact_id} first with `ratewright accounts retract`, or give the data that was recorded"
    what = f"{name} has a fact {fact.kind} from {fact.from_date}"
    if fact.to_date != to_date:
        return UserError(f"{what} with to_date {fact.to_date or 'empty'}, not {to_date or 'empty'}", remedy)
    for field in detail.__struct_fields__:
        old, new = getattr(fact.detail, field), getattr(detail, field)
        if old != new:
            return UserError(f"{what} with {field_in_words(field, old)}, not {value_in_words(field, new)}", remedy)
    raise AssertionError(fact)
