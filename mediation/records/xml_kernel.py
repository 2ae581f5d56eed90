"""Finds XML records in raw bytes, and copies the texts of the wanted fields out of them.

A record is an element of one name; between records may be white space, comments, instructions such as `<?xml ...?>`, and the tags
`<cdrs>` and `</cdrs>`. Text may hold five named entities, numbered characters and CDATA; there are no document types. The refused bytes
of a faulty record end after its closing tag or before the next opening one, at the first of the two. Nothing here raises.
"""

from __future__ import annotations

from typing import Final

import numba
import numpy as np

from mediation.records import record_kernel
from mediation.records.record_kernel import (
    BAD,
    BLANK,
    BOOL,
    BYTES,
    COMPLETE,
    DEPTH_MAX,
    EACH,
    FAULT_BAD,
    FAULT_CUT,
    FAULT_LENGTH,
    FAULT_REPEATED,
    FAULTS,
    FIELD,
    FIRST,
    FULL,
    I64,
    INCOMPLETE,
    INTS,
    LIST,
    LISTS,
    NEWLINE,
    NONE,
    OUT,
    PIECE,
    RECORD_BYTES_MAX,
    REPEATED,
    RETURN,
    ROOT,
    SKIPPING,
    SPANS,
    TAB,
    TABLE,
    TREE,
    WAS_CUT,
    begin_instance,
    enter_element,
    find_child,
    hex_value,
    put_code_point,
    set_field,
)
from rating.jit import kernel_module

njit = kernel_module(__file__, record_kernel.__file__)

ENTITY_BYTES_MAX: Final = 12
_LESS, _GREATER, _SLASH, _EQUALS, _AMPERSAND, _SEMICOLON, _HASH, _BANG, _QUERY, _QUOTE, _APOSTROPHE = (ord(mark) for mark in "<>/=&;#!?\"'")
COMMENT, COMMENT_END, CDATA, CDATA_END, INSTRUCTION, INSTRUCTION_END, WRAPPER, WRAPPER_END = (
    np.frombuffer(mark, np.uint8) for mark in (b"<!--", b"-->", b"<![CDATA[", b"]]>", b"<?", b"?>", b"<cdrs>", b"</cdrs>")
)
LONGEST_MARK: Final = 9


@njit(BOOL(BYTES, I64, I64, BYTES))
def _has_word(data, at, end, word):
    if at + word.size > end:
        return False
    for place in range(word.size):  # noqa: SIM110 - numba has no all() over a generator
        if data[at + place] != word[place]:
            return False
    return True


@njit(BOOL(BYTES, I64, I64, BYTES))
def _has_tag(data, at, end, tag):
    """Return whether the tag `tag`, such as `<cdr` or `</cdr`, begins at `at`; its name must end there."""
    after = at + tag.size
    if not _has_word(data, at, end, tag) or after >= end:
        return False
    byte = data[after]
    return byte <= BLANK or byte == _GREATER or byte == _SLASH


@njit(I64(BYTES, I64, I64))
def _name_end(data, at, end):
    while at < end:
        byte = data[at]
        if byte <= BLANK or byte in (_LESS, _GREATER, _SLASH, _EQUALS, _QUOTE, _APOSTROPHE, _AMPERSAND):
            break
        at += 1
    return at


@njit(numba.types.UniTuple(I64, 3)(BYTES, I64, I64))
def _tag_end(data, at, end):
    """From after the name of an opening tag: outcome, position after `>`, and 1 if it closes itself. Attributes are read over."""
    while at < end:
        byte = data[at]
        if byte == _GREATER:
            return COMPLETE, at + 1, 0
        if byte == _SLASH:
            if at + 1 >= end:
                return INCOMPLETE, at, 0
            return (COMPLETE if data[at + 1] == _GREATER else BAD), at + 2, 1
        if byte == BLANK or byte == NEWLINE or byte == RETURN or byte == TAB:
            at += 1
            continue
        after = _name_end(data, at, end)
        if after == end or after + 1 >= end:
            return INCOMPLETE, after, 0
        if after == at or data[after] != _EQUALS or (data[after + 1] != _QUOTE and data[after + 1] != _APOSTROPHE):
            return BAD, after, 0
        quote = data[after + 1]
        at = after + 2
        while at < end and data[at] != quote and data[at] != _LESS:
            at += 1
        if at >= end:
            return INCOMPLETE, at, 0
        if data[at] == _LESS:
            return BAD, at, 0
        at += 1
    return INCOMPLETE, at, 0


