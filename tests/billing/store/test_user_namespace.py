"""A home is decided upon in the user namespace in which it was made: in another one, account numbers prove nothing. On both databases."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from billing import setting_changes
from billing.intake.taking import Intake
from billing.store import copying, tables, user_namespace
from billing.store.home import Home
from billing.store.user_namespace import MACHINE
from rating.errors import UserError
from rating.schema import USAGE_V1

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[3]
NOW_US = 1_772_366_400_000_000
PODMAN = "0 1000 1,1 100000 65536"  # of a rootless container
FORGED = "5000 1000 1"  # unshare --user --map-user=5000
SETTINGS = "import sys; from server.cli.app import main; sys.exit(main(sys.argv[1:]))"


@pytest.fixture
def folder(tmp_path: Path, both: str) -> Iterator[Path]:
    assert both
    Home.open(tmp_path / "home", create=True, uid_map=MACHINE).close()
    return tmp_path / "home"


def decide(folder: Path, uid_map: str) -> int:
    """Somebody decides something."""
    with Home.open(folder, uid_map=uid_map) as home, home.begin() as connection:
        return home.next_commit_seq(connection, "decision", NOW_US)


def kept_map(folder: Path) -> str:
    with Home.open(folder) as home, home.connect() as connection:
        row = tables.settings.c
        return str(connection.execute(sa.select(row.value).where(row.name == user_namespace.NAME)).scalar_one())


def forget_map(folder: Path) -> None:
    """As homes of earlier versions are."""
    with Home.open(folder) as home, home.begin() as connection:
        connection.execute(tables.settings.delete().where(tables.settings.c.name == user_namespace.NAME))


def test_what_a_person_signs_is_refused_under_another_map(folder: Path) -> None:
    assert decide(folder, MACHINE) == 1
    with pytest.raises(UserError) as caught:
        decide(folder, FORGED)
    assert caught.value.message == (
        "this process is in a user namespace with the map 5000 1000 1, and the home was made under 0 0 4294967295: "
        "the person who decides is not known"
    )
    assert "ratewright db copy" in caught.value.remedy
    with Home.open(folder, uid_map=FORGED) as home:
        with pytest.raises(UserError, match="the person who decides is not known"):
            setting_changes.put(home, "lines_per_day_max", "14", "ana", 5000, NOW_US)
        with home.connect() as connection:
            assert home.head_seq(connection) == 1, "reading goes on, and nothing was stored"
        with home.begin() as connection:
            assert home.next_commit_seq(connection, "usage", NOW_US) == 2, "usage, which nobody signs, comes in"


def test_what_is_brought_back_out_of_suspense_is_signed_by_a_person(folder: Path) -> None:
    """So are write-offs, which go the same way. The commit is one of usage."""
    with Home.open(folder, uid_map=FORGED) as home, pytest.raises(UserError, match="the person who decides is not known"):
        Intake(home).take_recycled(USAGE_V1.empty_table(), (), NOW_US)
    with Home.open(folder, uid_map=MACHINE) as home:
        assert Intake(home).take_recycled(USAGE_V1.empty_table(), (), NOW_US) == 1


def test_a_home_of_a_rootless_container_goes_on_in_it(tmp_path: Path) -> None:
    Home.open(tmp_path / "home", create=True, uid_map=PODMAN).close()
    assert decide(tmp_path / "home", PODMAN) == 1
    with pytest.raises(UserError, match="the person who decides is not known"):
        decide(tmp_path / "home", MACHINE)
    assert kept_map(tmp_path / "home") == PODMAN


@pytest.mark.parametrize(
    ("uid_map", "opened_by", "kept"), [(MACHINE, "another", MACHINE), (PODMAN, "owner", PODMAN), (FORGED, "another", None)]
)
def test_a_home_of_an_earlier_version_takes_a_map(
    folder: Path, monkeypatch: pytest.MonkeyPatch, uid_map: str, opened_by: str, kept: str | None
) -> None:
    """Of the machine whoever opens it, of a namespace the owner's alone: others are refused there, and leave it as it was."""
    forget_map(folder)
    if opened_by == "another":
        monkeypatch.setattr(os, "getuid", lambda: folder.stat().st_uid + 1)
    if kept is None:
        with pytest.raises(UserError, match="the person who decides is not known"):
            decide(folder, uid_map)
        monkeypatch.undo()
        assert decide(folder, MACHINE) == 1
    else:
        assert decide(folder, uid_map) == 1
        assert kept_map(folder) == kept


def test_a_copy_is_made_where_it_is_copied(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user_namespace, "of_process", lambda: PODMAN)
    with Home.open(folder) as home:
        copying.copy(home, tmp_path / "copy", None)
    assert kept_map(tmp_path / "copy") == PODMAN
    assert decide(tmp_path / "copy", PODMAN) == 1


def test_a_map_is_read_as_the_kernel_writes_it(tmp_path: Path) -> None:
    assert user_namespace.of_text("         0       1000          1\n         1     100000      65536\n") == PODMAN
    assert user_namespace.of_process(str(tmp_path / "none")) == ""
    assert user_namespace.of_process() == user_namespace.of_text(Path("/proc/self/uid_map").read_text(encoding="ascii"))


def test_a_file_of_another_file_system_is_no_map(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "self").mkdir()
    (tmp_path / "self" / "uid_map").write_text("0 0 4294967295\n")
    assert user_namespace.of_process(str(tmp_path)) == ""
    monkeypatch.setattr(user_namespace, "_open_beneath", refuse)
    assert user_namespace.of_process(str(tmp_path)) == "", "on a kernel of before 5.6 as well"
    assert user_namespace.of_process() != ""


def refuse(root: int) -> int:
    raise user_namespace.NotKnownError(root)


OVER = {
    "a file": "printf '0 0 4294967295\\n' > forged; mount --bind forged /proc/$$/uid_map",
    "a file of another process": "mount --bind /proc/$PPID/cmdline /proc/$$/uid_map",
    "a folder": "mkdir forged; printf '0 0 4294967295\\n' > forged/uid_map; mount --bind forged /proc/$$",
}


@pytest.mark.parametrize("what", OVER)
def test_a_map_that_is_mounted_over_is_none(tmp_path: Path, what: str) -> None:
    """For real where the machine permits it to this user; `unshare` says so with its own status."""
    program = "from billing.store.user_namespace import of_process; print(repr(of_process()))"
    read = f'{OVER[what]} || exit 77; exec {sys.executable} -c "{program}"'
    words = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", read]
    done = subprocess.run(words, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False)
    is_permitted = done.returncode != 77 and "unshare:" not in done.stderr
    assert done.stdout == ("''\n" if is_permitted else ""), done.stderr


def test_a_forged_account_decides_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`unshare` for real where the machine permits it to this user; else the same by the map."""
    home = tmp_path / "home"
    Home.open(home, create=True).close()
    monkeypatch.delenv("RATEWRIGHT_DATABASE", raising=False)
    words = [sys.executable, "-c", SETTINGS, "settings", "set", "lines_per_day_max", "14", "--home", str(home)]
    forged = ["unshare", "--user", "--map-user=5000"]
    permitted = subprocess.run([*forged, "true"], check=False, capture_output=True).returncode == 0
    if permitted:
        done = subprocess.run([*forged, *words], check=False, capture_output=True, text=True, cwd=ROOT)
        assert (done.returncode, "the person who decides is not known" in done.stderr) == (1, True), done.stderr
    else:
        with pytest.raises(UserError, match="the person who decides is not known"):
            decide(home, FORGED)
    done = subprocess.run(words, check=False, capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stdout) == (0, "lines_per_day_max is 14\n"), done.stderr
