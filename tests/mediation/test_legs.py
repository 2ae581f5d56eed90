"""Which legs bill: the fixtures say it of each row; order and copies must not matter."""

from __future__ import annotations

import csv
import random
from typing import TYPE_CHECKING

import numpy as np
import pytest

from mediation.calls.legs import AsteriskLegs, absorbed
from mediation.decode import decode
from mediation.definitions.named import find
from mediation.sources.model import Format, Layout, Source
from rating.schema import UsageFlag

if TYPE_CHECKING:
    from pathlib import Path

NAMES = {0: "bills", UsageFlag.ABSORBED: "absorbed", UsageFlag.UNANSWERED: "unanswered"}
ASTERISK = find("asterisk")


def verdicts(path: Path) -> list[tuple[str, str]]:
    """What came of each row, and what its userfield says."""
    with path.open(newline="") as file:
        expected = [row[17] for row in csv.reader(file)]
    flags = decode(path, ASTERISK).usage.column("flags").to_pylist()
    return list(zip([NAMES[flag] for flag in flags], expected, strict=True))


def test_every_call_of_several_legs(fixtures: Path) -> None:
    found = verdicts(fixtures / "legs.csv")
    assert len(found) == 21
    assert [verdict for verdict, _ in found] == [expected for _, expected in found]


@pytest.mark.parametrize("seed", range(20))
def test_order_and_copies_do_not_matter(fixtures: Path, tmp_path: Path, seed: int) -> None:
    print(f"seed {seed}")  # noqa: T201 - shown when the test fails
    lines = (fixtures / "legs.csv").read_text().splitlines(keepends=True)
    generator = random.Random(seed)
    lines += generator.sample(lines, 7)
    generator.shuffle(lines)
    path = tmp_path / "shuffled.csv"
    path.write_text("".join(lines))
    assert all(verdict == expected for verdict, expected in verdicts(path))


def leg(expected: str, channel: str, answer: int, end: int, **other: str) -> str:
    """A row of 18 columns: no linkedid and no sequence. Answered at second `answer` of ten o'clock, ended at `end`."""
    unique_id, dst = other.get("unique_id", "1772445600.0"), other.get("dst", "PJSIP/z")
    clock = [f"2026-03-02 10:{second // 60:02d}:{second % 60:02d}" for second in (answer, answer, end)]
    times = ",".join(clock)
    return f",1001,8613700000001,c,,{channel},{dst},Dial,,{times},{end - answer},{end - answer},ANSWERED,DOC,{unique_id},{expected}\n"


CALLS = {
    "a chain of overlaps: each competes with the last winner": [
        leg("bills", "PJSIP/a", 0, 30),
        leg("absorbed", "PJSIP/a", 20, 50, dst="PJSIP/y"),
        leg("bills", "PJSIP/a", 40, 70, dst="PJSIP/x"),
    ],
    "a longer one later beats the first": [leg("absorbed", "PJSIP/a", 0, 30), leg("bills", "PJSIP/a", 10, 50, dst="PJSIP/y")],
    "one channel name, two calls at other times": [
        leg("bills", "PJSIP/a", 0, 30, unique_id=""),
        leg("bills", "PJSIP/a", 60, 90, unique_id=""),
    ],
    "no unique id: the channel is the caller": [
        leg("bills", "PJSIP/a", 0, 30, unique_id=""),
        leg("absorbed", "PJSIP/a", 5, 20, unique_id="", dst="PJSIP/y"),
    ],
    "two channels are two callers": [
        leg("bills", "PJSIP/a", 0, 30, unique_id="1772445600.1"),
        leg("bills", "PJSIP/b", 0, 30, unique_id="1772445600.2"),
    ],
    "two Local channels of one caller, a Local inside a Local": [
        leg("bills", "PJSIP/a", 0, 30, unique_id="1772445600.1", dst="Local/1@c-0001;1"),
        leg("absorbed", "Local/1@c-0001;2", 0, 30, unique_id="1772445600.2", dst="Local/2@c-0002;1"),
        leg("absorbed", "Local/2@c-0002;2", 0, 29, unique_id="1772445600.3"),
    ],
    "a Local leg at a time of its own": [
        leg("bills", "PJSIP/a", 0, 30, unique_id="1772445600.1", dst="Local/1@c-0003;1"),
        leg("bills", "Local/1@c-0003;2", 100, 130, unique_id="1772445600.2"),
    ],
    "a Local leg without length, answered later": [
        leg("bills", "PJSIP/a", 0, 30, unique_id="1772445600.1", dst="Local/1@c-0004;1"),
        leg("absorbed", "Local/1@c-0004;2", 50, 50, unique_id="1772445600.2"),
    ],
    "the same Local name again after a restart": [
        leg("bills", "PJSIP/a", 0, 30, unique_id="1772445600.1", dst="Local/1@c-0005;1"),
        leg("absorbed", "Local/1@c-0005;2", 0, 30, unique_id="1772445600.2"),
        leg("bills", "PJSIP/a", 600, 630, unique_id="1772445600.3", dst="Local/1@c-0005;1"),
        leg("absorbed", "Local/1@c-0005;2", 600, 630, unique_id="1772445600.4"),
    ],
    "Local legs only, one after the other": [
        leg("bills", "Local/1@c-0006;1", 0, 30, unique_id="1772445600.1"),
        leg("bills", "Local/1@c-0006;2", 30, 60, unique_id="1772445600.2"),
    ],
}


