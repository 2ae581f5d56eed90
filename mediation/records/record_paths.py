"""Wanted fields of a JSON or XML record, as a tree of names; and the blocks of records that a window holds.

A path is names with dots between: `variables.uuid`. `callflow[0].context` takes the first of a list (or of elements that repeat, or
the only one, where it is no list). `units[].used[].time` makes each element of the list a row of its own; elements may hold further
lists. A path with `%` before it is URL-encoded text. Rows are the elements of the list named as `row`, with the fields of all that
encloses them; a record with no such element is one row. Bytes that are no record are rows with a reason. Refuses paths of a
definition that lead to no field, or to one that has a name already.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mediation.reasons import CODES, Reason
from mediation.records import fields
from mediation.records import record_kernel as kernel
from mediation.records.rows import Spans
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mediation.bytes.memory_window import ByteWindow

_FAULTS: Final = (None, Reason.MALFORMED_RECORD, Reason.TRUNCATED_RECORD, Reason.REPEATED_FIELD, Reason.ROW_TOO_LONG)  # as in the kernels
_CODES: Final = np.array([0 if reason is None else CODES[reason] for reason in _FAULTS], np.int8)
_PART: Final = re.compile(r"[^.\[\]]+(\[0\]|\[\])?")
RECORDS_MAX: Final = 1 << 14  # of one block
ROWS_MAX: Final = 1 << 16


class Paths(NamedTuple):
    """The wanted fields, compiled. `names` are those of the fields, in the order of their numbers."""

    names: tuple[str, ...]
    nodes: NDArray[np.int32]
    text: NDArray[np.uint8]  # all names of the tree, end to end
    field_group: NDArray[np.int32]
    group_parent: NDArray[np.int32]
    groups: tuple[str, ...]  # paths of the lists whose elements are instances; "" is the record itself
    tags: NDArray[np.uint8]  # XML: `<name</name`; JSON: none


class Rows(NamedTuple):
    """Rows made of records: of each, its record and the instance of each group (-1: none)."""

    record: NDArray[np.int64]
    instances: dict[int, NDArray[np.int64]]

    def of(self, group: int) -> NDArray[np.int64]:
        """The instance of a group that each row has."""
        return self.record if group == 0 else self.instances[group]


class ScannedRecords(NamedTuple):
    """Records of one scan, and their fields by group. Places are in the window's data; texts lie in `text`."""

    begin: NDArray[np.int64]
    end: NDArray[np.int64]
    fault: NDArray[np.int8]
    text: NDArray[np.uint8]
    paths: Paths
    owner: tuple[NDArray[np.int32], ...]  # of each group: the instance of the enclosing group
    spans: NDArray[np.int32]  # (2, fields, instances)

    def field(self, name: str) -> Spans:
        """One field, an instance of its group a row; empty where it is absent or null."""
        place = self.paths.names.index(name)
        size = self.owner[self.paths.field_group[place]].size
        begin, end = self.spans[:, place, :size]
        return Spans(np.maximum(begin, 0), np.where(begin < 0, 0, end))

    def rows(self, group: str) -> Rows:
        """A row each instance of `group`, and one for each record without any; in the order of the records."""
        number = self.paths.groups.index(group)
        instance = np.arange(self.owner[number].size)
        instances = {number: instance}
        while number > 0:
            instance, number = self.owner[number][instance].astype(np.int64), int(self.paths.group_parent[number])
            instances[number] = instance
        bare = np.setdiff1d(np.arange(self.begin.size), instance)
        record = np.concatenate([instance, bare])
        order = np.argsort(record, kind="stable")
        missing = np.full(bare.size, -1)
        instances = {number: np.concatenate([taken, missing])[order] for number, taken in instances.items()}
        return Rows(record[order], instances)

    def row_field(self, name: str, rows: Rows) -> Spans:
        """A field of each row, be it of the row's own group or of one that encloses it; empty where the row has no such instance."""
        return self._at(name, rows.of(int(self.paths.field_group[self.paths.names.index(name)])))

    def first_of(self, name: str, preferred: bytes, rows: Rows) -> Spans:
        """For each row: the field `name` of the first element of a list inside it, or of one whose text is `preferred`."""
        group = int(self.paths.field_group[self.paths.names.index(name)])
        outer, owner, spans = int(self.paths.group_parent[group]), self.owner[group], self.field(name)
        is_wanted = np.full(owner.size, -2, np.int16)
        limits = np.array([0, len(preferred)], np.int32)
        fields.match_words(self.text, spans.begin, spans.end, np.frombuffer(preferred, np.uint8), limits, is_wanted)
        order = np.lexsort((-is_wanted, owner))
        chosen, first = np.unique(owner[order], return_index=True)
        best = np.full(self.owner[outer].size, -1)
        best[chosen] = order[first]
        return self._at(name, np.where(rows.of(outer) >= 0, best[rows.of(outer)], -1) if best.size else np.full(rows.record.size, -1))

    def _at(self, name: str, instance: NDArray[np.int64]) -> Spans:
        found = self.field(name)
        if found.begin.size == 0:
            nothing = np.zeros(instance.size, np.int32)
            return Spans(nothing, nothing)
        return Spans(found.begin[instance], found.end[instance]).only(instance >= 0)


