"""Usage that interim bills and re-ratings have: charges by event, with prices and periods; it is on one bill at any time.

Calls cost 0.10 a minute. Each table gives the cents of usage on valid bills of Anna and of Bert after its acts.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

import msgspec
import pytest
import sqlalchemy as sa

from billing import catalogue
from billing.enquiries import usage
from billing.enquiries.usage_rows import Instants
from billing.persons import Who
from billing.rerate import jobs
from billing.rerate.request import request
from billing.store import tables
from rating.model import BillThreshold, LateUsage, Zone
from tests.billing.documents.test_interim_moved import Interims
from tests.billing.runs.world import START_US, Call, shop
from tests.billing.too_late.late_world import ANA, BEN, NUMBERS, open_records, wrong

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

# acts; cents then; acts after them; cents in the end
HISTORIES: Final = {
    "a run dated in the period does not compute it, and takes nothing off": ("""
        2025-10-21 bill_day bert 15
        2025-10-25 hold anna 2025-11-05
                   runs 2025-11 2025-11
        2025-11-10 call anna 2025-11-05 10
        2025-11-12 interim
        2025-11-13 move anna bert-1 2025-11-02
        2025-11-15 run anna,bert
        """, (100, 0), "runs 2025-12 2025-12\n2025-12-15 run anna,bert", (0, 100)),
    "the document that took it off the interim bill is void": ("""
                   runs 2025-11 2025-11
        2025-11-10 call anna 2025-11-05 10
        2025-11-12 interim
        2025-11-13 move anna bert-1 2025-11-02
        2025-12-01 run anna
        2025-12-03 void anna 2
        2025-12-04 run bert 2025-12-01
        """, (100, 0), "runs 2026-01 2026-02", (0, 100)),
    "both documents of the run are void, and the one of the new owner is made again": ("""
                   runs 2025-11 2025-11
        2025-11-10 call anna 2025-11-05 10
        2025-11-12 interim
        2025-11-13 move anna bert-1 2025-11-02
                   runs 2025-12 2025-12
        2025-12-03 void bert 1
        2025-12-03 void anna 2
        2025-12-04 reissue bert 1
        """, (100, 0), "runs 2026-01 2026-02", (0, 100)),
    "another version of the record has another owner for its day": ("""
        2025-10-31 move anna bert-1 2025-11-08
                   runs 2025-11 2025-11
        2025-11-10 call anna 2025-11-05 10
        2025-11-12 interim
        2025-11-13 call anna 2025-11-09 20
        2025-11-13 keep 20
        2025-11-14 interim
        """, (100, 0), "runs 2025-12 2025-12", (0, 200)),
    "the number is another subscription's of the same account": ("""
        2025-10-02 second
                   runs 2025-11 2025-11
        2025-11-10 call anna 2025-11-05 10
        2025-11-12 interim
        2025-11-13 move anna anna-2 2025-11-02
        2025-11-14 interim
        """, (100, 0), "runs 2025-12 2025-12", (100, 0)),
    "an interim bill is dated before the bill of the cycle that has it": ("""
                   runs 2025-11 2025-11
        2025-11-10 call anna 2025-11-05 10
        2025-12-01 run anna
        2025-12-03 move anna bert-1 2025-11-02
        2025-12-04 interim 2025-11-28
        """, (100, 0), "2025-12-05 run bert 2025-12-01\nruns 2026-01 2026-02", (0, 100)),
    "it had no price when the interim bill was made": ("""
                   runs 2025-11 2025-11
        2025-11-10 own 2025-11-05 20
        2025-11-10 abroad 2025-11-06 10
        2025-11-10 other 2025-11-05 30
        2025-11-12 interim
        2025-11-13 price_abroad
        2025-11-13 hold anna never
        2025-11-14 move anna bert-1 2025-11-06
        """, (300, 200), "runs 2025-12 2025-12", (300, 300)),
}  # fmt: skip


class Lives(Interims):
    """More acts."""

    version = 2

    def interim(self, day: str, through: str = "") -> None:
        """Interim bills of a day, or of an earlier one."""
        super().interim(through or day)

    def publish(self, **changed: object) -> None:
        """Another version with the same thresholds."""
        self.version += 1
        thresholds = (BillThreshold(1, "any", 50_000), BillThreshold(2, "much", 9_000_000))
        plans = tuple(msgspec.structs.replace(each, bill_thresholds=thresholds) for each in shop().plans)
        made = shop(self.version, START_US, corrects=self.version - 1, **{"plans": plans, **changed})
        catalogue.publish(self.world.home, made, self.world.tick())

    def second(self, _day: str) -> None:
        """Anna has another subscription."""
        self.world.subscription("anna-2", "anna", "shop/plus", "8613800000099", from_date="2025-10-01")

    def abroad(self, _day: str, on: str, minutes: str) -> None:
        """A call of Anna's number to a country that has no price."""
        self.world.take(Call(NUMBERS["anna"], f"{on}T10:00:00", int(minutes) * 60, 442012345678, key="x"))

    def price_abroad(self, _day: str) -> None:
        """It has one by now."""
        self.publish(zones=(Zone(1, "national", ("86", "44")), Zone(2, "premium", ("8690",))))

    def by_arrival(self, _day: str) -> None:
        """A plan that nobody has bills late usage in the period of its arrival."""
        basic, plus = shop().plans
        thresholds = (BillThreshold(1, "any", 50_000), BillThreshold(2, "much", 9_000_000))
        plus = msgspec.structs.replace(plus, bill_thresholds=thresholds)
        self.publish(plans=(msgspec.structs.replace(basic, late_usage=LateUsage.ARRIVAL_PERIOD), plus))

    def strict(self, _day: str) -> None:
        """Usage that comes after ten days is not billed."""
        plans = tuple(msgspec.structs.replace(each, late_usage_days_max=10) for each in shop().plans)
        self.publish(plans=plans)

    def rerate(self, day: str, month: str) -> None:
        """A re-rating of a month, approved by another person."""
        home = self.world.home
        job = jobs.plan(home, request("shop/plus", self.version, month, None), Who(*ANA, self.world.tick()))
        if job.state == jobs.WAITING:
            jobs.decide(home, job.job_id, jobs.APPROVED, "", Who(*BEN, self.world.tick()))
        jobs.apply(home, job.job_id, dt.date.fromisoformat(day), Who(*ANA, self.world.tick()))
        self.require_once()


