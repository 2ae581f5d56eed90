"""The fields of some rows by name, for rows of any width.

`Block` is what one scan found, with a reason code a row: rows with one are kept in place and read as empty, so that all columns
stay aligned.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mediation.reasons import Reason, mark
from mediation.records import fields

if TYPE_CHECKING:
    import pyarrow as pa

    from mediation.records.scan import Rows
    from mediation.sources.model import Source

UNIQUE_ID: Final = "uniqueid"


class Spans(NamedTuple):
    """One field a row: begin and end in the data. Equal: empty."""

    begin: NDArray[np.int32]
    end: NDArray[np.int32]

    @property
    def filled(self) -> NDArray[np.bool_]:
        """Mask of the rows whose field is not empty."""
        return self.end > self.begin

    def where(self, chosen: NDArray[np.bool_], other: Spans) -> Spans:
        """These spans where `chosen`, else the `other` ones."""
        if chosen.all():
            return self
        return Spans(np.where(chosen, self.begin, other.begin), np.where(chosen, self.end, other.end))

    def only(self, chosen: NDArray[np.bool_]) -> Spans:
        """These spans where `chosen`, else empty ones."""
        return Spans(self.begin, np.where(chosen, self.end, self.begin))


@dataclasses.dataclass(frozen=True, eq=False)
class Block:
    """`size` rows. Fields are positions in `data`; `begin` and `end` are those of the rows in the raw bytes: `raw`, else `data`.

    `code` (reasons.CODES) is written by those who find a mistake. `control_lines` are lines of the file that are no rows.
    """

    data: NDArray[np.uint8]
    begin: NDArray[np.int64]
    end: NDArray[np.int64]
    width: NDArray[np.int32]
    code: NDArray[np.int8]
    field_begin: NDArray[np.int32]
    field_end: NDArray[np.int32]
    columns: tuple[tuple[str, ...], ...]  # of each layout
    layout: NDArray[np.int8]  # of each row; -1 none
    raw: NDArray[np.uint8] | None = None  # where `data` is not the input itself, but the field texts that a lexer took from it
    control_lines: tuple[bytes, ...] = ()  # header or trailer with totals of the file
    is_unfinished: bool = False  # nothing ends the last row but the end of the file

    @property
    def raw_data(self) -> NDArray[np.uint8]:
        """The bytes of the input in which `begin` and `end` are positions."""
        return self.data if self.raw is None else self.raw

    @functools.cached_property
    def only_layout(self) -> int:
        """The layout that all rows share; -1 if they differ."""
        first = int(self.layout[0]) if self.size else -1
        return first if (self.layout == first).all() else -1

    @property
    def size(self) -> int:
        """Number of rows."""
        return self.begin.size

    def without_first(self, count: int) -> Block:
        """The rows after the first `count`."""
        if count == 0:
            return self
        return self._chosen(slice(count, None), self.control_lines, is_unfinished=self.is_unfinished and count < self.size)

    def without_control_lines(self, found: NDArray[np.bool_]) -> Block:
        """The rows but those `found`, which are remembered as lines of control."""
        if not found.any():
            return self
        limits = zip(self.begin[found].tolist(), self.end[found].tolist(), strict=True)
        lines = tuple(self.raw_data[begin:end].tobytes() for begin, end in limits)
        return self._chosen(~found, self.control_lines + lines, is_unfinished=self.is_unfinished and not found[-1])

    def _chosen(self, rows: slice | NDArray[np.bool_], control_lines: tuple[bytes, ...], *, is_unfinished: bool) -> Block:
        return Block(
            data=self.data,
            begin=self.begin[rows],
            end=self.end[rows],
            width=self.width[rows],
            code=self.code[rows],
            field_begin=np.ascontiguousarray(self.field_begin[:, rows]),
            field_end=np.ascontiguousarray(self.field_end[:, rows]),
            columns=self.columns,
            layout=self.layout[rows],
            raw=self.raw,
            control_lines=control_lines,
            is_unfinished=is_unfinished,
        )

    def with_own_data(self) -> Block:
        """The block with `data` apart from the input, so that fields can be added behind: of a window, what the rows take of it."""
        if self.raw is not None or self.size == 0:
            return self
        first, last = int(self.begin.min()), int(self.end.max())
        shift = np.int32(first)
        return dataclasses.replace(
            self, data=self.data[first:last], raw=self.data, field_begin=self.field_begin - shift, field_end=self.field_end - shift
        )

    def has(self, name: str) -> bool:
        """Return whether any layout has the column."""
        return any(name in columns for columns in self.columns)

    def empty(self) -> Spans:
        """An empty field a row."""
        nothing = np.zeros(self.size, np.int32)
        return Spans(nothing, nothing)

    def spans(self, name: str) -> Spans:
        """The column of that name; empty where a row lacks it."""
        places = np.array([columns.index(name) if name in columns else -1 for columns in self.columns], np.int64)
        if self.only_layout >= 0:
            place = places[self.only_layout]
            return self.empty() if place < 0 else Spans(self.field_begin[place], self.field_end[place])
        place_of_row = np.where(self.layout >= 0, places[self.layout], -1)
        rows = np.flatnonzero(place_of_row >= 0)
        begin, end = self.empty()[0].copy(), self.empty()[0].copy()
        begin[rows] = self.field_begin[place_of_row[rows], rows]
        end[rows] = self.field_end[place_of_row[rows], rows]
        return Spans(begin, end)


@dataclasses.dataclass(frozen=True, eq=False)
class WatchedBlock(Block):
    """A block that remembers which of its columns were read."""

    asked: set[str] = dataclasses.field(default_factory=set)

    def spans(self, name: str) -> Spans:
        """As the block's own."""
        self.asked.add(name)
        return super().spans(name)


