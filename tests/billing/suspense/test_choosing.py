"""A choice among versions: its worth, the second person, taking it back, and what stands against that."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing.suspense import choosing, deciding, limits, proposals, resolving, taking_back
from billing.suspense.deciding import Deciding
from billing.suspense.proposals import State
from rating.errors import NotFoundError, UserError
from tests.billing.runs.world import Call
from tests.billing.suspense.world import ANA, BEN, asking, asterisk_row, listed, take_rows, total_cents, unbalanced, write_off

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from billing.suspense.proposals import Proposal
    from billing.suspense.versions import Versions
    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow
SHORT = Call("8613800000001", "2025-10-05T10:00", 1500, key="one")
LONG = SHORT._replace(seconds=3000)


def conflict(world: World) -> Versions:
    """The versions of the one event in conflict."""
    return resolving.versions(world.home, asking(world).seq, int(listed(world, reasons=("conflicting",)).rows[0].id))


def choose(world: World, seconds: int) -> int:
    """Ana lets the version of so many seconds count; the number of a record on which that decides."""
    found = conflict(world)
    place = found.rows["duration_us"].to_pylist().index(seconds * 1_000_000)
    resolving.resolve(world.home, found, found.names[place], Deciding(ANA, world.tick(), "the switch says so"), {})
    return next(iter(found.suspense_ids.values()))[0]


def propose(world: World, place: int) -> Proposal:
    """Ana proposes the version at a place."""
    found = conflict(world)
    record = next(iter(found.suspense_ids.values()))[0]
    wanted, _ = choosing.subject(world.home, found, place, record)
    return proposals.propose(world.home, wanted, ANA, world.tick(), reason="the switch says so")


def approve(world: World, made: Proposal) -> Proposal:
    """Ben approves, and it is done."""
    choosing.require_unchanged(world.home, made, asking(world))
    made = proposals.decide(world.home, made.proposal_id, BEN, world.tick(), accept=True)
    what = Deciding(made.by, world.tick(), made.reason, made.approved_by, made.proposal_id)
    choosing.apply_choice(world.home, made, what, asking(world), {})
    return proposals.proposal_of(world.home, made.proposal_id)


def take_back(world: World, record: int, *, dry_run: bool = False) -> taking_back.Choice:
    """Ben takes a choice back."""
    what = Deciding(BEN, world.tick(), "it was the other one")
    return taking_back.take_back(world.home, record, what, asking(world), dry_run=dry_run)[0]


def test_a_choice_is_worth_the_difference(world: World) -> None:
    world.take(SHORT)
    world.take(LONG)
    found = conflict(world)
    for place in (0, 1):
        wanted, worths = choosing.subject(world.home, found, place, 1)
        assert [each.estimated_micros for each in worths] == [2_500_000, 5_000_000]  # 25 and 50 minutes at 0.10
        assert (wanted.estimated, wanted.unknown, wanted.rows) == ({"CNY": 2_500_000}, 0, 2)
        assert not choosing.needs_second(world.home, wanted, ANA.uid)
    limits.set_limit(world.home, 2_499_999, BEN, world.tick(), reason="a small shop")
    assert choosing.needs_second(world.home, wanted, ANA.uid)


def test_what_no_plan_prices_takes_a_second_person(world: World, tmp_path: Path) -> None:
    row = asterisk_row("u1", "8613700000000", "2025-10-05 10:00:00", 60, other="0")
    take_rows(
        world, tmp_path, "one.csv", asterisk_row("u0", "8613800000001", "2025-10-05 10:00:00", 60), row, row.replace("60,60", "61,61")
    )
    wanted, worths = choosing.subject(world.home, conflict(world), 0, 1)
    assert {each.basis for each in worths} == {"mean of source"}
    assert (wanted.estimated, wanted.unknown) == ({}, 1)
    assert choosing.needs_second(world.home, wanted, ANA.uid)


def test_two_people_choose(make_world: Callable[[str], World]) -> None:
    reference, world = make_world("reference"), make_world("home")
    reference.take(LONG)
    world.take(SHORT)
    world.take(LONG)
    limits.set_limit(world.home, 0, BEN, world.tick(), reason="everything takes two")
    made = propose(world, 1)
    assert made.state is State.PROPOSED
    alone = Deciding(ANA, world.tick(), "alone")
    with pytest.raises(UserError, match="needs a second person"):
        choosing.apply_choice(world.home, made, alone, asking(world), {})
    with pytest.raises(UserError, match="who cannot approve it"):
        proposals.decide(world.home, made.proposal_id, ANA, world.tick(), accept=True)
    with pytest.raises(UserError, match="chooses among versions"):
        proposals.require_ready(made, proposals.CORRECT)
    assert approve(world, made).state is State.APPLIED
    with world.home.connect() as connection:
        said = deciding.newest(connection, 10)
    assert {(each.by.name, each.approved_by and each.approved_by.name, each.proposal_id) for each in said} == {("ana", "ben", 1)}
    for each in (reference, world):
        each.bill("2025-11-01")
    assert total_cents(world) == total_cents(reference)
    assert unbalanced(world) == []


def test_a_proposal_is_about_the_versions_that_were_looked_at(world: World) -> None:
    world.take(SHORT)
    world.take(LONG)
    limits.set_limit(world.home, 0, BEN, world.tick(), reason="everything takes two")
    made = propose(world, 1)
    world.take(SHORT._replace(seconds=7))
    with pytest.raises(UserError, match="another version came since"):
        choosing.require_unchanged(world.home, made, asking(world))


def test_a_choice_on_versions_that_changed_meanwhile_is_refused(world: World) -> None:
    world.take(SHORT)
    world.take(LONG)
    found, what = conflict(world), Deciding(ANA, world.tick(), "why")
    world.take(SHORT._replace(seconds=7))
    with pytest.raises(UserError, match="another version of the event came meanwhile"):
        resolving.resolve(world.home, found, found.names[0], what, {})
    found = conflict(world)
    resolving.resolve(world.home, found, found.names[0], what, {})
    with pytest.raises(UserError, match="another person decided"):
        resolving.resolve(world.home, found, found.names[1], what, {})


def test_a_version_is_named_by_no_number(world: World) -> None:
    world.take(SHORT)
    world.take(LONG)
    found = conflict(world)
    for place, name in enumerate(found.names):
        content = found.rows["content_hash"][place].as_py()
        assert isinstance(content, bytes)
        assert resolving.place_of(found, name.upper()) == place
        assert resolving.place_of(found, content.hex()) == place
    for keep in ("1", "1234", "1234567"):
        with pytest.raises(UserError, match="may be the number of a record"):
            resolving.place_of(found, keep)
    for keep in ("", "abc", "e-" + found.event_key.hex()[:12], found.names[0] + "zz"):
        with pytest.raises(UserError, match="no version is called"):
            resolving.place_of(found, keep)


@pytest.mark.parametrize("bills_between", [False, True], ids=["not billed", "billed"])
def test_a_choice_is_taken_back_and_made_anew(make_world: Callable[[str], World], *, bills_between: bool) -> None:
    reference, world = make_world("reference"), make_world("home")
    reference.take(SHORT)
    world.take(SHORT)
    world.take(LONG)
    record = choose(world, 3000)
    if bills_between:
        for each in (reference, world):
            each.bill("2025-11-01")
        assert total_cents(world) > total_cents(reference)
    before = take_back(world, record, dry_run=True)
    assert (before.by_name, before.reason, before.waits_as) == ("ana", "the switch says so", 0)
    assert listed(world).counts == ()
    done = take_back(world, record)
    (row,) = listed(world).rows
    assert (row.reason, int(row.id)) == ("conflicting", done.waits_as)
    assert unbalanced(world) == []
    with world.home.connect() as connection:
        verdicts = [(each.verdict, each.by.name) for each in deciding.decisions_on(connection, record)]
    assert verdicts[1:] == [("taken_back", "ben")]
    with pytest.raises(UserError, match="taken back already"):
        take_back(world, record)
    if bills_between:  # while nobody chooses, nothing of it is billed
        world.bill("2025-12-01")
        reference.bill("2025-12-01")
        assert total_cents(world) < total_cents(reference)
    choose(world, 1500)
    assert listed(world).counts == ()
    for each in (reference, world):
        each.bill("2026-01-01")
    assert total_cents(world) == total_cents(reference)
    assert unbalanced(world) == []


# minutes of the versions, 0.10 each; the limit; which one counts: whether a choice of it, and taking that back, needs another person
LIMITS = """
10  50  4.00  50  no   yes
10  50  3.99  50  yes  yes
10  50  5.00  50  no   no
10  50  4.00  10  no   no
10  50  0.99  10  yes  yes
"""


@pytest.mark.parametrize("line", LIMITS.strip().splitlines())
def test_taking_back_above_the_limit_needs_another_person(world: World, line: str) -> None:
    """It is worth the version that counts, or its difference from another one, if that is more."""
    first, other, limit, kept, to_choose, to_take_back = line.split()
    for minutes in (first, other):
        world.take(SHORT._replace(seconds=int(minutes) * 60))
    limits.set_limit(world.home, int(limit.replace(".", "")) * 10_000, BEN, world.tick(), reason="small shop")
    found = conflict(world)
    place = (found.rows["duration_us"].to_numpy() // 60_000_000).tolist().index(int(kept))
    record = next(iter(found.suspense_ids.values()))[0]
    wanted, _ = choosing.subject(world.home, found, place, record)
    assert choosing.needs_second(world.home, wanted, ANA.uid) is (to_choose == "yes")
    choose(world, int(kept) * 60)
    by_ana = Deciding(ANA, world.tick(), "it was the other one")
    shown, _ = taking_back.take_back(world.home, record, by_ana, asking(world), dry_run=True)
    done, _ = taking_back.take_back(world.home, record, by_ana, asking(world))
    needed = to_take_back == "yes"
    assert (shown.needs_second, shown.proposal, done.needs_second, bool(done.proposal)) == (needed, 0, needed, needed)
    assert len(listed(world).rows) == int(not needed)
    if not needed:
        return
    made = proposals.proposal_of(world.home, done.proposal)
    with pytest.raises(UserError, match="who cannot approve it"):
        proposals.decide(world.home, made.proposal_id, ANA, world.tick(), accept=True)
    with pytest.raises(UserError, match="needs a second person"):
        taking_back.apply_take_back(world.home, made, by_ana, asking(world))
    made = proposals.decide(world.home, made.proposal_id, BEN, world.tick(), accept=True)
    what = Deciding(made.by, world.tick(), made.reason, made.approved_by, made.proposal_id)
    assert taking_back.apply_take_back(world.home, made, what, asking(world)).waits_as
    assert (len(listed(world).rows), proposals.proposal_of(world.home, made.proposal_id).state) == (1, "applied")
    assert unbalanced(world) == []


def test_a_proposal_to_take_back_is_looked_at_again(world: World) -> None:
    """A third version counts by the time that another person agrees."""
    world.take(SHORT)
    world.take(LONG)
    limits.set_limit(world.home, 0, BEN, world.tick(), reason="small shop")
    record = choose(world, 3000)
    done, _ = taking_back.take_back(world.home, record, Deciding(ANA, world.tick(), "no"), asking(world))
    world.take(SHORT._replace(seconds=7))
    choose(world, 7)
    made = proposals.proposal_of(world.home, done.proposal)
    with pytest.raises(UserError, match="kept counts no more: it was corrected or given up since"):
        taking_back.require_unchanged(world.home, made, asking(world))


def test_what_stands_against_taking_back(world: World, tmp_path: Path) -> None:
    world.take(SHORT)
    with pytest.raises(NotFoundError, match="no choice among versions decided on record 99"):
        take_back(world, 99)
    world.take(LONG)
    record = choose(world, 1500)
    world.take(SHORT._replace(seconds=7))
    with pytest.raises(UserError, match="is in conflict again"):
        take_back(world, record)
    record = choose(world, 7)
    take_rows(world, tmp_path, "one.csv", "broken\n", asterisk_row("u1", "8613800000001", "2025-10-07 10:00:00", 60))
    write_off(world)
    broken = listed(world).total
    assert broken == 0
    with world.home.connect() as connection:
        given_up = deciding.newest(connection, 1)[0].suspense_id
    with pytest.raises(NotFoundError, match="no choice among versions"):
        take_back(world, given_up)
    for day in ("2025-11-01", "2025-12-01", "2026-01-01", "2026-02-01", "2026-03-01"):
        world.bill(day)
    with pytest.raises(
        UserError, match=r"version \w+ is on the bill of the period of anna from 2025-10-01, and that period is closed"
    ) as told:
        take_back(world, record)
    assert "ratewright adjustment add" in told.value.remedy
