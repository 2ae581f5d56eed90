"""Runs the demo as a user would, small, in folders of its own."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
DRIVER = ROOT / "examples" / "demo" / "run.py"
GENERATOR = ROOT / "examples" / "demo" / "generate.py"
RECOUNT = ROOT / "tests" / "demo" / "recount.py"
TIMEOUT_S = 240
LINES = (
    "SELECT i.number, a.account_id, i.total_micros, l.line_no, l.kind, l.text, l.period_from, l.events, l.amount_micros"
    " FROM invoices i JOIN accounts a USING (account_key) JOIN invoice_lines l USING (invoice_key) ORDER BY i.number, l.line_no"
)


class Finished(NamedTuple):
    """A demo that has ended, and what it printed."""

    folder: Path
    text: str


def words(folder: Path, *, seed: int = 1, accounts: int = 60, records: int = 3_000) -> list[str]:
    """The command of a demo."""
    sizes = ["--seed", str(seed), "--accounts", str(accounts), "--records", str(records)]
    return [sys.executable, str(DRIVER), *sizes, "--dir", str(folder)]


def run(command: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    """Run to the end, whatever it is."""
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT_S, env=os.environ | environment)


def demo(folder: Path, **sizes: int) -> Finished:
    """Run a demo that must succeed."""
    done = run(words(folder, **sizes))
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return Finished(folder, done.stdout)


def recount(folder: Path) -> subprocess.CompletedProcess[str]:
    """The outside script on a folder."""
    return run([sys.executable, str(RECOUNT), str(folder)])


def summary(folder: Path) -> dict[str, Any]:
    """summary.json."""
    found: dict[str, Any] = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    return found


def invoice_lines(folder: Path) -> list[tuple[Any, ...]]:
    """Every line of every invoice, with the invoice's number, account and total."""
    with contextlib.closing(sqlite3.connect(f"file:{folder / 'home' / 'ratewright.db'}?mode=ro", uri=True)) as sql:
        return sql.execute(LINES).fetchall()


def log(folder: Path) -> list[dict[str, Any]]:
    """The whole lines of progress.jsonl so far."""
    path = folder / "progress.jsonl"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
