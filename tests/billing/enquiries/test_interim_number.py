"""`accounts number take` and `give` name the interim bills that have usage of the number.

One call of ten minutes on 5 November (1.00, Anna's) is on an interim bill of 12 November.
"""

from __future__ import annotations

import datetime as dt
import shlex
from typing import TYPE_CHECKING

import pytest

from server.cli import app
from tests.billing.documents.test_interim_moved import Interims
from tests.billing.too_late.late_world import NUMBERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
HERS = NUMBERS["anna"]


@pytest.fixture
def history(tmp_path: Path) -> Iterator[Interims]:
    made = Interims(tmp_path)
    made.all("runs 2025-11 2025-11\n2025-11-10 call anna 2025-11-05 10\n2025-11-12 interim")
    made.world.begun(dt.date(2025, 11, 13))
    yield made
    made.world.home.close()


@pytest.fixture
def call(history: Interims, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[str]]:
    monkeypatch.setenv("RATEWRIGHT_HOME", str(history.world.home.path))
    monkeypatch.setattr("server.clock.machine_now_us", history.world.tick)

    def run(words: str) -> list[str]:
        assert app.main(["accounts", "number", *shlex.split(words)]) == 0
        return [line.strip() for line in capsys.readouterr().out.splitlines()]

    return run


def test_both_commands_name_the_interim_bill(history: Interims, call: Callable[[str], list[str]]) -> None:
    told = f"interim bill {november(history)} of anna has usage of {HERS} from then on: it stays there until a run of anna takes it off"
    assert call(f"take {HERS} anna-1 --on 2025-11-02 --dry-run")[-1] == told
    assert call(f"take {HERS} anna-1 --on 2025-11-02")[-1] == told
    assert call(f"give {HERS} bert-1 --from 2025-11-02 --quarantine-days 0 --dry-run")[-1] == told
    assert "interim" not in " ".join(call(f"give {HERS} anna-1 --from 2025-11-02 --quarantine-days 0 --dry-run")), "her own bill"


@pytest.mark.parametrize("on", ["2025-11-06", "2025-11-05T10:00:01+08:00"])
def test_usage_from_before_is_hers(history: Interims, call: Callable[[str], list[str]], on: str) -> None:
    assert history.billed() == (100, 0)
    assert "interim" not in " ".join(call(f"take {HERS} anna-1 --on {on} --dry-run"))


def test_it_is_named_while_the_period_is_open(history: Interims, call: Callable[[str], list[str]]) -> None:
    """Runs open one period before the newest: the run of February opens December, and November no more."""
    take = f"take {HERS} anna-1 --on 2025-11-02 --dry-run"
    history.tell("runs 2025-12 2025-12")
    assert call(take)[-1].startswith(f"interim bill {november(history)} of anna has usage of {HERS}")
    history.tell("runs 2026-01 2026-01")
    assert call(take)[-1].endswith("the days before are no longer open: usage of them stays on the bill that has it")


def november(history: Interims) -> str:
    """The second bill of Anna."""
    return history.world.numbers("anna")[1]
