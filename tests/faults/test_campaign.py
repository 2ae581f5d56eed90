"""Campaigns on a toy: what is caught, what survives, what is unsure; going on after a stop, and after a kill in the middle."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.faults import campaign, results, trying
from tests.faults.records import Fault
from tests.faults.results import ABSENT, CAUGHT, NOTHING_PLANTED, SURVIVED, UNSURE, Result
from tests.faults.tree import Copy, CopyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

pytestmark = pytest.mark.slow  # processes of their own

PYTEST = shlex.quote(sys.executable) + " -m pytest -q -p no:cacheprovider {tests}"
TARGET = trying.Target("sh tests/run.sh {tests}", ())  # says what pytest would, in no time
FILES = {
    "toy/sums.py": "def add(a, b):\n    return a + b\n\n\ndef one():\n    return 1\n\n\ndef two():\n    return 2\n",
    "tests/toy/test_sums.py": "from toy.sums import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n",
    "tests/far/test_one.py": "",
    "tests/bad/test_bad.py": "",
    "tests/run.sh": """fail() { echo "FAILED tests/$1 - assert"; exit 1; }
for test in "$@"; do case $test in
    tests/toy*) grep -q "a + b" toy/sums.py || fail toy/test_sums.py::test_add ;;
    tests/far*) grep -q "return 1" toy/sums.py || fail far/test_one.py::test_one ;;
    tests/bad*) fail bad/test_bad.py::test_bad ;;
esac; done
""",
    "tests/faults/test_own.py": "",
    "pytest.ini": "[pytest]\npythonpath = .\n",
}
ADD = Fault("runs-add", "toy/sums.py", "a + b", "a - b", "Sums are differences.")
ONE = Fault("store-one", "toy/sums.py", "return 1", "return 3", "One is three.")
TWO = Fault("store-two", "toy/sums.py", "return 2", "return 4", "Two is four.")
ANYWAY = Fault("store-anyway", "toy/sums.py", "return 2", "return 5", "Two is five.", first=("tests/bad",))
GONE = Fault("ledger-gone", "toy/gone.py", "x", "y", "Nobody.")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with one commit."""
    folder = tmp_path_factory.mktemp("source")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    for words in (("init", "--quiet"), ("add", "."), ("-c", "user.name=x", "-c", "user.email=x@x", "commit", "--quiet", "-m", "Toy")):
        subprocess.run(["git", "-C", str(folder), *words], check=True)
    return folder


