"""Legs of one call in several files, by the rules of further formats and of a source's own: one bills, whichever file came first."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING

import msgspec
import pytest

from billing.intake.taking import Intake
from mediation.definitions.file import read_source
from mediation.definitions.named import find
from mediation.sources.model import Bills, Legs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from billing.store.home import Home
    from mediation.sources.model import Source

TEN_US = 1_772_445_600_000_000  # 2026-03-02 10:00 UTC
NOW_US = TEN_US + 86_400_000_000
JSON = find("freeswitch-json")
CSV = find("freeswitch")


def record(uuid: str, answer_s: int, seconds: int, *, originator: str = "") -> str:
    """A leg as FreeSWITCH writes it in JSON."""
    answer_us = TEN_US + answer_s * 1_000_000
    variables = {
        "uuid": uuid,
        "start_uepoch": str(TEN_US),
        "answer_uepoch": str(answer_us),
        "end_uepoch": str(answer_us + seconds * 1_000_000),
        "billusec": str(seconds * 1_000_000),
        "hangup_cause": "NORMAL_CLEARING",
    }
    if originator:
        variables["originator"] = originator
    profile = {"caller_id_number": "8613800000001", "destination_number": "8613700000001"}
    return json.dumps({"variables": variables, "callflow": [{"caller_profile": profile}]})


def csv_row(uuid: str, b_leg: str, answer_s: int, seconds: int) -> str:
    """A leg as FreeSWITCH's example template writes it."""
    start, answer, end = (f"2026-03-02 10:{second // 60:02d}:{second % 60:02d}" for second in (0, answer_s, answer_s + seconds))
    times = f'"{start}","{answer}","{end}","{answer_s + seconds}","{seconds}"'
    return f'"A","8613800000001","8613700000001","default",{times},"NORMAL_CLEARING","{uuid}","{b_leg}","","PCMA","PCMA"\n'


# The legs of calls, each a file, and the seconds that bill.
JSON_CALLS = {
    "caller and called": ([record("a", 5, 60), record("b", 5, 60, originator="a")], 60),
    "the called leg is answered first": ([record("a", 6, 59), record("b", 5, 60, originator="a")], 59),
    "one after the other": ([record("a", 5, 90), record("b", 5, 30, originator="a"), record("c", 40, 50, originator="a")], 90),
    "an originator that was never answered or never came": ([record("b", 5, 60, originator="x"), record("c", 5, 40)], 100),
}
CSV_CALLS = {
    "the caller names the called": ([csv_row("a", "b", 5, 60), csv_row("b", "", 5, 60)], 60),
    "both name each other": ([csv_row("a", "b", 3, 62), csv_row("b", "a", 5, 60)], 62),
    "two calls": ([csv_row("a", "", 5, 60), csv_row("b", "", 5, 60)], 120),
}


@pytest.mark.parametrize(
    ("source", "call"),
    [(JSON, call) for call in JSON_CALLS.values()] + [(CSV, call) for call in CSV_CALLS.values()],
    ids=[*JSON_CALLS, *CSV_CALLS],
)
def test_a_leg_a_file(home_maker: Callable, balanced: Callable, tmp_path: Path, source: Source, call: tuple[list[str], int]) -> None:
    """In any order, some of them sealed before the next one comes."""
    files, seconds = call
    for number, order in enumerate(itertools.permutations(files)):
        home = home_maker(str(number))
        for place, text in enumerate(order):
            path = tmp_path / f"{number}.{place}"
            path.write_text(text)
            Intake(home).take_file(path, source, NOW_US)
            if number % 2:
                Intake(home).seal(NOW_US)
        assert counted_seconds(home) == seconds, order
        balanced(home)


DEFINITION = """
name: pbx
format: delimited
columns: [id, call, caller, called, answer, seconds]
key: [id]
fields:
  record_id: {column: id}
  served: {column: caller}
  other: {column: called}
  start: {column: answer}
  duration: {column: seconds}
legs: {group_by: [call]}
"""
LEGS = ["1,c,8613800000001,8613700000001,2026-03-02T10:00:05Z,60\n", "2,c,8613800000001,8613700000002,2026-03-02T10:00:09Z,90\n"]


@pytest.mark.parametrize(("bills", "seconds"), [(Bills.FIRST, 60), (Bills.LAST, 90), (Bills.LONGEST, 90), (Bills.EACH, 150)])
@pytest.mark.parametrize("legs", [LEGS, LEGS[::-1]], ids=["in order", "turned"])
def test_a_rule_of_the_source(home: Home, tmp_path: Path, bills: Bills, seconds: int, legs: list[str]) -> None:
    path = tmp_path / "pbx.yaml"
    path.write_text(DEFINITION)
    source = msgspec.structs.replace(read_source(path), legs=Legs(group_by=("call",), bills=bills))
    for number, text in enumerate(legs):
        file = tmp_path / f"{number}.csv"
        file.write_text(text)
        Intake(home).take_file(file, source, NOW_US)
    assert counted_seconds(home) == seconds


def test_many_small_files_are_sealed_by_themselves(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("billing.intake.taking.RANGES_MAX", 3)
    for number in range(7):
        path = tmp_path / f"{number}.json"
        path.write_text(record(f"leg{number}", 5, 1))
        Intake(home).take_file(path, JSON, NOW_US)
    assert len(list(home.sealed_folder.iterdir())) == 1
    assert counted_seconds(home) == 7


def counted_seconds(home: Home) -> int:
    with home.connect() as connection:
        seq = home.head_seq(connection)
    return sum(Intake(home).usage(["duration_us"], seq).column("duration_us").to_pylist()) // 1_000_000
