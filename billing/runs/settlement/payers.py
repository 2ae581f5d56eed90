"""The payer of each line: consolidated bills, split bills and sponsors.

Lines are proposed for the account that owns the subscription; here each goes to the account that pays it, before tax. An agreement holds
for a line if its filters (kinds, charge codes; empty: everything) fit and it held as the *period of the line* began. There are three
families: payers of an account, sponsors of an account, payers of a subscription. In each family the newest that fits applies; one that ends
an agreement (`NOBODY`) removes its family. Of the remaining ones the newest holds. On one date the subscription's comes before the
sponsor's, and that before the account's. A payer may have a payer, too: the line goes on by that account's agreements to the last one.

No other account pays for a test account: its lines stay with it, and there nothing is invoiced
(`billing.runs.contracts.uninvoiced_accounts`). A test account pays for no other account, even if that was agreed before it was refused: the
lines that it would pay stay with their account. A discount is already at the payer of the line that it is off
(`billing.runs.settlement.totals`): the payer of a fee pays what is left of it. So is each part of a volume tier of a whole account, by the
agreements about such lines of the subscriptions whose usage it counts. Columns only: agreements of one account are applied in order, each
to the lines of all accounts that have so many.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from billing.charges.charge_keys import Kind
from billing.charges.lines import Int64s, Lines
from billing.runs.contracts.agreements import NOBODY
from billing.runs.contracts.columns import index_of
from billing.runs.contracts.uninvoiced_accounts import of_tests, tested
from rating.dates import BEFORE_ALL, NEVER_DAY, day_number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from billing.runs.contracts.agreements import Relation
    from billing.runs.contracts.contracts import Contracts
    from billing.runs.contracts.facts import Facts

HOPS_MAX: Final = 16  # no tree of payers is deeper; a ring, which no import lets in, ends here
_UNTOLD: Final = -2


class _Family(NamedTuple):
    """Agreements by subject (ascending), in order of time: those of subject s are rows first[s] up to first[s + 1]."""

    subjects: Int64s
    first: Int64s
    from_day: Int64s
    to_day: Int64s
    other: Int64s
    filter_number: Int64s
    filters: list[tuple[tuple[int, ...], tuple[int, ...]]]  # kinds, charge codes


def route(lines: Lines, contracts: Contracts) -> Lines:
    """`lines` with the account that pays in place of the one that owns; in the order given."""
    facts, agreed = contracts.facts, contracts.facts.agreed
    if not agreed.payers and not agreed.sponsors and not agreed.subscription_payers:
        return lines
    of_accounts = [_family(agreed.payers), _family(agreed.sponsors)]
    of_subscriptions = _family(agreed.subscription_payers)
    rows = _concerned(lines, facts)
    account, moving = facts.account_index(lines["account_key"][rows]), lines[rows]
    for hop in range(HOPS_MAX):
        found = [_asked(family, account, moving) for family in of_accounts]
        if hop == 0:
            found.append(_asked(of_subscriptions, moving["subscription_key"], moving))
        payer = _newest(found, account)
        payer = np.where(tested(facts.account_keys[payer], moving["period_from"], facts), account, payer)
        if bool(np.all(payer == account)):
            break
        account = payer
    result = lines.copy()
    result["account_key"][rows] = facts.account_keys[account]
    moved = np.flatnonzero(result["account_key"] != lines["account_key"])
    assert np.isin(moved, rows).all(), "lines went to another account without an agreement about them"
    return result


def _concerned(lines: Lines, facts: Facts) -> Int64s:
    """Rows of lines that any agreement may be about."""
    accounts = facts.account_keys[sorted({*facts.agreed.payers, *facts.agreed.sponsors})]
    subscriptions = np.array(sorted(facts.agreed.subscription_payers), np.int64)
    named = np.isin(lines["account_key"], accounts) | np.isin(lines["subscription_key"], subscriptions)
    named &= lines["kind"] != Kind.DISCOUNT  # which is at the payer of what it is off (`totals`)
    return np.flatnonzero(named & ~of_tests(lines, facts))


def _family(relations: Mapping[int, Sequence[Relation]]) -> _Family:
    subjects = sorted(relations)
    ordered = [sorted(relations[subject], key=lambda each: each.span.start) for subject in subjects]
    every = [each for of_subject in ordered for each in of_subject]
    filters: dict[tuple[tuple[int, ...], tuple[int, ...]], int] = {}
    numbers = [filters.setdefault((_kinds(each), tuple(each.charge_codes)), len(filters)) for each in every]
    return _Family(
        np.array(subjects, np.int64),
        np.cumsum([0, *(len(of_subject) for of_subject in ordered)]).astype(np.int64),
        np.array([day_number(each.span.start) for each in every], np.int64),
        np.array([NEVER_DAY if each.span.end is None else day_number(each.span.end) for each in every], np.int64),
        np.array([each.other for each in every], np.int64),
        np.array(numbers, np.int64),
        list(filters),
    )


def _kinds(relation: Relation) -> tuple[int, ...]:
    return tuple(int(Kind[word.upper()]) for word in relation.kinds)


def _asked(family: _Family, subject: Int64s, lines: Lines) -> tuple[Int64s, Int64s]:
    """The start day and the payer of the newest agreement of a family that fits each line (_UNTOLD: no such agreement)."""
    since, other = np.full(lines.size, BEFORE_ALL, np.int64), np.full(lines.size, _UNTOLD, np.int64)
    place = index_of(family.subjects, subject)
    known = np.flatnonzero(place >= 0)
    first = family.first[place[known]]
    count = family.first[place[known] + 1] - first
    fits = [_fits(each, lines) for each in family.filters]
    for number in range(int(count.max(initial=0))):
        rows, facts = known[count > number], first[count > number] + number
        begins = lines["period_from"][rows]
        told = (family.from_day[facts] <= begins) & (begins < family.to_day[facts])
        for filter_number, fitting in enumerate(fits):
            told &= (family.filter_number[facts] != filter_number) | fitting[rows]
        since[rows[told]] = family.from_day[facts[told]]
        other[rows[told]] = family.other[facts[told]]
    return since, other


def _fits(filters: tuple[tuple[int, ...], tuple[int, ...]], lines: Lines) -> npt.NDArray[np.bool_]:
    kinds, codes = filters
    fitting = np.ones(lines.size, np.bool_)
    if kinds:
        fitting &= np.isin(lines["kind"], kinds)
    if codes:
        fitting &= np.isin(lines["charge_code"], codes)
    return fitting


def _newest(found: Sequence[tuple[Int64s, Int64s]], account: Int64s) -> Int64s:
    """The payer of each line by the agreements of the families; the account itself where there are none."""
    payer, newest = account.copy(), np.full(account.size, BEFORE_ALL, np.int64)
    for since, other in found:
        holds = (other != _UNTOLD) & (other != NOBODY) & (since >= newest)
        payer[holds] = other[holds]
        newest[holds] = since[holds]
    return payer
