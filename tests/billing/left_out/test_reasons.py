"""Every reason for which a record is on no bill: a home in which it is so, and what `bill explain` tells of it.

Periods are months, three of them are reopened. The runs of 1 November 2025 to 1 February 2026 are made before the records come, on
10 February at noon; that of 1 March after that. A national call costs 0.10 a minute.
"""

# ruff: noqa: RUF001 - Chinese texts have Chinese punctuation

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from billing import catalogue
from billing.accounts.kinds import CategoryFact, HoldFact
from billing.controls import books
from billing.documents import undoing, voiding
from billing.enquiries.usage import find
from billing.enquiries.usage_rows import Instants as Ever
from billing.ledger.closed_months import Who
from billing.left_out.words import sentences
from billing.runs.selection.left_out import REASONS, LeftOut, Outlook, outlook
from billing.too_late.listing import listed
from billing.usage_report.rating_book import rating_book
from billing.usage_report.span import Span
from billing.verification.explain_line import explain_record
from rating.errors import UserError
from rating.model import LateUsage
from rating.schema import Direction, UsageFlag
from rating.status import Status
from server.cli.usage.find import state_in_words
from tests.billing.runs.test_pools_and_late import agreed, arrive
from tests.billing.runs.test_promises import a_plan, selling
from tests.billing.runs.world import Call, instant_us

if TYPE_CHECKING:
    from billing.left_out.telling import UnbilledRecord
    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow
PLANS = (a_plan("waiving", late_usage=LateUsage.WAIVE), a_plan("strict", late_usage_days_max=30))
EVER = Ever()
CAME, CAME_LAST = "2026-02-10T12:00:00", "2026-03-06T12:00:00"
# account, begun, reason, outlook, run that says so, words of its explanation
TABLE = """
plain     2025-10-05  closed        for_good  5  period 2025-10-01 to 2025-10-31 | begins on 2025-11-01 | since the bill date 2026-03-01
nobody    2025-09-05  closed        for_good  5  Its number had no owner
strict    2026-01-05  too_late      for_good  5  36 days 2 h after it began | no run bills it any more
waiving   2026-01-20  waived        for_good  5  its plan waives that
plain     2026-03-05  not_due       later     5  A run of 2026-04-01 or later bills it
fresh     2026-02-21  other_run     later     5  The account was not among those of run 5; a run of 2026-03-20 or later
held      2026-02-05  held          later     5  Its bills are held on 2026-03-01. When the hold ends
euro      2026-02-05  quarantined   later     5  put aside: a plan is priced in another currency | bill retry --run 5
tests     2026-02-05  test          never     5  nothing of a test account is invoiced
missed    2026-02-06  not_billable  never     5  The call was not answered
received  2026-02-06  not_billable  never     5  no rule of the plan prices what is received
"""
ROWS = [
    (account, begun, reason, far, int(run), [word.strip() for word in words.split("|")])
    for account, begun, reason, far, run, words in (line.split(maxsplit=5) for line in TABLE.strip().splitlines())
]
ACCOUNTS = ("plain", "strict", "waiving", "held", "euro", "tests")
NUMBERS = {name: f"86139000000{place:02}" for place, name in enumerate(("nobody", "fresh", *ACCOUNTS))}


def number_of(name: str) -> str:
    return NUMBERS["plain" if name in {"missed", "received"} else name]


def call_of(name: str, begun: str) -> Call:
    flags = int(UsageFlag.UNANSWERED) if name == "missed" else 0
    direction = Direction.TERMINATING if name == "received" else Direction.ORIGINATING
    return Call(number_of(name), f"{begun}T10:00:00", 60, key=f"{name} {begun}", flags=flags, direction=direction)


def late_home(world: World) -> None:
    """The home of the table, before the run of March."""
    catalogue.publish(world.home, selling(*PLANS), world.tick())
    for name in ACCOUNTS:
        world.account(name, currency="EUR" if name == "euro" else "CNY")
        plan = name if name in {"strict", "waiving"} else "basic"
        world.subscription(f"{name}-1", name, f"shop/{plan}", NUMBERS[name])
    agreed(world, "tests", "category", "2025-10-01", CategoryFact("test"))
    agreed(world, "held", "hold", "2026-02-15", HoldFact("a dispute"))
    for date in ("2025-11-01", "2025-12-01", "2026-01-01", "2026-02-01"):
        world.bill(date)
    world.account("fresh", bill_day=20, opened_on="2026-02-20")
    world.subscription("fresh-1", "fresh", "shop/basic", NUMBERS["fresh"], from_date="2026-02-20")
    for came in (CAME, CAME_LAST):
        arrive(world, came, *(call_of(name, begun) for name, begun, *_ in ROWS if came_at(begun) == came))


