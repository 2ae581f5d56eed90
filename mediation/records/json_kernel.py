"""Finds JSON records in raw bytes, and copies the texts of the wanted fields out of them.

A record is an object; between records may be white space, commas and the brackets of lists. The refused bytes of a faulty record end
at the first of two places: where the record ends by its brackets and quotes alone; or before a line that begins the next record (with
`{`, no deeper indented). So one bad record takes no good one with it. Where bytes would be read over and over, what was
read of a faulty record is refused with it, so that time stays bounded. Nothing here raises.
"""

from __future__ import annotations

import numba
import numpy as np

from mediation.records import record_kernel
from mediation.records.record_kernel import (
    BAD,
    BLANK,
    BOOL,
    BYTES,
    CARRIED,
    COLUMN,
    COMPLETE,
    DEPTH,
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
    IN_STRING,
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
    REREAD,
    REREAD_BYTES_MAX,
    RETURN,
    ROOT,
    SKIPPING,
    SPANS,
    TAB,
    TABLE,
    TREE,
    WAS_CUT,
    begin_instance,
    column_of,
    enter_element,
    find_child,
    hex_value,
    put_code_point,
    set_field,
)
from rating.jit import kernel_module

njit = kernel_module(__file__, record_kernel.__file__)

_QUOTE, _BACKSLASH, _OPEN, _CLOSE, _OPEN_LIST, _CLOSE_LIST, _COMMA, _COLON = (ord(mark) for mark in '"\\{}[],:')
_MINUS, _PLUS, _DOT, _SLASH, _ZERO, _NINE = (ord(mark) for mark in "-+./09")
_ANY_VALUE, _VALUE_OR_END, _KEY, _KEY_OR_END, _COMMA_OR_END = 0, 1, 2, 3, 4


@njit(I64(BYTES, I64))
def _hex4(data, at):
    value = 0
    for place in range(at, at + 4):
        value = value * 16 + hex_value(data[place])
    return value


@njit(numba.types.UniTuple(I64, 3)(BYTES, I64, I64))
def _json_string_end(data, at, end):
    """From after the opening quote: outcome, the closing quote, and 1 if there are escapes."""
    has_escape = 0
    while at < end:
        byte = data[at]
        if byte == _QUOTE:
            return COMPLETE, at, has_escape
        if byte < BLANK:
            return BAD, at, has_escape
        if byte == _BACKSLASH:
            has_escape = 1
            if at + 1 >= end:
                return INCOMPLETE, at, 1
            mark = data[at + 1]
            if mark == ord("u"):
                if at + 6 > end:
                    return INCOMPLETE, at, 1
                for place in range(at + 2, at + 6):
                    if hex_value(data[place]) < 0:
                        return BAD, at, 1
                at += 4
            elif mark not in (_QUOTE, _BACKSLASH, _SLASH, ord("b"), ord("f"), ord("n"), ord("r"), ord("t")):
                return BAD, at, 1
            at += 1
        at += 1
    return INCOMPLETE, at, has_escape


@njit(I64(BYTES, I64, I64, OUT, I64))
def _put_json_text(data, at, end, out, out_at):
    """Copies a faultless string, its escapes replaced. Gives the end of the copy."""
    while at < end:
        byte = data[at]
        if byte != _BACKSLASH:
            out[out_at] = byte
            out_at += 1
            at += 1
            continue
        mark = data[at + 1]
        at += 2
        if mark == ord("u"):
            code = _hex4(data, at)
            at += 4
            is_pair = 0xD800 <= code < 0xDC00 and at + 6 <= end and data[at] == _BACKSLASH and data[at + 1] == ord("u")  # noqa: PLR2004 - as the standard has it
            if is_pair and 0xDC00 <= _hex4(data, at + 2) <= 0xDFFF:  # noqa: PLR2004 - UTF-16
                code = 0x10000 + ((code - 0xD800) << 10) + (_hex4(data, at + 2) - 0xDC00)
                at += 6
            out_at = put_code_point(out, out_at, code)
            continue
        if mark == ord("n"):
            mark = np.uint8(NEWLINE)
        elif mark == ord("r"):
            mark = np.uint8(RETURN)
        elif mark == ord("t"):
            mark = np.uint8(TAB)
        elif mark == ord("b"):
            mark = np.uint8(8)
        elif mark == ord("f"):
            mark = np.uint8(12)
        out[out_at] = mark
        out_at += 1
    return out_at


