"""Killed at every step between a claim and the archive: no record is lost, none counts twice, no file is without a place.

A folder is collected, and killed at one point. Then it is collected again, and must end as one that nobody disturbed. In the last test
several collectors work beside each other and die one after the other.
"""

from __future__ import annotations

import collections
import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from billing.catalogue import Operator
from billing.collection import collecting, findings, folders, loop
from billing.collection.claims import taken_place
from billing.intake import books, view
from billing.store import commit_points, tables
from billing.store.home import Home
from mediation.bytes.reader import fingerprint
from tests.billing.collection.drop import NOW_US, SOURCES, Call, files_in, put, text
from tests.crash_images import Crashes

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[3]
MINE = [name for name in commit_points.POINTS if name.split(".")[0] in {"collect", "intake", "seal", "waiver"}]
LATER = ["intake.committed:2", "intake.journal_synced:3", "collect.taken:2", "collect.noted:3", "collect.noted:5", "collect.moved:4"]
WORK = """
import sys
import time
from pathlib import Path
from tests.billing.collection.test_kill import work
work(Path(sys.argv[1]))
"""
CALLS_A_FILE = 3
FILES = 24


def lay_out(root: Path) -> set[str]:
    """A folder with something of everything; returns the SHA-256 of every file but the ready file."""
    again = text(Call("a"), Call("b", 0))
    put(root, "sw1_0001.csv", again)
    put(root, "sw1_0002.csv", text(Call("c"), Call("b", 0), Call("d"), "broken"))  # b once more: a duplicate
    put(root, "sw1_0004.csv", again)  # sent once more under the number of another file
    put(root, "sw2/x.csv", text(Call("e"), "TRAILER,1,60"))
    put(root, "sw2/y.csv", text(Call("f"), "TRAILER,2,60"))  # cut off: rejected
    put(root, "r_1.csv", text(Call("g")))
    put(root, "r_1.csv.ok", "")
    return {hashlib.sha256(path.read_bytes()).hexdigest() for path in root.rglob("*.csv")}


def work(folder: Path) -> None:
    """Collect what is there, seal along the way, and waive the gap that is left."""
    opened = folders.open_folders(folder / "drop")
    with Home.open(folder / "home", create=True) as home, taken_place(opened) as place:
        collector = collecting.Collector(
            home, opened, place, collecting.Rules(SOURCES, 0), collecting.Clocks(lambda: NOW_US, lambda: NOW_US)
        )
        while True:
            found = loop.once(home, collector, loop.Pace(1, 0, 2), _world())
            assert not found.troubles, found.troubles
            if not found.done:
                break
        with home.connect() as connection:
            left = [each.name for each in findings.open_findings(connection) if each.kind == findings.MISSING]
        for name in left:
            findings.waive(home, name, "a test", Operator("ann", 1001), NOW_US)


def _world() -> loop.Surroundings:
    ignore: Callable[..., None] = lambda *_args: None  # noqa: E731 - nobody listens
    return loop.Surroundings(lambda: 0, lambda: NOW_US, ignore, lambda: False, ignore, ignore)


def state(folder: Path) -> dict[str, object]:
    """What counts and where the files are, without numbers that a second try may change. Holds what must hold at every moment."""
    with Home.open(folder / "home", create=True) as home:
        with home.connect() as connection:
            head = home.head_seq(connection)
            collected = connection.execute(sa.select(tables.collected_files.c.file_name, tables.collected_files.c.state)).all()
            raw = connection.execute(sa.select(tables.raw_files.c.sha256, tables.raw_files.c.archived_path)).all()
            counts = tables.intake_counts.c
            query = sa.select(counts.source, counts.outcome, sa.func.sum(counts.rows), sa.func.sum(counts.duration_us))
            sums = connection.execute(query.group_by(counts.source, counts.outcome)).all()
            found = [(each.kind, each.text, each.is_open) for each in findings.findings(connection)]
        for line in books.intake_book(home, head):
            assert line.left == line.right, line
        records = view.usage(home, ["record_id", "source"], head, every=True).to_pylist()
        names = collections.Counter((row["source"], row["record_id"]) for row in records)
    assert max(names.values(), default=1) == 1, "no record counts twice"
    return {
        "records": sorted(names),
        "collected": sorted(map(tuple, collected)),
        "sums": sorted(map(tuple, sums)),
        "files": files_in(folder / "drop"),
        "findings": found,
        "archived": sorted((sha256.hex(), Path(path).name if path else None) for sha256, path in raw),
    }


def hashes(folder: Path) -> collections.Counter[str]:
    """How often each content lies somewhere below the folder."""
    paths = [folder / "drop" / name for name in files_in(folder / "drop") if name.endswith((".csv", ".csv.2"))]
    return collections.Counter(hashlib.sha256(path.read_bytes()).hexdigest() for path in paths)


@pytest.fixture(scope="module")
def crashes(tmp_path_factory: pytest.TempPathFactory) -> Crashes:
    prepare = lambda folder: lay_out(folder / "drop")  # noqa: E731 -- named by what it is for
    return Crashes(tmp_path_factory.mktemp("crashes"), prepare, work, by_kill=["collect.noted", "intake.journal_synced:3"])