@pytest.fixture
def history(tmp_path: Path) -> Iterator[Lives]:
    made = Lives(tmp_path)
    yield made
    made.world.home.close()


@pytest.mark.parametrize("name", HISTORIES)
def test_usage_is_on_one_bill(history: Lives, name: str) -> None:
    acts, then, more, after = HISTORIES[name]
    history.all(acts)
    assert (history.billed(), wrong(history.world)) == (then, set())
    history.all(more)
    assert (history.billed(), open_records(history.world), wrong(history.world)) == (after, [], set())


def test_an_interim_bill_stores_what_it_computed(history: Lives) -> None:
    """The second one computed both calls, and billed the second alone."""
    history.all("""
                   runs 2025-11 2025-11
        2025-11-10 call anna 2025-11-05 10
        2025-11-12 interim
        2025-11-13 other 2025-11-06 100
        2025-11-14 interim
        """)
    row = tables.interim_charges.c
    with history.world.home.connect() as connection:
        query = sa.select(row.run_id, sa.func.count(), sa.func.min(row.period_from), sa.func.min(row.price_id)).group_by(row.run_id)
        assert [tuple(each) for each in connection.execute(query.order_by(row.run_id))] == [
            (2, 1, "2025-11-01", 100),
            (3, 2, "2025-11-01", 100),
        ]
    assert history.billed() == (1100, 0)


def test_what_is_too_late_is_on_no_interim_bill_where_another_plan_bills_by_arrival(history: Lives) -> None:
    history.all("""
        2025-10-02 by_arrival
                   runs 2025-11 2026-02
        2026-02-10 call anna 2025-10-20 10
                   runs 2026-03 2026-03
        2026-03-03 other 2026-03-02 30
        2026-03-04 interim
        """)
    assert (history.billed(), open_records(history.world), wrong(history.world)) == ((300, 0), ["x"], set())


def test_what_a_re_rating_takes_off_a_bill_is_too_late(history: Lives) -> None:
    """A void had put it back. The last run had left it out, since it came after ten days; so does the re-rating."""
    history.all("""
        2025-10-01 open 3
                   runs 2025-11 2025-11
        2025-11-10 call anna 2025-10-20 10
                   runs 2025-12 2025-12
        2025-12-05 strict
                   runs 2026-01 2026-02
        """)
    assert (history.billed(), open_records(history.world)) == ((0, 0), ["x"])
    history.tell("2026-02-03 void anna 2")
    assert (history.billed(), open_records(history.world)) == ((100, 0), [])
    history.tell("2026-02-04 rerate 2025-10")
    assert (history.billed(), open_records(history.world), wrong(history.world)) == ((0, 0), ["x"], set())


def test_a_record_without_a_price_is_not_said_to_be_on_an_interim_bill(history: Lives) -> None:
    history.all("""
                   runs 2025-11 2025-11
        2025-11-10 abroad 2025-11-06 10
        2025-11-10 other 2025-11-05 30
        2025-11-12 interim
        """)
    states = {each.record_id: each.state for each in usage.find(history.world.home, NUMBERS["anna"], Instants()).records}
    assert states == {"x": usage.State.NOT_DUE, "y": usage.State.BILLED}
