"""Facts about parties as they are stored, and which of them hold as of a commit.

Facts are only added. A row of kind `retraction` states nothing of its own: the fact that it names in `retracts`, and what it replaced, does
not exist from its commit on. Of facts of one party, kind, name and from_date the one learned last holds.

A row that cannot be read has a detail of kind `Damaged`: it keeps no other from being read, and can be retracted. `damaged` finds them.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import sqlalchemy as sa

from billing.accounts.facts import RETRACTION, in_chunks
from billing.accounts.parties import kinds
from billing.accounts.parties.fields import given
from billing.accounts.parties.kinds import CUSTOMER_KINDS, ISSUER_KINDS, Damaged
from billing.store import tables

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from billing.catalogue import Operator

_ROW: Final = tables.party_facts.c


class Subject(NamedTuple):
    """A party: the customer of an account, or an issuer, where there is no account. `entity` empty is the issuer without a name."""

    account_key: int | None
    entity: str = ""

    @property
    def kinds(self) -> dict[str, type[msgspec.Struct]]:
        """The kinds of facts that it may have."""
        return ISSUER_KINDS if self.account_key is None else CUSTOMER_KINDS


class PartyFact(NamedTuple):
    """A fact that holds. `detail` is the struct of its kind, or `Damaged`. A first day that cannot be read is the first of all."""

    fact_id: int
    subject: Subject
    kind: str
    name: str
    from_date: dt.date
    to_date: dt.date | None
    detail: Any
    commit_seq: int
    by_name: str

    def holds_on(self, day: dt.date) -> bool:
        """Return whether the day lies in its span."""
        return self.from_date <= day and (self.to_date is None or day < self.to_date)


class NewFact(NamedTuple):
    """A fact to record: dates are half open."""

    kind: str
    name: str
    from_date: dt.date
    to_date: dt.date | None
    detail: msgspec.Struct


def of_subject(connection: sa.Connection, subject: Subject, seq: int | None = None) -> list[PartyFact]:
    """Facts about one party as of `seq` (None: all), by kind, name, from_date."""
    if subject.account_key is None:
        return _held(connection, [_all(seq).where(_ROW.account_key.is_(None), _ROW.entity == subject.entity)])
    return of_accounts(connection, [subject.account_key], seq)


def of_accounts(connection: sa.Connection, keys: Collection[int] | None = None, seq: int | None = None) -> list[PartyFact]:
    """Facts about customers of these accounts (None: of all), by account, kind, name, from_date."""
    every = _all(seq).where(_ROW.account_key.is_not(None))
    return _held(connection, [every] if keys is None else [every.where(_ROW.account_key.in_(lot)) for lot in in_chunks(sorted(keys))])


def of_issuers(connection: sa.Connection, seq: int | None = None) -> list[PartyFact]:
    """Facts about all issuers, by entity, kind, name, from_date."""
    return _held(connection, [_all(seq).where(_ROW.account_key.is_(None))])


def damaged(connection: sa.Connection) -> list[PartyFact]:
    """Facts that hold and cannot be read: of customers, then of issuers."""
    return [each for each in (*of_accounts(connection), *of_issuers(connection)) if isinstance(each.detail, Damaged)]


def add(connection: sa.Connection, subject: Subject, fact: NewFact, *, by: Operator, commit_seq: int) -> int:
    """Store one fact; its id. The caller has checked it."""
    assert type(fact.detail) is subject.kinds[fact.kind], fact.kind
    assert fact.to_date is None or fact.from_date < fact.to_date
    values = {"kind": fact.kind, "name": fact.name, "from_date": fact.from_date.isoformat()}
    ends = fact.to_date and fact.to_date.isoformat()
    told = {"to_date": ends, "detail": encoded(fact.detail), "found_as": kinds.found_as(fact.detail)}
    return _insert(connection, subject, {**values, **told}, by, commit_seq)


def retract(connection: sa.Connection, fact: PartyFact, reason: str, *, by: Operator, commit_seq: int) -> int:
    """Store that a fact never held; the id of the row that says so."""
    detail = msgspec.json.encode({"reason": reason}).decode()
    values = {"kind": RETRACTION, "name": fact.name, "from_date": fact.from_date.isoformat(), "detail": detail, "retracts": fact.fact_id}
    return _insert(connection, fact.subject, values, by, commit_seq)


def encoded(detail: msgspec.Struct) -> str:
    """The detail as it is stored: JSON without what is left at its default."""
    assert not isinstance(detail, Damaged)
    return msgspec.json.encode(given(detail)).decode()


def _all(seq: int | None) -> sa.Select[Any]:
    query = sa.select(tables.party_facts)
    return query if seq is None else query.where(_ROW.commit_seq <= seq)


def _held(connection: sa.Connection, queries: Iterable[sa.Select[Any]]) -> list[PartyFact]:
    rows = [row for query in queries for row in connection.execute(query.order_by(_ROW.commit_seq, _ROW.fact_id))]
    places: dict[int, tuple[Subject, str, str, dt.date]] = {}  # of each fact: of those in one place the last learned holds
    last: dict[tuple[Subject, str, str, dt.date], PartyFact] = {}
    for row in rows:
        if row.kind != RETRACTION:
            fact = _fact(row)
            place = places[fact.fact_id] = (fact.subject, fact.kind, fact.name, fact.from_date)
            last[place] = fact
        elif row.retracts in places:
            last.pop(places[row.retracts], None)
    return sorted(
        last.values(), key=lambda fact: (fact.subject.account_key or 0, fact.subject.entity, fact.kind, fact.name, fact.from_date)
    )


def _fact(row: Any) -> PartyFact:  # noqa: ANN401 -- a row of the table
    subject = Subject(row.account_key, row.entity)
    begins, ends = dt.date.min, None
    try:
        begins, ends = dt.date.fromisoformat(row.from_date), dt.date.fromisoformat(row.to_date) if row.to_date else None
        detail = _detail(subject, row.kind, row.detail)
    except ValueError:
        detail = Damaged("its days cannot be read")
    return PartyFact(row.fact_id, subject, row.kind, row.name, begins, ends, detail, row.commit_seq, row.by_name)


def _detail(subject: Subject, kind: str, text: str) -> msgspec.Struct:
    struct = subject.kinds.get(kind)
    if struct is None:
        return Damaged("its kind is unknown")
    try:
        found: msgspec.Struct = msgspec.json.decode(text, type=struct)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return Damaged(f"its fields are not those of {kind}")
    return found


def _insert(connection: sa.Connection, subject: Subject, values: dict[str, object], by: Operator, commit_seq: int) -> int:
    acted = {"by_name": by.name, "by_uid": by.uid, "commit_seq": commit_seq}
    added = connection.execute(tables.party_facts.insert().values(**subject._asdict(), **values, **acted)).inserted_primary_key
    assert added is not None
    return int(added[0])