@dataclasses.dataclass
class _Tree:
    """Nodes under construction."""

    nodes: list[list[int]]
    text: bytearray
    groups: list[str]
    group_parent: list[int]

    def child(self, node: int, name: str) -> int:
        """The child of that name, made if it is new."""
        at = self.nodes[node][kernel.CHILD]
        while at >= 0:
            if bytes(self.text[self.nodes[at][kernel.NAME_BEGIN] : self.nodes[at][kernel.NAME_END]]) == name.encode():
                return at
            at = self.nodes[at][kernel.SIBLING]
        made = self.new(name)
        self.nodes[made][kernel.SIBLING] = self.nodes[node][kernel.CHILD]
        self.nodes[node][kernel.CHILD] = made
        return made

    def element(self, node: int, kind: int, path: str, group: int) -> int:
        """The node of a list's elements; each of them (EACH) is an instance of a group of its own."""
        if self.nodes[node][kind] < 0:
            self.nodes[node][kind] = made = self.new("")
            if kind == kernel.EACH:
                self.nodes[made][kernel.GROUP] = len(self.groups)
                self.groups.append(path)
                self.group_parent.append(group)
        return self.nodes[node][kind]

    def new(self, name: str) -> int:
        """A node without links."""
        node = [kernel.NONE] * kernel.NODE_WIDTH
        node[kernel.NAME_BEGIN] = len(self.text)
        self.text += name.encode()
        node[kernel.NAME_END], node[kernel.ENCODED] = len(self.text), 0
        self.nodes.append(node)
        return len(self.nodes) - 1


def compile_paths(fields: dict[str, str], element: str = "") -> Paths:
    """Fields as {name: path}. `element`: the records are XML elements of that name."""
    tree = _Tree([], bytearray(), [""], [kernel.NONE])
    tree.new("")
    field_group = []
    for number, path in enumerate(fields.values()):
        node, group, walked = kernel.ROOT, 0, ""
        for part in path.removeprefix("%").split("."):
            name, _, index = part.partition("[")
            node = tree.child(node, name)
            walked = f"{walked}.{part}".lstrip(".")
            if index:
                node = tree.element(node, kernel.FIRST if index == "0]" else kernel.EACH, walked, group)
                group = tree.nodes[node][kernel.GROUP] if index == "]" else group
        _check_node(tree, node, tuple(fields), path)
        tree.nodes[node][kernel.FIELD] = number
        tree.nodes[node][kernel.ENCODED] = int(path.startswith("%"))
        field_group.append(group)
    for number, path in enumerate(fields.values()):
        _check_leaf(tree, number, path)
    tags = f"<{element}</{element}" if element else ""
    return Paths(
        tuple(fields),
        np.array(tree.nodes, np.int32),
        np.frombuffer(bytes(tree.text), np.uint8),
        np.array(field_group, np.int32),
        np.array(tree.group_parent, np.int32),
        tuple(tree.groups),
        np.frombuffer(tags.encode(), np.uint8),
    )


def check_path(path: str, lists: tuple[str, ...] = ()) -> str:
    """Return a definition's path, or raise UserError if it is none. `lists`: lists whose elements may be named, such as `units[]`."""
    walked = ""
    for part in path.removeprefix("%").split("."):
        walked = f"{walked}.{part}".lstrip(".")
        if not _PART.fullmatch(part) or (part.endswith("[]") and walked not in lists):
            raise UserError(
                f"{path!r} is not a path to a field of a record",
                "write names with dots between, and [0] for the first of a list, such as callflow[0].caller_profile.context",
            )
    return path


