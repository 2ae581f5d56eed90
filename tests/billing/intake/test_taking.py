"""Usage comes in: once, whole, and with books that balance at every moment."""

from __future__ import annotations

import random
import threading
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from billing.intake import books
from billing.intake.settle import OUTCOME_NAMES
from billing.intake.taking import Intake
from billing.store.home import Home
from mediation import stream
from mediation.definitions import named
from mediation.sources import model
from rating.errors import UserError
from tests.billing.intake.suspended import suspended_rows, suspense_counts
from tests.billing.usage_rows import ABSORBED, DAY_US, MARCH_US, UNANSWERED, Event, batch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOW_US = 1_773_187_200_000_000  # ten days after the first of March
DIALLED = '"","8613800000001","8613900000002","ctx","x","SIP/a-1","SIP/b-1","Dial","x"'
ASTERISK = [
    f'{DIALLED},"2026-03-01 10:00:00","2026-03-01 10:00:05","2026-03-01 10:01:05",65,60,"ANSWERED","DOCUMENTATION","u1",""',
    f'{DIALLED},"2026-03-01 11:00:00","","2026-03-01 11:00:09",9,0,"NO ANSWER","DOCUMENTATION","u2",""',
    "this row is broken",
]


def rows(**expected: int) -> dict[str, int]:
    """The rows of a report, 0 where not named."""
    assert expected.keys() <= set(OUTCOME_NAMES)
    return dict.fromkeys(OUTCOME_NAMES, 0) | expected


def test_a_batch_counts_when_it_was_taken(home: Home, counting: Callable, balanced: Callable) -> None:
    report = Intake(home).take_batch(
        "sw1", batch(Event("a", 60), Event("b", 5, UNANSWERED), Event("c", 7, ABSORBED), Event("a", 60), rejects=["???"]), NOW_US
    )
    assert report.rows == rows(answered=1, unanswered=1, absorbed=1, duplicate=1, rejected=1)
    assert (report.received, report.answered_duration_us, report.commit_seq) == (5, 60_000_000, 1)
    assert report.rejected_by_reason == {"wrong_column_count": 1}
    assert counting(home) == {"a": 60}
    assert counting(home, every=True) == {"a": 60, "b": 5, "c": 7}
    assert counting(home, 0) == {}
    assert balanced(home) == {
        "intake sw1: received": 5,
        "intake sw1: answered": 1,
        "intake sw1: unanswered": 1,
        "intake sw1: absorbed": 1,
        "intake sw1: conflicting": 0,
        "intake sw1: rejected": 1,
    }


def test_usage_is_as_of_a_number(home: Home, counting: Callable) -> None:
    intake = Intake(home)
    for name in ("a", "b", "c"):
        intake.take_batch("sw1", batch(Event(name)), NOW_US)
    assert [sorted(counting(home, seq)) for seq in range(4)] == [[], ["a"], ["a", "b"], ["a", "b", "c"]]


def test_usage_is_of_a_span_of_time(home: Home) -> None:
    intake = Intake(home)
    intake.take_batch("sw1", batch(*(Event(str(day), start_us=MARCH_US + day * DAY_US) for day in range(5))), NOW_US)
    table = intake.usage(["record_id"], 1, MARCH_US + DAY_US, MARCH_US + 3 * DAY_US)
    assert table.column("record_id").to_pylist() == ["1", "2"]
    assert intake.usage(["served_id"], 1, MARCH_US + 9 * DAY_US, MARCH_US + 10 * DAY_US).num_rows == 0


def test_a_batch_sent_again_counts_once(home: Home, counting: Callable, balanced: Callable) -> None:
    """By the same intake, and by one that begins anew."""
    for intake in (Intake(home), Intake(home)):
        for _ in range(2):
            intake.take_batch("sw1", batch(Event("a"), Event("b", 5, UNANSWERED)), NOW_US)
    assert counting(home) == {"a": 60}
    assert balanced(home)["intake sw1: received"] == 8
    assert balanced(home)["intake sw1: answered"] == 1


