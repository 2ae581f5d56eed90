"""Commands of dunning, in a home and by a service: both print the same.

Anna owes 11.55 and berta 10.60 since 15 November 2025: both are reminded 3 days past due, and barred 30 days past due, 14 days after that.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from rating.dates import DAY_US
from tests.server.access.conftest import NOW_US
from tests.server.cli.remote.persons import Persons, two_homes
from tests.server.grpc.finance.conftest import bill_two

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
DECEMBER, RUN = ("--date", "2025-12-01"), ("dunning", "run", "--date", "2025-12-01")
POLICY = """name: stern
steps:
- {level: 1, action: remind, days_past_due: 1}
- {level: 2, action: bar_outgoing, days_past_due: 9, amount_min: "5.00", after: 1, days_after: 7}
"""


@pytest.fixture
def owing(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Persons]:
    """It is the end of December."""
    with two_homes(tmp_path, capsys, monkeypatch, bill_two, now_us=NOW_US + 48 * DAY_US) as made:
        yield made


def test_runs_are_previewed_taken_and_undone_by_two(owing: Persons) -> None:
    owing("dunning", "preview", *DECEMBER)
    assert [each["action"] for each in json.loads(owing("dunning", "preview", *DECEMBER, "--json"))] == ["remind", "remind"]
    assert "a run would refuse: " in owing("dunning", "preview", "--date", "2026-05-01", status=1)
    assert "remedy: " in owing("dunning", "run", "--date", "2026-05-01", status=1)
    assert owing("dunning", "list") == "dunning has taken no steps\n"
    assert owing(*RUN).startswith("run 1 of 2025-12-01\n")
    assert owing(*RUN) == "no account changes its state\n"
    second = json.loads(owing("dunning", "run", "--date", "2025-12-20", "--json"))
    assert [(each["account_id"], each["action"], each["run_id"]) for each in second] == [
        ("anna", "bar_outgoing", 2),
        ("berta", "bar_outgoing", 2),
    ]
    undo = ("dunning", "undo", "--run", "2", "--reason")
    assert owing(*undo, "wrong date", "--dry-run").endswith("only tried: nothing was stored\n")
    assert json.loads(owing(*undo, "wrong date", "--json"))["waits"] is True
    assert "counts; boss asks to undo it  wrong date" in owing("dunning", "list")
    owing("dunning", "list", "--json")
    assert "barred" in owing("dunning", "show", "anna", "--date", "2025-12-20")
    with owing.acting("the-approver"):
        owing(*undo, "so it is", "--dry-run", "--json")
        assert owing(*undo, "so it is").endswith("run 2 of 2025-12-20 is undone; boss had asked for it\n")
        assert owing(*undo, "again") == "run 2 of 2025-12-20 was undone before; nothing changed\n", "an approver, who may not ask"
        assert "undoing a run needs a reason" in owing(*undo, " ", status=2)
    again = owing("dunning", "undo", "--run", "2", "--reason", "again", "--json")
    assert (json.loads(again)["existed"], json.loads(again)["reason"]) == (True, "so it is")
    assert "undone by boss and the-approver" in owing("dunning", "list")
    told = json.loads(owing("dunning", "list", "--json"))[1]
    assert (told["undone_by"], told["asked_reason"], told["asked_by_uid"]) == ("the-approver", "wrong date", owing.current().uid)
    for words in ((), ("--language", "zh"), ("--json",)):
        owing("dunning", "show", "anna", "--date", "2025-12-20", *words)
    shown = json.loads(owing("dunning", "show", "berta", "--json"))
    assert (shown["as_of"], [each["undone"] for each in shown["steps"]]) == ("2025-12-31", [False, True])
    for number in ("9", "-1"):
        assert f"there is no dunning run {number}" in owing("dunning", "undo", "--run", number, "--reason", "x", status=1)
    assert "no account has the id nobody" in owing("dunning", "show", "nobody", status=1)


def test_four_eyes_over_both_ways(owing: Persons) -> None:
    """Asked for by the service, agreed to in its home, and the other way round; nobody agrees to their own."""
    undo = ("dunning", "undo", "--run", "1", "--reason", "wrong date")
    owing.there(*RUN)
    owing.there(*undo)
    assert "boss has asked for run 1 to be undone, and cannot agree to it" in owing.behind(*undo, status=1)
    told = owing.there(*undo, status=1)
    assert told == owing.behind(*undo, status=1), "asked before, as in the home"
    assert "has asked for run 1 to be undone, and cannot agree to it\n  remedy: another person has to give the same command" in told
    with owing.acting("the-finance"):
        told = owing.there(*undo, status=1)
        assert "boss has asked for run 1 to be undone\n  remedy: another person has to agree to it" in told
        assert "needs the role" not in told
    with owing.acting("the-operator"):
        assert "ApproveDunningUndo needs the role approver" in owing.there(*undo, status=1)
    with owing.acting("chief"):
        assert "boss had asked for it" in owing.behind(*undo)
        owing.behind(*RUN)
        owing.behind("dunning", "undo", "--run", "2", "--reason", "again")
    with owing.acting("the-approver"):
        assert "run 2 of 2025-12-01 is undone; chief had asked for it" in owing.there("dunning", "undo", "--run", "2", "--reason", "yes")


def test_policies(owing: Persons, tmp_path: Path) -> None:
    file = tmp_path / "stern.yaml"
    file.write_text(POLICY, encoding="utf-8")
    for words in ((), ("--json",)):
        told = owing.run("dunning", "policy", "check", file, *words)
        assert owing.there("dunning", "policy", "check", file, *words) == told
    assert "  2 bar_outgoing: 9 days past due, 5.00 or more, 7 days after level 1\n" in owing.run("dunning", "policy", "check", file)
    add = ("dunning", "policy", "add", file)
    assert owing(*add, "--dry-run").endswith("only tried: nothing was stored\n")
    assert json.loads(owing(*add, "--json"))["added"]["policy"]["steps"][1]["after"] == 1
    assert "says so already" in owing(*add)
    file.write_text(POLICY.replace("amount_min", "amount_max").replace("level: 1,", "level: 0,"), encoding="utf-8")
    assert "3 mistakes found" in owing(*add, status=1)
    file.write_text("name: stern\nsteps: []\n", encoding="utf-8")
    assert "doubtful: it has no steps" in owing(*add)
    assert [line.split()[0] for line in owing("dunning", "policy", "list").splitlines()] == ["policy", "standard", "stern", "stern"]
    owing("dunning", "policy", "list", "--json")
    assert "does not exist" in owing(*add[:-1], tmp_path / "none.yaml", status=2)
