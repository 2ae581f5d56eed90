"""`ratewright accounts` imports, lists and shows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from billing.store.home import Home
from server.cli import app
from tests.billing import files

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.slow
def test_import_list_and_show(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATEWRIGHT_HOME", str(tmp_path / "home"))
    with Home.open(tmp_path / "home", create=True) as home:
        files.publish(home)
    folder = files.write(tmp_path / "in")

    assert app.main(["accounts", "import", str(folder)]) == 0
    assert [line.split() for line in capsys.readouterr().out.splitlines()[1:]] == [
        ["accounts", "2", "0", "0"],
        ["subscriptions", "2", "0", "0"],
        ["numbers", "3", "0", "0"],
    ]
    assert app.main(["accounts", "import", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["numbers_known"] == 3

    assert app.main(["accounts", "list", "--limit", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("A1       Li Wei  CNY")
    assert lines[2] == "1 more: --limit 2 shows all"
    assert app.main(["accounts", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["total"] == 2

    assert app.main(["accounts", "show", "A2"]) == 0
    text = capsys.readouterr().out
    assert "8613800000002 8613800000001" in text
    assert "mobile/smart-m" in text
    assert app.main(["accounts", "show", "A2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["account"]["billed_through"] == "2026-02-01"
