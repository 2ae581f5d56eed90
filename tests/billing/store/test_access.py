"""Rights to a home: its owner's, or a group's that shares it, and never everybody's; of files that are made later as well."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from billing.store import access
from billing.store.checks import checking
from billing.store.home import Home
from server.cli.app import main

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _ordinary_mask() -> Iterator[None]:
    """The mask that most machines have, and that lets everybody read."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def _rights(home: Path) -> set[tuple[str, str]]:
    """Kind and rights of everything in a home, the folder itself included."""
    modes = [(path, path.stat().st_mode) for path in (home, *home.rglob("*"))]
    return {("folder" if stat.S_ISDIR(mode) else "file", oct(mode & 0o2777)) for _, mode in modes}


def test_a_new_home_is_its_owners_alone(tmp_path: Path) -> None:
    with Home.open(tmp_path / "home", create=True) as home:
        (home.charges_folder / "run=1").mkdir()
        (home.charges_folder / "run=1" / "later.parquet").write_bytes(b"later")
    assert _rights(tmp_path / "home") == {("folder", "0o700"), ("file", "0o600")}


def test_an_empty_folder_that_everybody_may_enter_is_closed(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir(mode=0o755)
    Home.open(tmp_path / "home", create=True).close()
    assert _rights(tmp_path / "home") == {("folder", "0o700"), ("file", "0o600")}


def test_a_folder_that_a_group_can_write_stays_the_groups(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home").chmod(0o2775)
    with Home.open(tmp_path / "home", create=True) as home:
        (home.charges_folder / "later.parquet").write_bytes(b"later")
        assert _rights(tmp_path / "home") == {("folder", "0o2770"), ("file", "0o660")}


def test_whoever_shares_a_home_writes_files_that_the_group_can_write(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home").chmod(0o2770)
    Home.open(tmp_path / "home", create=True).close()
    os.umask(0o022)
    with Home.open(tmp_path / "home") as home:
        (home.charges_folder / "by-another.parquet").write_bytes(b"later")
    assert (tmp_path / "home" / "charges" / "by-another.parquet").stat().st_mode & 0o777 == 0o660


def test_an_open_home_of_before_is_warned_about_and_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = tmp_path / "home"
    Home.open(home, create=True).close()
    home.chmod(0o755)
    assert main(["db", "where", "--home", str(home)]) == 0
    assert main(["db", "check", "--home", str(home)]) == 1
    told = capsys.readouterr()
    assert f"warning: everybody on this machine may enter {home}; close it: chmod -R o-rwx {home}" in told.err
    assert f".: everybody may enter it: chmod o-rwx {home}" in told.out


def test_a_file_that_others_may_read_is_a_finding(tmp_path: Path) -> None:
    with Home.open(tmp_path / "home", create=True) as home:
        assert checking.check(home).findings == []
        loose = home.journal_folder / "loose"
        loose.write_bytes(b"")
        loose.chmod(0o644)
        [finding] = checking.check(home).findings
    assert finding == ("usage/journal/loose", f"more than its owner may use it: chmod -R go-rwx {tmp_path / 'home'}")


def test_exports_have_the_rights_that_the_user_gives(tmp_path: Path) -> None:
    program = f"""
import os
os.umask(0o022)
from pathlib import Path
from billing.store import access
from billing.store.home import Home
Home.open({str(tmp_path / "home")!r}, create=True)
with access.users_mask():
    Path({str(tmp_path / "export.csv")!r}).write_text("")
Path({str(tmp_path / "beside.csv")!r}).write_text("")
"""
    subprocess.run([sys.executable, "-c", program], check=True)
    assert (tmp_path / "export.csv").stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "beside.csv").stat().st_mode & 0o777 == 0o600


def test_rights_of_the_postgresql_address(tmp_path: Path) -> None:
    """database.json is written as a temporary file first, which only its owner could read."""
    path = tmp_path / "database.json"
    path.touch(0o600)
    os.umask(0o007)
    access.as_any_file(path)
    assert path.stat().st_mode & 0o777 == 0o660
