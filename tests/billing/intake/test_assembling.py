"""Segments that come in, in any order, over files and days: what is made of them counts once, and the books balance at every commit."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pytest
import sqlalchemy as sa

from billing.catalogue import kept_rows
from billing.intake import marks, view
from billing.intake.arrivals import Arrival
from billing.intake.assembly.book import assembly_book
from billing.intake.recycling import Mark
from billing.intake.taking import Intake
from billing.store.home import Home
from billing.store.tables import assemblies, suspense, suspense_decisions
from mediation.decoded import Decoded
from mediation.sources.model import Format, Layout, Source
from mediation.sources.rules import Messages, Partials, ServiceRules, Services
from rating.schema import USAGE_V1
from tests.mediation.segment_rows import BEGIN_US, FIRST, LAST, SECOND_US, TOTALS, UNANSWERED, Segment, call, segment_table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

HOUR_US = 3600 * SECOND_US
NOW_US = BEGIN_US + 240 * HOUR_US
SOURCE = Source(
    name="msc1",
    format=Format.DELIMITED,
    layouts=(Layout(("x",)),),
    services=Services(
        voice=ServiceRules(partials=Partials.JOIN, timeout_us=10 * HOUR_US),
        sms=ServiceRules(messages=Messages.MESSAGE, timeout_us=HOUR_US),
        data=ServiceRules(partials=Partials.EACH, cumulative=True),
        content=ServiceRules(partials=Partials.JOIN, cumulative=True),
    ),
)


class Taking(NamedTuple):
    """A home, and what takes segments into it."""

    home: Home
    intake: Intake

    def take(self, *segments: Segment, now_us: int = NOW_US) -> dict[str, int]:
        """Take in one batch; rows by outcome."""
        decoded = Decoded(segment_table(segments), [], len(segments), b"", 0)
        (report,) = self.intake._take([Arrival("msc1", decoded, None, SOURCE)], now_us)  # noqa: SLF001 - as take_file does with a file
        return {name: rows for name, rows in report.rows.items() if rows}

    def bills(self) -> list[tuple[str, int]]:
        """What bills: the call and its seconds."""
        rows = self._usage(["call_ref", "duration_us"])
        return sorted((row["call_ref"], row["duration_us"] // SECOND_US) for row in rows)

    def bills_bytes(self) -> list[tuple[int, int]]:
        """What bills of data: the second at which it begins, and bytes up."""
        rows = self._usage(["start_us", "bytes_up"])
        return sorted((round(row["start_us"].timestamp()) - BEGIN_US // SECOND_US, row["bytes_up"]) for row in rows)

    def states(self) -> dict[str, tuple[str, str]]:
        """State of each group, and what is missing."""
        with self.home.connect() as connection:
            rows = connection.execute(sa.select(assemblies).order_by(assemblies.c.assembly_id))
            return {row.call_ref: (row.state, row.missing) for row in rows}

    def in_suspense(self) -> list[tuple[str, str]]:
        """Reason and text of groups in suspense that nobody decided about."""
        row, of = suspense.c, suspense_decisions.c
        query = sa.select(row.reason, row.raw).select_from(suspense.outerjoin(suspense_decisions, of.suspense_id == row.suspense_id))
        with self.home.connect() as connection:
            found = connection.execute(query.where(of.decision_id.is_(None), row.reason.in_(("missing_segment", "segments_disagree"))))
            return [(reason, raw) for reason, raw in found]

    def rows(self) -> pa.Table:
        """All columns of what bills."""
        with self.home.connect() as connection:
            return view.usage(self.home, [*USAGE_V1.names, marks.COMMIT_SEQ], self.home.head_seq(connection))

    def _usage(self, columns: Sequence[str]) -> list[dict[str, Any]]:
        with self.home.connect() as connection:
            return view.usage(self.home, columns, self.home.head_seq(connection)).to_pylist()


@pytest.fixture
def taking(home: Home) -> Taking:
    return Taking(home, Intake(home))


def test_a_call_bills_once_when_its_last_segment_is_there(taking: Taking, balanced: Callable) -> None:
    first, middle, last = call("c", 100, 200, 50)
    assert taking.take(first) == {"waiting": 1}
    assert taking.take(last) == {"waiting": 1}
    assert taking.bills() == []
    assert taking.states() == {"c": ("waiting", "segment 1")}
    assert taking.take(middle) == {"absorbed": 1}
    assert taking.bills() == [("c", 350)]
    assert taking.states() == {"c": ("assembled", "")}
    rows = balanced(taking.home)
    assert (rows["intake msc1: received"], rows["intake msc1: absorbed"], rows["intake msc1: assembled"]) == (3, 3, 1)


def test_a_whole_call_in_one_batch(taking: Taking, balanced: Callable) -> None:
    assert taking.take(*call("c", 100, 200, 50), *call("d", 7)) == {"absorbed": 4}
    assert taking.bills() == [("c", 350), ("d", 7)]
    assert balanced(taking.home)["intake msc1: assembled"] == 2


def test_a_call_of_which_only_the_ends_are_recorded_lasts_from_one_to_the_other(taking: Taking, balanced: Callable) -> None:
    taking.take(Segment("c", None, 500, None, LAST))
    taking.take(Segment("c", None, 20, None, FIRST))
    assert taking.bills() == [("c", 480)]
    balanced(taking.home)


LATE = [
    ("first only", [0], "the last segment, after 0"),
    ("last only", [2], "the first segment, before 2"),
    ("no middle", [0, 2], "segment 1"),
]


@pytest.mark.parametrize(("present", "missing"), [row[1:] for row in LATE], ids=[row[0] for row in LATE])
def test_what_is_missing_after_the_timeout_is_in_suspense_until_it_comes(
    taking: Taking, balanced: Callable, present: list[int], missing: str
) -> None:
    parts = call("c", 100, 200, 50)
    assert taking.take(*(parts[place] for place in present)) == {"waiting": len(present)}
    assert taking.intake.assemble(NOW_US + 10 * HOUR_US - 1) is None
    assert taking.intake.assemble(NOW_US + 10 * HOUR_US) is not None
    assert taking.states() == {"c": ("suspended", missing)}
    ((reason, raw),) = taking.in_suspense()
    assert reason == "missing_segment"
    assert raw == f"call_ref=c segments={','.join(map(str, present))} missing: {missing}"
    assert balanced(taking.home)["intake msc1: suspended"] == len(present)
    assert taking.bills() == []
    taking.take(*(part for place, part in enumerate(parts) if place not in present), now_us=NOW_US + 100 * HOUR_US)
    assert taking.bills() == [("c", 350)]
    assert taking.in_suspense() == []
    assert balanced(taking.home)["intake msc1: absorbed"] == 3


def test_each_further_segment_prolongs_the_wait(taking: Taking) -> None:
    parts = call("c", 100, 200, 50)
    taking.take(parts[0])
    taking.take(parts[1], now_us=NOW_US + 9 * HOUR_US)
    assert taking.intake.assemble(NOW_US + 18 * HOUR_US) is None
    assert taking.intake.assemble(NOW_US + 19 * HOUR_US) is not None
    assert taking.take(parts[2]._replace(number=3), now_us=NOW_US + 20 * HOUR_US) == {"suspended": 1}
    assert [raw for _, raw in taking.in_suspense()] == ["call_ref=c segments=0,1,3 missing: segment 2"]


def test_segments_that_disagree_are_suspended_at_once(taking: Taking, balanced: Callable) -> None:
    first, last = call("c", 100, 50)
    assert taking.take(first, last._replace(served_id="8613800000009")) == {"suspended": 2}
    assert taking.bills() == []
    note = "segment 1 names another served party: 8613800000009 instead of 8613800000001"
    assert taking.in_suspense() == [("segments_disagree", f"call_ref=c segments=0,1 disagrees: {note}")]
    balanced(taking.home)


def test_a_segment_that_contradicts_what_was_billed_withdraws_it(taking: Taking, balanced: Callable) -> None:
    taking.take(*call("c", 100, 50))
    assert taking.bills() == [("c", 150)]
    assert taking.take(Segment("c", 1, 100, 55, LAST, name="again")) == {"suspended": 1}
    assert taking.bills() == []
    assert taking.states() == {"c": ("suspended", "segment 1 came twice, with other contents")}
    rows = balanced(taking.home)
    assert (rows["intake msc1: suspended"], rows.get("intake msc1: assembled", 0)) == (3, 0)


DAY_S = 86_400


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0], [2, 0, 4, 1, 5, 3]])
def test_a_name_that_comes_back_after_weeks_is_another_call(taking: Taking, balanced: Callable, order: list[int]) -> None:
    """In whatever order they come: a call that was billed is left alone. Each is told from its copies all the same."""
    parts = [part._replace(name=str(weeks)) for weeks in (0, 2, 5) for part in call("c", 100 + weeks, 50, begin_s=weeks * 7 * DAY_S)]
    for place in order:
        taking.take(parts[place], now_us=NOW_US + 60 * DAY_S * SECOND_US)
    assert sorted(seconds for _, seconds in taking.bills()) == [150, 152, 155]
    assert sorted(name for name, _ in taking.bills()) == ["c", "c~2", "c~3"]
    assert taking.take(*parts, now_us=NOW_US + 60 * DAY_S * SECOND_US) == {"duplicate": 6}
    assert balanced(taking.home)["intake msc1: assembled"] == 3


def test_calls_of_one_name_in_one_batch_are_told_apart(taking: Taking, balanced: Callable) -> None:
    parts = [part._replace(name=str(weeks)) for weeks in (2, 0) for part in call("c", 100, 50, begin_s=weeks * 7 * DAY_S)]
    assert taking.take(*parts, now_us=NOW_US + 60 * DAY_S * SECOND_US) == {"absorbed": 4}
    assert taking.bills() == [("c", 150), ("c~2", 150)]
    balanced(taking.home)


def test_a_session_may_last_for_weeks(taking: Taking, balanced: Callable) -> None:
    parts = call("s", *[3 * DAY_S] * 10)
    taking.take(*parts[:4], now_us=NOW_US + 60 * DAY_S * SECOND_US)
    taking.take(*parts[4:], now_us=NOW_US + 60 * DAY_S * SECOND_US)
    assert taking.bills() == [("s", 30 * DAY_S)]
    balanced(taking.home)


def test_a_duplicate_segment_changes_nothing_and_a_conflicting_one_opens_the_group(taking: Taking, balanced: Callable) -> None:
    parts = call("c", 100, 200, 50)
    taking.take(*parts)
    assert taking.take(parts[1]) == {"duplicate": 1}
    assert taking.bills() == [("c", 350)]
    assert taking.take(parts[1]._replace(seconds=199)) == {"conflicting": 1}
    assert taking.bills() == []
    assert taking.states() == {"c": ("waiting", "segment 1")}
    rows = balanced(taking.home)
    assert (rows["intake msc1: conflicting"], rows["intake msc1: waiting"]) == (2, 2)


def test_running_totals_bill_what_each_adds_and_a_late_one_divides_it(taking: Taking, balanced: Callable) -> None:
    totals = [
        Segment("s", None, 0, seconds, TOTALS | flags, bytes_up=up, service=4)
        for seconds, up, flags in ((0, 0, FIRST), (60, 1000, 0), (120, 5000, 0), (180, 5600, LAST))
    ]
    assert taking.take(totals[0], totals[1]) == {"absorbed": 2}
    assert taking.bills_bytes() == [(0, 1000)]
    taking.take(totals[3])
    assert taking.bills_bytes() == [(0, 1000), (60, 4600)]
    taking.take(totals[2])
    assert taking.bills_bytes() == [(0, 1000), (60, 4000), (120, 600)]
    assert balanced(taking.home)["intake msc1: assembled"] == 3


def test_a_message_in_parts_is_one_unit(taking: Taking, balanced: Callable) -> None:
    parts = [Segment("m", number, 0, None, flags, units=1, service=2) for number, flags in ((1, FIRST), (2, 0), (3, LAST))]
    assert taking.take(parts[2], parts[0]) == {"waiting": 2}
    assert taking.take(parts[1]) == {"absorbed": 1}
    assert [row["units"] for row in taking._usage(["units"])] == [1]  # noqa: SLF001 - our own
    balanced(taking.home)


@pytest.mark.parametrize("seed", range(6))
def test_running_totals_in_any_order_add_up(taking: Taking, balanced: Callable, seed: int) -> None:
    """Sessions of equipment that restarts now and then; the book counts them by a way of its own."""
    chance = random.Random(seed)
    segments: list[Segment] = []
    expected = 0
    for place in range(6):
        at_s = up = seconds = begin_s = 0
        for number in range(chance.randrange(1, 8)):
            if chance.random() < 0.2:
                up, seconds, begin_s = 0, 0, at_s + 70
            step = chance.randrange(1, 100)
            up, seconds = up + 10 * step, seconds + step
            at_s = begin_s + seconds
            expected += 10 * step
            segments.append(Segment(f"s{place}", None, begin_s, seconds, TOTALS, bytes_up=up, service=4, name=str(number)))
    chance.shuffle(segments)
    for begin in range(0, len(segments), 4):
        taking.take(*segments[begin : begin + 4])
    assert sum(volume for _, volume in taking.bills_bytes()) == expected
    rows = balanced(taking.home)
    assert rows["intake msc1: absorbed"] == len(segments)
    assert rows["intake msc1: absorbed into calls = assembled"] == 6


def test_the_book_notices_a_made_row_that_is_not_what_its_segments_hold(taking: Taking) -> None:
    taking.take(*call("c", 100, 50), *call("d", 7))
    made = taking.rows().column("event_key")[0].as_py()
    with taking.home.begin() as connection:
        commit_seq = taking.home.next_commit_seq(connection, "usage", NOW_US)
        nothing = {"raw_file_id": 0, "raw_offset": 0, "raw_length": 0, "raw": "", "duration_us": 0, "commit_seq": commit_seq}
        mark = {"event_key": made, "content_hash": made, "source": "msc1", "reason": "superseded", "through_seq": commit_seq}
        connection.execute(suspense.insert(), {**nothing, **mark})
    (source,) = assembly_book(taking.home, commit_seq).values()
    assert (source.absorbed.rows, source.assembled.rows) == (2, 1)
    assert source.absorbed.duration_us - source.assembled.duration_us in {150 * SECOND_US, 7 * SECOND_US}


SESSIONS = [
    ("old", Segment("old", None, 0, 60, TOTALS, bytes_up=10, service=5, trunk_in="nas1")),
    ("old", Segment("old", None, 0, 90, TOTALS, bytes_up=25, service=5, trunk_in="nas1")),
    ("other equipment", Segment("elsewhere", None, 0, 60, TOTALS, bytes_up=10, service=5, trunk_in="nas2")),
    ("begun anew", Segment("young", None, 200, 60, TOTALS, bytes_up=10, service=5, trunk_in="nas1")),
    ("restart", Segment("on", None, 100, None, TOTALS | LAST | UNANSWERED, service=5, trunk_in="nas1")),
]


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [1, 4, 0, 2, 3]])
def test_equipment_that_restarts_closes_the_sessions_that_it_had(taking: Taking, balanced: Callable, order: list[int]) -> None:
    """Sessions of content here, for this source joins those. Whatever comes first, the last total before the restart is what counts."""
    for place in order:
        taking.take(SESSIONS[place][1])
    assert taking.bills() == [("old", 90)]
    waits = ("waiting", "the segment that closes it")
    assert {call_ref: taking.states()[call_ref] for call_ref in ("old", "elsewhere", "young")} == {
        "old": ("assembled", "the segment that closes it"),
        "elsewhere": waits,
        "young": waits,
    }
    assert balanced(taking.home)["intake msc1: absorbed into calls = assembled"] == 1


def decide(home: Home, kind: str, now_us: int) -> None:
    """A person decides about the only row in suspense."""
    with home.begin() as connection:
        commit_seq = home.next_commit_seq(connection, "suspense", now_us)
        (suspense_id,) = connection.execute(sa.select(suspense.c.suspense_id).where(suspense.c.reason == "missing_segment")).scalars()
        nobody = {"approved_by": None, "approved_uid": None, "correction_id": None}
        values = {"suspense_id": suspense_id, "kind": kind, "reason": "lost for good", "by_name": "kim", "by_uid": 1001, "at_us": now_us}
        kept_rows.add(connection, suspense_decisions, {**values, **nobody, "commit_seq": commit_seq})


def test_somebody_may_decide_that_what_is_there_is_all(taking: Taking, balanced: Callable) -> None:
    parts = call("c", 100, 200, 50)
    taking.take(parts[0], parts[2])
    taking.intake.assemble(NOW_US + 11 * HOUR_US)
    decide(taking.home, "kept", NOW_US + 11 * HOUR_US)
    assert taking.intake.assemble(NOW_US + 12 * HOUR_US) is not None
    assert taking.bills() == [("c", 150)]
    assert taking.intake.assemble(NOW_US + 13 * HOUR_US) is None
    taking.take(parts[1], now_us=NOW_US + 13 * HOUR_US)
    assert taking.bills() == [("c", 350)]
    balanced(taking.home)


def test_what_was_written_off_is_never_made(taking: Taking, balanced: Callable) -> None:
    parts = call("c", 100, 200, 50)
    taking.take(parts[0], parts[2])
    taking.intake.assemble(NOW_US + 11 * HOUR_US)
    decide(taking.home, "written_off", NOW_US + 11 * HOUR_US)
    assert taking.take(parts[1], now_us=NOW_US + 11 * HOUR_US) == {"suspended": 1}
    assert (taking.bills(), taking.in_suspense()) == ([], [])
    balanced(taking.home)


@pytest.mark.parametrize("seed", range(12))
def test_any_order_and_any_split_bill_the_same(taking: Taking, balanced: Callable, seed: int) -> None:
    """Calls in segments, some lost, some sent again; dealt to batches in any order, sealed and timed out in between."""
    chance = random.Random(seed)
    segments: list[Segment] = []
    expected = []
    for place in range(12):
        name = f"c{place:02}"
        parts = call(name, *(chance.randrange(1, 4000) for _ in range(chance.randrange(1, 5))), begin_s=chance.randrange(400_000))
        lost = chance.randrange(len(parts)) if chance.random() < 0.2 else None
        segments += [part for number, part in enumerate(parts) if number != lost]
        if lost is None:
            expected.append((name, sum(part.seconds or 0 for part in parts)))
    segments += chance.sample(segments, 5)
    chance.shuffle(segments)
    now_us = NOW_US
    while segments:
        size = chance.randrange(1, 9)
        taking.take(*segments[:size], now_us=now_us)
        segments = segments[size:]
        now_us += chance.randrange(20) * HOUR_US
        if chance.random() < 0.3:
            taking.intake.seal(now_us)
        if chance.random() < 0.5:
            taking.intake.assemble(now_us)
    assert taking.bills() == expected
    balanced(taking.home)


def test_a_corrected_segment_takes_the_place_of_the_one_that_disagreed(taking: Taking, balanced: Callable) -> None:
    """The second segment lacked the country code; with it the call is whole and bills as if it had come so."""
    first, last = call("c", 100, 50)
    taking.take(first, last._replace(served_id="13800000001"))
    assert taking.bills() == []
    corrected = segment_table([last])
    taking.intake.take_recycled(corrected, [Mark(last.event_key, marks.CORRECTED)], NOW_US, sources={"msc1": SOURCE})
    assert taking.bills() == [("c", 150)]
    assert taking.states() == {"c": ("assembled", "")}
    assert taking.in_suspense() == []
    rows = balanced(taking.home)
    assert (rows["intake msc1: suspended"], rows["intake msc1: absorbed"], rows["intake msc1: assembled"]) == (1, 1, 1)
    taking.take(*call("d", 1))
    assert taking.intake.assemble(NOW_US + 1000 * HOUR_US) is None
    assert taking.take(last._replace(served_id="13800000001")) == {"duplicate": 1}
    assert taking.bills() == [("c", 150), ("d", 1)]


def test_a_corrected_made_row_stands_until_its_segments_say_something_else(taking: Taking, balanced: Callable) -> None:
    parts = call("c", 100, 50)
    taking.take(*parts)
    made = taking.rows().drop_columns(["commit_seq"])
    wrong = made.column("served_id").to_pylist()
    assert wrong == ["8613800000001"]
    place = made.schema.get_field_index("served_id")
    corrected = made.set_column(place, made.schema.field(place), pa.array(["8613800000007"]))
    key = made.column("event_key")[0].as_py()
    taking.intake.take_recycled(corrected, [Mark(key, marks.CORRECTED)], NOW_US)
    assert taking.rows().column("served_id").to_pylist() == ["8613800000007"]
    assert taking.take(parts[0]) == {"duplicate": 1}
    taking.take(Segment("e", 0, flags=FIRST))
    assert taking.rows().column("served_id").to_pylist() == ["8613800000007"]
    taking.take(parts[1]._replace(seconds=51))
    assert taking.bills() == []
    balanced(taking.home)