def _check_node(tree: _Tree, node: int, names: tuple[str, ...], path: str) -> None:
    """Two names for one field would leave one of them empty."""
    other = tree.nodes[node][kernel.FIELD]
    if other >= 0:
        raise UserError(f"{path.removeprefix('%')} has the name {names[other]} already", f"use {names[other]}, and leave the other one out")


def _check_leaf(tree: _Tree, number: int, path: str) -> None:
    """A field is a text, not what encloses another field."""
    for node in tree.nodes:
        if node[kernel.FIELD] == number and max(node[kernel.CHILD], node[kernel.FIRST], node[kernel.EACH]) >= 0:
            raise UserError(
                f"{path.removeprefix('%')} is not a field: another column lies inside it", "leave it out, or name a field inside it"
            )


class _Room:
    """Memory for the records of one scan; used again for the next."""

    def __init__(self, paths: Paths, data_bytes: int) -> None:
        groups, fields = len(paths.groups), len(paths.names)
        rows = ROWS_MAX if groups > 1 else RECORDS_MAX
        self.state = np.zeros(kernel.STATE_SIZE, np.int64)
        self.counts = np.zeros(2 * groups, np.int64)
        self.owner = np.zeros((groups, rows), np.int32)
        self.spans = np.zeros((2, fields, rows), np.int32)
        self.seen = np.zeros(len(paths.nodes), np.int64)
        self.stack = np.zeros(3 * kernel.DEPTH_MAX, np.int64)
        self.out = np.zeros(data_bytes + kernel.RECORD_BYTES_MAX, np.uint8)
        self.begin, self.end = np.zeros(RECORDS_MAX, np.int64), np.zeros(RECORDS_MAX, np.int64)
        self.fault = np.zeros(RECORDS_MAX, np.int8)


def scan_window(window: ByteWindow, paths: Paths) -> Iterator[ScannedRecords]:
    """All records of what `window` reads, many at a time. A result is valid until the next one is requested."""
    room = _Room(paths, window.data.size)
    while window.begin < window.end or not window.is_last:
        found, position, is_full = _scan(window, paths, room)
        if found.begin.size:
            yield found
        if is_full:
            window.begin = position
        else:
            window.go_on(position)
    if room.state[kernel.LISTS] > 0 and room.state[kernel.WAS_CUT] == 0:
        yield _unclosed(window, paths)


def _scan(window: ByteWindow, paths: Paths, room: _Room) -> tuple[ScannedRecords, int, bool]:
    where = (window.data, window.begin, window.end, window.is_last)
    tree = (paths.nodes, paths.text, paths.group_parent, paths.field_group)
    memory = (room.state, room.counts, room.owner, room.spans, room.seen, room.stack, room.out, room.begin, room.end, room.fault)
    if paths.tags.size:
        from mediation.records.xml_kernel import scan_xml  # noqa: PLC0415 - who reads JSON compiles no kernels for XML, and the other way round

        count, position, text_end, is_full = scan_xml(*where, paths.tags, *tree, *memory)
    else:
        from mediation.records.json_kernel import scan_json  # noqa: PLC0415 - see above

        count, position, text_end, is_full = scan_json(*where, *tree, *memory)
    owner = tuple(room.owner[group, : room.counts[group]] for group in range(len(paths.groups)))
    found = ScannedRecords(room.begin[:count], room.end[:count], _CODES[room.fault[:count]], room.out[:text_end], paths, owner, room.spans)
    return found, int(position), bool(is_full)


def _unclosed(window: ByteWindow, paths: Paths) -> ScannedRecords:
    """A row of no bytes for a list of records that the file does not close: it may have been cut off between two of them."""
    place, nothing = np.array([window.end], np.int64), np.zeros(0, np.int32)
    owner = (np.zeros(1, np.int32), *(nothing for _ in paths.groups[1:]))
    fault = np.array([CODES[Reason.TRUNCATED_RECORD]], np.int8)
    return ScannedRecords(
        place, place, fault, np.zeros(0, np.uint8), paths, owner, np.full((2, len(paths.names), 1), kernel.NONE, np.int32)
    )
