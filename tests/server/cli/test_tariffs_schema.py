"""`ratewright tariffs schema` through the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from server.cli import app
from tariffs.reference import json_schema

COMMAND = Path(sys.executable).with_name("ratewright")


@pytest.mark.parametrize("words", [(), ("--part",)])
def test_it_prints_the_schema(capsys: pytest.CaptureFixture[str], words: tuple[str, ...]) -> None:
    assert app.main(["tariffs", "schema", *words]) == 0
    assert json.loads(capsys.readouterr().out) == json_schema.of(part=bool(words))


def test_it_writes_a_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "tariffs.schema.json"
    assert app.main(["tariffs", "schema", "--output", str(file)]) == 0
    assert capsys.readouterr().out == f"wrote {file}\n"
    assert json.loads(file.read_text(encoding="utf-8")) == json_schema.of()


def test_a_file_that_is_there_is_replaced_only_where_that_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "thesis.json"
    file.write_text("years of work", encoding="utf-8")
    assert app.main(["tariffs", "schema", "--output", str(file)]) == 2
    told = capsys.readouterr().err
    assert f"{file} is there already" in told
    assert "name another file, or replace it with --overwrite" in told
    assert file.read_text(encoding="utf-8") == "years of work"
    assert app.main(["tariffs", "schema", "--output", str(file), "--overwrite"]) == 0
    assert json.loads(file.read_text(encoding="utf-8")) == json_schema.of()


def test_a_pipe_is_written_to() -> None:
    command = (COMMAND, "tariffs", "schema", "--output", "/dev/stdout")
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    text, _, last = done.stdout.rpartition("wrote /dev/stdout")
    assert (json.loads(text), last) == (json_schema.of(), "\n")


def test_a_place_that_cannot_be_written_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert app.main(["tariffs", "schema", "--output", str(tmp_path / "nowhere" / "a.json")]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert "cannot be written: No such file or directory" in told.err
    assert "name a file in a folder that is there" in told.err