def came_at(begun: str) -> str:
    return CAME if begun < CAME else CAME_LAST


def told_of(world: World, name: str, begun: str, run_id: int | None = None) -> tuple[UnbilledRecord, ...]:
    return explain_record(world.home, f"{name} {begun}", run_id).left_out


def test_every_reason_is_explained_and_counted(world: World) -> None:
    late_home(world)
    (ahead,) = told_of(world, "plain", "2025-10-05")
    assert (ahead.reason, ahead.run_id, ahead.bill_date) == (LeftOut.CLOSED, 0, "2026-03-01"), "it is known before a run has looked"
    assert "That run looks at it first" in sentences(ahead)[-1]
    told = " ".join(sentences(ahead))
    assert f"That run opens no period before 2025-11-01; that of the record is closed from the bill date {ahead.closed_since} on." in told
    assert "is closed since" not in told, "that bill date may be a day to come"
    assert f"自出账日 {ahead.closed_since} 起关闭" in " ".join(sentences(ahead, "zh"))
    assert "该次出账处理之后" in sentences(ahead, "zh")[-1]
    report = world.bill("2026-03-01")
    for name, begun, reason, far, run, words in ROWS:
        (told,) = told_of(world, name, begun)
        assert (told.reason, told.outlook, told.run_id) == (reason, far, run), (name, begun)
        text = " ".join(sentences(told)).replace("No run", "no run")
        assert [word for word in words if word not in text] == [], text
        assert sentences(told, "zh")[0].startswith(f"记录 {name} {begun}")
        assert (told.start_us, told.came_us) == (instant_us(f"{begun}T10:00:00"), instant_us(came_at(begun)))
    (euro,) = told_of(world, "euro", "2026-02-05")
    assert "已批价，但账户被隔离：资费计划的币种与账户币种不同。`ratewright bill retry --run 5` 可出账。" in sentences(euro, "zh")
    assert report.left_out["too_late"] == report.left_out["waived"] == 1
    (line,) = rating_book(world.home, 10**6, Span(dt.date(2025, 9, 1), dt.date(2026, 4, 1)))
    right = {name: each.rows for name, each in line.right.items()}
    assert line.ok
    # closed twice, too late, waived; not due, fresh, held, euro in quarantine; tests are priced; received
    assert right == {
        "rated": 0,
        "zero_rated": 1,
        "suspended": 0,
        "not_yet_due": 4,
        "too_late": 4,
        "late_billed": 0,
        "late_written_off": 0,
        "not_billable": 1,
    }
    assert [each.name for each in books(world.home) if not each.ok] == []


def test_every_reason_has_words_and_an_outlook() -> None:
    assert set(REASONS) == set(LeftOut)
    assert [sorted(each.words) for each in REASONS.values()] == [["en", "zh"]] * len(LeftOut)
    final = {reason for reason in LeftOut if outlook(reason) is Outlook.FOR_GOOD}
    assert final == {LeftOut.CLOSED, LeftOut.TOO_LATE, LeftOut.WAIVED, LeftOut.DECIDED}
    told_in_the_table = {row[2] for row in ROWS} | {LeftOut.PASSED_BY, LeftOut.SETTLED, LeftOut.FROM_BEFORE, LeftOut.DECIDED}
    assert told_in_the_table == set(LeftOut), "each has a row, or a test of its own below; the last is counted, and explained as a charge"


def test_what_an_earlier_run_billed_is_explained_as_that_billed_it(world: World) -> None:
    late_home(world)
    world.catch_up()
    world.take(Call(NUMBERS["plain"], "2026-02-09T10:00:00", 60, key="in time"))
    world.bill("2026-03-01")
    world.bill("2026-04-01")
    explained = explain_record(world.home, "in time")
    assert (len(explained.outcomes), explained.left_out) == (1, ())
    (told,) = explain_record(world.home, "in time", 6).left_out
    assert (told.reason, told.outlook) == (LeftOut.SETTLED, Outlook.EARLIER)
    with pytest.raises(UserError, match="run 4 has not seen the record"):
        explain_record(world.home, "in time", 4)
    with pytest.raises(UserError, match="run 6 priced no record `nobody`"):
        explain_record(world.home, "nobody")


def test_a_bill_of_a_later_date_passes_an_account_by(world: World) -> None:
    world.account("plain")
    world.subscription("plain-1", "plain", "shop/basic", NUMBERS["plain"])
    world.bill("2025-11-01")
    world.bill("2025-12-01")
    arrive(world, "2025-12-02T12:00:00", Call(NUMBERS["plain"], "2025-10-05T10:00:00", 60, key="late"))
    voiding.void(world.home, "R-0000000001", "wrong", Who("ana", 1, instant_us("2025-12-02T13:00:00")), on=dt.date(2025, 12, 2))
    world.bill("2025-11-01")
    (told,) = explain_record(world.home, "late").left_out
    assert (told.reason, told.outlook, told.run_id) == (LeftOut.PASSED_BY, Outlook.LATER, 3)
    assert "has a bill of 2025-12-01" in " ".join(sentences(told))
    assert "该账户或与其一并出账的账户已有 2025-12-01 的账单：该日期或更晚的出账将计费。" in sentences(told, "zh")


