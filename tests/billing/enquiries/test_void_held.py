"""A record on a void invoice whose account has a hold on the bill date: answers name the first date of a run that bills it.

Anna's call of October is on the bill of 1 November. That is void, and a hold from 1 to 5 November keeps back a run of its date, also when
the hold is over.
"""

# ruff: noqa: RUF001 - Chinese texts have Chinese punctuation
from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from billing.accounts import kinds
from billing.enquiries.usage import find
from billing.enquiries.usage_rows import Instants
from billing.enquiries.void_bills import on_void
from server.actions.enquiries.void_bill import void_in_words
from server.cli.usage.find import state_in_words
from tests.billing.documents.clerk import tell, void
from tests.billing.runs.world import Call, usage_table

if TYPE_CHECKING:
    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow
NUMBER = "8613800000001"
CALL = Call(NUMBER, "2025-10-05T10:00:00", 600, key="x")


def anna(world: World, *days: str | None) -> str:
    """Her invoice, which is void, and a hold."""
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/plus", NUMBER)
    world.take(CALL)
    world.bill("2025-11-01")
    (number,) = world.numbers("anna")
    void(world, number, "2025-11-03")
    tell(world, "anna", "hold", kinds.HoldFact("disputed"), *days)
    return number


def said(world: World, language: str = "en") -> tuple[str, list[str]]:
    """The words of `usage find` and of `bill explain`."""
    usage = usage_table((CALL,))
    starts = dict(zip(usage["event_key"].to_pylist(), usage["start_us"].cast(pa.int64()).to_pylist(), strict=True))
    (record,) = find(world.home, NUMBER, Instants()).records
    (gone,) = on_void(world.home, starts)
    return state_in_words(record, language), void_in_words(gone, language)[1:]


def test_the_first_date_after_the_hold_is_named(world: World) -> None:
    number = anna(world, "2025-11-01", "2025-11-06")
    assert said(world) == (
        f"on {number}, which is void: a run of 2025-11-06 or later bills it, after a hold of its bills",
        ["A hold keeps back the run of 2025-11-01: one of 2025-11-06 or later bills it again."],
    )
    assert said(world, "zh") == (
        f"{number} 已作废：账单暂停结束后，2025-11-06 或之后的出账将重新计费",
        ["2025-11-01 的出账因账单暂停不计费：2025-11-06 或之后的出账将重新计费。"],
    )
    before = said(world)
    assert world.bill("2025-11-01").put_aside == {"anna": "held: its bills are held on 2025-11-01"}
    assert said(world) == before
    world.bill("2025-11-06")
    assert find(world.home, NUMBER, Instants()).records[0].state == "billed"


def test_of_two_holds_in_a_row_the_last_one_decides(world: World) -> None:
    number = anna(world, "2025-11-01", "2025-11-06")
    tell(world, "anna", "hold", kinds.HoldFact("once more"), "2025-11-04", "2025-11-10")
    assert said(world)[0] == f"on {number}, which is void: a run of 2025-11-10 or later bills it, after a hold of its bills"


def test_without_an_end_the_hold_is_the_reason(world: World) -> None:
    number = anna(world, "2025-11-01", None)
    assert said(world)[0] == f"on {number}, which is void: bills of its account are held, for a later run"


def test_a_long_hold_closes_no_period_that_a_void_opened(world: World) -> None:
    """Runs open three periods before the newest, and those that a void opened, until they are billed."""
    number = anna(world, "2025-11-01", "2026-06-02")
    assert said(world)[0] == f"on {number}, which is void: a run of 2026-06-02 or later bills it, after a hold of its bills"
    for date in ("2025-12-01", "2026-03-01", "2026-06-01", "2026-06-02"):
        world.bill(date)
    assert find(world.home, NUMBER, Instants()).records[0].state == "billed"
