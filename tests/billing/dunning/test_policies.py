"""Policies: how they are written, all mistakes at once; which one holds in a home; that steps keep what theirs said."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from billing import dunning, dunning_policy
from billing.accounts.importing.whole import import_files
from billing.controls import books
from billing.dunning_policy import Action, Policy, Step, package_policies, read_policy
from billing.store import copying
from billing.store.home import Home
from rating.errors import ProblemsError, UserError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.billing.runs.world import World

ANA = ("ana", 2001)
STEP = "- {level: 1, action: remind, days_past_due: 3"


def test_the_policy_that_is_shipped_bars_nobody_without_a_reminder() -> None:
    policy = package_policies()["standard"]
    assert policy == Policy(
        "standard",
        (
            Step(1, Action.REMIND, 3, "1.00"),
            Step(2, Action.BAR_OUTGOING, 30, "10.00", after=Action.REMIND, days_after=14),
        ),
    )
    assert dunning_policy.doubts(policy) == []
    assert len(dunning_policy.doubts(Policy("x", (Step(1, Action.BAR_OUTGOING, 3),)))) == 1


# The text of a file after `name: x` and `steps:`, and where it is wrong.
WRONG = {
    "- {level: 1, action: shout, days_past_due: 3}": ["steps[0].action"],
    STEP + ", colour: red}": ["steps[0].colour"],
    STEP + ", amount_min: '1,0'}": ["steps[0].amount_min"],
    STEP + ", amount_min: 1.00}": ["steps[0].amount_min"],
    STEP + ", amount_min: '-1.00'}": ["steps[0].amount_min"],
    STEP + ", level: 1}": ["steps[0].level"],
    "- {level: 0, action: remind, days_past_due: 0}": ["steps[0].level", "steps[0].days_past_due"],
    "- {level: 2, action: remind, days_past_due: 3}\n- {level: 1, action: remind, days_past_due: 9}": ["steps[1].level"],
    "- remind": ["steps[0]"],
    "- {action: remind}": ["steps[0].level", "steps[0].days_past_due"],
    STEP + ", after: remind, days_after: 3}": ["steps[0].after"],
    STEP + "}\n- {level: 100, action: remind, days_past_due: 4000000}": ["steps[1].level", "steps[1].days_past_due"],
    STEP + "}\n- {level: 2, action: remind, days_past_due: 9, after: 1, days_after: 9999999}": [
        "steps[1].days_after",
        "steps[1].days_after",
    ],
    STEP + "}\n- {level: 2, action: bar_outgoing, days_past_due: 9, after: 1}": ["steps[1].days_after"],
    STEP + "}\n- {level: 2, action: bar_outgoing, days_past_due: 9, days_after: 4}": ["steps[1].after"],
    STEP + "}\n- {level: 2, action: bar_outgoing, days_past_due: 9, after: 2, days_after: 4}": ["steps[1].after"],
    STEP + "}\n- {level: 2, action: bar_outgoing, days_past_due: 9, after: shout, days_after: 0}": [
        "steps[1].after",
        "steps[1].days_after",
    ],
    "- [": ["document"],
}


@pytest.mark.parametrize(("text", "places"), WRONG.items())
def test_all_mistakes_are_told_with_file_and_place(tmp_path: Path, text: str, places: list[str]) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(f"name: x\nsteps:\n{text}\n", encoding="utf-8")
    with pytest.raises(ProblemsError) as caught:
        read_policy(path)
    assert [(each.file, each.path) for each in caught.value.problems] == [(str(path), place) for place in places]
    assert all(each.message and each.remedy for each in caught.value.problems)


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("name: x\nname: y\nsteps: []\n", ["name"]),
        ("name: X Y\nsteps: []\nlevels: []\n", ["levels", "name"]),
        ("steps: 3\n", ["name", "steps"]),
        ("", ["document"]),
        ("- remind\n", ["document"]),
        ("name: \ud83d", ["document"]),
    ],
)
def test_mistakes_of_the_file_itself(tmp_path: Path, text: str, places: list[str]) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(ProblemsError) as caught:
        read_policy(path)
    assert [each.path for each in caught.value.problems] == places
    assert not any("tariff" in each.remedy or "identity" in each.remedy for each in caught.value.problems)


def test_a_policy_may_refer_to_a_level_and_has_a_hash_of_what_it_says(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(
        f"name: x\nsteps:\n{STEP}}}\n- {{level: 2, action: remind, days_past_due: 9, after: 1, days_after: 4}}\n", encoding="utf-8"
    )
    policy = read_policy(path)
    assert policy.steps[1].after == 1
    path.write_text(path.read_text(encoding="utf-8") + "# a word\n", encoding="utf-8")
    assert dunning_policy.hash_of(read_policy(path)) == dunning_policy.hash_of(policy)
    with_default = path.read_text(encoding="utf-8").replace("days_past_due: 9", 'days_past_due: 9, amount_min: "0.01"')
    assert dunning_policy.hash_of(dunning_policy.parse_policy(with_default.encode(), "x")) == dunning_policy.hash_of(policy)
    path.write_text(path.read_text(encoding="utf-8").replace("days_after: 4", "days_after: 5"), encoding="utf-8")
    assert dunning_policy.hash_of(read_policy(path)) != dunning_policy.hash_of(policy)


@pytest.mark.parametrize("what", ["nothing", "folder"])
def test_what_is_no_file_is_refused(tmp_path: Path, what: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match="does not exist" if what == "nothing" else "cannot be read: it is a folder"):
        read_policy(tmp_path / what)


def policy_of(days: int, name: str = "standard") -> Policy:
    return Policy(name, (Step(1, Action.REMIND, days),))


def test_of_a_name_the_policy_added_last_holds_and_the_older_ones_are_kept(world: World) -> None:
    tried = dunning_policy.add(world.home, policy_of(5), ANA, world.tick(), dry_run=True)
    assert (tried.existed, tried.replaces) == (False, dunning_policy.hash_of(package_policies()["standard"]))
    assert not dunning_policy.add(world.home, policy_of(5), ANA, world.tick()).existed
    assert dunning_policy.add(world.home, policy_of(5), ANA, world.tick()).existed
    dunning_policy.add(world.home, policy_of(6), ANA, world.tick())
    dunning_policy.add(world.home, policy_of(5), ANA, world.tick())
    dunning_policy.add(world.home, policy_of(1, "stern"), ANA, world.tick())
    with world.home.connect() as connection:
        assert dunning_policy.policies(connection) == {"standard": policy_of(5), "stern": policy_of(1, "stern")}
        kept = dunning_policy.kept(connection)
    told = [(each.policy.name, each.policy.steps[0].days_past_due, each.origin, each.holds) for each in kept]
    assert told == [
        ("standard", 5, "home", False),
        ("standard", 6, "home", False),
        ("standard", 5, "home", True),
        ("standard", 3, "package", False),
        ("stern", 1, "home", True),
    ]


def test_steps_keep_the_policy_they_were_taken_by(world: World, tmp_path: Path) -> None:
    """By the program's own policy, then by one of the home: both contents are in the database, and go with a copy of it."""
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001")
    world.bill("2025-11-01")
    dunning.run(world.home, dt.date(2025, 11, 20), world.begun(dt.date(2025, 11, 20)))
    stern = Policy("standard", (Step(1, Action.REMIND, 3), Step(2, Action.BAR_OUTGOING, 5)))
    dunning_policy.add(world.home, stern, ANA, world.tick())
    dunning.run(world.home, dt.date(2025, 11, 21), world.begun(dt.date(2025, 11, 21)))
    copying.copy(world.home, tmp_path / "copy", None)
    for home in (world.home, Home.open(tmp_path / "copy")):
        steps = dunning.history(home, "anna", dt.date(2025, 11, 21)).steps
        assert [each.policy_hash for each in steps] == [dunning_policy.hash_of(each) for each in (package_policies()["standard"], stern)]
        assert [book.name for book in books(home) if not book.ok] == []
        with home.connect() as connection:
            assert {each.policy_hash: each.policy for each in dunning_policy.kept(connection)}[steps[1].policy_hash] == stern
    home.close()
    world.execute("UPDATE dunning_policies SET document = replace(document, '\"days_past_due\":5', '\"days_past_due\":9')")
    with pytest.raises(UserError, match="is not what was written"):
        dunning.history(world.home, "anna", dt.date(2025, 11, 21))


