"""Where compiled kernels are kept: numba unpickles what lies there, so nobody else may be able to write it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from rating import jit, private_folders

OTHER_UID = 65534  # nobody
_TELLS_FOLDER = """
import sys
from pathlib import Path
from rating import jit, private_folders
private_folders._ABOVE_THIS_FILE |= set(Path(sys.argv[1]).parents)
print(jit.cache_folder([Path(jit.__file__)]))
"""

IS_ROOT = os.geteuid() == 0


def _folder_taken(temporary: Path, cache: Path) -> Path:
    """The cache folder that a process takes, with these two places to choose from."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(temporary))
        patch.setenv("XDG_CACHE_HOME", str(cache))
        return jit.cache_folder([Path(jit.__file__)])


def _folder_taken_by_a_process(temporary: Path, cache: Path) -> Path:
    """The same of a process of its own, which has ended."""
    variables = {**os.environ, "TMPDIR": str(temporary), "XDG_CACHE_HOME": str(cache)}
    ran = subprocess.run([sys.executable, "-c", _TELLS_FOLDER, str(temporary)], env=variables, capture_output=True, text=True, check=True)
    return Path(ran.stdout.strip())


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose folders above those of a test are guarded, as this one's need not be."""
    monkeypatch.setattr(private_folders, "_ABOVE_THIS_FILE", frozenset(tmp_path.parents))


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    """A temporary folder as `/tmp` is: everybody writes, and removes only what is theirs."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    folder.chmod(0o1777)
    return folder


def _no_cache(tmp_path: Path) -> Path:
    """A place where no folder can be made, for root either."""
    place = tmp_path / "a-file"
    place.write_text("")
    return place


def test_a_new_folder_is_closed_to_others(tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "ratewright" / "kernels" / "engine"
    assert private_folders.made(folder, below=tmp_path / "cache")
    assert [oct(each.stat().st_mode & 0o777) for each in (folder, folder.parent, folder.parent.parent)] == ["0o700"] * 3


def test_an_ordinary_cache_folder_is_used_again(tmp_path: Path, temporary: Path) -> None:
    first, second = (_folder_taken(temporary, tmp_path / "cache") for _ in range(2))
    assert first == second
    assert first.is_relative_to(tmp_path / "cache" / "ratewright" / "kernels")


def test_without_a_cache_the_folder_of_this_user_in_the_temporary_one_is_used_again(tmp_path: Path, temporary: Path) -> None:
    first, second = (_folder_taken(temporary, _no_cache(tmp_path)) for _ in range(2))
    assert first == second
    assert first.is_relative_to(temporary / f"ratewright-{os.geteuid()}")


def _writable_by_all(planted: Path) -> None:
    planted.mkdir(parents=True)
    planted.chmod(0o777)


def _writable_by_group(planted: Path) -> None:
    planted.mkdir(parents=True)
    os.chown(planted, -1, OTHER_UID) if IS_ROOT else None
    planted.chmod(0o770)


def _a_link(planted: Path) -> None:
    elsewhere = planted.parent.parent / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    planted.parent.mkdir(exist_ok=True)
    planted.symlink_to(elsewhere)


def _of_another(planted: Path) -> None:
    planted.mkdir(parents=True)
    os.chown(planted, OTHER_UID, -1)


PLANTED = [_writable_by_all, _a_link] + ([_writable_by_group, _of_another] if IS_ROOT else [])


@pytest.mark.parametrize("plant", PLANTED)
def test_what_another_could_have_planted_in_the_temporary_folder_is_not_run(tmp_path: Path, temporary: Path, plant) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    plant(temporary / f"ratewright-{os.geteuid()}")
    taken = _folder_taken(temporary, _no_cache(tmp_path))
    assert not taken.is_relative_to(temporary / f"ratewright-{os.geteuid()}")
    assert taken.parent == temporary


def test_a_folder_for_one_process_goes_with_it(tmp_path: Path, temporary: Path) -> None:
    _writable_by_all(temporary / f"ratewright-{os.geteuid()}")
    taken = _folder_taken_by_a_process(temporary, _no_cache(tmp_path))
    assert (taken.parent, taken.exists()) == (temporary, False)


@pytest.mark.parametrize("plant", PLANTED)
def test_a_cache_folder_that_others_can_write_is_not_used(tmp_path: Path, temporary: Path, plant) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    plant(tmp_path / "cache" / "ratewright")
    assert not _folder_taken(temporary, tmp_path / "cache").is_relative_to(tmp_path / "cache")


def test_a_folder_that_others_can_exchange_is_not_private(tmp_path: Path) -> None:
    above = tmp_path / "above"
    above.mkdir()
    above.chmod(0o777)
    assert not private_folders.made(above / "cache" / "kernels", below=above / "cache")
    above.chmod(0o1777)
    assert private_folders.made(above / "cache" / "kernels", below=above / "cache")


def test_folders_above_the_program_itself_are_not_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    above = tmp_path / "above"
    above.mkdir()
    above.chmod(0o777)
    monkeypatch.setattr(private_folders, "_ABOVE_THIS_FILE", frozenset([above, *above.parents]))
    assert private_folders.made(above / "cache" / "kernels", below=above / "cache")
