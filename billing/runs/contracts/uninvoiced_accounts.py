"""Accounts for tests: all of their usage and fees are rated, and none of it is invoiced to any account.

The category of an account on the first day of a line's period decides. Few accounts ever are for tests, so they are handled one by one.
The list of accounts that a run puts aside names those that are for tests in their last period: it says nothing of their other periods.
"""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING

import numpy as np
import sqlalchemy as sa

from billing.accounts import facts as dated
from billing.runs.contracts.agreements import NORMAL, TEST, category_on, span_of
from billing.runs.contracts.columns import index_of
from billing.store import tables
from rating.dates import day_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

    import numpy.typing as npt

    from billing.charges.lines import Int64s, Lines
    from billing.charges.proration import Span
    from billing.runs.contracts.facts import Facts


class DaysForTests:
    """The days on which some accounts (keys) are for tests, as of a commit (None: now), without the facts of all others."""

    def __init__(self, connection: sa.Connection, account_keys: Iterable[int], seq: int | None = None) -> None:
        keys, account = sorted(set(account_keys)), tables.accounts.c
        self._imported: dict[int, str | None] = {}
        for lot in dated.in_chunks(keys):
            query = sa.select(account.account_key, account.category).where(account.account_key.in_(lot))
            self._imported |= {int(key): category for key, category in connection.execute(query)}
        self._told: dict[int, list[tuple[Span, str]]] = collections.defaultdict(list)
        for fact in dated.account_facts(connection, seq, kinds=("category",), keys=keys):
            self._told[fact.subject].append((span_of(fact), fact.detail.category))

    def holds(self, account_key: int, day: dt.date) -> bool:
        """Return whether one of the accounts is for tests on a day; False for an account that is not among them."""
        return category_on(self._told.get(account_key, ()), day, self._imported.get(account_key) or NORMAL) == TEST

    def ever(self, account_key: int) -> bool:
        """Return whether one of the accounts is for tests on any day that was ever told."""
        return self._imported.get(account_key) == TEST or any(category == TEST for _, category in self._told.get(account_key, ()))


def ever_for_tests(facts: Facts) -> list[int]:
    """Accounts (indices, ascending) that are for tests on any day."""
    found = {index for index, told in facts.agreed.categories.items() if any(category == TEST for _, category in told)}
    if TEST in facts.categories:
        found |= set(np.flatnonzero(facts.account_category == facts.categories.index(TEST)).tolist())
    return sorted(found)


def for_tests(facts: Facts, index: int, day: dt.date) -> bool:
    """Return whether an account (index) is for tests on a day."""
    imported = facts.categories[facts.account_category[index]] if facts.categories else NORMAL
    return category_on(facts.agreed.categories.get(index, ()), day, imported) == TEST


def of_tests(lines: Lines, facts: Facts) -> npt.NDArray[np.bool_]:
    """A mask of the lines of accounts (`account_key`) that are for tests on the first day of the line's period."""
    return tested(lines["account_key"], lines["period_from"], facts)


def tested(account_keys: Int64s, days: Int64s, facts: Facts) -> npt.NDArray[np.bool_]:
    """A mask of the accounts that are for tests, each on a day (number) of its own."""
    found = np.zeros(account_keys.size, np.bool_)
    ever = np.array(ever_for_tests(facts), np.int64)
    if not ever.size or not account_keys.size:
        return found
    ever = ever[np.argsort(facts.account_keys[ever])]
    place = index_of(facts.account_keys[ever], account_keys)
    rows = np.flatnonzero(place >= 0)
    pairs = list(zip(ever[place[rows]].tolist(), days[rows].tolist(), strict=True))
    told = {pair: for_tests(facts, pair[0], day_of(pair[1])) for pair in set(pairs)}
    found[rows] = [told[pair] for pair in pairs]
    return found
