"""Kernels that JSON and XML records share: the tree of wanted fields, texts, and instances of lists' elements.

The wanted fields are a tree of names, see record_paths; texts are copied into a buffer of their own. Nothing here raises.
"""

from __future__ import annotations

from typing import Final

import numba
import numpy as np

from rating.jit import kernel_module

njit = kernel_module(__file__)

RECORD_BYTES_MAX: Final = 1 << 20
DEPTH_MAX: Final = 32
REREAD_BYTES_MAX: Final = 8 << 20  # how far reading goes back for records inside refused bytes, beyond four times what it went on
COLUMN_MAX: Final = 4096  # of a record's line; what stands farther right is one long line
# Columns of the tree's nodes.
NAME_BEGIN, NAME_END, CHILD, SIBLING, FIELD, FIRST, EACH, GROUP, ENCODED = range(9)
NODE_WIDTH: Final = 9
ROOT, NONE = 0, -1
# The state between two pieces of a stream.
SKIPPING, DEPTH, IN_STRING, COLUMN, LISTS, WAS_CUT, CARRIED, REREAD = range(8)
STATE_SIZE: Final = 8

COMPLETE, INCOMPLETE, BAD, FULL, REPEATED, PIECE = 0, 1, 2, 3, 4, 5
FAULT_BAD, FAULT_CUT, FAULT_REPEATED, FAULT_LENGTH = 1, 2, 3, 4  # of a record; numbers of our own, that a cached kernel may hold
NEWLINE, RETURN, TAB, BLANK = (ord(mark) for mark in "\n\r\t ")
_PERCENT, _ZERO, _NINE = (ord(mark) for mark in "%09")

BYTES = numba.types.Array(numba.uint8, 1, "C", readonly=True)
OUT = numba.uint8[::1]
I64, BOOL = numba.int64, numba.boolean
TREE = numba.types.Array(numba.int32, 2, "C", readonly=True)
LIST = numba.types.Array(numba.int32, 1, "C", readonly=True)
SPANS = numba.int32[:, :, ::1]
TABLE = numba.int32[:, ::1]
INTS = numba.int64[::1]
FAULTS = numba.int8[::1]


# ---- texts


@njit(I64(numba.uint8))
def hex_value(byte):
    """The value of a hexadecimal digit, or -1."""
    digit = np.int64(byte)
    if _ZERO <= digit <= _NINE:
        return digit - _ZERO
    lower = digit | 32
    return lower - 87 if ord("a") <= lower <= ord("f") else -1


@njit(I64(OUT, I64, I64))
def put_code_point(out, at, code):
    """Writes a character as UTF-8; one that text cannot hold (0, half of a pair, too large) as U+FFFD."""
    if code <= 0 or 0xD800 <= code <= 0xDFFF or code > 0x10FFFF:  # noqa: PLR2004 - Unicode
        code = 0xFFFD
    if code < 0x80:  # noqa: PLR2004 - UTF-8
        out[at] = code
        return at + 1
    extra = 1 if code < 0x800 else (2 if code < 0x10000 else 3)  # noqa: PLR2004 - UTF-8
    out[at] = (0xC0, 0xE0, 0xF0)[extra - 1] | (code >> (6 * extra))
    for place in range(1, extra + 1):
        out[at + place] = 0x80 | ((code >> (6 * (extra - place))) & 0x3F)
    return at + 1 + extra


@njit(I64(OUT, I64, I64))
def decode_percent(out, begin, end):
    """Replaces `%XX` in place; what is no such code stays. Gives the new end."""
    at = begin
    source = begin
    while source < end:
        byte = out[source]
        if byte == _PERCENT and source + 2 < end and hex_value(out[source + 1]) >= 0 and hex_value(out[source + 2]) >= 0:
            value = hex_value(out[source + 1]) * 16 + hex_value(out[source + 2])
            if value > 0:
                byte = np.uint8(value)
                source += 2
        out[at] = byte
        at += 1
        source += 1
    return at


@njit(I64(TREE, BYTES, I64, OUT, I64, I64))
def find_child(nodes, names, node, text, begin, end):
    """The child of `node` with that name, or NONE."""
    if node < 0:
        return NONE
    child = nodes[node, CHILD]
    while child >= 0:
        name = nodes[child, NAME_BEGIN]
        if nodes[child, NAME_END] - name == end - begin:
            place = 0
            while place < end - begin and names[name + place] == text[begin + place]:
                place += 1
            if place == end - begin:
                return child
        child = nodes[child, SIBLING]
    return NONE


# ---- instances and fields


@njit(BOOL(I64, LIST, LIST, INTS, TABLE, SPANS))
def begin_instance(group, group_parent, field_group, counts, owner, spans):
    """One more instance of a group, with no fields yet. False: there is no room."""
    groups = group_parent.size
    index = counts[group]
    if index >= owner.shape[1]:
        return False
    parent = group_parent[group]
    owner[group, index] = counts[groups + parent] if parent >= 0 else index
    counts[group] += 1
    counts[groups + group] = index
    for field in range(field_group.size):
        if field_group[field] == group:
            spans[0, field, index] = NONE
            spans[1, field, index] = 0
    return True


@njit(numba.types.UniTuple(I64, 2)(I64, TREE, LIST, LIST, INTS, TABLE, SPANS, INTS))
def enter_element(node, nodes, group_parent, field_group, counts, owner, spans, seen):
    """The node of an element of the list at `node`, and COMPLETE or FULL."""
    if node < 0:
        return NONE, COMPLETE
    each = nodes[node, EACH]
    if each >= 0:
        has_room = begin_instance(nodes[each, GROUP], group_parent, field_group, counts, owner, spans)
        return each, (COMPLETE if has_room else FULL)
    first = nodes[node, FIRST]
    if first >= 0 and seen[first] == 0:
        seen[first] = 1
        return first, COMPLETE
    return NONE, COMPLETE


@njit(I64(I64, I64, I64, TREE, LIST, INTS, SPANS, OUT))
def set_field(node, begin, end, nodes, field_group, counts, spans, out):
    """The text `out[begin:end]` is the field of `node`. Gives COMPLETE, or REPEATED if the field is there with another text."""
    if nodes[node, ENCODED] > 0:
        end = decode_percent(out, begin, end)
    field = nodes[node, FIELD]
    group = field_group[field]
    index = counts[counts.size // 2 + group]
    if spans[0, field, index] < 0:
        spans[0, field, index] = begin
        spans[1, field, index] = end
        return COMPLETE
    old = spans[0, field, index]
    if spans[1, field, index] - old != end - begin:
        return REPEATED
    for place in range(end - begin):
        if out[old + place] != out[begin + place]:
            return REPEATED
    return COMPLETE


# ---- lines


@njit(I64(BYTES, I64, I64, I64))
def column_of(data, begin, at, carried):
    """Return how many bytes of its line are before `at`, COLUMN_MAX at most; `carried` are those before `begin`."""
    place = at
    while place > begin and data[place - 1] != NEWLINE and at - place < COLUMN_MAX:
        place -= 1
    return min(COLUMN_MAX, at - place + (carried if place == begin else 0))
