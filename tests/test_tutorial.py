"""The tutorial does what it says: its files are written, its commands run, and what they print is what stands on the page."""

from __future__ import annotations

import fnmatch
import re
import shlex
import shutil
from pathlib import Path

import pytest

from server.cli import app

PAGE = Path(__file__).parents[1] / "docs" / "tariffs-tutorial.md"
BLOCKS = re.findall(r"^```(yaml|console)\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


@pytest.mark.slow
def test_the_tutorial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RATEWRIGHT_HOME", raising=False)
    for kind, body in BLOCKS:
        if kind == "yaml":
            write(body)
        else:
            converse(body, capsys)
    assert len(BLOCKS) > 10


def write(body: str) -> None:
    """A file of the page; its name is in its first line. One with nothing else is empty."""
    first, _, rest = body.partition("\n")
    path = Path(first.removeprefix("# "))
    path.parent.mkdir(exist_ok=True)
    path.write_text(body if rest.strip() else "", encoding="utf-8")


def converse(body: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each command of a block, and what it prints until the next one."""
    for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
        command, _, expected = part.partition("\n")
        told = run(shlex.split(command), capsys)
        pattern = re.sub(r"[\[\]?*]", lambda found: f"[{found[0]}]", expected).replace("...", "*")
        assert fnmatch.fnmatchcase(told, pattern), f"$ {command}\n{told}"


def run(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What a command prints. `cp` and `sed` are done here, so that the page works wherever Python does."""
    if words[0] == "cp":
        shutil.copytree(words[2], words[3])
        return ""
    if words[0] == "sed":
        path, (old, new) = Path(words[3]), words[2].split("/")[1:3]
        text = path.read_text(encoding="utf-8")
        assert old in text, words
        path.write_text(text.replace(old, new), encoding="utf-8")
        return ""
    assert words[0] == "ratewright"
    app.main(words[1:])
    captured = capsys.readouterr()
    return captured.out + captured.err
