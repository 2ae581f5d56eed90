"""Usage on an interim bill whose number or record is another account's by then: it is on one valid bill, in mid-cycle as well.

One call of ten minutes in November (1.00, Anna's); a threshold is reached by any usage, another by 9.00. The next run puts all right.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

import msgspec
import pytest

from billing import catalogue
from billing.accounts import agreements, numbers
from billing.documents import interim, undoing, voiding
from billing.documents.explaining import explain
from billing.late_decisions import BILLED
from billing.left_out.for_good import open_records as open_count
from billing.persons import Who
from rating.errors import ProblemsError, UserError
from rating.model import BillThreshold
from tests.billing.runs.test_moved_histories import History
from tests.billing.runs.world import START_US, Call, shop
from tests.billing.too_late.late_world import ANA, NUMBERS, decide, open_records, wrong

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

CARLS: Final = "8613800000003"

# acts; cents of usage on valid bills of Anna and of Bert then, and after the next run
HISTORIES: Final = {
    "both have an interim bill": ("""
                   runs 2025-11 2025-11
        2025-11-10 call anna 2025-11-05 10
        2025-11-12 interim
        2025-11-13 move anna bert-1 2025-11-02
        2025-11-14 interim
        """, (100, 0), (0, 100)),
    "the new owner has usage of his own": ("""
                   runs 2025-11 2025-11
        2025-11-10 call anna 2025-11-05 10
        2025-11-12 interim
        2025-11-13 move anna bert-1 2025-11-02
        2025-11-14 own 2025-11-04 20
        2025-11-15 interim
        """, (100, 200), (0, 300)),
    "the former owner had more than that": ("""
                   runs 2025-11 2025-11
        2025-11-10 call anna 2025-11-05 10
        2025-11-10 other 2025-11-01 30
        2025-11-12 interim
        2025-11-13 move anna bert-1 2025-11-02
        2025-11-14 interim
        """, (400, 0), (300, 100)),
    "what came after the interim bill is the new owner's": ("""
                   runs 2025-11 2025-11
        2025-11-10 call anna 2025-11-05 10
        2025-11-12 interim
        2025-11-13 other 2025-11-06 30
        2025-11-13 move anna bert-1 2025-11-02
        2025-11-14 interim
        """, (100, 300), (0, 400)),
    "another version of the record is his": ("""
                   runs 2025-11 2025-11
        2025-11-10 call anna 2025-11-05 10
        2025-11-12 interim
        2025-11-13 call bert 2025-11-05 20
        2025-11-13 keep 20
        2025-11-14 interim
        """, (100, 0), (0, 200)),
    "the interim bill of the former owner is void": ("""
                   runs 2025-11 2025-11
        2025-11-10 call anna 2025-11-05 10
        2025-11-12 interim
        2025-11-13 void anna 1
        2025-11-13 move anna bert-1 2025-11-02
        2025-11-14 interim
        """, (0, 100), (0, 100)),
    "the number is hers again": ("""
                   runs 2025-11 2025-11
        2025-11-10 call anna 2025-11-05 10
        2025-11-12 interim
        2025-11-13 move anna bert-1 2025-11-02
        2025-11-14 back anna 2025-11-03
        2025-11-15 interim
        """, (100, 0), (100, 0)),
}  # fmt: skip


class Interims(History):
    """The same acts, and interim bills."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.has_carl = False
        thresholds = (BillThreshold(1, "any", 50_000), BillThreshold(2, "much", 9_000_000))
        plans = tuple(msgspec.structs.replace(each, bill_thresholds=thresholds) for each in shop().plans)
        catalogue.publish(self.world.home, shop(2, START_US, plans=plans, corrects=1), self.world.tick())

    def interim(self, day: str) -> None:
        """Interim bills of a day; a preview says the same before."""
        through, home = dt.date.fromisoformat(day), self.world.home
        before = interim.preview(home, through, self.world.tick())
        done = interim.run(home, through, Who(*ANA, self.world.tick()))
        assert (before.refused, before.reached, before.invoices) == ("", done.reached, done.invoices)
        self.require_once()

    def own(self, _day: str, on: str, minutes: str, key: str = "z") -> None:
        """A call of Bert's own number."""
        self.world.take(Call(NUMBERS["bert"], f"{on}T10:00:00", int(minutes) * 60, key=key))

    def carl(self, _day: str, on: str, minutes: str) -> None:
        """Carl comes, with a call of a number of his own."""
        self.has_carl = True
        self.world.account("carl")
        self.world.subscription("carl-1", "carl", "shop/plus", CARLS)
        self.world.take(Call(CARLS, f"{on}T10:00:00", int(minutes) * 60, key="c"))

    def onward(self, day: str, from_day: str) -> None:
        """Anna's number, which Bert has by now, is Carl's from a day on."""
        numbers.take(self.world.home, self.asked(), NUMBERS["anna"], "bert-1", dt.date.fromisoformat(from_day))
        self.give(day, "anna", "carl-1", from_day)

    def bill_day(self, _day: str, account: str, day: str) -> None:
        """Its periods begin on another day of the month."""
        agreements.change_bill_day(self.world.home, self.asked(), account, int(day), dt.date(2025, 11, 1))

    def billed(self) -> tuple[int, int]:
        """The cents of usage on valid bills of Anna and of Bert."""
        return self.billed_cents("anna"), self.billed_cents("bert")

    def billed_all(self) -> tuple[int, int, int]:
        """The same, and of Carl."""
        return *self.billed(), self.billed_cents("carl") if self.has_carl else 0


