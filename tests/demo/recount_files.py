"""Reads switch files with the csv module and decides by the plain rules of their formats what each row is.

Written apart from both the generator and Ratewright. A row is refused when its quotes, its number of columns, a time, or a local time
that happened twice leaves no other choice. Rows of one key are duplicates when they say the same, else all of them are conflicting. Of the
answered rows of one call, one bills and the others are absorbed.
"""

from __future__ import annotations

import collections
import csv
import datetime as dt
import gzip
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BERLIN = ZoneInfo("Europe/Berlin")
US = 1_000_000
REFUSALS = ("unknown_subscription", "no_zone", "not_sold")
EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - wall clocks are compared as they stand
TWICE = (dt.datetime(2026, 10, 25, 2), dt.datetime(2026, 10, 25, 3))  # noqa: DTZ001 - the wall clock of Berlin
CHANGE = dt.datetime(2026, 10, 25, 3)  # noqa: DTZ001 - the wall clock of Berlin
LOCAL_SWITCHES = {"edge-b", "branch"}  # stamps of Berlin without anything that tells the instant
WIDTHS = {"edge-a": 18, "edge-b": 15, "asterisk": 21, "branch": 18}


class Leg(NamedTuple):
    """What one good row says."""

    key: tuple[str, ...]
    call: str  # rows of one call have the same
    content: tuple[object, ...]  # what decides the charge
    answered: bool
    answer_us: int  # microseconds UTC
    duration_us: int
    served: str
    destination: str
    is_part: bool  # a b-leg, or a half of a Local channel


class Sum:
    """Rows and their billable time."""

    def __init__(self) -> None:
        self.rows = 0
        self.duration_us = 0

    def add(self, duration_us: int) -> None:
        """One row more."""
        self.rows += 1
        self.duration_us += duration_us


