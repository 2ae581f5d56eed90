"""One home with a record of every kind: the report of the run, `bill explain`, `usage too-late` and `usage find` tell the same of each.

The run is that of 1 March 2026, made last. It reads what began from 1 October 2025 on, since euro is in quarantine and nothing of it was
billed; what it does not read it does not count. Of February it reads everything: of done-20, whose bill of 20 February is made, of fresh,
whose first period has not ended, and of those that are held or passed by it computes nothing, and its report counts their usage as
`other_run`. Of the months before it looks at accounts that something touched, and counts the usage of all others as `settled`.
"""

from __future__ import annotations

import collections
import datetime as dt
import re
from typing import TYPE_CHECKING, NamedTuple

import pytest

from billing import catalogue
from billing.accounts.kinds import CategoryFact, HoldFact
from billing.enquiries.usage import find
from billing.enquiries.usage_rows import Instants as Ever
from billing.late_decisions import WRITTEN_OFF
from billing.left_out.words import head, sentences
from billing.runs import cycle
from billing.runs.selection.left_out import COUNTED, LeftOut, counted, told
from billing.runs.start import Order
from billing.too_late.listing import listed
from billing.verification.explain_line import explain_record
from rating.model import LateUsage
from rating.schema import Direction, UsageFlag
from server.cli.bill.run import print_report
from server.cli.usage.find import state_in_words
from tests.billing.documents.clerk import void
from tests.billing.runs.test_pools_and_late import agreed, arrive
from tests.billing.runs.test_promises import a_plan, selling
from tests.billing.runs.world import Call
from tests.billing.too_late.late_world import decide

if TYPE_CHECKING:
    from billing.runs.reports import RunReport
    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow
PLANS = (
    a_plan("waiving", late_usage=LateUsage.WAIVE),
    a_plan("strict", late_usage_days_max=30),
    a_plan("arriving", late_usage=LateUsage.ARRIVAL_PERIOD),
)
# record (account, day), came, counted in the report as, explained of that run as, on the list of late usage, words of `usage find`
TABLE = """
plain     2025-10-05  02-10  closed        closed        open     too late: its period is closed
nobody    2025-09-05  02-10  -             closed        open     too late: its period is closed
strict    2026-01-05  02-10  too_late      too_late      open     too late: it came later than its plan bills
waiving   2026-01-20  02-10  waived        waived        open     too late: it came after the bill of its period, and its plan waives that
strict    2025-12-10  01-25  decided       decided       decided  written off
mid       2026-02-25  03-06  not_due       not_due       -        not yet due
plain     2026-03-05  03-06  -             not_due       -        not yet due
fresh     2026-02-21  03-06  other_run     other_run     -        left out: its account was not in the run
held      2026-02-05  02-10  other_run     held          -        left out: bills of its account are held (its bills are held on 2026-03-01)
ahead     2026-02-05  04-02  other_run     passed by     -        left out: its account has a bill of a later date
done-20   2026-02-03  02-10  other_run     other_run     -        billed on
done-20   2026-01-03  01-05  settled       other_run     -        billed on
held      2026-01-04  02-10  other_run     held          -        left out: bills of its account are held (its bills are held on 2026-03-01)
done      2026-01-03  01-05  settled       settled       -        billed on
euro      2026-02-05  02-10  priced        quarantined   -        left out: its account was in quarantine
tests     2026-02-05  02-10  priced        test          -        does not bill: its account is for tests
arriving  2025-09-10  02-10  from_before   billed        -        billed on
missed    2026-02-06  02-10  -             not_billable  -        does not bill: the call was not answered
received  2026-02-07  02-10  not_billable  not_billable  -        does not bill: it was received, and no rule
in-time   2026-02-08  02-10  priced        billed        -        billed on
"""
ACCOUNTS = ("plain", "strict", "waiving", "arriving", "held", "ahead", "done", "euro", "tests", "done-20", "mid")
NUMBERS = {name: f"86139000000{place:02}" for place, name in enumerate(("nobody", "fresh", *ACCOUNTS))}
OF_PLAIN = {"missed", "received", "in-time"}


class Row(NamedTuple):
    """A line of the table."""

    name: str
    begun: str
    came: str
    report: str
    explained: str
    listed: str
    found: str

    @property
    def record(self) -> str:
        """The name of the record."""
        return f"{self.name} {self.begun}"

    @property
    def number(self) -> str:
        """The number of who made the call."""
        return NUMBERS["plain" if self.name in OF_PLAIN else self.name]


ROWS = [Row(*re.split(r" {2,}", line, maxsplit=6)) for line in TABLE.strip().splitlines()]


