"""What a user reads when a usage file is packed or written so that nothing can be taken from it. To change a text see conftest.py."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.errors.conftest import Provoke


def zipped(**members: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("_up_", "../"), content)
    return made.getvalue()


def tar_with_link() -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        link = tarfile.TarInfo("calls.csv")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return made.getvalue()


def parquet(**columns: pa.Array) -> bytes:
    made = io.BytesIO()
    pq.write_table(pa.table(columns), made)
    return made.getvalue()


# source, file's name, its bytes -> golden text
FILES = [
    ("asterisk", "day.zip", zipped(_up_calls=b"x"), "path_out_of_the_folder"),
    ("asterisk", "day.zip", zipped(inner=zipped(calls=b"x")), "archive_inside"),
    ("asterisk", "day.zip", zipped(calls=b"x" * 100)[:90], "damaged_zip"),
    ("asterisk", "day.tar", tar_with_link(), "link_in_a_tar"),
    ("asterisk", "day.gz", gzip.compress(b"x" * 100)[:-9], "damaged_gzip"),
    ("asterisk", "day.zst", pa.Codec("zstd").compress(b"x" * 100, asbytes=True)[:-3], "damaged_zstd"),
    ("canonical", "day.parquet", parquet(served_id=pa.array([1]), colour=pa.array(["red"])), "other_columns"),
]


@pytest.mark.parametrize("case", FILES, ids=[file[3] for file in FILES])
def test_files_that_cannot_be_read(provoke: Provoke, tmp_path: Path, case: tuple[str, str, bytes, str]) -> None:
    source, name, data, golden = case
    path = tmp_path / name
    path.write_bytes(data)
    provoke(["usage", "inspect", path, "--source", source], status=1, golden=f"usage_files/{golden}", unchanged=path)
