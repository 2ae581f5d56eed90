"""Files that are damaged on purpose or by a disk: looked at and taken in they give rows, rejects or an error that helps, in bounded memory.

The line that never ends is 192 MiB here, and 4 GiB in `make hostile` (RATEWRIGHT_SPARSE_BYTES): what it costs grows with nothing but time.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from typing import TYPE_CHECKING

import pytest

from billing.intake.taking import Intake
from billing.store.home import Home
from mediation.definitions.named import find
from mediation.inspect import inspect
from rating.errors import UnusableFileError, UserError
from tests.mediation import accounting, hostile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mediation.sources.model import Source

NOW_US = 1_800_000_000_000_000
SPARSE_BYTES = int(os.environ.get("RATEWRIGHT_SPARSE_BYTES", str(192 << 20)))
SPARSE_SECONDS_MAX = 60 + (SPARSE_BYTES >> 20) // 4  # a hang is a hang: forty times what it takes
# What Python, Arrow and the kernels take, the window and what a decoder makes of it. It does not depend on the size of the file.
SPARSE_MEMORY_MAX = 512 << 20
BOMB_BYTES = 1100 << 20  # what takes less than a gigabyte is taken, however it is packed


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with Home.open(tmp_path / "home", create=True) as opened:
        yield opened


def survive(path: Path, source: Source, home: Home) -> None:
    """Look at the file and take it in. Either all its rows are counted, or it is refused with a remedy."""
    accounting.decode_and_account(path, accounting.unpacked(path.read_bytes()), source)
    try:
        seen = inspect(path, source)
    except UserError as error:
        accounting.check_refusal(error)
        with pytest.raises(UserError):
            Intake(home).take_file(path, source, NOW_US)
        return
    counted = (seen.accepted, seen.duplicate, seen.conflicting, seen.absorbed, seen.waiting, *seen.rejected.values())
    assert sum(counted) == seen.rows
    try:
        report = Intake(home).take_file(path, source, NOW_US)
    except UserError as error:  # of which no row can be used
        accounting.check_refusal(error)
        assert sum(seen.rejected.values()) == seen.rows
        return
    if not report.already_taken:
        assert report.received == seen.rows == sum(report.rows.values())


@pytest.mark.parametrize("source", hostile.TEXT_SOURCES.values(), ids=hostile.TEXT_SOURCES)
def test_files_written_badly(source: Source, home: Home, tmp_path: Path) -> None:
    for name, data in hostile.written_badly(source).items():
        path = tmp_path / name.replace(" ", "_")
        path.write_bytes(data)
        survive(path, source, home)
        path.unlink()


@pytest.mark.parametrize("source", hostile.SOURCES.values(), ids=hostile.SOURCES)
def test_files_of_one_byte(source: Source, home: Home, tmp_path: Path) -> None:
    for byte in hostile.SINGLE_BYTES:
        path = tmp_path / f"byte_{byte.hex()}"
        path.write_bytes(byte)
        survive(path, source, home)


@pytest.mark.slow
@pytest.mark.parametrize("source", hostile.TEXT_SOURCES.values(), ids=hostile.TEXT_SOURCES)
def test_files_of_few_bytes_again_and_again(source: Source, tmp_path: Path) -> None:
    data = hostile.sound(source)
    for name, piece in hostile.monotonous().items():
        for content in (piece, data + piece):
            path = tmp_path / "monotonous"
            path.write_bytes(content)
            assert accounting.decode_and_account(path, content, source) is None or name


LONG_RECORDS = {
    "asterisk": b"x," * (5 << 19) + b"\n",
    "chf-json": b'{"chargingId": "' + b"x" * (5 << 20) + b'"}\n',
    "fixed-width": b"x" * (5 << 20) + b"\n",
    "freeswitch-json": b'{"variables": {"uuid": "' + b"x" * (5 << 20) + b'"}}\n',
    "freeswitch-xml": b"<cdr><variables><uuid>" + b"x" * (5 << 20) + b"</uuid></variables></cdr>\n",
    "radius-detail": b"Mon Mar  2 12:30:05 2026\n\tUser-Name = " + b"x" * (5 << 20) + b"\n\n",
}


@pytest.mark.parametrize("format_", LONG_RECORDS)
def test_records_behind_one_that_is_too_long_are_taken(format_: str, tmp_path: Path) -> None:
    source = hostile.SOURCES[format_]
    data, path = hostile.sound(source), tmp_path / "file"
    path.write_bytes(data)
    sound = accounting.decode_and_account(path, data, source)
    path.write_bytes(LONG_RECORDS[format_] + data)
    behind = accounting.decode_and_account(path, LONG_RECORDS[format_] + data, source)
    assert sound is not None
    assert behind is not None
    assert behind.usage.column("event_key").equals(sound.usage.column("event_key"))
    assert [reject.reason for reject in behind.rejects[:5]] == ["row_too_long"] * 5


# source, first bytes of a line that never ends
LONG_LINES = {
    "asterisk": ("asterisk", b'"a","b",' + b"x" * 5000),
    "in quotes": ("asterisk", b'"a","b' + b"x" * 5000),
    "freeswitch": ("freeswitch", b'"a","b",' + b"x" * 5000),
    "kamailio-acc": ("kamailio-acc", b"1,INVITE," + b"x" * 5000),
    "delimited, names in the header": ("delimited", b"x" * 5000),
    "gateway": ("gateway", b"x" * 5000),
    "fixed-width": ("fixed-width", b"x" * 5000),
    "freeswitch-json": ("freeswitch-json", b'{"variables": {"uuid": "' + b"x" * 5000),
    "no JSON": ("freeswitch-json", b"x" * 5000),
    "chf-json": ("chf-json", b'{"multipleUnitUsage": [' + b" " * 5000),
    "freeswitch-xml": ("freeswitch-xml", b"<cdr><variables><uuid>" + b"x" * 5000),
    "a comment of XML": ("freeswitch-xml", b"<cdr></cdr><!-- " + b"x" * 5000),
    "radius-detail": ("radius-detail", b"Mon Mar  2 12:30:05 2026\n\tUser-Name = " + b"x" * 5000),
    "cisco-cucm": ("cisco-cucm", b"cdrRecordType," + b"x" * 5000),
}
LOOK = """
import sys
from benchmarks.peak import peak_bytes
from mediation.inspect import inspect
from tests.mediation import hostile
from rating.errors import UserError
source = hostile.SOURCES[sys.argv[2]]
try:
    seen = inspect(sys.argv[1], source)
    assert sum(seen.rejected.values()) == seen.rows > 0, seen