@njit(BOOL(BYTES, I64, I64))
def _is_json_number(data, at, end):
    if data[at] == _MINUS:
        at += 1
    begin = at
    while at < end and _ZERO <= data[at] <= _NINE:
        at += 1
    if at == begin or (data[begin] == _ZERO and at > begin + 1):
        return False
    if at < end and data[at] == _DOT:
        begin = at + 1
        at = begin
        while at < end and _ZERO <= data[at] <= _NINE:
            at += 1
        if at == begin:
            return False
    if at < end and (data[at] | 32) == ord("e"):
        at += 1
        if at < end and (data[at] == _PLUS or data[at] == _MINUS):
            at += 1
        begin = at
        while at < end and _ZERO <= data[at] <= _NINE:
            at += 1
        if at == begin:
            return False
    return at == end


@njit(numba.types.UniTuple(I64, 2)(BYTES, I64, I64))
def _json_scalar_end(data, at, end):
    """Outcome and end of a number, true, false or null."""
    begin = at
    while at < end:
        byte = data[at]
        if byte <= BLANK or byte == _COMMA or byte == _CLOSE or byte == _CLOSE_LIST or byte == _COLON or byte == _QUOTE:
            break
        at += 1
    if at == end:
        return INCOMPLETE, at
    size = at - begin
    if size == 4 and data[begin + 1] == ord("r"):  # noqa: PLR2004 - the length of true
        is_right = data[begin] == ord("t") and data[begin + 2] == ord("u") and data[begin + 3] == ord("e")
    elif size == 4 and data[begin + 1] == ord("u"):  # noqa: PLR2004 - the length of null
        is_right = data[begin] == ord("n") and data[begin + 2] == ord("l") and data[begin + 3] == ord("l")
    elif size == 5 and data[begin] == ord("f"):  # noqa: PLR2004 - the length of false
        is_right = (
            data[begin + 1] == ord("a") and data[begin + 2] == ord("l") and data[begin + 3] == ord("s") and data[begin + 4] == ord("e")
        )
    else:
        is_right = size > 0 and _is_json_number(data, begin, at)
    return (COMPLETE if is_right else BAD), at


