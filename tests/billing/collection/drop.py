"""A folder into which switches put files, and a collector beside it, for tests.

Two switches: `sw1` writes Asterisk rows into numbered files (sw1_0007.csv; 9999 is followed by 0), `sw2` files with a count and a sum of
durations in their last line.
"""

from __future__ import annotations

import datetime as dt
import os
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from billing.collection import collecting, folders
from billing.collection.claims import taken_place
from mediation.sources.model import BUILT_IN, ControlTotals, FileSequence, Numbering, Source

if TYPE_CHECKING:
    from pathlib import Path

    from billing.collection.collecting import FileReport, Round
    from billing.store.home import Home

NOW_US = 1_772_323_200_000_000  # 2026-03-01T00:00Z
DAY = "2026-03-01"
HOUR_US = 3_600_000_000
_BASE = msgspec.structs.replace(BUILT_IN["asterisk"], numbering=Numbering(country_code="86", trunk_prefix="0"))
SW1 = msgspec.structs.replace(
    _BASE, name="sw1", files=("sw1_*.csv", "sw1_*.csv.gz"), file_sequence=FileSequence(r"_(\d{4})\.", modulus=10_000)
)
SW2 = msgspec.structs.replace(
    _BASE,
    name="sw2",
    files=("sw2/*.csv",),
    trailer=ControlTotals("TRAILER", r"TRAILER,(?P<count>\d+),(?P<duration>\d+)"),
)
READY = msgspec.structs.replace(_BASE, name="ready", files=("r_*.csv",), marker=".ok")
SOURCES = (SW1, SW2, READY)


class Call(NamedTuple):
    """One answered call, or one that was not where it lasts 0 s. `name` is its uniqueid."""

    name: str
    seconds: int = 60
    at: str = "2026-02-28 10:00:00"


def text(*calls: Call | str) -> str:
    """An Asterisk file with 18 columns: uniqueid and userfield beside the basic ones. A string stands as it is."""
    return "".join(f"{each}\n" if isinstance(each, str) else _row(each) for each in calls)


def _row(call: Call) -> str:
    start = dt.datetime.fromisoformat(call.at)
    end = start + dt.timedelta(seconds=call.seconds)
    answer = f"{start}" if call.seconds else ""
    disposition = "ANSWERED" if call.seconds else "NO ANSWER"
    columns = ("", "8613800000001", "8613900000002", "out", '"A" <1>', f"SIP/a-{call.name}", f"SIP/b-{call.name}", "Dial", "SIP/b")
    times = (f"{start}", answer, f"{end}", str(call.seconds), str(call.seconds), disposition, "DOCUMENTATION", f"{call.name}.1", "")
    return ",".join(_quoted(each) for each in (*columns, *times)) + "\n"


def _quoted(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'


def put(folder: Path, name: str, content: str | bytes, *, changed_us: int = NOW_US - HOUR_US) -> Path:
    """Write a file as a switch that renames does: it is there whole or not at all."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    os.utime(path, ns=(changed_us * 1000, changed_us * 1000))
    return path


def collect(home: Home, root: Path, *, sources: tuple[Source, ...] = SOURCES, settle_us: int = 0, machine_us: int = NOW_US) -> Round:
    """One round of a collector of its own. The home's clock stands at NOW_US."""
    clocks = collecting.Clocks(lambda: NOW_US, lambda: machine_us)
    opened = folders.open_folders(root)
    with taken_place(opened) as place:
        return one_round(collecting.Collector(home, opened, place, collecting.Rules(sources, settle_us), clocks))


def one_round(collector: collecting.Collector, tick_us: int = 0) -> Round:
    """One round in which nobody listens."""
    return collector.round(tick_us, _silent, lambda: False)


def files_in(root: Path) -> set[str]:
    """Every file below `root` by its name there, without locks."""
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file() and path.suffix != ".lock"}


def _silent(_report: FileReport) -> None:
    """Nobody listens."""