@pytest.fixture(scope="module")
def expected(crashes: Crashes) -> dict[str, object]:
    return state(crashes.unharmed())


def _run(folder: Path, point: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", WORK, str(folder)],
        cwd=ROOT,
        env={**os.environ, commit_points.VARIABLE: point},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in {0, -signal.SIGKILL}, done.stderr
    return done.returncode


def test_what_nobody_disturbs_ends_as_it_should(expected: dict[str, object]) -> None:
    wanted = [("ready", "g.1"), *(("sw1", f"{name}.1") for name in "abcd"), ("sw2", "e.1")]
    assert expected["records"] == wanted
    assert expected["collected"] == [
        ("r_1.csv", "taken"),
        ("sw1_0001.csv", "taken"),
        ("sw1_0002.csv", "taken"),
        ("sw1_0004.csv", "resent"),
        ("sw2/x.csv", "taken"),
        ("sw2/y.csv", "rejected"),
    ]
    assert [(kind, is_open) for kind, _, is_open in expected["findings"]] == [("missing", False), ("rejected", True)]  # type: ignore[attr-defined]  # the figures are of several types


@pytest.mark.parametrize("point", [*MINE, *LATER])
def test_a_kill_and_a_second_try_end_alike(tmp_path: Path, expected: dict[str, object], crashes: Crashes, point: str) -> None:
    folder = crashes.at(point)
    before = hashes(folder)
    assert set(before) == lay_out(tmp_path), "every file has a place"
    assert sum(before.values()) == 6
    state(folder)  # readable at once, and balanced, before anyone mends anything
    work(folder)
    assert state(folder) == expected
    assert hashes(folder) == before
    folders_left = {path.name for path in (folder / "drop/.claimed").rglob("*") if path.is_dir()}
    assert folders_left <= {"1", "unpacked"}, "no claim is left"
    _check_archive(folder)


def test_collectors_beside_each_other_that_die_one_by_one(tmp_path: Path) -> None:
    names = {f"f{number:02d}" for number in range(FILES)}
    for name in sorted(names):
        calls = [Call(f"{name}-{index}", seconds=10 + index) for index in range(CALLS_A_FILE)]
        put(tmp_path / "drop", f"sw2/{name}.csv", text(*calls, f"TRAILER,{CALLS_A_FILE},33"))
    points = ["collect.claimed:3", "intake.journal_synced:2", "collect.taken:2", "collect.noted:2", "seal.files_written", "collect.moved:4"]
    workers = [
        subprocess.Popen([sys.executable, "-c", WORK, str(tmp_path)], cwd=ROOT, env={**os.environ, commit_points.VARIABLE: point})
        for point in points[:3]
    ]
    for point in points[3:]:
        _run(tmp_path, point)
    assert {worker.wait(timeout=120) for worker in workers} <= {0, -signal.SIGKILL}
    work(tmp_path)
    found = state(tmp_path)
    wanted = sorted(("sw2", f"{name}-{index}.1") for name in names for index in range(CALLS_A_FILE))
    assert found["records"] == wanted
    assert found["collected"] == [(f"sw2/{name}.csv", "taken") for name in sorted(names)]
    assert ("sw2", "received", FILES * CALLS_A_FILE, FILES * 33_000_000) in found["sums"]  # type: ignore[operator]  # the figures are of several types
    assert not [sums for sums in found["sums"] if sums[1] == "duplicate" and sums[2]]  # type: ignore[attr-defined]  # the figures are of several types
    _check_archive(tmp_path)


def test_kills_at_any_instant(tmp_path: Path) -> None:
    rng = random.Random(5)  # of the waits; where in its work the process then is, the machine decides
    names = {f"f{number:02d}" for number in range(2 * FILES)}
    for name in sorted(names):
        put(tmp_path / "drop", f"sw2/{name}.csv", text(Call(name), Call(f"{name}-0", 0), "TRAILER,2,60"))
    archive = tmp_path / "drop/archive"
    for _ in range(5):
        before = len(list(archive.rglob("*.csv")))
        worker = subprocess.Popen([sys.executable, "-c", WORK, str(tmp_path)], cwd=ROOT)
        while worker.poll() is None and len(list(archive.rglob("*.csv"))) < before + 2:
            time.sleep(0.002)
        time.sleep(rng.random() * 0.06)
        worker.kill()
        worker.wait()
        state(tmp_path)
    work(tmp_path)
    found = state(tmp_path)
    assert found["records"] == sorted(("sw2", f"{each}.1") for name in names for each in (name, f"{name}-0"))
    assert found["collected"] == [(f"sw2/{name}.csv", "taken") for name in sorted(names)]
    assert not [sums for sums in found["sums"] if sums[1] == "duplicate" and sums[2]]  # type: ignore[attr-defined]  # the figures are of several types
    _check_archive(tmp_path)


def _check_archive(folder: Path) -> None:
    """Every taken file lies where the store says, with the bytes that were taken."""
    with Home.open(folder / "home") as home, home.connect() as connection:
        for sha256, path in connection.execute(sa.select(tables.raw_files.c.sha256, tables.raw_files.c.archived_path)):
            assert fingerprint(Path(path)).sha256 == sha256