@njit(numba.types.UniTuple(I64, 3)(BYTES, I64, I64, TREE, BYTES, LIST, LIST, INTS, TABLE, SPANS, INTS, INTS, OUT, I64))
def _json_record(data, at, end, nodes, names, group_parent, field_group, counts, owner, spans, seen, stack, out, out_at):
    """Reads the object at `at`. Outcome, the position after it (or of the mistake), and the end of the copied texts.

    Each level of `stack` holds the node of its object or list, doubled, plus 1 for a list.
    """
    depth, state, node = 0, _ANY_VALUE, ROOT
    while True:
        while at < end and (data[at] == BLANK or data[at] == NEWLINE or data[at] == RETURN or data[at] == TAB):
            at += 1
        if at >= end:
            return INCOMPLETE, at, out_at
        byte = data[at]
        is_end = byte == _CLOSE or byte == _CLOSE_LIST
        if is_end:
            is_list = stack[depth - 1] & 1 if depth > 0 else 0
            fits = byte == (_CLOSE_LIST if is_list == 1 else _CLOSE)
            may_end = state == _COMMA_OR_END or state == (_VALUE_OR_END if is_list == 1 else _KEY_OR_END)
            if depth == 0 or not fits or not may_end:
                return BAD, at, out_at
            depth -= 1
            at += 1
            state = _COMMA_OR_END
        elif state == _COMMA_OR_END:
            if byte != _COMMA:
                return BAD, at, out_at
            at += 1
            state = _ANY_VALUE if stack[depth - 1] & 1 else _KEY
            continue
        elif state == _KEY or state == _KEY_OR_END:
            if byte != _QUOTE:
                return BAD, at, out_at
            outcome, closing, _ = _json_string_end(data, at + 1, end)
            if outcome != COMPLETE:
                return outcome, closing, out_at
            owning = stack[depth - 1] >> 1
            node = NONE
            if owning >= 0:
                node = find_child(nodes, names, owning, out, out_at, _put_json_text(data, at + 1, closing, out, out_at))
            at = closing + 1
            while at < end and (data[at] == BLANK or data[at] == NEWLINE or data[at] == RETURN or data[at] == TAB):
                at += 1
            if at >= end:
                return INCOMPLETE, at, out_at
            if data[at] != _COLON:
                return BAD, at, out_at
            at += 1
            state = _ANY_VALUE
            continue
        else:
            if depth > 0 and stack[depth - 1] & 1:
                node, outcome = stack[depth - 1] >> 1, COMPLETE
                if node >= 0:
                    node, outcome = enter_element(node, nodes, group_parent, field_group, counts, owner, spans, seen)
                if outcome != COMPLETE:
                    return outcome, at, out_at
            elif byte != _OPEN_LIST and node >= 0 and (nodes[node, EACH] >= 0 or nodes[node, FIRST] >= 0):
                node, outcome = enter_element(node, nodes, group_parent, field_group, counts, owner, spans, seen)
                if outcome != COMPLETE:
                    return outcome, at, out_at
            if byte == _OPEN or byte == _OPEN_LIST:
                if depth == DEPTH_MAX:
                    return BAD, at, out_at
                stack[depth] = node * 2 + (byte == _OPEN_LIST)
                depth += 1
                at += 1
                state = _VALUE_OR_END if byte == _OPEN_LIST else _KEY_OR_END
                continue
            is_wanted = node >= 0 and nodes[node, FIELD] >= 0
            text_end = out_at
            if byte == _QUOTE:
                outcome, after, _ = _json_string_end(data, at + 1, end)
                if outcome == COMPLETE and is_wanted:
                    text_end = _put_json_text(data, at + 1, after, out, out_at)
                after += 1
            else:
                outcome, after = _json_scalar_end(data, at, end)
                if outcome == COMPLETE and is_wanted and byte != ord("n"):
                    text_end = _put_json_text(data, at, after, out, out_at)
            if outcome == COMPLETE and is_wanted:
                outcome = set_field(node, out_at, text_end, nodes, field_group, counts, spans, out)
                out[text_end] = NEWLINE  # so that no text follows a quote: copy_text would take it as quoted
                out_at = text_end + 1
            if outcome != COMPLETE:
                return outcome, at, out_at
            at = after
            state = _COMMA_OR_END
        if depth == 0:
            return COMPLETE, at, out_at


@njit(BOOL(BYTES, I64, I64, I64))
def _begins_record(data, at, end, column):
    """Return whether a line that begins at `at` holds `{` within its first `column` + 1 bytes, after blanks only."""
    place = at
    while place < end and place - at < column and (data[place] == BLANK or data[place] == TAB):
        place += 1
    return place < end and data[place] == _OPEN


@njit(numba.types.UniTuple(I64, 2)(BYTES, I64, I64, BOOL, I64, INTS))
def _skip_record(data, begin, end, is_last, lines_from, state):
    """Skip to the end of a faulty record, by brackets and quotes alone. Outcome and position; PIECE: it continues behind it.

    Lines that begin a record end it from `lines_from` on.
    """
    depth, in_string, at = state[DEPTH], state[IN_STRING], begin
    while at < end and at - begin < RECORD_BYTES_MAX:
        byte = data[at]
        if byte == NEWLINE:
            in_string = 0
            if at + 1 + state[COLUMN] >= end and not is_last:
                return INCOMPLETE, at
            if at >= lines_from and _begins_record(data, at + 1, end, state[COLUMN]):
                return COMPLETE, at
        elif in_string == 1:
            if byte == _BACKSLASH and at + 1 < end and data[at + 1] != NEWLINE:
                at += 1
            elif byte == _QUOTE:
                in_string = 0
        elif byte == _QUOTE:
            in_string = 1
        elif byte == _OPEN or byte == _OPEN_LIST:
            depth += 1
        elif byte == _CLOSE or byte == _CLOSE_LIST:
            depth -= 1
            if depth <= 0:
                return COMPLETE, at + 1
        at += 1
    if at - begin >= RECORD_BYTES_MAX:
        state[DEPTH], state[IN_STRING] = depth, in_string
        return PIECE, at
    return (COMPLETE if is_last else INCOMPLETE), at


