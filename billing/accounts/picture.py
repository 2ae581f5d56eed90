"""Some accounts with all that is known of them and of their units, for display and for checks.

A *unit* is the component of accounts that any relation ever joined: a payer, a sponsor or the root of a pool. A *member* of a relation is
the account that hands something over, its *root* the one that takes it. Dates are local, half open.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import sqlalchemy as sa

from billing.accounts import facts
from billing.accounts.facts import Fact, in_chunks, last_told
from billing.accounts.handovers.known import Handover, handovers, is_taken_back
from billing.charges.periods import BillDays, Period, period_of
from billing.store import tables
from rating.dates import local_date, midnight_us

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

RELATIONS: Final = ("payer", "sponsor", "pool")


class Contract(NamedTuple):
    """One subscription. `to_date` is the first day without service that is known now."""

    key: int
    subscription_id: str
    account: int  # key
    from_date: dt.date
    to_date: dt.date | None
    plans: tuple[tuple[dt.date, str], ...]  # by date
    facts: tuple[Fact, ...]
    transferred_from: int | None
    handover: Handover | None = None  # to another owner, who has it as a subscription of its own

    def plan_on(self, day: dt.date) -> str:
        """The plan it has on a day; before the first plan, that one."""
        return next((plan for from_date, plan in reversed(self.plans) if from_date <= day), self.plans[0][1])

    def active_on(self, day: dt.date) -> bool:
        """Return whether the day lies between its activation and its end; pauses count as active."""
        return self.from_date <= day and (self.to_date is None or day < self.to_date)

    def of_kind(self, *kinds: str) -> list[Fact]:
        """Its facts of these kinds, by date."""
        return [fact for fact in self.facts if fact.kind in kinds]

    @property
    def deciding_end(self) -> Fact | None:
        """The end, or the undoing of one, that holds over all others of it; None where its end was never recorded."""
        ends = self.of_kind("end", "no_end")
        return last_learned(ends) if ends else None

    @property
    def ends_without_fees(self) -> bool:
        """Return whether it is handed over, to an account of this home or, as its end says, of another one: no fee is due for that."""
        last = self.deciding_end
        return self.handover is not None or (last is not None and last.kind == "end" and last.detail.transferred)

    @property
    def is_taken_back(self) -> bool:
        """Return whether the handover by which it began was taken back: it never was, and has no day."""
        return is_taken_back(self.facts)

    def holds_instead(self, fact: Fact) -> Fact | None:
        """The end, or the undoing of one, that holds in place of another; None for what holds, and for facts of other kinds."""
        return self.deciding_end if fact.kind in {"end", "no_end"} and fact != self.deciding_end else None


class Customer(NamedTuple):
    """One account."""

    key: int
    account_id: str
    name: str
    currency: str
    timezone: str
    bill_day: int  # of its import; facts may tell others
    language: str
    opened_on: dt.date
    billed_through: dt.date | None
    dunning_policy: str
    payment_days: int
    legal_entity: str | None
    category: str | None
    facts: tuple[Fact, ...]
    contracts: tuple[Contract, ...]

    @property
    def billed_from(self) -> dt.date:
        """The first day that this store bills."""
        return self.billed_through or self.opened_on

    @property
    def bill_days(self) -> BillDays:
        """The bill days recorded for it, by date."""
        return ((dt.date.min, self.bill_day), *((fact.from_date, fact.detail.bill_day) for fact in self.of_kind("bill_day")))

    @property
    def closed_on(self) -> dt.date | None:
        """The first day without the account, the earliest that is recorded."""
        return min((fact.from_date for fact in self.of_kind("closed")), default=None)

    def of_kind(self, *kinds: str) -> list[Fact]:
        """Its facts of these kinds, by date."""
        return [fact for fact in self.facts if fact.kind in kinds]

    def category_on(self, day: dt.date) -> str:
        """normal, staff or test."""
        told = [fact for fact in self.of_kind("category") if fact.holds_on(day)]
        return str(told[-1].detail.category) if told else self.category or "normal"

    def language_on(self, day: dt.date) -> str:
        """The language of a bill of this date."""
        return str(last_told(self.of_kind("terms"), day, "language") or self.language)

    def payment_days_on(self, day: dt.date) -> int:
        """The days from a bill of this date to its due date."""
        told = last_told(self.of_kind("terms"), day, "payment_days")
        return self.payment_days if told is None else int(told)

    def is_for_tests(self, day: dt.date) -> bool:
        """Return whether nothing of the bill period that holds a day is invoiced: the account is for tests on its first day.

        An account that begins as one for tests is billed from the day on which that ends: its period begins there.
        """
        period = self.period_of(day)
        if period is None or self.category_on(period.start) != "test":
            return False
        edges = {edge for fact in self.of_kind("category") for edge in (fact.from_date, fact.to_date) if edge is not None}
        later = [edge for edge in edges if edge > self.billed_from and self.category_on(edge) != "test"]
        return not (self.category_on(self.billed_from) == "test" and later and period.start < min(later) <= day)

    def period_of(self, day: dt.date) -> Period | None:
        """The bill period that holds a day; None before it is billed and after it is closed."""
        return period_of(day, self.billed_from, self.bill_days, self.closed_on)

    def local_date(self, now_us: int) -> dt.date:
        """The date in its zone at an instant."""
        return local_date(now_us, self.timezone)

    def midnight_us(self, day: dt.date) -> int:
        """The instant at which a day begins in its zone, in microseconds UTC."""
        return midnight_us(day, self.timezone)

    def is_edge(self, day: dt.date) -> bool:
        """Return whether a bill period begins or its life ends on this day."""
        period = self.period_of(day)
        return (period is not None and period.start == day) or day == self.closed_on


class Relation(NamedTuple):
    """One account takes something over from another, for a time."""

    member: int
    root: int | None  # None: the account named does not exist
    fact: Fact
    subscription: int | None = None  # key; None: of the account itself


@dataclasses.dataclass(frozen=True)
class Picture:
    """Accounts by key with everything about them, and every relation that touches them."""

    customers: dict[int, Customer]
    relations: list[Relation]

    def unit_of(self, key: int) -> set[int]:
        """The keys of all accounts of its unit, itself among them."""
        return _component(key, _neighbours(self.relations))

    def roots_on(self, key: int, day: dt.date) -> list[Relation]:
        """Relations of the whole account that hold on a day, in which it is the member."""
        return [each for each in self.relations if each.member == key and each.subscription is None and each.fact.holds_on(day)]

    def contract(self, key: int) -> Contract:
        """A subscription of one of the accounts, by its key."""
        return next(each for customer in self.customers.values() for each in customer.contracts if each.key == key)


def load(connection: sa.Connection, keys: Collection[int], seq: int | None = None) -> Picture:
    """The accounts of these keys and all others of their units, as known as of `seq` (None: now)."""
    relations = _relations(connection, seq)
    neighbours = _neighbours(relations)
    wanted: set[int] = set()
    for key in keys:
        if key not in wanted:
            wanted |= _component(key, neighbours)
    return Picture(_customers(connection, wanted, seq), [each for each in relations if each.member in wanted])


def account_keys(connection: sa.Connection, account_ids: Iterable[str]) -> dict[str, int]:
    """Keys of the accounts that exist, by id."""
    account = tables.accounts.c
    return _by_id(connection, account.account_id, account.account_key, account_ids)


def subscription_keys(connection: sa.Connection, subscription_ids: Iterable[str]) -> dict[str, int]:
    """Keys of the subscriptions that exist, by id."""
    subscription = tables.subscriptions.c
    return _by_id(connection, subscription.subscription_id, subscription.subscription_key, subscription_ids)


def _by_id(connection: sa.Connection, name: sa.Column[str], key: sa.Column[int], ids: Iterable[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for lot in in_chunks(sorted(set(ids))):
        found.update((row[0], row[1]) for row in connection.execute(sa.select(name, key).where(name.in_(lot))))
    return found


def named_in(fact: Fact) -> str:
    """The account that a relation names; empty where it ends one, and for other facts."""
    return str(getattr(fact.detail, {"payer": "payer", "sponsor": "sponsor", "pool": "root"}.get(fact.kind, ""), ""))


def _relations(connection: sa.Connection, seq: int | None) -> list[Relation]:
    """All of the store: they are few, and units follow from all of them."""
    of_accounts = [fact for fact in facts.account_facts(connection, seq, kinds=RELATIONS) if named_in(fact)]
    of_subscriptions = [fact for fact in facts.subscription_facts(connection, seq, kinds=("payer",)) if named_in(fact)]
    keys = account_keys(connection, (named_in(fact) for fact in of_accounts + of_subscriptions))
    owners: dict[int, int] = {}
    subscription = tables.subscriptions.c
    for lot in in_chunks(sorted({fact.subject for fact in of_subscriptions})):
        query = sa.select(subscription.subscription_key, subscription.account_key).where(subscription.subscription_key.in_(lot))
        owners.update((row[0], row[1]) for row in connection.execute(query))
    return [
        *(Relation(fact.subject, keys.get(named_in(fact)), fact) for fact in of_accounts),
        *(Relation(owners[fact.subject], keys.get(named_in(fact)), fact, fact.subject) for fact in of_subscriptions),
    ]


def _neighbours(relations: Iterable[Relation]) -> dict[int, set[int]]:
    neighbours: dict[int, set[int]] = collections.defaultdict(set)
    for each in relations:
        if each.root is not None:
            neighbours[each.member].add(each.root)
            neighbours[each.root].add(each.member)
    return neighbours


def _component(key: int, neighbours: dict[int, set[int]]) -> set[int]:
    found, edge = {key}, [key]
    while edge:
        fresh = neighbours.get(edge.pop(), set()) - found
        found |= fresh
        edge.extend(fresh)
    return found


def _customers(connection: sa.Connection, keys: Collection[int], seq: int | None) -> dict[int, Customer]:
    account, ordered = tables.accounts.c, sorted(keys)
    contracts = _contracts(connection, ordered, seq)
    known = _grouped((fact.subject, fact) for fact in facts.account_facts(connection, seq, keys=ordered))
    names = ("account_key", *Customer._fields[1:-2])
    columns = [account[name] for name in names]
    found = {}
    for lot in in_chunks(ordered):
        for row in connection.execute(_as_of(sa.select(*columns).where(account.account_key.in_(lot)), account.commit_seq, seq)):
            values: dict[str, Any] = dict(zip(Customer._fields, row, strict=False))
            values |= {"opened_on": dt.date.fromisoformat(row.opened_on), "billed_through": _date(row.billed_through)}
            key = row.account_key
            found[key] = Customer(**values, facts=tuple(known[key]), contracts=tuple(contracts[key]))
    return found


def _contracts(connection: sa.Connection, account_keys: list[int], seq: int | None) -> dict[int, list[Contract]]:
    subscription, plan = tables.subscriptions.c, tables.plan_facts.c
    rows = [
        row
        for lot in in_chunks(account_keys)
        for row in connection.execute(
            _as_of(sa.select(tables.subscriptions).where(subscription.account_key.in_(lot)), subscription.commit_seq, seq)
        )
    ]
    keys = sorted(row.subscription_key for row in rows)
    plans: dict[int, dict[str, str]] = collections.defaultdict(dict)
    for lot in in_chunks(keys):
        query = _as_of(sa.select(plan.subscription_key, plan.from_date, plan.plan), plan.commit_seq, seq)
        for key, day, name in connection.execute(
            query.where(plan.subscription_key.in_(lot)).order_by(plan.from_date, plan.commit_seq, plan.fact_id)
        ):
            plans[key][day] = name
    known = _grouped((fact.subject, fact) for fact in facts.subscription_facts(connection, seq, keys=keys))
    handed_over = handovers(connection, keys, seq)
    contracts: dict[int, list[Contract]] = collections.defaultdict(list)
    for row in sorted(rows, key=lambda each: str(each.subscription_id)):
        of_subscription = tuple(known[row.subscription_key])
        by_date = tuple((dt.date.fromisoformat(day), name) for day, name in plans[row.subscription_key].items())
        from_date, to_date = dt.date.fromisoformat(row.from_date), end_of(of_subscription, _date(row.to_date))
        contracts[row.account_key].append(
            Contract(
                row.subscription_key,
                row.subscription_id,
                row.account_key,
                from_date,
                to_date,
                by_date,
                of_subscription,
                row.transferred_from,
                handed_over.get(row.subscription_key),
            )
        )
    return contracts


def end_of(known: Iterable[Fact], imported: dt.date | None) -> dt.date | None:
    """The end of a subscription: of an end and its undoing the one learned last holds, over the imported one."""
    told = [fact for fact in known if fact.kind in {"end", "no_end"}]
    if not told:
        return imported
    last = last_learned(told)
    return last.from_date if last.kind == "end" else None


def last_learned(ends: Iterable[Fact]) -> Fact:
    """The fact that decides on the end of a subscription, of those about it."""
    return max(ends, key=lambda fact: (fact.commit_seq, fact.fact_id))


def _as_of(query: sa.Select[Any], commit_seq: sa.Column[int], seq: int | None) -> sa.Select[Any]:
    return query if seq is None else query.where(commit_seq <= seq)


def _grouped(pairs: Iterator[tuple[int, Fact]]) -> dict[int, list[Fact]]:
    found: dict[int, list[Fact]] = collections.defaultdict(list)
    for key, fact in pairs:
        found[key].append(fact)
    return found


def _date(text: str | None) -> dt.date | None:
    return dt.date.fromisoformat(text) if text else None