@njit(numba.types.UniTuple(I64, 2)(BYTES, I64, I64))
def _entity(data, at, end):
    """From `&`: the character and the position after `;`; -1 and the position for what is no known entity, -2 if it is not all there."""
    after = at + 1
    while after < end and data[after] != _SEMICOLON and after - at < ENTITY_BYTES_MAX:
        after += 1
    if after == end and after - at < ENTITY_BYTES_MAX:
        return -2, at
    if after == end or data[after] != _SEMICOLON:
        return -1, at
    size, first = after - at - 1, data[at + 1]
    if first == _HASH and size > 1:
        is_hex = (data[at + 2] | 32) == ord("x")
        value, digits = 0, 0
        for place in range(at + 2 + is_hex, after):
            digit = hex_value(data[place])
            if digit < 0 or (digit > 9 and not is_hex):  # noqa: PLR2004 - decimal
                return -1, at
            value = value * (16 if is_hex else 10) + digit
            digits += 1
        return (value if digits > 0 else -1), after + 1
    second = data[at + 2] if size > 1 else np.uint8(0)
    if size == 2 and second == ord("t"):  # noqa: PLR2004 - lt, gt
        value = _LESS if first == ord("l") else (_GREATER if first == ord("g") else -1)
    elif size == 3 and first == ord("a") and second == ord("m") and data[at + 3] == ord("p"):  # noqa: PLR2004 - amp
        value = _AMPERSAND
    elif size == 4 and first == ord("q") and second == ord("u") and data[at + 3] == ord("o") and data[at + 4] == ord("t"):  # noqa: PLR2004 - as the standard has it
        value = _QUOTE
    elif size == 4 and first == ord("a") and second == ord("p") and data[at + 3] == ord("o") and data[at + 4] == ord("s"):  # noqa: PLR2004 - as the standard has it
        value = _APOSTROPHE
    else:
        value = -1
    return value, after + 1


@njit(I64(BYTES, I64, I64, BYTES, INTS, I64))
def _after_word(data, at, end, word, absent, kind):
    """Return the position after the next `word`; above `end` if there is none.

    It is known not to begin from `absent[2 * kind]` to `absent[2 * kind + 1]`, so that no byte is searched twice.
    """
    since, until = absent[2 * kind], absent[2 * kind + 1]
    place = at
    while place < end and not _has_word(data, place, end, word):
        place = until if since <= place < until else place + 1
    is_there = place < end
    known = place if is_there else end - word.size + 1
    if known > until:
        absent[2 * kind] = since if since <= at <= until else at
        absent[2 * kind + 1] = known
    return place + word.size if is_there else end + 1


