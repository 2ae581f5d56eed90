"""A handover that is taken back: it changes no bill, no export and no number, and its history stays.

S1 of anna has plan basic, 10.00 a month, from 1 October 2025 on, and the number ...01 (another one, ...02, from 1 December on). It is
handed over to bert from 10 November on, as S2.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from billing import accounts, controls, invoicing
from billing.accounts import agreements, kinds, lifecycle, lookup, numbers
from billing.accounts.exporting import export_files
from billing.accounts.handovers import taking_back
from billing.accounts.recording import Asked
from billing.catalogue import Operator
from billing.documents import adjusting, voiding
from billing.persons import Who
from billing.runs import cycle
from rating.errors import ProblemsError, UserError
from tests.billing.accounts.operator_home import day
from tests.billing.accounts.test_handed_over import import_rows
from tests.billing.runs.world import Call, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from billing.accounts.recording import Done

pytestmark = pytest.mark.slow

ONE, TWO, NEW = "8613800000001", "8613800000002", "8613800000003"
ON = day("2025-11-10")
CALLS = [Call(ONE, f"{on}T10:00:00", 30 * 60) for on in ("2025-11-05", "2025-11-12", "2025-12-03")]


@pytest.fixture
def shared(world: World) -> World:
    for name in ("anna", "bert", "carl"):
        world.account(name)
    live(world)
    return world


@pytest.fixture
def another(tmp_path: Path) -> Iterator[Callable[[str], World]]:
    """Make further homes, and close them."""
    with contextlib.ExitStack() as stack:

        def make(name: str) -> World:
            made = World(tmp_path / name)
            stack.callback(made.home.close)
            return made

        yield make


def live(world: World) -> None:
    """S1 and its numbers."""
    lifecycle.activate(world.home, asked(world), lifecycle.Activation("S1", "anna", "shop/basic", day("2025-10-01"), (ONE,)))
    numbers.give(world.home, asked(world), TWO, "S1", day("2025-12-01"), 0)


def asked(world: World) -> Asked:
    return Asked(Operator("ann", 1001), world.tick())


def transfer(world: World, **other: str) -> Done:
    told = {"of": "S1", "to": "bert", "new": "S2"} | other
    return lifecycle.transfer(world.home, asked(world), told["of"], told["to"], ON, told["new"])


def take_back(world: World, new: str = "S2") -> tuple[str, ...]:
    """Take a handover back, and see that a rehearsal says the same."""
    rehearsed = taking_back.untransfer(world.home, asked(world)._replace(dry_run=True), new, "a mistake")
    done = taking_back.untransfer(world.home, asked(world), new, "a mistake")
    assert rehearsed.said == done.said
    return done.said


def bills(world: World) -> list[tuple[object, ...]]:
    """Every document with all of its lines."""
    found = []
    for listed in invoicing.list_invoices(world.home):
        document = invoicing.get_invoice(world.home, listed.number)
        lines = [(line.kind, line.text, line.period_from, line.period_to, line.events, line.amount_micros) for line in document.lines]
        found.append((listed.number, listed.account_id, listed.issued_on, listed.due_on, *lines))
    return found


def exported(world: World, folder: Path) -> bytes:
    export_files(world.home, folder, "json")
    return (folder / "accounts.json").read_bytes()


def spans(world: World, account: str, name: str) -> list[tuple[str, str, str | None]]:
    """The numbers of a subscription, with the first and the last instant, as days of Shanghai where they are midnights."""
    shown = next(each for each in lookup.show_account(world.home, account).subscriptions if each.subscription_id == name)
    return [(span.served_id, when(span.from_us), None if span.to_us is None else when(span.to_us)) for span in shown.spans]


def when(instant_us: int) -> str:
    return numbers.local_time(instant_us, "Asia/Shanghai").isoformat(timespec="minutes").removesuffix("T00:00+08:00")


def wrong(world: World) -> list[str]:
    return [each.name for each in controls.books(world.home) if not each.ok]


# What is recorded before the handover, and what bert does with S2 before it is taken back.
BEFORE: dict[str, Callable[[World], object]] = {
    "nothing": lambda _: None,
    "an end": lambda world: lifecycle.end(world.home, asked(world), "S1", day("2025-12-20"), "moves"),
    "an end undone": lambda world: (
        lifecycle.end(world.home, asked(world), "S1", day("2025-12-20"), "moves"),
        lifecycle.revive(world.home, asked(world), "S1", "stays"),
    ),
    "an end on the day, moved": lambda world: (
        lifecycle.end(world.home, asked(world), "S1", ON, "moves"),
        lifecycle.end(world.home, asked(world), "S1", day("2025-12-20"), "later"),
    ),
    "another plan ahead": lambda world: lifecycle.change_plan(world.home, asked(world), "S1", "shop/plus", day("2025-12-05")),
}
MEANWHILE: dict[str, Callable[[World], object]] = {
    "nothing": lambda _: None,
    "an end": lambda world: lifecycle.end(world.home, asked(world), "S2", day("2025-11-20"), "moves"),
    "a closing": lambda world: agreements.close(world.home, asked(world), "bert", day("2025-11-20"), "moves"),
    "another plan": lambda world: lifecycle.change_plan(world.home, asked(world), "S2", "shop/plus", day("2025-11-15")),
    "a pause": lambda world: lifecycle.pause(world.home, asked(world), "S2", day("2025-11-15"), None, "abroad"),
    "a discount": lambda world: agreements.agree_for(
        world.home, asked(world), "S2", "discount", ON, None, kinds.DiscountFact("loyal", 500_000)
    ),
    "a payer": lambda world: agreements.agree_for(
        world.home, asked(world), "S2", "payer", day("2025-12-01"), None, kinds.PayerFact("carl")
    ),
    "a number": lambda world: numbers.give(world.home, asked(world), NEW, "S2", day("2025-11-15"), 0),
}


@pytest.mark.parametrize(
    ("before", "meanwhile"), [*((each, "nothing") for each in BEFORE), *(("nothing", each) for each in MEANWHILE if each != "nothing")]
)
def test_it_changes_no_bill_and_no_export(
    shared: World, another: Callable[[str], World], tmp_path: Path, before: str, meanwhile: str
) -> None:
    """The same life with it and without: every line of three months, and the export, are the same; imported elsewhere too."""
    plain = another("plain")
    for name in ("anna", "bert", "carl"):
        plain.account(name)
    live(plain)
    for each in (plain, shared):
        BEFORE[before](each)
    transfer(shared)
    MEANWHILE[meanwhile](shared)
    take_back(shared)
    if meanwhile == "a closing":
        agreements.close(plain.home, asked(plain), "bert", day("2025-11-20"), "moves")
    told = exported(plain, tmp_path / "one")
    assert exported(shared, tmp_path / "two") == told
    elsewhere = another("elsewhere")
    accounts.import_files(elsewhere.home, tmp_path / "two" / "accounts.json", elsewhere.tick())
    assert exported(elsewhere, tmp_path / "three") == told
    for each in (plain, shared, elsewhere):
        each.take(*CALLS)
        for date in ("2025-11-01", "2025-12-01", "2026-01-01"):
            each.bill(date)
    assert len(bills(plain)) >= 3
    assert bills(shared) == bills(plain) == bills(elsewhere)
    assert [wrong(each) for each in (plain, shared, elsewhere)] == [[], [], []]
    assert spans(shared, "anna", "S1") == spans(plain, "anna", "S1")


def test_it_says_what_it_takes_back(shared: World) -> None:
    transfer(shared)
    lifecycle.change_plan(shared.home, asked(shared), "S2", "shop/plus", day("2025-11-15"))
    lifecycle.pause(shared.home, asked(shared), "S2", day("2025-11-20"), day("2025-11-25"), "abroad")
    numbers.give(shared.home, asked(shared), NEW, "S2", day("2025-11-15"), 0)
    assert take_back(shared) == (
        "the handover of S1 to bert on 2025-11-10 is taken back: S2 never was",
        "S1 of anna goes on: it has no end",
        f"S1 has {ONE} again from 2025-11-10 00:00:00+08:00 on",
        f"S1 has {TWO} again from 2025-12-01 00:00:00+08:00 on",
        "gone with S2: plan shop/plus from 2025-11-15 on",
        "gone with S2: paused (abroad), from 2025-11-20",
        f"gone with S2: its number {NEW}, which is free from 2025-11-15 00:00:00+08:00 on",
        "anna: the bill of 2025-12-01 is the first to show it",
        "bert: the bill of 2025-12-01 is the first to show it",
    )
    assert spans(shared, "anna", "S1") == [(ONE, "2025-10-01", None), (TWO, "2025-12-01", None)]
    assert spans(shared, "bert", "S2") == []
    (told,) = [each for each in lookup.show_account(shared.home, "bert").facts if each.about == "S2"]
    assert (told.says, told.by_name) == ("never was: its handover is taken back (a mistake)", "ann")


def test_it_is_taken_back_once(shared: World) -> None:
    transfer(shared)
    take_back(shared)
    again = taking_back.untransfer(shared.home, asked(shared), "S2", "once more")
    assert (again.existed, again.said) == (True, ("the handover of S1 as S2 was taken back already; nothing changed",))


def test_it_is_handed_over_again_with_another_id(shared: World) -> None:
    """The day was wrong: from 20 November on bert has it, 11 of 30 days (3.67); anna has 19 (6.33)."""
    transfer(shared)
    take_back(shared)
    with pytest.raises(UserError, match="the handover by which S2 began was taken back: it never was") as caught:
        lifecycle.transfer(shared.home, asked(shared), "S1", "bert", day("2025-11-20"), "S2")
    assert caught.value.remedy == "name the subscription of the owner before; another handover of it needs another id"
    lifecycle.transfer(shared.home, asked(shared), "S1", "bert", day("2025-11-20"), "S3")
    for date in ("2025-11-01", "2025-12-01"):
        shared.bill(date)
    fees = {
        name: [line[-1] for number in shared.numbers(name) for line in shared.lines(number) if line[0] == "Basic"]
        for name in ("anna", "bert")
    }
    assert fees == {"anna": [1000, 633], "bert": [367]}
    assert wrong(shared) == []


REFUSED: dict[str, Callable[[World], object]] = {
    "end": lambda world: lifecycle.end(world.home, asked(world), "S2", day("2025-12-01"), "moves"),
    "revive": lambda world: lifecycle.revive(world.home, asked(world), "S2", "stays"),
    "pause": lambda world: lifecycle.pause(world.home, asked(world), "S2", ON, None, ""),
    "number": lambda world: numbers.give(world.home, asked(world), NEW, "S2", ON, 0),
    "activate": lambda world: lifecycle.activate(world.home, asked(world), lifecycle.Activation("S2", "bert", "shop/basic", ON)),
    "transfer": lambda world: transfer(world, of="S2", to="carl", new="S3"),
    "the same again": transfer,
    "discount": lambda world: agreements.agree_for(world.home, asked(world), "S2", "terms", ON, None, kinds.TermsFact(minimum_months=3)),
    "adjustment": lambda world: adjust(world, "A2"),
}


def adjust(world: World, reference: str) -> adjusting.Adjustment:
    """A credit of 1.00 with S2."""
    wanted = adjusting.AdjustmentRequest(reference, "bert", ON, -1_000_000, "goodwill", "sorry", "shop", "standard", "S2")
    return adjusting.add(world.home, wanted, Who("ann", 1001, world.tick()))


@pytest.mark.parametrize("way", REFUSED)
def test_nothing_is_recorded_about_what_never_was(shared: World, way: str) -> None:
    transfer(shared)
    take_back(shared)
    with pytest.raises(UserError, match="the handover by which S2 began was taken back: it never was"):
        REFUSED[way](shared)


IMPORTED: dict[str, dict[str, object]] = {
    "subscription_facts": {"subscription_id": "S2", "kind": "end", "from_date": "2025-12-01"},
    "numbers": {"served_id": NEW, "subscription_id": "S2", "from": "2025-11-20T00:00:00+08:00"},
    "opening_allowances": {
        "account_id": "bert",
        "subscription_id": "S2",
        "catalogue": "shop",
        "plan": "shop/basic",
        "allowance": 1,
        "period_end": "2025-10-01",
        "serves_to": "2025-12-01",
        "quantity": 1,
    },
    "plan_changes": {"subscription_id": "S2", "from_date": "2025-11-20", "plan": "shop/plus"},
    "subscriptions": {
        "subscription_id": "S9",
        "account_id": "carl",
        "plan": "shop/basic",
        "from_date": "2025-12-01",
        "transferred_from": "S2",
    },
}


@pytest.mark.parametrize("sheet", IMPORTED)
def test_no_import_says_anything_about_it(shared: World, tmp_path: Path, sheet: str) -> None:
    transfer(shared)
    take_back(shared)
    with pytest.raises(ProblemsError) as caught:
        import_rows(shared, tmp_path / "a.json", **{sheet: [IMPORTED[sheet]]})
    told = [each.message for each in caught.value.problems]
    assert [each for each in told if "the handover by which S2 began was taken back: it never was" in each], told


def test_adjustments_of_before_stay(shared: World) -> None:
    transfer(shared)
    adjust(shared, "A1")
    assert "adjustments of S2 stay with bert: A1" in take_back(shared)
    assert adjust(shared, "A1").existed


def test_no_account_counts_it(shared: World) -> None:
    """Anna has S1; bert had S2 alone, and has none."""
    counted = {each.account_id: each.subscriptions for each in lookup.list_accounts(shared.home)}
    transfer(shared)
    assert lookup.show_account(shared.home, "bert").account.subscriptions == 1
    take_back(shared)
    assert (
        counted == {each.account_id: each.subscriptions for each in lookup.list_accounts(shared.home)} == {"anna": 1, "bert": 0, "carl": 0}
    )
    assert lookup.show_account(shared.home, "bert").account.subscriptions == 0
    assert [each.subscriptions for each in lookup.page_of_accounts(shared.home, "", 2)] == [1, 0]


def test_no_file_takes_a_handover_back(shared: World, tmp_path: Path) -> None:
    transfer(shared)
    row = {"subscription_id": "S2", "kind": "end", "from_date": "2025-11-10", "detail": {"taken_back": True}}
    with pytest.raises(ProblemsError) as caught:
        import_rows(shared, tmp_path / "a.json", subscription_facts=[row])
    (told,) = caught.value.problems
    assert (told.message, told.remedy) == ("end: taken_back is not for files", "take the handover back: `ratewright accounts untransfer`")


def test_what_took_it_back_is_not_retracted(shared: World) -> None:
    transfer(shared)
    take_back(shared)
    (fact,) = [each for each in lookup.show_account(shared.home, "bert").facts if each.about == "S2"]
    with pytest.raises(UserError, match="a handover that was taken back stays so"):
        agreements.retract(shared.home, asked(shared), "bert", fact.fact_id, "no", of_subscription=True)


def test_one_that_is_handed_on_comes_first(shared: World) -> None:
    transfer(shared)
    lifecycle.transfer(shared.home, asked(shared), "S2", "carl", day("2025-11-20"), "S3")
    with pytest.raises(UserError, match="S2 has another owner from 2025-11-20 on, as S3") as caught:
        taking_back.untransfer(shared.home, asked(shared), "S2", "a mistake")
    assert caught.value.remedy == "take that back first: `ratewright accounts untransfer S3 --reason ...`"
    take_back(shared, "S3")
    take_back(shared)
    assert taking_back.untransfer(shared.home, asked(shared), "S3", "once more").existed
    assert spans(shared, "anna", "S1") == [(ONE, "2025-10-01", None), (TWO, "2025-12-01", None)]


def test_one_that_is_billed_is_not_taken_back_until_the_bill_is_void(shared: World) -> None:
    """Bert has 21 of 30 days in November, 7.00. His bill is void; then anna pays the rest of hers, 7.00."""
    transfer(shared)
    for date in ("2025-11-01", "2025-12-01"):
        shared.bill(date)
    (number,) = shared.numbers("bert")
    with pytest.raises(UserError, match=f"S2 is billed: {number}") as caught:
        taking_back.untransfer(shared.home, asked(shared), "S2", "a mistake")
    back = "`ratewright accounts transfer S2 --to anna --on ... --as ...`"
    assert caught.value.remedy == f"void it first (`ratewright invoice void {number} --reason ...`); or hand the subscription back: {back}"
    voiding.void(shared.home, number, "a mistake", Who("ann", 1001, shared.tick()))
    take_back(shared)
    shared.bill("2026-01-01")
    fees = [(line[0], line[-1]) for each in shared.numbers("anna") for line in shared.lines(each) if line[0].startswith("Basic")]
    assert fees == [("Basic", 1000), ("Basic", 300), ("Basic, correction for 2025-11-01 to 2025-11-30", 700), ("Basic", 1000)]
    assert shared.numbers("bert") == [number]
    assert wrong(shared) == []


def test_the_way_by_a_handover_back_works(shared: World) -> None:
    """The other remedy of the refusal: anna has it again from 1 December on, as S3."""
    transfer(shared)
    for date in ("2025-11-01", "2025-12-01"):
        shared.bill(date)
    lifecycle.transfer(shared.home, asked(shared), "S2", "anna", day("2025-12-01"), "S3")
    shared.bill("2026-01-01")
    fees = [(line[0], line[-1]) for each in shared.numbers("anna") for line in shared.lines(each) if line[0].startswith("Basic")]
    assert fees == [("Basic", 1000), ("Basic", 300), ("Basic", 1000)]


def test_a_bill_of_who_pays_counts(shared: World) -> None:
    """Carl pays for bert's S2 from December on: the bill is his."""
    transfer(shared)
    agreements.agree_for(shared.home, asked(shared), "S2", "payer", day("2025-12-01"), None, kinds.PayerFact("carl"))
    shared.bill("2025-11-01")
    shared.bill("2025-12-01")
    voiding.void(shared.home, shared.numbers("bert")[0], "a mistake", Who("ann", 1001, shared.tick()))
    shared.bill("2026-01-01")
    number = shared.numbers("carl")[-1]
    with pytest.raises(UserError, match=f"S2 is billed: .*{number}"):
        taking_back.untransfer(shared.home, asked(shared), "S2", "a mistake")