def test_a_conflict_takes_both_versions_out(home: Home, counting: Callable, balanced: Callable) -> None:
    intake = Intake(home)
    intake.take_batch("sw1", batch(Event("a", 60), Event("b", 10)), NOW_US)
    report = intake.take_batch("sw1", batch(Event("a", 61)), NOW_US)
    assert (report.rows["conflicting"], report.taken_back) == (1, 1)
    assert counting(home, 1) == {"a": 60, "b": 10}, "as of then it was not known"
    assert counting(home, 2) == {"b": 10}
    assert balanced(home)["intake sw1: conflicting"] == 2
    assert [(row.reason, row.raw.split(" duration_us=")[1]) for row in suspended_rows(home)] == [
        ("conflicting", "61000000"),
        ("conflicting", "60000000"),
    ]


def test_versions_of_a_conflict_are_known_for_ever(home: Home, counting: Callable, balanced: Callable) -> None:
    Intake(home).take_batch("sw1", batch(Event("a", 60)), NOW_US)
    Intake(home).take_batch("sw1", batch(Event("a", 61)), NOW_US)
    for intake in (Intake(home), Intake(home)):
        report = intake.take_batch("sw1", batch(Event("a", 60), Event("a", 61)), NOW_US)
        assert (report.rows["duplicate"], report.taken_back) == (2, 0)
    report = Intake(home).take_batch("sw1", batch(Event("a", 62)), NOW_US)
    assert (report.rows["conflicting"], report.taken_back) == (1, 0)
    assert counting(home) == {}
    assert balanced(home)["intake sw1: conflicting"] == 3


@pytest.mark.parametrize("flags", [UNANSWERED, ABSORBED])
def test_rows_that_never_bill_are_taken_back_as_well(home: Home, balanced: Callable, flags: int) -> None:
    intake = Intake(home)
    intake.take_batch("sw1", batch(Event("a", 0, flags)), NOW_US)
    intake.take_batch("sw1", batch(Event("a", 60)), NOW_US)
    assert balanced(home)["intake sw1: conflicting"] == 2


def test_a_conflict_with_a_sealed_row(home: Home, counting: Callable, balanced: Callable) -> None:
    intake = Intake(home)
    intake.take_batch("sw1", batch(Event("a", 60), Event("b", 10)), NOW_US)
    intake.seal(NOW_US)
    assert Intake(home).take_batch("sw1", batch(Event("a", 61)), NOW_US).taken_back == 1
    assert counting(home) == {"b": 10}
    assert balanced(home)["intake sw1: conflicting"] == 2


def test_batches_of_a_group_share_a_commit(home: Home, counting: Callable, balanced: Callable) -> None:
    """Two streams; an event twice among batches of one group; a source whose batch holds nothing but a broken row."""
    reports = Intake(home).take_batches(
        [
            ("sw1", batch(Event("a"), Event("b"))),
            ("sw2", batch(Event("c"), source="sw2")),
            ("sw1", batch(Event("b"), Event("a", 61))),
            ("sw3", batch(source="sw3", rejects=["?"])),
        ],
        NOW_US,
    )
    assert [(report.source, report.commit_seq, report.received) for report in reports] == [
        ("sw1", 1, 2),
        ("sw2", 1, 1),
        ("sw1", 1, 2),
        ("sw3", 1, 1),
    ]
    assert [report.rows["conflicting"] for report in reports] == [1, 0, 1, 0]
    assert reports[2].rows["duplicate"] == 1
    assert counting(home) == {"b": 60, "c": 60}
    assert balanced(home)["intake sw1: conflicting"] == 2
    assert balanced(home)["intake sw3: rejected"] == 1


def test_an_empty_group_and_an_empty_batch(home: Home, balanced: Callable) -> None:
    intake = Intake(home)
    assert intake.take_batches([], NOW_US) == []
    assert intake.take_batch("sw1", batch(), NOW_US).received == 0
    assert balanced(home) == {}
    assert list(home.journal_folder.iterdir()) == []


