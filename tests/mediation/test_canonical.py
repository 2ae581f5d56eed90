"""Arrow and Parquet in canonical form: every form of file, value by value, and files that are refused."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mediation.arrow import canonical_files
from mediation.decode import decode, decode_parts, decode_rows
from mediation.definitions.named import find
from mediation.inspect import inspect
from rating.errors import UnusableFileError, UserError
from rating.model import Service
from rating.schema import ServedKind, UsageFlag

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mediation.decoded import Decoded

SOURCE = find("canonical")
START = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
START_US = 1_772_366_400_000_000
FORMS = ("parquet", "arrow", "arrows")


def written(path: Path, table: pa.Table, form: str) -> Path:
    file = path / f"usage.{form}"
    if form == "parquet":
        pq.write_table(table, file)
        return file
    with pa.OSFile(str(file), "wb") as sink:
        new = pa.ipc.new_file if form == "arrow" else pa.ipc.new_stream
        with new(sink, table.schema) as writer:
            writer.write_table(table)
    return file


def table(**columns: Any) -> pa.Table:  # noqa: ANN401 - whatever Arrow takes
    """One row, of which some columns are given."""
    made: dict[str, Any] = {
        "record_id": ["r1"],
        "service": pa.array([1], pa.int8()),
        "served_id": ["8613900000001"],
        "start_us": pa.array([START_US], pa.int64()).cast(pa.timestamp("us", "UTC")),
        "duration_us": [60_000_001],
    }
    made |= columns
    return pa.table({name: column for name, column in made.items() if column is not None})


def rows_of(decoded: Decoded, *names: str) -> list[tuple[Any, ...]]:
    decoded.usage.validate(full=True)
    assert decoded.rows == decoded.usage.num_rows + len(decoded.rejects)
    return list(zip(*(decoded.usage.column(name).to_pylist() for name in names), strict=True))


@pytest.mark.parametrize("form", FORMS)
def test_every_service_in_every_form(form: str, tmp_path: Path) -> None:
    made = table(
        record_id=pa.array(["r1", "r2", "r3", "r4"]).dictionary_encode(),
        service=pa.array([1, 4, 2, 5], pa.int64()),
        served_id=pa.array(["8613900000001", "1002", "+8613900000003", "8613900000004"], pa.large_string()),
        start_us=pa.array([START] * 4, pa.timestamp("ns", "Asia/Shanghai")),
        duration_us=[60_000_001, None, None, None],
        bytes_up=pa.array([None, 5, None, None], pa.uint64()),
        units=[None, None, 1, 3],
        other_e164=[8613700000001, None, None, None],
        other_raw=["013700000001", "x", None, None],
        flags=pa.array([0, UsageFlag.UNANSWERED, 0, 0], pa.int32()),
        source_amount_micros=[None, None, None, 2_500_000],
        source_currency=[None, None, None, "CNY"],
    )
    found = decode(written(tmp_path, made, form), SOURCE)
    columns = (
        "record_id",
        "service",
        "served_id",
        "duration_us",
        "bytes_up",
        "units",
        "other_e164",
        "other_raw",
        "flags",
        "source_amount_micros",
    )
    assert rows_of(found, *columns) == [
        ("r1", Service.VOICE, "8613900000001", 60_000_001, None, None, 8613700000001, "013700000001", 0, None),
        ("r2", Service.DATA, "1002", None, 5, None, None, "x", UsageFlag.UNANSWERED, None),
        ("r3", Service.SMS, "8613900000003", None, None, 1, None, "", 0, None),
        ("r4", Service.CONTENT, "8613900000004", None, None, 3, None, "", 0, 2_500_000),
    ]
    assert set(found.usage.column("start_us").to_pylist()) == {START}
    assert found.usage.column("raw_offset").to_pylist() == [0, 1, 2, 3]
    assert found.file_sha256


def test_our_own_usage_comes_back_as_it_was(fixtures: Path, tmp_path: Path) -> None:
    calls = decode(fixtures / "widths.csv", find("asterisk")).usage
    found = decode(written(tmp_path, calls, "parquet"), SOURCE).usage
    same = [name for name in calls.schema.names if name not in canonical_files.OUR_OWN]
    assert found.select(same).to_pylist() == calls.select(same).to_pylist()


def test_kinds_of_payers(tmp_path: Path) -> None:
    made = pa.concat_tables(
        [
            table(served_id=["acme"], served_raw=["1002"], served_kind=pa.array([ServedKind.ACCOUNT_CODE], pa.int8())),
            table(served_id=["8613900000001"], served_raw=["x"], served_kind=pa.array([ServedKind.E164], pa.int8())),
        ]
    )
    definition = tmp_path / "partner.yaml"
    definition.write_text("name: partner\nformat: canonical\nnumbering: {country_code: '49', plain: national}\n")
    found = decode(written(tmp_path, made, "arrow"), find(str(definition)))
    assert rows_of(found, "served_kind", "served_id", "served_raw") == [
        (ServedKind.ACCOUNT_CODE, "acme", "1002"),
        (ServedKind.E164, "8613900000001", "x"),  # with its country code, whatever the numbering says
    ]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"record_id": pa.array([None], pa.string())}, "missing_value"),
        ({"served_id": [""]}, "missing_value"),
        ({"service": pa.array([None], pa.int8())}, "missing_value"),
        ({"start_us": pa.array([None], pa.timestamp("us", "UTC"))}, "missing_value"),
        ({"duration_us": pa.array([None], pa.int64()), "units": [7]}, "missing_value"),
        ({"service": pa.array([9], pa.int8())}, "unknown_service"),
        ({"duration_us": [-1]}, "negative_quantity"),
        ({"duration_us": [1 << 47]}, "quantity_too_large"),
        ({"duration_us": pa.array([(1 << 64) - 1], pa.uint64())}, "unreadable_number"),
        ({"start_us": pa.array([1 << 40], pa.timestamp("s", "UTC"))}, "unreadable_time"),
        ({"start_us": pa.array([(1 << 63) - 1], pa.timestamp("s", "UTC"))}, "unreadable_time"),
        ({"start_us": pa.array([86_400], pa.timestamp("s", "UTC"))}, "time_out_of_range"),
        ({"start_us": [-5]}, "unreadable_time"),
        ({"direction": [3]}, "unreadable_number"),
        ({"flags": [UsageFlag.ASSEMBLED]}, "unreadable_number"),
        ({"flags": [-1]}, "unreadable_number"),
        ({"rating_group": [1 << 31]}, "unreadable_number"),
        ({"cause": [40_000]}, "unreadable_number"),
    ],
)
def test_what_is_refused_row_by_row(changed: dict[str, Any], reason: str, tmp_path: Path) -> None:
    found = decode(written(tmp_path, table(**changed), "arrows"), SOURCE)
    assert [(reject.reason, reject.offset) for reject in found.rejects] == [(reason, 0)]
    assert found.usage.num_rows == 0
    again = decode_rows([reject.raw for reject in found.rejects], SOURCE)  # the row was kept as JSON
    assert [reject.reason for reject in again.rejects] == [reason]


def test_rows_around_a_refused_one_are_taken(tmp_path: Path) -> None:
    made = pa.concat_tables([table(), table(record_id=["r2"], duration_us=[-1]), table(record_id=["r3"])])
    found = decode(written(tmp_path, made, "arrows"), SOURCE)
    assert rows_of(found, "record_id", "raw_offset") == [("r1", 0), ("r3", 2)]
    assert [reject.offset for reject in found.rejects] == [1]


def test_a_kept_row_can_be_mended() -> None:
    raw = (
        b'{"record_id":"r1","service":1,"served_id":"8613900000001","start_us":1772366400000000,'
        b'"duration_us":5,"other_e164":"+8613700000001"}'
    )
    assert rows_of(decode_rows([raw], SOURCE), "record_id", "duration_us", "other_e164") == [("r1", 5, 8613700000001)]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"served_id": None}, "no column served_id"),
        ({"duration_us": None}, "none of the columns duration_us, bytes_up, bytes_down, units"),
        ({"colour": ["red"]}, "unknown column colour"),
        ({"duration_us": [1.5]}, "column duration_us is double, not a whole number"),
        ({"start_us": pa.array([START_US], pa.timestamp("us"))}, "column start_us is timestamp\\[us\\], not a timestamp with a zone"),
        ({"served_id": [7], "service": None}, "no column service; column served_id is int64, not text"),
    ],
)
def test_what_is_refused_as_a_whole(changed: dict[str, Any], message: str, tmp_path: Path) -> None:
    for form in FORMS:
        with pytest.raises(UnusableFileError, match=message):
            decode(written(tmp_path, table(**changed), form), SOURCE)


def test_a_column_that_is_there_twice(tmp_path: Path) -> None:
    twice = table().append_column("duration_us", pa.array([1]))
    with pytest.raises(UnusableFileError, match="column duration_us more than once"):
        decode(written(tmp_path, twice, "arrow"), SOURCE)


@pytest.mark.parametrize("form", FORMS)
def test_damaged_files_are_an_error_and_nothing_else(form: str, tmp_path: Path) -> None:
    whole = written(tmp_path, table(other_raw=["x" * 300]), form).read_bytes()
    file = tmp_path / "damaged"
    for place in range(0, len(whole), 7):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 0x5A]) + whole[place + 1 :])
        try:
            found = decode(file, SOURCE)
        except UnusableFileError:
            continue
        found.usage.validate(full=True)
    for size in (0, 1, 7, len(whole) // 2, len(whole) - 9):
        file.write_bytes(whole[:size])
        if form == "arrows" and size == len(whole) - 9:
            continue  # a stream may end without its last mark
        with pytest.raises(UnusableFileError, match="truncated or damaged"):
            decode(file, SOURCE)


@pytest.mark.parametrize("text", [b'"","8613900000001","2","ctx"\n', b'{"uuid": 1}\n', b"<cdr/>"])
def test_a_file_of_another_kind_is_not_called_damaged(text: bytes, tmp_path: Path) -> None:
    file = tmp_path / "text"
    file.write_bytes(text * 20)
    with pytest.raises(UnusableFileError, match="not an Arrow or Parquet file"):
        decode(file, SOURCE)


def test_a_key_of_several_columns(tmp_path: Path) -> None:
    definition = tmp_path / "partner.yaml"
    definition.write_text("name: partner\nformat: canonical\nkey: [record_id, source_seq]\n")
    made = pa.concat_tables([table(source_seq=[1]), table(source_seq=[2]), table(source_seq=[1])])
    keys = [key for (key,) in rows_of(decode(written(tmp_path, made, "arrow"), find(str(definition))), "event_key")]
    assert keys[0] == keys[2] != keys[1]
    definition.write_text("name: partner\nformat: canonical\nkey: [colour]\n")
    with pytest.raises(UserError, match="no column 'colour'"):
        decode(tmp_path / "usage.arrow", find(str(definition)))


def test_large_batches_come_in_parts(tmp_path: Path) -> None:
    size = canonical_files.BATCH_ROWS_MAX + 10
    made = pa.table(
        {
            "record_id": [f"r{row}" for row in range(size)],
            "service": pa.array([1] * size, pa.int8()),
            "served_id": ["8613900000001"] * size,
            "start_us": pa.array([START_US] * size, pa.int64()),
            "duration_us": pa.array(range(size), pa.int64()),
        }
    )
    parts = list(decode_parts(written(tmp_path, made, "arrow"), SOURCE))
    assert [part.rows for part in parts] == [canonical_files.BATCH_ROWS_MAX, 10]
    assert parts[1].usage.column("raw_offset").to_pylist() == list(range(size - 10, size))
    figures = inspect(tmp_path / "usage.arrow", SOURCE)
    assert (figures.rows, figures.answered, figures.answered_duration_us) == (size, size, size * (size - 1) // 2)


@pytest.mark.parametrize("spoil", [lambda data: data[:-8], lambda data: data + b"more", lambda data: data + data])
def test_a_stream_that_ends_between_batches_or_goes_on_is_damaged(tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    path = written(tmp_path, table(), "arrows")
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(UnusableFileError, match=r"damaged Arrow or Parquet file: (there is more|the mark)"):
        decode(path, SOURCE)


def test_parquet_of_which_arrow_finds_fewer_rows_is_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, table(), "parquet")
    monkeypatch.setattr(pq.ParquetFile, "iter_batches", lambda *_words, **_options: iter(()))
    with pytest.raises(UnusableFileError, match="it holds 0 of its 1 rows"):
        decode(path, SOURCE)
