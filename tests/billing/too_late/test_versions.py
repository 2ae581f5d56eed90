"""Records that a closed period bills in another version than the one that counts: both are listed, and people decide on the difference.

One call of ten minutes, at 0.10 a minute, is billed: 1.00. Another version of it is kept while October is open, and the run that would
correct the bill is missed: the next one finds October closed.
"""

# ruff: noqa: RUF001 - Chinese texts have Chinese punctuation
from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from billing.documents import voiding
from billing.enquiries.since_run import changes_since
from billing.enquiries.usage import find
from billing.enquiries.usage_rows import Instants
from billing.late_decisions import BILLED, WRITTEN_OFF
from billing.left_out.for_good import open_records
from billing.too_late.listing import listed
from billing.too_late.wording import in_short
from rating.errors import UserError
from server.actions.enquiries.since_run import sentence
from server.cli.usage.find import state_in_words
from tests.billing.runs.test_arrivals import keep
from tests.billing.runs.test_changed_events import OCTOBER, two
from tests.billing.runs.world import Call, World
from tests.billing.suspense import world as suspense
from tests.billing.too_late.late_world import CENT, NUMBERS, decide, take_back, usage_cents, who, wrong

if TYPE_CHECKING:
    from billing.too_late.listing import TooLate

pytestmark = pytest.mark.slow
EARLY = ("2025-11-01", "2025-12-01", "2026-01-01")


def doubted(world: World, at: str = OCTOBER, seconds: int = 720, number: str = NUMBERS["anna"]) -> World:
    """Another version of the call comes on 10 January."""
    two(world)
    for date in EARLY:
        world.bill(date)
    world.begun(dt.date(2026, 1, 10))
    world.take(Call(number, at, seconds, key="x"))
    return world


def missed(world: World, at: str = OCTOBER, seconds: int = 720, number: str = NUMBERS["anna"]) -> World:
    """It is kept, and the run of February is missed: that of March finds October closed."""
    keep(doubted(world, at, seconds, number), seconds)
    assert open_list(world) == [], "the next run corrects the bill"
    world.bill("2026-03-01")
    return world


def open_list(world: World) -> list[TooLate]:
    return [*listed(world.home, world.now_us).records]


