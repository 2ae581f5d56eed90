"""Contract facts as of a commit, read from the tables in plain code: accounts, subscriptions, plans, bill days, pools, closings, numbers.

Problem: a run that reads a fact wrongly must be found by who checks it. So nothing here is of `billing.runs.contracts`, which reads the
same tables as columns, nor of `billing.accounts.facts`, which decides for all others which facts hold. The tables, the structs of what
facts contain, and the arithmetic of dates (`billing.charges`) are shared.

Each table is read by one query. An account or a subscription is put together when it is first asked for.
"""

from __future__ import annotations

import collections
import datetime as dt
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import msgspec
import sqlalchemy as sa

from billing.accounts.kinds import BillDayFact, CategoryFact, PoolFact
from billing.charges.periods import BillDays
from billing.charges.proration import Span
from billing.store import tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_Struct = TypeVar("_Struct", bound=msgspec.Struct)
_RETRACTION: Final = "retraction"
_TEST: Final = "test"
_OF_ACCOUNTS: Final = ("bill_day", "pool", "category", "closed")
_OF_SUBSCRIPTIONS: Final = ("end", "no_end")


class Account(NamedTuple):
    """One account. `billed_from`: first local date that is billed; `pools`: from when to when it has allowances with which account."""

    account_key: int
    timezone: str
    billed_from: dt.date
    all_bill_days: BillDays
    closed_on: dt.date | None
    pools: tuple[tuple[Span, int | None], ...]

    def root_on(self, day: dt.date) -> int:
        """The account (key) with whose allowances it has its own together on a day: itself where it is alone."""
        root: int | None = None
        for span, other in self.pools:
            if span.start <= day and (span.end is None or day < span.end):
                root = other
        return self.account_key if root is None else root


class Subscription(NamedTuple):
    """One subscription: the span in which it is active, and the plans it has from which local dates on."""

    subscription_key: int
    account_key: int
    active: Span
    plans: tuple[tuple[dt.date, str], ...]


