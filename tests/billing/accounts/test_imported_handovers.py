"""An import brings no handover whose days do not meet, and no second next owner.

S1 of anna and S2 of bert have plan basic, 10.00 a month of 31 days. S2 begins on 10 October: anna has 9 days (2.90), bert 22 (7.10).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing import accounts, controls
from billing.accounts import lifecycle
from billing.accounts.exporting import export_files
from billing.accounts.importing import handed_over
from billing.controls import traces
from rating.errors import ProblemsError
from tests.billing.accounts.operator_home import day
from tests.billing.accounts.test_handed_over import asked, fees, import_rows
from tests.billing.runs.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
FIRST = {"subscription_id": "S1", "account_id": "anna", "plan": "shop/basic", "from_date": "2025-10-01"}
SECOND = {"subscription_id": "S2", "account_id": "bert", "plan": "shop/basic", "from_date": "2025-10-10", "transferred_from": "S1"}
TAKE_BACK = "where the handover is a mistake: `ratewright accounts untransfer S2 --reason ...`"


@pytest.fixture
def shared(world: World) -> Iterator[World]:
    for name in ("anna", "bert", "carl"):
        world.account(name)
    yield world
    world.bill("2025-11-01")
    assert [each.name for each in controls.books(world.home) if not each.ok] == []


def end(on: str) -> dict[str, object]:
    return {"subscription_id": "S1", "kind": "end", "from_date": on, "detail": {"reason": "moves"}}


def refused(world: World, folder: Path, **rows: list[dict[str, object]]) -> tuple[str, str, str, str]:
    """The one mistake of an import: its file, place, text and remedy."""
    with pytest.raises(ProblemsError) as caught:
        import_rows(world, folder / "refused.json", **rows)
    (problem,) = caught.value.problems
    return problem.file, problem.path, problem.message, problem.remedy


@pytest.mark.parametrize("on", ["2025-10-20", "2025-10-05"])
@pytest.mark.parametrize("way", ["columns", "fact", "later"])
def test_days_that_do_not_meet_are_a_mistake(shared: World, tmp_path: Path, way: str, on: str) -> None:
    """To 20 October ten days would be billed twice, to 5 October five to nobody: in one file, and in a later one."""
    message, remedy = f"S1 has another owner from 2025-10-10 on, as S2, and ends on {on}", "let S2 begin on the day on which S1 ends, or "
    move = "correct S1"
    rows: dict[str, list[dict[str, object]]] = {"subscriptions": [FIRST, SECOND]}
    match way:
        case "columns":
            rows["subscriptions"] = [FIRST | {"to_date": on}, SECOND]
        case "fact":
            rows["subscription_facts"] = [end(on)]
        case _:
            import_rows(shared, tmp_path / "a.json", subscriptions=[FIRST | {"to_date": on}])
            rows["subscriptions"] = [SECOND]
            move = "move the end of S1 first: `ratewright accounts end S1 --on 2025-10-10`"
    where = f"subscriptions[{len(rows['subscriptions']) - 1}], from_date"
    assert refused(shared, tmp_path, **rows)[1:] == (where, message, remedy + move)
    if way == "later":  # the remedy works
        lifecycle.end(shared.home, asked(shared), "S1", day("2025-10-10"), "moves")
        import_rows(shared, tmp_path / "b.json", subscriptions=[SECOND])
        shared.bill("2025-11-01")
        assert (fees(shared, "anna"), fees(shared, "bert")) == ([("2025-10-01", 290)], [("2025-10-01", 710)])


@pytest.mark.parametrize(("way", "where"), [("columns", "subscriptions[0], to_date"), ("fact", "subscription_facts[0], from_date")])
def test_an_end_of_one_that_was_handed_over_is_a_mistake_of_its_line(shared: World, tmp_path: Path, way: str, where: str) -> None:
    import_rows(shared, tmp_path / "a.json", subscriptions=[FIRST, SECOND])
    rows = {"subscriptions": [FIRST | {"to_date": "2025-10-20"}]} if way == "columns" else {"subscription_facts": [end("2025-10-20")]}
    message = "S1 has another owner from 2025-10-10 on, as S2, and ends on 2025-10-20"
    assert refused(shared, tmp_path, **rows)[1:] == (where, message, f"let it end on 2025-10-10, end S2, or {TAKE_BACK}")


@pytest.mark.parametrize("way", ["one file", "later"])
def test_a_second_next_owner_is_a_mistake(shared: World, tmp_path: Path, way: str) -> None:
    """Carl would be billed for the days of bert."""
    first, third = FIRST | {"to_date": "2025-10-10"}, SECOND | {"subscription_id": "S3", "account_id": "carl"}
    rows = [first, SECOND, third]
    if way == "later":
        import_rows(shared, tmp_path / "a.json", subscriptions=[first, SECOND])
        rows = [third]
    told = refused(shared, tmp_path, subscriptions=rows)
    assert told[1:3] == (f"subscriptions[{len(rows) - 1}], transferred_from", "S1 has another owner from 2025-10-10 on already, as S2")
    assert told[3] == "name S2 where that was handed on" + (f"; {TAKE_BACK}" if way == "later" else "")


def test_an_unknown_account_leads_to_no_other_mistake(shared: World, tmp_path: Path) -> None:
    """The row before is not stored: the rows behind it keep their owners."""
    rows: list[dict[str, object]] = [
        FIRST | {"subscription_id": "S0", "account_id": "nobody", "to_date": "2025-10-10"},
        FIRST | {"to_date": "2025-10-10"},
        FIRST | {"subscription_id": "S4", "to_date": "2025-10-20"},
        SECOND,
    ]
    assert refused(shared, tmp_path, subscriptions=rows)[2] == "account nobody is unknown"


def test_an_end_that_moved_before_the_handover_is_exported_and_imported(shared: World, tmp_path: Path) -> None:
    """The column says 20 October, as it came; the fact beside it says the 10th: the days meet."""
    import_rows(shared, tmp_path / "a.json", subscriptions=[FIRST | {"to_date": "2025-10-20"}])
    lifecycle.transfer(shared.home, asked(shared), "S1", "bert", day("2025-10-10"), "S2")
    export_files(shared.home, tmp_path / "one", "json")
    other = World(tmp_path / "other")
    accounts.import_files(other.home, tmp_path / "one" / "accounts.json", other.tick())
    export_files(other.home, tmp_path / "two", "json")
    other.home.close()
    assert (tmp_path / "two" / "accounts.json").read_bytes() == (tmp_path / "one" / "accounts.json").read_bytes()


def test_the_check_of_a_home_names_those_of_before(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They came in when no import looked: S2 begins ten days before S1 ends, and S3 has the owner before of S2."""
    for name in ("anna", "bert", "carl"):
        world.account(name)
    monkeypatch.setattr(handed_over, "pairs", lambda *_: [])
    third = SECOND | {"subscription_id": "S3", "account_id": "carl"}
    import_rows(world, tmp_path / "a.json", subscriptions=[FIRST | {"to_date": "2025-10-20"}, SECOND, third])
    assert [each.what for each in traces.findings(world.home)] == [
        "1 subscriptions begin on another day than that on which the one of the owner before ends, by subscription_id: 'S2'",
        "1 subscriptions name an owner before whose subscription another one has since, by subscription_id: 'S3'",
    ]
    monkeypatch.undo()
    lifecycle.end(world.home, asked(world), "S1", day("2025-10-10"), "moves")
    assert len(traces.findings(world.home)) == 1
