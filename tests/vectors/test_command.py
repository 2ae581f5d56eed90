"""`python -m tests.vectors`: folders and files, totals by form, JSON, and what cannot be read."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.vectors.__main__ import main
from tests.vectors.files import OWN_FOLDER

if TYPE_CHECKING:
    from pathlib import Path

BILLING = {"id": "b", "topic": "rounding", "given": {"amount": "0.5", "currency": "JPY"}, "expected": {"rounded": "1"}}
SLOT = {"from_s": 0, "rate": "0.10", "rate_unit_s": 60, "increment_s": 60}
RATING = {
    "id": "r",
    "operation": "cost",
    "tariff": {"plans": {"p": [{"prefixes": ["49"], "slots": [SLOT]}]}, "profiles": [{"subject": "s", "plan": "p"}]},
    "usage": {"type": "voice", "answer_time": "2026-01-01T00:00:00Z", "destination": "4930", "duration_s": 61, "subject": "s"},
    "expected": {"cost": "0.20"},
}


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Output of the command, in this process."""
    words, out, err = list(map(str, arguments)), io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main(words)
    return subprocess.CompletedProcess(words, status, out.getvalue(), err.getvalue())


def run_alone(*arguments: object) -> subprocess.CompletedProcess[str]:
    """The same in a process of its own."""
    command = [sys.executable, "-m", "tests.vectors", *map(str, arguments)]
    return subprocess.run(command, cwd=OWN_FOLDER.parents[1], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("form", ["list", "object", "lines", "packed"])
def test_files_are_told_apart_by_what_they_hold(tmp_path: Path, form: str) -> None:
    cases = [BILLING, RATING, {**RATING, "id": "w", "expected": {"cost": "0.19"}}]
    texts = {
        "list": json.dumps(cases),
        "object": json.dumps({"made": "by hand", "cases": cases}),
        "lines": "\n".join(map(json.dumps, cases)),
    }
    path = tmp_path / ("any.jsonl" if form == "lines" else "any.json.gz" if form == "packed" else "any.json")
    path.write_bytes(gzip.compress(json.dumps(cases).encode()) if form == "packed" else texts[form].encode())
    found = run(path)
    assert found.stdout.splitlines() == [
        "failed: w: asserted 0.19, twin 0.200000000000, kernel 0.200000000000",
        "form cost of voice: 1 failed, 1 passed",
        "rating vectors: 1 passed, 1 failed, 0 not applicable, 0 listed",
        "form rounding: one: 1 passed",
        "billing vectors: 1 passed, 0 failed, 0 of unknown shape, 0 listed",
    ]
    assert found.returncode == 1


def test_json_has_each_case_and_the_forms(tmp_path: Path) -> None:
    one, other = tmp_path / "a.json", tmp_path / "b.json"
    one.write_text(json.dumps(BILLING))
    other.write_text(json.dumps([{**BILLING, "id": "more", "given": {**BILLING["given"], "to": "0.05"}}]))
    found = run_alone("--json", one, other)
    assert json.loads(found.stdout) == {
        "billing": {
            "totals": {"passed": 1, "listed": 1},
            "forms": {"rounding: one": {"listed": 1, "passed": 1}},
            "cases": [
                {"id": "b", "verdict": "passed", "form": "rounding: one", "reason": ""},
                {"id": "more", "verdict": "listed", "form": "rounding: one", "reason": "keys that nobody reads: given.to"},
            ],
        }
    }
    assert found.returncode == 0


@pytest.mark.parametrize("text", ["[{]", '{"cases": 1}', "5", None], ids=["broken", "no list", "a number", "no file"])
def test_what_cannot_be_read_is_told(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "x.json"
    if text is not None:
        path.write_text(text)
    found = run(path)
    assert found.stderr.startswith(f"error: {path} ")
    assert "Traceback" not in found.stderr
    assert found.returncode not in {0, 1} or found.stdout == ""