@pytest.fixture(scope="module")
def copy(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Copy:
    made = Copy(tmp_path_factory.mktemp("copy"))
    made.prepare(source, "HEAD")
    return made


@pytest.fixture
def carry_out(copy: Copy, tmp_path: Path) -> Callable[..., list[str]]:
    """Carry out a campaign, and give what was told. Results go to `results.jsonl`."""

    def act(faults: Iterable[Fault], target: trying.Target = TARGET, hours: float = 1) -> list[str]:
        told: list[str] = []
        campaign.carry_out(copy, target, list(faults), tmp_path / "results.jsonl", hours=hours, tell=told.append)
        return told

    return act


def outcomes(file: Path) -> dict[str, tuple[str, str, tuple[str, ...]]]:
    return {name: (each.outcome, each.step, each.by) for name, each in results.read(file).items()}


def test_a_fault_is_caught_by_the_test_that_fails_and_passes_without_it(
    carry_out: Callable[..., list[str]], copy: Copy, tmp_path: Path
) -> None:
    told = carry_out([ADD, TWO, ANYWAY, GONE])
    assert outcomes(tmp_path / "results.jsonl") == {
        "runs-add": (CAUGHT, "first", ("tests/toy/test_sums.py::test_add",)),
        "store-two": (SURVIVED, "", ()),
        "store-anyway": (UNSURE, "first", ("tests/bad/test_bad.py::test_bad",)),
        "ledger-gone": (ABSENT, "", ()),
    }
    assert told[0].startswith("1/4 runs-add: caught by tests/toy/test_sums.py::test_add (first)")
    assert told[-1].endswith(" h left")
    assert (copy.folder / "toy/sums.py").read_text() == FILES["toy/sums.py"]


def test_pytest_itself_is_understood(copy: Copy) -> None:
    found = campaign.tried(copy, trying.Target(PYTEST, ()), ADD, "tree")
    assert (found.outcome, found.by) == (CAUGHT, ("tests/toy/test_sums.py::test_add",))


def test_what_survives_the_package_is_held_to_the_whole_target(carry_out: Callable[..., list[str]], tmp_path: Path) -> None:
    target = TARGET._replace(whole=("sh tests/run.sh tests/toy", "sh tests/run.sh tests/far"))
    carry_out([ONE, TWO], target)
    assert outcomes(tmp_path / "results.jsonl") == {
        NOTHING_PLANTED: (SURVIVED, "whole", ()),
        "store-one": (CAUGHT, "whole", ("tests/far/test_one.py::test_one",)),
        "store-two": (SURVIVED, "", ()),
    }


def test_a_target_that_fails_with_nothing_planted_is_refused(carry_out: Callable[..., list[str]], tmp_path: Path) -> None:
    with pytest.raises(campaign.NotCleanError, match=r"it would catch anything: tests/bad/test_bad.py::test_bad"):
        carry_out([ADD], TARGET._replace(whole=("sh tests/run.sh tests/bad",)))
    assert set(results.read(tmp_path / "results.jsonl")) == {NOTHING_PLANTED}


def test_a_campaign_goes_on_where_it_was(carry_out: Callable[..., list[str]], tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    known = [Result("store-two", SURVIVED, "tree", 9.0), Result("runs-add", UNSURE, "tree", 9.0, why="?")]
    for each in known:
        results.add(file, each)
    file.write_bytes(file.read_bytes() + b'{"fault":"store-one","outco')  # a kill while it wrote
    assert carry_out([ADD, ONE, TWO], hours=-1) == ["the time is up: 2 faults are left for the next call"]
    told = carry_out([ADD, ONE, TWO])
    assert [each.partition(":")[0] for each in told] == ["2/3 runs-add", "3/3 store-one"]
    assert {name: each.outcome for name, each in results.read(file).items()} == {
        "store-two": SURVIVED,
        "runs-add": CAUGHT,
        "store-one": SURVIVED,
    }


@pytest.mark.parametrize(
    ("command", "outcome"), [("sh -c 'grep -q \"a + b\" toy/sums.py || sleep 60' {tests}", CAUGHT), ("sh -c 'sleep 60' {tests}", UNSURE)]
)
def test_tests_that_end_without_a_fault_alone_catch_it(copy: Copy, command: str, outcome: str) -> None:
    found = campaign.tried(copy, trying.Target(command, (), first_minutes=0.01), ADD, "tree")
    assert (found.outcome, found.by) == (outcome, (trying.TIMED_OUT,))


def test_a_command_that_names_no_test_tells_nothing(copy: Copy) -> None:
    found = campaign.tried(copy, trying.Target("false {tests}", ()), ADD, "tree")
    assert (found.outcome, found.why) == (UNSURE, "exit status 1, and no test is named: ")


def test_whoever_comes_after_a_kill_puts_the_file_back(copy: Copy, source: Path) -> None:
    file = copy.folder / "toy/sums.py"
    before = file.read_bytes(), file.stat().st_mtime_ns
    copy.plant(ADD)
    assert file.read_bytes() != before[0]
    Copy(copy.folder).prepare(source, "HEAD")
    assert (file.read_bytes(), file.stat().st_mtime_ns) == before


def test_tests_that_a_killed_campaign_left_are_ended(copy: Copy) -> None:
    left = subprocess.Popen(["sleep", "60"], cwd=copy.folder, start_new_session=True)
    copy.running.write_text(str(left.pid))
    copy.restore()
    assert left.wait() == -signal.SIGKILL
    elsewhere = subprocess.Popen(["sleep", "60"], start_new_session=True)  # another one has the number by now
    copy.running.write_text(str(elsewhere.pid))
    copy.restore()
    assert elsewhere.poll() is None
    elsewhere.kill()
    elsewhere.wait()


def test_a_second_fault_is_planted_alone(copy: Copy) -> None:
    copy.plant(ADD)
    copy.plant(ONE)
    assert (copy.folder / "toy/sums.py").read_text() == FILES["toy/sums.py"].replace("return 1", "return 3")


def test_the_copy_has_no_tests_of_faults_and_no_campaign_beside_another(copy: Copy) -> None:
    assert not (copy.folder / "tests/faults").exists()
    with copy.alone(), pytest.raises(CopyError, match="another campaign works in"), Copy(copy.folder).alone():
        pass


def test_no_folder_of_somebody_elses_is_taken(source: Path, tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("mine")
    with pytest.raises(CopyError, match="is no copy of before"):
        Copy(tmp_path).prepare(source, "HEAD")


def test_files_that_are_called_like_the_fault_come_first(copy: Copy) -> None:
    fault = Fault("toy-far-sum", "toy/sums.py", "a", "b", "Nobody.")
    assert trying.tests_of(copy, fault, ("tests/far", "tests/toy", "tests/gone")) == ("tests/toy/test_sums.py", "tests/far/test_one.py")
    assert trying.tests_of(copy, fault, ("tests/gone",)) == ("tests/toy/test_sums.py",)


def test_the_summary_of_pytest_names_what_failed() -> None:
    said = "FAILED tests/a/test_b.py::test_c[x y - z] - AssertionError: FAILED\nERROR tests/a/test_d.py - SyntaxError\nFAILED elsewhere\n"
    assert trying.failed_in(said) == ("tests/a/test_b.py::test_c[x y - z]", "tests/a/test_d.py")


def test_campaigns_are_compared_by_what_both_have_tried() -> None:
    caught = Result("runs-add", CAUGHT, "t", 60.0, ("tests/toy/test_sums.py::test_add",), "first")
    one = {"runs-add": caught, "store-one": Result("store-one", SURVIVED, "t", 60.0), "store-two": Result("store-two", CAUGHT, "t", 1.0)}
    other = {"runs-add": Result("runs-add", SURVIVED, "t", 60.0), "store-one": Result("store-one", SURVIVED, "t", 60.0)}
    assert list(results.compared([ADD, ONE, TWO], one, other)) == [
        "2 of 3 faults are tried by both: the first catches 1, the second 0",
        "caught by the first alone: 1",
        f"  {'runs-add':<38} tests/toy/test_sums.py::test_add",
        "caught by the second alone: 0",
        "caught by neither: 1",
        f"  {'store-one':<38} One is three.",
    ]
    assert list(results.table([ADD, ONE, TWO], one))[1:] == [
        f"{'runs':<12}{1:>8}{1:>16}{0:>16}{0:>16}{0:>16}{0:>8}",
        f"{'store':<12}{2:>8}{1:>16}{1:>16}{0:>16}{0:>16}{0:>8}",
        f"{'all':<12}{3:>8}{2:>16}{1:>16}{0:>16}{0:>16}{0:>8}",
        "0.0 hours in all",
        f"survived: {'store-one':<38} One is three.",
    ]
