"""Files that a user names for what a command makes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from billing.store import output_files
from rating.errors import UserError


def names(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()}


def test_a_new_file_is_whole_and_nothing_lies_beside_it(tmp_path: Path) -> None:
    output_files.write(tmp_path / "a.csv", b"new", overwrite=False)
    assert ((tmp_path / "a.csv").read_bytes(), names(tmp_path)) == (b"new", {"a.csv"})


def test_a_file_that_is_there_is_replaced_only_where_that_is_said(tmp_path: Path) -> None:
    path = tmp_path / "thesis.csv"
    path.write_bytes(b"years of work")
    path.chmod(0o640)
    for act in (lambda: output_files.require_free(path, overwrite=False), lambda: output_files.write(path, b"new", overwrite=False)):
        with pytest.raises(UserError) as refused:
            act()
        assert (refused.value.message, refused.value.remedy) == (
            f"{path} is there already",
            "name another file, or replace it with --overwrite",
        )
    assert path.read_bytes() == b"years of work"
    output_files.write(path, b"new", overwrite=True)
    assert (path.read_bytes(), path.stat().st_mode & 0o777, names(tmp_path)) == (b"new", 0o640, {"thesis.csv"})


def test_a_link_stays_and_what_it_leads_to_is_held_like_any_file(tmp_path: Path) -> None:
    (tmp_path / "old.csv").write_bytes(b"old")
    link = tmp_path / "link.csv"
    link.symlink_to("old.csv")
    with pytest.raises(UserError, match="is there already"):
        output_files.write(link, b"new", overwrite=False)
    output_files.write(link, b"new", overwrite=True)
    assert (link.is_symlink(), (tmp_path / "old.csv").read_bytes()) == (True, b"new")


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_link_to_nothing_and_a_folder_are_refused(tmp_path: Path, *, overwrite: bool) -> None:
    link = tmp_path / "link.csv"
    link.symlink_to("nowhere.csv")
    with pytest.raises(UserError, match="is a link that leads nowhere"):
        output_files.write(link, b"new", overwrite=overwrite)
    with pytest.raises(UserError, match="is a folder"):
        output_files.write(tmp_path, b"new", overwrite=overwrite)
    assert names(tmp_path) == {"link.csv"}


def test_what_fails_half_way_leaves_the_file_of_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="No space left on device"):
        output_files.write(path, b"new", overwrite=True)
    assert (path.read_bytes(), names(tmp_path)) == (b"old", {"a.csv"})


def test_a_file_that_comes_meanwhile_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, real = tmp_path / "a.csv", os.fsync

    def another(handle: int) -> None:
        path.write_bytes(b"of another")
        real(handle)

    monkeypatch.setattr(os, "fsync", another)
    with pytest.raises(UserError, match="is there already"):
        output_files.write(path, b"new", overwrite=False)
    assert (path.read_bytes(), names(tmp_path)) == (b"of another", {"a.csv"})


def test_devices_are_written_to_as_they_are() -> None:
    output_files.write(Path("/dev/null"), b"new", overwrite=False)
    read, write = os.pipe()
    output_files.write(Path(f"/dev/fd/{write}"), b"through a pipe", overwrite=False)
    assert os.read(read, 100) == b"through a pipe"
    os.close(read)
    os.close(write)
