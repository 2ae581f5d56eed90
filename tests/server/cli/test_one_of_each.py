"""Outputs about one thing alone have its noun in the singular."""

# ruff: noqa: RUF001 - Chinese sentences have Chinese punctuation

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from server.cli import app
from server.cli.pages import plan_sheet
from tests.billing.runs.world import Call, World, shop

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.slow
def test_one_record_one_event(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    world = World(tmp_path / "home")
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/plus", "1001")
    world.take(Call("1001", "2025-10-05T10:00:00", 60))
    world.bill("2025-11-01")
    world.home.close()
    monkeypatch.setenv("RATEWRIGHT_HOME", str(tmp_path / "home"))
    assert app.main(["bill", "verify"]) == 0
    assert "run 1: 1 of 1 event priced again, 0 differ\n" in capsys.readouterr().out
    for language, told in (("en", "1 record is in {}\n"), ("zh", "共 1 条记录，已写入 {}\n")):
        file = tmp_path / f"{language}.csv"
        assert app.main(["invoice", "usage", "R-0000000001", "--csv", str(file), "--language", language]) == 0
        assert capsys.readouterr().out.endswith(told.format(file))


def test_one_rule() -> None:
    catalogue = shop()
    plan = msgspec.structs.replace(catalogue.plans[0], rules=catalogue.plans[0].rules[:1])
    assert plan_sheet.lines(catalogue, plan)[0] == "plan shop/basic, Basic: 1 rule"
