"""`ratewright bill due` on screen: each figure says what a run of the date does, in both languages."""

# ruff: noqa: RUF001 - Chinese sentences have Chinese punctuation

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING

import pytest

from billing.accounts import kinds
from billing.documents import undoing
from billing.runs.preview import preview
from server.cli import app
from tests.billing.documents.clerk import ANA, BEN, tell, who
from tests.billing.runs.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Command = Callable[[str], str]

pytestmark = pytest.mark.slow
DAY = dt.date(2025, 11, 10)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Bert closes in December, which was known before October was billed; Anna's bill of October is undone."""
    made = World(tmp_path / "home")
    for name in ("anna", "bert"):
        made.account(name)
        made.subscription(f"{name}-1", name, "shop/basic", name)
    tell(made, "bert", "closed", kinds.ClosedFact(), "2025-12-20")
    made.bill("2025-11-01")
    for by in (ANA, BEN):
        undoing.undo(made.home, 1, "a wrong price", who(made, by), accounts=frozenset({"anna"}))
    made.begun(DAY)
    yield made
    made.home.close()


@pytest.fixture
def call(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.setenv("RATEWRIGHT_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("server.clock.machine_now_us", world.tick)

    def run(words: str) -> str:
        assert app.main(["bill", "due", *words.split()]) == 0
        return capsys.readouterr().out

    return run


def test_who_is_computed_again_need_not_be_billed_again(world: World, call: Command) -> None:
    """A run computes an account with a closing again whenever its date is made again: nothing of Bert's differs."""
    assert set(preview(world.home, dt.date(2025, 11, 1), world.tick()).account_ids) == {"anna"}
    assert json.loads(call("--json"))["dates"][0]["again"] == 1
    assert call("").splitlines() == [
        "bill date   accounts  computed again  test  held  passed by  command",
        "2025-11-01         1               1     0     0          0  ratewright bill run --date 2025-11-01",
        "computed again: billed before; a run computes them once more, and bills what differs, if anything (--dry-run shows it)",
    ]


def test_the_page_of_the_home_says_for_whom_a_date_is(world: World, call: Command, capsys: pytest.CaptureFixture[str]) -> None:
    """Anna is held: the run of the date is for Bert alone, who is computed again. Once nobody is left, no date is to be run."""

    def due_today() -> tuple[str, bool]:
        assert app.main(["status", "--json"]) == 0
        (row,) = [each for each in json.loads(capsys.readouterr().out)["rows"] if each["name"] == "due today"]
        return row["says"], row["attention"]

    assert due_today() == ("to be run today: 2025-11-01 (1 account, 1 computed again)", True)
    tell(world, "anna", "hold", kinds.HoldFact("a question"), "2025-11-01", "2025-12-01")
    assert call("").splitlines()[1].split()[:6] == ["2025-11-01", "0", "1", "0", "1", "0"]
    assert due_today() == ("to be run today: 2025-11-01 (1 computed again)", True)
    tell(world, "bert", "hold", kinds.HoldFact("a question"), "2025-11-01", "2025-12-01")
    assert "none: a run would bill no account" in call("")
    assert due_today() == ("no bill date is to be run today; a run would bill no account: 2025-11-01", False)


def test_in_chinese(world: World, call: Command) -> None:
    assert call("--language zh").splitlines() == [
        "出账日      账户数  重新计算  测试  暂停  跳过  命令",
        "2025-11-01       1         1     0     0     0  ratewright bill run --date 2025-11-01",
        "重新计算：已出账的账户再计算一次，如有差异才出账（用 --dry-run 查看）",
    ]
    world.bill("2025-11-01")
    assert call("") == "no bill date is to be run today\n"
    assert call("--language zh") == "今天没有要出账的日期\n"


def test_a_date_without_a_command_says_why(world: World, call: Command) -> None:
    tell(world, "anna", "hold", kinds.HoldFact("a dispute"), "2025-11-01", "2025-12-01")
    world.account("dora", timezone="Pacific/Honolulu")
    world.subscription("dora-1", "dora", "shop/basic", "1004")
    world.now_us += 20 * 86_400_000_000 + 17 * 3_600_000_000  # 1 December in Shanghai, 30 November in Honolulu
    waits = "wait: it has not begun for 1 account on the clock of Pacific/Honolulu; others: --accounts A,B"
    assert call("").splitlines()[2].endswith(waits)
    told = call("--language zh").splitlines()
    assert told[2].endswith("等待：Pacific/Honolulu 时间尚未到该日，涉及 1 个账户；其他账户：--accounts A,B")