class Part(NamedTuple):
    """One account in `of`: those whose keys leave `rest` when they are divided by it."""

    of: int = 1
    rest: int = 0

    def holds(self, account_key: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
        """The condition for an account to be in the part."""
        return sa.true() if self.of == 1 else account_key % self.of == self.rest

    def holds_subscription(self, subscription_key: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
        """The condition for the account of a subscription to be in the part."""
        row = tables.subscriptions.c
        return sa.true() if self.of == 1 else subscription_key.in_(sa.select(row.subscription_key).where(self.holds(row.account_key)))


WHOLE: Final = Part()


class FactInForce(NamedTuple):
    """A fact that holds. `learned`: its place in the order in which facts were learned."""

    from_date: dt.date
    to_date: dt.date | None
    detail: str
    kind: str
    learned: int


class PlainFacts:
    """The facts as of a commit, for a run of a bill date. Those of a part of the accounts know no pools."""

    def __init__(self, connection: sa.Connection, seq: int, bill_date: dt.date, part: Part = WHOLE) -> None:
        account, subscription = tables.accounts.c, tables.subscriptions.c
        columns = (account.account_id, account.timezone, account.bill_day, account.opened_on, account.billed_through, account.category)
        query = sa.select(account.account_key, *columns).where(account.commit_seq <= seq, part.holds(account.account_key))
        self._account_rows: dict[int, tuple[Any, ...]] = {key: tuple(rest) for key, *rest in connection.execute(query)}
        self._keys = {row[0]: key for key, row in self._account_rows.items()}
        self._told = holding(connection, tables.account_facts, _OF_ACCOUNTS, seq, part)
        of_subscription = (subscription.account_key, subscription.from_date, subscription.to_date)
        members = sa.select(subscription.subscription_key, *of_subscription).where(
            subscription.commit_seq <= seq, part.holds(subscription.account_key)
        )
        self._rows: dict[int, tuple[Any, ...]] = {key: tuple(rest) for key, *rest in connection.execute(members)}
        self._ends = holding(connection, tables.subscription_facts, _OF_SUBSCRIPTIONS, seq, part)
        self._plans = _plans(connection, seq, part)
        self._bill_date = bill_date
        self._accounts: dict[int, Account] = {}
        self._subscriptions: dict[int, Subscription] = {}

    def account(self, key: int) -> Account:
        """An account by its key."""
        if key not in self._accounts:
            _, timezone, bill_day, *_ = self._account_rows[key]
            told = self._told.get(key, ())
            changes = ((each.from_date, _decoded(each, BillDayFact).bill_day) for each in told if each.kind == "bill_day")
            bill_days = ((dt.date.min, bill_day), *changes)
            closed = [each.from_date for each in told if each.kind == "closed"]
            self._accounts[key] = Account(
                key, timezone, self._billed_from(key), bill_days, closed[-1] if closed else None, tuple(self._pools(key))
            )
        return self._accounts[key]

    def subscription(self, key: int) -> Subscription | None:
        """A subscription by its key; None for one that is not known."""
        if key not in self._subscriptions and key in self._rows:
            account_key, from_date, to_date = self._rows[key]
            ends = sorted(self._ends.get(key, ()), key=lambda each: each.learned)
            end = dt.date.fromisoformat(to_date) if to_date else None
            if ends:
                end = ends[-1].from_date if ends[-1].kind == "end" else None
            plans = tuple(sorted((dt.date.fromisoformat(day), plan) for day, plan in self._plans.get(key, {}).items()))
            self._subscriptions[key] = Subscription(key, account_key, Span(dt.date.fromisoformat(from_date), end), plans)
        return self._subscriptions.get(key)

    def account_keys(self) -> list[int]:
        """Every account (key), ascending."""
        return sorted(self._account_rows)

    def is_ever_for_tests(self, key: int) -> bool:
        """True where an account was imported as one for tests, or a fact that holds says so for any day."""
        *_, imported = self._account_rows[key]
        told = (each for each in self._told.get(key, ()) if each.kind == "category")
        return imported == _TEST or any(_decoded(each, CategoryFact).category == _TEST for each in told)

    def plans_ever(self) -> Iterator[tuple[int, Iterable[str]]]:
        """The account (key) of each subscription, and the plans that the subscription ever had."""
        for key, (account_key, *_) in self._rows.items():
            yield account_key, self._plans.get(key, {}).values()

    def subscriptions_of(self, account_keys: Iterable[int]) -> dict[int, list[int]]:
        """The subscriptions (keys, ascending) of some accounts."""
        found: dict[int, list[int]] = {key: [] for key in account_keys}
        for key, (account_key, *_) in sorted(self._rows.items()):
            if account_key in found:
                found[account_key].append(key)
        return found

    def pooled(self) -> list[set[int]]:
        """Accounts (keys) that ever were in a pool with each other, as a fact says that holds."""
        groups: dict[int, set[int]] = {}
        for key in self._told:
            for _, other in self._pools(key) if key in self._account_rows else ():
                if other is not None:
                    joined = groups.get(key, {key}) | groups.get(other, {other})
                    groups |= dict.fromkeys(joined, joined)
        return list({min(each): each for each in groups.values()}.values())

    def _pools(self, key: int) -> Iterator[tuple[Span, int | None]]:
        for each in self._told.get(key, ()):
            if each.kind == "pool":
                yield Span(each.from_date, each.to_date), self._keys.get(_decoded(each, PoolFact).root)

    def _billed_from(self, key: int) -> dt.date:
        """The first date that this store bills. One that began as a test account is billed from the day on which that ended."""
        *_, opened_on, billed_through, imported = self._account_rows[key]
        first = dt.date.fromisoformat(billed_through or opened_on)
        told = [each for each in self._told.get(key, ()) if each.kind == "category"]
        if not told or not _is_test(told, imported, first):
            return first
        edges = sorted(
            {day for each in told for day in (each.from_date, each.to_date) if day is not None and first < day < self._bill_date}
        )
        return next((day for day in edges if not _is_test(told, imported, day)), first)


def numbers(connection: sa.Connection, seq: int) -> dict[str, list[tuple[int, int | None, int]]]:
    """The spans of each number: instants, half open, and the subscription. Of two spans that begin at once the one learned later holds."""
    fact = tables.guiding_facts.c
    spans: dict[str, dict[int, tuple[int, int | None, int]]] = {}
    query = sa.select(fact.served_id, fact.from_us, fact.to_us, fact.subscription_key).where(fact.commit_seq <= seq)
    for served_id, from_us, to_us, key in connection.execute(query.order_by(fact.commit_seq, fact.fact_id)):
        spans.setdefault(served_id, {})[from_us] = (from_us, to_us, key)
    return {served_id: list(by_start.values()) for served_id, by_start in spans.items()}


def holding(connection: sa.Connection, table: sa.Table, kinds: Sequence[str], seq: int, part: Part = WHOLE) -> dict[int, list[FactInForce]]:
    """Facts about accounts, or about subscriptions, that hold: by subject (key) and in order of their dates.

    Facts of one subject, kind and date stand for each other. The newest of them holds, unless any of them was retracted after it was
    learned.
    """
    fact, of_accounts = table.c, table is tables.account_facts
    key = fact.account_key if of_accounts else fact.subscription_key
    query = sa.select(fact.fact_id, key.label("subject"), fact.kind, fact.from_date, fact.to_date, fact.detail, fact.retracts)
    query = query.where(fact.commit_seq <= seq, fact.kind.in_((*kinds, _RETRACTION)))
    query = query.where(part.holds(key) if of_accounts else part.holds_subscription(key)).order_by(fact.commit_seq, fact.fact_id)
    place_of: dict[int, tuple[int, str, str]] = {}
    newest: dict[tuple[int, str, str], FactInForce] = {}
    retracted: dict[tuple[int, str, str], int] = {}
    for learned, row in enumerate(connection.execute(query)):
        if row.kind == _RETRACTION:
            if row.retracts in place_of:
                retracted[place_of[row.retracts]] = learned
            continue
        place = place_of[row.fact_id] = (row.subject, row.kind, row.from_date)
        to_date = dt.date.fromisoformat(row.to_date) if row.to_date else None
        newest[place] = FactInForce(dt.date.fromisoformat(row.from_date), to_date, row.detail, row.kind, learned)
    found: dict[int, list[FactInForce]] = collections.defaultdict(list)
    for place, told in newest.items():
        if retracted.get(place, -1) < told.learned:
            found[place[0]].append(told)
    return {subject: sorted(facts, key=lambda each: (each.from_date, each.learned)) for subject, facts in found.items()}


def _plans(connection: sa.Connection, seq: int, part: Part) -> dict[int, dict[str, str]]:
    """The plans of each subscription by their first date (ISO). Of two of one date the one learned later holds."""
    fact = tables.plan_facts.c
    query = sa.select(fact.subscription_key, fact.from_date, fact.plan).where(fact.commit_seq <= seq)
    query = query.where(part.holds_subscription(fact.subscription_key))
    found: dict[int, dict[str, str]] = {}
    for key, from_date, plan in connection.execute(query.order_by(fact.commit_seq, fact.fact_id)):
        found.setdefault(key, {})[from_date] = plan
    return found


def _is_test(told: Iterable[FactInForce], imported: str | None, day: dt.date) -> bool:
    """Return whether an account is for tests on a day; `imported`: its category where no fact says any."""
    category = imported
    for each in told:
        if each.from_date <= day and (each.to_date is None or day < each.to_date):
            category = _decoded(each, CategoryFact).category
    return category == _TEST


def _decoded(told: FactInForce, kind: type[_Struct]) -> _Struct:
    return msgspec.json.decode(told.detail, type=kind)
