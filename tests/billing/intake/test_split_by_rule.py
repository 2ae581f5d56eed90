"""Calls whose legs are a file each: FreeSWITCH's records, and a source's own rule of which leg bills. Whichever file comes first."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from billing.intake.taking import Intake
from mediation.definitions.named import find

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from billing.store.home import Home
    from mediation.sources.model import Source

NOW_US = 1_773_187_200_000_000
TEN_O_CLOCK_US = 1_772_445_600_000_000
RULE = """\
name: switch
format: delimited
columns: [id, at, from, s, call, via]
fields: {record_id: id, start: {column: at, unit: epoch_s}, served: from, duration: s}
legs: {group_by: [call], bills: longest, forwarder: via, forwarder_pays: true}
"""


def record(uuid: str, answer: int, end: int, **more: str) -> str:
    """A leg as json_cdr writes it: answered and ended at these seconds of ten o'clock."""
    moments = {"start_uepoch": 0, "answer_uepoch": answer, "end_uepoch": end}
    variables = {"uuid": uuid} | {name: str(TEN_O_CLOCK_US + second * 1_000_000) for name, second in moments.items()} | more
    variables["billusec"] = str((end - answer) * 1_000_000)
    profile = {"caller_id_number": "8613800000001", "destination_number": "8613700000001"}
    return json.dumps({"variables": variables, "callflow": [{"caller_profile": profile}]})


def counted_seconds(home: Home, folder: Path, source: Source, texts: Sequence[str]) -> int:
    """Take each text as a file of its own; the answered seconds that bill."""
    for number, text in enumerate(texts):
        path = folder / f"{number}.cdr"
        path.write_text(text + "\n")
        Intake(home).take_file(path, source, NOW_US)
    with home.connect() as connection:
        seq = home.head_seq(connection)
    return sum(Intake(home).usage(["duration_us"], seq).column("duration_us").to_pylist()) // 1_000_000


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("earlier", [0, 1])
def test_a_leg_that_another_one_began(home: Home, tmp_path: Path, balanced: Callable, earlier: int, *, turned: bool) -> None:
    """The b-leg is answered with the a-leg, or a second before it."""
    records = [record("a", 5, 65), record("b", 5 - earlier, 65, originator="a"), record("c", 5, 15)]
    assert counted_seconds(home, tmp_path, find("freeswitch-json"), records[::-1] if turned else records) == 60 + 10
    assert balanced(home)["intake freeswitch-json: absorbed"] == 1


ROWS = [
    "1,1772445600,8613800000001,30,c1,",
    "2,1772445605,8613800000002,60,c1,",
    "3,1772445605,8613800000003,7,c2,",
    "4,1772445700,8613800000001,9,c1,",
    "5,1772445601,8613800000001,25,c1,8613800000009",  # its forwarder pays: a bill of its own
]


@pytest.mark.parametrize("turned", [False, True])
def test_a_sources_own_rule(home: Home, tmp_path: Path, balanced: Callable, *, turned: bool) -> None:
    path = tmp_path / "switch.yaml"
    path.write_text(RULE)
    assert counted_seconds(home, tmp_path, find(str(path)), ROWS[::-1] if turned else ROWS) == 60 + 7 + 25
    assert balanced(home)["intake switch: absorbed"] == 2
