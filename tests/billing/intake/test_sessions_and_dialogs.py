"""Sessions of RADIUS and dialogs of Kamailio in files as they come: cut, sent again, in any order."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from billing.intake import view
from billing.intake.taking import Intake
from mediation.definitions.named import find
from mediation.sources.model import Partials, ServiceRules, Services

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.store.home import Home
    from mediation.sources.model import Source

_ACC = Path(__file__).parents[2] / "mediation" / "fixtures" / "kamailio-acc" / "acc.csv"
NOW_US = 1_772_500_000_000_000  # 2026-03-03, early
BEGIN_S = 1_772_445_600  # 2026-03-02 10:00:00 UTC
EACH = find("radius-detail")
JOIN = msgspec.structs.replace(EACH, services=Services(data=ServiceRules(partials=Partials.JOIN, cumulative=True)))
Used = tuple[str, int, int, int]


def record(status: str, session: str, seconds: int, up: int, *, after_s: int = 0, delay_s: int = 0) -> str:  # noqa: PLR0913 - what a record says
    """A record without Event-Timestamp; `after_s`: how long it was on its way, of which `delay_s` the equipment knows."""
    lines = [
        f"\tAcct-Status-Type = {status}",
        "\tNAS-IP-Address = 192.0.2.1",
        f"\tAcct-Delay-Time = {delay_s}",
        *([] if not session else [f'\tAcct-Session-Id = "{session}"', '\tUser-Name = "anna"']),
        *([] if status == "Start" else [f"\tAcct-Session-Time = {seconds}", f"\tAcct-Input-Octets = {up}", "\tAcct-Output-Octets = 0"]),
        f"\tTimestamp = {BEGIN_S + seconds + after_s}",
    ]
    return "\n".join(["Mon Mar  2 10:00:00 2026", *lines, "", ""])


FILES = {
    "a.detail": [record("Start", "s1", 0, 0), record("Alive", "s1", 600, 1000), record("Start", "s2", 0, 0)],
    "b.detail": [
        record("Alive", "s1", 600, 1000, after_s=9, delay_s=8),  # sent again: a second went by that nobody counted
        record("Alive", "s2", 900, 50),
        record("Accounting-On", "", 1000, 0),
    ],
    "c.detail": [record("Stop", "s1", 700, 1500), record("Stop", "s1", 700, 1500, after_s=5, delay_s=4)],
}
ADDED: list[Used] = [("s1", 0, 600, 1000), ("s1", 600, 100, 500), ("s2", 0, 900, 50)]
WHOLE: list[Used] = [("s1", 0, 700, 1500), ("s2", 0, 900, 50)]  # the restart closed the second


def bills(home: Home) -> list[Used]:
    """Session, seconds after the beginning, seconds and bytes of what counts."""
    with home.connect() as connection:
        rows = view.usage(home, ["call_ref", "start_us", "duration_us", "bytes_up"], home.head_seq(connection)).to_pylist()
    begun = [int(row["start_us"].timestamp()) - BEGIN_S for row in rows]
    return sorted(
        (row["call_ref"].rpartition("-")[2], begin, row["duration_us"] // 1_000_000, row["bytes_up"])
        for row, begin in zip(rows, begun, strict=True)
    )


@pytest.mark.parametrize("order", list(itertools.permutations(FILES)), ids="-".join)
@pytest.mark.parametrize(("source", "expected"), [(EACH, ADDED), (JOIN, WHOLE)], ids=["each", "join"])
def test_sessions_bill_what_was_used(  # noqa: PLR0913, PLR0917 - fixtures and a table's columns
    home: Home, balanced: Callable, tmp_path: Path, source: Source, expected: list[Used], order: tuple[str, ...]
) -> None:
    intake = Intake(home)
    for name in order:
        path = tmp_path / name
        path.write_text("".join(FILES[name]))
        intake.take_file(path, source, NOW_US)
    found = bills(home)
    slack_s = 1  # whichever copy came first tells when it was
    assert [(name, seconds, volume) for name, _, seconds, volume in found] == [(row[0], *row[2:]) for row in expected]
    assert all(abs(begin - row[1]) <= slack_s for (_, begin, _, _), row in zip(found, expected, strict=True))
    counts = balanced(home)
    received = {"received": 8, "absorbed": 5, "unanswered": 1, "conflicting": 0, "assembled": len(expected)}  # and two came twice
    assert {name: counts[f"intake radius-detail: {name}"] for name in received} == received


def test_a_dialog_may_be_cut_by_midnight(home: Home, balanced: Callable, tmp_path: Path) -> None:
    lines = _ACC.read_text().splitlines()
    days = {"tuesday.csv": [line for line in lines if "-03-03 " in line], "monday.csv": [line for line in lines if "-03-03 " not in line]}
    intake = Intake(home)
    for name, rows in days.items():
        path = tmp_path / name
        path.write_text("".join(f"{row}\n" for row in rows))
        intake.take_file(path, find("kamailio-acc"), NOW_US)
    with home.connect() as connection:
        rows_ = view.usage(home, ["start_us", "duration_us", "other_e164", "served_id"], home.head_seq(connection)).to_pylist()
    calls = sorted((f"{row['start_us']:%H:%M:%S}", row["duration_us"] // 1_000_000, row["other_e164"], row["served_id"]) for row in rows_)
    assert calls == [("10:00:05", 90, 8613700000001, "8613900000001"), ("23:59:50", 30, 8613700000003, "8613900000002")]
    counts = balanced(home)
    expected = {"received": 10, "absorbed": 4, "unanswered": 3, "rejected": 2, "assembled": 2}  # and half a call waits
    assert {name: counts[f"intake kamailio-acc: {name}"] for name in expected} == expected
