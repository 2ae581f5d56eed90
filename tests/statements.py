"""SQL statements by test: the tests that together execute each statement once are those that run on PostgreSQL.

A statement is the same on both databases, so what a second test with the same ones would find there is little. The list is measured:

    RATEWRIGHT_STATEMENTS=FOLDER pytest -m slow tests/...     note the statements of each test, on SQLite
    python -m tests.statements choose FOLDER                  write on_postgresql.txt: the cheapest tests with all of them

Lists of values and rows of a statement are taken for one of each. Statements of child processes are not noted.
"""

from __future__ import annotations

import collections
import json
import os
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

FOLDER: Final = os.environ.get("RATEWRIGHT_STATEMENTS", "")
CHOSEN: Final = Path(__file__).with_name("on_postgresql.txt")
_LISTS: Final = re.compile(r"\((?:\?, )*\?\)(?:, \((?:\?, )*\?\))*")
_TEST_MIN_S: Final = 0.05  # what any test costs beside its own time


class Noting:
    """A plugin of pytest that notes the statements of each test in a file of its worker."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / f"{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}.jsonl"
        self._statements = set[str]()
        self._listen()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Everything from the set-up of a test to its end is its own."""
        self._statements.clear()
        began = time.monotonic()
        result = yield
        if self._statements:
            row = {"test": item.nodeid, "seconds": time.monotonic() - began, "statements": sorted(self._statements)}
            with self._file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
        return result

    def _listen(self) -> None:
        import sqlalchemy as sa  # noqa: PLC0415 -- loaded for those who measure

        from billing.store import bulk  # noqa: PLC0415 -- as above

        insert = bulk.insert

        def noting(connection: sa.Connection, table: sa.Table, columns: Mapping[str, Any]) -> int:
            self._statements.add(f"bulk insert into {table.name}")
            return insert(connection, table, columns)

        bulk.insert = noting
        sa.event.listen(sa.Engine, "before_cursor_execute", self._note)

    def _note(self, _connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:  # noqa: ANN401 -- as SQLAlchemy calls it
        self._statements.add(_LISTS.sub("(?)", statement))


def noted(folder: Path) -> dict[str, tuple[float, frozenset[str]]]:
    """By test its seconds and statements, as they were noted."""
    rows = [json.loads(line) for file in sorted(folder.glob("*.jsonl")) for line in file.read_text(encoding="utf-8").splitlines()]
    return {row["test"]: (row["seconds"], frozenset(row["statements"])) for row in rows}


def covering(tests: Mapping[str, tuple[float, frozenset[str]]]) -> list[str]:
    """Tests that together have all statements, each chosen for the most new statements a second."""
    open_ = set[str]().union(*(statements for _, statements in tests.values()))
    rest, found = dict(tests), list[str]()
    while open_:
        best = max(sorted(rest), key=lambda test: len(rest[test][1] & open_) / (rest[test][0] + _TEST_MIN_S))
        found.append(best)
        open_ -= rest.pop(best)[1]
    return sorted(found)


def main(words: Sequence[str]) -> int:
    """Choose, and say what the tests cost."""
    command, folder = words
    assert command == "choose"
    tests = noted(Path(folder))
    found = covering(tests)
    CHOSEN.write_text("".join(f"{test}\n" for test in found), encoding="utf-8")
    seconds = sum(tests[test][0] for test in found)
    every = collections.Counter(statement for _, statements in tests.values() for statement in statements)
    sys.stdout.write(f"{len(found)} of {len(tests)} tests, {seconds:.0f} s, have all {len(every)} statements\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
