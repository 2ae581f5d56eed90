"""Figures of a what-if are those of real bill runs: under the tariff in force, and under the draft in a home where it was published.

The runs are checked by the twin, so that a what-if agrees with it too. Differences must be zero, event by event and in every sum.
"""

from __future__ import annotations

import collections
import itertools
from typing import TYPE_CHECKING, Any

import pytest

from billing import invoicing
from billing.intake.taking import Intake
from billing.runs import charge_files
from billing.runs.contracts.counted_charges import charge_paths, read_charges
from billing.verification.rerate_sample import rerate
from billing.what_if import Month, what_if
from rating.status import Status
from tests.billing.what_if.operator_month import dearer, plain, tariff

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.what_if import WhatIf
    from rating.model import Catalogue
    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow
OCTOBER = Month(2025, 10)
_CHARGE = ["subscription_id", "period_from", "status", "zone_id", "price_id", "charge_micros"]


def ask(world: World, draft: Catalogue, **options: Any) -> WhatIf:  # noqa: ANN401 -- options of what_if
    return what_if(world.home, draft, OCTOBER, clock_s=itertools.count().__next__, **options)


@pytest.mark.parametrize(("seed", "made"), [(1, tariff), (2, tariff), (1, plain), (2, plain)])
@pytest.mark.parametrize("sealed", [False, True])
def test_an_unchanged_tariff_changes_nothing_and_is_what_the_run_charged(
    a_month: Callable[..., World], seed: int, made: Callable[..., Catalogue], *, sealed: bool
) -> None:
    world = a_month(made(), seed)
    if sealed:
        Intake(world.home).seal(world.tick())
    report = ask(world, made(version=2))
    world.bill("2025-11-01")
    (part,) = report.currencies
    assert part.now_micros == part.then_micros > 0
    assert all((row.now_events, row.now_micros) == (row.then_events, row.then_micros) for row in part.revenue)
    assert all((fee.now_count, fee.now_micros) == (fee.then_count, fee.then_micros) for fee in part.fees)
    assert all(each.now_events == each.then_events for each in report.unpriced)
    assert (part.payers.more, part.payers.less, part.payers.deciles) == (0, 0, (0,) * 11)
    assert (report.lost, part.most_affected) == ((), ())
    assert sides(report, "now") == sides(report, "then") == of_run(world, made())
    assert {("fee", name) for name in ("Set-up", "Change", "Farewell", "Basic", "Line rent")} <= sides(report, "now").keys()


@pytest.mark.parametrize("received", [True, False])
def test_then_is_what_a_run_under_the_draft_charges(a_month: Callable[..., World], *, received: bool) -> None:
    draft = dearer(received=received)
    report = ask(a_month(tariff() if received else plain()), draft)
    published = a_month(draft)
    published.bill("2025-11-01")
    checked = rerate(published.home, None, sample=10_000, seed=1)
    assert (checked.disagreements, checked.examples) == (0, ())
    assert checked.events > 450
    assert sides(report, "then") == of_run(published, draft)
    assert sides(report, "now") != sides(report, "then")
    assert sum(each.events for each in report.lost) > 0
    assert {each.plan for each in report.lost} == {"shop/roamer"}
    (part,) = report.currencies
    assert part.payers.more > 0 < part.payers.less


def test_bills_of_customers_are_those_of_the_run(a_month: Callable[..., World]) -> None:
    """Usage and fees of the month of each account, as its invoice shows them exactly."""
    world = a_month(tariff())
    report = ask(world, dearer())
    world.bill("2025-11-01")
    exact: dict[str, int] = collections.Counter()
    for summary in invoicing.list_invoices(world.home, None):
        exact[summary.account_id] += sum(
            line.exact_micros
            for line in invoicing.get_invoice(world.home, summary.number).lines
            if line.kind != "tax" and line.period_from[:7] == "2025-10"
        )
    (part,) = report.currencies
    assert part.most_affected
    assert all(each.now_micros == exact[each.account_id] for each in part.most_affected)
    assert part.now_micros == sum(exact.values())
    changes = [each.then_micros - each.now_micros for each in part.most_affected]
    assert [abs(each) for each in changes] == sorted((abs(each) for each in changes), reverse=True)
    assert part.payers.deciles[0] == min(*changes, 0) or part.payers.deciles[0] > 0
    assert part.payers.more_micros + part.payers.less_micros == part.then_micros - part.now_micros


def sides(report: WhatIf, side: str) -> dict[tuple[str, ...], tuple[int, int]]:
    """Events and amount of each zone and service, fee and refusal; those of nobody, and what has no event, left out."""
    (part,) = report.currencies
    found: dict[tuple[str, ...], list[int]] = collections.defaultdict(lambda: [0, 0])
    rows: list[tuple[tuple[str, ...], int, int]] = [
        *((("usage", row.zone, row.service), getattr(row, f"{side}_events"), getattr(row, f"{side}_micros")) for row in part.revenue),
        *((("fee", fee.name), 0, getattr(fee, f"{side}_micros")) for fee in part.fees),
        *((("refused", each.status), getattr(each, f"{side}_events"), 0) for each in report.unpriced if each.plan),
    ]
    for key, count, micros in rows:
        found[key][0] += count
        found[key][1] += micros
    return {key: (count, micros) for key, (count, micros) in found.items() if count or micros}


def of_run(world: World, published: Catalogue) -> dict[tuple[str, ...], tuple[int, int]]:
    """The same of the charge files and invoice lines of the run of 1 November."""
    zones = {0: "*", **{zone.zone_id: zone.name for zone in published.zones}}
    services = {100: "voice", 101: "voice", 102: "data", 103: "voice"}
    found: dict[tuple[str, ...], list[int]] = collections.defaultdict(lambda: [0, 0])
    with world.home.connect() as connection:
        charges = read_charges(world.home.path, charge_paths(connection, 1), _CHARGE)
    place = charges.column_names.index("charge_micros")
    charges = charges.set_column(place, "charge_micros", charge_files.micros_of(charges["charge_micros"]))
    for row in charges.to_pylist():
        if row["subscription_id"] == 0 or (row["period_from"].year, row["period_from"].month) != (2025, 10):
            continue
        refused = row["status"] > Status.ZERO_RATED
        key = ("refused", Status(row["status"]).name) if refused else ("usage", zones[row["zone_id"]], services[row["price_id"]])
        found[key][0] += 1
        found[key][1] += 0 if refused else row["charge_micros"]
    for number in world.numbers():
        for line in invoicing.get_invoice(world.home, number).lines:
            if line.kind in {"recurring", "one_off"} and line.period_from[:7] == "2025-10":
                found["fee", line.text][1] += line.exact_micros
    return {key: (count, micros) for key, (count, micros) in found.items() if count or micros}
