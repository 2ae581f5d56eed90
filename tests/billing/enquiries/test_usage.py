"""The records of a number, and what became of each: where it is billed, or why it is not."""

# ruff: noqa: RUF001 - Chinese texts have Chinese punctuation

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING

import pytest

from billing.accounts import lifecycle
from billing.accounts.recording import Asked
from billing.catalogue import Operator
from billing.documents import voiding
from billing.documents.usage_list import usage_list
from billing.enquiries.usage import NumberRecords, find
from billing.enquiries.usage_rows import Instants
from billing.persons import Who
from billing.runs.selection.left_out import LeftOut
from rating.dates import instant_of
from rating.errors import UserError
from rating.schema import UsageFlag
from server.cli.usage.find import state_in_words
from tests.billing.runs.world import Call, World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
NUMBER, OTHER = "8613800000001", "8613800000002"


@pytest.fixture
def home_world(tmp_path: Path) -> Iterator[World]:
    """Anna's October and November are billed; one of her calls has no rate, one was not answered, one came in January for October."""
    made = World(tmp_path / "home")
    for name, number in (("anna", NUMBER), ("bert", OTHER)):
        made.account(name)
        made.subscription(f"{name}-1", name, "shop/basic", number)
    calls = [
        Call(NUMBER, "2025-10-05T10:00:00", 60, key="first"),
        Call(NUMBER, "2025-10-06T10:00:00", 60, 100_200, key="nowhere"),
        Call(NUMBER, "2025-10-07T10:00:00", 0, key="missed", flags=int(UsageFlag.UNANSWERED)),
        Call(OTHER, "2025-10-08T10:00:00", 60, key="bert's"),
    ]
    made.take(*calls)
    made.bill("2025-11-01")
    made.take(Call(NUMBER, "2025-11-03T10:00:00", 120, key="second"))
    made.bill("2025-12-01")
    yield made
    made.home.close()


def us(day: str) -> int:
    return instant_of(dt.datetime.fromisoformat(f"{day}T00:00:00+08:00"))


def told(world: World, number: str = NUMBER, span: Instants = Instants(), limit: int = 50) -> list[tuple[str, str, str, str]]:  # noqa: B008 -- a tuple
    found: NumberRecords = find(world.home, number, span, limit=limit)
    return [(each.record_id, each.state, each.reason, each.invoice) for each in found.records]


def test_each_record_has_its_state(home_world: World) -> None:
    world = home_world
    assert told(world) == [
        ("first", "billed", "", "R-0000000001"),
        ("nowhere", "refused", "NO_ZONE", ""),
        ("missed", "not_billable", LeftOut.NOT_BILLABLE, ""),
        ("second", "billed", "", "R-0000000003"),
    ]
    world.take(Call(NUMBER, "2025-12-04T10:00:00", 60, key="coming"))
    assert told(world)[-1] == ("coming", "not_due", LeftOut.NOT_DUE, "")
    assert told(world, OTHER) == [("bert's", "billed", "", "R-0000000002")]
    assert told(world, "8613800000003") == []


def test_the_line_is_the_one_that_itemises_it(home_world: World) -> None:
    """Invoice, line and charge are those of `invoice usage`."""
    for record in find(home_world.home, NUMBER, Instants()).records:
        if record.state == "billed":
            items = {each.record_id: each for each in usage_list(home_world.home, record.invoice).records}
            own = items[record.record_id]
            assert (record.line_no, record.charge_micros, record.other) == (own.line_no, own.charge_micros, own.other)
            assert (record.account_id, record.currency, record.duration_us) == ("anna", "CNY", own.duration_us)


def test_what_is_too_late_says_so(home_world: World) -> None:
    for date in ("2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01"):
        home_world.bill(date)
    home_world.catch_up()
    home_world.take(Call(NUMBER, "2025-10-09T10:00:00", 60, key="late"))
    found = {each[0]: each for each in told(home_world)}
    assert found["late"] == ("late", "too_late", LeftOut.CLOSED, "")


def test_the_span_is_half_open_and_the_answer_bounded(home_world: World) -> None:
    span = Instants(us("2025-10-06"), us("2025-10-07"))
    assert [each[0] for each in told(home_world, span=span)] == ["nowhere"]
    cut = find(home_world.home, NUMBER, Instants(), limit=2)
    assert ([each.record_id for each in cut.records], cut.total) == (["first", "nowhere"], 4)
    with pytest.raises(UserError, match="limit"):
        find(home_world.home, NUMBER, Instants(), limit=0)


