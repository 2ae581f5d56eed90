"""The first example of docs/parties.md, run as it is written."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from billing.catalogue import Operator
from server.cli import app
from tests.billing.accounts.operator_home import make

pytestmark = pytest.mark.slow
PAGE = Path(__file__).parents[3] / "docs" / "parties.md"


def test_the_example(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path).close()
    monkeypatch.setenv("RATEWRIGHT_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("server.operator.current", lambda: Operator("ana", 1001))
    block = PAGE.read_text(encoding="utf-8").split("```\n")[1]
    commands = block.split("$ ratewright ")[1:]
    assert len(commands) == 6
    for each in commands:
        words, _, printed = each.partition("\n")
        capsys.readouterr()
        assert app.main(shlex.split(words)) == 0, words
        assert capsys.readouterr().out == printed, words