@njit(numba.types.UniTuple(I64, 2)(BYTES, I64, I64, BOOL, BOOL))
def _rubbish_end(data, begin, end, is_last, in_list):
    """Return the end of bytes that begin no record: a line break, `{`, or the end of the list they are in, RECORD_BYTES_MAX at most."""
    at = begin + 1
    while at < end and data[at] != NEWLINE and data[at] != _OPEN and at - begin < RECORD_BYTES_MAX:
        if in_list and data[at] == _CLOSE_LIST:
            break
        at += 1
    return (INCOMPLETE if at == end and not is_last and at - begin < RECORD_BYTES_MAX else COMPLETE), at


@njit(
    numba.types.UniTuple(I64, 4)(
        BYTES, I64, I64, BOOL, TREE, BYTES, LIST, LIST, INTS, INTS, TABLE, SPANS, INTS, INTS, OUT, INTS, INTS, FAULTS
    )
)  # fmt: skip
def scan_json(
    data, begin, end, is_last, nodes, names, group_parent, field_group,
    state, counts, owner, spans, seen, stack, out, record_begin, record_end, record_fault,
):  # fmt: skip
    """Finds records in `data[begin:end]`. Gives their count, the position to go on from, the end of the texts, and 1 if room ran out.

    `counts` are the instances of each group, then the current one of each.
    """
    counts[:] = 0
    before = np.zeros(group_parent.size, np.int64)
    at, out_at, row, is_full = begin, 0, 0, 0
    while at < end:
        byte = data[at]
        is_skipping = state[SKIPPING] > 0
        if not is_skipping and (byte == BLANK or byte == NEWLINE or byte == RETURN or byte == TAB):
            at += 1
            continue
        if not is_skipping and (byte == _COMMA or byte == _OPEN_LIST or byte == _CLOSE_LIST):
            state[LISTS] = max(0, state[LISTS] + (byte == _OPEN_LIST) - (byte == _CLOSE_LIST))
            at += 1
            continue
        if row == record_begin.size:
            is_full = 1
            break
        for group in range(before.size):
            before[group] = counts[group]
        fault, stop = state[SKIPPING], at
        is_rubbish = not is_skipping and byte != _OPEN
        begin_instance(0, group_parent, field_group, counts, owner, spans)
        if is_rubbish:
            fault = FAULT_BAD
        elif not is_skipping:
            seen[:] = 0
            limit = min(end, at + RECORD_BYTES_MAX)
            outcome, stop, text_end = _json_record(
                data, at, limit, nodes, names, group_parent, field_group, counts, owner, spans, seen, stack, out, out_at
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
            state[DEPTH] = state[IN_STRING] = 0
            state[COLUMN] = column_of(data, begin, at, state[CARRIED])
        if fault > 0:
            counts[: before.size] = before
            begin_instance(0, group_parent, field_group, counts, owner, spans)
            if is_rubbish:
                outcome, stop = _rubbish_end(data, at, end, is_last, state[LISTS] > 0)
            else:
                reached = stop
                outcome, stop = _skip_record(data, at, end, is_last, reached if state[REREAD] > REREAD_BYTES_MAX else at, state)
                if outcome != INCOMPLETE:
                    state[REREAD] = max(0, state[REREAD] + max(0, reached - stop) - 4 * (stop - at))
            if outcome == INCOMPLETE:
                counts[: before.size] = before
                break
            state[SKIPPING] = fault if outcome == PIECE else 0
            state[WAS_CUT] = max(state[WAS_CUT], fault == FAULT_CUT)
        record_begin[row], record_end[row], record_fault[row] = at, stop, fault
        row += 1
        at = stop
    state[CARRIED] = column_of(data, begin, at, state[CARRIED])
    return row, at, out_at, is_full