def test_a_run_that_is_not_finished_comes_first(shared: World) -> None:
    """Its list is frozen by what was known when it began: it would bill S2."""
    transfer(shared)
    shared.bill("2025-11-01")
    cycle.run(shared.home, day("2025-12-01"), shared.begun(day("2025-12-01")), order=cycle.Order(trial=True))
    with pytest.raises(UserError, match="bill run 2 is not finished, and may bill S2") as caught:
        taking_back.untransfer(shared.home, asked(shared), "S2", "a mistake")
    assert "`ratewright bill abandon --date 2025-12-01`" in caught.value.remedy


def test_the_account_before_is_open_again_first(shared: World) -> None:
    transfer(shared)
    agreements.close(shared.home, asked(shared), "anna", ON, "moves")
    with pytest.raises(UserError, match="anna is closed on 2025-11-10, and S1 would go on") as caught:
        taking_back.untransfer(shared.home, asked(shared), "S2", "a mistake")
    (fact,) = [each for each in lookup.show_account(shared.home, "anna").facts if each.kind == "closed"]
    assert caught.value.remedy == f"retract its closing first: `ratewright accounts retract anna {fact.fact_id} --reason ...`"
    agreements.retract(shared.home, asked(shared), "anna", fact.fact_id, "stays", of_subscription=False)
    assert "S1 of anna goes on: it has no end" in take_back(shared)