def test_quantities_up_to_the_limit_are_counted(home: Home, balanced: Callable) -> None:
    Intake(home).take_batch("sw1", batch(*(Event(f"e{i}", volume_bytes=2**60 + i) for i in range(7))), NOW_US)
    assert balanced(home)["intake sw1: answered"] == 7
    volume = {line.name: line.left for line in books.intake_book(home, 1) if line.unit == "bytes"}
    assert volume["intake sw1: answered"] == 7 * 2**60 + 21


def test_quantities_beyond_the_limit_never_wrap(home: Home, counting: Callable) -> None:
    with pytest.raises(UserError, match="more than can be counted"):
        Intake(home).take_batch("sw1", batch(*(Event(f"e{i}", volume_bytes=2**62) for i in range(4))), NOW_US)
    assert counting(home) == {}
    assert list(home.journal_folder.iterdir()) == []


@pytest.mark.parametrize("seed", range(4))
def test_the_order_of_arrival_and_the_cut_into_batches_do_not_matter(
    tmp_path: Path, counting: Callable, balanced: Callable, seed: int
) -> None:
    """The same rows, shuffled and cut anew, sealed at any moment, by one intake or several: the same events count."""
    generator = random.Random(seed)
    events = [
        Event(f"e{generator.randint(0, 30)}", generator.choice([60, 60, 60, 61]), generator.choice([0, 0, UNANSWERED])) for _ in range(80)
    ]
    results = []
    for run in range(3):
        generator.shuffle(events)
        with Home.open(tmp_path / f"home{run}", create=True) as home:
            intake = Intake(home)
            left = events.copy()
            while left:
                size = generator.randint(1, 25)
                intake.take_batch("sw1", batch(*left[:size]), NOW_US)
                left = left[size:]
                if generator.random() < 0.3:
                    intake.seal(NOW_US)
                if generator.random() < 0.3:
                    intake = Intake(home)
            results.append((counting(home, every=True), balanced(home)))
    assert results[0] == results[1] == results[2], f"seed {seed}"


def test_two_processes_take_turns(home: Home, counting: Callable) -> None:
    """Each reads what the other stored before it decides."""
    one, two = Intake(home), Intake(home)
    one.take_batch("sw1", batch(Event("a"), Event("b")), NOW_US)
    two.take_batch("sw1", batch(Event("a"), Event("c")), NOW_US)
    two.seal(NOW_US)
    two.take_batch("sw1", batch(Event("b", 61)), NOW_US)
    report = one.take_batch("sw1", batch(Event("c"), Event("b", 61), Event("d")), NOW_US)
    assert (report.rows["duplicate"], report.rows["answered"]) == (2, 1)
    assert counting(home) == {"a": 60, "c": 60, "d": 60}