def test_accounts_name_policies_of_their_home_alone(world: World, tmp_path: Path) -> None:
    rows = "account_id,name,currency,timezone,bill_day,language,opened_on,billed_through,dunning_policy,payment_days\n"
    (tmp_path / "accounts.csv").write_text(f"{rows}N-1,New,CNY,Asia/Shanghai,1,en,2026-05-01,,stern,14\n", encoding="utf-8")
    (tmp_path / "subscriptions.csv").write_text("subscription_id,account_id,plan,from_date,to_date\n", encoding="utf-8")
    (tmp_path / "numbers.csv").write_text("served_id,subscription_id,from,to\n", encoding="utf-8")
    with pytest.raises(ProblemsError) as caught:
        import_files(world.home, tmp_path, world.tick())
    (problem,) = caught.value.problems
    assert (problem.message, problem.remedy) == (
        "there is no dunning policy stern",
        "known policies: standard; `ratewright dunning policy add FILE` adds another",
    )
    dunning_policy.add(world.home, policy_of(1, "stern"), ANA, world.tick())
    assert import_files(world.home, tmp_path, world.tick()).accounts_added == 1
    with world.home.connect() as connection:
        assert connection.exec_driver_sql("SELECT dunning_policy FROM accounts").scalars().all() == ["stern"]
