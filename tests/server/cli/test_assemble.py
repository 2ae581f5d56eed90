"""`ratewright usage assemble`: what waits, what its time is up for, and what comes late."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from server.cli import app

if TYPE_CHECKING:
    from pathlib import Path

DEFINITION = """\
name: centre
format: delimited
columns: [id, at, from, to, reference, part, parts]
fields:
  record_id: id
  service: { value: sms }
  start: at
  served: from
  other: to
  call_ref: reference
  segment: part
  segment_total: parts
services:
  sms: { messages: message, timeout: 24h }
"""
FIRST = "m-1,2026-03-02 10:00:00,8613900000001,8613900000003,r-9,1,2\n"
LAST = "m-2,2026-03-02 10:00:01,8613900000001,8613900000003,r-9,2,2\n"


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ANN401 - a small closure
    """Run a command in the home of the test; its stdout, as JSON if it was asked for."""
    monkeypatch.setenv("RATEWRIGHT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "centre.yaml").write_text(DEFINITION)

    def call(*words: str, status: int = 0) -> Any:  # noqa: ANN401 - JSON is anything
        assert app.main(list(words)) == status
        captured = capsys.readouterr()
        return json.loads(captured.out) if "--json" in words else captured.out + captured.err

    return call


@pytest.mark.slow
def test_what_lacks_a_part_waits_and_then_is_in_suspense(run: Any, tmp_path: Path) -> None:  # noqa: ANN401 - see the fixture
    (tmp_path / "first.csv").write_text(FIRST)
    (tmp_path / "last.csv").write_text(LAST)
    run("usage", "ingest", "first.csv", "--source", "centre.yaml")
    waits = run("usage", "assemble", "--json")
    assert [waits[name] for name in ("changed", "assembled", "waiting", "suspended")] == [0, 0, 1, 0]
    (row,) = waits["incomplete"]
    assert (row["source"], row["call_ref"], row["missing"], row["segments"]) == ("centre", "r-9", "the last segment, after 1", 1)
    text = run("usage", "assemble", "--at", "2199-01-01T00:00:00+08:00")
    assert text.startswith("0 assembled, 0 waiting, 1 suspended; 1 changed just now\n")
    assert "the last segment, after 1" in text
    assert "missing_segment" in run("usage", "suspense", "list")
    run("usage", "ingest", "last.csv", "--source", "centre.yaml")
    assert run("usage", "assemble") == "1 assembled, 0 waiting, 0 suspended; 0 changed just now\n"


@pytest.mark.parametrize("at", ["soon", "2026-03-02T10:00:00"])
def test_a_time_that_is_none_is_refused(run: Any, at: str) -> None:  # noqa: ANN401 - see the fixture
    text = run("usage", "assemble", "--at", at, status=2)
    assert "remedy" in text or "2026-03-05T12:00:00Z" in text
