"""Rules: what they name is there, and each can be reached."""

# ruff: noqa: E501 - a mistake a line
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tariffs.rich import Mistake, check_row

if TYPE_CHECKING:
    from pathlib import Path

HOME = "      - {service: voice, zone: land, price: free}\n"
TALK = "      - {service: voice, zone: land, roaming: home, price: home-voice}\n"
CONTENT = '      - {service: content, zone: "*", rating_group: 7, price: content}\n'  # fmt: skip
SMS = '      - {service: sms, zone: "*", price: sms}\n'
ROWS = [
    Mistake("origin: far", "origin: fra", "plans[0].rules[2].origin (line 70)", "unknown zone `fra`", "emergency, far, land"),
    Mistake("origin: far", 'origin: "*"', "plans[0].rules[2].origin (line 70)", "unknown zone `*`", "far"),
    Mistake("origin: far", "origin: emergency", "plans[0].rules[2].origin", "zone `emergency` has no prefix", "with prefixes"),
    Mistake("roaming: eu,", "roaming: uk,", "plans[0].rules[3].roaming (line 71)", "unknown roaming zone `uk`", "eu, home, usa"),
    Mistake("direction: terminating", "direction: incoming", "plans[0].rules[1].direction", "not a direction", "originating, terminating"),
    Mistake("on_net: false", "on_net: maybe", "plans[0].rules[2].on_net", "expected true or false", "write true"),
    Mistake("rating_group: 7, customer", "rating_group: 0, customer", "plans[0].rules[3].rating_group", "rating_group 0 is out of range", "1 to"),
    Mistake("customer_group: 3", "customer_group: 4000000000", "plans[0].rules[3].customer_group", "out of range", "1 to"),
    # An unconditional rule with a price that is always active takes everything; one that is refused on purpose does too.
    Mistake(HOME, HOME + HOME, "plans[0].rules[6] (line 74)", "two rules for voice to `land`", "`rules[5]`"),
    Mistake(HOME, HOME + HOME.replace("free", "null"), "plans[0].rules[6]", "two rules for voice to `land`", "keep one"),
    Mistake(HOME, HOME + TALK, "plans[0].rules[6] (line 74)", "voice to `land` is never reached", "put it before `rules[5]`"),
    Mistake(HOME, HOME.replace("free", "null") + TALK, "plans[0].rules[6]", "never reached", "put it before `rules[5]`"),
    Mistake("origin: far, on_net: false, price: null", "direction: terminating, on_net: false, price: null", "plans[0].rules[2]", "never reached", "`rules[1]`"),
    Mistake("direction: terminating, price: free", "price: free", "plans[0].rules[2]", "never reached", "`rules[1]`", others=3),
    # What is not active all the time leaves something over, and so does another condition or service.
    Mistake("band: peak, r", "band: peak, r", "", ""),
    Mistake(TALK, TALK + TALK, "", ""),
    Mistake(TALK, TALK + TALK.replace("home-voice", "eu-voice"), "", ""),
    Mistake("direction: terminating, price: free", "direction: originating, price: free", "", ""),
    Mistake(CONTENT, CONTENT + CONTENT.replace("7", "8"), "", ""),
    Mistake(SMS, SMS + SMS.replace("sms, z", "mms, z"), "", ""),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS)
def test_rows(tmp_path: Path, row: Mistake) -> None:
    check_row(tmp_path, row)


def test_a_price_that_is_active_in_every_band_takes_everything(tmp_path: Path) -> None:
    every = "".join(f'      - {{band: {band}, rate: "1"}}\n' for band in ("summer", "pay-day", "new-year"))
    row = Mistake('      - {band: peak, rate: "0.09"}\n', f'{every}      - {{band: peak, rate: "0.09"}}\n', "", "")
    check_row(tmp_path, row)
    later = Mistake(TALK, TALK + TALK, "plans[0].rules[5]", "two rules for voice to `land`", "`rules[4]`")
    check_row(tmp_path, later, first=row)


def test_more_rules_than_can_be_sorted_out_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Half of 24 rules are for any destination, each with a condition: every one of 12 zones and the rest of the world asks them."""
    zones = "".join(f'  - {{id: {number + 100}, name: z{number}, prefixes: ["7{number:02}"]}}\n' for number in range(1, 13))
    anywhere = "".join(f'      - {{service: mms, zone: "*", customer_group: {number}, price: null}}\n' for number in range(1, 13))
    own = "".join(f"      - {{service: mms, zone: z{number}, customer_group: 1, price: null}}\n" for number in range(1, 13))
    row = Mistake("zones:\n", f"zones:\n{zones}", "", "")
    (tmp_path / "asked").mkdir()
    check_row(tmp_path / "asked", Mistake(SMS, SMS + anywhere + own, "", ""), first=row)
    monkeypatch.setattr("tariffs.checks.rules.CANDIDATES_MAX", 13 * (12 + 12) - 1)
    told = Mistake(SMS, SMS + anywhere + own, "plans[0].rules", "up to 312 rules for mms", "fewer rules", others=1)
    check_row(tmp_path, told, first=row)
