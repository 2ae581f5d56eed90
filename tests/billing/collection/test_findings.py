"""What is missing or rejected, how it goes away, and that a bill run waits for it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from billing.catalogue import Operator
from billing.collection.findings import Finding, findings, waive
from billing.collection.gate import in_the_way
from billing.runs import cycle
from billing.store.home import Home
from mediation.sources.model import Format, Layout, Source
from rating.errors import NotFoundError, UserError
from tests.billing.collection.drop import NOW_US, Call, collect, put, text
from tests.billing.files import write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ANN = Operator("ann", 1001)
MARCH, APRIL = dt.date(2026, 3, 1), dt.date(2026, 4, 1)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with Home.open(tmp_path / "home", create=True) as opened:
        yield opened


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "drop"
    made.mkdir()
    return made


def _bring(home: Home, root: Path, *numbers: int, at: str = "2026-02-28 10:00:00") -> None:
    """Files of sw1 with one call each, in this order."""
    for number in numbers:
        put(root, f"sw1_{number:04d}.csv", text(Call(f"c{number}", at=at)))
        collect(home, root)


def _names(home: Home, *, every: bool = False) -> list[str]:
    return [each.name for each in _findings(home) if every or each.is_open]


def _findings(home: Home) -> list[Finding]:
    with home.connect() as connection:
        return findings(connection)


def _in_the_way(home: Home, date: dt.date) -> list[str]:
    with home.connect() as connection:
        return [each.name for each in in_the_way(connection, date)]


def test_missing_numbers_are_found_until_their_files_come(home: Home, root: Path) -> None:
    _bring(home, root, 9997, 9999, 2)
    found = _findings(home)
    assert [(each.name, each.text) for each in found] == [
        ("missing:sw1:9998", "file 9998 is missing between sw1_9997.csv and sw1_9999.csv"),
        ("missing:sw1:10000..10001", "files 0 to 1 (2) are missing between sw1_9999.csv and sw1_0002.csv"),
    ]
    _bring(home, root, 0)
    assert _names(home) == ["missing:sw1:9998", "missing:sw1:10001"]
    _bring(home, root, 9998, 1)
    assert _names(home) == []


def test_a_rejected_file_is_found_until_one_of_its_name_is_taken(home: Home, root: Path) -> None:
    put(root, "sw2/x.csv", text(Call("a")))
    collect(home, root)
    found = _findings(home)[0]
    assert (found.name, found.source, found.from_us) == ("rejected:1", "sw2", 0)
    assert found.text.startswith("sw2/x.csv was rejected: x.csv has no single trailer")
    assert found.remedy.startswith("fetch the file again")
    put(root, "sw2/x.csv", text(Call("a"), "TRAILER,1"))
    collect(home, root)
    assert _names(home) == ["rejected:1", "rejected:2"], "each has its own content"
    put(root, "sw2/x.csv", text(Call("a")))
    collect(home, root)
    assert _names(home) == ["rejected:2", "rejected:3"], "of one content the newest counts"
    put(root, "sw2/x.csv", text(Call("a"), "TRAILER,1,60"))
    collect(home, root)
    assert _names(home) == []


def test_two_sources_that_tell_the_same_calls_are_found_until_somebody_decides(home: Home, root: Path) -> None:
    columns = ("caller_id_number", "destination_number", "answer_stamp", "billsec", "uuid")
    sources = tuple(Source(name, Format.FREESWITCH, (Layout(columns),), files=(f"{name}_*",)) for name in ("fs-a", "fs-b"))
    row = "8613800000001,8613900000002,2026-02-28 10:00:00,60,u1\n"
    for name in ("fs-b_1", "fs-a_1", "fs-a_2"):
        put(root, name, row * int(name[-1]))
        collect(home, root, sources=sources)
    (found,) = _findings(home)
    assert (found.name, found.kind, found.source) == ("twice:fs-a:fs-b", "twice", "fs-a")
    assert found.text == "fs-a and fs-b hold the same calls, first seen in fs-a_1: each call bills twice"
    assert _in_the_way(home, MARCH) == ["twice:fs-a:fs-b"]
    waive(home, "twice:fs-a:fs-b", "the second was a test", ANN, NOW_US)
    assert _names(home) == []
    assert _names(home, every=True) == ["twice:fs-a:fs-b"]


def test_a_name_that_is_used_every_day_makes_no_rejected_file_good(home: Home, root: Path) -> None:
    put(root, "sw2/Master.csv", text(Call("a"), "TRAILER,7,7"))
    collect(home, root)
    for name in ("b", "c"):
        put(root, "sw2/Master.csv", text(Call(name), "TRAILER,1,60"))
        collect(home, root)
    assert _names(home) == ["rejected:1"]


def test_a_rejected_file_is_made_good_by_its_content(home: Home, root: Path) -> None:
    for name in ("b", "c"):
        put(root, "sw2/Master.csv", text(Call(name), "TRAILER,1,60"))
        collect(home, root)
    put(root, "Master.csv", text(Call("a"), "TRAILER,1,60"))
    collect(home, root)
    assert _names(home) == ["rejected:3"], "no source wants it"
    (root / "rejected/Master.csv").rename(root / "sw2/Master.csv")
    collect(home, root)
    assert _names(home) == []


def test_a_rejected_file_has_its_number(home: Home, root: Path) -> None:
    _bring(home, root, 1)
    put(root, "sw1_0002.csv", "what?\n")
    collect(home, root)
    _bring(home, root, 3)
    assert _names(home) == ["rejected:2"]


def test_a_waiver_holds_for_what_is_left_of_a_gap_and_for_nothing_else(home: Home, root: Path) -> None:
    _bring(home, root, 1, 5, 7)
    waived = waive(home, "missing:sw1:2..4", " the switch  was off ", ANN, NOW_US)
    assert (waived.waived_by, waived.waived_because, waived.is_open) == ("ann", "the switch was off", False)
    assert _names(home) == ["missing:sw1:6"]
    _bring(home, root, 3)
    assert _names(home) == ["missing:sw1:6"]
    assert _names(home, every=True) == ["missing:sw1:2", "missing:sw1:4", "missing:sw1:6"]


REFUSED = [
    # finding, reason, what is said
    ("missing:sw1:2", "  ", "waived for a reason"),
    ("missing:sw1:2", "x" * 1001, "waived for a reason"),
    ("missing:sw1:7", "why", "there is no finding 'missing:sw1:7'"),
    ("nonsense", "why", "there is no finding 'nonsense'"),
]


@pytest.mark.parametrize(("name", "reason", "message"), REFUSED)
def test_a_waiver_is_refused(home: Home, root: Path, name: str, reason: str, message: str) -> None:
    _bring(home, root, 1, 3)
    with pytest.raises(UserError, match=message):
        waive(home, name, reason, ANN, NOW_US)
    assert _names(home) == ["missing:sw1:2"]


def test_a_finding_is_waived_once(home: Home, root: Path) -> None:
    _bring(home, root, 1, 3)
    waive(home, "missing:sw1:2", "lost", ANN, NOW_US)
    with pytest.raises(UserError, match="waived already, by ann"):
        waive(home, "missing:sw1:2", "lost", ANN, NOW_US)
    assert issubclass(NotFoundError, UserError)


def test_a_gap_is_of_the_day_of_the_files_beside_it(home: Home, root: Path) -> None:
    _bring(home, root, 1, 3, at="2026-03-02 00:00:00")
    assert _findings(home)[0].from_us == NOW_US + 86_400_000_000
    assert (_in_the_way(home, MARCH), _in_the_way(home, APRIL)) == ([], ["missing:sw1:2"])
    _bring(home, root, 5, at="2026-02-28 23:59:59")
    assert _in_the_way(home, MARCH) == ["missing:sw1:4"], "one of its neighbours has records of February"


def test_a_gap_beside_a_file_without_records_may_be_of_any_day(home: Home, root: Path) -> None:
    _bring(home, root, 1, at="2026-03-02 00:00:00")
    put(root, "sw1_0003.csv", "\n")
    collect(home, root)
    assert _in_the_way(home, MARCH) == ["missing:sw1:2"]


def test_the_end_of_a_period_is_that_of_the_account_farthest_west(home: Home, root: Path, tmp_path: Path) -> None:
    from billing import accounts  # noqa: PLC0415 - for this test alone
    from tests.billing.files import ACCOUNTS, HEADERS, publish  # noqa: PLC0415 - as above

    publish(home)
    folder = write(tmp_path / "in", [row.replace("Asia/Shanghai", "America/New_York") for row in ACCOUNTS])
    assert HEADERS
    accounts.import_files(home, folder, NOW_US)
    _bring(home, root, 1, 3, at="2026-03-01 00:00:00")
    assert _in_the_way(home, MARCH) == ["missing:sw1:2"], "in New York it is still February"


def test_a_bill_run_waits_and_names_the_way_out(home: Home, root: Path) -> None:
    _bring(home, root, 1, 3)
    put(root, "sw2/x.csv", text(Call("a")))
    collect(home, root)
    with pytest.raises(UserError) as caught:
        cycle.run(home, MARCH, NOW_US)
    assert "the bill run of 2026-03-01 would be incomplete: 2 findings" in caught.value.message
    assert "missing:sw1:2: file 2 is missing between sw1_0001.csv and sw1_0003.csv" in caught.value.message
    assert "rejected:3: sw2/x.csv was rejected" in caught.value.message
    assert "ratewright usage findings waive missing:sw1:2 --reason" in caught.value.remedy
    assert list(cycle.preview(home, MARCH, NOW_US).findings) == ["missing:sw1:2", "rejected:3"]
    waive(home, "missing:sw1:2", "lost", ANN, NOW_US)
    waive(home, "rejected:3", "a test file", ANN, NOW_US)
    assert cycle.preview(home, MARCH, NOW_US).findings == {}
    assert cycle.run(home, MARCH, NOW_US).state == "posted"


def test_a_run_that_has_begun_is_finished_whatever_comes(home: Home, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_args: object, **_named: object) -> None:
        raise UserError("interrupted", "again")

    with monkeypatch.context() as patched:
        patched.setattr(cycle, "_compute_and_freeze", stop)
        with pytest.raises(UserError, match="interrupted"):
            cycle.run(home, MARCH, NOW_US)
    _bring(home, root, 1, 3)
    assert cycle.run(home, MARCH, NOW_US).state == "posted"
