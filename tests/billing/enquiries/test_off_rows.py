"""Records of which no version counts under a number any more: each that was ever stored has a row, with reason and bill."""

# ruff: noqa: RUF001 - Chinese texts have Chinese punctuation
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing.enquiries.usage import find
from billing.enquiries.usage_rows import Instants
from server.cli.usage.find import state_in_words
from tests.billing.runs.test_arrivals import keep
from tests.billing.suspense import world as suspense
from tests.billing.too_late.late_world import CENT, NUMBERS
from tests.billing.too_late.test_versions import doubted

if TYPE_CHECKING:
    from billing.enquiries.usage import NumberRecords
    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow


def of(world: World, name: str = "anna", span: Instants = Instants()) -> NumberRecords:  # noqa: B008 -- a tuple
    return find(world.home, NUMBERS[name], span)


def test_a_record_that_was_written_off_is_on_its_bill_until_a_run_takes_it_off(world: World) -> None:
    doubted(world)
    world.catch_up()
    suspense.write_off(world, reasons=("conflicting",))
    found = of(world)
    (record,) = found.records
    assert (found.total, record.record_id, record.state, record.reason) == (1, "x", "given_up", "written_off")
    assert (record.account_id, record.invoice, record.line_no > 0) == ("anna", "R-0000000001", True)
    assert state_in_words(record, "en") == (
        f"written off in suspense: no version of it counts; billed on R-0000000001 line {record.line_no} as 600 s: "
        "a run of account anna takes it off"
    )
    assert state_in_words(record, "zh") == (
        f"已在待处理中核销，没有任何有效版本；已出账：R-0000000001 第 {record.line_no} 项（600 s）：账户 anna 的出账将其冲回"
    )
    assert of(world, span=Instants(0, 1)).total == 0
    world.bill("2026-02-01")
    (record,) = of(world).records
    assert (record.state, record.invoice, record.account_id) == ("given_up", "", "anna")
    assert state_in_words(record, "en") == "written off in suspense: no version of it counts"


def test_where_the_period_is_closed_the_list_of_late_usage_is_named(world: World) -> None:
    doubted(world)
    world.catch_up()
    suspense.write_off(world, reasons=("conflicting",))
    world.bill("2026-03-01")
    (record,) = of(world).records
    assert state_in_words(record, "en").endswith("as 600 s: no run corrects it, `ratewright usage too-late` has the difference")


def test_a_version_of_another_number_counts(world: World) -> None:
    """The record of Anna's number is of Bert's, in the version that a person kept."""
    keep(doubted(world, number=NUMBERS["bert"]), 720)
    (mine,), (his,) = of(world).records, of(world, "bert").records
    assert (mine.state, mine.reason, mine.detail) == ("replaced", "replaced", NUMBERS["bert"])
    assert (mine.account_id, mine.invoice, mine.charge_micros) == ("anna", "R-0000000001", 100 * CENT)
    told = state_in_words(mine, "en")
    where = f"of number {NUMBERS['bert']}; billed on R-0000000001 line {mine.line_no}; billed as 600 s, and a version of 720 s counts since"
    assert told.startswith(f"another version of it counts, {where}")
    where = f"（号码 {NUMBERS['bert']}）；已出账：R-0000000001 第 {mine.line_no} 项；按 600 s 出账"
    assert state_in_words(mine, "zh").startswith(f"已由另一版本取代{where}")
    assert (his.record_id, his.duration_us) == ("x", 720_000_000)
    world.bill("2026-02-01")
    (mine,), (his,) = of(world).records, of(world, "bert").records
    assert (mine.state, mine.invoice) == ("replaced", "")
    assert (his.state, his.account_id, his.charge_micros) == ("billed", "bert", 120 * CENT)


def test_while_versions_of_two_numbers_are_in_doubt_each_number_has_its_row(world: World) -> None:
    doubted(world, number=NUMBERS["bert"])
    assert {each.state for name in ("anna", "bert") for each in of(world, name).records} == {"suspense"}
    assert [of(world, name).total for name in ("anna", "bert")] == [1, 1]
