"""Which subscription pays for a number at an instant."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
import sqlalchemy as sa

from billing import accounts
from billing.guiding import NOBODY, Guide
from billing.store import tables
from billing.store.home import Home
from tests.billing.files import NOW_US, publish, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Subscription 1 had ...1 from 15 January to 1 March (Shanghai), subscription 2 has it from 10 March on; 2 has ...2 from 15 January on,
# both until it ends on 1 June.
# number | instant | subscription
CASES = """
8613800000001 | 2026-01-14T23:59:59.999999+08:00 | -1
8613800000001 | 2026-01-15T00:00:00+08:00        | 1
8613800000001 | 2026-02-28T23:59:59.999999+08:00 | 1
8613800000001 | 2026-03-01T00:00:00+08:00        | -1
8613800000001 | 2026-03-09T23:59:59+08:00        | -1
8613800000001 | 2026-03-09T16:00:00+00:00        | 2
8613800000001 | 2026-05-31T23:59:59+08:00        | 2
8613800000001 | 2026-06-01T00:00:00+08:00        | -1
8613800000002 | 2026-01-15T00:00:00+08:00        | 2
8613800000002 | 2000-01-15T00:00:00+08:00        | -1
8613800000003 | 2026-02-01T00:00:00+08:00        | -1
+8613800000001 | 2026-02-01T00:00:00+08:00       | -1
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with Home.open(tmp_path / "home", create=True) as opened:
        publish(opened)
        accounts.import_files(opened, write(tmp_path / "in"), NOW_US)
        yield opened


def microseconds(text: str) -> int:
    return int(np.datetime64(text[:-6], "us").astype(np.int64)) - int(text[-6:-3]) * 3_600_000_000


def test_spans_are_half_open(home: Home) -> None:
    rows = [[part.strip() for part in line.split("|")] for line in CASES.strip().splitlines()]
    starts = np.array([microseconds(row[1]) for row in rows])
    owners = Guide(home, 3).resolve(pa.array([row[0] for row in rows]), starts)
    assert owners.tolist() == [int(row[2]) for row in rows]


def test_any_arrow_text_will_do(home: Home) -> None:
    starts = np.full(3, microseconds("2026-02-01T00:00:00+08:00"))
    ids = pa.array(["8613800000002", None, "8613800000001"])
    for column in (ids, pa.chunked_array([ids.slice(0, 1), ids.slice(1)]), ids.dictionary_encode()):
        assert Guide(home, 3).resolve(column, starts).tolist() == [2, NOBODY, 1]


def test_no_rows_and_no_facts(home: Home) -> None:
    assert Guide(home, 3).resolve(pa.array([], pa.string()), np.array([], dtype=np.int64)).tolist() == []
    assert Guide(home, 2).resolve(pa.array(["8613800000002"]), np.array([NOW_US])).tolist() == [NOBODY], "not known as of 2"


def test_a_fact_learned_later_changes_what_comes_after_it(home: Home) -> None:
    """Back-dated: number ...3 was S1's all along, but that is known only as of commit 4."""
    with home.begin() as connection:
        commit_seq = home.next_commit_seq(connection, "fact", NOW_US)
        connection.execute(
            tables.guiding_facts.insert().values(
                served_id="8613800000003", subscription_key=1, from_us=0, to_us=None, commit_seq=commit_seq
            )
        )
    ids, starts = pa.array(["8613800000003"]), np.array([1_000])
    assert Guide(home, 3).resolve(ids, starts).tolist() == [NOBODY]
    assert Guide(home, 4).resolve(ids, starts).tolist() == [1]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.slow
def test_numbers_that_change_hands_often_agree_with_a_plain_search(tmp_path: Path, seed: int) -> None:
    generator = random.Random(seed)
    spans = []
    for number in range(6):
        edges = sorted(generator.sample(range(100), 2 * generator.randint(1, 8)))
        spans += [(f"n{number}", generator.randint(1, 2), low, high) for low, high in zip(edges[::2], edges[1::2], strict=True)]
    asked = [(f"n{generator.randint(0, 7)}", generator.randint(-1, 101)) for _ in range(400)]
    expected = [next((key for number, key, low, high in spans if number == name and low <= start < high), NOBODY) for name, start in asked]
    with Home.open(tmp_path / "home", create=True) as home:
        publish(home)
        accounts.import_files(home, write(tmp_path / "in", numbers=[]), NOW_US)
        generator.shuffle(spans)
        with home.begin() as connection:
            rows = [{"served_id": n, "subscription_key": k, "from_us": low, "to_us": high, "commit_seq": 3} for n, k, low, high in spans]
            connection.execute(sa.insert(tables.guiding_facts), rows)
        owners = Guide(home, 3).resolve(pa.array([name for name, _ in asked]), np.array([start for _, start in asked]))
    assert owners.tolist() == expected, f"seed {seed}"
