"""Dated facts about accounts and subscriptions: how they are written, and which of them hold as of a sequence number.

Facts are only added. A row of kind `retraction` states nothing of its own: the fact that it names in `retracts` does not exist from its
commit on. Of the other facts of one kind, subject and from_date the one learned last holds; discounts beside each other have names of their
own and so hold side by side. `kinds` defines the detail of each kind. Dates are local, half open.

Dunning bars and unbars through `record_fact`, so that it and the cycle never call each other.
"""

from __future__ import annotations

import datetime as dt
import functools
import itertools
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import msgspec
import sqlalchemy as sa

from billing.accounts.kinds import ACCOUNT_KINDS, SUBSCRIPTION_KINDS, DiscountFact
from billing.store import tables
from billing.store.prepared import Prepared
from rating.dates import NEVER

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from billing.catalogue import Operator

DUNNING_KINDS: Final = ("bar_outgoing", "unbar")
END_KINDS: Final = ("end", "no_end")
RETRACTION: Final = "retraction"
_Key = TypeVar("_Key", int, str, bytes)
KEYS_A_QUERY: Final = 500  # no database takes any number of parameters


class Fact(NamedTuple):
    """A fact that holds. `detail` is the struct of its kind; of dunning's kinds it is text."""

    fact_id: int
    subject: int  # account_key or subscription_key
    kind: str
    from_date: dt.date
    to_date: dt.date | None
    detail: Any
    commit_seq: int
    by_name: str

    @property
    def name(self) -> str:
        """The name that distinguishes facts of one kind and from_date: that of a discount."""
        return self.detail.name if isinstance(self.detail, DiscountFact) else ""

    def holds_on(self, day: dt.date) -> bool:
        """Return whether the day lies in its span."""
        return self.from_date <= day and (self.to_date is None or day < self.to_date)


class Undone(NamedTuple):
    """A fact that no longer holds, and the commit since which it does not."""

    subject: int  # account_key or subscription_key
    kind: str
    detail: Any
    commit_seq: int


def account_facts(
    connection: sa.Connection, seq: int | None = None, *, kinds: Collection[str] = (), keys: Collection[int] | None = None
) -> list[Fact]:
    """Facts about accounts that hold as of `seq` (None: all), by account, from_date and commit; of these kinds and keys, if given."""
    return _live(connection, tables.account_facts, tables.account_facts.c.account_key, seq, kinds, keys)


def last_told(terms: Iterable[Fact], day: dt.date, field: str) -> Any | None:  # noqa: ANN401 -- of any field
    """The value of a field of terms on a day: of those that hold then and have one the last; None: none has."""
    told = [getattr(fact.detail, field) for fact in terms if fact.holds_on(day) and getattr(fact.detail, field) is not None]
    return told[-1] if told else None


def subscription_facts(
    connection: sa.Connection, seq: int | None = None, *, kinds: Collection[str] = (), keys: Collection[int] | None = None
) -> list[Fact]:
    """Facts about subscriptions that hold, as `account_facts`."""
    return _live(connection, tables.subscription_facts, tables.subscription_facts.c.subscription_key, seq, kinds, keys)


def undone(connection: sa.Connection, table: sa.Table, seq: int, kinds: Collection[str]) -> list[Undone]:
    """Facts of these kinds that no longer hold as of `seq`, since they were retracted or recorded anew; once for each such commit."""
    fact, other = table.c, table.alias().c
    key = "account_key" if table is tables.account_facts else "subscription_key"
    again = sa.and_(other[key] == fact[key], other.kind == fact.kind, other.from_date == fact.from_date, other.fact_id > fact.fact_id)
    query = sa.select(fact[key], fact.kind, fact.detail, other.commit_seq).where(fact.kind.in_(kinds), other.commit_seq <= seq)
    rows = [row for since in (again, other.retracts == fact.fact_id) for row in connection.execute(query.where(since))]
    return [Undone(subject, kind, decoded(table, kind, detail), commit_seq) for subject, kind, detail, commit_seq in rows]


def ends_learned_later(connection: sa.Connection, seq: int | None = None) -> dict[int, str | None]:
    """First day without service (ISO) by subscription key, of those whose end was recorded after their import; as of `seq`, if given.

    None: it was revived, and has no end. Of an end and its undoing the one learned last holds, at any dates.
    """
    ends = deciding_ends(subscription_facts(connection, seq, kinds=END_KINDS))
    return {key: fact.from_date.isoformat() if fact.kind == "end" else None for key, fact in ends.items()}


def deciding_ends(known: Iterable[Fact]) -> dict[int, Fact]:
    """The end, or the undoing of one, that holds for each subscription key: the one learned last, at any dates."""
    ends = (fact for fact in known if fact.kind in END_KINDS)
    return {fact.subject: fact for fact in sorted(ends, key=lambda each: (each.commit_seq, each.fact_id))}


def record_fact(connection: sa.Connection, account_key: int, kind: str, from_date: str, detail: str, *, commit_seq: int) -> None:  # noqa: PLR0913 -- one argument a part of what is recorded
    """Add one fact of dunning that holds from the local date `from_date` (ISO) on. `commit_seq` is that of the decision behind it."""
    assert kind in DUNNING_KINDS, kind
    connection.execute(
        tables.account_facts.insert().values(account_key=account_key, kind=kind, from_date=from_date, detail=detail, commit_seq=commit_seq)
    )


