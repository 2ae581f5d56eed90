"""Usage that was billed and taken off the bill by a later run: it is on no bill, and each screen says so."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec
import pytest

from billing import catalogue
from billing.accounts import lifecycle
from billing.accounts.recording import Asked
from billing.catalogue import Operator
from billing.enquiries.usage import State, find
from billing.enquiries.usage_rows import Instants
from billing.late_decisions import BILLED
from billing.left_out.taken_off import taken_off
from billing.runs.selection.left_out import LeftOut
from billing.suspense import resolving
from billing.suspense.deciding import Deciding
from billing.too_late.listing import listed
from billing.usage_report.rating_book import rating_book
from billing.usage_report.span import Span as Days
from billing.verification.explain_line import explain_record
from server.cli.usage.find import state_in_words
from tests.billing.documents.clerk import void
from tests.billing.runs.test_pools_and_late import arrive
from tests.billing.runs.world import START_US, Call, shop
from tests.billing.suspense.world import ANA, asking
from tests.billing.suspense.world import listed as suspended
from tests.billing.too_late.late_world import ANA as LATE_ANA
from tests.billing.too_late.late_world import NUMBERS, decide, usage_cents, who, wrong

if TYPE_CHECKING:
    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow
ANNA = NUMBERS["anna"]
YEARS = Days(dt.date(2025, 9, 1), dt.date(2026, 12, 1))


def begin(world: World) -> None:
    """Anna, who calls three minutes on 4 October, which are billed, and as long on 5 October, known as `off`."""
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/plus", ANNA)
    world.take(Call(ANNA, "2025-10-04T10:00:00", 180, key="stays"))


def state_of(world: World, record: str) -> State:
    """The state that `usage find` tells."""
    return next(each.state for each in find(world.home, ANNA, Instants()).records if each.record_id == record)


def names_open(world: World) -> list[str]:
    """The records that are too late and open."""
    return [each.record.record_id for each in listed(world.home, who(world).now_us).records]


def off(world: World) -> int:
    """The number of events that were taken off."""
    with world.home.connect() as connection:
        seq = world.home.head_seq(connection)
    return len(taken_off(world.home, seq))


def test_a_version_with_fewer_days_takes_what_was_billed_off_and_lists_it(world: World) -> None:
    """The call comes 36 days late and is billed; a version that bills nothing after 20 days gives its 0.30 back."""
    begin(world)
    world.bill("2025-11-01")
    arrive(world, "2025-11-10T12:00:00", Call(ANNA, "2025-10-05T10:00:00", 180, key="off"))
    world.bill("2025-12-01")
    assert (usage_cents(world, "anna"), state_of(world, "off"), off(world)) == (60, State.BILLED, 0)
    plans = tuple(msgspec.structs.replace(each, late_usage_days_max=20) for each in shop().plans)
    world.catch_up()
    catalogue.publish(world.home, shop(2, START_US, plans=plans, corrects=1), world.tick())
    world.bill("2026-01-01")
    assert (usage_cents(world, "anna"), names_open(world), off(world)) == (30, ["off"], 1)
    assert (state_of(world, "stays"), state_of(world, "off")) == (State.BILLED, State.TOO_LATE)
    (book,) = rating_book(world.home, 10**6, YEARS)
    assert (book.ok, book.right["rated"].rows, book.right["too_late"].rows) == (True, 1, 1)
    explained = explain_record(world.home, "off")
    assert (explained.outcomes, [each.reason for each in explained.left_out]) == ((), [LeftOut.TOO_LATE])
    decide(world, BILLED, "off")
    world.bill("2026-02-01")
    assert wrong(world) == set()
    assert (names_open(world), state_of(world, "off")) == ([], State.LATE_BILLED)


def test_a_version_that_comes_back_after_its_window_is_listed(world: World) -> None:
    """Another version puts the call in doubt, which gives its 0.30 back; it is kept when October is closed."""
    begin(world)
    world.take(Call(ANNA, "2025-10-05T10:00:00", 180, key="off"))
    world.bill("2025-11-01")
    world.begun(dt.date(2025, 11, 5))
    world.take(Call(ANNA, "2025-10-05T10:00:00", 60, key="off"))
    world.bill("2025-12-01")
    assert usage_cents(world, "anna") == 30
    for date in ("2026-01-01", "2026-02-01", "2026-03-01"):
        world.bill(date)
    world.catch_up()
    doubtful = next(each for each in suspended(world).rows if each.reason == "conflicting")
    found = resolving.versions(world.home, asking(world).seq, int(doubtful.id))
    longest = max(zip(found.rows["duration_us"].to_pylist(), found.names, strict=False))[1]
    resolving.resolve(world.home, found, longest, Deciding(ANA, world.tick(), "says so"), {})
    world.bill("2026-04-01")
    assert (usage_cents(world, "anna"), names_open(world), state_of(world, "off")) == (30, ["off"], State.TOO_LATE)
    assert [each.reason for each in explain_record(world.home, "off").left_out] == [LeftOut.CLOSED]
    decide(world, BILLED, "off")
    world.bill("2026-05-01")
    assert (wrong(world), names_open(world)) == (set(), [])


def test_usage_of_a_void_invoice_whose_number_is_anothers_by_now_is_listed(world: World) -> None:
    """All of anna's invoices are void, and her subscription is bert's from 5 October on, as is told in February.

    Her call of 4 October is billed to her once more. That of 5 October is bert's, whose October the run of March has closed: 0.30.
    """
    begin(world)
    world.account("bert")
    world.take(Call(ANNA, "2025-10-05T10:00:00", 180, key="off"))
    for date in ("2025-11-01", "2025-12-01", "2026-01-01", "2026-02-01"):
        world.bill(date)
    for number in reversed(world.numbers("anna")):
        void(world, number, "2026-02-03")
    lifecycle.transfer(world.home, Asked(Operator(*LATE_ANA), who(world).now_us), "anna-1", "bert", dt.date(2025, 10, 5), "bert-1")
    assert (names_open(world), state_of(world, "off")) == ([], State.VOID)
    words = {each.record_id: state_in_words(each, "en") for each in find(world.home, ANNA, Instants()).records}
    assert words["stays"].endswith(", which is void: a run of 2025-11-01 or later bills it")
    assert words["off"].endswith(", which is void: its period is closed, for good")
    world.bill("2026-03-01")
    (found,) = listed(world.home, who(world).now_us).records
    assert (found.record.record_id, found.record.account_id, found.record.reason) == ("off", "bert", LeftOut.CLOSED)
    assert (found.worth_micros, found.currency) == (300_000, "CNY")
    assert (state_of(world, "stays"), state_of(world, "off")) == (State.BILLED, State.TOO_LATE)
    (book,) = rating_book(world.home, 10**6, YEARS)
    assert (book.ok, book.right["rated"].rows, book.right["too_late"].rows, wrong(world)) == (True, 1, 1, set())
    decide(world, BILLED, "off")
    world.bill("2026-04-01")
    texts = [line[0::4] for line in world.lines(world.numbers("bert")[-1])]
    assert ("Late usage: 1 record of 2025-10-05 10:00 (switch)", 30) in texts
    assert (names_open(world), state_of(world, "off"), wrong(world)) == ([], State.LATE_BILLED, set())