def test_what_is_too_late_is_listed_with_its_worth(world: World) -> None:
    """A minute is worth 0.10 by the plan of its owner, and by the commonest plan where nobody owns the number."""
    late_home(world)
    assert listed(world.home, instant_us(CAME)).records == (), "no run has left anything out yet"
    world.bill("2026-03-01")
    found = listed(world.home, instant_us("2026-03-07T10:00:00"))
    assert [
        (each.record.record_id, each.record.reason, each.record.run_id, each.age_days, each.worth_micros, each.currency, each.basis)
        for each in found.records
    ] == [
        ("nobody 2025-09-05", LeftOut.CLOSED, 5, 183, 100_000, "CNY", "commonest plan"),
        ("plain 2025-10-05", LeftOut.CLOSED, 5, 153, 100_000, "CNY", "own plan"),
        ("strict 2026-01-05", LeftOut.TOO_LATE, 5, 61, 100_000, "CNY", "own plan"),
        ("waiving 2026-01-20", LeftOut.WAIVED, 5, 46, 100_000, "CNY", "own plan"),
    ]
    sums = [(each.account_id, each.currency, each.records, each.worth_micros) for each in found.sums]
    assert sums == [(name, "CNY", 1, 100_000) for name in ("", "plain", "strict", "waiving")]
    assert [each.record.account_id for each in listed(world.home, 0, "strict").records] == ["strict"]


def test_what_waits_is_told_as_what_the_next_run_does_with_it(world: World) -> None:
    """Of a number that nobody owned: it is refused. Of a period that is billed, and open: the bill is corrected."""
    late_home(world)
    arrive(world, "2026-03-06T13:00:00", Call("8613900000099", "2026-02-09T10:00:00", 60, key="unknown"))
    (told,) = explain_record(world.home, "unknown").left_out
    assert (told.run_id, told.bill_date, told.detail) == (0, "", "nobodys")
    text = " ".join(sentences(told))
    assert "its number had no owner, and the next run refuses it (UNKNOWN_SUBSCRIPTION) unless an owner is recorded" in text
    assert "its account" not in text
    assert "UNKNOWN_SUBSCRIPTION" in " ".join(sentences(told, "zh"))
    (record,) = find(world.home, "8613900000099", EVER).records
    assert state_in_words(record, "en").startswith("its number had no owner, and the next run refuses it")
    arrive(world, "2026-03-06T14:00:00", Call(NUMBERS["plain"], "2026-01-09T10:00:00", 60, key="after the bill"))
    (told,) = explain_record(world.home, "after the bill").left_out
    assert (told.bill_date, told.detail, told.outlook) == ("2026-03-01", "after_bill", Outlook.LATER)
    text = " ".join(sentences(told))
    assert "It came after the bill of its period. The next run of its account, that of 2026-03-01, corrects it." in text
    assert "not due" not in text
    assert "2026-02-01 or later" not in text
    assert "该账户的下一次出账" in " ".join(sentences(told, "zh"))
    (record,) = [each for each in find(world.home, NUMBERS["plain"], EVER).records if each.record_id == "after the bill"]
    assert state_in_words(record, "en") == "it came after the bill of its period, and the run of 2026-03-01 corrects it"


def test_a_run_that_is_undone_has_left_nothing_out(world: World) -> None:
    """A call of a number that nobody owns was refused by it, so that nobody's charges are among those that count no more."""
    late_home(world)
    world.catch_up()
    world.take(Call("8613900000099", "2026-02-09T10:00:00", 60, key="of no account"))
    world.bill("2026-03-01")
    assert explain_record(world.home, "of no account").outcomes[0].status is Status.UNKNOWN_SUBSCRIPTION
    for name, uid in (("ana", 1), ("ben", 2)):
        undoing.undo(world.home, 5, "wrong date", Who(name, uid, world.tick()))
    assert listed(world.home, 0).records == ()
    (told,) = told_of(world, "plain", "2025-10-05")
    assert (told.reason, told.run_id, told.bill_date) == (LeftOut.CLOSED, 0, "2026-03-01")
    (line,) = rating_book(world.home, 10**6, Span(dt.date(2025, 9, 1), dt.date(2026, 4, 1)))
    assert (line.ok, line.right["too_late"].rows, line.right["suspended"].rows) == (True, 0, 0)