def add(  # noqa: PLR0913, PLR0917 -- one argument a part of what is recorded
    connection: sa.Connection,
    table: sa.Table,
    key: int,
    kind: str,
    from_date: dt.date,
    to_date: dt.date | None,
    detail: msgspec.Struct,
    *,
    by: Operator,
    commit_seq: int,
) -> int:
    """Add one fact to `account_facts` or `subscription_facts`; its id. The caller checks afterwards that the facts still fit together."""
    assert type(detail) is kinds_of(table)[kind], kind
    values = _values(table, key, kind, from_date, commit_seq, by)
    return _inserted(connection, table, {**values, "to_date": to_date and to_date.isoformat(), "detail": encoded(detail)})


def retract(connection: sa.Connection, table: sa.Table, fact: Fact, reason: str, *, by: Operator, commit_seq: int) -> int:  # noqa: PLR0913 -- one argument a part of what is recorded
    """Record that a fact never held; the id of the row that records it."""
    values = _values(table, fact.subject, RETRACTION, fact.from_date, commit_seq, by)
    detail = msgspec.json.encode({"reason": reason}).decode()
    return _inserted(connection, table, {**values, "detail": detail, "retracts": fact.fact_id})


def kinds_of(table: sa.Table) -> dict[str, type[msgspec.Struct]]:
    """The structs of the kinds that a table of facts may hold."""
    return ACCOUNT_KINDS if table is tables.account_facts else SUBSCRIPTION_KINDS


def encoded(detail: msgspec.Struct) -> str:
    """The detail as it is stored: JSON without what is left at its default."""
    return msgspec.json.encode(detail).decode()


def decoded(table: sa.Table, kind: str, detail: str) -> Any:  # noqa: ANN401 -- an array, or a value of any type
    """The value of a stored detail. Raises msgspec.ValidationError or DecodeError for one that is not of its kind."""
    return detail if kind in DUNNING_KINDS else msgspec.json.decode(detail, type=kinds_of(table)[kind])


def in_chunks(keys: Iterable[_Key]) -> Iterator[tuple[_Key, ...]]:
    """Keys in lots that one query may name."""
    rest = iter(keys)
    while lot := tuple(itertools.islice(rest, KEYS_A_QUERY)):
        yield lot


def _live(  # noqa: PLR0913, PLR0917 -- one argument a part of what is recorded
    connection: sa.Connection,
    table: sa.Table,
    key: sa.Column[int],
    seq: int | None,
    kinds: Collection[str],
    keys: Collection[int] | None,
) -> list[Fact]:
    query = _facts_of(table, key, of_kinds=bool(kinds), of_keys=keys is not None)
    asked = {"seq": NEVER if seq is None else seq, **({"kinds": [*kinds, RETRACTION]} if kinds else {})}
    lots: Iterable[dict[str, Any]] = [{}] if keys is None else ({"keys": lot} for lot in in_chunks(sorted(keys)))
    rows = [row for lot in lots for row in query.rows(connection, **asked, **lot)]
    places: dict[int, tuple[int, str, dt.date, str]] = {}  # of each fact: of those in one place the last learned holds
    last: dict[tuple[int, str, dt.date, str], Fact] = {}
    for row in rows:
        if row.kind != RETRACTION:
            fact = _fact(table, row)
            place = places[fact.fact_id] = (fact.subject, fact.kind, fact.from_date, fact.name)
            last[place] = fact
        elif row.retracts in places:  # and with it what it stood for: a pause that was resumed is no pause without an end
            last.pop(places[row.retracts], None)
    return sorted(last.values(), key=lambda fact: (fact.subject, fact.from_date, fact.commit_seq, fact.fact_id))


@functools.cache
def _facts_of(table: sa.Table, key: sa.Column[int], *, of_kinds: bool, of_keys: bool) -> Prepared:
    """The query for facts as of `seq`, of some `kinds` and `keys`."""
    column = table.c
    told = (column.kind, column.from_date, column.to_date, column.detail, column.commit_seq, column.by_name, column.retracts)
    query = sa.select(column.fact_id, key, *told).where(column.commit_seq <= sa.bindparam("seq"))
    if of_kinds:
        query = query.where(column.kind.in_(sa.bindparam("kinds", expanding=True)))
    if of_keys:
        query = query.where(key.in_(sa.bindparam("keys", expanding=True)))
    return Prepared(lambda: query.order_by(column.commit_seq, column.fact_id))


def _fact(table: sa.Table, row: Any) -> Fact:  # noqa: ANN401 -- an array, or a value of any type
    fact_id, key, kind, from_date, to_date, detail, commit_seq, by_name, _ = row
    ends = dt.date.fromisoformat(to_date) if to_date else None
    return Fact(fact_id, key, kind, dt.date.fromisoformat(from_date), ends, decoded(table, kind, detail), commit_seq, by_name or "")


def _values(table: sa.Table, key: int, kind: str, from_date: dt.date, commit_seq: int, by: Operator) -> dict[str, object]:  # noqa: PLR0913, PLR0917 -- one argument a part of what is recorded
    subject = "account_key" if table is tables.account_facts else "subscription_key"
    told_by = {"by_name": by.name, "by_uid": by.uid, "commit_seq": commit_seq}
    return {subject: key, "kind": kind, "from_date": from_date.isoformat(), **told_by}


def _inserted(connection: sa.Connection, table: sa.Table, values: dict[str, object]) -> int:
    primary_key = connection.execute(table.insert().values(**values)).inserted_primary_key
    assert primary_key is not None
    return int(primary_key[0])
