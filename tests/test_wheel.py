"""The wheel holds what the tree holds: every file of the packages that git does not ignore, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = {name: name for name in ("rating", "tariffs", "mediation", "billing", "server")} | {"proto/ratewright": "ratewright"}


def files_of_git() -> set[str]:
    """Names in the wheel of every file of the packages that git knows or would add."""
    done = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *SOURCES],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip("git does not know this tree")
    names = set()
    for path in filter(None, done.stdout.split("\0")):
        folder = next(folder for folder in SOURCES if path.startswith(f"{folder}/"))
        names.add(SOURCES[folder] + path.removeprefix(folder))
    return names


@pytest.mark.slow
def test_wheel_holds_what_git_knows(tmp_path: Path) -> None:
    expected = files_of_git()
    build = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"
    done = subprocess.run([sys.executable, "-c", build, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True)
    with zipfile.ZipFile(tmp_path / done.stdout.split()[-1]) as wheel:
        held = {name for name in wheel.namelist() if ".dist-info/" not in name}
        metadata = {Path(name).name for name in wheel.namelist() if ".dist-info/" in name}
    assert expected - held == set(), "git knows these, the wheel lacks them"
    assert held - expected == set(), "the wheel holds these, git ignores them"
    assert {"METADATA", "entry_points.txt", "LICENSE"} <= metadata


def test_every_kind_of_file_is_there_to_be_held() -> None:
    """The comparison would be empty-handed if the list of git were."""
    suffixes = {Path(name).suffix for name in files_of_git()}
    assert {".py", ".pyi", ".proto", ".yaml"} <= suffixes
    assert "billing/store/migrations/versions/r0001_first.py" in files_of_git()
