"""Two tables of one switch in one home: no key shows that their calls are the same, so intake says it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing.intake.taking import Intake
from mediation.definitions.named import find
from mediation.sources.model import Format, Layout, Source
from mediation.sources.rules import Dialect

if TYPE_CHECKING:
    from pathlib import Path

    from billing.store.home import Home

NOW_US = 1_796_000_000_000_000
BARS = Dialect(delimiter="|", quote="")
ACC = Source(
    "sbc-acc",
    Format.KAMAILIO_ACC,
    (Layout(("method", "from_tag", "to_tag", "callid", "sip_code", "time", "time_exten", "src_user", "dst_user")),),
    dialect=BARS,
    services=find("kamailio-acc").services,
)
CDRS = Source(
    "sbc-cdrs",
    Format.KAMAILIO_CDRS,
    (Layout(("start_time", "end_time", "duration", "callid", "from_tag", "to_tag", "src_user", "dst_user", "sip_code")),),
    dialect=BARS,
    start_on_confirmed=True,
)
COLUMNS = ("caller_id_number", "destination_number", "answer_stamp", "billsec", "uuid")
CSV, ALSO_CSV = (Source(name, Format.FREESWITCH, (Layout(COLUMNS),)) for name in ("fs-csv", "fs-again"))


def acc_text(*calls: str) -> str:
    rows = ((method, call, second) for call in calls for method, second in (("INVITE", 1795975400), ("BYE", 1795975402)))
    return "".join(f"{method}|f-{call}|t-1|{call}|200|{second}|100000|8613900000001|8613700000001\n" for method, call, second in rows)


def cdrs_text(*calls: str) -> str:
    return "".join(f"1795975400|1795975402|2.000000|{call}|f-{call}|t-1|8613900000001|8613700000001|200\n" for call in calls)


def take(home: Home, folder: Path, source: Source, text: str) -> dict[str, int]:
    path = folder / f"{source.name}-{len(text)}"
    path.write_text(text)
    return Intake(home).take_file(path, source, NOW_US).told_twice


@pytest.mark.parametrize("acc_first", [True, False])
def test_acc_and_acc_cdrs_of_one_switch_are_told_whichever_comes_first(home: Home, tmp_path: Path, acc_first: bool) -> None:  # noqa: FBT001
    files = [(ACC, acc_text("1-a@h", "2-b@h", "3-c@h")), (CDRS, cdrs_text("2-b@h", "3-c@h", "4-d@h"))]
    first, second = files if acc_first else files[::-1]
    assert take(home, tmp_path, *first) == {}
    assert take(home, tmp_path, *second) == {first[0].name: 2}


def test_two_switches_are_two_switches(home: Home, tmp_path: Path) -> None:
    assert take(home, tmp_path, ACC, acc_text("1-a@h")) == {}
    assert take(home, tmp_path, CDRS, cdrs_text("1@h", "1-a", "a@h", "1-a@h2")) == {}


def test_two_forms_of_one_switch(home: Home, tmp_path: Path) -> None:
    text = "8613900000001,8613700000001,2026-11-29 10:00:00,60,u1\n"
    assert take(home, tmp_path, CSV, text) == {}
    assert take(home, tmp_path, ALSO_CSV, text) == {"fs-csv": 1}
