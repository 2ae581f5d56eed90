"""Columns go into the database and come out as they were, on both databases."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
import sqlalchemy as sa

from billing.store import bulk, tables
from billing.store.home import Home

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("both")]

LEAST, MOST = -(2**63), 2**63 - 1
WORDS = ["", "it's", 'say "hi"', "two\nlines", "tab\tand \\ and \\N", "电信账单", "100 %s %% %", "\U0001f4de", "NULL", "a,b;c"]
BLOBS = [b"", b"\x00", b"\\x00", bytes(range(256)), b"'", b"NULL", b"\xff\xfe", b"abc", b"\n", b'"']
INTEGERS = [0, 1, -1, LEAST, MOST, 255, 256, -256, 2**32, -(2**31)]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with Home.open(tmp_path / "home", create=True) as opened:
        yield opened


def raw_files(rows: int) -> dict[str, Any]:
    """Columns of a table that has every type, with nulls and without."""
    turn = list(itertools.islice(itertools.cycle(range(len(WORDS))), rows))
    return {
        "path": [WORDS[each] for each in turn],
        "source": [f"source {row}" for row in range(rows)],
        "sha256": [BLOBS[each] for each in turn],
        "size_bytes": np.array([INTEGERS[each] for each in turn], np.int64),
        "commit_seq": np.arange(rows, dtype=np.int32),
        "file_name": [None if each % 3 == 0 else WORDS[each] for each in turn],
        "content_sha256": [None if each % 4 == 0 else BLOBS[each] for each in turn],
        "taken_us": [None if each % 5 == 0 else INTEGERS[each] for each in turn],
    }


@pytest.mark.parametrize("rows", [1, 10, 40_000])
def test_columns_come_back_as_they_went(home: Home, rows: int) -> None:
    columns = raw_files(rows)
    row = tables.raw_files.c
    with home.begin() as connection:
        assert bulk.insert(connection, tables.raw_files, columns) == rows
        found = bulk.read(connection, sa.select(tables.raw_files).order_by(row.raw_file_id))
    assert found["raw_file_id"].to_pylist() == list(range(1, rows + 1)), "keys that are not given are the next ones"
    assert found["rows"].null_count == rows, "columns that are not given are null"
    for name, values in columns.items():
        assert found[name].to_pylist() == (values.tolist() if isinstance(values, np.ndarray) else values), name
    assert [str(found[name].type) for name in ("path", "sha256", "size_bytes")] == ["string", "binary", "int64"]


def test_a_table_is_read_span_by_span_of_its_key(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same rows as in one go, with words of any kind, nulls, the largest numbers, and keys with gaps."""
    monkeypatch.setattr(bulk, "KEYS_AT_ONCE", 7)
    row = tables.raw_files.c
    columns = raw_files(40) | {"raw_file_id": np.array([*range(1, 21), *range(100, 120)])}
    query = sa.select(row.raw_file_id, row.path, row.size_bytes, row.file_name, row.taken_us, row.rows).where(row.raw_file_id != 3)
    with home.begin() as connection:
        assert bulk.read_by(connection, query, row.raw_file_id).num_rows == 0
        bulk.insert(connection, tables.raw_files, columns)
        whole = bulk.read(connection, query.order_by(row.raw_file_id))
        by_key = bulk.read_by(connection, query, row.raw_file_id)
    assert whole.num_rows == 39
    assert by_key.schema == whole.schema
    assert by_key.sort_by("raw_file_id").equals(whole)


