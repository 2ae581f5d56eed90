"""Archives: every member a file of its own, and archives that are refused before anything is taken from them."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from mediation.bytes.containers import Limits, files_in, is_archive
from mediation.decode import decode
from mediation.definitions.named import find
from rating.errors import UnusableFileError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FILES = {"a.csv": b"first\n" * 100, "day/b.csv": b"second\n", "empty.csv": b""}


def zipped(members: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("day")
        for name, content in members.items():
            archive.writestr(name, content)
    return made.getvalue()


def tarred(members: dict[str, bytes], kind: bytes = tarfile.REGTYPE, format_: int = tarfile.PAX_FORMAT) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=format_) as archive:
        folder = tarfile.TarInfo("day")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.type, entry.linkname = len(content), kind, "a.csv"
            archive.addfile(entry, io.BytesIO(content))
    return made.getvalue()


def zstd(data: bytes) -> bytes:
    packed: bytes = pa.Codec("zstd").compress(data, asbytes=True)
    return packed


FORMS: dict[str, Callable[[dict[str, bytes]], bytes]] = {
    "x.zip": zipped,
    "x.tar": tarred,
    "gnu.tar": lambda members: tarred(members, format_=tarfile.GNU_FORMAT),
    "x.tar.gz": lambda members: gzip.compress(tarred(members)),
    "x.tar.zst": lambda members: zstd(tarred(members)),
}


def contents(path: Path, limits: Limits = Limits()) -> dict[str, bytes]:  # noqa: B008 - immutable
    with files_in(path, limits=limits) as members:
        assert all(member.size_bytes == member.path.stat().st_size for member in members)
        return {member.name: member.path.read_bytes() for member in members}


def put(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def refused(path: Path, message: str, limits: Limits = Limits()) -> None:  # noqa: B008 - immutable
    with pytest.raises(UnusableFileError, match=message), files_in(path, limits=limits):
        pass


@pytest.mark.parametrize("name", FORMS)
def test_every_member_is_a_file(name: str, tmp_path: Path) -> None:
    path = put(tmp_path / name, FORMS[name](FILES))
    assert is_archive(path)
    assert contents(path) == {f"{name}/{member}": content for member, content in FILES.items()}


@pytest.mark.parametrize("name", FORMS)
def test_what_was_unpacked_is_gone_afterwards(name: str, tmp_path: Path) -> None:
    path = put(tmp_path / name, FORMS[name](FILES))
    folder = tmp_path / "work"
    folder.mkdir()
    with files_in(path, folder) as members:
        assert all(member.path.is_relative_to(folder) for member in members)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("pack", [lambda data: data, gzip.compress, zstd])
def test_a_packed_file_is_no_archive(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = put(tmp_path / "calls", pack(FILES["a.csv"]))
    assert not is_archive(path)
    assert contents(path) == {"calls": path.read_bytes()}


@pytest.mark.parametrize("name", FORMS)
def test_no_members(name: str, tmp_path: Path) -> None:
    assert contents(put(tmp_path / name, FORMS[name]({}))) == {}


def test_what_macos_adds_is_left_out(tmp_path: Path) -> None:
    members = {"a.csv": b"x", "__MACOSX/._a.csv": b"\0", "day/._b.csv": b"\0"}
    assert contents(put(tmp_path / "x.zip", zipped(members))) == {"x.zip/a.csv": b"x"}


def test_long_and_odd_names(tmp_path: Path) -> None:
    long = "d" * 90 + "/" + "n" * 90 + ".csv"
    odd = "caf\u00e9\n.csv"
    for name, pack in FORMS.items():
        found = contents(put(tmp_path / name, pack({long: b"1", odd: b"2"})))
        assert found == {f"{name}/{long}": b"1", f"{name}/caf\u00e9\\x0a.csv": b"2"}


@pytest.mark.parametrize("bad", ["/etc/passwd", "../up.csv", "day/../../up.csv", "..\\up.csv", "C:\\up.csv", "\\\\host\\up.csv"])
@pytest.mark.parametrize("name", ["x.zip", "x.tar"])
def test_paths_that_lead_out(bad: str, name: str, tmp_path: Path) -> None:
    refused(put(tmp_path / name, FORMS[name]({"a.csv": b"x", bad: b"y"})), "leads out of the folder")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.GNUTYPE_SPARSE])
def test_links_and_devices(kind: bytes, tmp_path: Path) -> None:
    made = tarred({"l": b""}, kind)
    refused(put(tmp_path / "x.tar", made), "link, a device or a sparse file|damaged")


def test_a_link_in_a_zip(tmp_path: Path) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        entry = zipfile.ZipInfo("l")
        entry.external_attr = 0o120777 << 16
        archive.writestr(entry, "/etc/passwd")
    refused(put(tmp_path / "x.zip", made.getvalue()), "link or device")


def test_an_encrypted_zip(tmp_path: Path) -> None:
    made = bytearray(zipped({"a.csv": b"x"}))
    place = made.rfind(b"PK\x01\x02")  # of a.csv, the last member
    made[place + 8] |= 1
    refused(put(tmp_path / "x.zip", bytes(made)), "is encrypted")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", ["x.zip", "x.tar"])
def test_two_members_of_one_name(name: str, tmp_path: Path) -> None:
    made = io.BytesIO()
    if name == "x.zip":
        with zipfile.ZipFile(made, "w") as archive:
            archive.writestr("a.csv", b"1")
            archive.writestr("a.csv", b"2")
    else:
        with tarfile.open(fileobj=made, mode="w") as tar:
            for _ in range(2):
                tar.addfile(tarfile.TarInfo("a.csv"))
    refused(put(tmp_path / name, made.getvalue()), "holds a.csv twice")


def test_an_archive_inside(tmp_path: Path) -> None:
    for name, pack in FORMS.items():
        refused(put(tmp_path / name, pack({"inner": zipped(FILES)})), "holds another archive, inner")
    packed = {"inner.csv.gz": gzip.compress(b"x")}
    assert contents(put(tmp_path / "y.zip", zipped(packed))) == {"y.zip/inner.csv.gz": packed["inner.csv.gz"]}


@pytest.mark.parametrize("name", FORMS)
def test_cut_off_anywhere(name: str, tmp_path: Path) -> None:
    whole = FORMS[name](FILES)
    path = tmp_path / name
    tried = 0
    for size in range(600, len(whole), max(1, len(whole) // 40)):
        try:
            found = contents(put(path, whole[:size]))
        except UnusableFileError as error:
            assert "damaged" in str(error)  # noqa: PT017 - many cuts, one assertion
            continue
        if name in {"x.tar.gz", "x.tar.zst"}:
            assert list(found) == [name]  # no tar to be seen: who reads it says that it is damaged
        else:
            assert found == {f"{name}/{member}": content for member, content in FILES.items()}  # only padding is gone
            assert not whole[size:].strip(b"\0")
        tried += 1
    assert tried < 40


@pytest.mark.parametrize("name", FORMS)
def test_damaged_anywhere(name: str, tmp_path: Path) -> None:
    whole = FORMS[name](FILES)
    for place in range(0, len(whole), max(1, len(whole) // 150)):
        try:
            contents(put(tmp_path / name, whole[:place] + bytes([whole[place] ^ 0x5A]) + whole[place + 1 :]))
        except UnusableFileError:
            continue


def test_more_behind_the_end_of_a_tar(tmp_path: Path) -> None:
    refused(put(tmp_path / "x.tar", tarred(FILES) + tarred(FILES)), "more behind its end")


@pytest.mark.parametrize("name", FORMS)
def test_limits(name: str, tmp_path: Path) -> None:
    path = put(tmp_path / name, FORMS[name]({"a.csv": bytes(300_000), "b.csv": b""}))
    refused(path, "more than 1 files", Limits(members=1))
    refused(path, "unpacks to more than", Limits(bytes=200_000))
    if name not in {"x.tar", "gnu.tar"}:
        refused(path, "unpacks to over 200 times its size", Limits(ratio=50, ratio_bytes=100_000))


def test_a_zip_that_lists_without_end(tmp_path: Path) -> None:
    path = put(tmp_path / "x.zip", zipped(FILES))
    refused(path, "holds more than", Limits(directory_bytes=100))


def test_a_tar_header_of_gigabytes_is_not_read(tmp_path: Path) -> None:
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, 4 << 30
    path = tmp_path / "x.tar"
    with path.open("wb") as file:
        file.write(header.tobuf())
        file.truncate(5 << 30)  # sparse: takes no room
    refused(path, "a header of")


def test_gzip_bombs_are_refused_when_they_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mediation.bytes.reader.BOMB_BYTES_MIN", 1 << 20)
    for name, pack in {"x.gz": gzip.compress, "x.zst": zstd}.items():
        path = put(tmp_path / name, pack(b"a" * (4 << 20)))
        with pytest.raises(UnusableFileError, match="unpacks to over 200 times its size"):
            decode(path, find("asterisk"))


def test_zstd_reads_as_plain(fixtures: Path, tmp_path: Path) -> None:
    plain = fixtures / "widths.csv"
    data = plain.read_bytes()
    skippable = b"\x50\x2a\x4d\x18" + struct.pack("<L", 5) + b"notes"
    for name, packed in {"one": zstd(data), "two frames": zstd(data[:700]) + zstd(data[700:]), "notes": skippable + zstd(data)}.items():
        found = decode(put(tmp_path / name, packed), find("asterisk"))
        assert found.usage.equals(decode(plain, find("asterisk")).usage), name
    for cut in (zstd(data)[:-1], zstd(data)[:20], zstd(data) + b"more"):
        with pytest.raises(UnusableFileError, match="truncated or damaged zstd"):
            decode(put(tmp_path / "cut", cut), find("asterisk"))


def test_what_is_no_file(tmp_path: Path) -> None:
    refused(tmp_path / "nothing.zip", "there is no file")
    refused(tmp_path, "is a folder")
