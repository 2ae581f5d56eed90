"""SQL statements that tests send, and the fewest tests that send each of them: `make test-postgresql` runs those.

A database can only behave otherwise than SQLite in a statement that it is sent. So a statement that hundreds of tests send needs one of
them on PostgreSQL. Three things are told apart of each statement: that it is sent, that it answers with a value, and that it fails; sums
of nothing have no type, and a failed statement ends a transaction of PostgreSQL. Statements are noted on SQLite, in the cursor.

    python -m pytest -n 2 --dist loadfile -m slow --statements LOG tests/billing     note them: a line of JSON for each test
    python -m tests.tiers cover LOG                                                  choose, and write postgresql.txt

Definitions of tables are left out: `tests/billing/store/test_migrations.py` runs each revision on both databases.
"""

from __future__ import annotations

import contextlib
import functools
import heapq
import re
import sqlite3
import sqlite3.dbapi2
import time
from typing import TYPE_CHECKING, Any, Final

import msgspec
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from pathlib import Path

ANSWERED: Final = " -> a value"
FAILED: Final = " -> a failure"
SECONDS_A_TEST: Final = 0.2  # that a home on PostgreSQL takes beside what the test took on SQLite
_NOTED: Final = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")
_VALUE: Final = r"(?:\?|NULL|-?\d+(?:\.\d+)?|'(?:[^']|'')*')"
_ROW: Final = rf"\(\s*{_VALUE}(?:\s*,\s*{_VALUE})*\s*\)"
_LISTS: Final = re.compile(rf"\b(IN|VALUES) (?:\( ?(?:VALUES )?)?{_ROW}(?:\s*,\s*{_ROW})*( ?\))?", re.IGNORECASE)
_BLANKS: Final = re.compile(r"\s+")


class Noted(msgspec.Struct, frozen=True):
    """Statements of a test, by their normal form, and how long it took with its fixtures."""

    test: str
    seconds: float
    statements: tuple[str, ...]


class Choice(msgspec.Struct, frozen=True):
    """Tests that were chosen, and how many statements there are, of which `anyway` are on PostgreSQL without them."""

    tests: tuple[Noted, ...]
    statements: int
    anyway: int


class Noting:
    """Plugin of pytest: notes statements, a line of `log` for each test."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._patch = pytest.MonkeyPatch()

    def pytest_sessionstart(self) -> None:
        """From now on connections to SQLite note what is sent, but for the making of tables."""
        from billing.store import schema  # noqa: PLC0415 -- those that note nothing need no store

        self._patch.setattr(sqlite3.dbapi2, "connect", _connect)
        self._patch.setattr(schema, "bring_up_to_date", _not_noted(schema.bring_up_to_date))

    def pytest_sessionfinish(self) -> None:
        """As before."""
        self._patch.undo()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Note one test. What fixtures of a module send belongs to the first test that asks for them."""
        _sent.clear()
        began = time.perf_counter()
        result = yield
        if item.get_closest_marker("sqlite") is not None:  # never run on PostgreSQL
            return result
        noted = Noted(item.nodeid, round(time.perf_counter() - began, 2), tuple(sorted(_sent)))
        with self._log.open("ab", buffering=0) as file:  # one write: workers share the file
            file.write(msgspec.json.encode(noted) + b"\n")
        return result


@contextlib.contextmanager
def gathered() -> Iterator[set[str]]:
    """The statements noted in the block, for `sent_again`: empty until the block ends."""
    before, found = set(_sent), set[str]()
    _sent.clear()
    yield found
    found |= _sent
    _sent.update(before)


def sent_again(found: Collection[str]) -> None:
    """Note what a copy spares this test: on its own it would send that."""
    _sent.update(found)


def normal(statement: str) -> str:
    """A statement whatever blanks it has, and however long its lists of values are."""
    return _LISTS.sub(r"\1 (...)", _BLANKS.sub(" ", statement).strip())


def read(log: bytes) -> list[Noted]:
    """All that was noted; where a test is in it twice, the later one."""
    found = [msgspec.json.decode(line, type=Noted) for line in log.splitlines()]
    return list({each.test: each for each in found}.values())


