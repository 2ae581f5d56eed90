"""Choosing among versions, writing off, and what is kept of every decision."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from billing.suspense import deciding, limits, proposals, resolving, showing, writing_off
from billing.suspense.deciding import Deciding
from billing.suspense.selection import Selection
from rating.errors import NotFoundError, UserError
from tests.billing.runs.world import Call
from tests.billing.suspense.world import ANA, BEN, SWITCH, asking, asterisk_row, listed, take_rows, total_cents, unbalanced, write_off

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow
SHORT = Call("8613800000001", "2025-10-05T10:00", 60, key="one")
LONG = SHORT._replace(seconds=1500)
STRANGER = Call("8613700000000", "2025-10-06T10:00", 600, key="stranger")


def test_the_kept_version_bills_and_the_others_do_not(make_world: Callable[[str], World]) -> None:
    reference, world = make_world("reference"), make_world("home")
    reference.take(LONG)
    world.take(SHORT)
    world.take(LONG)
    first, second = listed(world).rows
    assert {first.reason, second.reason} == {"conflicting"}
    found = resolving.versions(world.home, asking(world).seq, int(second.id))
    assert resolving.differences(world.home, found) == {"duration_us": (60_000_000, 1_500_000_000)}
    with pytest.raises(UserError, match="no version is called"):
        resolving.resolve(world.home, found, "zz", Deciding(ANA, world.tick(), "why"), {})
    resolving.resolve(world.home, found, found.names[1], Deciding(ANA, world.tick(), "the switch says so"), {})
    assert listed(world).counts == ()
    for each in (reference, world):
        each.bill("2025-11-01")
    assert total_cents(world) == total_cents(reference)
    assert unbalanced(world) == []
    with world.home.connect() as connection:
        said = [each.verdict for number in (first.id, second.id) for each in deciding.decisions_on(connection, int(number))]
    assert sorted(said) == ["dropped", "kept"]
    world.take(LONG)  # sent again, either version is a duplicate
    world.take(SHORT)
    assert listed(world).counts == ()
    world.take(LONG._replace(seconds=7))  # a third one is a conflict again
    assert [each.reason for each in listed(world).rows] == ["conflicting", "conflicting"]  # the kept one waits with it
    assert len(resolving.versions(world.home, asking(world).seq, int(listed(world).rows[0].id)).names) == 3
    world.bill("2025-12-01")
    assert unbalanced(world) == []


def test_versions_that_differ_in_no_stored_column_are_told_apart_by_their_rows(world: World, tmp_path: Path) -> None:
    row = asterisk_row("u1", "8613800000001", "2025-11-05 10:00:00", 60)
    source = msgspec.structs.replace(SWITCH, charge_columns=("accountcode",))
    other = row.replace('"","8613800000001"', '"night","8613800000001"')
    take_rows(world, tmp_path, "one.csv", row, other, source=source)
    found = resolving.versions(world.home, asking(world).seq, int(listed(world).rows[0].id))
    assert resolving.differences(world.home, found) == {"row": (row.strip(), other.strip())}
    (tmp_path / "one.csv").unlink()
    gone = resolving.differences(world.home, found)["row"]
    assert [text.startswith("not at hand: ") for text in gone] == [True, True]


def test_what_is_written_off_is_never_billed(world: World, tmp_path: Path) -> None:
    world.take(STRANGER)
    take_rows(world, tmp_path, "one.csv", "broken\n", asterisk_row("u1", "8613800000001", "2025-11-05 10:00:00", 60))
    world.bill("2025-11-01")
    before = total_cents(world)
    assert [(each.reason, each.rows) for each in listed(world).counts] == [("wrong_column_count", 1), ("UNKNOWN_SUBSCRIPTION", 1)]
    done = write_off(world)
    assert (done.rows, done.estimated) == (2, {"CNY": 1_100_000})  # the stranger's ten minutes, and a minute as north-1 has them
    assert listed(world).counts == ()
    world.own("8613700000000", "bert-1")
    report = world.bill("2025-12-01")
    assert report.events == {"ZERO_RATED": 1}  # u1 within the free minutes; nothing of the stranger
    assert total_cents(world) == before + 2 * 1060
    assert unbalanced(world) == []


def test_nobody_writes_off_alone(world: World) -> None:
    world.take(STRANGER)
    world.bill("2025-11-01")
    chosen = Selection(reasons=("UNKNOWN_SUBSCRIPTION",))
    subject = writing_off.subject(world.home, chosen, asking(world))
    with pytest.raises(UserError, match="needs a reason"):
        proposals.propose(world.home, subject, ANA, world.tick(), reason=" ")
    made = proposals.propose(world.home, subject, ANA, world.tick(), reason="a test call")
    what = Deciding(ANA, world.tick(), "alone")
    with pytest.raises(UserError, match="needs a second person"):
        writing_off.apply_write_off(world.home, made, what, chosen, asking(world))
    with pytest.raises(UserError, match="who cannot approve it"):
        proposals.decide(world.home, made.proposal_id, ANA, world.tick(), accept=True)
    given_up = proposals.decide(world.home, made.proposal_id, ANA, world.tick(), accept=False)
    assert given_up.state is proposals.State.REJECTED
    with pytest.raises(UserError, match="is rejected already"):
        proposals.decide(world.home, made.proposal_id, BEN, world.tick(), accept=True)
    with pytest.raises(UserError, match="writes records off"):
        proposals.require_ready(given_up, proposals.CORRECT)
    with pytest.raises(NotFoundError, match="no proposal 9"):
        proposals.proposal_of(world.home, 9)
    with pytest.raises(UserError, match="no record that waits is chosen"):
        writing_off.subject(world.home, Selection("nobody"), asking(world))


def test_a_decision_that_was_changed_in_the_store_is_found_out(world: World) -> None:
    world.take(SHORT)
    world.take(LONG)
    entry = listed(world).rows[0]
    write_off(world)
    world.execute("UPDATE suspense_decisions SET by_name = 'carl'")
    with world.home.connect() as connection, pytest.raises(UserError, match="its hash differs"):
        deciding.decisions_on(connection, int(entry.id))


def test_a_record_tells_all_that_is_known_of_it(world: World, tmp_path: Path) -> None:
    row = asterisk_row("u1", "8613800000001", "2025-10-05 10:00:00", 60)
    other = row.replace("60,60", "61,61")
    take_rows(world, tmp_path, "one.csv", row, "broken\n", other)
    (broken,) = listed(world, reasons=("wrong_column_count",)).rows
    conflict = listed(world, reasons=("conflicting",)).rows[0]
    shown = showing.show(world.home, broken.id, asking(world))
    assert (shown.raw_text, shown.raw_hex) == ("broken", "62 72 6f 6b 65 6e")
    assert shown.entry is not None
    assert (shown.entry.offset, shown.entry.file) == (len(row), str(tmp_path / "one.csv"))
    assert "another number of columns" in shown.meaning
    versions = showing.show(world.home, conflict.id, asking(world))
    assert versions.raw_text in {row.strip(), other.strip()}
    assert versions.differences == {"duration_us": (60_000_000, 61_000_000)}
    assert versions.fields["served_id"] == "8613800000001"
    (tmp_path / "one.csv").unlink()
    assert "is not there any more" in showing.show(world.home, conflict.id, asking(world)).raw_problem
    write_off(world, ids=(broken.id,))
    gone = showing.show(world.home, broken.id, asking(world))
    assert (gone.entry, [each["verdict"] for each in gone.decisions]) == (None, ["written_off"])
    with pytest.raises(NotFoundError, match="no record 99 waits"):
        showing.show(world.home, "99", asking(world))


def test_limits_are_kept_and_a_raised_one_is_not_for_whoever_raised_it(world: World) -> None:
    limits.set_limit(world.home, 5_000_000_000, ANA, world.tick(), reason="too many questions")
    limits.set_limit(world.home, 20_000_000, BEN, world.tick(), reason="too few")
    limits.set_limit(world.home, 30_000_000, ANA, world.tick(), reason="a little more")
    with world.home.connect() as connection:
        assert [each.micros for each in limits.limits(connection)] == [1_000_000_000, 5_000_000_000, 20_000_000, 30_000_000]
        assert limits.limit_micros(connection, ANA.uid) == 20_000_000
        assert limits.limit_micros(connection, BEN.uid) == 30_000_000
    with pytest.raises(UserError, match="below zero"):
        limits.set_limit(world.home, -1, BEN, world.tick(), reason="none")
    with pytest.raises(UserError, match="needs a reason"):
        limits.set_limit(world.home, 1, BEN, world.tick(), reason="")
