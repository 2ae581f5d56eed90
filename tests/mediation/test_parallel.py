"""Threads that share a file: the same result as one, in the same order, and the same errors."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from mediation import parallel
from mediation.bytes.memory_window import MemoryWindow
from mediation.decode import decode, decode_parts
from mediation.definitions import named
from mediation.records import csv_blocks
from mediation.sources import model
from rating.errors import UnusableFileError

if TYPE_CHECKING:
    from pathlib import Path

ASTERISK = named.find("asterisk")


@pytest.fixture
def many_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of three rows, so that small files have many."""
    monkeypatch.setattr(csv_blocks, "BLOCK_ROWS_MAX", 3)


@pytest.mark.usefixtures("many_blocks")
@pytest.mark.parametrize("name", ["legs.csv", "widths.csv", "widths.csv.gz", "broken.csv", "bytes.csv", "duplicates.csv"])
@pytest.mark.parametrize("threads", [2, 5])
def test_any_number_of_threads_gives_the_same(fixtures: Path, name: str, threads: int) -> None:
    alone = decode(fixtures / name, ASTERISK, threads=1)
    assert alone.rows > 4
    together = decode(fixtures / name, ASTERISK, threads=threads)
    assert together.usage.equals(alone.usage)
    assert together._replace(usage=alone.usage) == alone
    parts = list(decode_parts(fixtures / name, ASTERISK, threads=threads))
    assert len(parts) > 1
    assert [reject for part in parts for reject in part.rejects] == alone.rejects
    assert sum(part.rows for part in parts) == alone.rows


@pytest.mark.usefixtures("many_blocks")
@pytest.mark.parametrize("threads", [1, 4])
def test_a_damaged_file_gives_nothing(fixtures: Path, threads: int) -> None:
    with pytest.raises(UnusableFileError, match="truncated or damaged"):
        decode(fixtures / "truncated.csv.gz", ASTERISK, threads=threads)
    parts = decode_parts(fixtures / "truncated.csv.gz", ASTERISK, threads=threads)
    with pytest.raises(UnusableFileError, match="truncated or damaged"):
        next(parts)
    assert threading.active_count() == 1


@pytest.mark.usefixtures("many_blocks")
def test_general_formats_too(examples: Path) -> None:
    source = named.find(str(examples / "gateway.yaml"))
    alone, together = (decode(examples / "gateway.csv", source, threads=threads) for threads in (1, 3))
    assert alone.rows > 3
    assert together.usage.equals(alone.usage)


def rows_window(rows: int) -> MemoryWindow:
    return MemoryWindow(b"".join(b"%d,x\n" % row for row in range(rows)))


PAIRS = model.Source(name="pairs", format=model.Format.DELIMITED, layouts=(model.Layout(("a", "b")),))


@pytest.mark.usefixtures("many_blocks")
@pytest.mark.parametrize("threads", [1, 2, 4])
def test_results_come_in_order_with_the_place_of_each_block(threads: int) -> None:
    window = rows_window(31)
    data = window.data.tobytes()

    def work(placed: parallel.Placed) -> tuple[int, int, list[bytes]]:
        rows = placed.rows
        first = int(rows.begin[0]) + placed.offset
        texts = [rows.data[begin:end].tobytes() for begin, end in zip(rows.field_begin[0], rows.field_end[0], strict=True)]
        assert data[first:].startswith(texts[0] + b",")
        return placed.rows_before, rows.size, texts

    found = list(parallel.in_order(window, csv_blocks.blocks(window, PAIRS), work, threads))
    assert [text for _, _, texts in found for text in texts] == [b"%d" % row for row in range(31)]
    assert [before for before, _, _ in found] == list(range(0, 31, 3))


@pytest.mark.usefixtures("many_blocks")
def test_an_error_comes_at_its_blocks_turn_and_ends_the_threads() -> None:
    window = rows_window(300)

    def work(placed: parallel.Placed) -> int:
        if placed.rows_before == 30:
            raise ZeroDivisionError
        return placed.rows_before

    got = []
    with pytest.raises(ZeroDivisionError):
        got.extend(parallel.in_order(window, csv_blocks.blocks(window, PAIRS), work, 3))
    assert threading.active_count() == 1


@pytest.mark.usefixtures("many_blocks")
def test_who_stops_asking_leaves_no_threads() -> None:
    window = rows_window(300)
    results = parallel.in_order(window, csv_blocks.blocks(window, PAIRS), lambda placed: placed.rows_before, 3)
    assert next(results) == 0
    results.close()  # type: ignore[attr-defined]  # it is a generator
    assert threading.active_count() == 1
