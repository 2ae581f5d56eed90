"""`ratewright tariffs schema` through the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from server.cli import app
from tariffs.reference import json_schema

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("words", [(), ("--part",)])
def test_it_prints_the_schema(capsys: pytest.CaptureFixture[str], words: tuple[str, ...]) -> None:
    assert app.main(["tariffs", "schema", *words]) == 0
    assert json.loads(capsys.readouterr().out) == json_schema.of(part=bool(words))


def test_it_writes_a_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "tariffs.schema.json"
    assert app.main(["tariffs", "schema", "--output", str(file)]) == 0
    assert capsys.readouterr().out == f"wrote {file}\n"
    assert json.loads(file.read_text(encoding="utf-8")) == json_schema.of()


def test_a_place_that_cannot_be_written_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert app.main(["tariffs", "schema", "--output", str(tmp_path / "nowhere" / "a.json")]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert "cannot be written: No such file or directory" in told.err
    assert "name a file in a folder that is there" in told.err
