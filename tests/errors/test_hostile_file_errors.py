"""What a user reads when a usage file is none: zeros, bombs, another encoding, documents that expand. To change a text see conftest.py."""

from __future__ import annotations

import gzip
import tarfile
from typing import TYPE_CHECKING

import pytest

from mediation.bytes.containers import files_in
from mediation.definitions.named import find
from mediation.inspect import inspect
from rating.errors import UnusableFileError
from tests.errors.conftest import compare
from tests.mediation import hostile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.errors.conftest import Provoke

BOMB_BYTES = 1100 << 20
_LAUGHS = hostile.written_badly(hostile.TEXT_SOURCES["freeswitch-xml"])["a bomb of entities"].split(b"</cdrs>\n")[0] + b"</cdrs>\n"

# source, file's name, its bytes -> golden text
FILES = [
    ("asterisk", "Master.csv", bytes(1 << 20), "zeros"),
    ("radius-detail", "detail", b"\0", "one_zero"),
    ("freeswitch-json", "a.cdr.json", b"\xff\xfe" + '{"a": "b"}'.encode("utf-16-le"), "utf16_with_mark"),
    ("freeswitch-json", "a.cdr.json", '{"a": "b"}'.encode("utf-16-le"), "utf16_little_end_first"),
    ("freeswitch-json", "a.cdr.json", '{"a": "b"}'.encode("utf-16-be"), "utf16_big_end_first"),
    ("cisco-cucm", "cdr_1", b'"cdrRecordType","globalCallID', "cut_header"),
    ("canonical", "usage.parquet", b"PAR1" + bytes(1000), "parquet_of_zeros"),
    ("canonical", "usage.arrow", b"ARROW1" + bytes(1000), "arrow_of_zeros"),
    ("canonical", "usage.arrows", b"usage\n", "no_arrow"),
    ("asterisk", "day.tar", hostile.tar_with("/etc/day.csv"), "absolute_path_in_a_tar"),
    ("asterisk", "day.tar", hostile.tar_with("day.csv", tarfile.FIFOTYPE), "pipe_in_a_tar"),
    ("asterisk", "day.tar", hostile.tar_with("day.csv")[:700], "cut_tar"),
    ("asterisk", "day.csv.gz", gzip.compress(b"x" * 100, mtime=0) + b"more", "more_behind_a_gzip"),
]
# The same for files that are read and hold nothing that can be used: `inspect` prints its figures before it says so.
UNUSABLE = [
    ("kamailio-acc", "acc.csv", b"\xff" * 100 + b"\n", "no_utf8"),
    ("freeswitch-xml", "a.cdr.xml", _LAUGHS, "bomb_of_entities"),
    ("freeswitch-json", "a.cdr.json", b'{"a":' * hostile.DEPTH + b"1" + b"}" * hostile.DEPTH, "deep_json"),
    ("chf-json", "chf.json", b'{"a": "' + b"x" * (5 << 20) + b'"}', "record_of_5_mib"),
    ("asterisk", "Master.csv", b'"never closed' + b"\n" + b'"again' * 20_000, "quote_never_closed"),
]


@pytest.mark.parametrize("case", FILES, ids=[file[3] for file in FILES])
def test_files_that_cannot_be_read(provoke: Provoke, tmp_path: Path, case: tuple[str, str, bytes, str]) -> None:
    source, name, data, golden = case
    path = tmp_path / name
    path.write_bytes(data)
    provoke(["usage", "inspect", path, "--source", source], status=1, golden=f"usage_files/{golden}", unchanged=path)


@pytest.mark.slow
@pytest.mark.parametrize("case", [*FILES, *UNUSABLE], ids=[file[3] for file in (*FILES, *UNUSABLE)])
def test_files_of_which_nothing_is_taken_in(provoke: Provoke, tmp_path: Path, case: tuple[str, str, bytes, str]) -> None:
    source, name, data, golden = case
    path, home = tmp_path / name, tmp_path / "no-home"
    path.write_bytes(data)
    provoke(["usage", "ingest", path, "--source", source, "--home", home], status=1, golden=f"usage_files/{golden}", unchanged=path)
    assert not home.exists()


@pytest.mark.slow
@pytest.mark.parametrize(("name", "data"), [("day.csv.gz", hostile.gzip_of_zeros), ("day.zip", hostile.zip_of_zeros)])
def test_a_bomb(name: str, data: Callable[[int], bytes], tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(data(BOMB_BYTES))
    with pytest.raises(UnusableFileError) as told, files_in(path) as members:
        inspect(members[0].path, find("asterisk"))
    text = f"error: {told.value.message}\n  remedy: {told.value.remedy}\n"
    compare(text.replace(str(tmp_path), "<folder>"), f"usage_files/bomb_{path.suffix[1:]}")
