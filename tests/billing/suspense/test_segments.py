"""Calls that are not whole, in the list and out of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing.intake import view
from billing.intake.taking import Intake
from billing.store.home import Home
from billing.suspense import limits, proposals, recycling, resolving, writing_off
from billing.suspense.deciding import Deciding
from billing.suspense.listing import listing
from billing.suspense.rule import rule_of
from billing.suspense.selection import Asking, Selection
from billing.suspense.showing import show
from mediation.decoded import Decoded
from rating.errors import UserError
from tests.billing.suspense.world import ANA, BEN
from tests.mediation.segment_rows import BEGIN_US, SECOND_US, call, segment_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.mediation.segment_rows import Segment

pytestmark = pytest.mark.slow
LATER_US = BEGIN_US + 1_000 * 3_600 * SECOND_US


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with Home.open(tmp_path / "home", create=True) as opened:
        yield opened


def take(home: Home, segments: Sequence[Segment]) -> None:
    """Take in segments, and let their time pass."""
    Intake(home).take_batch("msc1", Decoded(segment_table(segments), [], len(segments), b"", 0), BEGIN_US)
    Intake(home).assemble(LATER_US)


def seconds(home: Home) -> list[int]:
    """What bills."""
    with home.connect() as connection:
        seq = home.head_seq(connection)
    return [each // SECOND_US for each in view.usage(home, ["duration_us"], seq)["duration_us"].to_pylist()]


def waits(home: Home) -> list[tuple[str, str]]:
    """Id and reason of everything in the list."""
    return [(each.id, each.reason) for each in listing(home, Selection(), LATER_US).rows]


def test_a_call_is_made_of_what_is_there(home: Home) -> None:
    parts = call("c", 100, 200, 50)
    take(home, [parts[0], parts[2]])
    ((identifier, reason),) = waits(home)
    assert (reason, seconds(home)) == ("missing_segment", [])
    with pytest.raises(UserError, match="cannot be recycled"):
        recycling.recycle(home, Selection(ids=(identifier,)), Deciding(ANA, LATER_US, "again"), now(home))
    resolving.keep_incomplete(home, now(home).seq, int(identifier), Deciding(ANA, LATER_US, "the switch lost it"))
    assert waits(home) == []
    Intake(home).assemble(LATER_US)
    assert seconds(home) == [150]


def test_a_segment_that_disagrees_is_corrected_and_the_call_bills(home: Home) -> None:
    first, last = call("c", 100, 50)
    take(home, [first, last._replace(served_id="13800000001")])
    ((identifier, reason),) = waits(home)
    assert (reason, seconds(home)) == ("segments_disagree", [])
    with pytest.raises(UserError, match="not a call or session without one of its segments"):
        resolving.keep_incomplete(home, now(home).seq, int(identifier), Deciding(ANA, LATER_US, "no"))
    rule = rule_of({"source": "msc1", "reasons": ["segments_disagree"], "served": {"begins": "13", "add": "86"}}, "test")
    limits.set_limit(home, 0, BEN, LATER_US, reason="everything takes two")
    seen = recycling.preview(*recycling.found(home, Selection("msc1", rule.reasons), rule, now(home)))
    assert (seen.rows, seen.coming_back) == (1, 1)
    subject = proposals.Subject(proposals.CORRECT, seen.coming_back, seen.estimated, seen.unknown, rule)
    made = proposals.propose(home, subject, ANA, LATER_US, reason="no country code")
    made = proposals.decide(home, made.proposal_id, BEN, LATER_US, accept=True)
    what = Deciding(ANA, LATER_US, made.reason, made.approved_by, made.proposal_id)
    assert recycling.apply_correction(home, made, what, now(home)).rows == 1
    assert (waits(home), seconds(home)) == ([], [150])


def test_of_two_records_of_one_segment_one_is_written_off(home: Home) -> None:
    first, last = call("c", 100, 50)
    take(home, [first, last, last._replace(name=" again", seconds=51)])
    ((identifier, reason),) = waits(home)
    assert (reason, seconds(home)) == ("segments_disagree", [])
    shown = show(home, identifier, now(home))
    assert [each["record_id"] for each in shown.segments] == ["c/0/", "c/1/", "c/1/ again"]
    chosen = Selection(ids=(shown.segments[2]["id"],))
    made = proposals.propose(home, writing_off.subject(home, chosen, now(home)), ANA, LATER_US, reason="written twice")
    made = proposals.decide(home, made.proposal_id, BEN, LATER_US, accept=True)
    what = Deciding(made.by, LATER_US, made.reason, made.approved_by, made.proposal_id)
    assert writing_off.apply_write_off(home, made, what, chosen, now(home)).rows == 1
    assert (waits(home), seconds(home)) == ([], [150])


def now(home: Home) -> Asking:
    """As of now."""
    with home.connect() as connection:
        return Asking(home.head_seq(connection), LATER_US)