def test_all_tell_the_same_of_each(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    run = home_of_every_kind(world)
    counts = collections.Counter(row.report for row in ROWS)
    counts["from_before"] *= -1
    assert {name: count for name, count in run.left_out.items() if count} == {
        name: count for name, count in counts.items() if name in set(LeftOut)
    }
    assert sum(run.events.values()) == counts["priced"] - counts["from_before"], "from_before is priced as well"
    open_ = {each.record.record_id: each.record.reason for each in listed(world.home, world.now_us).records}
    decided = {each.record.record_id for each in listed(world.home, world.now_us, decided=True).records}
    for row in ROWS:
        assert _explained(world, row, run.run_id) == row.explained, row
        assert {"open": row.record in open_, "decided": row.record in decided}.get(row.listed, row.record not in {*open_, *decided}), row
        assert open_.get(row.record, row.explained) == row.explained, row
        (record,) = (each for each in find(world.home, row.number, Ever()).records if each.record_id == row.record)
        assert state_in_words(record, "en").startswith(row.found), (row, state_in_words(record, "en"))
    assert {row.explained for row in ROWS} | {"from_before"} == {*LeftOut, "billed"}, "no kind is left out of the table"
    print_report(run)
    shown = capsys.readouterr().out
    for reason, number in ((LeftOut.OTHER_RUN, 5), (LeftOut.SETTLED, 2), (LeftOut.CLOSED, 1)):
        assert re.search(rf"left out: {reason} \({re.escape(counted(reason))}\) +{number}\n", shown), shown


def test_a_count_has_the_words_of_its_kind_unless_it_counts_more() -> None:
    """Two counts of a report have several kinds in them; each other one."""
    wider = collections.defaultdict(set)
    for row in ROWS:
        if row.report in set(LeftOut) and row.explained != "billed":
            wider[LeftOut(row.report)].add(row.explained)
    assert {reason for reason, kinds in wider.items() if kinds != {reason.value}} == set(COUNTED)
    for reason in set(LeftOut) - set(COUNTED):
        assert [counted(reason, each) for each in ("en", "zh")] == [told(reason, each) for each in ("en", "zh")]


def home_of_every_kind(world: World) -> RunReport:
    """The home of the table, and the report of its last run."""
    catalogue.publish(world.home, selling(*PLANS), world.tick())
    for name in ACCOUNTS:
        _account(world, name, opened_on="2025-08-01" if name == "arriving" else "2025-10-01")
    agreed(world, "tests", "category", "2025-10-01", CategoryFact("test"))
    agreed(world, "held", "hold", "2026-02-15", HoldFact("a dispute"))
    for date in ("2025-11-01", "2025-12-01", "2026-01-01"):
        world.bill(date)
    _come(world, "2026", "01-05")
    _bill_of(world, "2026-01-20", "done-20", "mid")
    _come(world, "2026", "01-25")
    world.bill("2026-02-01")
    decide(world, WRITTEN_OFF, "strict 2025-12-10")
    _come(world, "2026", "02-10")
    _bill_of(world, "2026-02-20", "done-20")
    _account(world, "fresh", opened_on="2026-02-20")
    _come(world, "2026", "03-06")
    _bill_of(world, "2026-04-01", "ahead")
    void(world, world.numbers("ahead")[3], "2026-04-01")
    _come(world, "2026", "04-02")
    return world.bill("2026-03-01")


def _account(world: World, name: str, *, opened_on: str) -> None:
    world.account(
        name, bill_day=20 if name in {"fresh", "done-20", "mid"} else 1, currency="EUR" if name == "euro" else "CNY", opened_on=opened_on
    )
    plan = name if name in {each.name for each in PLANS} else "basic"
    world.subscription(f"{name}-1", name, f"shop/{plan}", NUMBERS[name], from_date=opened_on)


def _come(world: World, year: str, came: str) -> None:
    """The records of the table that come on a day, at noon."""
    calls = []
    for row in ROWS:
        if row.came == came:
            flags = int(UsageFlag.UNANSWERED) if row.name == "missed" else 0
            direction = Direction.TERMINATING if row.name == "received" else Direction.ORIGINATING
            calls.append(Call(row.number, f"{row.begun}T10:00:00", 60, key=row.record, flags=flags, direction=direction))
    arrive(world, f"{year}-{came}T12:00:00", *calls)


def _bill_of(world: World, date: str, *accounts: str) -> None:
    world.catch_up()
    day = dt.date.fromisoformat(date)
    cycle.run(world.home, day, world.begun(day), order=Order(accounts=frozenset(accounts)))


def _explained(world: World, row: Row, run_id: int) -> str:
    """The kind that `bill explain --run` tells: what a person decided, or else the reason; `billed` of what is priced and on a bill."""
    left_out = explain_record(world.home, row.record, run_id).left_out
    if not left_out:
        return "billed"
    (one,) = left_out
    assert len(set(sentences(one))) == len(sentences(one)), "each sentence is told once"
    if one.decision is not None:
        assert head(one) == "written off"
        return LeftOut.DECIDED.value
    return one.reason.value