@pytest.mark.parametrize("rows", CALLS.values(), ids=CALLS.keys())
@pytest.mark.parametrize("turned", [False, True])
def test_calls(tmp_path: Path, rows: list[str], *, turned: bool) -> None:
    path = tmp_path / "calls.csv"
    path.write_text("".join(reversed(rows) if turned else rows))
    found = verdicts(path)
    assert [verdict for verdict, _ in found] == [expected for _, expected in found]


def test_versions_of_one_record_do_not_absorb_each_other(fixtures: Path) -> None:
    flags = decode(fixtures / "duplicates.csv", ASTERISK).usage.column("flags").to_pylist()
    assert flags == [0, 0, 0, 0, 0, 0, 0, 0, UsageFlag.ABSORBED, UsageFlag.ABSORBED]


# Legs of one caller, told as record, seconds of answer and end; then the verdict of each
VERSIONS = {
    "the longest version of a record competes": (["a 0 10", "a 0 60", "b 5 35"], [False, False, True]),  # 60 s against 30 s
    "a shorter version changes nothing": (["a 0 60", "a 0 10", "b 5 35"], [False, False, True]),
    "of versions of one length the earliest": (["a 40 70", "a 0 30", "b 35 75"], [False, False, False]),  # a ends before b begins
    "all versions of the loser are absorbed": (["a 0 10", "a 0 20", "b 5 35"], [True, True, False]),  # 20 s against 30 s
}


@pytest.mark.parametrize(("told", "verdict"), VERSIONS.values(), ids=VERSIONS.keys())
def test_of_the_versions_of_a_leg_one_competes(told: list[str], verdict: list[bool]) -> None:
    rows = [(record, int(begin) * 1_000_000, int(end) * 1_000_000) for record, begin, end in (text.split() for text in told)]
    begin_us, end_us = np.array([row[1:] for row in rows], np.int64).T
    call, none = np.full(len(rows), 7, np.uint64), np.zeros(len(rows), np.uint64)
    keys = np.array([ord(record) for record, *_ in rows], np.uint64)
    order = np.arange(len(rows))
    legs = AsteriskLegs(order, call, call, none, none, begin_us.copy(), end_us.copy(), end_us - begin_us, np.zeros_like(order), keys)
    assert absorbed(legs).tolist() == verdict


FREESWITCH_LEGS = {
    "the b-leg of an answered leg": (["a b 0 60 bills", "b - 0 59 absorbed"]),
    "the b-leg of an unanswered leg": (["a b 0 - unanswered", "b - 0 59 bills"]),
    "an unanswered b-leg": (["a b 0 60 bills", "b - 0 - unanswered"]),
    "legs that name each other": (["a b 0 60 bills", "b a 1 59 absorbed"]),
    "a leg that names itself": (["a a 0 60 bills"]),
    "a b-leg alone": (["b a 0 60 bills"]),
    "a chain": (["a b 0 60 bills", "b c 1 59 absorbed", "c - 2 58 absorbed"]),
    "copies": (["a b 0 60 bills", "b a 1 59 absorbed", "a b 0 60 bills", "b a 1 59 absorbed"]),
}


@pytest.mark.parametrize("legs", FREESWITCH_LEGS.values(), ids=FREESWITCH_LEGS.keys())
@pytest.mark.parametrize("turned", [False, True])
def test_freeswitch_legs(tmp_path: Path, legs: list[str], *, turned: bool) -> None:
    rows, wanted = [], []
    for text in reversed(legs) if turned else legs:
        uuid, b_leg, second, duration, expected = text.replace("-", "").split(" ")
        answer = "2026-03-02 10:00:05" if duration else ""
        rows.append(f",1001,1002,c,2026-03-02 10:00:0{second},{answer},2026-03-02 10:01:05,65,{duration or 0},OK,{uuid},{b_leg},,,\n")
        wanted.append(expected)
    path = tmp_path / "legs.csv"
    path.write_text("".join(rows))
    flags = decode(path, find("freeswitch")).usage.column("flags").to_pylist()
    assert [NAMES[flag] for flag in flags] == wanted


def test_rows_that_name_no_channel_are_calls_of_their_own(tmp_path: Path) -> None:
    columns = ("src", "dst", "start", "answer", "end", "billsec", "disposition")
    source = Source(name="bare", format=Format.ASTERISK, layouts=(Layout(columns),))
    times = ",".join(f"2026-03-02 10:00:{second}" for second in ("00", "05", "50"))
    path = tmp_path / "bare.csv"
    path.write_text("".join(f"86139000000{place},1002,{times},45,ANSWERED\n" for place in range(10, 13)))
    assert decode(path, source).usage.column("flags").to_pylist() == [0, 0, 0]


def test_a_whole_file_under_one_linkedid_is_judged_in_time(tmp_path: Path) -> None:
    rows = [
        leg("", f"Local/{place}@c-1;1" if place % 2 else f"PJSIP/{place}", place % 3000, place % 3000 + 50, unique_id="1772445600.7")
        for place in range(20_000)
    ]
    path = tmp_path / "constant.csv"
    path.write_text("".join(rows))
    assert decode(path, ASTERISK).rows == 20_000
