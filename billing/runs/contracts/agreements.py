"""Agreements with single accounts beside their master data, by account index: the dated facts of `billing.accounts.kinds`.

Few accounts have any, so all of this is dictionaries: an account that is not in one has no fact of that kind. Facts of one account are in
order of time; of those that a day fits, the last one holds.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from billing.accounts import facts as dated
from billing.accounts.kinds import DiscountFact, TaxFact, TermsFact
from billing.accounts.reach import DatedAgreement, in_force
from billing.charges.proration import Span
from billing.store import tables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import sqlalchemy as sa

    from billing.accounts.facts import Fact

_Key = TypeVar("_Key")
NOBODY: Final = -1
STAFF: Final = "staff"
TEST: Final = "test"
NORMAL: Final = "normal"
ACCOUNT_KINDS: Final = ("bill_day", "terms", "payer", "sponsor", "pool", "hold", "category", "tax", "discount", "closed")
RELATIONS: Final = {"payer": "payer", "sponsor": "sponsor", "pool": "root"}  # kind -> field that names the other account
SUBSCRIPTION_KINDS: Final = ("pause", "outage", "end", "no_end", "terms", "payer", "discount")


class Relation(NamedTuple):
    """Another account pays (or shares), from a date on: `other` is its index, `NOBODY` ends it. Empty filters mean everything."""

    span: Span
    other: int
    kinds: tuple[str, ...] = ()
    charge_codes: tuple[int, ...] = ()


@dataclasses.dataclass(frozen=True)
class Agreed:
    """Dated facts by account index, and those of `subscription_payers` by subscription key.

    `parted`: retracted relations: the other account, and the commit of the retraction. Amounts billed until then are moved back between the
    two when both are computed.
    """

    bill_days: Mapping[int, tuple[tuple[dt.date, int], ...]]  # changes alone, in order of time
    terms: Mapping[int, tuple[tuple[Span, TermsFact], ...]]
    payers: Mapping[int, tuple[Relation, ...]]
    sponsors: Mapping[int, tuple[Relation, ...]]
    pools: Mapping[int, tuple[Relation, ...]]
    subscription_payers: Mapping[int, tuple[Relation, ...]]
    holds: Mapping[int, tuple[Span, ...]]
    categories: Mapping[int, tuple[tuple[Span, str], ...]]
    exempt: Mapping[int, tuple[tuple[Span, TaxFact], ...]]
    discounts: Mapping[int, tuple[tuple[Span, DiscountFact], ...]]
    closed_on: Mapping[int, dt.date]
    parted: Mapping[int, tuple[tuple[int, int], ...]]
    subscription_parted: Mapping[int, tuple[tuple[int, int], ...]]  # by subscription key

    def of_account(self, index: int) -> Agreed:
        """The agreements with one account alone, under index 0; without its relations."""
        of_accounts = ("bill_days", "terms", "holds", "categories", "exempt", "discounts", "closed_on")
        own = {name: {0: known[index]} for name in of_accounts if index in (known := getattr(self, name))}
        return dataclasses.replace(NOTHING, **own)


NOTHING: Final = Agreed(
    bill_days={},
    terms={},
    payers={},
    sponsors={},
    pools={},
    subscription_payers={},
    holds={},
    categories={},
    exempt={},
    discounts={},
    closed_on={},
    parted={},
    subscription_parted={},
)


def load(  # noqa: PLR0913, PLR0917 -- facts, and what is needed to say them by index
    connection: sa.Connection,
    seq: int,
    place: Mapping[int, int],
    index_of_id: Callable[[str], int],
    payers: Iterable[Fact],
    imported: Mapping[int, str],
) -> Agreed:
    """Facts about accounts as of `seq`. `place`: index of an account key; `index_of_id`: of an account id, `NOBODY` for an unknown one.

    `payers`: the facts of subscriptions that name one. `imported`: the category that an account was imported with.
    """
    found: dict[str, dict[int, list[Fact]]] = {kind: {} for kind in ACCOUNT_KINDS}
    for fact in dated.account_facts(connection, seq, kinds=ACCOUNT_KINDS):
        if fact.subject in place:
            found[fact.kind].setdefault(place[fact.subject], []).append(fact)

    def relations(of: Mapping[_Key, Sequence[Fact]], field: str) -> dict[_Key, tuple[Relation, ...]]:
        return {key: tuple(_relation(fact, field, index_of_id) for fact in facts) for key, facts in of.items()}

    def parted(table: sa.Table) -> dict[int, tuple[tuple[int, int], ...]]:
        others: dict[int, list[tuple[int, int]]] = {}
        for fact in dated.undone(connection, table, seq, tuple(RELATIONS)):
            others.setdefault(fact.subject, []).append((index_of_id(getattr(fact.detail, RELATIONS[fact.kind])), fact.commit_seq))
        return {subject: tuple(each) for subject, each in others.items()}

    by_subscription: dict[int, list[Fact]] = collections.defaultdict(list)
    for fact in payers:
        by_subscription[fact.subject].append(fact)
    return Agreed(
        bill_days=_each(found["bill_day"], lambda fact: (fact.from_date, fact.detail.bill_day)),
        terms=_each(found["terms"], lambda fact: (span_of(fact), fact.detail)),
        payers=relations(found["payer"], RELATIONS["payer"]),
        sponsors=relations(found["sponsor"], RELATIONS["sponsor"]),
        pools=relations(found["pool"], RELATIONS["pool"]),
        subscription_payers=relations(by_subscription, RELATIONS["payer"]),
        holds=_each(found["hold"], span_of),
        categories={
            index: ((Span(dt.date.min, None), imported.get(index, NORMAL)), *((span_of(fact), fact.detail.category) for fact in told))
            for index, told in found["category"].items()
        },
        exempt=_each(found["tax"], lambda fact: (span_of(fact), fact.detail)),
        discounts=_each(found["discount"], lambda fact: (span_of(fact), fact.detail)),
        closed_on={index: facts[-1].from_date for index, facts in found["closed"].items()},
        parted={place[key]: others for key, others in parted(tables.account_facts).items() if key in place},
        subscription_parted=parted(tables.subscription_facts),
    )


def span_of(fact: Fact) -> Span:
    """The dates in which a fact holds."""
    return Span(fact.from_date, fact.to_date)


def merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The days of `spans` as spans that do not meet, in order of time."""
    found: list[Span] = []
    for span in sorted(spans, key=lambda each: each.start):
        if span.end is not None and span.end <= span.start:
            continue
        last = found[-1] if found else None
        if last is None or (last.end is not None and last.end < span.start):
            found.append(span)
        else:
            found[-1] = Span(last.start, None if last.end is None or span.end is None else max(last.end, span.end))
    return tuple(found)


