"""A record that comes back bills as if it had come in time, and counts once whatever happens."""

from __future__ import annotations

import datetime as dt
import random
from typing import TYPE_CHECKING

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from billing import catalogue
from billing.intake import books, view
from billing.intake.taking import Intake
from billing.suspense import limits, proposals, recycling
from billing.suspense.rule import rule_of
from billing.suspense.selection import Selection
from mediation.definitions.file import read_source
from mediation.sources.model import BUILT_IN, Format, Layout, Source
from rating.dates import DAY_US
from rating.errors import NotFoundError, UserError
from tests.billing.runs.world import NATIONAL, PREMIUM, START_US, Call, instant_us, price_of, shop
from tests.billing.suspense.world import (
    ANA,
    BEN,
    SWITCH,
    apply,
    asking,
    asterisk_row,
    later,
    listed,
    recycle,
    save,
    take_rows,
    total_cents,
    unbalanced,
    write_off,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from billing.intake.reports import IntakeReport
    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow
ADD_86 = {"source": "switch", "reasons": ["UNKNOWN_SUBSCRIPTION"], "served": {"begins": "1", "digits": 11, "add": "86"}}
# Anna's October: 30 minutes, of which 10 are beyond her 20 free ones; the middle call came without its country code.
IN_TIME = (Call("8613800000001", "2025-10-05T10:00", 600), Call("8613800000001", "2025-10-07T10:00", 600))
WRONG = Call("13800000001", "2025-10-06T10:00", 600, key="middle")
RIGHT = WRONG._replace(served="8613800000001")


def test_corrected_before_the_bill_it_bills_as_if_it_had_come_right(make_world: Callable[[str], World]) -> None:
    reference, late = make_world("reference"), make_world("late")
    reference.take(*IN_TIME, RIGHT)
    late.take(*IN_TIME, WRONG)
    late.bill("2025-10-02")  # nothing is due, and nothing of October is priced
    assert listed(late).counts == ()
    correction = save(late, ADD_86, bill_date=dt.date(2025, 11, 1))
    assert apply(late, correction).outcomes == {"recycled": 1}
    for world in (reference, late):
        world.bill("2025-11-01")
    assert late.lines(late.numbers("anna")[0]) == reference.lines(reference.numbers("anna")[0])
    assert total_cents(late) == total_cents(reference)
    assert unbalanced(late) == []


def test_corrected_after_the_bill_the_invoices_add_up_to_the_same(make_world: Callable[[str], World]) -> None:
    reference, late = make_world("reference"), make_world("late")
    reference.take(*IN_TIME, RIGHT)
    late.take(*IN_TIME, WRONG)
    for world in (reference, late):
        world.bill("2025-11-01")
    assert [(each.id[:2], each.reason, each.estimated_micros) for each in listed(late).rows] == [("e-", "UNKNOWN_SUBSCRIPTION", 1_000_000)]
    assert apply(late, save(late, ADD_86)).outcomes == {"recycled": 1}
    assert listed(late).counts == ()
    for world in (reference, late):
        world.bill("2025-12-01")
    assert total_cents(late, "anna") == total_cents(reference, "anna")
    assert ("National calls, correction for 2025-10-01 to 2025-10-31", "2025-10-01", "2025-11-01", 1, 100) in late.lines(
        late.numbers("anna")[1]
    )
    assert unbalanced(late) == []


def test_applied_twice_it_counts_once(world: World) -> None:
    world.take(*IN_TIME, WRONG)
    world.bill("2025-11-01")
    correction = save(world, ADD_86)
    apply(world, correction)
    with pytest.raises(UserError, match="is applied"):
        apply(world, correction)
    world.bill("2025-12-01")
    assert total_cents(world, "anna") == 2 * 1060 + 106


def test_the_original_sent_again_is_a_duplicate(world: World) -> None:
    world.take(WRONG)
    world.bill("2025-11-01")
    apply(world, save(world, ADD_86))
    world.take(WRONG)
    assert listed(world).counts == ()
    assert unbalanced(world) == []


def test_what_came_after_the_rule_was_saved_is_none_of_it(world: World) -> None:
    world.take(WRONG)
    world.bill("2025-11-01")
    correction = save(world, ADD_86)
    world.take(WRONG._replace(at="2025-11-06T10:00", key="later"))
    world.bill("2025-12-01")
    assert apply(world, correction).rows == 1
    assert [each.start_us for each in listed(world).rows] == [instant_us("2025-11-06T10:00")]


def test_a_row_that_could_not_be_read_comes_back_by_the_mended_definition(world: World, tmp_path: Path) -> None:
    good = asterisk_row("u1", "8613800000001", "2025-10-05 10:00:00", 60)
    take_rows(world, tmp_path, "one.csv", good, asterisk_row("u3", "8613800000001", "2025-10-07 25:00:00", 60), "cut,off\n")
    assert {each.reason: each.rows for each in listed(world).counts} == {"unreadable_time": 1, "wrong_column_count": 1}
    with pytest.raises(UserError, match="its definition is not known"):
        recycle(world, source="north-1")
    done = recycle(world, SWITCH, source="north-1")
    assert (done.rows, sum(done.left.values())) == (0, 2)
    assert done.left == {"it still cannot be read: unreadable_time": 1, "it still cannot be read: wrong_column_count": 1}


def test_a_last_row_without_a_line_break_comes_back_by_its_id_alone_or_by_a_definition_that_says_so(world: World, tmp_path: Path) -> None:
    """Decoded again it reads like any other, so that nobody brings it back by the way."""
    columns = ("uniqueid", "src", "dst", "start", "answer", "disposition", "billsec")
    source = Source("north-2", Format.ASTERISK, (Layout(columns),), timezone="Asia/Shanghai")
    rows = [f"u{n},8613800000001,8613900000001,2025-10-05 10:00:00,2025-10-05 10:00:00,ANSWERED,600" for n in range(4)]
    for number, row in enumerate(rows[1:]):
        take_rows(world, tmp_path, f"{number}.csv", row, source=source)  # of one row, too: nothing else is wrong with it
    assert {each.reason: each.rows for each in listed(world).counts} == {"truncated_record": 3}
    done = recycle(world, source, source="north-2")
    assert (done.rows, done.left) == (0, {"its file may have been cut off: recycle it by its id once it is known to be whole": 3})
    assert recycle(world, source, ids=(listed(world).rows[0].id,)).outcomes == {"recycled": 1}
    assert {each.reason: each.rows for each in listed(world).counts} == {"truncated_record": 2}
    done = recycle(world, msgspec.structs.replace(source, ends_without_line_break=True), source="north-2")
    assert (done.outcomes, listed(world).counts) == ({"recycled": 2}, ())
    assert unbalanced(world) == []


def test_a_local_time_that_happened_twice_is_read_in_the_rules_zone(world: World, tmp_path: Path) -> None:
    berlin = msgspec.structs.replace(SWITCH, timezone="Europe/Berlin")
    rows = [asterisk_row(f"u{i}", "8613800000001", "2025-10-26 02:30:00", 60) for i in (1, 2)]
    take_rows(world, tmp_path, "one.csv", *rows, asterisk_row("u3", "8613800000001", "2025-10-26 12:30:00", 60), source=berlin)
    assert {each.reason: each.rows for each in listed(world).counts} == {"ambiguous_local_time": 2}
    change = {"source": "north-1", "reasons": ["ambiguous_local_time"], "time": {"zone": "Asia/Shanghai"}}
    assert apply(world, save(world, change, berlin), berlin).outcomes == {"recycled": 2}
    assert listed(world).counts == ()
    other = asterisk_row("u4", "8613800000001", "2025-10-26 13:30:00", 60)
    take_rows(world, tmp_path, "again.csv", *rows, other, source=berlin)  # cannot be read by the old definition, as before
    assert listed(world).counts == (), "the same bytes are known, whatever was decided about them"
    otherwise = [row.replace("Dial", "Queue") for row in rows]  # the same events in other bytes
    take_rows(world, tmp_path, "otherwise.csv", *otherwise, other, source=berlin)
    assert {each.reason: each.rows for each in listed(world).counts} == {"ambiguous_local_time": 2}
    done = apply(world, save(world, change, berlin), berlin)
    assert done.outcomes == {"duplicate": 2}
    assert listed(world).counts == ()
    world.bill("2025-11-01")
    assert unbalanced(world) == []


LATER = {"source": "north-1", "reasons": ["ambiguous_local_time"], "time": {"zone": "Europe/Berlin", "doubtful": "later"}}


def leg(sequence: int, answer: str, end: str, seconds: int) -> str:
    """A leg of one call (of 21 columns), in the night in which clocks go back."""
    times = ",".join(f"2025-10-26 {clock}" for clock in (answer, answer, end))
    return (
        f",8613800000001,8613900000001,c,,PJSIP/a,PJSIP/z-{sequence},Dial,,{times},{seconds},{seconds},ANSWERED,DOC,1.1,,,1.1,{sequence}\n"
    )


RING_ALL = (leg(1, "02:10:00", "02:10:10", 10), leg(2, "02:10:00", "02:11:00", 60), leg(3, "02:10:00", "02:11:00", 60))
# Legs of one call, and the seconds it bills. Legs that begin before three o'clock cannot be read at first.
CALLS = {
    "all legs come back": (RING_ALL, 60),
    "a leg comes back that bills a stored one": ((leg(1, "02:59:50", "03:01:00", 70), leg(2, "03:00:00", "03:01:00", 60)), 70),
    "a leg comes back that a stored one bills": ((leg(1, "02:59:50", "03:00:10", 20), leg(2, "03:00:00", "03:01:00", 60)), 60),
}


@pytest.mark.parametrize(("legs", "seconds"), CALLS.values(), ids=CALLS.keys())
def test_a_call_whose_legs_come_back_bills_once(world: World, tmp_path: Path, legs: tuple[str, ...], seconds: int) -> None:
    berlin = msgspec.structs.replace(SWITCH, timezone="Europe/Berlin")
    noon = asterisk_row("u3", "8613800000001", "2025-10-26 12:30:00", 1)
    take_rows(world, tmp_path, "one.csv", *legs, noon, source=berlin)
    apply(world, save(world, LATER, berlin), berlin)
    assert listed(world).counts == ()
    with world.home.connect() as connection:
        head = world.home.head_seq(connection)
    counting = view.usage(world.home, ["duration_us"], head)
    assert sum(counting["duration_us"].to_pylist()) == (seconds + 1) * 1_000_000
    assert unbalanced(world) == []


def test_ids_that_name_nothing_are_refused(world: World, tmp_path: Path) -> None:
    take_rows(world, tmp_path, "one.csv", "broken\n", asterisk_row("u1", "8613800000001", "2025-10-05 10:00:00", 60))
    (entry,) = listed(world).rows
    with pytest.raises(NotFoundError, match="no record 77 waits"):
        recycle(world, SWITCH, ids=(entry.id, "77"))
    with pytest.raises(UserError, match="waits for a number or a price"):
        recycle(world, SWITCH, ids=("e-0123456789ab",))


def test_above_the_limit_a_second_person_has_to_agree(world: World) -> None:
    world.take(WRONG)
    world.bill("2025-11-01")
    limits.set_limit(world.home, 999_999, BEN, world.tick(), reason="small shop")  # the call may be worth 1.00
    correction = save(world, ADD_86)
    assert correction.state is proposals.State.PROPOSED
    with pytest.raises(UserError, match="needs a second person"):
        apply(world, correction)
    with pytest.raises(UserError, match="who cannot approve it"):
        proposals.decide(world.home, correction.proposal_id, ANA, world.tick(), accept=True)
    limits.set_limit(world.home, 10_000_000_000, ANA, world.tick(), reason="I raise it for myself")
    with pytest.raises(UserError, match="needs a second person"):
        apply(world, correction)
    proposals.decide(world.home, correction.proposal_id, BEN, world.tick(), accept=True)
    assert apply(world, correction).outcomes == {"recycled": 1}
    (stored,) = proposals.proposals(world.home)
    assert (stored.state, stored.approved_by) == (proposals.State.APPLIED, BEN)


def test_a_correction_worth_more_than_was_approved_is_refused(world: World) -> None:
    world.take(WRONG)
    world.bill("2025-11-01")
    limits.set_limit(world.home, 1_500_000, BEN, world.tick(), reason="small shop")
    correction = save(world, ADD_86)
    prices = (price_of(NATIONAL, "National calls", 10, 900_000), price_of(PREMIUM, "Premium calls", 11, 2_005_000))
    dearer = shop(2, START_US + 1, prices=prices)
    catalogue.publish(world.home, dearer, world.tick())
    with pytest.raises(UserError, match="worth more than when it was saved"):
        apply(world, correction)


def test_the_intake_book_balances_whatever_came_back(world: World, tmp_path: Path) -> None:
    world.take(*IN_TIME, WRONG, Call("8613800000002", "2025-10-05T10:00", 60, key="two"))
    world.take(Call("8613800000002", "2025-10-05T10:00", 61, key="two"))
    take_rows(world, tmp_path, "one.csv", "broken\n", asterisk_row("u1", "8613800000001", "2025-10-05 10:00:00", 60))
    world.bill("2025-11-01")
    apply(world, save(world, ADD_86))
    with world.home.connect() as connection:
        head = world.home.head_seq(connection)
    assert [line for line in books.intake_book(world.home, head) if line.left != line.right] == []


def test_many_records_come_back_in_several_commits(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("billing.suspense.recycling.COMMIT_ROWS_MAX", 2)
    world.take(*(WRONG._replace(at=f"2025-10-06T1{hour}:00", key=f"call {hour}") for hour in range(5)))
    world.bill("2025-11-01")
    correction = save(world, ADD_86)
    done = apply(world, correction)
    assert (done.rows, done.outcomes) == (5, {"recycled": 5})
    assert proposals.proposal_of(world.home, correction.proposal_id).state is proposals.State.APPLIED
    assert listed(world).counts == ()
    world.bill("2025-12-01")
    assert total_cents(world, "anna") == 2 * 1060 + 318  # 50 minutes, of which 30 are beyond the free ones
    assert unbalanced(world) == []


def test_rows_of_another_time_wait_until_it_has_come_or_somebody_corrects_them(world: World, tmp_path: Path) -> None:
    early = asterisk_row("u1", "8613800000001", "2026-03-05 10:00:00", 60)
    old = asterisk_row("u2", "8613800000001", "2024-10-05 10:00:00", 60)
    forgetful = msgspec.structs.replace(SWITCH, retention_us=190 * DAY_US)
    take_rows(world, tmp_path, "one.csv", early, old, asterisk_row("u3", "8613800000001", "2025-10-05 10:00:00", 60), source=forgetful)
    assert {each.reason for each in listed(world).counts} == {"future_time", "too_old"}  # today is the second of January 2026
    done = recycle(world, reasons=("future_time",))
    assert (done.rows, done.left) == (0, {"its time has not come": 1})
    assert recycle(world, reasons=("too_old",)).outcomes == {"recycled": 1}
    change = {"source": "north-1", "reasons": ["future_time"], "time": {"shift": "-30d"}}
    assert save(world, change).subject.rows == 0  # the third of February has not come either
    assert apply(world, save(world, {**change, "time": {"shift": "-90d"}})).outcomes == {"recycled": 1}
    assert listed(world).counts == ()
    assert unbalanced(world) == []


CARRIER = """
name: carrier
format: delimited
header_lines: 1
dialect: {delimiter: "|", names_in_header: true}
key: [RecId]
timezone: Asia/Shanghai
fields:
  served: Caller
  other: Called
  start: {column: Begin}
  duration: {column: Length, unit: s}
  answered: {column: Result, words: {OK: "yes", BUSY: "no"}}
"""


def test_a_row_is_read_again_by_the_header_of_its_file_and_a_definition_that_knows_more(world: World, tmp_path: Path) -> None:
    path = tmp_path / "carrier.yaml"
    path.write_text(CARRIER)
    take_rows(
        world,
        tmp_path,
        "one.txt",
        "RecId|Caller|Begin|Called|Length|Result\n",
        "1|8613800000001|2025-10-05 10:00:00|8613900000001|60|OK\n",
        "2|8613800000001|2025-10-05 11:00:00|8613900000001|120|DONE\n",
        source=read_source(path),
    )
    assert [(each.reason, each.raw) for each in listed(world).rows] == [
        ("unknown_disposition", "2|8613800000001|2025-10-05 11:00:00|8613900000001|120|DONE")
    ]
    path.write_text(CARRIER.replace("OK:", "DONE: 'yes', OK:"))
    assert recycle(world, read_source(path), source="carrier").outcomes == {"recycled": 1}
    assert listed(world).counts == ()
    with world.home.connect() as connection:
        head = world.home.head_seq(connection)
    assert sorted(view.usage(world.home, ["duration_us"], head)["duration_us"].to_pylist()) == [60_000_000, 120_000_000]
    assert unbalanced(world) == []


@pytest.mark.parametrize("seed", range(4))
def test_whenever_records_come_back_the_invoices_add_up_to_the_same(make_world: Callable[[str], World], seed: int) -> None:
    """Random calls of two months, some without their country code; corrected before the first, second or third bill, or piece by piece."""
    chance = random.Random(seed)
    days = [f"2025-{month}-{day:02d}T{hour:02d}:00" for month in (10, 11) for day in range(1, 29, 3) for hour in (9, 21)]
    served, other = ("8613800000001", "8613800000002"), (8613900000001, 8690000000001)
    right = [Call(chance.choice(served), at, chance.randrange(1, 900), chance.choice(other), at) for at in days]
    wrong = [call._replace(served=call.served.removeprefix("86")) if chance.random() < 0.3 else call for call in right]
    reference, late = make_world("reference"), make_world("late")
    reference.take(*right)
    late.take(*wrong)
    for date in ("2025-11-01", "2025-12-01", "2026-01-01"):
        last = date == "2026-01-01"
        if last or chance.random() < 0.5:
            before = "" if last else chance.choice(("2025-10-15", "2025-11-10"))
            rule = {**ADD_86, **({"before": before} if before else {})}
            correction = save(late, rule, bill_date=dt.date.fromisoformat(date))
            if correction.subject.rows:
                apply(late, correction)
        for world in (reference, late):
            world.bill(date)
    assert late.home is not reference.home
    assert [total_cents(late, account) for account in ("anna", "bert")] == [total_cents(reference, account) for account in ("anna", "bert")]
    assert listed(late).counts == ()
    assert unbalanced(late) == []


def test_no_change_puts_a_value_into_a_canonical_row(world: World, tmp_path: Path) -> None:
    """Service 9, and a call of -1 s: both stay with service voice, and are decoded as they are. Sent right they count."""
    source, instant = BUILT_IN["canonical"], pa.array([instant_us("2025-10-05T10:00:00")] * 3).cast(pa.timestamp("us", tz="UTC"))

    def send(name: str, service: int, second_us: int) -> IntakeReport:
        columns = {"record_id": ["a", "b", "c"], "served_id": ["8613800000001"] * 3, "service": [service, 1, 1], "start_us": instant}
        pq.write_table(pa.table(columns | {"duration_us": [60_000_000, second_us, 60_000_000]}), tmp_path / name)
        return Intake(world.home).take_file(tmp_path / name, source, later(world))

    def waiting() -> dict[str, int]:
        return {each.reason: each.rows for each in listed(world).counts}

    send("wrong.parquet", 9, -1_000_000)
    assert waiting() == {"unknown_service": 1, "negative_quantity": 1}
    rule = rule_of({"source": "canonical", "service": "voice"}, "test")
    chosen, _ = recycling.found(world.home, Selection("canonical"), rule, asking(world, source))
    assert sorted(chosen.problem) == [f"it still cannot be read: {reason}" for reason in ("negative_quantity", "unknown_service")]
    right = send("right.parquet", 1, 60_000_000)
    assert {outcome: rows for outcome, rows in right.rows.items() if rows} == {"answered": 2, "duplicate": 1}, "c came before"
    assert write_off(world, source="canonical").rows == 2
    assert waiting() == {}
    assert unbalanced(world) == []
