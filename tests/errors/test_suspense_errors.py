"""What a user reads when a decision about suspense is refused. Nothing is stored by any of these calls."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from billing.catalogue import Operator
from billing.store.home import Home
from billing.suspense import limits
from server import operator
from tests.billing.runs.world import Call, World
from tests.billing.suspense.world import ANA, NOW_US, asterisk_row, save, take_rows

if TYPE_CHECKING:
    from tests.errors.conftest import Provoke

pytestmark = pytest.mark.slow
RULES = Path(__file__).parent / "files" / "suspense"
ADD_86 = {"source": "switch", "reasons": ["UNKNOWN_SUBSCRIPTION"], "served": {"begins": "1", "add": "86"}}


@pytest.fixture
def waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Record 1 could not be read, 2 and 3 conflict, and a run refused a call; ana has saved correction 1, which she may apply."""
    monkeypatch.setattr(operator, "current", lambda: ANA)
    world = World(tmp_path / "home")
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "8613800000001")
    row = asterisk_row("u1", "8613800000001", "2025-10-05 10:00:00", 60)
    take_rows(world, tmp_path, "one.csv", "broken\n", row)
    take_rows(world, tmp_path, "two.csv", row.replace("60,60", "61,61"), row)
    world.take(Call("13800000001", "2025-10-06T10:00", 600))
    world.bill("2025-11-01")
    save(world, ADD_86)
    world.home.close()
    return tmp_path / "home"


CALLS = {
    "no_definition": (["recycle", "1"], 2),
    "nothing_chosen": (["recycle"], 2),
    "is_conflicting": (["recycle", "2"], 1),
    "no_record": (["show", "4711"], 1),
    "no_id": (["show", "seven"], 2),
    "no_conflict": (["resolve", "1"], 1),
    "keep_number": (["resolve", "2", "--keep", "2", "--note", "the switch says so"], 2),
    "keep_unknown": (["resolve", "2", "--keep", "zz", "--dry-run"], 2),
    "no_reason_to_choose": (["resolve", "2", "--keep", "abcdef12"], 2),
    "no_choice": (["take-back", "2", "--note", "it was the other one"], 1),
    "no_reason_to_take_back": (["take-back", "2"], 2),
    "no_note": (["write-off", "1"], 2),
    "own_proposal": (["approve", "1"], 1),
    "no_proposal": (["approve", "9"], 1),
    "changes_nothing": (["correct", "--source", "switch"], 1),
    "no_amount": (["limit", "much"], 2),
}


@pytest.mark.parametrize(("name", "words", "status"), [(name, *call) for name, call in CALLS.items()], ids=CALLS)
def test_what_is_refused(provoke: Provoke, waiting: Path, name: str, words: list[str], status: int) -> None:
    provoke(["usage", "suspense", *words, "--home", waiting], status=status, golden=f"suspense/{name}", unchanged=waiting)


def test_a_rule_with_six_mistakes(provoke: Provoke, waiting: Path, tmp_path: Path) -> None:
    rule = shutil.copy(RULES / "six_mistakes.yaml", tmp_path)
    provoke(["usage", "suspense", "correct", rule, "--home", waiting], status=1, golden="suspense/six_mistakes", unchanged=waiting)


def test_a_rule_whose_values_have_another_form(provoke: Provoke, waiting: Path, tmp_path: Path) -> None:
    rule = tmp_path / "forms.yaml"
    rule.write_text('source: switch\nreasons: no_zone\nserved: {strip: 0, digits: "11"}\ntime: soon\n')
    provoke(["usage", "suspense", "correct", rule, "--home", waiting], status=1, golden="suspense/forms", unchanged=waiting)


def test_above_the_limit(provoke: Provoke, waiting: Path) -> None:
    with Home.open(waiting) as home:
        limits.set_limit(home, 0, Operator("ben", 2002), NOW_US + 1_000, reason="everything takes two")
    words = ["usage", "suspense", "recycle", "--correction", "1", "--home", waiting]
    provoke(words, status=1, golden="suspense/second_person", unchanged=waiting)
