"""Segments become events: what is whole, what is missing, what disagrees, and what comes of it."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any, NamedTuple

import numpy as np
import pytest

from mediation.assembly.assemble import Assembly, Groups, assemble
from mediation.assembly.chains import State
from mediation.assembly.rules import Rule
from rating.schema import USAGE_V1, UsageFlag
from tests.mediation.segment_rows import BEGIN_US, FIRST, LAST, SECOND_US, TOTALS, Segment, call, segment_table

KEY = b"sixteen bytes!!!"
WHOLE, INCOMPLETE, DISAGREES = State.WHOLE, State.INCOMPLETE, State.DISAGREES


def put_together(segments: list[Segment], rule: Rule = Rule.JOIN, *, as_they_are: bool = False) -> Assembly:
    calls = sorted({each.call for each in segments})
    groups = Groups(
        np.array([calls.index(each.call) for each in segments], np.int64),
        np.full(len(calls), rule, np.int8),
        np.full(len(calls), as_they_are, np.bool_),
    )
    return assemble(segment_table(segments), groups, KEY)


def events(made: Assembly) -> list[dict[str, Any]]:
    return made.events.to_pylist()


class Chain(NamedTuple):
    """Numbers of the segments of a call, F the first and L the last; what holds of it, in words."""

    segments: str
    state: State
    note: str = ""


CHAINS = [
    Chain("0F 1 2L", WHOLE),
    Chain("2L 0F 1", WHOLE),
    Chain("0FL", WHOLE),
    Chain("1F 2 3 4L", WHOLE),
    Chain("0F", INCOMPLETE, "the last segment, after 0"),
    Chain("0F 1 2", INCOMPLETE, "the last segment, after 2"),
    Chain("2L", INCOMPLETE, "the first segment, before 2"),
    Chain("1 2L", INCOMPLETE, "the first segment, before 1"),
    Chain("0F 2L", INCOMPLETE, "segment 1"),
    Chain("0F 1 5L", INCOMPLETE, "segments 2 to 4"),
    Chain("3 5", INCOMPLETE, "the first segment, before 3; segment 4; the last segment, after 5"),
    Chain("0F 2 4 6 8 10 12 14L", INCOMPLETE, "segment 1; segment 3; segment 5; segment 7; segment 9; 2 more gaps"),
    Chain("0F 1 1 2L", DISAGREES, "segment 1 came twice, with other contents"),
    Chain("0F 1L 2", DISAGREES, "segment 2 comes after the last one"),
    Chain("0F 1L 2L", DISAGREES, "segment 2 comes after the last one"),
    Chain("0 1F 2L", DISAGREES, "segment 1 says that it is the first, and is not"),
]


@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: chain.segments)
def test_a_numbered_chain_is_whole_or_says_what_it_lacks(chain: Chain) -> None:
    segments = []
    for place, text in enumerate(chain.segments.split()):
        number = int(text.rstrip("FL"))
        flags = (FIRST if "F" in text else 0) | (LAST if "L" in text else 0)
        segments.append(Segment("c", number, 60 * number, 60, flags, name=str(place)))
    made = put_together(segments)
    assert (State(made.state[0]), made.note[0]) == (chain.state, chain.note)
    expected = [60 * len(segments) * SECOND_US] if chain.state is WHOLE else []
    assert made.events.column("duration_us").to_pylist() == expected
    assert made.group.tolist() == [0] * len(expected)


def test_a_long_domestic_call_is_one_call_of_all_its_seconds() -> None:
    """Rated by its last record alone, which names no destination, such a call was once 50 seconds abroad."""
    parts = call("c", 1800, 1800, 1800, 1800, 50)
    parts[-1] = parts[-1]._replace(other_e164=None, cause=31, location="cell-9")
    (event,) = events(put_together(parts[::-1]))
    assert event["duration_us"] == 7_250 * SECOND_US
    assert (event["other_e164"], event["served_id"]) == (8_613_900_000_002, "8613800000001")
    assert (event["segment_first"], event["segment_last"], event["cause"], event["location"]) == (0, 4, 31, "cell-9")
    assert (event["flags"], event["record_id"], event["call_ref"]) == (UsageFlag.ASSEMBLED, "c", "c")
    assert (event["raw_file_id"], event["raw_offset"], event["raw_length"]) == (0, 0, 0)


def test_a_call_over_the_midnight_of_a_leap_day_begins_in_february() -> None:
    parts = call("c", 1800, 3600, 1800, 90_000)
    assert BEGIN_US + 1800 * SECOND_US < int(dt.datetime(2028, 3, 1, tzinfo=dt.UTC).timestamp()) * SECOND_US < BEGIN_US + 5400 * SECOND_US
    (event,) = events(put_together([parts[3], parts[1], parts[0], parts[2]]))
    assert event["start_us"] == dt.datetime(2028, 2, 29, 23, 0, tzinfo=dt.UTC)
    assert event["duration_us"] == (1800 + 3600 + 1800 + 90_000) * SECOND_US


BASE = call("c", 60, 60, 60)
CONTRADICTIONS = [
    (1, {"served_id": "8613800000009"}, "segment 1 names another served party: 8613800000009 instead of 8613800000001"),
    (2, {"other_e164": 442_071_234_567}, "segment 2 names another other party: 442071234567 instead of 8613900000002"),
    (1, {"other_e164": None, "other_raw": "hello"}, "segment 1 names another other party: hello instead of 8613900000002"),
    (2, {"service": 4}, "segment 2 names another service: 4 instead of 1"),
    (1, {"begin_s": -7200}, "segment 1 begins before the one before it"),
    (1, {"begin_s": 30}, "segment 1 begins at 2028-02-29T23:00:30+00:00, before the one before it ends"),
    (1, {"flags": TOTALS}, "some segments are running totals and others are not"),
    (1, {"number": None}, "some segments have a number and others have none"),
    (1, {"bytes_up": 2**62, "bytes_down": 2**62 + 2**61}, "the quantities add up to more than can be counted"),
]


@pytest.mark.parametrize(("place", "change", "note"), CONTRADICTIONS, ids=lambda value: str(value) if isinstance(value, dict) else "")
def test_segments_that_contradict_each_other_make_nothing(place: int, change: dict[str, Any], note: str) -> None:
    parts = list(BASE)
    parts[place] = parts[place]._replace(**change)
    made = put_together([*parts, *call("d", 5, 6)], as_they_are=True)
    assert [State(each) for each in made.state] == [DISAGREES, WHOLE]
    assert made.note == [note, ""]
    assert made.events.column("call_ref").to_pylist() == ["d"]


AGREEMENTS = [
    (1, {"begin_s": 59}),  # a second lost in rounding
    (1, {"other_e164": None}),  # says nothing
    (2, {"other_e164": None, "other_raw": ""}),
    (1, {"location": "cell-2"}),  # moved
    (2, {"begin_s": 5000}),  # re-established
    (2, {"seconds": None}),
]


@pytest.mark.parametrize(("place", "change"), AGREEMENTS, ids=str)
def test_what_may_differ_between_segments(place: int, change: dict[str, Any]) -> None:
    parts = list(BASE)
    parts[place] = parts[place]._replace(**change)
    made = put_together(parts)
    assert [State(each) for each in made.state] == [WHOLE]
    assert made.events.column("duration_us").to_pylist() == [sum(each.seconds or 0 for each in parts) * SECOND_US]


def test_segments_without_numbers_need_both_ends_and_no_gap() -> None:
    first, middle, last = (Segment("c", None, begin_s, 60, flags) for begin_s, flags in ((0, FIRST), (60, 0), (120, LAST)))
    found = {
        "all": [first, middle, last],
        "first only": [first],
        "last only": [last],
        "no middle": [first, last._replace(begin_s=121)],
    }
    made = {name: put_together(segments) for name, segments in found.items()}
    assert {name: State(each.state[0]) for name, each in made.items()} == {
        "all": WHOLE,
        "first only": INCOMPLETE,
        "last only": INCOMPLETE,
        "no middle": INCOMPLETE,
    }
    assert made["first only"].note == ["the segment that closes it"]
    assert made["last only"].note == ["the segment that opens it"]
    assert made["no middle"].note == ["what lies between 2028-02-29T23:01:00+00:00 and 2028-02-29T23:02:01+00:00"]
    (event,) = events(made["all"])
    assert (event["duration_us"], event["segment_first"], event["segment_last"]) == (180 * SECOND_US, None, None)


def test_what_is_there_can_be_taken_as_all_there_is() -> None:
    first, _, last = BASE
    made = put_together([first, last], as_they_are=True)
    assert (State(made.state[0]), made.note[0]) == (WHOLE, "segment 1")
    assert made.events.column("duration_us").to_pylist() == [120 * SECOND_US]


def test_a_record_may_cover_several_segments() -> None:
    made = put_together([BASE[0], BASE[1]._replace(last_number=4), BASE[2]._replace(number=5, last_number=5)])
    assert [State(each) for each in made.state] == [WHOLE]
    overlapping = put_together([BASE[0], BASE[1]._replace(last_number=4), BASE[2]._replace(number=4, last_number=4)])
    assert overlapping.note == ["segment 4 came twice, with other contents"]


def test_a_message_in_parts_is_one_unit_or_each_part_is() -> None:
    parts = [Segment("m", number, 0, None, flags, units=1, service=2) for number, flags in ((1, FIRST), (2, 0), (3, LAST))]
    (message,) = events(put_together(parts, Rule.MESSAGE))
    assert (message["units"], message["duration_us"], message["segment_first"], message["segment_last"]) == (1, None, 1, 3)
    (joined,) = events(put_together(parts, Rule.JOIN))
    assert joined["units"] == 3
    lacking = put_together([parts[0], parts[2]], Rule.MESSAGE)
    assert (State(lacking.state[0]), lacking.note[0], lacking.events.num_rows) == (INCOMPLETE, "segment 2", 0)


# Running totals: seconds since the session began, bytes up and down; then what each adds, with the second at which that begins.
TOTALS_ADD = [
    ("growing", [(0, 0, 0), (60, 1000, 10), (120, 5000, 30)], [(0, 60, 1000, 10), (60, 60, 4000, 20)]),
    (
        "one counter begins anew",
        [(60, 1000, 10), (120, 300, 30), (180, 700, 40)],
        [(0, 60, 1000, 10), (60, 60, 300, 20), (120, 60, 400, 10)],
    ),
    (
        "one counter is silent",
        [(60, 1000, 10), (120, None, 30), (180, 1500, 40)],
        [(0, 60, 1000, 10), (60, 60, None, 20), (120, 60, 500, 10)],
    ),
    ("the same again", [(60, 1000, 10), (60, 1000, 10)], [(0, 60, 1000, 10)]),
    ("late start", [(600, 9000, 90)], [(0, 600, 9000, 90)]),
]


@pytest.mark.parametrize(("totals", "added"), [row[1:] for row in TOTALS_ADD], ids=[row[0] for row in TOTALS_ADD])
def test_running_totals_become_what_each_adds(totals: list[tuple[int, int | None, int]], added: list[tuple[Any, ...]]) -> None:
    segments = [
        Segment("s", None, 0, seconds, TOTALS, bytes_up=up, bytes_down=down, service=4, name=str(place))
        for place, (seconds, up, down) in enumerate(totals)
    ]
    for order in (segments, segments[::-1]):
        made = put_together(order, Rule.EACH)
        assert State(made.state[0]) is WHOLE
        found = [
            (
                round((row["start_us"].timestamp() * SECOND_US - BEGIN_US) / SECOND_US),
                row["duration_us"] // SECOND_US,
                row["bytes_up"],
                row["bytes_down"],
            )
            for row in events(made)
        ]
        assert sorted(found) == added
        assert {row["flags"] for row in events(made)} == {UsageFlag.ASSEMBLED}


def test_equipment_that_restarts_counts_from_zero_again() -> None:
    """The session goes on under its name: its time falls, so all counters began anew, even one that is higher than before."""
    segments = [
        Segment("s", None, 0, 600, TOTALS, bytes_up=100, bytes_down=100, service=4),
        Segment("s", None, 1000, 50, TOTALS, bytes_up=130, bytes_down=None, service=4),
        Segment("s", None, 1000, 80, TOTALS | LAST, bytes_up=170, bytes_down=150, service=4),
    ]
    rows = events(put_together(segments, Rule.EACH))
    assert [row["duration_us"] // SECOND_US for row in rows] == [600, 50, 30]
    assert [row["bytes_up"] for row in rows] == [100, 130, 40]
    assert [row["bytes_down"] for row in rows] == [100, None, 150]
    (whole,) = events(put_together(segments))
    assert (whole["duration_us"] // SECOND_US, whole["bytes_up"], whole["bytes_down"]) == (680, 270, 250)
    assert whole["start_us"] == dt.datetime(2028, 2, 29, 23, 0, tzinfo=dt.UTC)


RESTARTS = [
    ("higher than before, and begun after it", 200, 70, [(10, 60), (25, 70)]),
    ("begun a little later, as clocks have it", 59, 70, [(10, 60), (15, 10)]),
    ("begun before the last total was taken", 55, 130, [(10, 60), (15, 70)]),
]


@pytest.mark.parametrize(("begin_s", "seconds", "added"), [row[1:] for row in RESTARTS], ids=[row[0] for row in RESTARTS])
def test_a_session_that_begins_later_began_anew(begin_s: int, seconds: int, added: list[tuple[int, int]]) -> None:
    before = Segment("s", None, 0, 60, TOTALS, bytes_up=10, service=4)
    after = Segment("s", None, begin_s, seconds, TOTALS, bytes_up=25, service=4)
    rows = events(put_together([after, before], Rule.EACH))
    assert [(row["bytes_up"], row["duration_us"] // SECOND_US) for row in rows] == added


def test_totals_that_are_joined_need_the_closing_one_alone() -> None:
    interim = Segment("s", None, 0, 60, TOTALS, bytes_up=10, service=4)
    stop = Segment("s", None, 0, 90, TOTALS | LAST, bytes_up=25, service=4)
    assert put_together([interim]).note == ["the segment that closes it"]
    for segments in ([stop], [stop, interim]):
        (event,) = events(put_together(segments))
        assert (event["duration_us"] // SECOND_US, event["bytes_up"]) == (90, 25)
    later = interim._replace(seconds=95, bytes_up=30)
    assert put_together([interim, stop, later]).note == ["running totals go on after they were closed"]


def test_totals_over_numbers_that_were_not_seen_say_so() -> None:
    segments = [Segment("s", number, 0, 60 * number, TOTALS, bytes_up=100 * number, service=4) for number in (1, 2, 5)]
    made = put_together(segments, Rule.EACH)
    assert (State(made.state[0]), made.note[0]) == (WHOLE, "segments 3 to 4")
    assert [(row["segment_first"], row["segment_last"], row["bytes_up"]) for row in events(made)] == [(1, 1, 100), (2, 2, 100), (3, 5, 300)]


def test_keys_tell_events_apart_and_stay_the_same() -> None:
    whole, other = put_together([*BASE, *call("d", 5, 6)]), put_together([*BASE[:2], BASE[2]._replace(seconds=61)])
    keys, contents = (whole.events.column(name).to_pylist() for name in ("event_key", "content_hash"))
    assert len(set(keys)) == len(set(contents)) == 2
    assert other.events.column("event_key").to_pylist() == keys[:1]
    assert other.events.column("content_hash")[0].as_py() not in contents
    elsewhere = assemble(segment_table(BASE, "msc2"), Groups(np.zeros(3, np.int64), np.zeros(1, np.int8), np.zeros(1, np.bool_)), KEY)
    assert elsewhere.events.column("event_key")[0].as_py() not in keys


def test_nothing_makes_nothing() -> None:
    made = assemble(USAGE_V1.empty_table(), Groups(np.zeros(0, np.int64), np.zeros(0, np.int8), np.zeros(0, np.bool_)), KEY)
    assert (made.events.num_rows, made.note) == (0, [])


@pytest.mark.parametrize("seed", range(25))
def test_any_order_makes_the_same_and_as_a_plain_count_has_it(seed: int) -> None:
    """Many calls, some of them damaged, against a count that knows nothing of columns."""
    chance = random.Random(seed)
    segments: list[Segment] = []
    expected: dict[str, int] = {}
    for place in range(40):
        parts = call(f"c{place}", *(chance.randrange(1, 4000) for _ in range(chance.randrange(1, 7))), begin_s=chance.randrange(100_000))
        kept = [part for part in parts if chance.random() < 0.9]
        numbers = [part.number for part in kept]
        if numbers == list(range(len(parts))):
            expected[f"c{place}"] = sum(part.seconds or 0 for part in kept) * SECOND_US
        segments += kept
    straight = put_together(segments)
    assert (
        dict(zip(straight.events.column("call_ref").to_pylist(), straight.events.column("duration_us").to_pylist(), strict=True))
        == expected
    )
    chance.shuffle(segments)
    assert put_together(segments).events.equals(straight.events)
