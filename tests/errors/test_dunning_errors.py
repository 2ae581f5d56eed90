"""What a user reads when dunning refuses. Nothing is stored by any of these calls."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from billing import dunning
from billing.ledger.closed_months import Who
from server import operator
from tests.billing.payments.desk import ANA, Desk

if TYPE_CHECKING:
    from tests.errors.conftest import Provoke

pytestmark = pytest.mark.slow
FILES = Path(__file__).parent / "files" / "dunning"


@pytest.fixture
def dunned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Anna was reminded by run 1 and barred by run 2, which Ana asks to undo."""
    monkeypatch.setattr(operator, "current", lambda: ANA)
    desk = Desk(tmp_path / "home")
    monkeypatch.setattr("server.clock.machine_now_us", lambda: desk.act.now_us)
    desk.invoice("R-1", 30)
    for day in (dt.date(2026, 3, 1), dt.date(2026, 4, 1)):
        dunning.run(desk.home, day, desk.act.now_us, by=ANA)
    dunning.undo(desk.home, 2, "wrong date", Who(ANA.name, ANA.uid, desk.act.now_us))
    desk.home.close()
    return tmp_path / "home"


CALLS = {
    "before_the_last_run": (["run", "--date", "2026-03-31"], 1),
    "undo_older": (["undo", "--run", "1", "--reason", "wrong"], 1),
    "undo_unknown": (["undo", "--run", "3", "--reason", "wrong"], 1),
    "undo_own": (["undo", "--run", "2", "--reason", "wrong"], 1),
    "undo_without_reason": (["undo", "--run", "2", "--reason", " "], 2),
    "nobody": (["show", "eve", "--date", "2026-04-01"], 1),
}


@pytest.mark.parametrize(("name", "words", "status"), [(name, *call) for name, call in CALLS.items()], ids=CALLS)
def test_what_is_refused(provoke: Provoke, dunned: Path, name: str, words: list[str], status: int) -> None:
    provoke(["dunning", *words, "--home", dunned], status=status, golden=f"dunning/{name}", unchanged=dunned)


@pytest.mark.parametrize("command", ["check", "add"])
def test_a_policy_with_mistakes(provoke: Provoke, dunned: Path, tmp_path: Path, command: str) -> None:
    file = Path(shutil.copy(FILES / "wrong.yaml", tmp_path))
    words = ["dunning", "policy", command, file, *(["--home", dunned] if command == "add" else [])]
    provoke(words, status=1, golden="dunning/policy", unchanged=dunned)


def test_no_policy(provoke: Provoke, tmp_path: Path) -> None:
    provoke(["dunning", "policy", "check", tmp_path / "none.yaml"], status=2, golden="dunning/no_policy")
