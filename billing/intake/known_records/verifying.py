"""Verification of records that an index has perhaps seen: decided on the records themselves, never on a hash.

Problem. Hashes and sequence numbers only say *perhaps*. Taken at their word, two records that share a hash would be one, and the second
would be lost. Example: streams of one source that count each for itself, kept in one bitmap, have the same numbers.

Choice. Every row that was perhaps seen is compared with the stored rows of its event, and with earlier rows of its own batch. The same
native key (source, record id, sequence number) and the same content: a duplicate. The same native key with other content: conflicting.
No row with that native key: new. If another record has the same event_key all the same, the new one gets a salted key. It is made of that
key and its own native key, so that it is found under it again. What is left out: an index of places. Copies are looked for in the files of
their time first, which costs little, and in all others only where they are not there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from billing.intake import finding
from rating.schema import KEY, USAGE_V1, UsageFlag

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from billing.store.home import Home

NATIVE: Final = ("source", "record_id", "source_seq")
# What decides the charge, so far as it is stored. The hash of the content stands for the source's own charge columns.
CONTENT: Final = (
    "content_hash",
    "service",
    "served_kind",
    "served_id",
    "start_us",
    "duration_us",
    "bytes_up",
    "bytes_down",
    "units",
    "other_e164",
)
COLUMNS: Final = ("event_key", *NATIVE, *CONTENT, "other_raw", "flags")
_KEY_BYTES: Final = 16
_Native = tuple[object, ...]
_Content = tuple[object, ...]


class SeenRows(NamedTuple):
    """The rows of a batch that an index has perhaps seen, and how to look at them."""

    rows: NDArray[np.intp]  # in ascending order
    first: NDArray[np.int64]  # of each, the earlier row of the batch that it was perhaps seen in; -1: it was stored
    keyed: AbstractSet[str]  # sources with a key of their own: their record id need not tell records apart
    replaced: AbstractSet[bytes] | None = (
        None  # of rows out of suspense: events of which one version is chosen, so that stored ones are passed over
    )


class Verified(NamedTuple):
    """The decision, a row each of the batch; `usage` with the keys that tell its events apart."""

    usage: pa.Table
    duplicate: NDArray[np.bool_]
    conflicting: NDArray[np.bool_]


def verify(home: Home, usage: pa.Table, asked: SeenRows) -> Verified:
    """Decide the rows of `asked`; every other row of `usage` is new. The caller holds the intake lock."""
    duplicate, conflicting = np.zeros(usage.num_rows, np.bool_), np.zeros(usage.num_rows, np.bool_)
    if not len(asked.rows):
        return Verified(usage, duplicate, conflicting)
    suspects = np.unique(np.concatenate([asked.rows, asked.first[asked.first >= 0]]))
    mine = _take(usage, suspects)
    plain = _plain_copies(home, mine, suspects, asked)
    duplicate[suspects[plain]] = True
    left = np.flatnonzero(~plain & np.isin(suspects, asked.rows))
    so_far = Verified(usage, duplicate, conflicting)
    return _sort_out(home, so_far, asked, _Suspects(suspects, mine, left)) if len(left) else so_far


class _Suspects(NamedTuple):
    """Rows under suspicion: their places in the batch, what they say, and which of them are not plain copies."""

    places: NDArray[np.intp]
    rows: pa.Table
    left: NDArray[np.intp]


class _Version(NamedTuple):
    native: _Native
    content: _Content


class _Known:
    """Versions of events, by event_key: stored ones, and those of the batch as far as they were looked at."""

    def __init__(self, home: Home, asked: SeenRows, stored: pa.Table) -> None:
        self._home, self._asked = home, asked
        self._versions: dict[bytes, list[_Version]] = {}
        self._add_stored(stored)

    def of(self, key: bytes) -> list[_Version]:
        """Versions under that key."""
        return self._versions.setdefault(key, [])

    def look_up(self, key: bytes) -> None:
        """Read what is stored under a salted key, once."""
        if key not in self._versions:
            self._add_stored(_stored(self._home, pa.array([key], KEY), self._asked))

    def _add_stored(self, stored: pa.Table) -> None:
        for key, version in _versions(stored, self._asked.keyed):
            self.of(key).append(version)


def _sort_out(home: Home, so_far: Verified, asked: SeenRows, suspects: _Suspects) -> Verified:
    """Rows that are not plain copies, one after another, with all rows of the batch that share a key with them."""
    usage, duplicate, conflicting = so_far
    keys = suspects.rows.column("event_key")
    is_left = np.zeros(len(suspects.places), np.bool_)
    is_left[suspects.left] = True
    stored = _stored(home, _unique(keys.filter(pa.array(is_left))), asked)
    is_left &= _comes_again(keys) | _is_in(keys, _unique(stored.column("event_key")))
    concerned = np.flatnonzero(_is_in(keys, _unique(keys.filter(pa.array(is_left)))))
    known, changed = _Known(home, asked, stored), dict[int, bytes]()
    rows = _take(suspects.rows, concerned)
    for at, (key, version) in zip(concerned.tolist(), _versions(rows, asked.keyed), strict=True):
        place = int(suspects.places[at])
        own_key, mates = key, _mates(known.of(key), version)
        while is_left[at] and not mates and known.of(own_key):  # another record has this key
            own_key = salted(own_key, version.native)
            known.look_up(own_key)
            mates = _mates(known.of(own_key), version)
        if own_key != key:
            changed[place] = own_key
        is_copy = any(mate.content == version.content for mate in mates)
        if is_left[at]:
            duplicate[place], conflicting[place] = is_copy, bool(mates) and not is_copy
        if not is_copy:
            known.of(own_key).append(version)
    return Verified(_with_keys(usage, changed), duplicate, conflicting)


def salted(key: bytes, native: _Native) -> bytes:
    """Another key for a record whose own key another record has."""
    said = "\0".join(str(part) for part in native).encode()
    return hashlib.blake2b(key + said, digest_size=_KEY_BYTES).digest()


def _mates(versions: Sequence[_Version], version: _Version) -> list[_Version]:
    """Versions of the same record."""
    return [each for each in versions if each.native == version.native]


def _stored(home: Home, keys: pa.Array[Any], asked: SeenRows) -> pa.Table:
    """COLUMNS of the stored rows of the events `keys`, with any outcome, but for events that are replaced."""
    rows = finding.stored_rows(home, keys, COLUMNS).rows.select(list(COLUMNS))
    if not asked.replaced:
        return rows
    return rows.filter(pa.array(~_is_in(rows.column("event_key"), pa.array(sorted(asked.replaced), KEY))))


def _plain_copies(home: Home, mine: pa.Table, suspects: NDArray[np.intp], asked: SeenRows) -> NDArray[np.bool_]:
    """Suspects that say the same as a stored row, or an earlier row of the batch, and have its two hashes. Nearly all copies are such."""
    in_batch = asked.first >= 0
    place = np.full(len(suspects), -1, np.int64)
    place[np.searchsorted(suspects, asked.rows[in_batch])] = np.searchsorted(suspects, asked.first[in_batch])
    is_copy = _same(mine, mine, place, asked.keyed)
    at = np.searchsorted(suspects, asked.rows[~in_batch])
    if asked.replaced is not None or not len(at):
        return is_copy
    theirs = mine.take(_places(at))
    start_us = theirs.column("start_us").cast(pa.int64()).to_numpy()
    stored = finding.rows_nearby(home, theirs.column("event_key").combine_chunks(), start_us, COLUMNS)
    found: Any = pc.index_in(_hashes(theirs), value_set=_hashes(stored))
    is_copy[at] = _same(theirs, stored, found.fill_null(-1).to_numpy(), asked.keyed)
    return is_copy


def _same(rows: pa.Table, others: pa.Table, place: NDArray[Any], keyed: AbstractSet[str]) -> NDArray[np.bool_]:
    """Mask of rows that are a copy of the one at `place` (-1: none) among the others."""
    at = np.flatnonzero(place >= 0)
    same = np.zeros(rows.num_rows, np.bool_)
    if not len(at):
        return same
    mine, theirs = _take(rows, at), _take(others, place[at])
    equal = np.ones(len(at), np.bool_)
    for name in ("event_key", "source", *CONTENT):
        equal &= _equal(mine, theirs, name) | (_is_total(mine) if name == "start_us" else np.False_)
    equal &= (_answered(mine) == _answered(theirs)) & (_equal(mine, theirs, "other_raw") | _is_number(mine))
    by_id = _equal(mine, theirs, "record_id") & _equal(mine, theirs, "source_seq")
    equal &= by_id | _is_in(mine.column("source").cast(pa.string()), pa.array(sorted(keyed), pa.string()))
    same[at] = equal
    return same


def _equal(mine: pa.Table, theirs: pa.Table, name: str) -> NDArray[np.bool_]:
    one, two = (_plain(table.column(name)) for table in (mine, theirs))
    both: Any = pc.equal(one, two)
    neither: Any = pc.and_(pc.is_null(one), pc.is_null(two))
    equal: NDArray[np.bool_] = pc.or_(both.fill_null(False), neither).to_numpy()
    return equal


def _plain(column: Any) -> Any:  # noqa: ANN401 -- pyarrow's stubs do not type text
    """A column to compare. Of texts none and an empty one say the same: a stream may send either."""
    plain = column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column
    return plain.fill_null("") if pa.types.is_string(plain.type) else plain


def _answered(table: pa.Table) -> NDArray[np.bool_]:
    answered: NDArray[np.bool_] = (table.column("flags").to_numpy() & int(UsageFlag.UNANSWERED)) == 0
    return answered


def _is_total(table: pa.Table) -> NDArray[np.bool_]:
    """Running totals: when they were taken may be known by when they came, and a copy that was sent again came later.

    Where their source knows better, the hash of their content holds the start.
    """
    total: NDArray[np.bool_] = (table.column("flags").to_numpy() & int(UsageFlag.CUMULATIVE)) != 0
    return total


def _is_number(table: pa.Table) -> NDArray[np.bool_]:
    """Mask of rows with a number as destination: for these, the dialled text says nothing more."""
    valid: Any = pc.is_valid(table.column("other_e164"))
    number: NDArray[np.bool_] = valid.to_numpy()
    return number


def _is_in(values: pa.ChunkedArray[Any], wanted: pa.Array[Any]) -> NDArray[np.bool_]:
    found: Any = pc.is_in(values, value_set=wanted)
    mask: NDArray[np.bool_] = found.to_numpy()
    return mask


def _unique(column: pa.ChunkedArray[Any]) -> pa.Array[Any]:
    found: Any = column.unique()
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found


def _comes_again(keys: pa.ChunkedArray[Any]) -> NDArray[np.bool_]:
    """Mask of keys that are there more than once."""
    encoded: Any = keys.combine_chunks().dictionary_encode()
    places = encoded.indices.to_numpy()
    several: NDArray[np.bool_] = np.bincount(places, minlength=1)[places] > 1
    return several


def _hashes(table: pa.Table) -> pa.Array[Any]:
    """Key and content of each row, 32 bytes."""
    pieces: tuple[Any, ...] = tuple(table.column(name).combine_chunks().cast(pa.binary()) for name in ("event_key", "content_hash"))
    joined: pa.Array[Any] = pc.binary_join_element_wise(*pieces, pa.scalar(b"", pa.binary()))
    return joined


def _versions(table: pa.Table, keyed: AbstractSet[str]) -> Iterator[tuple[bytes, _Version]]:
    """Event key and version of each row, as Python compares them."""
    start_us = table.column("start_us").cast(pa.int64()).to_pylist()
    for row, start in zip(table.to_pylist(), start_us, strict=True):
        native = (row["source"],) if row["source"] in keyed else tuple(row[name] for name in NATIVE)
        dialled = None if row["other_e164"] is not None else row["other_raw"] or None
        start = None if row["flags"] & UsageFlag.CUMULATIVE else start  # noqa: PLW2901 - see _is_total
        said = (None if row[name] == "" else row[name] for name in CONTENT)  # as in _plain
        content = (
            *(start if name == "start_us" else each for name, each in zip(CONTENT, said, strict=True)),
            dialled,
            row["flags"] & UsageFlag.UNANSWERED,
        )
        yield row["event_key"], _Version(native, content)


def _with_keys(usage: pa.Table, changed: dict[int, bytes]) -> pa.Table:
    """The rows, some of them with another event_key."""
    if not changed:
        return usage
    keys = usage.column("event_key").to_pylist()
    for place, key in changed.items():
        keys[place] = key
    return usage.set_column(usage.schema.get_field_index("event_key"), USAGE_V1.field("event_key"), pa.array(keys, KEY))


def _take(table: pa.Table, places: NDArray[Any]) -> pa.Table:
    return table.select(list(COLUMNS)).take(_places(places))


def _places(places: NDArray[Any]) -> Any:  # noqa: ANN401 - pyarrow's stubs take an array of numbers for one of any kind
    return pa.array(places)
