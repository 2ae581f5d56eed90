"""Usage that was priced of an account in quarantine, and usage of an account that has ended: listed once no run bills it any more."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from billing import setting_changes
from billing.accounts import agreements
from billing.accounts.recording import Asked
from billing.catalogue import Operator
from billing.enquiries import usage, usage_rows
from billing.left_out.words import sentences
from billing.runs.selection.left_out import LeftOut
from billing.usage_report.rating_book import rating_book
from billing.usage_report.span import Span
from billing.verification.explain_line import explain_record
from tests.billing.runs.test_pools_and_late import arrive
from tests.billing.runs.world import Call
from tests.billing.second_person import set_by_two
from tests.billing.too_late.late_world import ANA, NUMBERS, open_records, usage_cents, wrong

if TYPE_CHECKING:
    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow
YEARS = Span(dt.date(2025, 9, 1), dt.date(2026, 12, 1))
OF_OCTOBER = Call(NUMBERS["anna"], "2025-10-05T10:00:00", 600, key="x")  # 10 min at 0.10: 1.00


@pytest.fixture
def anna(world: World) -> World:
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/plus", NUMBERS["anna"])
    return world


def told(world: World) -> tuple[list[LeftOut], str]:
    found = explain_record(world.home, "x").left_out
    return [each.reason for each in found], " ".join(text for each in found for text in sentences(each))


def test_the_last_run_that_has_a_period_open_puts_the_account_into_quarantine(anna: World) -> None:
    """October is open until the run of 1 February, which prices the call and puts anna aside; that of 1 March has it no more."""
    for date in ("2025-11-01", "2025-12-01", "2026-01-01"):
        anna.bill(date)
    arrive(anna, "2026-01-10T12:00:00", OF_OCTOBER)
    anna.catch_up()
    setting_changes.put(anna.home, "lines_per_day_max", "0", *ANA, anna.tick())
    assert set(anna.bill("2026-02-01").quarantined) == {"anna"}
    assert (open_records(anna), told(anna)[0], wrong(anna)) == ([], [LeftOut.QUARANTINED], set())
    set_by_two(anna.home, "lines_per_day_max", "15", anna.tick)
    anna.bill("2026-03-01")
    assert (usage_cents(anna, "anna"), open_records(anna), wrong(anna)) == (0, ["x"], set())
    reasons, text = told(anna)
    assert reasons == [LeftOut.CLOSED]
    assert "closed since the bill date 2026-03-01" in text
    (record,) = usage.find(anna.home, NUMBERS["anna"], usage_rows.Instants()).records
    assert (str(record.state), record.reason) == ("too_late", "closed")
    (book,) = rating_book(anna.home, 10**6, YEARS)
    assert (book.ok, book.right["too_late"].rows, book.right["rated"].rows) == (True, 1, 0)


@pytest.mark.parametrize(
    ("came", "cents", "listed"),
    [
        ("2025-12-20", 100, []),  # three periods before the latest: the run of 1 January opens October
        ("2026-01-20", 100, []),  # as does that of 1 February, the last one
        ("2026-02-20", 0, ["x"]),
        ("2026-03-20", 0, ["x"]),
    ],
)
def test_an_account_that_has_had_its_final_bill(anna: World, came: str, cents: int, listed: list[str]) -> None:
    """Closed on 15 November. Its last periods stay open as if it had gone on; no run takes it in afterwards."""
    anna.bill("2025-11-01")
    anna.begun(dt.date(2025, 11, 10))
    agreements.close(anna.home, Asked(Operator(*ANA), anna.tick()), "anna", dt.date(2025, 11, 15), "leaves")
    dates = ["2025-12-01", "2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01", "2026-05-01"]
    for date in dates:
        if date < came:
            anna.bill(date)
    arrive(anna, f"{came}T12:00:00", OF_OCTOBER)
    anna.begun(dt.date.fromisoformat(came) + dt.timedelta(1))
    for date in dates:
        if date > came:
            anna.bill(date)
    assert (usage_cents(anna, "anna"), open_records(anna), wrong(anna)) == (cents, listed, set())
    if listed:
        reasons, text = told(anna)
        assert reasons == [LeftOut.CLOSED]
        assert "No run bills it any more" in text