def watched(block: Block) -> WatchedBlock:
    """The block, watched from now on."""
    return WatchedBlock(**{field.name: getattr(block, field.name) for field in dataclasses.fields(block)})


def block(data: NDArray[np.uint8], rows: Rows, count: int, source: Source) -> Block:
    """The first `count` rows of a scan under `source`. Rows of a wrong width or a fault have their code already."""
    field_begin, field_end = rows.field_begin[:, :count], rows.field_end[:, :count]  # each column in one piece
    width, code = rows.width[:count], rows.fault[:count].copy()
    columns = tuple(layout.columns for layout in source.layouts)
    layout = _layouts(data, width, field_begin, field_end, columns)
    mark(code, layout < 0, Reason.WRONG_COLUMN_COUNT)
    return Block(
        data=data,
        begin=rows.begin[:count],
        end=rows.end[:count],
        width=width,
        code=code,
        field_begin=field_begin,
        field_end=field_end,
        columns=columns,
        layout=layout,
    )


def text_block(texts: list[pa.Array[Any]]) -> Block:
    """Arrow text columns of one length as a block, field by field; none may hold nulls."""
    size, before = len(texts[0]), 0
    pieces: list[NDArray[np.uint8]] = []
    limits_of = np.zeros((len(texts), size + 1), np.int32)
    for place, text in enumerate(texts):
        _, limits_buffer, data_buffer = text.buffers()
        if size and limits_buffer is not None and data_buffer is not None:
            limits = np.frombuffer(memoryview(limits_buffer), np.int32)[text.offset : text.offset + size + 1]
            pieces.append(np.frombuffer(memoryview(data_buffer), np.uint8)[limits[0] : limits[-1]])
            limits_of[place] = limits - limits[0] + before
            before += pieces[-1].size
    data = np.concatenate([np.zeros(0, np.uint8), *pieces])
    data.flags.writeable = False
    nothing = np.zeros(size, np.int64)
    codes = (nothing.astype(np.int32), np.zeros(size, np.int8))
    begins, ends = (np.ascontiguousarray(part) for part in (limits_of[:, :-1], limits_of[:, 1:]))
    return Block(data, nothing, nothing, *codes, begins, ends, (), np.zeros(size, np.int8))


def _layouts(
    data: NDArray[np.uint8],
    width: NDArray[np.int32],
    field_begin: NDArray[np.int32],
    field_end: NDArray[np.int32],
    columns: tuple[tuple[str, ...], ...],
) -> NDArray[np.int8]:
    """Index of each row's layout. Of two with one width, the one with a unique id is taken where that field looks like one."""
    layout = np.full(width.size, -1, np.int8)
    for index, names in enumerate(columns):
        fits = width == len(names)
        if len(names) in {len(other) for other in columns[:index]} and fits.any():
            first = next(other for other in columns if len(other) == len(names))
            place = first.index(UNIQUE_ID)
            looks = np.zeros(width.size, np.bool_)
            fields.look_like_unique_ids(data, field_begin[place], field_end[place], looks)
            fits &= ~looks
        layout[fits] = index
    return layout