def ends(facts: Iterable[Fact]) -> dict[int, Fact]:
    """The valid one of facts `end` and `no_end`, by subscription key: the one learned last."""
    told = [fact for fact in facts if fact.kind in {"end", "no_end"}]
    return {fact.subject: fact for fact in sorted(told, key=lambda each: (each.commit_seq, each.fact_id))}


def category_on(categories: Iterable[tuple[Span, str]], day: dt.date, otherwise: str) -> str:
    """The category recorded for a day; `otherwise` where none is."""
    found = otherwise
    for span, category in categories:
        if span.holds_on(day):
            found = category
    return found


def units(agreed: Agreed, owner_of: Mapping[int, int]) -> dict[int, int]:
    """The root of its rating unit, for each account (index) of a unit with more than one member.

    Accounts are of one unit if any relation ever joined them, also a retracted one. Its root is the first member for which no other account
    ever paid; in a ring the first of all. `owner_of`: the account of each subscription key that any relation is about.
    """
    parent: dict[int, int] = {}
    depends: set[int] = set()

    def root(index: int) -> int:
        while parent.setdefault(index, index) != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    for index, relations in _families(agreed, owner_of):
        for relation in relations:
            if relation.other not in {NOBODY, index}:
                depends.add(index)
                parent[root(index)] = root(relation.other)
    for index, other, _ in parted(agreed, owner_of):
        parent[root(index)] = root(other)
    members: dict[int, list[int]] = {}
    for index in sorted(parent):
        members.setdefault(root(index), []).append(index)
    found: dict[int, int] = {}
    for of_unit in members.values():
        head = next((index for index in of_unit if index not in depends), of_unit[0])
        found.update(dict.fromkeys(of_unit, head))
    return found


def related(agreed: Agreed, owner_of: Mapping[int, int]) -> Iterator[tuple[int, int, Span]]:
    """Pairs of accounts (indices) where one takes something over from the other, with the days on which it does."""
    for index, relations in _families(agreed, owner_of):
        spans = in_force([DatedAgreement(each.span, each.kinds, each.charge_codes) for each in relations])
        for each, days in zip(relations, spans, strict=True):
            if each.other not in {NOBODY, index}:
                yield from ((index, each.other, span) for span in days)


def parted(agreed: Agreed, owner_of: Mapping[int, int]) -> Iterator[tuple[int, int, int]]:
    """Pairs of accounts (indices) whose relation was retracted, and the commit of the retraction."""
    of_subscriptions = ((owner_of[key], others) for key, others in agreed.subscription_parted.items() if key in owner_of)
    for index, others in (*agreed.parted.items(), *of_subscriptions):
        yield from ((index, other, commit_seq) for other, commit_seq in others if other not in {NOBODY, index})


def _families(agreed: Agreed, owner_of: Mapping[int, int]) -> Iterator[tuple[int, tuple[Relation, ...]]]:
    """Relations of one kind about one account or one of its subscriptions, with that account."""
    for of_accounts in (agreed.payers, agreed.sponsors, agreed.pools):
        yield from of_accounts.items()
    yield from ((owner_of[key], relations) for key, relations in agreed.subscription_payers.items() if key in owner_of)


def _each(facts: Mapping[int, Sequence[Fact]], what: Callable[[Fact], Any]) -> dict[int, tuple[Any, ...]]:
    return {index: tuple(what(fact) for fact in of_account) for index, of_account in facts.items()}


def _relation(fact: Fact, field: str, index_of_id: Callable[[str], int]) -> Relation:
    other = getattr(fact.detail, field)
    kinds, codes = getattr(fact.detail, "kinds", ()), getattr(fact.detail, "charge_codes", ())
    return Relation(span_of(fact), index_of_id(other) if other else NOBODY, kinds, codes)
