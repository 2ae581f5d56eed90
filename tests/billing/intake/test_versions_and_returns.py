"""Records that come back out of suspense meet other versions of themselves: nothing counts twice, and nothing that is in doubt counts."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
import sqlalchemy as sa

from billing.catalogue import Operator
from billing.intake import marks, view
from billing.intake.arrivals import Arrival
from billing.intake.taking import Intake, Mark
from billing.store.tables import suspense_decisions
from billing.suspense import proposals, recycling, resolving, writing_off
from billing.suspense.deciding import Deciding
from billing.suspense.selection import Asking, Selection
from billing.suspense.waiting import waiting
from mediation.decode import decode
from mediation.decoded import Decoded
from mediation.definitions.named import find
from mediation.sources.model import Format, Layout, Source
from mediation.sources.rules import Partials, ServiceRules, Services
from rating.schema import USAGE_V1
from tests.billing.intake.test_split_calls import leg
from tests.billing.usage_rows import DAY_US, MARCH_US, Event, batch, key_of, usage_table
from tests.mediation.segment_rows import BEGIN_US, LAST, SECOND_US, TOTALS, UNANSWERED, Segment, call, segment_table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from billing.store.home import Home

NOW_US = MARCH_US + 10 * DAY_US
HOUR_US = 3_600 * SECOND_US
ANA, BEN = Operator("ana", 2001), Operator("ben", 2002)
RULES = Source(
    name="sw1",
    format=Format.DELIMITED,
    layouts=(Layout(("x",)),),
    retention_us=30 * DAY_US,
    services=Services(
        voice=ServiceRules(partials=Partials.JOIN, timeout_us=10 * HOUR_US),
        content=ServiceRules(partials=Partials.JOIN, cumulative=True, timeout_us=10 * HOUR_US),
    ),
)


def take(home: Home, *events: Event, now_us: int = NOW_US) -> dict[str, int]:
    """Take a batch with the rules of the source; the outcomes that there are."""
    return _taken(home, batch(*events), now_us)


def take_segments(home: Home, *segments: Segment, now_us: int = BEGIN_US) -> dict[str, int]:
    return _taken(home, Decoded(segment_table(segments, "sw1"), [], len(segments), b"", 0), now_us)


def _taken(home: Home, decoded: Decoded, now_us: int) -> dict[str, int]:
    (report,) = Intake(home)._take([Arrival("sw1", decoded, None, RULES)], now_us)  # noqa: SLF001 - as take_file does with a file
    return {name: rows for name, rows in report.rows.items() if rows}


def bring_back(home: Home, rows: pa.Table, *replaced: bytes, now_us: int = NOW_US) -> list[str]:
    """Rows that come back; what became of each."""
    outcomes: list[str] = []
    told = [Mark(key, marks.CORRECTED) for key in replaced]
    Intake(home).take_recycled(rows, told, now_us, sources={"sw1": RULES}, also=lambda _c, _s, found, _m: outcomes.extend(found))
    return outcomes


def head(home: Home) -> int:
    with home.connect() as connection:
        return home.head_seq(connection)


def waits(home: Home) -> list[tuple[int, str]]:
    with home.connect() as connection:
        table = waiting(connection, home.head_seq(connection))
    return list(zip(table["suspense_id"].to_pylist(), table["reason"].to_pylist(), strict=True))


def bills(home: Home) -> list[int]:
    """The seconds of what bills."""
    return sorted(each // SECOND_US for each in view.usage(home, ["duration_us"], head(home))["duration_us"].to_pylist())


def deciding(now_us: int = NOW_US) -> Deciding:
    return Deciding(ANA, now_us, "looked into")


def recycle(home: Home, now_us: int = NOW_US) -> recycling.Recycled:
    return recycling.recycle(home, Selection(source="sw1"), deciding(now_us), Asking(head(home), now_us, {"sw1": RULES}))


def keep(home: Home, seconds: int, now_us: int = NOW_US) -> None:
    """Choose the version of so many seconds of the only event in conflict."""
    at = next(suspense_id for suspense_id, reason in waits(home) if reason == marks.CONFLICTING)
    found = resolving.versions(home, head(home), at)
    place = found.rows["duration_us"].to_pylist().index(seconds * SECOND_US)
    resolving.resolve(home, found, found.names[place], deciding(now_us), {"sw1": RULES})


def write_off(home: Home, *ids: str) -> None:
    asked, chosen = Asking(head(home), NOW_US, {"sw1": RULES}), Selection(ids=ids)
    made = proposals.propose(home, writing_off.subject(home, chosen, asked), ANA, NOW_US, reason="nobody will pay")
    made = proposals.decide(home, made.proposal_id, BEN, NOW_US, accept=True)
    what = Deciding(made.by, NOW_US, made.reason, made.approved_by, made.proposal_id)
    writing_off.apply_write_off(home, made, what, chosen, asked._replace(seq=head(home)))


OLD = Event("a", 60, start_us=NOW_US - 90 * DAY_US)


def test_a_record_that_is_too_old_and_disputed_waits_for_the_choice(home: Home, balanced: Callable) -> None:
    take(home, OLD)
    take(home, OLD._replace(seconds=61))
    assert recycle(home).left == {"another version of it came: `resolve` says which counts": 1}
    assert bills(home) == []
    keep(home, 61)
    assert (bills(home), waits(home)) == ([61], [])
    assert recycle(home).rows == 0, "the choice settled what waited for its age as well"
    assert bills(home) == [61]
    balanced(home)


def test_versions_that_come_back_together_are_in_conflict(home: Home, balanced: Callable) -> None:
    """One waited because of its time, the other could not be read."""
    take(home, OLD)
    assert bring_back(home, usage_table([OLD._replace(seconds=61), OLD]), key_of("a")) == ["conflicting", "conflicting"]
    assert bills(home) == []
    balanced(home)
    keep(home, 60)
    assert bills(home) == [60]
    assert take(home, OLD, OLD._replace(seconds=61)) == {"duplicate": 2}
    balanced(home)


def test_of_a_counting_row_that_is_corrected_and_disputed_at_once_nothing_counts(home: Home, balanced: Callable) -> None:
    take(home, Event("a", 60), Event("b", 5))
    assert bring_back(home, usage_table([Event("a", 50), Event("a", 51)]), key_of("a")) == ["conflicting", "conflicting"]
    assert bills(home) == [5]
    balanced(home)
    keep(home, 60)
    assert bills(home) == [5, 60]
    balanced(home)


def test_a_copy_that_could_not_be_read_brings_nothing_back_that_was_written_off(home: Home, balanced: Callable) -> None:
    take(home, OLD)
    ((suspense_id, _),) = waits(home)
    write_off(home, str(suspense_id))
    assert bring_back(home, usage_table([OLD])) == ["duplicate"]
    assert take(home, OLD) == {"duplicate": 1}
    assert bills(home) == []
    assert bring_back(home, usage_table([OLD._replace(seconds=61)])) == ["conflicting"], "another version is somebody's to decide"
    assert bills(home) == []
    balanced(home)


def test_a_segment_of_a_call_in_suspense_conflicts_with_one_that_comes_back(home: Home, balanced: Callable) -> None:
    first, middle, last = call("c", 100, 200, 50)
    take_segments(home, middle, last)
    evening_us = BEGIN_US + 20 * HOUR_US
    Intake(home).assemble(evening_us)
    assert [reason for _, reason in waits(home)] == ["missing_segment"]
    assert bring_back(home, segment_table([middle._replace(seconds=201)], "sw1"), now_us=evening_us) == ["conflicting"]
    take_segments(home, first, now_us=evening_us)
    assert bills(home) == [], "the call lacks the segment until somebody chooses"
    keep(home, 201, evening_us)
    assert bills(home) == [351]
    balanced(home)


def test_a_call_that_was_moved_in_time_is_still_found_by_its_segments(home: Home, balanced: Callable) -> None:
    """Somebody corrected the time of the whole call; when a segment is contradicted afterwards, the call counts no more."""
    first, last = call("c", 100, 50)
    take_segments(home, first, last)
    made = view.usage(home, USAGE_V1.names, head(home))
    field = USAGE_V1.field("start_us")
    later = pa.array([BEGIN_US + 2 * HOUR_US], pa.int64()).cast(field.type)
    moved = made.set_column(USAGE_V1.get_field_index("start_us"), field, later)
    assert bring_back(home, moved, made["event_key"][0].as_py(), now_us=BEGIN_US) == ["assembled"]
    assert bills(home) == [150]
    take_segments(home, last._replace(seconds=51))
    assert bills(home) == []
    keep(home, 51, BEGIN_US)
    assert bills(home) == [151]
    balanced(home)


def test_a_restart_that_comes_back_closes_its_sessions(home: Home, balanced: Callable) -> None:
    total = Segment("s", None, 0, 90, TOTALS, bytes_up=25, service=5, trunk_in="nas1")
    restart = Segment("on", None, 100, None, TOTALS | LAST | UNANSWERED, service=5, trunk_in="nas1")
    take_segments(home, total)
    assert bills(home) == []
    assert bring_back(home, segment_table([restart], "sw1"), now_us=BEGIN_US) == ["recycled"]
    assert bills(home) == [90]
    balanced(home)


def test_equipment_and_a_session_of_one_name(home: Home, balanced: Callable) -> None:
    """The restart is no statement about the session."""
    take_segments(home, Segment("nas1", None, 200, 90, TOTALS, bytes_up=25, service=5, trunk_in="nas1"))
    take_segments(home, Segment("on", None, 100, None, TOTALS | LAST | UNANSWERED, service=5, trunk_in="nas1"))
    assert bills(home) == []
    assert balanced(home)["intake sw1: waiting"] == 1
    take_segments(home, Segment("nas1", None, 200, 95, TOTALS | LAST, bytes_up=30, service=5, trunk_in="nas1"))
    assert bills(home) == [95]
    balanced(home)


def test_the_index_forgets_an_event_only_when_its_latest_version_is_old(home: Home, balanced: Callable) -> None:
    """A switch whose clock was wrong sends the record again with the right time."""
    wrong, right = OLD, Event("a", 60)
    take(home, wrong)
    take(home, right)
    Intake(home).seal(NOW_US)
    assert take(home, right, wrong) == {"duplicate": 2}
    assert bills(home) == []
    balanced(home)


def test_a_stream_knows_no_more_than_the_index(home: Home, balanced: Callable) -> None:
    """A record that came in a file, and was dropped from the index, comes again in a stream."""
    then = OLD.start_us + DAY_US
    take(home, OLD, now_us=then)
    Intake(home).seal(NOW_US)
    other = Event("b", 5, start_us=OLD.start_us)
    (report,) = Intake(home).take_batches([("sw1", batch(OLD, other))], NOW_US)
    assert (report.rows["duplicate"], report.rows["suspended"]) == (1, 1)
    assert bills(home) == [60]
    balanced(home)


def test_what_comes_back_knows_no_more_than_the_index(home: Home, balanced: Callable) -> None:
    """A row that could not be read at first is read when its copy was dropped from the index."""
    take(home, OLD, now_us=OLD.start_us + DAY_US)
    Intake(home).seal(NOW_US)
    assert bring_back(home, usage_table([OLD, Event("b", 5, start_us=OLD.start_us)])) == ["duplicate", "recycled"]
    assert bills(home) == [5, 60]
    balanced(home)


SHORT, LONG = (leg(1, "PJSIP/a", 10, 20), leg(2, "PJSIP/a", 10, 70))
LEGS = {"short": SHORT, "long": LONG, "long again": LONG.replace(",60,60,ANSWERED", ",60,59,ANSWERED")}


@pytest.mark.parametrize("order", [*itertools.permutations(LEGS), ("short", "long+long again"), ("short+long", "long again")], ids="-".join)
def test_a_leg_in_conflict_bills_its_call_all_the_same(home: Home, tmp_path: Path, balanced: Callable, order: tuple[str, ...]) -> None:
    """The other leg of the call does not bill in its stead until somebody decides."""
    for name in order:
        path = tmp_path / f"{name}.csv"
        path.write_text("".join(LEGS[each] for each in name.split("+")))
        Intake(home).take_file(path, find("asterisk"), NOW_US)
    assert bills(home) == []
    balanced(home)
    keep(home, 60)
    assert bills(home) == [60]
    balanced(home)


def test_versions_of_a_leg_that_come_back_together_bill_its_call_all_the_same(home: Home, tmp_path: Path, balanced: Callable) -> None:
    path = tmp_path / "Master.csv"
    path.write_text(LEGS["long"] + LEGS["long again"])
    asterisk = find("asterisk")
    rows = decode(path, asterisk, hash_key=home.hash_key).usage
    path.write_text(LEGS["short"])
    intake = Intake(home)
    intake.take_file(path, asterisk, NOW_US)
    assert bills(home) == [10]
    intake.take_recycled(rows, [], NOW_US, sources={"asterisk": asterisk})
    assert bills(home) == []
    balanced(home)
    keep(home, 59)
    assert bills(home) == [59]
    balanced(home)


def test_what_assembly_decides_is_said_once(home: Home) -> None:
    first, last = call("c", 100, 50)
    take_segments(home, first)
    Intake(home).assemble(BEGIN_US + 20 * HOUR_US)
    take_segments(home, last, now_us=BEGIN_US + 20 * HOUR_US)
    with home.connect() as connection:
        assert len(connection.execute(sa.select(suspense_decisions)).all()) == 1


def test_recycled_twice_a_record_counts_once(home: Home, balanced: Callable) -> None:
    take(home, OLD)
    assert recycle(home).outcomes == {"recycled": 1}
    assert recycle(home).rows == 0
    assert bring_back(home, usage_table([OLD])) == ["duplicate"]
    assert bills(home) == [60]
    balanced(home)


@pytest.mark.parametrize("sealed", [False, True], ids=["journal", "sealed"])
def test_a_correction_to_a_version_that_is_known_leaves_one(home: Home, balanced: Callable, *, sealed: bool) -> None:
    """The correction makes of one version what another one said."""
    take(home, Event("a", 60))
    take(home, Event("a", 61))
    keep(home, 61)
    if sealed:
        Intake(home).seal(NOW_US)
    assert bring_back(home, usage_table([Event("a", 60)]), key_of("a")) == ["recycled"]
    assert bills(home) == [60]
    assert take(home, Event("a", 60), Event("a", 61)) == {"duplicate": 2}
    assert bills(home) == [60]
    balanced(home)