def test_numbers_that_others_have_by_then_stay_there(shared: World) -> None:
    """Bert gave ...01 away on 15 November, and carl has it from the 20th on: anna has it to the 15th. ...02 is hers again."""
    transfer(shared)
    lifecycle.activate(shared.home, asked(shared), lifecycle.Activation("C1", "carl", "shop/basic", day("2025-11-01")))
    numbers.take(shared.home, asked(shared), ONE, "S2", day("2025-11-15"))
    numbers.give(shared.home, asked(shared), ONE, "C1", day("2025-11-20"), 0)
    assert f"S1 has {ONE} again from 2025-11-10 00:00:00+08:00 until 2025-11-15 00:00:00+08:00" in take_back(shared)
    assert spans(shared, "anna", "S1") == [(ONE, "2025-10-01", "2025-11-15"), (TWO, "2025-12-01", None)]
    assert spans(shared, "carl", "C1") == [(ONE, "2025-11-20", None)]


def test_a_number_that_the_end_of_the_new_owner_freed_is_in_the_way_of_nobody(shared: World) -> None:
    """Bert ends on 15 November; carl has ...01 from the 20th on. Anna has it until then."""
    transfer(shared)
    lifecycle.activate(shared.home, asked(shared), lifecycle.Activation("C1", "carl", "shop/basic", day("2025-11-01")))
    lifecycle.end(shared.home, asked(shared), "S2", day("2025-11-15"), "moves")
    numbers.give(shared.home, asked(shared), ONE, "C1", day("2025-11-20"), 0)
    assert f"{ONE}: it is C1's from 2025-11-20 00:00:00+08:00 for good, and that stays" in take_back(shared)
    assert spans(shared, "anna", "S1") == [(ONE, "2025-10-01", "2025-11-20"), (TWO, "2025-12-01", None)]


