"""The pages about payments and second persons say what the commands say: every example is run in its order and compared."""

from __future__ import annotations

import itertools
import json
import re
import shlex
import time
from pathlib import Path

import pytest

from billing.catalogue import Operator
from server import operator
from server.cli import app
from tests.billing.payments.desk import ANA

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[3]
BEN = Operator("ben", 2002)
NOW_NS = 1_796_083_200 * 10**9  # 2026-12-01T00:00Z, after every date of the page
PAGES = [("payments.md", 4, 15), ("bank-files.md", 5, 6), ("approvals.md", 3, 7)]  # name, calls before the examples, examples at least
BY_ANOTHER = ("approvals agree", "settings agree")  # once more they would find nothing that waits


def calls(page: str, kind: str) -> list[tuple[str, str]]:
    """Command lines of the page's blocks of a kind, and what they print."""
    found: list[tuple[str, list[str]]] = []
    for block in re.findall(rf"```{kind}\n(.*?)\n```", (ROOT / "docs" / page).read_text(), re.DOTALL):
        for line in block.splitlines():
            if line.startswith(("$ ratewright ", "ratewright ")):
                found.append((line.removeprefix("$ ").removeprefix("ratewright "), []))
            elif found:
                found[-1][1].append(line)
    return [(words, "\n".join(lines)) for words, lines in found]


@pytest.mark.parametrize(("page", "calls_before", "least"), PAGES)
def test_the_examples(  # noqa: PLR0913, PLR0917 -- the page, and fixtures
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], page: str, calls_before: int, least: int
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(operator, "current", lambda: ANA)
    clock = itertools.count(NOW_NS, 1_000_000)
    monkeypatch.setattr(time, "time_ns", lambda: next(clock))
    monkeypatch.setenv("RATEWRIGHT_HOME", str(tmp_path / "home"))
    before = calls(page, "")
    assert len(before) == calls_before
    for words, _ in before:
        assert app.main(shlex.split(words)) == 0
    capsys.readouterr()
    told = calls(page, "console")
    assert len(told) >= least
    for words, expected in told:
        monkeypatch.setattr(operator, "current", lambda words=words: BEN if words.startswith(BY_ANOTHER) else ANA)
        assert (words, app.main(shlex.split(words))) == (words, 0)
        assert (words, capsys.readouterr().out.rstrip()) == (words, expected)
    assert app.main(["controls"]) == 0
    capsys.readouterr()
    for words, _ in told:  # once more: nothing changes, and as JSON it can be read
        if "--dry-run" not in words and not words.startswith(BY_ANOTHER):
            assert (words, app.main([*shlex.split(words), "--json"])) == (words, 0)
            assert isinstance(json.loads(capsys.readouterr().out), dict | list)
    lists = [call for call in told if call[0].split()[1] in {"list", "statement", "events"} and call[0] != "approvals list"]
    for words, expected in lists[-2:]:
        assert (words, app.main(shlex.split(words))) == (words, 0)
        assert (words, capsys.readouterr().out.rstrip()) == (words, expected)
