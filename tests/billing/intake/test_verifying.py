"""Records that share a hash, or a key, or a number: none is dropped, and none counts twice. Collisions are forced."""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from billing.intake import view
from billing.intake.arrivals import Arrival
from billing.intake.taking import Intake
from mediation.definitions.named import find
from mediation.sources.model import Sequence as Numbers
from tests.billing.usage_rows import DAY_US, MARCH_US, Event, batch, key_of, usage_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from billing.store.home import Home
    from mediation.decoded import Decoded
    from mediation.sources.model import Source

NOW_US = 1_773_187_200_000_000
KEYED = msgspec.structs.replace(find("freeswitch"), name="sw1", key=("uuid",))
NUMBERED = msgspec.structs.replace(find("freeswitch"), name="sw1", sequence=Numbers("uuid"))
STREAMS = msgspec.structs.replace(find("freeswitch"), name="sw1", sequence=Numbers("uuid", ("context",)))


def one_hash(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """All keys are one."""
    return np.ones(len(keys), np.uint64)


def few_hashes(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Seven hashes for all keys."""
    return keys[:, 0] % np.uint64(7) + np.uint64(1)


def take(intake: Intake, source: Source, decoded: Decoded) -> dict[str, int]:
    """Take a batch with the rules of a source, as files come; the outcomes that there are."""
    (report,) = intake._take([Arrival(source.name, decoded, None, source)], NOW_US)  # noqa: SLF001 - as take_file does with a file
    return {name: rows for name, rows in report.rows.items() if rows}


@pytest.mark.parametrize("hash_of", [one_hash, few_hashes])
def test_records_with_one_hash_all_count(home: Home, counting: Callable, balanced: Callable, hash_of: Callable) -> None:
    """Within a batch, over batches, after sealing, and for one who opens the home anew."""
    events = [Event(f"e{i}", 10 + i, start_us=MARCH_US + i % 40 * DAY_US) for i in range(60)]
    intake = Intake(home, hash_of=hash_of)
    for begin in range(0, 60, 12):
        report = intake.take_batch("sw1", batch(*events[begin : begin + 12], events[begin // 2]), NOW_US)
        assert (report.rows["answered"], report.rows["duplicate"]) == (12, 1)
        if begin == 24:
            intake.seal(NOW_US)
            intake = Intake(home, hash_of=hash_of)
    assert counting(home) == {event.name: event.seconds for event in events}
    report = Intake(home, hash_of=hash_of).take_batch("sw1", batch(*events, Event("e5", 99), Event("new", 1)), NOW_US)
    assert (report.rows["duplicate"], report.rows["conflicting"], report.rows["answered"]) == (60, 1, 1)
    assert counting(home) == {event.name: event.seconds for event in events if event.name != "e5"} | {"new": 1}
    balanced(home)


# Batches of rows, name+seconds, that all have one and the same event_key | seconds that count at the end
COLLISIONS = """
A1 / B2                   | A1 B2
A1 B2                     | A1 B2
A1 / B2 / B2              | A1 B2
A1 B2 / A1 B2             | A1 B2
A1 B2 B2 A1               | A1 B2
A1 / B2 C3 / C3 A1 B2     | A1 B2 C3
A1 / B2 / B4              | A1
A1 / B2 / A4              | B2
A1 B2 B4                  | A1
A1 / B1                   | A1 B1
"""


@pytest.mark.parametrize("case", COLLISIONS.strip().splitlines())
@pytest.mark.parametrize("anew", [False, True], ids=["one intake", "sealed, opened anew"])
def test_records_with_one_key(home: Home, counting: Callable, balanced: Callable, case: str, *, anew: bool) -> None:
    """The second record gets a key of its own, the same each time, and is a duplicate when it comes again."""
    batches, expected = case.split("|")
    intake = Intake(home)
    for texts in batches.split("/"):
        intake.take_batch("sw1", batch(*(Event(text[0], int(text[1]), key="same") for text in texts.split())), NOW_US)
        if anew:
            intake.seal(NOW_US)
            intake = Intake(home)
    assert counting(home) == {text[0]: int(text[1]) for text in expected.split()}
    keys = view.usage(home, ["event_key"], 99, every=True).column("event_key").to_pylist()
    assert len(set(keys)) == len(keys)
    balanced(home)


def test_equal_hashes_of_other_content_are_told_apart(home: Home, counting: Callable) -> None:
    """Rows with one content_hash that bill otherwise: the stored columns decide."""
    intake = Intake(home)
    intake.take_batch("sw1", with_content(batch(Event("a", 60), Event("b", 5))), NOW_US)
    report = intake.take_batch("sw1", with_content(batch(Event("a", 60), Event("b", 6))), NOW_US)
    assert (report.rows["duplicate"], report.rows["conflicting"]) == (1, 1)
    assert counting(home) == {"a": 60}


@pytest.mark.parametrize("change", ["other_raw", "other_e164", "served_id", "units", "bytes_down", "service", "flags"])
def test_what_makes_other_content(home: Home, change: str) -> None:
    """One column of the copy says something else, though the hashes agree."""
    values = {"other_raw": "100", "other_e164": 1, "served_id": "x", "units": 1, "bytes_down": 1, "service": 2, "flags": 1}
    table = usage_table([Event("a")])
    if change == "other_raw":
        table = altered(table, "other_e164", None)
    intake = Intake(home)
    intake.take_batch("sw1", batch(Event("a"))._replace(usage=table), NOW_US)
    report = intake.take_batch("sw1", batch(Event("a"))._replace(usage=altered(table, change, values[change])), NOW_US)
    assert report.rows["conflicting"] == 1


def test_what_was_dialled_says_nothing_where_the_number_is_known(home: Home) -> None:
    intake = Intake(home)
    intake.take_batch("sw1", batch(Event("a")), NOW_US)
    report = intake.take_batch("sw1", batch(Event("a"))._replace(usage=altered(usage_table([Event("a")]), "other_raw", "00861")), NOW_US)
    assert report.rows["duplicate"] == 1


def test_a_source_with_a_key_of_its_own_may_name_records_as_it_likes(home: Home) -> None:
    """Its key tells records apart, not its record ids: another id is no other record."""
    intake = Intake(home)
    assert take(intake, KEYED, batch(Event("a", 60, key="k"))) == {"answered": 1}
    copy = with_content(batch(Event("b", 60, key="k")), of=Event("a", 60, key="k"))
    for again in (intake, Intake(home)):
        assert take(again, KEYED, copy) == {"duplicate": 1}
        assert again.take_batch("sw1", copy, NOW_US).rows["duplicate"] == 1, "the store remembers it"
    assert take(intake, KEYED, batch(Event("c", 61, key="k"))) == {"conflicting": 1}


def numbered(*numbers: int, seconds: int = 60, stream: str = "") -> Decoded:
    """Records of a source that numbers them."""
    return batch(*(Event(f"{stream}{number}", seconds, number=number) for number in numbers))


@pytest.mark.parametrize("source", [NUMBERED, STREAMS], ids=["one stream", "streams"])
@pytest.mark.parametrize("sealed", [False, True])
def test_numbers_tell_records_apart(home: Home, counting: Callable, balanced: Callable, source: Source, *, sealed: bool) -> None:
    stream = "pop-1-" if source is STREAMS else ""
    intake = Intake(home)
    assert take(intake, source, numbered(1, 2, 3, stream=stream)) == {"answered": 3}
    if sealed:
        intake.seal(NOW_US)
    for again in (intake, Intake(home)):
        assert take(again, source, numbered(2, 3, stream=stream)) == {"duplicate": 2}
    assert take(intake, source, numbered(3, 4, 4, stream=stream)) == {"answered": 1, "duplicate": 2}
    assert take(Intake(home), source, numbered(4, 5, seconds=61, stream=stream)) == {"answered": 1, "conflicting": 1}
    assert sorted(counting(home)) == [f"{stream}{number}" for number in (1, 2, 3, 5)]
    balanced(home)


def test_streams_count_each_for_itself(home: Home, counting: Callable) -> None:
    intake = Intake(home)
    for stream in ("pop-1-", "pop-2-", "pop-3-"):
        assert take(intake, STREAMS, numbered(1, 2, stream=stream)) == {"answered": 2}
    assert take(Intake(home), STREAMS, numbered(2, 3, stream="pop-2-")) == {"answered": 1, "duplicate": 1}
    assert len(counting(home)) == 7


def test_equal_numbers_of_other_records_lose_nothing(home: Home, counting: Callable, balanced: Callable) -> None:
    """Streams that the index does not tell apart: the numbers are known, the records are not, and they count."""
    intake = Intake(home)
    take(intake, NUMBERED, batch(*(Event(f"east {i}", number=i) for i in range(50))))
    assert take(intake, NUMBERED, batch(*(Event(f"west {i}", number=i) for i in range(50)))) == {"answered": 50}
    assert len(counting(home)) == 100
    balanced(home)


def test_a_counter_that_begins_again_loses_nothing(home: Home, counting: Callable, balanced: Callable) -> None:
    """The same numbers again, another day, of other calls: nobody can tell which are right, so both wait."""
    intake = Intake(home)
    take(intake, NUMBERED, numbered(1, 2, 3))
    later = batch(*(Event(str(i), 30, start_us=MARCH_US + 5 * DAY_US, number=i) for i in (1, 2)))
    assert take(intake, NUMBERED, later) == {"conflicting": 2}
    assert sorted(counting(home)) == ["3"]
    assert balanced(home)["intake sw1: conflicting"] == 4


def test_a_source_that_begins_to_number_its_records(home: Home, counting: Callable) -> None:
    """The index is built anew by the new rules, from what is stored."""
    intake = Intake(home)
    take(intake, KEYED, numbered(1, 2))
    intake.seal(NOW_US)
    assert take(intake, NUMBERED, numbered(2, 3)) == {"answered": 1, "duplicate": 1}
    assert take(Intake(home), KEYED, numbered(1, 2, 3, 4)) == {"answered": 1, "duplicate": 3}
    assert len(counting(home)) == 4


@pytest.mark.parametrize("seed", range(3))
def test_any_order_under_collisions_ends_alike(
    home_maker: Callable[[str], Home], counting: Callable, balanced: Callable, seed: int
) -> None:
    """Few keys, few hashes, few contents: what counts does not depend on the order, nor on the cut into batches."""
    generator = random.Random(seed)
    events = [Event(f"e{generator.randint(0, 12)}", generator.choice([60, 60, 61])) for _ in range(60)]
    events = [event._replace(key=f"k{int(event.name[1:]) % 4}") for event in events]
    found = []
    for run in range(3):
        generator.shuffle(events)
        home = home_maker(f"{seed}.{run}")
        intake = Intake(home, hash_of=few_hashes)
        left = list(events)
        while left:
            size = generator.randint(1, 15)
            intake.take_batch("sw1", batch(*left[:size]), NOW_US)
            left = left[size:]
            if generator.random() < 0.3:
                intake.seal(NOW_US)
                intake = Intake(home, hash_of=few_hashes)
        found.append((counting(home), balanced(home)))
    names = {name: {event.seconds for event in events if event.name == name} for name in {event.name for event in events}}
    assert found[0][0] == {name: seconds.pop() for name, seconds in names.items() if len(seconds) == 1}
    assert all(one == other for one, other in itertools.pairwise(found)), f"seed {seed}"


def with_content(decoded: Decoded, of: Event | None = None) -> Decoded:
    """The batch with one content_hash in all rows."""
    content = key_of("one content") if of is None else usage_table([of]).column("content_hash")[0].as_py()
    return decoded._replace(usage=altered(decoded.usage, "content_hash", content))


def altered(table: pa.Table, name: str, value: object) -> pa.Table:
    """The table with one value in all of a column."""
    field = table.schema.field(name)
    return table.set_column(table.schema.get_field_index(name), field, pa.array([value] * table.num_rows, field.type))
