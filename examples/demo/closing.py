"""The end of the demo: one invoice, one charge down to its increments, the books with both sides, summary.json, and what to try next."""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import commands
import display
import stages
from money import euro

if TYPE_CHECKING:
    from progresslog import ProgressLog
    from stages import Context

EXPLAINED = "over_a_band_boundary"


class Closing:
    """What came of a demo."""

    def __init__(self, context: Context, log: ProgressLog, seconds: float, peak_mib: int) -> None:
        self._context = context
        self._log = log
        self._seconds = seconds
        self._peak_mib = peak_mib
        self._path = context.folder / "summary.json"
        self._before = json.loads(self._path.read_text(encoding="utf-8")) if self._path.exists() else None
        self._totals = stages.totals(context)
        self._books: list[dict[str, Any]] = log.ended["controls"].result.detail["books"]
        self._disagreement = log.ended["verify"].result.detail["disagreement"]

    @property
    def is_balanced(self) -> bool:
        """Whether every book balances and the twin agrees."""
        return all(book["left"] == book["right"] for book in self._books) and self._disagreement["disagreements"] == 0

    def write(self) -> None:
        """summary.json, whole or not at all."""
        context, ended = self._context, self._log.ended
        rows = [
            {
                "name": name,
                "seconds": round(done.seconds, 3),
                "records": done.result.records,
                "records_per_s": round(done.result.records / max(done.seconds, 1e-3)),
            }
            for name, done in ((name, ended[name]) for name, _ in stages.STAGES)
        ]
        summary = {
            "seed": context.seed,
            "accounts": context.accounts,
            "records": context.records,
            "seconds": round(self._seconds, 1),
            "peak_mib": self._peak_mib,
            "stages": rows,
            "invoices": self._totals,
            "disagreement": self._disagreement,
            "books": [{key: book[key] for key in ("name", "left", "right", "unit")} for book in self._books],
            "stream": ended["stream"].result.detail["stream"],
        }
        draft = self._path.with_suffix(".draft")
        draft.write_text(json.dumps(summary, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        draft.replace(self._path)

    def show(self) -> None:
        """Print it all."""
        number = self._shown_number()
        print("\n== one whole invoice ==\n")
        print(commands.ratewright_text("invoice", "show", number, "--home", self._context.home).rstrip())
        print("\n== one charge of it, explained ==\n")
        print(commands.ratewright_text(*self._quote(), "--home", self._context.home).rstrip())
        print("\n== the books: left and right are computed from different places ==\n")
        self._show_books()
        print("\n== what was billed ==\n")
        self._show_totals()
        self._show_next(number)

    def _shown_number(self) -> str:
        found = commands.ratewright("invoice", "list", "--account", stages.SHOWN_ACCOUNT, "--home", self._context.home)
        return str(next(each["number"] for each in found if each["issued_on"] == stages.OCTOBER_BILL))

    def _quote(self) -> list[str]:
        """The planted call over a band boundary, as a question to `ratewright quote`."""
        call = next(each for each in self._context.truth["planted"] if each["name"] == EXPLAINED)
        seconds = f"{call['duration_us'] // 1_000_000}.{call['duration_us'] % 1_000_000:06d}s"
        words = ["quote", "--plan", call["plan"], "--service", "voice", "--to", f"+{call['destination']}"]
        return [*words, "--at", call["answer"], "--duration", seconds]

    def _show_books(self) -> None:
        print("\n".join(display.book_lines(self._books, display.columns())))
        found = self._disagreement
        bound = f"at most {found['upper_bound_95']:.3g} with 95 % confidence"
        print(f"\n  arithmetic disagreement: {found['disagreements']} of {found['sample']:,} events priced again; rate {bound}")

    def _show_totals(self) -> None:
        for date, each in self._totals.items():
            span = f"{each['first_number']} .. {each['last_number']}"
            print(f"  bill of {date}: {each['invoices']:>7,} invoices {span}, total {euro(each['total_micros'])}")
        if self._before is not None:
            same = self._before["invoices"] == self._totals
            print(f"  {'the same as before: nothing was billed twice' if same else 'NOT the same as before'}")
        print(f"  {self._seconds:.1f} s, at most {self._peak_mib:,} MiB in one process")

    def _show_next(self, number: str) -> None:
        program = _shown_path(commands.BIN / "ratewright")
        python = _shown_path(Path(sys.executable))
        home = f"--home {shlex.quote(str(self._context.home))}"
        source = self._context.folder / "switches" / "asterisk"
        file = next(iter(sorted(source.iterdir())))
        print(f"\nEverything is in {self._context.folder}: truth.json (what was put in), summary.json, and home (Ratewright's own).")
        print("Try next:\n")
        for line in (
            f"{program} invoice show {number} --language zh {home}",
            f"{program} bill refused --reason NO_ZONE --limit 5 {home}",
            f"{program} usage suspense --limit 5 {home}",
            f"{program} usage inspect {shlex.quote(str(file))} --source asterisk",
            f"{python} {_shown_path(commands.EXAMPLES.parent / 'tests' / 'demo' / 'recount.py')} {shlex.quote(str(self._context.folder))}",
        ):
            print(f"  {line}")


def _shown_path(path: Path) -> str:
    """Relative to where the user is, if it lies below."""
    relative = os.path.relpath(path)
    return shlex.quote(str(path) if relative.startswith("..") else relative)
