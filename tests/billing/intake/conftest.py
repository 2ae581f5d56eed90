"""A home to take usage into, and what is in it."""

from __future__ import annotations

import contextlib
import resource
from typing import TYPE_CHECKING

import pytest

from billing.intake import books, view
from billing.store.home import Home

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

Counting = dict[str, int]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with Home.open(tmp_path / "home", create=True) as opened:
        yield opened


@pytest.fixture
def home_maker(tmp_path: Path) -> Iterator[Callable[[str], Home]]:
    """Further homes, by name."""
    with contextlib.ExitStack() as opened:
        yield lambda name: opened.enter_context(Home.open(tmp_path / name, create=True))


@pytest.fixture
def full_disk() -> Callable[[int], contextlib.AbstractContextManager[None]]:
    """A disk on which no file can grow above some bytes, while the context lasts."""

    @contextlib.contextmanager
    def limit(size_bytes: int) -> Iterator[None]:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return limit


@pytest.fixture
def counting() -> Callable[..., Counting]:
    """Events that count as of a sequence number, with their seconds."""

    def read(home: Home, seq: int | None = None, *, every: bool = False) -> Counting:
        with home.connect() as connection:
            as_of = home.head_seq(connection) if seq is None else seq
        table = view.usage(home, ["record_id", "duration_us"], as_of, every=every)
        rows = table.to_pylist()
        assert len({row["record_id"] for row in rows}) == len(rows), "an event counts once"
        return {row["record_id"]: row["duration_us"] // 1_000_000 for row in rows}

    return read


@pytest.fixture
def balanced() -> Callable[[Home], dict[str, int]]:
    """Assert that the intake book balances at every sequence number; return its rows at the last one."""

    def check(home: Home) -> dict[str, int]:
        with home.connect() as connection:
            head = home.head_seq(connection)
        for seq in range(head + 1):
            for line in books.intake_book(home, seq):
                assert line.left == line.right, f"as of {seq}: {line}"
        return {line.name: line.left for line in books.intake_book(home, head) if line.unit == "rows"}

    return check
