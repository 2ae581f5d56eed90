"""Who pays which line: consolidated bills, split bills and sponsors.

Account 1 has the subscription; 2 is its head office, 3 a sponsor, 4 above the head office. Lines are of October (day 1) and November.
"""

from __future__ import annotations

import dataclasses
import itertools
import random
from typing import TYPE_CHECKING

import pytest

from billing.accounts.reach import DatedAgreement, in_force
from billing.charges.charge_keys import Kind
from billing.runs.contracts.agreements import NOBODY, NOTHING, Relation
from billing.runs.settlement.payers import route
from rating.dates import day_number
from rating.model import Plan
from tests.billing.charges.rows import lines
from tests.billing.runs.proposed import Proposed, life, span

if TYPE_CHECKING:
    from billing.charges.proration import Span

OCTOBER, NOVEMBER = (day_number(span(f"2025-{month}-01").start) for month in ("10", "11"))
FEE, CALLS = 1, 2  # charge codes
FAMILIES = {"payer": "payers", "sponsor": "sponsors", "own": "subscription_payers"}

# agreements: family (payer or sponsor of the account, own payer of the subscription), who (0 ends it), since; for usage, a charge code.
# Then who pays the fee of October, its usage, the fee of November, its usage.
TABLE = """
agreements                                                          fee  usage  fee  usage
-                                                                   1    1      1    1
payer 2 2025-10-01                                                  2    2      2    2      # consolidated
payer 2 2025-10-02                                                  1    1      2    2      # from the next period on
payer 2 2025-11-01                                                  1    1      2    2
payer 2 2025-10-01 usage                                            1    2      1    2
payer 2 2025-10-01 code 1                                           2    1      2    1
payer 2 2025-10-01, payer 0 2025-11-01                              2    2      1    1
payer 2 2025-10-01, payer 0 2025-11-01 usage                        2    2      2    1
payer 2 2025-10-01, payer 3 2025-11-01                              2    2      3    3
sponsor 3 2025-10-01 code 2                                         1    3      1    3
payer 2 2025-10-01, sponsor 3 2025-10-01 code 2                     2    3      2    3      # head office pays the rest
payer 2 2025-10-01, sponsor 3 2025-10-01 code 2, sponsor 0 2025-11-01 code 2    2    3      2    2
sponsor 3 2025-10-01 usage, payer 2 2025-11-01                      1    3      2    2      # the newest holds
own 2 2025-10-01 usage                                              1    2      1    2      # a split bill
own 2 2025-10-01 usage, payer 3 2025-10-01                          3    2      3    2
own 2 2025-10-01, own 0 2025-11-01                                  2    2      1    1
payer 4 2025-10-01                                                  4    4      4    4
payer 5 2025-10-01                                                  4    4      4    4      # account 4 pays for account 5
"""


def rows() -> list[tuple[str, list[int]]]:
    found = []
    for line in TABLE.strip().splitlines()[1:]:
        cells = line.partition("#")[0].rsplit(maxsplit=4)
        found.append((cells[0].strip(), [int(cell) for cell in cells[1:]]))
    return found


def relation(text: str) -> tuple[str, Relation]:
    family, who, since, *about = text.split()
    kinds = ("usage",) if about == ["usage"] else ()
    codes = (int(about[1]),) if about[:1] == ["code"] else ()
    return family, Relation(span(since), int(who) - 1 if who != "0" else NOBODY, kinds, codes)


def routed(agreements: str) -> list[int]:
    told: dict[str, dict[int, tuple[Relation, ...]]] = {name: {} for name in FAMILIES.values()}
    told["payers"][4] = (Relation(span("2025-01-01"), 3),)
    for text in agreements.split(", ") if agreements != "-" else []:
        family, each = relation(text)
        subject = 1 if family == "own" else 0
        told[FAMILIES[family]][subject] = (*told[FAMILIES[family]].get(subject, ()), each)
    agreed = dataclasses.replace(NOTHING, **told)  # type: ignore[arg-type] -- fields by their names
    proposed = Proposed.of([Plan("basic", (), {})], [(1, life(("2025-10-01", "basic")))], accounts=5, agreed=agreed)
    due = lines(
        *(
            {"account_key": 1, "subscription_key": 1, "period_from": period, "kind": kind, "charge_code": code}
            for period in (OCTOBER, NOVEMBER)
            for kind, code in ((Kind.RECURRING, FEE), (Kind.USAGE, CALLS))
        )
    )
    found = route(due, proposed.contracts)
    assert due["account_key"].tolist() == [1] * 4  # what came in is not changed
    return found["account_key"].tolist()


