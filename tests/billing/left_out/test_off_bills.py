"""Usage whose charges are on no bill: what a void document had, and what was computed for tests. It is billed, waits for a run, or is late.

One call of ten minutes in October (1.00, Anna's), told as in `tests.billing.runs.test_moved_histories`: runs open one period before the
newest. Every screen says the same of it, and all books balance after each act.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

import pytest

from billing import invoicing
from billing.accounts import agreements, kinds
from billing.accounts.picture import account_keys, load
from billing.enquiries.usage import State, find
from billing.enquiries.usage_rows import Instants
from billing.late_decisions import BILLED, WRITTEN_OFF
from billing.left_out.for_good import left_for_good, open_records
from billing.too_late.listing import listed
from billing.usage_report.rating_book import rating_book
from billing.usage_report.span import Span as Days
from billing.verification.explain_line import explain_record
from tests.billing.runs.test_moved_histories import History
from tests.billing.runs.world import Call
from tests.billing.too_late.late_world import CENT, NUMBERS, decide, take_back, usage_cents, wrong

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
SECOND: Final = "8613800000009"
YEARS: Final = Days(dt.date(2025, 9, 1), dt.date(2026, 12, 1))

# acts; whose it is on the list (empty: it is on none), its state for `usage find`, and its fate in the usage report
VOID_WHILE_THE_NEW_OWNER_IS_CLOSED: Final = """
        2025-10-21 call anna 2025-10-20 10
                   runs 2025-11 2025-11
        2025-11-03 hold anna never
        2025-11-04 move anna bert-1 2025-10-10
                   runs 2025-12 2026-01
        2026-01-05 void anna
        """
TWO_RUNS: Final = "it was for tests by mistake, and the second run has closed the period"
STATES: Final = {
    "the bill of the former owner is void, and the period is closed to the new one": (
        VOID_WHILE_THE_NEW_OWNER_IS_CLOSED, "bert", State.TOO_LATE, "too_late"),
    "and runs go on": (
        VOID_WHILE_THE_NEW_OWNER_IS_CLOSED + "           runs 2026-02 2026-03", "bert", State.TOO_LATE, "too_late"),
    "the bill is void, and the next run bills it": ("""
        2025-10-21 call anna 2025-10-20 10
                   runs 2025-11 2026-02
        2026-02-05 void anna
        """, "", State.VOID, "not_yet_due"),
    "and that run is made": ("""
        2025-10-21 call anna 2025-10-20 10
                   runs 2025-11 2026-02
        2026-02-05 void anna
                   runs 2026-03 2026-03
        """, "", State.BILLED, "rated"),
    "the bill is void, and bills of the account are held": ("""
        2025-10-21 call anna 2025-10-20 10
                   runs 2025-11 2026-02
        2026-02-05 void anna
        2026-02-06 hold anna never
                   runs 2026-03 2026-04
        """, "", State.VOID, "not_yet_due"),
    "the run is undone": ("""
        2025-11-21 call anna 2025-11-20 10
                   runs 2025-11 2025-12
        2025-12-05 undo 2 anna,bert
        """, "", State.NOT_DUE, "not_yet_due"),
    "the account is for tests all along": ("""
        2025-10-01 test anna 2025-10-01
        2025-10-21 call anna 2025-10-20 10
                   runs 2025-11 2026-02
        """, "", State.NOT_BILLABLE, "rated"),
    "it was for tests by mistake, and the period is closed": ("""
        2025-10-01 test anna 2025-10-01
        2025-10-21 call anna 2025-10-20 10
                   runs 2025-11 2026-02
        2026-02-21 customer anna
        """, "anna", State.TOO_LATE, "too_late"),
    TWO_RUNS: ("""
        2025-10-01 test anna 2025-10-01
        2025-10-21 call anna 2025-10-20 10
                   runs 2025-11 2025-11
                   runs 2026-02 2026-02
        2026-02-21 customer anna
        """, "anna", State.TOO_LATE, "too_late"),
    "and runs after the mistake go on": ("""
        2025-10-01 test anna 2025-10-01
        2025-10-21 call anna 2025-10-20 10
                   runs 2025-11 2026-02
        2026-02-21 customer anna
                   runs 2026-03 2026-04
        """, "anna", State.TOO_LATE, "too_late"),
    "it was for tests by mistake, and the period is open": ("""
        2025-10-01 test anna 2025-10-01
        2025-10-21 call anna 2025-10-20 10
                   runs 2025-11 2025-11
        2025-11-21 customer anna
        """, "", State.NOT_DUE, "not_yet_due"),
    "and the next run has billed it": ("""
        2025-10-01 test anna 2025-10-01
        2025-10-21 call anna 2025-10-20 10
                   runs 2025-11 2025-11
        2025-11-21 customer anna
                   runs 2025-12 2025-12
        """, "", State.BILLED, "rated"),
    "it was for tests by mistake, and another version is kept": ("""
        2025-10-01 test anna 2025-10-01
        2025-10-21 call anna 2025-10-20 20
                   runs 2025-11 2026-02
        2026-02-21 customer anna
        2026-02-22 call anna 2025-10-20 10
        2026-02-23 keep 10
                   runs 2026-03 2026-03
        """, "anna", State.TOO_LATE, "too_late"),
    "it was computed for tests, and the number moves to a customer to whom the period is closed": ("""
        2025-10-01 test anna 2025-10-01
        2025-10-21 call anna 2025-10-20 10
                   runs 2025-11 2026-02
        2026-02-20 move anna bert-1 2025-10-10
                   runs 2026-03 2026-03
        """, "bert", State.TOO_LATE, "too_late"),
    "a customer was billed, the bill is void, and the number is of an account for tests": ("""
        2025-10-01 test bert 2025-10-01
        2025-10-21 call anna 2025-10-20 10
                   runs 2025-11 2026-02
        2026-02-05 void anna
        2026-02-20 move anna bert-1 2025-10-10
        """, "", State.VOID, "rated"),
    "the bill of the payer is void, and the next run bills it": ("""
        2025-10-02 pays bert anna 2025-10-01
        2025-10-21 call anna 2025-10-20 10
                   runs 2025-11 2026-02
        2026-02-05 void bert
        """, "", State.VOID, "not_yet_due"),
    "and that run is made for the payer": ("""
        2025-10-02 pays bert anna 2025-10-01
        2025-10-21 call anna 2025-10-20 10
                   runs 2025-11 2026-02
        2026-02-05 void bert
                   runs 2026-03 2026-03
        """, "", State.BILLED, "rated"),
    "it was for tests by mistake, and a customer since, and the next run bills it": ("""
        2025-10-01 open 3
        2025-10-01 test anna 2025-10-01
        2025-10-21 call anna 2025-10-20 10
                   runs 2025-11 2025-11
        2025-11-05 normal anna 2025-11-01
                   runs 2025-12 2025-12
        2025-12-03 customer anna
        """, "", State.NOT_DUE, "not_yet_due"),
}  # fmt: skip


class Told(History):
    """The same acts, and one more."""

    def customer(self, _day: str, account: str) -> None:
        """It was a mistake that the account is for tests."""
        with self.world.home.connect() as connection:
            keys = list(account_keys(connection, [account]).values())
            told = next(fact for fact in load(connection, keys).customers[keys[0]].facts if fact.kind == "category")
        agreements.retract(self.world.home, self.asked(), account, told.fact_id, "mistake", of_subscription=False)

    def normal(self, _day: str, account: str, from_day: str) -> None:
        """An account is a customer from a day on."""
        category = kinds.CategoryFact("normal")
        agreements.agree(self.world.home, self.asked(), account, "category", dt.date.fromisoformat(from_day), None, category)

    def pays(self, _day: str, payer: str, account: str, from_day: str) -> None:
        """An account pays for another one."""
        fact = kinds.PayerFact(payer, ())
        agreements.agree(self.world.home, self.asked(), account, "payer", dt.date.fromisoformat(from_day), None, fact)

    def second(self, _day: str, payer: str) -> None:
        """Anna has a second number, which another account pays for."""
        self.world.subscription("anna-2", "anna", "shop/plus", SECOND)
        fact = kinds.PayerFact(payer, ())
        agreements.agree_for(self.world.home, self.asked(), "anna-2", "payer", dt.date(2025, 10, 1), None, fact)


@pytest.fixture
def history(tmp_path: Path) -> Iterator[Told]:
    made = Told(tmp_path)
    yield made
    made.world.home.close()


def tell(history: Told, acts: str) -> None:
    for line in acts.strip().splitlines():
        history.tell(line)


def on_list(history: Told) -> list[tuple[str, int]]:
    """Account and cents of what is listed."""
    return [(each.record.account_id, each.worth_micros // CENT) for each in listed(history.world.home, history.world.now_us).records]


def fate(history: Told) -> str:
    """The part of the usage report that has the call."""
    home = history.world.home
    with home.connect() as connection:
        (line,) = rating_book(home, home.head_seq(connection), YEARS)
    assert line.ok
    return next(name for name, each in line.right.items() if each.rows)


def explained(history: Told) -> list[tuple[str, str]]:
    """Reason and account of each explanation why it is on no bill."""
    return [(each.reason.value, each.account_id) for each in explain_record(history.world.home, "x").left_out]


def left_alone(history: Told) -> int:
    """The number of records that a re-rating leaves alone."""
    with history.world.home.connect() as connection:
        seq = history.world.home.head_seq(connection)
    found = left_for_good(history.world.home, seq)
    return 0 if found is None else len(found.keys)


@pytest.mark.parametrize("name", STATES)
def test_every_screen_says_the_same_of_it(history: Told, name: str) -> None:
    acts, whose, state, report = STATES[name]
    tell(history, acts)
    expected = [(whose, 100)] if whose else []
    assert on_list(history) == expected
    assert (open_records(history.world.home).records, left_alone(history)) == (len(expected),) * 2
    (record,) = find(history.world.home, NUMBERS["anna"], Instants()).records
    assert (record.state, fate(history), wrong(history.world)) == (state, report, set())
    assert (("closed", whose) in explained(history)) == bool(whose)
    billed = sum(history.billed_cents(each) for each in ("anna", "bert"))
    assert billed == (100 if state is State.BILLED else 0)


@pytest.mark.parametrize("name", ["and runs go on", "it was for tests by mistake, and the period is closed", TWO_RUNS])
@pytest.mark.parametrize("kind", [BILLED, WRITTEN_OFF])
def test_people_decide_on_it(history: Told, name: str, kind: str) -> None:
    acts, whose, _, _ = STATES[name]
    tell(history, acts)
    world = history.world
    done = decide(world, kind, "x")
    assert [(each.account_id, each.amount_micros // CENT) for each in done.groups] == [(whose, 100 if kind == BILLED else 0)]
    assert (on_list(history), fate(history), wrong(world)) == ([], f"late_{kind}", set())
    (record,) = find(world.home, NUMBERS["anna"], Instants()).records
    assert record.state is (State.LATE_BILLED if kind == BILLED else State.LATE_WRITTEN_OFF)
    world.bill("2026-04-01")
    assert (usage_of(history, whose), on_list(history), wrong(world)) == (100 if kind == BILLED else 0, [], set())


def usage_of(history: Told, account: str) -> int:
    """The cents that valid documents have billed an account for usage, and by adjustments."""
    valid = [number for number in history.world.numbers(account) if number not in history.voided]
    lines = [line for number in valid for line in invoicing.get_invoice(history.world.home, number).lines]
    return sum(line.amount_micros for line in lines if line.kind in {"usage", "adjustment"}) // CENT


@pytest.mark.parametrize("name", [TWO_RUNS, "the bill of the former owner is void, and the period is closed to the new one"])
def test_a_decision_is_taken_back(history: Told, name: str) -> None:
    acts, whose, _, _ = STATES[name]
    tell(history, acts)
    decide(history.world, WRITTEN_OFF, "x")
    take_back(history.world, 1)
    assert (on_list(history), usage_cents(history.world, whose), wrong(history.world)) == ([(whose, 100)], 0, set())


# Anna's first number is on her own bill, her second one on Bert's, of one run. Only what Bert's had is off.
SPLIT: Final = """
        2025-10-02 second bert
        2025-10-21 call anna 2025-10-20 10
"""


@pytest.mark.parametrize("first", ["2025-11", "2026-02"])
def test_a_void_document_of_one_payer_takes_nothing_off_that_of_another(history: Told, first: str) -> None:
    tell(history, SPLIT)
    history.world.take(Call(SECOND, "2025-10-20T12:00:00", 240, key="y"))
    tell(history, f"runs {first} 2026-02\n2026-02-05 void bert")
    assert [(each.record_id, each.state) for each in find(history.world.home, NUMBERS["anna"], Instants()).records] == [("x", State.BILLED)]
    assert [(each.record_id, each.state) for each in find(history.world.home, SECOND, Instants()).records] == [("y", State.VOID)]
    assert (on_list(history), history.billed_cents("anna"), history.billed_cents("bert")) == ([], 100, 0)
    tell(history, "runs 2026-03 2026-03")
    assert (on_list(history), history.billed_cents("anna"), history.billed_cents("bert"), wrong(history.world)) == ([], 100, 40, set())
