"""The list of planted faults: each still stands in its place, can be planted and be taken out again, and says who would suffer."""

from __future__ import annotations

import collections
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.faults import records
from tests.faults.tree import Copy

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.records import Fault

FAULTS = records.load()
AREAS = {"rating", "intake", "runs", "documents", "payments", "ledger", "store", "service"}
FAULTS_MIN, OF_READINGS_MIN, READINGS = 60, 20, {1, 2, 3, 4, 5}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """A copy of the files that faults are planted in, and of nothing else."""
    made = Copy(tmp_path_factory.mktemp("copy"))
    made.state.mkdir(parents=True)
    for file in {fault.file for fault in FAULTS}:
        (made.folder / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(records.ROOT / file, made.folder / file)
    return made


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.id for fault in FAULTS])
def test_a_fault_stands_once_in_its_file_and_leaves_code_that_compiles(fault: Fault, copy: Copy) -> None:
    file = copy.folder / fault.file
    before, changed_ns = file.read_bytes(), file.stat().st_mtime_ns
    copy.plant(fault)
    after = file.read_bytes()
    compile(after, fault.file, "exec")
    assert after != before
    copy.restore()
    assert (file.read_bytes(), file.stat().st_mtime_ns) == (before, changed_ns)


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.id for fault in FAULTS])
def test_a_fault_says_who_suffers_and_which_tests_come_first(fault: Fault) -> None:
    assert fault.harm.endswith(".")
    assert fault.reading in {0, *READINGS}
    assert fault.shows_in in {"", *records.SHOWS_IN}
    first = records.first_tests(fault)
    assert all((records.ROOT / each).exists() for each in first), first
    assert not {"tests", "tests/billing", "tests/server"} & set(first), "name the tests that come first: the package has none of its own"


def test_faults_have_ids_of_their_own_and_stand_in_the_file_of_their_area() -> None:
    counts = collections.Counter(fault.id for fault in FAULTS)
    assert [each for each, count in counts.items() if count > 1] == []
    assert {file.stem for file in records.FOLDER.glob("*.toml")} == AREAS
    for file in records.FOLDER.glob("*.toml"):
        assert {fault.area for fault in FAULTS if f'id = "{fault.id}"' in file.read_text()} == {file.stem}


def test_there_are_enough_of_every_sort() -> None:
    of_readings = [fault.reading for fault in FAULTS if fault.reading]
    assert len(FAULTS) >= FAULTS_MIN
    assert len(of_readings) >= OF_READINGS_MIN
    assert set(of_readings) == READINGS
    assert {fault.shows_in for fault in FAULTS} == {"", *records.SHOWS_IN}


def test_a_campaign_that_stops_early_has_tried_every_sort() -> None:
    ordered = records.in_turns(FAULTS)
    assert sorted(fault.id for fault in ordered) == sorted(fault.id for fault in FAULTS)
    half = ordered[: len(ordered) // 2]
    assert {fault.area for fault in half} == AREAS
    assert {fault.shows_in for fault in half} == {"", *records.SHOWS_IN}
    assert sum(fault.reading > 0 for fault in half) >= OF_READINGS_MIN


def test_a_fault_whose_text_is_not_there_or_stands_twice_does_not_apply() -> None:
    fault = records.Fault("runs-toy", "toy.py", "a", "b", "Nobody.")
    for text in ("xyz", "a a"):
        with pytest.raises(records.DoesNotApplyError, match=r"runs-toy: its text stands \d times in toy.py"):
            records.planted(text, fault)
    assert records.planted("x = a", fault) == "x = b"


def test_tests_of_the_package_come_first(tmp_path: Path) -> None:
    (tmp_path / "tests/toy").mkdir(parents=True)
    fault = records.Fault("runs-toy", "toy/deep/sums.py", "a", "b", "Nobody.")
    assert records.first_tests(fault, tmp_path) == ("tests/toy",)
    (tmp_path / "tests/toy/deep").mkdir()
    assert records.first_tests(fault, tmp_path) == ("tests/toy/deep",)