def test_threads_share_an_intake(home: Home, counting: Callable, balanced: Callable) -> None:
    intake = Intake(home)

    def send(stream: int) -> None:
        for number in range(10):
            intake.take_batch("sw1", batch(Event(f"{stream}.{number}"), Event(f"shared {number}")), NOW_US)

    threads = [threading.Thread(target=send, args=(stream,)) for stream in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(counting(home)) == 50
    assert balanced(home)["intake sw1: received"] == 80


def test_another_intake_at_work_is_told(home: Home) -> None:
    one, two = Intake(home), Intake(home, lock_wait_s=0.0)
    told = r"another intake is writing to .*: sealing, process \d+ on .* since 2026-01-01 00:00:00 UTC"
    with one._exclusive("sealing", 1_767_225_600_000_000), pytest.raises(UserError, match=told):  # noqa: SLF001 - to hold the lock for a while
        two.take_batch("sw1", batch(Event("a")), NOW_US)
    two.take_batch("sw1", batch(Event("a")), NOW_US)


def test_a_file_is_taken_once(home: Home, tmp_path: Path, counting: Callable, balanced: Callable) -> None:
    file = tmp_path / "Master.csv"
    file.write_text("\n".join(ASTERISK) + "\n")
    intake = Intake(home)
    report = intake.take_file(file, named.find("asterisk"), NOW_US)
    assert (report.received, report.rows["answered"], report.rows["unanswered"], report.rows["rejected"]) == (3, 1, 1, 1)
    assert (report.answered_duration_us, report.already_taken) == (60_000_000, False)
    (row,) = suspended_rows(home)
    assert (row.file, row.offset, row.raw) == (str(file), len("\n".join(ASTERISK[:2])) + 1, ASTERISK[2])
    before = balanced(home)

    renamed = tmp_path / "Master.csv.1"
    renamed.write_bytes(file.read_bytes())
    for again in (intake, Intake(home)):
        report = again.take_file(renamed, named.find("asterisk"), NOW_US)
        assert (report.already_taken, report.received, report.commit_seq) == (True, 0, 1)
    assert balanced(home) == before
    assert len(counting(home)) == 1


def test_a_file_that_grew_adds_what_is_new(home: Home, tmp_path: Path, balanced: Callable) -> None:
    file = tmp_path / "Master.csv"
    file.write_text("\n".join(ASTERISK[:1]) + "\n")
    intake = Intake(home)
    intake.take_file(file, named.find("asterisk"), NOW_US)
    file.write_text("\n".join(ASTERISK) + "\n")
    report = intake.take_file(file, named.find("asterisk"), NOW_US)
    assert report.rows == rows(unanswered=1, duplicate=1, rejected=1)
    assert balanced(home)["intake asterisk: received"] == 4


@pytest.mark.parametrize(("text", "told"), [("a\nb\n", "no row of .* can be read as source asterisk: 2 rows"), ("", "holds no rows")])
def test_a_file_of_no_use_is_refused_whole(home: Home, tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "broken.csv"
    file.write_text(text)
    with pytest.raises(UserError, match=told):
        Intake(home).take_file(file, named.find("asterisk"), NOW_US)
    assert suspense_counts(home) == []
    with home.connect() as connection:
        assert home.head_seq(connection) == 0


def test_a_missing_file_stores_nothing(home: Home, tmp_path: Path) -> None:
    with pytest.raises(UserError):
        Intake(home).take_file(tmp_path / "missing.csv", named.find("asterisk"), NOW_US)
    with home.connect() as connection:
        assert home.head_seq(connection) == 0


BOUNDS = [  # start, seconds
    (NOW_US + 598_000_000, 1, "answered"),
    (NOW_US + 600_000_000, 1, "suspended"),
    (NOW_US - 86_400_000_000, 30 * 86_400, "suspended"),  # a call of thirty days that began yesterday
    (NOW_US - 31 * 86_400_000_000, 30 * 86_400, "answered"),
    (3_092_601_600_000_000, 60, "suspended"),  # 2068
]


@pytest.mark.parametrize("bounds", BOUNDS)
def test_what_ends_in_the_future_waits_in_a_file_and_in_a_stream(
    home: Home, home_maker: Callable, tmp_path: Path, bounds: tuple[int, int, str]
) -> None:
    start_us, seconds, outcome = bounds
    row = {"record_id": "r1", "service": 1, "served": "8613800000001", "start_us": start_us, "duration_us": seconds * 1_000_000}
    source = model.Source("gw", model.Format.DELIMITED, (model.Layout(("record_id", "served", "start", "duration")),))
    decoded = stream.to_usage(pa.RecordBatch.from_pylist([row], schema=stream.STREAM_V1), source)
    path = tmp_path / "cdr.csv"
    path.write_text(f"r1,8613800000001,{start_us // 1_000_000}.{start_us % 1_000_000:06d},{seconds}\n")
    streamed = Intake(home).take_batch("gw", decoded, NOW_US)
    filed = Intake(home_maker("file")).take_file(path, source, NOW_US)
    assert [each.rows for each in (streamed, filed)] == [rows(**{outcome: 1})] * 2
    assert [each.suspended_by_reason for each in (streamed, filed)] == [{"future_time": 1} if outcome == "suspended" else {}] * 2
