"""Re-ratings leave alone all that no run bills any more, and nothing that a void has opened again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from billing import catalogue
from billing.intake import view
from billing.left_out.for_good import RULE_OF_BEFORE, left_for_good
from tests.billing.documents.clerk import void
from tests.billing.runs.world import START_US, price_of, shop
from tests.billing.too_late.late_world import late, open_records, usage_cents, wrong
from tests.billing.too_late.test_once import job

if TYPE_CHECKING:
    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow
ALL = {"late-1", "late-2", "late-3", "late-4", "late-5"}


def names(world: World, *rule: int) -> set[str]:
    """The records that are left alone."""
    with world.home.connect() as connection:
        seq = world.home.head_seq(connection)
    found = left_for_good(world.home, seq, *rule)
    assert found is not None
    usage = view.usage(world.home, ("event_key", "record_id"), seq)
    mask: Any = found.holds(usage["event_key"])
    return {str(name) for name, is_held in zip(usage["record_id"].to_pylist(), mask, strict=True) if is_held}


def test_what_a_void_has_opened_again_is_not_left_for_good(world: World) -> None:
    """A job of before had left it alone, and is worked out as it was."""
    late(world)
    assert names(world) == ALL
    void(world, world.numbers("anna")[0], "2026-03-02")
    assert (names(world), names(world, RULE_OF_BEFORE)) == (ALL - {"late-1", "late-2"}, ALL)


def test_a_re_rating_bills_it_with_what_the_void_invoice_had_billed(world: World) -> None:
    """A minute costs 0.20 by now: five of October, one of them on the void invoice at 0.10. The next run finds nothing left."""
    late(world)
    world.catch_up()
    catalogue.publish(
        world.home, shop(2, START_US, prices=(price_of(100, "National calls", 10, 200_000), shop().prices[1]), corrects=1), world.tick()
    )
    void(world, world.numbers("anna")[0], "2026-03-02")
    job(world, "2025-10", "2026-03-10")
    assert usage_cents(world, "anna") == 10 + 5 * 20
    world.bill("2026-04-01")
    assert (usage_cents(world, "anna"), open_records(world), wrong(world)) == (10 + 5 * 20, ["late-3", "late-5"], set())
    world.bill("2026-05-01")
    assert open_records(world) == ["late-3", "late-4", "late-5"], "the run of April read October, and refused what nobody owned"
