"""Zones and roaming zones: what stands in two of them, and what none can hold."""

# ruff: noqa: E501 - a mistake a line
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tariffs.rich import Mistake, check_row

if TYPE_CHECKING:
    from pathlib import Path

ROWS = [
    Mistake('prefixes: ["49"]', 'prefixes: ["49", "112"]', "", ""),  # a prefix may be what a short code is: the code goes first
    Mistake(', short_codes: ["112", 110]', "", "zones[2]", "zone `emergency` has no prefix", "`short_codes`"),
    Mistake('"86"]}', '"86"], short_codes: ["112"]}', "zones[2].short_codes (line 21)", "short code 112 of zone `emergency` is in zone `far`", "one"),
    Mistake('["112", 110]', '["112", 112]', "zones[2].short_codes (line 21)", "short code 112", "once"),
    Mistake('["112", 110]', '["123456789"]', "zones[2].short_codes[0] (line 21)", "not a short code", "1 to 8 digits"),
    Mistake("id: 2, name: usa", "id: 1, name: usa", "roaming_zones[1].id (line 24)", "roaming zone id `1` is here twice", "its own"),
    Mistake("id: 2, name: usa", "id: 0, name: usa", "roaming_zones[1].id (line 24)", "roaming zone id 0 is out of range", "65534"),
    Mistake("name: usa", "name: eu", "roaming_zones[1].name (line 24)", "roaming zone `eu` is here twice", "its own"),
    Mistake("name: usa", "name: home", "roaming_zones[1] (line 24)", "cannot be called `home`", "not roaming"),
    Mistake('[310410, "310-26"]', "[20801]", "roaming_zones[1].plmns (line 24)", "network 208-01 of zone `usa` is in zone `eu`", "one zone"),
    Mistake('[310410, "310-26"]', "[310410, 310-410]", "roaming_zones[1].plmns", "network 310-410 of zone `usa`", "once"),
    Mistake('[310410, "310-26"]', "[]", "roaming_zones[1].plmns (line 24)", "has no network", "208-01"),
    Mistake('[310410, "310-26"]', "[310]", "roaming_zones[1].plmns[0] (line 24)", "not a network", "310-410"),
    Mistake("timezone: Europe/Paris", "timezone: Europe/Pariss", "roaming_zones[0].timezone", "not a known time zone", "IANA"),
    Mistake("Asia/Kolkata]", "Asia/Bombai]", "home_timezones (line 5)", "not a known time zone", "IANA"),
    Mistake("Asia/Kolkata]", "Europe/Berlin]", "home_timezones[1]", "time zone `Europe/Berlin` is here twice", "its own"),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS)
def test_rows(tmp_path: Path, row: Mistake) -> None:
    check_row(tmp_path, row)