except UserError as error:
    assert "header" in error.message, error.message
print(peak_bytes())
"""


@pytest.mark.slow
@pytest.mark.parametrize("case", LONG_LINES)
def test_a_line_that_never_ends(case: str, tmp_path: Path) -> None:
    source, head = LONG_LINES[case]
    path = hostile.sparse(tmp_path / "long", head, SPARSE_BYTES)
    words = [sys.executable, "-c", LOOK, str(path), source]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=SPARSE_SECONDS_MAX)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < SPARSE_MEMORY_MAX


@pytest.mark.parametrize("source", hostile.TEXT_SOURCES.values(), ids=hostile.TEXT_SOURCES)
def test_a_file_of_4_gib_of_zeros_is_refused_at_once(source: Source, tmp_path: Path) -> None:
    path = hostile.sparse(tmp_path / "zeros", b"", 4 << 30)
    with pytest.raises(UnusableFileError) as told:
        inspect(path, source)
    accounting.check_refusal(told.value)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "data"), [("day.csv.gz", hostile.gzip_of_zeros), ("day.zip", hostile.zip_of_zeros)])
def test_what_is_packed_a_thousand_times(name: str, data: object, tmp_path: Path) -> None:
    path = tmp_path / name
    assert callable(data)
    path.write_bytes(data(BOMB_BYTES))
    assert path.stat().st_size < 2 << 20
    before = set(tmp_path.iterdir())
    assert accounting.decode_packed(path, find("asterisk")) in ([None], [])
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("name", "kind", "target"),
    [
        ("../day.csv", tarfile.REGTYPE, ""),
        ("/etc/day.csv", tarfile.REGTYPE, ""),
        ("a/../../day.csv", tarfile.REGTYPE, ""),
        ("..\\day.csv", tarfile.REGTYPE, ""),
        ("day.csv", tarfile.SYMTYPE, "/etc/passwd"),
        ("day.csv", tarfile.LNKTYPE, "/etc/passwd"),
        ("day.csv", tarfile.FIFOTYPE, ""),
        ("day.csv", tarfile.CHRTYPE, ""),
    ],
)
def test_archives_that_lead_elsewhere(name: str, kind: bytes, target: str, tmp_path: Path) -> None:
    path = tmp_path / "day.tar"
    path.write_bytes(hostile.tar_with(name, kind, target))
    assert accounting.decode_packed(path, find("asterisk")) == []
    assert list(tmp_path.iterdir()) == [path]
