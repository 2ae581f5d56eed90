"""`ratewright usage report` as people read it, and how it answers a wrong call."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from server.cli import app

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
DEFINITION = """\
name: gate
format: delimited
columns: [node, number, from, to, at, secs, trunk, cause, state]
sequence: { column: number, per: [node] }
fields:
  served: from
  other: to
  start: at
  duration: secs
  trunk_out: trunk
  cause: cause
  answered: { column: state, words: { A: yes, "*": no } }
"""
ROWS = """\
w,1,8613900000001,8613900000003,2026-03-02 10:00:00,60,sip/x-0000001a,16,A
w,2,8613900000001,8613900000003,2026-03-02 11:00:00,0,sip/x-0000001b,17,B
w,5,8613900000001,8613900000003,2026-03-03 10:00:00,31,sip/x-0000001c,16,A
w,6,8613900000001,8613900000003,2026-03-03 10:xx:00,31,sip/x-0000001c,16,A
"""


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ANN401 - a small closure
    """Ask for a report on a file of four rows; stdout as JSON if it was asked for, as text, or what went wrong."""
    monkeypatch.setenv("RATEWRIGHT_HOME", str(tmp_path / "home"))
    (tmp_path / "gate.yaml").write_text(DEFINITION)
    (tmp_path / "one.csv").write_text(ROWS)
    assert app.main(["usage", "ingest", str(tmp_path / "one.csv"), "--source", str(tmp_path / "gate.yaml")]) == 0
    capsys.readouterr()

    def call(*words: str, status: int = 0) -> Any:  # noqa: ANN401 - JSON is anything
        assert app.main(["usage", "report", *words]) == status
        told = capsys.readouterr()
        return told.err if status else json.loads(told.out) if "--json" in words else told.out

    return call


def lines(text: str) -> list[list[str]]:
    """Words of each line."""
    return [line.split() for line in text.splitlines()]


def test_every_part_is_told(run: Any) -> None:  # noqa: ANN401 - see the fixture
    text = run()
    told = lines(text)
    assert text.startswith("usage from 2026-03-01 to 2026-03-31, UTC")
    assert text.endswith("\nevery book balances\n")
    assert ["gate", "received", "4", "91,000,000", "balance"] in told
    assert ["gate", "answered", "2", "91,000,000", "balance"] in told
    assert ["gate", "rows", "2", "accepted", "2", "not", "yet", "due", "balances"] in told
    assert ["gate", "w", "1", "5", "3", "2", "3-4"] in told  # of 1 to 5 three came; that of the row that could not be read is above them
    assert ["gate", "sip/x", "3", "2", "66.66", "%", "45", "s", "17:", "1"] in told


def test_shares_are_of_what_came_in_over_the_days(run: Any) -> None:  # noqa: ANN401 - see the fixture
    assert "Duplicates and refusals" not in run()  # nothing came in over the days of this usage
    assert ["gate", "rejected", "1", "4", "25.00", "%", "-"] in lines(run("--from", "2026-03-01", "--to", "2199-12-31"))


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("file", [["one.csv", "received", "4"], ["one.csv", "rejected", "1"], ["one.csv", "rows", "2", "accepted"]]),
        (
            "day",
            [["no", "day", "rejected", "1"], ["2026-03-02", "received", "2"], ["2026-03-03", "received", "1"], ["2026-03-03", "rows", "1"]],
        ),
    ],
)
def test_a_line_for_each_file_or_day(run: Any, by: str, expected: list[list[str]]) -> None:  # noqa: ANN401 - see the fixture
    told = lines(run("--by", by))
    for words in expected:
        assert any(line[1 : 1 + len(words)] == words for line in told), words


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--by", "moon"), "there is no book by moon"),
        (("--from", "2026-13-01"), "Invalid value for --from"),
        (("--from", "2026-03-01"), "give both"),
        (("--from", "2026-03-02", "--to", "2026-03-01"), "not two days in their order"),
        (("--source", "other"), "sources: gate"),
    ],
)
def test_wrong_calls(run: Any, words: tuple[str, ...], message: str) -> None:  # noqa: ANN401 - see the fixture
    assert message in run(*words, status=2)


def test_the_same_for_programs(run: Any) -> None:  # noqa: ANN401 - see the fixture
    found = run("--json", "--source", "gate", "--from", "2026-03-01", "--to", "2026-03-31")
    assert [(each["first"], each["last"], each["ranges"]) for each in found["missing_numbers"]] == [(1, 5, [[3, 4]])]
    assert found["intake"][0]["found"]["received"] == [4, 91_000_000, 0, 0]
