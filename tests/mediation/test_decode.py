"""Files to usage: widths, broken rows, bytes, packing, parts, and rubbish."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import os
import random
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa
import pytest

from mediation import decode as decode_module
from mediation.decode import decode, decode_parts
from mediation.definitions.named import find
from mediation.records import csv_blocks
from mediation.sources.model import LocalTime
from rating.errors import UserError
from rating.schema import USAGE_V1, OffsetOrigin, ServedKind, UsageFlag

if TYPE_CHECKING:
    from pathlib import Path

    from mediation.decoded import Decoded

ASTERISK, FREESWITCH = find("asterisk"), find("freeswitch")


def rows_of(decoded: Decoded, *names: str) -> list[tuple[Any, ...]]:
    decoded.usage.validate(full=True)
    assert decoded.usage.schema.equals(USAGE_V1, check_metadata=True)
    assert decoded.rows == decoded.usage.num_rows + len(decoded.rejects)
    return list(zip(*(decoded.usage.column(name).to_pylist() for name in names), strict=True))


def test_the_fixtures_are_what_their_script_writes(fixtures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.util.spec_from_file_location("make_fixtures", fixtures / "make_fixtures.py")
    assert spec is not None and spec.loader is not None  # noqa: PT018 - for mypy
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    monkeypatch.setattr(script, "FOLDER", tmp_path)
    script.main()
    plain = [path for path in fixtures.iterdir() if path.suffix == ".csv"]
    assert plain
    assert {path.name: path.read_bytes() for path in plain} == {path.name: (tmp_path / path.name).read_bytes() for path in plain}


def test_every_width(fixtures: Path) -> None:
    found = rows_of(
        decode(fixtures / "widths.csv", ASTERISK), "record_id", "source_seq", "call_ref", "served_id", "other_e164", "duration_us"
    )
    same = ("8613900000001", 8613700000001, 60_000_000)
    assert found == [
        ("PJSIP/a-00000001", None, None, *same),  # 16
        ("1772445602.2", None, None, *same),  # 17, uniqueid
        ("PJSIP/a-00000003", None, None, *same),  # 17, userfield
        ("1772445604.4", None, None, *same),  # 18
        ("PJSIP/a-00000005", 5, "pbx1-1772445605.5", *same),  # 19
        ("1772445606.6", 6, "1772445606.6", *same),  # 20, uniqueid
        ("PJSIP/a-00000007", 7, "pbx1-1772445607.7", *same),  # 20, userfield
        ("1772445608.8", 8, "1772445608.8", *same),  # 21
    ]


def test_one_row_in_full(fixtures: Path) -> None:
    row = decode(fixtures / "widths.csv", ASTERISK).usage.slice(7, 1).to_pylist()[0]
    assert len(row.pop("event_key")) == len(row.pop("content_hash")) == 16
    assert row.pop("start_us").isoformat() == "2026-03-02T10:00:05+00:00"
    expected = {
        "source": "asterisk",
        "raw_file_id": 0,
        "raw_offset": 1932,
        "raw_length": 301,
        "record_id": "1772445608.8",
        "source_seq": 8,
        "service": 1,
        "direction": 1,
        "leg_role": 1,
        "served_kind": ServedKind.E164,
        "served_id": "8613900000001",
        "served_raw": "8613900000001",
        "other_e164": 8613700000001,
        "other_raw": "8613700000001",
        "trunk_in": "PJSIP/a-00000008",
        "trunk_out": "PJSIP/t-00000002",
        "offset_s": 0,
        "offset_origin": OffsetOrigin.SOURCE_ZONE,
        "duration_us": 60_000_000,
        "call_ref": "1772445608.8",
        "cause": 16,
        "flags": 0,
    }
    assert {name: value for name, value in row.items() if value is not None} == expected
    raw = (fixtures / "widths.csv").read_bytes()[1932 : 1932 + 301]
    assert raw.startswith(b'"",') and raw.endswith(b'"8"')  # noqa: PT018 - two ends of one row


def test_gzip_is_told_by_content(fixtures: Path, tmp_path: Path) -> None:
    renamed = tmp_path / "widths.csv"
    renamed.write_bytes((fixtures / "widths.csv.gz").read_bytes())
    plain, packed = decode(fixtures / "widths.csv", ASTERISK), decode(renamed, ASTERISK)
    assert packed.usage.equals(plain.usage)
    assert packed.file_sha256 != plain.file_sha256
    assert packed.size_bytes == renamed.stat().st_size


def test_a_truncated_gzip_gives_nothing(fixtures: Path) -> None:
    parts = decode_parts(fixtures / "truncated.csv.gz", ASTERISK)
    with pytest.raises(UserError, match="truncated or damaged gzip"):
        next(parts)


def test_damaged_gzip(fixtures: Path, tmp_path: Path) -> None:
    data = bytearray((fixtures / "widths.csv.gz").read_bytes())
    data[60] ^= 0xFF
    path = tmp_path / "damaged.gz"
    path.write_bytes(data)
    with pytest.raises(UserError, match="truncated or damaged gzip"):
        decode(path, ASTERISK)


def test_broken_rows_are_refused_and_the_rest_goes_on(fixtures: Path) -> None:
    data = (fixtures / "broken.csv").read_bytes()
    decoded = decode(fixtures / "broken.csv", ASTERISK)
    assert [row[0] for row in rows_of(decoded, "record_id")] == ["1772445600.90", "1772445600.91", "1772445600.92", "1772445600.93"]
    assert len(decoded.rejects) == 14
    for reject in decoded.rejects:
        assert reject.raw == data[reject.offset : reject.offset + reject.length]
        assert reject.reason.encode() in reject.raw  # each broken row names its reason
    places = [(reject.offset, reject.length) for reject in decoded.rejects] + rows_of(decoded, "raw_offset", "raw_length")
    left = bytearray(data)
    for offset, length in sorted(places, reverse=True):
        del left[offset : offset + length]
    assert bytes(left).strip(b"\r\n") == b""


def test_bytes_that_are_not_utf8_and_fields_over_lines(fixtures: Path) -> None:
    found = rows_of(decode(fixtures / "bytes.csv", ASTERISK), "record_id", "served_id", "served_kind")
    assert found == [
        ("1772445600.1", "Müller", ServedKind.ACCOUNT_CODE),
        ("1772445600.2", "8613900000001", ServedKind.E164),
        ("1772445600.3", "8613900000001", ServedKind.E164),
        ("1772445600.4", "8613900000001", ServedKind.E164),
        ("1772445600.5", '"陈"', ServedKind.ACCOUNT_CODE),
    ]


def test_local_times_around_clock_changes(fixtures: Path) -> None:
    berlin = msgspec.structs.replace(ASTERISK, name="berlin", timezone="Europe/Berlin")
    decoded = decode(fixtures / "local_times.csv", berlin)
    starts = [row[0].strftime("%Y-%m-%dT%H:%M:%S") for row in rows_of(decoded, "start_us")]
    assert starts == ["2026-03-29T00:59:59", "2026-10-25T00:59:59", "2026-10-25T02:00:05"]
    assert rows_of(decoded, "offset_s", "offset_origin") == [(3600, 2), (7200, 1), (3600, 2)]
    assert [reject.reason for reject in decoded.rejects] == ["nonexistent_local_time", "ambiguous_local_time"]


@pytest.mark.parametrize(
    ("policy", "nonexistent", "ambiguous"),
    [(LocalTime.EARLIER, ("00:30:05", 7200), ("00:30:05", 7200)), (LocalTime.LATER, ("01:30:05", 3600), ("01:30:05", 3600))],
)
def test_policies_for_doubtful_local_times(fixtures: Path, policy: LocalTime, nonexistent: Any, ambiguous: Any) -> None:  # noqa: ANN401
    berlin = msgspec.structs.replace(ASTERISK, name="berlin", timezone="Europe/Berlin", local_time=policy)
    decoded = decode(fixtures / "local_times.csv", berlin)
    found = rows_of(decoded, "start_us", "offset_s", "offset_origin")
    guessed = [(start.strftime("%H:%M:%S"), offset_s) for start, offset_s, origin in found if origin == OffsetOrigin.GUESSED]
    assert guessed == [nonexistent, ambiguous]


def test_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "empty.csv"
    path.touch()
    decoded = decode(path, ASTERISK)
    assert rows_of(decoded, "record_id") == []
    assert (decoded.rows, decoded.size_bytes) == (0, 0)


def test_header_lines_are_left_out(fixtures: Path, tmp_path: Path) -> None:
    path = tmp_path / "header.csv"
    path.write_bytes(b"accountcode,src\n# more\n" + (fixtures / "widths.csv").read_bytes())
    source = msgspec.structs.replace(ASTERISK, header_lines=2)
    decoded = decode(path, source)
    assert (decoded.rows, decoded.rejects) == (8, [])
    assert decoded.usage.column("raw_offset")[0].as_py() == 23


def test_a_byte_order_mark_is_no_part_of_the_first_row(fixtures: Path, tmp_path: Path) -> None:
    path = tmp_path / "mark.csv"
    path.write_bytes(b"\xef\xbb\xbf" + (fixtures / "widths.csv").read_bytes())
    decoded = decode(path, ASTERISK)
    assert (decoded.rows, decoded.rejects, decoded.usage.column("raw_offset")[0].as_py()) == (8, [], 3)


WRONG_FILES = [
    ("UTF-16", "a,b\n".encode("utf-16"), "UTF-16 text"),
    ("binary", b"\x00\x01\x02", "binary file"),
    ("binary in gzip", gzip.compress(b"\x00\x01"), "binary file"),
    ("zip", b"PK\x03\x04 ...", "zip archive"),
    ("bzip2", b"BZh91AY", "bzip2 archive"),
]


@pytest.mark.parametrize(("data", "message"), [case[1:] for case in WRONG_FILES], ids=[case[0] for case in WRONG_FILES])
def test_files_that_are_no_text(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "wrong.csv"
    path.write_bytes(data)
    with pytest.raises(UserError, match=message) as caught:
        decode(path, ASTERISK)
    assert caught.value.remedy


def test_a_folder_and_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is a folder"):
        decode(tmp_path, ASTERISK)
    with pytest.raises(UserError, match="there is no file"):
        decode(tmp_path / "none.csv", ASTERISK)


def many_rows(fixtures: Path, count: int) -> bytes:
    """Ring-all calls whose two legs lie far apart, so that parts and windows come between them."""
    winner, loser = (fixtures / "legs.csv").read_text().splitlines()[:2]
    first = [winner.replace("1772445600.10", f"1772445600.1{place}") for place in range(count)]
    second = [loser.replace("1772445600.10", f"1772445600.1{place}") for place in range(count)]
    return ("\n".join(first + second) + "\n").encode()


def test_parts_and_windows_change_nothing(fixtures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "many.csv"
    path.write_bytes(many_rows(fixtures, 5_000))
    whole = decode(path, ASTERISK)
    assert whole.usage.column("flags").to_pylist() == [0] * 5_000 + [UsageFlag.ABSORBED] * 5_000
    monkeypatch.setattr(csv_blocks, "BLOCK_ROWS_MAX", 777)
    monkeypatch.setattr(decode_module, "WINDOW_BYTES", 1 << 21)
    parts = list(decode_parts(path, ASTERISK))
    assert max(part.rows for part in parts) == 777
    assert pa.concat_tables([part.usage for part in parts]).equals(whole.usage)
    assert decode(path, ASTERISK).usage.equals(whole.usage)
    packed = tmp_path / "many.gz"
    packed.write_bytes(gzip.compress(path.read_bytes(), 1))
    assert decode(packed, ASTERISK).usage.equals(whole.usage)


def test_progress_counts_bytes_to_the_end(fixtures: Path) -> None:
    told: list[tuple[int, int]] = []
    size = (fixtures / "legs.csv").stat().st_size
    decode(fixtures / "legs.csv", ASTERISK, progress=lambda done, total: told.append((done, total)))
    assert told == [(size, size)]
    told.clear()
    list(decode_parts(fixtures / "legs.csv", ASTERISK, progress=lambda done, total: told.append((done, total))))
    assert told == [(size, 2 * size), (2 * size, 2 * size)]


def test_a_file_that_changes_between_the_readings(fixtures: Path, tmp_path: Path) -> None:
    path = tmp_path / "changing.csv"
    path.write_bytes(many_rows(fixtures, 100))

    def shorten(*_: int) -> None:
        path.write_bytes(many_rows(fixtures, 10))

    with pytest.raises(UserError, match="changed while it was read"):
        list(decode_parts(path, ASTERISK, progress=shorten))


@pytest.mark.parametrize("read", [decode, lambda path, source, progress: list(decode_parts(path, source, progress=progress))])
def test_a_file_that_is_cut_off_under_our_hands(fixtures: Path, tmp_path: Path, read: Any, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ANN401
    """As logrotate does with `copytruncate`: the copy still has to be taken, so this file may not count as taken."""
    monkeypatch.setattr(csv_blocks, "BLOCK_ROWS_MAX", 500)
    monkeypatch.setattr(decode_module, "WINDOW_BYTES", 1 << 21)
    path = tmp_path / "Master.csv"
    path.write_bytes(many_rows(fixtures, 5_000))

    with pytest.raises(UserError, match="changed while it was read"):
        read(path, ASTERISK, progress=lambda *_: os.truncate(path, 0))


def test_the_hash_is_that_of_the_bytes_that_were_read(fixtures: Path, tmp_path: Path) -> None:
    path = tmp_path / "widths.csv"
    for name in ("widths.csv", "widths.csv.gz"):
        path.write_bytes((fixtures / name).read_bytes())
        expected = (hashlib.sha256(path.read_bytes()).digest(), path.stat().st_size)
        decoded = decode(path, ASTERISK, progress=lambda *_: path.write_bytes(b"overwritten") and None)
        assert (decoded.file_sha256, decoded.size_bytes) == expected


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(UserError, match="is a pipe or device"):
        decode(path, ASTERISK)


def test_what_a_switch_appends_meanwhile_is_left_for_the_next_time(fixtures: Path, tmp_path: Path) -> None:
    path = tmp_path / "growing.csv"
    path.write_bytes(many_rows(fixtures, 100))
    size = path.stat().st_size

    def append(*_: int) -> None:
        with path.open("ab") as file:
            file.write(many_rows(fixtures, 1))

    parts = list(decode_parts(path, ASTERISK, progress=append))
    assert [(part.rows, part.size_bytes) for part in parts] == [(200, size)]
    assert path.stat().st_size > size


def test_keys_depend_on_source_and_installation(fixtures: Path) -> None:
    path = fixtures / "widths.csv"
    keys = [
        decode(path, ASTERISK).usage.column("event_key").to_pylist(),
        decode(path, msgspec.structs.replace(ASTERISK, name="other")).usage.column("event_key").to_pylist(),
        decode(path, ASTERISK, hash_key=b"0123456789abcdef").usage.column("event_key").to_pylist(),
    ]
    assert len({key for column in keys for key in column}) == 24
    assert decode(path, ASTERISK).usage.column("event_key").to_pylist() == keys[0]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("source", [ASTERISK, FREESWITCH], ids=["asterisk", "freeswitch"])
def test_rubbish_never_crashes_and_every_row_is_accounted_for(fixtures: Path, tmp_path: Path, source: Any, seed: int) -> None:  # noqa: ANN401
    print(f"seed {seed}")  # noqa: T201 - shown when the test fails
    generator = random.Random(seed)
    data = bytearray((fixtures / "legs.csv").read_bytes() + (fixtures / "freeswitch.csv").read_bytes())
    for _ in range(generator.randrange(1, 400)):
        place = generator.randrange(len(data))
        kind = generator.randrange(3)
        if kind == 0:
            data[place] = generator.randrange(1, 256)
        elif kind == 1:
            data[place:place] = generator.choice([b'"', b",", b"\n", b"\r", b"9" * 30, b"-", b"\xff\xfe"])
        else:
            del data[place : place + generator.randrange(1, 40)]
    path = tmp_path / "rubbish.csv"
    path.write_bytes(b"x" + data)  # not the mark of another kind of file
    decoded = decode(path, source)
    left = bytearray(path.read_bytes())
    places = rows_of(decoded, "raw_offset", "raw_length") + [(reject.offset, reject.length) for reject in decoded.rejects]
    for offset, length in sorted(places, reverse=True):
        assert length > 0
        del left[offset : offset + length]
    assert bytes(left).strip(b"\r\n") == b""
    for reject in decoded.rejects:
        assert reject.raw == path.read_bytes()[reject.offset : reject.offset + min(reject.length, 4096)]
