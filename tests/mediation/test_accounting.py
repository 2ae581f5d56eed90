"""The accounting of the fuzzer is itself tried: what it is there to notice, such as a record that was swallowed, it has to notice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from mediation.decode import decode
from mediation.decoded import Decoded, Reject
from mediation.definitions.named import find
from tests.mediation import accounting
from tests.mediation.fuzz_corpus import seeds
from tests.mediation.trickling import check_trickling

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.mediation.fuzz_corpus import Seed

FORMATS = (
    "asterisk",
    "cisco-cucm",
    "delimited",
    "fixed-width",
    "freeswitch-json",
    "freeswitch-xml",
    "kamailio-acc",
    "radius-detail",
    "chf-json",
)


def seed_of(format_: str) -> Seed:
    return next(seed for seed in seeds() if seed.source.format == format_)


def decoded(seed: Seed, folder: Path) -> Decoded:
    path = folder / "file"
    path.write_bytes(seed.data)
    found = accounting.decode_and_account(path, seed.data, seed.source)
    assert found is not None
    assert found.usage.num_rows > 1
    return found


def with_column(found: Decoded, name: str, values: Sequence[object]) -> Decoded:
    place = found.usage.schema.get_field_index(name)
    field = found.usage.schema.field(place)
    return found._replace(usage=found.usage.set_column(place, field, pa.array(values, field.type)))


def integers(found: Decoded, name: str) -> list[int]:
    values: list[int] = found.usage.column(name).to_numpy().tolist()
    return values


def without_a_row(found: Decoded) -> Decoded:
    place = integers(found, "raw_offset")[-1]
    kept = [offset != place for offset in integers(found, "raw_offset")]  # several rows may come of one record
    return found._replace(usage=found.usage.filter(pa.array(kept)), rows=sum(kept) + len(found.rejects))


def with_a_longer_row(found: Decoded) -> Decoded:
    lengths = integers(found, "raw_length")
    return with_column(found, "raw_length", [lengths[0] + 40, *lengths[1:]])


def with_a_shorter_row(found: Decoded) -> Decoded:
    lengths = integers(found, "raw_length")
    return with_column(found, "raw_length", [*lengths[:-1], lengths[-1] - 20])


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("spoil", [without_a_row, with_a_longer_row, with_a_shorter_row])
def test_bytes_of_nobody_or_of_two_are_noticed(format_: str, spoil: Callable[[Decoded], Decoded], tmp_path: Path) -> None:
    seed = seed_of(format_)
    found = decoded(seed, tmp_path)
    with pytest.raises(AssertionError, match=r"nobody's|in two records|records"):
        accounting.account(spoil(found), seed.data, seed.source)


@pytest.mark.parametrize("format_", FORMATS)
def test_a_reject_with_other_bytes_is_noticed(format_: str, tmp_path: Path) -> None:
    seed = seed_of(format_)
    found = decoded(seed, tmp_path)
    offset, length = (integers(found, name)[0] for name in ("raw_offset", "raw_length"))
    kept = [other != offset for other in integers(found, "raw_offset")]
    right = Reject("missing_value", offset, length, seed.data[offset : offset + length])
    spoilt = found._replace(usage=found.usage.filter(pa.array(kept)), rejects=[*found.rejects, right])
    accounting.account(spoilt, seed.data, seed.source)
    wrong = right._replace(raw=right.raw[:-1] + bytes([right.raw[-1] ^ 1]))
    with pytest.raises(AssertionError, match="has other bytes"):
        accounting.account(spoilt._replace(rejects=[*found.rejects, wrong]), seed.data, seed.source)


BAD_ROWS: list[tuple[str, Callable[[Decoded], Decoded]]] = [
    ("a row too few", lambda found: found._replace(rows=found.rows + 1)),
    ("a duration below zero", lambda found: with_column(found, "duration_us", [-1] * found.usage.num_rows)),
    ("a number of sixteen digits", lambda found: with_column(found, "other_e164", [10**15] * found.usage.num_rows)),
    ("a start before 1970", lambda found: with_column(found, "start_us", [-1] * found.usage.num_rows)),
    ("no key", lambda found: with_column(found, "event_key", [None] * found.usage.num_rows)),
]


@pytest.mark.parametrize("spoil", [spoil for _, spoil in BAD_ROWS], ids=[name for name, _ in BAD_ROWS])
def test_unsound_rows_are_noticed(spoil: Callable[[Decoded], Decoded], tmp_path: Path) -> None:
    found = decoded(seed_of("asterisk"), tmp_path)
    with pytest.raises((AssertionError, pa.ArrowInvalid)):
        accounting.check_rows(spoil(found))


def test_a_reject_that_names_no_known_reason_or_lacks_bytes_is_noticed(fixtures: Path) -> None:
    found = decode(fixtures / "broken.csv", find("asterisk"))
    accounting.check_rows(found)
    for wrong in (found.rejects[0]._replace(reason="odd"), found.rejects[0]._replace(raw=b"")):
        with pytest.raises(AssertionError):
            accounting.check_rows(found._replace(rejects=[wrong, *found.rejects[1:]]))


def test_rows_of_columns_that_are_missing_or_twice_are_noticed(tmp_path: Path) -> None:
    seed = seed_of("canonical")
    path = tmp_path / "usage.parquet"
    path.write_bytes(seed.data)
    found = decode(path, seed.source)
    accounting.account_for_columns(found, seed.data)
    for wrong in (found._replace(rejects=found.rejects[1:]), found._replace(rejects=[*found.rejects, found.rejects[0]])):
        with pytest.raises(AssertionError):
            accounting.account_for_columns(wrong, seed.data)


@pytest.mark.parametrize("format_", FORMATS)
def test_a_decoder_whose_answer_depends_on_its_window_is_noticed(format_: str, tmp_path: Path) -> None:
    seed = seed_of(format_)
    found = decoded(seed, tmp_path)
    check_trickling(found, seed.data, seed.source, 50, b'"')
    amounts = integers(found, "raw_length")
    with pytest.raises(AssertionError):
        check_trickling(with_column(found, "raw_length", [amounts[0] + 1, *amounts[1:]]), seed.data, seed.source, 50, b'"')