def test_two_versions_of_a_record_wait_in_suspense(home_world: World) -> None:
    home_world.take(Call(NUMBER, "2025-10-05T10:00:00", 90, key="first"))
    waits = [each for each in find(home_world.home, NUMBER, Instants()).records if each.state == "suspense"]
    assert {(each.reason, each.start_us) for each in waits} == {("conflicting", us("2025-10-05") + 10 * 3_600_000_000)}
    assert [each.record_id for each in waits] == ["first", "first"]
    number = waits[0].suspense_id
    told_en = "versions of the record conflict; billed on R-0000000001 line 2 as 60 s"
    assert state_in_words(waits[0], "en") == f"waits in suspense as {number}: {told_en}"
    assert state_in_words(waits[0], "zh") == f"待处理，编号 {number}：该记录的各版本互相冲突；已出账：R-0000000001 第 2 项（60 s）"
    assert all(each.suspense_id for each in waits)
    assert {each[1] for each in told(home_world) if each[0] == "first"} == {"suspense"}, "neither version counts"


def test_a_void_invoice_bills_nothing(home_world: World) -> None:
    number = find(home_world.home, NUMBER, Instants()).records[-1].invoice
    day = dt.date(2025, 12, 2)
    voiding.void(home_world.home, number, "mistaken", Who("clerk", 7, home_world.begun(day)), on=day)
    assert told(home_world)[-1] == ("second", "void", "", number)
    second = find(home_world.home, NUMBER, Instants()).records[-1]
    assert (second.next_bill_date, state_in_words(second, "en")) == (
        "2025-12-01",
        f"on {number}, which is void: a run of 2025-12-01 or later bills it",
    )
    assert state_in_words(second, "zh") == f"{number} 已作废，2025-12-01 或之后的出账将重新计费"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_explaining_says_that_the_invoice_is_void_and_which_run_bills_it(
    home_world: World, capsys: pytest.CaptureFixture[str], language: str
) -> None:
    from server.cli.app import main  # noqa: PLC0415 -- heavy, for this test alone

    number, day = find(home_world.home, NUMBER, Instants()).records[-1].invoice, dt.date(2025, 12, 2)
    command = ["bill", "explain", "second", "--home", str(home_world.home.path)]
    assert main([*command, "--language", language]) == 0
    assert number not in capsys.readouterr().out, "it stands"
    voiding.void(home_world.home, number, "mistaken", Who("clerk", 7, home_world.begun(day)), on=day)
    assert main([*command, "--language", language]) == 0
    words = {
        "en": f"It was on {number} line 2, and that invoice is void.\nA run of 2025-12-01 or later bills it again.",
        "zh": f"该记录原在 {number} 第 2 项，该账单已作废。\n2025-12-01 或之后的出账将重新计费。",
    }
    assert words[language] in capsys.readouterr().out
    assert main([*command, "--json"]) == 0
    (void,) = json.loads(capsys.readouterr().out)["void"]
    assert (void["invoice"], void["line_no"], void["to_come"]["bill_date"]) == (number, 2, "2025-12-01")


def test_a_later_line_of_the_same_charge_is_named(home_world: World) -> None:
    free, paid = Call(NUMBER, "2025-11-20T10:00:00", 60, key="free"), Call(NUMBER, "2025-11-21T10:00:00", 6_000, key="came later")
    home_world.take(free, paid)
    home_world.bill("2026-01-01")
    found = {each.record_id: each for each in find(home_world.home, NUMBER, Instants()).records}
    assert found["came later"].state == "billed"
    assert (found["free"].state, found["free"].charge_micros, found["free"].run_id) == ("billed", 0, 3)
    assert found["second"].invoice == "R-0000000003"
    assert [each.partition("/")[0] for each in found["second"].later_lines] == [found["came later"].invoice]
    assert found["came later"].later_lines == ()


def test_the_invoice_is_that_of_the_owner_beside_it(home_world: World) -> None:
    """The subscription is bert's from 3 November on, as is told in December: anna's bill gives the call back, and bert's has it."""
    world = home_world
    asked = Asked(Operator("clerk", 1001), world.begun(dt.date(2025, 12, 2)))
    lifecycle.transfer(world.home, asked, "anna-1", "bert", dt.date(2025, 11, 3), "bert-2")
    assert [(each.account_id, each.state) for each in find(world.home, NUMBER, Instants()).records if each.record_id == "second"] == [
        ("anna", "billed")
    ]
    before = set(world.numbers("bert"))
    world.bill("2026-01-01")
    (number,) = set(world.numbers("bert")) - before
    (second,) = [each for each in find(world.home, NUMBER, Instants()).records if each.record_id == "second"]
    assert (second.account_id, second.state, second.invoice, second.later_lines) == ("bert", "billed", number, ())
    assert "National calls, correction for 2025-11-01 to 2025-11-30" in [line[0] for line in world.lines(number)]
