"""The sheet of a catalogue tells every rule that is not as usual."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from rating.model import FeeOccasion, OneOffFee
from server.cli.pages import plan_sheet, tariff_sheet
from tariffs.changes import words
from tests.tariffs.rich import RICH, whole
from tests.tariffs.sample import loaded

if TYPE_CHECKING:
    from pathlib import Path

EXPECTED = """\
plan rich/rich, Rich: 6 rules
  falls back to basic
  allowance minutes: 6,000 s of voice to land, priority 2, in whole increments, connect fee even when free
  allowance texts: 50 messages of sms, mms to anywhere, each line's own in one pool, carry at a plan change
  allowance data: 1,000,000,000 B of data to anywhere, whole in a part period, the rest stays for 2 more periods, 500,000,000 B at most
  allowance money: 10.00 EUR of everything to anywhere, the rest stays for 1 more period, 5.00 at most
  day pass day: 1.99 EUR for a day of 500,000,000 B of data to anywhere, days of the visited clock
  day pass talk: 0.99 EUR for a day of voice to land
  cap daily: 5.00 EUR a day for data to anywhere
  cap monthly: 50.00 EUR a period for everything to anywhere
  discount friends: 25 % off voice to land with friends
  discount spring: 10.5 % off everything to anywhere, from 2026-03-01 00:00:00+01:00, until 2026-04-01 00:00:00+02:00
  voice to land, terminating: free
  voice to land, from far, off-net: not sold
  voice to land, roaming in eu, rating group 7, customer group 3: eu-voice
  voice to land, at home: home-voice
  year, peak: 08:00 to 20:00, Mon Tue Wed Thu Fri
  year, holiday: 00:00 to 24:00, on holidays, weight 20
  year, summer: 00:00 to 24:00, daily, in 2026 2027, months 7 8, weight 5
  year, pay-day: 12:00 to 14:00, days of the month 1 15, weight 9
  year, new-year: 20:00 to 24:00, on 2026-12-31, weight 30
  year, new-year: 00:00 to 04:00, on 2027-01-01, weight 30
  year, holidays: 2026-01-01, 2026-12-25
  emergency: 110, 112
  eu: 208-01, 222-10 (Europe/Paris)
  usa: 310-26, 310-410
home clocks: Asia/Kolkata, Europe/Berlin
prices nothing from 2027-01-01 00:00:00+01:00
plan rich/basic, Basic: 4 rules
  fee fee: 9.99 EUR in advance
  fee setup: 20.00 EUR once, at activation
  fee leaving: 5.00 EUR once, at the end
  fee change: 1.00 EUR once, at a change to this plan
  fee early: 8.00 EUR for each month left, at an end before the least time is over
  commitment least: 15.00 EUR a period of usage and fees at least
  volume tier much-data: all data of the account: 0.05 EUR a MB; from 10 GB: 0.03 EUR a MB and 2.00 EUR
  invoice discount loyal: 10 % off usage, volume
  invoice discount welcome: 5.00 EUR off all fees and usage with charge code 3, 9, for 6 months
  bill threshold hundred: billed at once from 100.00 EUR
  bill threshold much: billed at once from 500.00 EUR
  late usage: arrival period, from 5 days after its period on
  usage is not billed when it comes more than 90 days after it began
  spend limit careful: bar at 30.00 EUR a period for sms, data to anywhere; alarms only
  activated within 48 hours, 5 % of the recurring fees for each day later
  for 12 months at least
  ended 30 days ahead
  sold from 2026-01-01 to 2026-12-31
add-on travel, Travel: basic+travel
  day pass abroad: 2.99 EUR for a day of data to anywhere
  cap travel-cap: 40.00 EUR a period for data to anywhere
  discount travel-texts: 50 % off sms to anywhere
  fee travel-start: 1.00 EUR once, with its first day
  fee travel-end: 0.50 EUR once, with its last day
en, complaints: Call 10000.
"""
PRICES = {
    " 11  home-voice  peak ": "home clock, at least 30 s",
    " 12  eu-voice ": "graduated over the period, counter 5",
    " 13  data ": "package over the period, counter 6",
    " 15  content ": "and 30 % of the content amount",
}


@pytest.fixture
def sheet(tmp_path: Path) -> list[str]:
    catalogue = loaded(tmp_path, RICH)
    return tariff_sheet.lines(catalogue, [catalogue])


def test_plans_calendars_and_zones(sheet: list[str]) -> None:
    missing = [line for line in EXPECTED.splitlines() if line not in sheet]
    assert missing == []


def test_prices(sheet: list[str]) -> None:
    for start, end in PRICES.items():
        assert any(start in line and line.endswith(end) for line in sheet), start


def test_fees_of_pauses_outages_and_bundles(tmp_path: Path) -> None:
    catalogue = whole(tmp_path)
    told = "\n".join(tariff_sheet.lines(catalogue, [catalogue]))
    assert told.startswith("rich version 2, EUR with tax, Europe/Berlin\n")
    assert "  fee line: 1.00 EUR in arrears, while paused too, during outages too, 60 % of it reduced, 40 % of it standard" in told


@pytest.mark.parametrize("occasion", FeeOccasion)
def test_every_occasion_of_a_fee_has_words(tmp_path: Path, occasion: FeeOccasion) -> None:
    rich = loaded(tmp_path, RICH)
    fee = OneOffFee(901, "once", 1, 1, "standard", 2_000_000, on=occasion)
    told = plan_sheet.lines(rich, msgspec.structs.replace(rich.plans[0], one_offs=(fee,)))
    assert any(line.startswith("  fee once: 2.00 EUR once, ") for line in told)
    assert words.occasion(occasion)
