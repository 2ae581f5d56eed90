"""Rows of an import beside rows of the store: new ones, known ones, and those known with other data. Whole columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from billing.accounts.importing.sheets import Mistakes, Sheet

    Texts = pa.Array[Any] | pa.ChunkedArray[Any]

KEEP: Final = "imported facts do not change, but for an end that was open: give the data that was imported, or a new id"
_BETWEEN: Final = "\x1f"  # is in no text of an import: these are printable


def flat(column: Texts) -> Any:  # noqa: ANN401 -- an array, or a value of any type
    """A column in one piece."""
    if isinstance(column, pa.Array):
        return column
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays([*column.chunks, pa.array([], column.type)])


def taken(column: Texts, rows: NDArray[np.int64], none: NDArray[np.bool_] | None = None) -> Any:  # noqa: ANN401 -- an array, or a value of any type
    """The values at these places; empty where `none` is true."""
    at: Any = pa.array(rows, pa.int64(), mask=none)
    return flat(column).take(at)


def filled(column: Texts, value: int) -> NDArray[np.int64]:
    """Whole numbers, with `value` where there is none."""
    result: NDArray[np.int64] = flat(column).fill_null(value).to_numpy(zero_copy_only=False).astype(np.int64)
    return result


def joined(*columns: Texts) -> Any:  # noqa: ANN401 -- an array, or a value of any type
    """One text a row that distinguishes rows by several columns."""
    texts: list[Any] = [flat(column).cast(pa.string()).fill_null("") for column in columns]
    if len(texts) == 1:
        return texts[0]
    rows: Any = pc.binary_join_element_wise(*texts, _BETWEEN)
    return rows


def places(ids: Texts, among: Texts) -> NDArray[np.int64]:
    """The index of each id among others; -1 for an unknown one."""
    found: Any = pc.index_in(flat(ids), value_set=flat(among))
    result: NDArray[np.int64] = found.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return result


def rows_of(table: pa.Table, rows: NDArray[np.int64] | NDArray[np.bool_]) -> pa.Table:
    """The rows at these places, or those of a mask."""
    at: Any = pa.array(np.flatnonzero(rows) if rows.dtype == np.bool_ else rows)
    return table.take(at)


def without_repeats(sheet: Sheet, ids: pa.Array[Any], column: str, mistakes: Mistakes) -> Sheet:
    """The first row of each id; the others are mistakes of `column`."""
    codes = ids.dictionary_encode().indices.to_numpy()
    first = np.full(codes.max(initial=-1) + 1, len(codes), np.int64)
    np.minimum.at(first, codes, np.arange(len(codes)))
    again = first[codes] != np.arange(len(codes))
    if not again.any():
        return sheet
    lines = sheet.lines()
    for row in np.flatnonzero(again).tolist():
        place = sheet.where(int(lines[first[codes[row]]]))
        told = ids[row].as_py().replace(_BETWEEN, " ").strip()
        mistakes.add_row(sheet, int(lines[row]), column, f"{told} is on {place} already", "remove one of them")
    return sheet._replace(table=rows_of(sheet.table, ~again))


def differs(given: Texts, stored: Texts) -> NDArray[np.bool_]:
    """Return whether each value differs; empty is a value."""
    one, two = flat(given), flat(stored)
    unequal: Any = pc.not_equal(one, two)
    either: Any = pc.or_(unequal.fill_null(False), pc.not_equal(pc.is_null(one), pc.is_null(two)))
    result: NDArray[np.bool_] = either.to_numpy(zero_copy_only=False)
    return result


def told(sheet: Sheet, what: str, names: Texts, stored: Mapping[str, Texts], mistakes: Mistakes) -> NDArray[np.bool_]:
    """Note every field of rows that are known with other data.

    `stored` has the known value of each row. Returns a mask of the rows without a difference. A column that is not in the file is not
    compared. `what` and the name begin the message, such as `account A1`.
    """
    lines = sheet.lines()
    good = np.ones(sheet.table.num_rows, np.bool_)
    for field, known in stored.items():
        if field not in sheet.given:
            continue
        other = differs(sheet.table[field], known)
        good &= ~other
        for row in np.flatnonzero(other).tolist():
            given, had = shown(sheet.table[field][row].as_py()), shown(flat(known)[row].as_py())
            name = flat(names)[row].as_py().replace(_BETWEEN, " ").strip()
            mistakes.add_row(sheet, int(lines[row]), field, f"{what} {name} exists with {field} {had}, not {given}", KEEP)
    return good


def shown(value: object) -> str:
    """A value as a message shows it."""
    return "empty" if value is None else repr(value)


def less(one: Texts, two: Texts) -> NDArray[np.bool_]:
    """Return whether each date is before the other; an empty one is neither before nor after any."""
    before: Any = pc.less(flat(one), flat(two))
    result: NDArray[np.bool_] = before.fill_null(False).to_numpy(zero_copy_only=False)
    return result