@njit(numba.types.UniTuple(I64, 3)(BYTES, I64, I64, TREE, BYTES, LIST, LIST, INTS, TABLE, SPANS, INTS, INTS, INTS, OUT, I64))
def _xml_record(data, at, end, nodes, names, group_parent, field_group, counts, owner, spans, seen, stack, absent, out, out_at):
    """Reads the element at `at`. Outcome, the position after it (or of the mistake), and the end of the copied texts.

    Each level of `stack` holds the node of its element, and begin and end of its name.
    """
    depth, text_begin = 0, out_at
    while True:
        if at + 1 >= end:
            return INCOMPLETE, at, out_at
        byte, node = data[at], stack[3 * depth - 3] if depth > 0 else NONE
        is_text = node >= 0 and nodes[node, FIELD] >= 0
        if byte != _LESS:
            code, after = np.int64(byte), at + 1
            if byte == _AMPERSAND:
                code, after = _entity(data, at, end)
                if code < 0:
                    return (INCOMPLETE if code == -2 else BAD), at, out_at  # noqa: PLR2004 - see _entity
            if byte == 0:
                return BAD, at, out_at
            if is_text and byte == _AMPERSAND:
                out_at = put_code_point(out, out_at, code)
            elif is_text:
                out[out_at] = byte
                out_at += 1
            at = after
            continue
        mark = data[at + 1]
        if mark == _BANG:
            if at + LONGEST_MARK > end:
                return INCOMPLETE, at, out_at
            if _has_word(data, at, end, COMMENT):
                at = _after_word(data, at + COMMENT.size, end, COMMENT_END, absent, 0)
            elif _has_word(data, at, end, CDATA):
                after = _after_word(data, at + CDATA.size, end, CDATA_END, absent, 1)
                for place in range(at + CDATA.size, after - CDATA_END.size if is_text and after <= end else 0):
                    out[out_at] = data[place]
                    out_at += 1
                at = after
            else:
                return BAD, at, out_at
            if at > end:
                return INCOMPLETE, end, out_at
        elif mark == _QUERY:
            at = _after_word(data, at, end, INSTRUCTION_END, absent, 2)
            if at > end:
                return INCOMPLETE, end, out_at
        else:
            is_closing = mark == _SLASH
            name = at + 1 + is_closing
            after = _name_end(data, name, end)
            if after == end:
                return INCOMPLETE, at, out_at
            if after == name:
                return BAD, at, out_at
            if not is_closing:
                if depth == DEPTH_MAX:
                    return BAD, at, out_at
                child = ROOT
                if depth > 0:
                    key_end = out_at
                    for place in range(name, after):
                        out[key_end] = data[place]
                        key_end += 1
                    child = find_child(nodes, names, node, out, out_at, key_end)
                    if child >= 0 and (nodes[child, EACH] >= 0 or nodes[child, FIRST] >= 0):
                        child, outcome = enter_element(child, nodes, group_parent, field_group, counts, owner, spans, seen)
                        if outcome != COMPLETE:
                            return outcome, at, out_at
                stack[3 * depth], stack[3 * depth + 1], stack[3 * depth + 2] = child, name, after
                depth += 1
                if child >= 0 and nodes[child, FIELD] >= 0:
                    text_begin = out_at
                outcome, at, is_closed = _tag_end(data, after, end)
                if outcome != COMPLETE:
                    return outcome, at, out_at
                node = child
            else:
                old = stack[3 * depth - 2]
                if stack[3 * depth - 1] - old != after - name:
                    return BAD, at, out_at
                for place in range(after - name):
                    if data[old + place] != data[name + place]:
                        return BAD, at, out_at
                at, is_closed = after, 1
                while at < end and (data[at] == BLANK or data[at] == NEWLINE or data[at] == RETURN or data[at] == TAB):
                    at += 1
                if at >= end:
                    return INCOMPLETE, at, out_at
                if data[at] != _GREATER:
                    return BAD, at, out_at
                at += 1
            if is_closed == 1:
                depth -= 1
                if node >= 0 and nodes[node, FIELD] >= 0:
                    outcome = set_field(node, text_begin, out_at, nodes, field_group, counts, spans, out)
                    out[out_at] = NEWLINE  # as in _json_record
                    out_at += 1
                    if outcome != COMPLETE:
                        return outcome, at, out_at
                if depth == 0:
                    return COMPLETE, at, out_at


@njit(numba.types.UniTuple(I64, 2)(BYTES, I64, I64, BOOL, BYTES, BYTES))
def _skip_record(data, begin, end, is_last, opening, closing):
    """Skip to the end of a faulty record, by its tags alone, or of rubbish. Outcome and position; PIECE: it continues behind it."""
    at = begin + 1
    longest = closing.size + 1
    while at < end and at - begin < RECORD_BYTES_MAX:
        if data[at] == _LESS:
            if at + longest > end and not is_last:
                return INCOMPLETE, at
            if _has_tag(data, at, end, opening) or _has_word(data, at, end, WRAPPER) or _has_word(data, at, end, WRAPPER_END):
                return COMPLETE, at
            if _has_tag(data, at, end, closing):
                after = at + closing.size
                while after < end and data[after] != _GREATER and data[after] <= BLANK:
                    after += 1
                if after == end and not is_last:
                    return INCOMPLETE, at
                return COMPLETE, min(end, after + 1)
        at += 1
    if at - begin >= RECORD_BYTES_MAX:
        return PIECE, at
    return (COMPLETE if is_last else INCOMPLETE), at