@pytest.fixture
def history(tmp_path: Path) -> Iterator[Interims]:
    made = Interims(tmp_path)
    yield made
    made.world.home.close()


@pytest.mark.parametrize("name", HISTORIES)
def test_an_interim_bill_leaves_out_what_that_of_another_account_has(history: Interims, name: str) -> None:
    acts, then, after = HISTORIES[name]
    history.all(acts)
    assert history.billed() == then
    for number in history.world.numbers():
        explain(history.world.home, number)
    history.tell("runs 2025-12 2025-12")
    assert (history.billed(), wrong(history.world)) == (after, set())


# acts after an interim bill of Anna, whose bills are held then; cents of both in the end
STAYING: Final = {
    "another version of the record": ("""
        2025-11-13 call bert 2025-11-05 20
        2025-11-13 keep 20
        2025-11-14 hold anna 2025-12-20
        """, (0, 200)),
    "the number": ("""
        2025-11-13 move anna bert-1 2025-11-02
        2025-11-14 hold anna 2025-12-20
        """, (0, 100)),
}  # fmt: skip


@pytest.mark.parametrize("name", STAYING)
def test_usage_stays_on_an_interim_bill_until_a_run_of_its_account_takes_it_off(history: Interims, name: str) -> None:
    acts, after = STAYING[name]
    history.all("runs 2025-11 2025-11\n2025-11-10 call anna 2025-11-05 10\n2025-11-12 interim")
    history.all(acts)
    report = history.world.bill("2025-12-01")
    assert (report.quarantined, history.billed(), wrong(history.world)) == ({}, (100, 0), set())
    history.tell("runs 2026-01 2026-01")
    assert (history.billed(), wrong(history.world)) == (after, set())


