"""Who pays which line: consolidated bills, split bills and sponsors.

Account 1 has the subscription; 2 is its head office, 3 a sponsor, 4 above the head office. Lines are of October (day 1) and November.
"""

from __future__ import annotations

import dataclasses

import pytest

from billing.charges.lines import Kind
from billing.runs.agreed import NOBODY, NOTHING, Relation
from billing.runs.facts import day_number
from billing.runs.payers import route
from rating.model import Plan
from tests.billing.charges.rows import lines
from tests.billing.runs.proposed import Proposed, life, span

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
    found = route(due, proposed.contracts, proposed.scope)
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
    assert route(due, proposed.contracts, proposed.scope)["account_key"].tolist() == [3, 2]


def test_a_ring_of_payers_ends() -> None:
    agreed = dataclasses.replace(NOTHING, payers={0: (Relation(span("2025-01-01"), 1),), 1: (Relation(span("2025-01-01"), 0),)})
    proposed = Proposed.of([Plan("basic", (), {})], [(1, life(("2025-10-01", "basic")))], accounts=2, agreed=agreed)
    due = lines({"account_key": 1, "subscription_key": 1, "period_from": OCTOBER, "kind": 1})
    assert route(due, proposed.contracts, proposed.scope)["account_key"].tolist() in ([1], [2])


def test_nothing_agreed_costs_nothing() -> None:
    proposed = Proposed.of([Plan("basic", (), {})], [(1, life(("2025-10-01", "basic")))])
    due = lines({"account_key": 1, "subscription_key": 1, "period_from": OCTOBER, "kind": 1})
    assert route(due, proposed.contracts, proposed.scope) is due