def worths(world: World) -> list[tuple[str, str, int, int | None, int | None]]:
    """Record, account, worth and both versions' worth of what is listed, in cents; None for a version that there is not."""
    found = []
    for each in open_list(world):
        assert each.versions is not None
        billed, counts = (None if one is None else (one.worth_micros or 0) // CENT for one in (each.versions.billed, each.versions.counts))
        found.append((each.record.record_id, each.record.account_id, each.worth_micros // CENT, billed, counts))
    return found


# version: begun, seconds; worth of the difference and of the version that counts, in cents
TABLE = """
2025-10-20T10:00:00  720   20  120
2025-10-20T10:00:00  300  -50   50
2026-01-05T10:00:00  660   10  110
"""


@pytest.mark.parametrize("line", TABLE.strip().splitlines())
def test_what_stays_on_a_final_bill_is_listed_with_both_versions(world: World, line: str) -> None:
    at, seconds, difference, counts = line.split()
    missed(world, at, int(seconds))
    expected = [("x", "anna", int(difference), 100, int(counts))]
    assert (worths(world), usage_cents(world, "anna"), wrong(world)) == (expected, 100, set())
    assert open_records(world.home).records == 1, "the run tells at its end"
    (each,) = open_list(world)
    assert (each.record.reason.value, each.record.period_from, each.record.closed_since) == ("closed", "2025-10-01", "2026-03-01")
    world.bill("2026-04-01")
    assert worths(world) == expected


def test_a_bill_that_the_next_run_corrects_is_on_no_list(world: World) -> None:
    keep(doubted(world), 720)
    for date in ("2026-02-01", "2026-03-01", "2026-04-01"):
        world.bill(date)
        assert (open_list(world), usage_cents(world, "anna"), wrong(world)) == ([], 120, set())


def test_the_versions_are_told_in_words(world: World) -> None:
    missed(world)
    (each,) = open_list(world)
    assert each.versions is not None
    assert in_short(each.versions) == "billed as 600 s, and a version of 720 s counts"
    assert in_short(each.versions, "zh") == "按 600 s 出账，此后以 720 s 的版本为准"
    assert said(world) == (
        "The charge is of a version of 600 s. Another one counts since, of 720 s: "
        "no run corrects the charge; `ratewright usage too-late` has the difference."
    )
    (record,) = find(world.home, NUMBERS["anna"], Instants()).records
    assert state_in_words(record, "en").endswith(
        "billed as 600 s, and a version of 720 s counts since: no run corrects it, `ratewright usage too-late` has the difference"
    )
    assert state_in_words(record, "zh").endswith("任何出账都不会更正，差额见 `ratewright usage too-late`")


def test_a_difference_is_billed_by_hand_and_the_record_closed(world: World) -> None:
    missed(world)
    with pytest.raises(UserError, match=r"record x cannot be billed: it is on the bill of a closed period \(billed as 600 s,") as caught:
        decide(world, BILLED, "x")
    assert caught.value.remedy.startswith("`ratewright adjustment add` bills or gives back the difference")
    done = decide(world, WRITTEN_OFF, "x", reason="billed by adjustment A1")
    assert (done.records, done.values) == (1, {"CNY": 20 * CENT})
    assert (open_list(world), open_records(world.home).records, wrong(world)) == ([], 0, set())
    (each,) = listed(world.home, world.now_us, decided=True).records
    assert (each.record.record_id, each.record.decision and each.record.decision.reason) == ("x", "billed by adjustment A1")
    assert said(world).endswith("no run corrects the charge; decision 1 is about the difference.")
    with pytest.raises(UserError, match="ana has decided on record x: written off"):
        decide(world, WRITTEN_OFF, "x")
    world.bill("2026-04-01")
    assert (usage_cents(world, "anna"), open_list(world)) == (100, []), "the decision is about the difference alone"
    take_back(world, 1)
    assert (worths(world), wrong(world)) == ([("x", "anna", 20, 100, 120)], set())


def test_what_is_not_given_back_counts_for_the_limit_by_itself(world: World) -> None:
    """Written off together with a difference that is given up, it takes nothing off that."""
    missed(world, seconds=300)
    arrived = Call(NUMBERS["anna"], "2025-10-21T10:00:00", 300, key="late")
    world.take(arrived)
    world.bill("2026-04-01")
    done = decide(world, WRITTEN_OFF, account="anna", dry_run=True)
    assert sorted(each.worth_micros // CENT for each in done.groups) == [-50, 50]


def test_a_record_that_counts_no_more(world: World) -> None:
    """All its versions are written off: its charge stays."""
    doubted(world)
    world.catch_up()
    suspense.write_off(world, reasons=("conflicting",))
    world.bill("2026-03-01")
    assert (worths(world), usage_cents(world, "anna"), wrong(world)) == ([("x", "anna", -100, 100, None)], 100, set())
    (each,) = open_list(world)
    assert (each.basis, each.currency) == ("charge", "CNY")
    assert each.versions is not None
    assert in_short(each.versions) == "billed as 600 s, and no version counts any more"
    decide(world, WRITTEN_OFF, "x")
    assert (open_list(world), wrong(world)) == ([], set())


def test_a_version_of_another_account(world: World) -> None:
    """What Anna was billed, and what counts for Bert, are two differences."""
    missed(world, seconds=720, number=NUMBERS["bert"])
    assert sorted(worths(world)) == [("x", "anna", -100, 100, None), ("x", "bert", 120, None, 120)]
    assert (usage_cents(world, "anna"), usage_cents(world, "bert"), wrong(world)) == (100, 0, set())
    with pytest.raises(UserError, match="2 entries are called x") as caught:
        decide(world, WRITTEN_OFF, "x")
    keys = {each.record.account_id: each.record.event_key[:8] for each in open_list(world)}
    began = "begun 2025-10-20 10:00"
    hers = f"{keys['anna']} of anna, {began} (billed as 600 s, and the version that counts is of another subscription, or of none)"
    his = f"{keys['bert']} of bert, {began} (of another version another subscription is billed, and a version of 720 s counts)"
    assert hers in caught.value.remedy
    assert his in caught.value.remedy
    done = decide(world, WRITTEN_OFF, "x", account="bert", dry_run=True)
    assert [each.versions for each in done.groups] == [(f"x, {his}",)]
    done = decide(world, WRITTEN_OFF, keys["bert"])
    assert [each.versions for each in done.groups] == [(f"x, {his}",)]
    assert (worths(world), wrong(world)) == ([("x", "anna", -100, 100, None)], set())
    assert said(world).endswith("decision 1 is about one difference, and `ratewright usage too-late` has the other.")
    decide(world, WRITTEN_OFF, keys["anna"])
    assert said(world).endswith("no run corrects the charge; decisions 1 and 2 are about the differences.")
    told = next(each for each in find(world.home, NUMBERS["bert"], Instants()).records if each.record_id == "x")
    assert state_in_words(told, "en").endswith("no run corrects it, and decisions 1 and 2 are about the differences")
    assert state_in_words(told, "zh").endswith("任何出账都不会更正，各项差额已由决定 1 和 2 处理")
    take_back(world, 1)
    assert said(world).endswith("decision 2 is about one difference, and `ratewright usage too-late` has the other.")
    (billed,) = (each for each in listed(world.home, world.now_us, decided=True).records if each.record.account_id == "anna")
    assert billed.versions is not None
    assert "no version counts" not in in_short(billed.versions), "Bert's counts"


def test_the_run_of_a_difference_is_the_first_that_found_the_period_closed(world: World) -> None:
    missed(world)
    runs = {each.record.run_id for each in open_list(world)}
    assert runs == {4}
    world.bill("2026-04-01")
    world.bill("2026-05-01")
    assert {each.record.run_id for each in open_list(world)} == runs
    decide(world, WRITTEN_OFF, "x")
    assert {each.record.run_id for each in listed(world.home, world.now_us, decided=True).records} == runs


@pytest.mark.parametrize("decided", [False, True])
def test_a_void_opens_the_period_again(world: World, *, decided: bool) -> None:
    """The next run bills the version that counts. A decision stays told."""
    missed(world)
    if decided:
        decide(world, WRITTEN_OFF, "x")
    (number, *_) = world.numbers("anna")
    voiding.void(world.home, number, "wrong", who(world))
    assert open_list(world) == []
    world.bill("2026-04-01")
    documents = usage_cents(world, "anna") - 100  # the void one is among them
    assert (documents, open_list(world), wrong(world)) == (120, [], set())
    assert len(listed(world.home, world.now_us, decided=True).records) == int(decided)


def test_while_versions_are_in_doubt_the_choice_comes_first(world: World) -> None:
    doubted(world)
    world.bill("2026-03-01")
    assert (open_list(world), usage_cents(world, "anna")) == ([], 100)
    keep(world, 600)
    world.bill("2026-04-01")
    assert (open_list(world), usage_cents(world, "anna"), wrong(world)) == ([], 100, set())


def said(world: World) -> str:
    """The change of the record in words."""
    with world.home.connect() as connection:
        rows = connection.exec_driver_sql("SELECT DISTINCT event_key FROM suspense WHERE event_key IS NOT NULL").scalars()
        (key,) = {bytes(each) for each in rows}
    (since,) = changes_since(world.home, [key])
    return sentence(since, "en")