# acts after an interim bill of Anna; cents of all then, and in the end
OTHERS: Final = {
    "the new owner has an interim bill of his own": ("""
        2025-11-13 move anna bert-1 2025-11-02
        2025-11-17 own 2025-11-15 20
        2025-11-18 interim
        """, (100, 200, 0), (0, 300, 0)),
    "he has two of them": ("""
        2025-11-13 move anna bert-1 2025-11-02
        2025-11-17 own 2025-11-15 20
        2025-11-18 interim
        2025-11-20 own 2025-11-19 100 v
        2025-11-21 interim
        """, (100, 1200, 0), (0, 1300, 0)),
    "he has one, and another version of the record is his": ("""
        2025-11-13 call bert 2025-11-05 20
        2025-11-13 keep 20
        2025-11-17 own 2025-11-15 30
        2025-11-18 interim
        """, (100, 300, 0), (0, 500, 0)),
    "it is a third account's, and each has one": ("""
        2025-11-13 move anna bert-1 2025-11-02
        2025-11-17 own 2025-11-15 20
        2025-11-18 interim
        2025-11-19 carl 2025-11-18 30
        2025-11-19 onward 2025-11-03
        2025-11-20 interim
        """, (100, 200, 300), (0, 200, 400)),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_interim_bills_do_not_hide_each_other(history: Interims, name: str) -> None:
    acts, then, after = OTHERS[name]
    history.all("runs 2025-11 2025-11\n2025-11-10 call anna 2025-11-05 10\n2025-11-12 interim")
    history.all(acts)
    history.tell("2025-11-29 hold anna 2025-12-20")
    for each in history.world.numbers():
        explain(history.world.home, each)
    report = history.world.bill("2025-12-01")
    assert (report.quarantined, history.billed_all(), wrong(history.world)) == ({}, then, set())
    history.tell("runs 2026-01 2026-01")
    assert (history.billed_all(), wrong(history.world)) == (after, set())


def test_the_second_interim_bill_of_the_new_owner_leaves_it_out_as_well(history: Interims) -> None:
    history.all("runs 2025-11 2025-11\n2025-11-10 call anna 2025-11-05 10\n2025-11-12 interim")
    history.all(OTHERS["he has two of them"][0])
    assert history.billed() == (100, 1200)


# acts after an interim bill of Anna; cents of both, what is too late and open then, and both after a run of hers
VOID: Final = {
    "the period is open to him by then": ("""
        2025-11-20 other 2025-11-15 40
                   runs 2025-12 2025-12
        2025-12-02 move anna bert-1 2025-11-02
        2025-12-03 hold anna never
        2025-12-04 void anna 2
                   runs 2026-01 2026-04
        """, (100, 400), [], (0, 400), ["x"]),
    "runs have computed it again for her, and it is closed": ("""
        2025-11-20 other 2025-11-15 40
                   runs 2025-12 2026-03
        2026-03-03 move anna bert-1 2025-11-02
                   runs 2026-04 2026-04
        2026-04-03 hold anna never
        2026-04-04 void anna 2
                   runs 2026-05 2026-05
        """, (100, 0), ["y"], (0, 0), ["x", "y"]),
}  # fmt: skip


@pytest.mark.parametrize("name", VOID)
def test_what_an_interim_bill_has_is_not_too_late_where_the_bill_of_the_cycle_is_void(history: Interims, name: str) -> None:
    acts, then, late, after, late_after = VOID[name]
    history.all("2025-10-01 open 3\nruns 2025-11 2025-11\n2025-11-10 call anna 2025-11-05 10\n2025-11-12 interim")
    history.all(acts)
    assert (history.billed(), open_records(history.world), wrong(history.world)) == (then, late, set())
    assert open_count(history.world.home).records == len(late)
    with pytest.raises(UserError, match="no record x is too late"):
        decide(history.world, BILLED, "x")
    history.all("2026-05-20 goon anna\nruns 2026-06 2026-06")  # a run of hers takes it off
    assert (history.billed(), open_records(history.world), wrong(history.world)) == (after, late_after, set())


# acts after an interim bill of Anna, and a run with nothing to add; cents of both in the end
VOID_INTERIM: Final = {
    "her bills are held since": ("""
        2025-12-03 hold anna never
        2025-12-04 void anna 1
        2025-12-05 move anna bert-1 2025-11-10
        """, (0, 100)),
    "the number moved first": ("""
        2025-12-03 move anna bert-1 2025-11-10
        2025-12-04 hold anna never
        2025-12-05 void anna 1
        """, (0, 100)),
    "it is hers": ("2025-12-04 void anna 1", (100, 0)),
}  # fmt: skip


@pytest.mark.parametrize("name", VOID_INTERIM)
def test_the_charge_of_a_run_is_on_no_bill_where_the_interim_bill_that_had_it_is_void(history: Interims, name: str) -> None:
    acts, after = VOID_INTERIM[name]
    history.all("""
        2025-10-01 open 3
                   runs 2025-11 2025-11
        2025-11-11 call anna 2025-11-11 10
        2025-11-12 interim
                   runs 2025-12 2025-12
        """)
    assert history.billed() == (100, 0)
    history.all(acts)
    history.tell("runs 2026-01 2026-01")
    assert (history.billed(), open_records(history.world), wrong(history.world)) == (after, [], set())


def test_a_later_run_does_not_settle_an_interim_bill_where_the_first_one_is_void(history: Interims) -> None:
    """Both runs computed the call for Anna, so it is still on her interim bill."""
    history.all("""
        2025-10-01 open 3
                   runs 2025-11 2025-11
        2025-11-10 call anna 2025-11-05 10
        2025-11-12 interim
        2025-11-20 other 2025-11-15 40
                   runs 2025-12 2026-01
        2026-01-02 move anna bert-1 2025-11-02
        2026-01-03 hold anna 2026-02-15
        2026-01-04 void anna 2
        """)
    report = history.world.bill("2026-02-01")
    assert (report.quarantined, history.billed(), wrong(history.world)) == ({}, (100, 400), set())
    history.tell("runs 2026-03 2026-03")
    assert (history.billed(), open_records(history.world), wrong(history.world)) == ((0, 500), [], set())


def refusal(history: Interims, run_id: int, accounts: str) -> list[tuple[str, str]]:
    """The obstacles to undoing a run for accounts."""
    with pytest.raises(ProblemsError) as caught:
        undoing.undo(history.world.home, run_id, "wrong", Who(*ANA, history.world.tick()), accounts=frozenset(accounts.split(",")))
    return [(each.message, each.remedy.partition(",")[0]) for each in caught.value.problems]


def test_an_undo_sees_the_interim_bill_that_has_the_usage_since(history: Interims) -> None:
    history.all("""
        2025-10-21 bill_day bert 15
                   runs 2025-11 2025-11
        2025-11-15 run bert
        2025-11-21 call anna 2025-11-20 10
        2025-12-01 run anna,bert
        2025-12-03 move anna bert-1 2025-11-18
        2025-12-04 run anna 2025-12-01
        2025-12-05 interim
        """)
    assert history.billed() == (0, 100)
    number = history.world.numbers("bert")[-1]
    why = f"usage that run 4 took off its bill is on the interim bill {number} of bert"
    assert refusal(history, 4, "anna") == [(why, f"void it first: ratewright invoice void {number} --reason ...")]
    (note,) = [each for each in history.world.numbers("anna") if each not in history.voided][-1:]
    with pytest.raises(UserError, match=f"{note} took usage off an earlier bill that is on the interim bill {number} of bert"):
        voiding.void(history.world.home, note, "wrong", Who(*ANA, history.world.tick()))
    history.tell(f"2025-12-06 void bert {len(history.world.numbers('bert')) - 1}")
    history.tell("2025-12-06 undo 4 anna")
    assert (history.billed(), wrong(history.world)) == ((100, 0), set())


def test_an_interim_bill_leaves_out_what_a_bill_of_the_cycle_has(history: Interims) -> None:
    """Bert's period holds the day of the call, which is on Anna's bill of December until her next run."""
    history.all("""
        2025-10-21 bill_day bert 15
                   runs 2025-11 2025-11
        2025-11-15 run bert
        2025-11-21 call anna 2025-11-20 10
        2025-12-01 run anna,bert
        2025-12-03 move anna bert-1 2025-11-18
        2025-12-05 interim
        """)
    assert history.billed() == (100, 0)
    history.all("2025-12-15 run bert\n2026-01-01 run anna\n2026-01-15 run bert")
    assert (history.billed(), wrong(history.world)) == ((0, 100), set())


def test_an_undo_sees_what_the_run_took_off_an_interim_bill(history: Interims) -> None:
    history.all("""
                   runs 2025-11 2025-11
        2025-11-10 call anna 2025-11-05 10
        2025-11-12 interim
        2025-11-13 move anna bert-1 2025-11-02
                   runs 2025-12 2025-12
        """)
    assert history.billed() == (0, 100)
    run_id = 3
    why = f"usage that run {run_id} took off its bill is on the bill of bert in run {run_id}"
    assert refusal(history, run_id, "anna") == [(why, "undo the run for bert as well")]
    note = history.world.numbers("anna")[-1]
    with pytest.raises(UserError, match=f"{note} took usage off an earlier bill that is on the bill of bert"):
        voiding.void(history.world.home, note, "wrong", Who(*ANA, history.world.tick()))
    history.tell(f"2025-12-05 undo {run_id} anna,bert")
    assert (history.billed(), wrong(history.world)) == ((100, 0), set())