class Counted:
    """All rows of one switch."""

    def __init__(self) -> None:
        self.rows = self.late_rows = self.taken_back = self.zero_duration_answered = 0
        self.rows_of_file: dict[str, int] = {}
        self.outcomes: dict[str, Sum] = collections.defaultdict(Sum)
        self.rejected: collections.Counter[str] = collections.Counter()
        self.refused = dict.fromkeys(REFUSALS, 0)
        self._days: dict[int, Sum] = collections.defaultdict(Sum)

    def answered(self, leg: Leg, served_ids: set[str]) -> None:
        """A row that bills."""
        self.zero_duration_answered += leg.duration_us == 0
        self._days[leg.answer_us // (86_400 * US)].add(leg.duration_us)
        if leg.served not in served_ids:
            self.refused["unknown_subscription"] += 1
        elif leg.destination.startswith("999"):
            self.refused["no_zone"] += 1
        elif leg.destination.startswith("8816"):
            self.refused["not_sold"] += 1

    def per_day(self) -> dict[str, dict[str, int]]:
        """Rows that bill and their time by UTC day."""
        first = dt.date(1970, 1, 1)
        return {
            str(first + dt.timedelta(days=day)): {"answered": found.rows, "duration_us": found.duration_us}
            for day, found in sorted(self._days.items())
        }

    def suspended(self) -> dict[str, int]:
        """What must wait in suspense."""
        conflicting = self.outcomes["conflicting"].rows
        return dict(self.rejected) | ({"conflicting": conflicting} if conflicting else {})


def count(folder: Path, truth: dict[str, Any]) -> dict[str, Counted]:
    """Every switch of the demo. Of the truth only the list of files is used."""
    with (folder / "customers" / "numbers.csv").open(encoding="utf-8", newline="") as file:
        served_ids = {row["served_id"] for row in csv.DictReader(file)}
    found = {}
    for switch in WIDTHS:
        files = [file for file in truth["files"] if file["switch"] == switch]
        files.sort(key=lambda file: (file["late"], file["path"]))
        found[switch] = _count_switch(folder, switch, files, served_ids)
    return found


def rows_of_files(truth: dict[str, Any], files: dict[str, Counted]) -> Iterator[tuple[str, int, int]]:
    """Path, rows that the truth tells, rows that were counted."""
    for file in truth["files"]:
        yield file["path"], file["rows"], files[file["switch"]].rows_of_file[file["path"]]


def _count_switch(folder: Path, switch: str, files: list[dict[str, Any]], served_ids: set[str]) -> Counted:
    counted = Counted()
    versions: dict[tuple[str, ...], dict[tuple[object, ...], Leg]] = {}
    absorbed: set[tuple[str, ...]] = set()
    arrived_late: set[tuple[str, ...]] = set()
    for file in files:
        legs = list(_legs(folder / file["path"], switch, counted))
        counted.rows_of_file[file["path"]] = len(legs)
        counted.rows += len(legs)
        counted.late_rows += len(legs) if file["late"] else 0
        good = [leg for leg in legs if isinstance(leg, Leg)]
        absorbed |= _absorbed(good)
        for leg in good:
            known = versions.setdefault(leg.key, {})
            if leg.content in known:
                counted.outcomes["duplicate"].add(leg.duration_us)
            elif known and file["late"]:
                arrived_late.add(leg.key)
            known.setdefault(leg.content, leg)
    for key, known in versions.items():
        _settle(counted, known, is_absorbed=key in absorbed, served_ids=served_ids)
    counted.taken_back = len(arrived_late)
    return counted


def _settle(counted: Counted, known: dict[tuple[object, ...], Leg], *, is_absorbed: bool, served_ids: set[str]) -> None:
    """One event, in all its versions."""
    for leg in known.values():
        if len(known) > 1:
            outcome = "conflicting"
        elif is_absorbed:
            outcome = "absorbed"
        else:
            outcome = "answered" if leg.answered else "unanswered"
        counted.outcomes[outcome].add(leg.duration_us)
        if outcome == "answered":
            counted.answered(leg, served_ids)


def _absorbed(legs: list[Leg]) -> set[tuple[str, ...]]:
    """Keys of the answered rows that another row of their call bills: parts, and all but the longest."""
    by_call: dict[str, dict[tuple[str, ...], Leg]] = collections.defaultdict(dict)
    for leg in legs:
        if leg.answered:
            by_call[leg.call].setdefault(leg.key, leg)
    found = set()
    for call in by_call.values():
        if len(call) > 1:
            ordered = sorted(call.values(), key=lambda leg: (leg.is_part, -leg.duration_us))
            found |= {leg.key for leg in ordered[1:]}
    return found


def _legs(path: Path, switch: str, counted: Counted) -> Iterator[Leg | None]:
    """One item a row: what it says, or None for one that has to be refused."""
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode()
    lines = [line for line in text.split("\n") if line]
    for line, row in zip(lines, csv.reader(lines), strict=True):
        reason = _why_refused(switch, line, row)
        if reason:
            counted.rejected[reason] += 1
            counted.outcomes["rejected"].add(0)
            yield None
        else:
            yield _asterisk(switch, row) if switch in {"asterisk", "branch"} else _freeswitch(switch, row)


def _why_refused(switch: str, line: str, row: list[str]) -> str:
    if line.count('"') % 2:
        return "unterminated_quote"
    if len(row) != WIDTHS[switch]:
        return "wrong_column_count"
    stamps = row[9:12] if switch in {"asterisk", "branch"} else row[4:7]
    try:
        moments = [dt.datetime.fromisoformat(stamp) for stamp in stamps if stamp]
    except ValueError:
        return "unreadable_time"
    chargeable = stamps[1] or stamps[0]
    if switch in LOCAL_SWITCHES and TWICE[0] <= dt.datetime.fromisoformat(chargeable) < TWICE[1]:
        return "ambiguous_local_time"
    assert moments, "a row without any time"
    return ""


def _freeswitch(switch: str, row: list[str]) -> Leg:
    caller, callee, answer, billsec, uuid, b_leg, account = row[1], row[2], row[5], row[8], row[10], row[11], row[12]
    answer_us, duration_us = _instant_us(answer, is_local=True), int(billsec) * US
    if switch == "edge-a":
        answer_us, duration_us = int(row[16]), int(row[17])
    served, destination = account or _e164(caller, is_german=True), _e164(callee, is_german=True)
    content = (answer or row[4], answer_us, duration_us, served, destination)
    # An a-leg names its b-leg; both are known by the b-leg's uuid.
    return Leg((uuid,), b_leg or uuid, content, answer != "", answer_us, duration_us, served, destination, not b_leg)


def _asterisk(switch: str, row: list[str]) -> Leg:
    account, caller, callee, channel, called, start, answer = row[0], row[1], row[2], row[5], row[6], row[9], row[10]
    unique_id, is_local = row[16], switch == "branch"
    key = (unique_id, row[20]) if switch == "asterisk" else (unique_id, channel, called, start)
    answered = row[14] == "ANSWERED"
    duration_us, answer_us = int(row[13]) * US, _instant_us(answer, is_local=is_local)
    served, destination = account or _e164(caller, is_german=is_local), _e164(callee, is_german=is_local)
    content = (answer or start, answered, duration_us, served, destination)
    is_half = channel.startswith("Local/")
    call = row[19] if switch == "asterisk" else _local_channel(channel) or _local_channel(called) or unique_id
    return Leg(key, call, content, answered, answer_us, duration_us, served, destination, is_half)


def _local_channel(name: str) -> str:
    """A Local channel without the mark of its half; empty for any other."""
    return name[:-2] if name.startswith("Local/") else ""


def _instant_us(stamp: str, *, is_local: bool) -> int:
    """Microseconds UTC of a wall clock that is unique; 0 without one."""
    if not stamp:
        return 0
    moment = dt.datetime.fromisoformat(stamp)
    offset_s = 0 if not is_local else 7200 if moment < CHANGE else 3600
    return (int((moment - EPOCH).total_seconds()) - offset_s) * US


def _e164(number: str, *, is_german: bool) -> str:
    """Digits with country code of a number as dialled; short ones stay as they are."""
    if number.startswith("+"):
        return number[1:]
    if number.startswith("00"):
        return number[2:]
    if is_german and number.startswith("0"):
        return "49" + number[1:]
    return number
