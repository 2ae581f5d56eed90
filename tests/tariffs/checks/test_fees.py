"""Fees, terms and how long a catalogue holds: a mistake a row."""

# ruff: noqa: E501 - a mistake a line
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tariffs.rich import Mistake, check_row

if TYPE_CHECKING:
    from pathlib import Path

ROWS = [
    Mistake("id: 102, name: setup", "id: 101, name: setup", "plans[1].one_offs[0].id", "id 101 belongs to another price or fee", "own"),
    Mistake("id: 105, name: least", "id: 10, name: least", "plans[1].commitments[0].id", "id 10 belongs to another price or fee", "own"),
    Mistake("id: 211, name: travel-start", "id: 210, name: travel-start", "add_ons[1].one_offs[0].id", "id 210 belongs to another", "own"),
    Mistake("id: 102, name: setup", "id: 0, name: setup", "plans[1].one_offs[0].id", "id 0 is out of range", "1 to"),
    Mistake("name: leaving", "name: setup", "plans[1].one_offs[1].name", "fee `setup` is here twice", "own"),
    Mistake("name: setup", "name: fee", "plans[1].one_offs[0].name", "fee `fee` is listed as another fee already", "own"),
    Mistake('tax_class: standard, amount: "20"', 'tax_class: reduced, amount: "20"', "plans[1].one_offs[0].tax_class", "unknown tax class `reduced`", "known: standard"),
    Mistake('charge_code: 9, revenue_code: 400, tax_class: standard, amount: "3.00"', 'charge_code: 0, revenue_code: 40000, tax_class: standard, amount: "3.00"', "add_ons[0].recurring[0]", "charge code 0 is out of range", "1 to", others=1),
    Mistake('revenue_code: 400, tax_class: standard, amount: "15"', 'revenue_code: 0, tax_class: standard, amount: "15"', "plans[1].commitments[0].revenue_code", "revenue code 0", "1 to"),
    Mistake('amount: "15"', 'amount: "0"', "plans[1].commitments[0].amount", "commits to nothing", "leave it out"),
    Mistake('amount: "15"', "amount: 15", "plans[1].commitments[0].amount", "must be text", '"15"'),
    Mistake('amount: "5", at: end', 'amount: "05", at: end', "plans[1].one_offs[1].amount", "needless zero", '"0.5"'),
    Mistake("at: plan_change", "at: monday", "plans[1].one_offs[2].at", "is not an occasion", "activation, end, plan_change"),
    Mistake("at: plan_change", "at: added", "plans[1].one_offs[2].at", "is not an occasion", "activation, end, plan_change"),
    Mistake("activation_hours: 48", "activation_hours: 0", "plans[1].terms.activation_hours", "activation within 0 hours", "1 to"),
    Mistake("activation_hours: 48, ", "", "plans[1].terms.late_credit_percent", "no time for activation", "activation_hours"),
    Mistake('late_credit_percent: "5"', 'late_credit_percent: "101"', "plans[1].terms.late_credit_percent", "more than 100 percent", "0 to 100"),
    Mistake("minimum_months: 12", "minimum_months: 500", "plans[1].terms.minimum_months", "500 months", "0 to 120"),
    Mistake("notice_days: 30", "notice_days: -1", "plans[1].terms.notice_days", "-1 days", "0 to"),
    Mistake("sold_to: 2026-12-31", "sold_to: 2025-12-31", "plans[1].sold_to", "sold no more before it is sold", "last day"),
    Mistake("effective_to: 2027-01-01", "effective_to: 2026-01-01", "effective_to", "is not after effective_from", "nothing"),
    Mistake("effective_to: 2027-01-01", "effective_to: 9999-12-31", "effective_to", "is after 2069", "leave it out"),
    Mistake("effective_to: 2027-01-01T00:00:00+01:00", "effective_to: soon", "effective_to", "is not an instant", "offset"),
    Mistake("notice_days: 10\n", "notice_days: 9999\n", "notice_days", "9999 days", "0 to"),
    Mistake("notice_days: 10\n", "corrects: 1\n", "corrects", "version 1 cannot correct version 1", "an earlier version"),
    Mistake("version: 1\n", "version: 2\ncorrects: 1\n", "", ""),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS)
def test_rows(tmp_path: Path, row: Mistake) -> None:
    check_row(tmp_path, row)
