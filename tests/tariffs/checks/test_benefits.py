"""Allowances, day passes, caps and discounts: units, services and zones that fit, and nothing that does nothing."""

# ruff: noqa: E501 - a mistake a line
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tariffs.rich import Mistake, check_row

if TYPE_CHECKING:
    from pathlib import Path

MONEY = 'money: "10.00"'
MONTHLY = 'amount: "50.00", window: period'
DAY = "service: data, quantity: 500MB, clock"
LETTERS = "  - name: basic\n    allowances: [{{id: 85, name: letters, service: sms, quantity: {}}}]\n"
ROWS = [
    # Services and units
    Mistake("services: [mms, sms], quantity: 50 messages", "quantity: 50 messages", "plans[0].allowances[1]", "`texts` serves no service", "`service: voice`"),
    Mistake("services: [mms, sms]", "services: []", "plans[0].allowances[1]", "`texts` serves no service", "services:"),
    Mistake("services: [mms, sms]", "service: sms, services: [mms]", "plans[0].allowances[1]", "both `service` and `services`", "keep one"),
    Mistake("services: [mms, sms]", "services: [mms, fax]", "plans[0].allowances[1].services[1]", "not a service", "voice, sms", others=1),
    Mistake("services: [mms, sms]", "services: [data, sms]", "plans[0].allowances[1].quantity", "is in messages, and data is counted in volume", "an entry of their own"),
    Mistake("50 messages", "50MB", "plans[0].allowances[1].quantity", "allowance `texts` of sms is not in messages", "50 messages"),
    Mistake(DAY, "service: data, quantity: 5h, clock", "plans[0].day_passes[0].quantity", "day pass `day` of data is not in volume", "2GiB"),
    Mistake(DAY, "services: [data, voice], clock", "plans[0].day_passes[0].services", "is in time, and data is counted in volume", "an entry of their own"),
    Mistake(DAY, "quantity: 500MB, clock", "plans[0].day_passes[0]", "`day` serves no service", "add"),
    Mistake(MONTHLY, f"{MONTHLY}, services: []", "plans[0].caps[1].services", "`monthly` serves no service", "leave `services` out"),
    # How much
    Mistake(MONEY, f"{MONEY}, quantity: 5min", "plans[0].allowances[3]", "both `quantity` and `money`", "keep one"),
    Mistake(f"{MONEY}, title", "title", "plans[0].allowances[3]", "`money` has no `quantity`", 'money: "10.00"', others=2),
    Mistake(MONEY, "money: 10", "plans[0].allowances[3].money", "must be text", '"10"'),
    Mistake(MONEY, 'money: "0"', "plans[0].allowances[3].money", "is empty", "more than nothing"),
    Mistake("maximum: 500MB", "maximum: 99999999999MB", "plans[0].allowances[2].rollover.maximum", "is larger than anything can be", "leave it out"),
    Mistake("data, quantity: 500MB", "data, quantity: 99999999999MB", "plans[0].day_passes[0].quantity", "is larger than anything can be", "leave `quantity` out"),
    Mistake("50 messages", "0 messages", "plans[0].allowances[1].quantity", "is empty", "more than nothing"),
    Mistake("data, quantity: 500MB", "data, quantity: 0MB", "plans[0].day_passes[0].quantity", "is empty", "leave `quantity` out"),
    Mistake('amount: "5.00"', 'amount: "0"', "plans[0].caps[0].amount", "leaves nothing to charge", "above zero"),
    Mistake('fee: "1.99"', "fee: 1.99", "plans[0].day_passes[0].fee", "must be text", "quotes"),
    Mistake('fee: "1.99"', 'fee: "999999999999.5"', "plans[0].day_passes", "together above half the limit of money", "less"),
    # What lines share
    Mistake("shared: pooled", "shared: each", "plans[0].allowances[1].shared", '"each" is not a way to share', "false, true, pooled, one"),
    Mistake("shared: pooled", 'shared: "true"', "plans[0].allowances[1].shared", '"true" is not a way to share', "false, true, pooled, one"),
    Mistake("shared: pooled", "shared: true", "", ""),
    Mistake("shared: pooled", "shared: false", "", ""),
    Mistake("shared: one, at_plan_change: carry", "shared: one", "plans[0].allowances[4]", "neither ends nor divides it", "at_plan_change: carry"),
    Mistake("shared: one, at_plan_change: carry", "shared: one, at_plan_change: reset", "plans[0].allowances[4].at_plan_change", "neither ends nor divides it", "at_plan_change: carry"),
    Mistake("  - name: basic\n", LETTERS.format("7 messages, shared: one, at_plan_change: carry"), "", ""),
    Mistake("  - name: basic\n", LETTERS.format("8 messages, shared: one, at_plan_change: carry"), "plans[1].allowances[0].quantity", "`rich` grants it otherwise", "the same in all plans"),
    Mistake("  - name: basic\n", LETTERS.format("7 messages, shared: one, at_plan_change: carry, prorate: false"), "plans[1].allowances[0].prorate", "`rich` grants it otherwise", "the same in all plans"),
    Mistake("  - name: basic\n", LETTERS.format("7 messages, shared: pooled, at_plan_change: carry"), "plans[1].allowances[0].shared", "not granted once here, and otherwise in `rich`", "`shared: one` in all plans"),
    # Terms
    Mistake(MONEY, f"{MONEY}, draw: whole_increments", "plans[0].allowances[3].draw", "`draw` means nothing to it", "leave"),
    Mistake(MONEY, f"{MONEY}, connect_when_free: true", "plans[0].allowances[3].connect_when_free", "means nothing to it", "leave"),
    Mistake("draw: whole_increments", "draw: whole", "plans[0].allowances[0].draw", "not a way to draw", "exact, whole_increments"),
    Mistake("at_plan_change: carry", "at_plan_change: keep", "plans[0].allowances[1].at_plan_change", "not what a plan change does", "carry, reset, prorate"),
    Mistake("priority: 2", "priority: 9999999999", "plans[0].allowances[0].priority", "has the priority 9999999999", "lowest"),
    Mistake("priority: 2", "priority: -2", "", ""),
    Mistake("{periods: 2, maximum: 500MB}", "2", "plans[0].allowances[2].rollover", "expected a set of fields", "periods"),
    Mistake("periods: 2", "periods: 0", "plans[0].allowances[2].rollover.periods", "of no period", "leave `rollover` out"),
    Mistake("periods: 2", "periods: 999", "plans[0].allowances[2].rollover.periods", "too many periods", "1 to 120"),
    Mistake("maximum: 500MB", "maximum: 0MB", "plans[0].allowances[2].rollover.maximum", "rolls nothing over", "more than nothing"),
    Mistake("maximum: 500MB", 'maximum: "5.00"', "plans[0].allowances[2].rollover.maximum", "is not in volume", "500MB"),
    Mistake('maximum: "5.00"', "maximum: 5min", "plans[0].allowances[3].rollover.maximum", "is not in money", '"5.00"'),
    Mistake("window: period", "window: month", "plans[0].caps[1].window", "not a window", "day, period"),
    Mistake(", window: period", "", "plans[0].caps[1]", "field `window` is missing", "add"),
    Mistake('percent: "25"', 'percent: "0"', "plans[0].discounts[0].percent", "not above 0 and up to 100 percent", "25"),
    Mistake('percent: "25"', 'percent: "101"', "plans[0].discounts[0].percent", "not above 0 and up to 100 percent", "25"),
    Mistake("to: 2026-04-01T", "to: 2026-02-01T", "plans[0].discounts[1].to", "ends before it begins", "after `from`"),
    Mistake(", to: 2026-04-01T00:00:00+02:00", "", "", ""),
    Mistake("from: 2026-03-01T00:00:00+01:00", "from: 2026-03-01", "plans[0].discounts[1].from", "no offset", "+01:00"),
    # Zones
    Mistake("zones: [land]}\n    caps", "zones: [lan]}\n    caps", "plans[0].day_passes[1].zones[0]", "unknown zone `lan`", "home"),
    Mistake("zones: [land]}\n    caps", "zones: [far]}\n    caps", "plans[0].day_passes[1].zones[0]", "serves `far`, to which plan `rich` has no rule for voice", "add the rule"),
    Mistake("zones: [land]}\n    caps", "zones: []}\n    caps", "plans[0].day_passes[1]", "serves no zone", '"*"'),
    Mistake(MONTHLY, f"{MONTHLY}, zones: [far]", "plans[0].caps[1].zones[0]", "no rule for voice or sms or mms or data or content", "take the zone out"),
    Mistake(MONTHLY, f'{MONTHLY}, zones: [land, "*"]', "", ""),
    Mistake("voice, zones: [land]}\n      - {id: 2", "voice, zones: [moon]}\n      - {id: 2", "plans[0].discounts[0].zones[0]", "unknown zone `moon`", "home"),
    # Ids and names
    Mistake("id: 92, name: talk", "id: 81, name: talk", "plans[0].day_passes[1].id", "id 81 belongs to another allowance or day pass", "its own"),
    Mistake("id: 82, name: texts", "id: 0, name: texts", "plans[0].allowances[1].id", "id 0 is out of range", "1 to"),
    Mistake("id: 2, name: monthly", "id: 1, name: monthly", "plans[0].caps[1].id", "id 1 belongs to another cap", "its own"),
    Mistake("id: 2, name: spring", "id: 1, name: spring", "plans[0].discounts[1].id", "id 1 belongs to another discount", "its own"),
    Mistake("name: monthly", "name: daily", "plans[0].caps[1].name", "cap `daily` is here twice", "its own"),
    Mistake("name: talk", "name: day", "plans[0].day_passes[1].name", "day pass `day` is here twice", "its own"),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS)
def test_rows(tmp_path: Path, row: Mistake) -> None:
    check_row(tmp_path, row)
