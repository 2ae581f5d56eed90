"""Accounts for tests: all of their usage and fees are rated, and none of it is invoiced to any account.

The category of an account on the first day of a line's period decides. Few accounts ever are for tests, so they are handled one by one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from billing.runs.contracts.agreements import NORMAL, TEST, category_on
from billing.runs.contracts.columns import index_of
from billing.runs.contracts.fact_columns import day_of

if TYPE_CHECKING:
    import datetime as dt

    import numpy.typing as npt

    from billing.charges.lines import Int64s, Lines
    from billing.runs.contracts.facts import Facts


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
