"""Lives the diary of twelve accounts: two people at the command line, in a practice home whose day is that of the page."""

from __future__ import annotations

import datetime as dt
import fnmatch
import json
import re
import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from billing.catalogue import Operator
from server import clock
from server.cli import app
from server.cli.pages.invoice import WORDS, quantity_text
from tests.diaries.month_page import Balances, Command, Day, Document, Line

if TYPE_CHECKING:
    import pytest

    from tests.diaries.month_page import Part

FOLDER: Final = Path(__file__).parent / "twelve-accounts"
CENT: Final = 10_000
OPERATORS: Final = {"ana": Operator("ana", 2001), "bob": Operator("bob", 2002)}

_CREDIT = {"deferred", "provision"}  # ledger accounts that hold credits


class Desk:
    """A place to give commands: a folder with the files of the diary, and a practice home in it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("tariffs", "accounts", "sources", "usage"):
            shutil.copytree(FOLDER / name, folder / name)
        monkeypatch.chdir(folder)
        monkeypatch.setenv("RATEWRIGHT_HOME", "practice")
        self._capsys, self._monkeypatch = capsys, monkeypatch
        self.day = dt.date.min

    def differs(self, part: Part) -> list[str]:
        """Live a part of the page; what is not as it says."""
        match part:
            case Day():
                self.begin(part.on)
                return []
            case Command():
                return self._command(part)
            case Document():
                return [f"{number}: {each}" for number in (part.number, part.twin) if number for each in self._document(number, part)]
            case Balances():
                return self._owed(part) if part.kind == "owed" else self._held(part)

    def begin(self, day: dt.date) -> None:
        """Another day: nine in the morning of Greenwich, whatever the machine says."""
        clock._moved_by_us.cache_clear()  # noqa: SLF001 -- what this process asked first
        self.day = day
        self._monkeypatch.setenv(clock.TODAY, f"{day}T09:00:00+00:00")

    def run(self, words: str, by: str = "ana", status: int = 0) -> str:
        """The output of a command, errors included."""
        self._monkeypatch.setattr("server.operator.current", lambda: OPERATORS[by])
        tokens = shlex.split(words)
        assert tokens[0] == "ratewright", words
        found = app.main(tokens[1:])
        told = self._capsys.readouterr()
        assert found == status, f"{words}\n{told.out}{told.err}"
        return told.out if status == 0 else told.out + told.err

    def json(self, words: str) -> Any:  # noqa: ANN401 -- JSON is anything
        """The JSON that a command prints."""
        return json.loads(self.run(f"ratewright {words} --json"))

    def _command(self, command: Command) -> list[str]:
        status = int(re.search(r"^error: ", command.prints, re.MULTILINE) is not None)
        printed = self.run(command.words, command.by, status)
        pattern = re.sub(r"[\[\]?*]", lambda found: f"[{found[0]}]", command.prints)
        pattern = re.sub(r"^\.\.\.\n", "*", pattern, flags=re.MULTILINE)
        return [] if fnmatch.fnmatchcase(printed, pattern) else [f"{self.day} {command.by}$ {command.words}\n{printed}"]

    def _document(self, number: str, wanted: Document) -> list[str]:
        found = self.json(f"invoice show {number} --language en")
        summary = found["summary"]
        lines = [_line(each) for each in found["lines"]]
        wrong = [f"not on the page: {line}" for line in lines if line not in wanted.lines]
        wrong += [f"not billed: {line}" for line in wanted.lines if line not in lines]
        assert len(set(lines)) == len(lines), lines
        head = (wanted.number if wanted.twin == "" else number, wanted.account, wanted.issued_on, wanted.due_on)
        shown = (summary["number"], summary["account_id"], summary["issued_on"], summary["due_on"])
        wrong += [f"{shown} is not {head}"] if shown != head else []
        sums = (summary["net_micros"] + summary["tax_micros"], summary["total_micros"], wanted.total * CENT)
        return wrong + ([f"totals {sums}"] if len(set(sums)) > 1 else [])

    def _owed(self, wanted: Balances) -> list[str]:
        found = {name.partition(":")[2]: cents for name, cents in self._balance("--customers").items() if name.startswith("receivable:")}
        return [f"{self.day}: {name} owes {found.get(name, 0)}" for name, owed in wanted.of.items() if found.get(name, 0) != owed] + [
            f"{self.day}: {name} is not on the page, and owes {found[name]}" for name in sorted(found.keys() - wanted.of.keys())
        ]

    def _held(self, wanted: Balances) -> list[str]:
        books = self.json("controls")["books"]
        assert len(books) > 10
        unbalanced = [f"{self.day}: {each['name']}" for each in books if each["left"] != each["right"]]
        self.run("ratewright ledger check")
        found = self._balance(f"--through {self.day.replace(day=1) - dt.timedelta(days=1)}")
        sums = {name: sum(cents for each, cents in found.items() if each.partition(":")[0] == name) for name in wanted.of}
        held = {name: -sums[name] if name in _CREDIT else sums[name] for name in sums}
        return unbalanced + [f"{self.day}: {name} holds {held[name]}" for name, amount in wanted.of.items() if held[name] != amount]

    def _balance(self, words: str) -> dict[str, int]:
        """Cents of each ledger account, debits less credits."""
        return {each["account"]: each["balance_micros"] // CENT for each in self.json(f"ledger balance {words}")}


def _line(line: dict[str, Any]) -> Line:
    spans = [(each["from_date"], each["to_date"]) for each in line.get("days") or ()] or [(line["period_from"], line["period_to"])]
    days = ", ".join(f"{start} .. {dt.date.fromisoformat(end) - dt.timedelta(days=1)}" for start, end in spans)
    used = ""
    if line["kind"] == "usage" and line["events"]:
        words, unit = WORDS["en"], line.get("unit", "")
        much, free = (quantity_text(line[name], line["quantity_unit"], unit, words) for name in ("quantity", "free_quantity"))
        used = f"{line['events']}, {much}" + (f", {free} free" if line["free_quantity"] else "")
    of = "" if line["kind"] == "tax" else line["subscription_id"]
    return Line(line["text"], of, days, used, line["amount_micros"] // CENT)