def fewest(noted: Sequence[Noted], is_there_anyway: Collection[str]) -> Choice:
    """Tests so that each statement is sent by one at least: always the one that costs least for each statement that it adds.

    `is_there_anyway`: tests that are run on PostgreSQL whatever is chosen; what they send is not looked for.
    """
    every = {statement for each in noted for statement in each.statements}
    left = every - {statement for each in noted if each.test in is_there_anyway for statement in each.statements}
    anyway = len(every) - len(left)
    chosen: list[Noted] = []
    heap = [(0.0, each.test, each) for each in noted if each.test not in is_there_anyway]
    while heap and left:
        _, _, best = heapq.heappop(heap)
        price = _price(best, left)
        if heap and price > heap[0][0]:  # prices only rise: what is cheapest now is cheaper than all that were looked at before
            if price < float("inf"):
                heapq.heappush(heap, (price, best.test, best))
            continue
        chosen.append(best)
        left.difference_update(best.statements)
    return Choice(tuple(_needed(chosen, every, anyway_sent(noted, is_there_anyway))), len(every), anyway)


def anyway_sent(noted: Iterable[Noted], tests: Collection[str]) -> set[str]:
    """Statements of these tests."""
    return {statement for each in noted if each.test in tests for statement in each.statements}


def _price(each: Noted, left: Collection[str]) -> float:
    added = sum(statement in left for statement in each.statements)
    return (each.seconds + SECONDS_A_TEST) / added if added else float("inf")


def _needed(chosen: Sequence[Noted], every: Collection[str], sent: Collection[str]) -> Iterator[Noted]:
    """Without those whose statements later ones have made needless; the dearest goes first."""
    times = dict.fromkeys(every, 0) | dict.fromkeys(sent, 1)
    for each in chosen:
        for statement in each.statements:
            times[statement] += 1
    for each in sorted(chosen, key=lambda one: -one.seconds):
        if all(times[statement] > 1 for statement in each.statements):
            for statement in each.statements:
                times[statement] -= 1
        else:
            yield each


_sent: set[str] = set()
_real_connect: Final = sqlite3.dbapi2.connect


def _connect(*words: Any, **options: Any) -> sqlite3.Connection:  # noqa: ANN401 -- as the driver takes them
    return _real_connect(*words, **{"factory": _Connection, **options})


def _not_noted(work: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(work)
    def works(*words: object, **options: object) -> None:
        before = set(_sent)
        try:
            work(*words, **options)
        finally:
            _sent.intersection_update(before)

    return works


class _Connection(sqlite3.Connection):
    def cursor(self, *_words: Any) -> Any:  # type: ignore[override] # noqa: ANN401 -- of one kind alone
        return super().cursor(_Cursor)


class _Cursor(sqlite3.Cursor):
    _statement = ""

    def execute(self, statement: str, *words: object) -> _Cursor:
        return self._send(super().execute, statement, *words)

    def executemany(self, statement: str, *words: object) -> _Cursor:
        return self._send(super().executemany, statement, *words)

    def fetchone(self) -> Any:  # noqa: ANN401 -- as the driver says
        row = super().fetchone()
        self._answered([row] if row is not None else [])
        return row

    def fetchmany(self, *words: int) -> list[Any]:
        return self._answered(super().fetchmany(*words))

    def fetchall(self) -> list[Any]:
        return self._answered(super().fetchall())

    def _send(self, send: Any, statement: str, *words: Any) -> Any:  # noqa: ANN401 -- one of the two above
        self._statement = normal(statement) if statement.lstrip().startswith(_NOTED) else ""
        if self._statement:
            _sent.add(self._statement)
        try:
            return send(statement, *words)
        except sqlite3.Error:
            if self._statement:
                _sent.add(self._statement + FAILED)
            raise

    def _answered(self, rows: list[Any]) -> list[Any]:
        if self._statement and any(value is not None for row in rows for value in row):
            _sent.add(self._statement + ANSWERED)
        return rows