def test_a_table_of_one_span_is_read_without_a_thread(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread costs more than what it would read beside nothing."""
    monkeypatch.setattr(bulk, "ThreadPoolExecutor", None)
    row = tables.raw_files.c
    with home.begin() as connection:
        bulk.insert(connection, tables.raw_files, raw_files(10))
        query = sa.select(row.raw_file_id, row.path, row.taken_us)
        assert bulk.read_by(connection, query, row.raw_file_id).num_rows == 10
        whole = bulk.read(connection, query.order_by(row.raw_file_id))
        assert bulk.read_by(connection, query, row.raw_file_id).sort_by("raw_file_id").equals(whole)


def test_both_ways_agree_with_the_database(home: Home) -> None:
    """What bulk wrote, and what it reads, is what one statement at a time reads and writes."""
    columns = raw_files(10)
    with home.begin() as connection:
        bulk.insert(connection, tables.raw_files, columns)
        slow = connection.execute(sa.select(tables.raw_files).order_by(tables.raw_files.c.raw_file_id)).all()
        connection.execute(tables.raw_files.delete())
        connection.execute(tables.raw_files.insert(), [row._asdict() for row in slow])
        fast = bulk.read(connection, sa.select(tables.raw_files).order_by(tables.raw_files.c.raw_file_id))
    assert [tuple(row.values()) for row in fast.to_pylist()] == [tuple(row) for row in slow]


SAME_COLUMN = {
    "numpy": np.array([3, 1, 2], np.int16),
    "arrow": pa.array([3, 1, 2], pa.int32()),
    "a slice": pa.array([9, 3, 1, 2], pa.int64())[1:],
    "chunks": pa.chunked_array([[3], [1, 2]]),
    "list": [3, 1, 2],
    "tuple of numpy's": tuple(np.array([3, 1, 2])),
    "booleans are numbers": None,
}
SAME_TEXT = {
    "arrow": pa.array(["x", "", "z"]),
    "large": pa.array(["x", "", "z"], pa.large_string()),
    "a slice": pa.array(["w", "x", "", "z"])[1:],
    "dictionary": pa.array(["x", "", "z"]).dictionary_encode(),
    "chunks of dictionaries": pa.chunked_array([pa.array(["x", ""]).dictionary_encode(), pa.array(["z"]).dictionary_encode()]),
    "numpy": np.array(["x", "", "z"]),
    "objects": np.array(["x", "", "z"], object),
    "list": ["x", "", "z"],
}


@pytest.mark.parametrize("form", SAME_COLUMN)
def test_numbers_in_any_form(home: Home, form: str) -> None:
    values, expected = SAME_COLUMN[form], [3, 1, 2]
    if values is None:
        values, expected = np.array([True, False, True]), [1, 0, 1]
    with home.begin() as connection:
        bulk.insert(connection, tables.commits, {"kind": ["a", "b", "c"], "at_us": values})
        assert list(connection.execute(sa.select(tables.commits.c.at_us).order_by(tables.commits.c.commit_seq)).scalars()) == expected


@pytest.mark.parametrize("form", SAME_TEXT)
def test_texts_in_any_form(home: Home, form: str) -> None:
    with home.begin() as connection:
        bulk.insert(connection, tables.commits, {"kind": SAME_TEXT[form], "at_us": [1, 2, 3]})
        assert list(connection.execute(sa.select(tables.commits.c.kind).order_by(tables.commits.c.at_us)).scalars()) == ["x", "", "z"]


def test_a_dictionary_may_hold_nulls(home: Home) -> None:
    columns = {**raw_files(3), "file_name": pa.array(["x", None, "x"]).dictionary_encode()}
    with home.begin() as connection:
        bulk.insert(connection, tables.raw_files, columns)
        found = bulk.read(connection, sa.select(tables.raw_files.c.file_name).order_by(tables.raw_files.c.raw_file_id))
    assert found["file_name"].to_pylist() == ["x", None, "x"]


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"kind": ["a"], "at_us": [1.5]}, "double where int64 belongs"),
        ({"kind": ["a"], "at_us": np.array([1.0])}, "double where int64 belongs"),
        ({"kind": [b"a"], "at_us": [1]}, "binary where string belongs"),
        ({"kind": np.array([1]), "at_us": [1]}, "int64 where string belongs"),
        ({"kind": ["a", "b"], "at_us": [1]}, "different length"),
        ({"kind": pa.array([None], pa.string()), "at_us": [1]}, "null where none may be"),
    ],
)
def test_what_is_no_column_is_refused(home: Home, columns: dict[str, Any], told: str) -> None:
    with pytest.raises((AssertionError, TypeError, pa.ArrowException), match=told), home.begin() as connection:
        bulk.insert(connection, tables.commits, columns)
    with home.connect() as connection:
        assert home.head_seq(connection) == 0


def test_parameters_are_safe(home: Home) -> None:
    columns = raw_files(10)
    row = tables.raw_files.c
    with home.begin() as connection:
        bulk.insert(connection, tables.raw_files, columns)
    with home.connect() as connection:
        for place in range(10):
            condition = sa.and_(row.path == WORDS[place], row.sha256 == BLOBS[place], row.size_bytes == INTEGERS[place])
            assert bulk.read(connection, sa.select(row.source).where(condition))["source"].to_pylist() == [f"source {place}"]
        assert bulk.read(connection, sa.select(row.source).where(row.source.like("%9")))["source"].to_pylist() == ["source 9"]
        assert bulk.read(connection, sa.select(row.source).where(row.sha256.in_(BLOBS[:2])).order_by(row.source)).num_rows == 2
        many = [*range(70_000), MOST]
        found = bulk.read(connection, sa.select(row.size_bytes).where(row.size_bytes.in_(many)).order_by(row.size_bytes))
        assert found["size_bytes"].to_pylist() == [0, 1, 255, 256, MOST]
        inner = sa.select(row.raw_file_id).where(row.size_bytes.in_(many))
        assert bulk.read(connection, sa.select(row.source).where(row.raw_file_id.in_(inner))).num_rows == 5


def test_an_empty_answer_has_its_columns(home: Home) -> None:
    with home.connect() as connection:
        found = bulk.read(connection, sa.select(tables.commits.c.commit_seq, tables.commits.c.kind))
        assert (found.num_rows, found.column_names, str(found.schema.field("kind").type)) == (0, ["commit_seq", "kind"], "string")


def test_sums_come_as_integers(home: Home) -> None:
    with home.begin() as connection:
        bulk.insert(connection, tables.commits, {"kind": ["a", "b"], "at_us": [2**62, 2**61]})
        total = sa.cast(sa.func.sum(tables.commits.c.at_us), tables.INT64).label("total")
        assert bulk.read(connection, sa.select(total))["total"].to_pylist() == [2**62 + 2**61]


def test_rows_that_break_a_rule_are_not_stored(home: Home) -> None:
    with pytest.raises(sa.exc.IntegrityError), home.begin() as connection:
        bulk.insert(connection, tables.commits, {"commit_seq": [1, 1], "kind": ["a", "b"], "at_us": [1, 2]})
    with home.begin() as connection:
        assert home.head_seq(connection) == 0
        bulk.insert(connection, tables.commits, {"commit_seq": [7], "kind": ["a"], "at_us": [1]})
        assert home.next_commit_seq(connection, "usage", 1) == 8


def test_a_long_text_passes(home: Home) -> None:
    """Longer than what is read at once."""
    long = "账单" * 700_000
    with home.begin() as connection:
        bulk.insert(connection, tables.commits, {"kind": ["a", long, "b"], "at_us": [1, 2, 3]})
        found = bulk.read(connection, sa.select(tables.commits).order_by(tables.commits.c.at_us))
    assert found["kind"].to_pylist() == ["a", long, "b"]
