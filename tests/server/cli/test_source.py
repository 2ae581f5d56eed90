"""`ratewright source`: list, show, and check on files; text and JSON, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from server.cli import app

EXAMPLES = Path(__file__).parents[3] / "examples" / "sources"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:  # noqa: ANN401 - a small closure
    """Run a command; its stdout, as JSON if it was asked for."""

    def call(*words: object, status: int = 0) -> Any:  # noqa: ANN401 - JSON is anything
        assert app.main([str(word) for word in words]) == status
        out = capsys.readouterr().out
        return json.loads(out) if "--json" in words else out

    return call


def test_check_shows_rows_before_and_after_and_what_was_guessed(run: Any) -> None:  # noqa: ANN401 - see the fixture
    out = run("source", "check", EXAMPLES / "gateway.yaml", EXAMPLES / "gateway.csv", "--rows", "2")
    assert "byte 86: west;101;N;1511000001" in out
    assert "-> service voice, start 2026-03-09T07:00:00Z, served_kind e164, served_id 491511000001" in out
    assert "byte 225" not in out
    lines = [line.split() for line in out.splitlines()]
    assert ["answered", "5"] in lines
    assert ["columns", "of", "a", "row", "12", "6"] in lines
    assert ["486", "1", "0", "1", "0"] in lines
    assert "destinations that are not numbers: 112" in out


def test_check_as_json(run: Any) -> None:  # noqa: ANN401 - see the fixture
    found = run("source", "check", EXAMPLES / "exchange.yaml", EXAMPLES / "exchange.txt", "--json")
    assert (found["source"], found["figures"]["rows"], len(found["first_rows"])) == ("exchange", 3, 3)


def test_check_of_the_definition_alone(run: Any) -> None:  # noqa: ANN401 - see the fixture
    assert run("source", "check", EXAMPLES / "packets.yaml") == "packet-gateway: good, format delimited\n"


def test_a_file_of_another_kind(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["source", "check", "asterisk", str(EXAMPLES / "gateway.csv")]) == 1
    told = capsys.readouterr()
    assert "refused, wrong_column_count" in told.out
    assert "no row of" in told.err


def test_a_definition_with_mistakes(run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: ANN401 - see the fixture
    path = tmp_path / "bad.yaml"
    path.write_text("name: bad\nformat: asterisk\nretention: soon\ncolour: red\n")
    assert app.main(["source", "check", str(path)]) == 1
    told = capsys.readouterr().err
    assert "retention: 'soon' is not a length of time" in told
    assert "colour: unknown field" in told
    listed = run("source", "list", "--sources", tmp_path, "--json", status=1)
    assert len(listed["problems"]) == 2
    assert all("bad.yaml" in problem for problem in listed["problems"])


def test_a_terminal_is_not_moved_by_a_row(run: Any, tmp_path: Path) -> None:  # noqa: ANN401 - see the fixture
    path = tmp_path / "cdr.csv"
    path.write_bytes((EXAMPLES / "gateway.csv").read_bytes().replace(b"west;101", b"we\x1b[2Jst;101"))
    out = run("source", "check", EXAMPLES / "gateway.yaml", path)
    assert "\x1b" not in out
    assert r"we\x1b[2Jst" in out


def test_list(run: Any) -> None:  # noqa: ANN401 - see the fixture
    rows = {row["name"]: row for row in run("source", "list", "--sources", EXAMPLES, "--json")["sources"]}
    assert rows["asterisk"]["columns"] == "16 17 18 19 20 21"
    assert rows["freeswitch-json"]["columns"] == "by name"
    assert (rows["gateway"]["columns"], rows["gateway"]["timezone"]) == ("12", "Europe/Berlin")
    assert "gateway" not in run("source", "list")


def test_show(run: Any) -> None:  # noqa: ANN401 - see the fixture
    assert run("source", "show", "freeswitch") == "name: freeswitch\nformat: freeswitch\n"
    shown = run("source", "show", EXAMPLES / "gateway.yaml", "--json")
    assert (shown["retention"], shown["future_tolerance"]) == ("100d", "5m")
    assert shown["legs"] == {"group_by": ["node", "group"], "bills": "longest", "forwarder": "redirecting", "forwarder_pays": True}