@njit(numba.types.UniTuple(I64, 2)(BYTES, I64, I64, BOOL, INTS))
def _gap_end(data, at, end, is_last, absent):
    """Outcome and end of a comment, an instruction or a wrapper's tag at `at`; BAD: it is none of these."""
    if at + LONGEST_MARK > end and not is_last:
        return INCOMPLETE, at
    if _has_word(data, at, end, COMMENT):
        after = _after_word(data, at + COMMENT.size, end, COMMENT_END, absent, 0)
    elif _has_word(data, at, end, INSTRUCTION):
        after = _after_word(data, at, end, INSTRUCTION_END, absent, 2)
    elif _has_word(data, at, end, WRAPPER):
        after = at + WRAPPER.size
    elif _has_word(data, at, end, WRAPPER_END):
        after = at + WRAPPER_END.size
    else:
        return BAD, at
    if after <= end:
        return COMPLETE, after
    return (BAD if is_last or end - at >= RECORD_BYTES_MAX else INCOMPLETE), at


@njit(
    numba.types.UniTuple(I64, 4)(
        BYTES, I64, I64, BOOL, BYTES, TREE, BYTES, LIST, LIST, INTS, INTS, TABLE, SPANS, INTS, INTS, OUT, INTS, INTS, FAULTS
    )
)  # fmt: skip
def scan_xml(
    data, begin, end, is_last, tags, nodes, names, group_parent, field_group,
    state, counts, owner, spans, seen, stack, out, record_begin, record_end, record_fault,
):  # fmt: skip
    """Finds elements in `data[begin:end]`. Gives their count, the position to go on from, the end of the texts, and 1 if room ran out.

    `tags` is `<name</name`. `counts` are the instances of each group, then the current one of each.
    """
    opening, closing = tags[: (tags.size - 1) // 2], tags[(tags.size - 1) // 2 :]
    counts[:] = 0
    before, absent = np.zeros(group_parent.size, np.int64), np.zeros(6, np.int64)
    at, out_at, row, is_full = begin, 0, 0, 0
    while at < end:
        byte = data[at]
        is_skipping = state[SKIPPING] > 0
        if not is_skipping and (byte == BLANK or byte == NEWLINE or byte == RETURN or byte == TAB):
            at += 1
            continue
        is_record = not is_skipping and byte == _LESS and _has_tag(data, at, end, opening)
        if not is_skipping and not is_record and byte == _LESS:
            outcome, stop = _gap_end(data, at, end, is_last, absent)
            if outcome == INCOMPLETE:
                break
            if outcome == COMPLETE:
                state[LISTS] = max(0, state[LISTS] + _has_word(data, at, end, WRAPPER) - _has_word(data, at, end, WRAPPER_END))
                at = stop
                continue
        if row == record_begin.size:
            is_full = 1
            break
        for group in range(before.size):
            before[group] = counts[group]
        fault, stop = state[SKIPPING], at
        begin_instance(0, group_parent, field_group, counts, owner, spans)
        if is_record:
            seen[:] = 0
            limit = min(end, at + RECORD_BYTES_MAX)
            outcome, stop, text_end = _xml_record(
                data, at, limit, nodes, names, group_parent, field_group, counts, owner, spans, seen, stack, absent, out, out_at
            )
            is_full = 1 if outcome == FULL and row > 0 else 0
            if is_full == 1 or (outcome == INCOMPLETE and not is_last and end - at < RECORD_BYTES_MAX):
                counts[: before.size] = before
                break
            if outcome == COMPLETE:
                out_at = text_end
            elif outcome == INCOMPLETE:
                fault = FAULT_CUT if limit == end and is_last else FAULT_LENGTH
            else:
                fault = FAULT_REPEATED if outcome == REPEATED else FAULT_BAD
        elif not is_skipping:
            fault = FAULT_BAD
        if fault > 0:
            counts[: before.size] = before
            begin_instance(0, group_parent, field_group, counts, owner, spans)
            outcome, stop = _skip_record(data, at, end, is_last, opening, closing)
            if outcome == INCOMPLETE:
                counts[: before.size] = before
                break
            state[SKIPPING] = fault if outcome == PIECE else 0
            state[WAS_CUT] = max(state[WAS_CUT], fault == FAULT_CUT)
        record_begin[row], record_end[row], record_fault[row] = at, stop, fault
        row += 1
        at = stop
    return row, at, out_at, is_full