@pytest.mark.parametrize(("agreements", "expected"), rows())
def test_who_pays(agreements: str, expected: list[int]) -> None:
    assert routed(agreements) == expected


def test_an_agreement_that_has_ended_leaves_the_one_before() -> None:
    relations = (Relation(span("2025-01-01"), 1), Relation(span("2025-10-01", "2025-11-01"), 2))
    agreed = dataclasses.replace(NOTHING, payers={0: relations})
    proposed = Proposed.of([Plan("basic", (), {})], [(1, life(("2025-10-01", "basic")))], accounts=3, agreed=agreed)
    due = lines(*({"account_key": 1, "subscription_key": 1, "period_from": period, "kind": 1} for period in (OCTOBER, NOVEMBER)))
    assert route(due, proposed.contracts)["account_key"].tolist() == [3, 2]


@pytest.mark.parametrize("seed", range(20))
def test_who_pays_a_line_has_a_say_then_and_nobody_else_has(seed: int) -> None:
    """Whether facts fit together is asked of `reach`, who pays of `route`: by chance, five agreements of one account."""
    random_ = random.Random(seed)
    months = [f"2025-{month:02}-01" for month in range(1, 13)]
    kinds = tuple(name.lower() for name in ("RECURRING", "ONE_OFF", "USAGE", "VOLUME", "COMMITMENT", "ADJUSTMENT"))
    relations = []
    for other, start in enumerate(sorted(random_.sample(range(12), 5)), start=1):
        end = random_.choice([None, *months[start + 1 :]])
        filters = random_.choice([(), (), kinds[:3], kinds[3:], ("usage",)]), random_.choice([(), (), (FEE,), (FEE, CALLS)])
        relations.append(Relation(span(months[start], end), other, *filters))
    agreed = dataclasses.replace(NOTHING, payers={0: tuple(relations)})
    proposed = Proposed.of([Plan("basic", (), {})], [(1, life(("2025-01-01", "basic")))], accounts=6, agreed=agreed)
    about = list(itertools.product(months, kinds, (FEE, CALLS, 3)))
    due = lines(
        *(
            {
                "account_key": 1,
                "subscription_key": 1,
                "period_from": day_number(span(month).start),
                "kind": Kind[kind.upper()],
                "charge_code": code,
            }
            for month, kind, code in about
        )
    )
    keys = route(due, proposed.contracts)["account_key"].tolist()
    paid = {(month, key - 1) for (month, _, _), key in zip(about, keys, strict=True) if key != 1}
    spans = in_force([DatedAgreement(each.span, each.kinds, each.charge_codes) for each in relations])
    say = {
        (month, each.other) for each, days in zip(relations, spans, strict=True) for month in months for day in days if holds(day, month)
    }
    assert paid == say, f"seed {seed}"


def holds(days: Span, month: str) -> bool:
    return days.holds_on(span(month).start)


def test_a_test_account_pays_for_nobody_else() -> None:
    """Account 2 is for tests from November on, and would pay for account 1 whatever 3 pays for it; account 1 pays itself then."""
    payers = {0: (Relation(span("2025-01-01"), 1),), 1: (Relation(span("2025-01-01"), 2),)}
    agreed = dataclasses.replace(NOTHING, payers=payers, categories={1: ((span("2025-11-01"), "test"),)})
    proposed = Proposed.of([Plan("basic", (), {})], [(1, life(("2025-10-01", "basic")))], accounts=3, agreed=agreed)
    due = lines(*({"account_key": 1, "subscription_key": 1, "period_from": period, "kind": 1} for period in (OCTOBER, NOVEMBER)))
    assert route(due, proposed.contracts)["account_key"].tolist() == [3, 1]


def test_a_ring_of_payers_ends() -> None:
    agreed = dataclasses.replace(NOTHING, payers={0: (Relation(span("2025-01-01"), 1),), 1: (Relation(span("2025-01-01"), 0),)})
    proposed = Proposed.of([Plan("basic", (), {})], [(1, life(("2025-10-01", "basic")))], accounts=2, agreed=agreed)
    due = lines({"account_key": 1, "subscription_key": 1, "period_from": OCTOBER, "kind": 1})
    assert route(due, proposed.contracts)["account_key"].tolist() in ([1], [2])


def test_nothing_agreed_costs_nothing() -> None:
    proposed = Proposed.of([Plan("basic", (), {})], [(1, life(("2025-10-01", "basic")))])
    due = lines({"account_key": 1, "subscription_key": 1, "period_from": OCTOBER, "kind": 1})
    assert route(due, proposed.contracts) is due