def test_one_that_an_import_brought_is_taken_back_whole(world: World, another: Callable[[str], World], tmp_path: Path) -> None:
    """Both subscriptions and the end came in one file: without the handover S1 has no end. It pays all of October and November."""
    for name in ("anna", "bert"):
        world.account(name)
    first = {"subscription_id": "S1", "account_id": "anna", "plan": "shop/basic", "from_date": "2025-10-01", "to_date": "2025-10-10"}
    second = {"subscription_id": "S2", "account_id": "bert", "plan": "shop/basic", "from_date": "2025-10-10", "transferred_from": "S1"}
    day_us = "2025-10-10T00:00:00+08:00"
    rows = [
        {"served_id": ONE, "subscription_id": "S1", "from": "2025-10-01T00:00:00+08:00", "to": day_us},
        {"served_id": ONE, "subscription_id": "S2", "from": day_us},
        {"served_id": NEW, "subscription_id": "S2", "from": day_us},
    ]
    import_rows(world, tmp_path / "a.json", subscriptions=[first, second], numbers=rows)
    said = take_back(world)
    assert said[1:4] == (
        "S1 of anna goes on: it has no end",
        f"S1 has {ONE} again from 2025-10-10 00:00:00+08:00 on",
        f"gone with S2: its number {NEW}, which is free from 2025-10-10 00:00:00+08:00 on",
    )
    assert spans(world, "anna", "S1") == [(ONE, "2025-10-01", None)]
    for date in ("2025-11-01", "2025-12-01"):
        world.bill(date)
    assert [line[-1] for number in world.numbers("anna") for line in world.lines(number) if line[0] == "Basic"] == [1000, 1000]
    assert world.numbers("bert") == []
    assert wrong(world) == []
    told = exported(world, tmp_path / "one")
    elsewhere = another("elsewhere")
    accounts.import_files(elsewhere.home, tmp_path / "one" / "accounts.json", elsewhere.tick())
    assert exported(elsewhere, tmp_path / "two") == told


@pytest.mark.parametrize(("name", "message"), [("S1", "S1 did not come from another owner"), ("S9", "subscription S9 is unknown")])
def test_what_is_no_handover(shared: World, name: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        taking_back.untransfer(shared.home, asked(shared), name, "a mistake")


def test_it_needs_a_reason(shared: World) -> None:
    transfer(shared)
    with pytest.raises(UserError, match="taking a handover back needs a reason"):
        taking_back.untransfer(shared.home, asked(shared), "S2", " ")
