"""Streaming reader of XML from outside: small subtrees one after the other, in memory that does not grow with the file.

The parser is expat itself (`xml.parsers.expat`). `xml.etree.iterparse` builds on the same parser but gives no hold on its declarations:
a document type could not be refused before its entities are read. Here the first `<!DOCTYPE` stops the file, and without one XML has no
entity but its five own ones: nothing is fetched, nothing expands. defusedxml would add the same handlers around a slower tree.

Elements that hold an unbounded number of others (`containers`) are reported at their start and end. Each other child of a container is
collected whole, as a Node, and dropped after the caller has seen it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple
from xml.parsers import expat

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from billing.payments.statements.records import Problems

PIECE_BYTES: Final = 64 << 10
TOKEN_BYTES_MAX: Final = 4 << 20  # one tag, comment or text: what expat holds until it ends
NODE_CHARS_MAX: Final = 1 << 20  # texts, names and attributes of one subtree
NODES_MAX: Final = 20_000  # elements of one subtree
DEPTH_MAX: Final = 64


class Node:
    """An element of a subtree. `name`: local name; empty in another namespace than that of the document."""

    __slots__ = ("attributes", "children", "line_no", "name", "pieces")

    def __init__(self, name: str, attributes: Mapping[str, str], line_no: int) -> None:
        self.name = name
        self.attributes = attributes
        self.line_no = line_no
        self.children: list[Node] = []
        self.pieces: list[str] = []

    @property
    def text(self) -> str:
        """Its own text, without blanks at its ends."""
        return "".join(self.pieces).strip()

    def all(self, path: str) -> list[Node]:
        """Elements below it by their path, such as `Refs/EndToEndId`, in the order of the file."""
        found = [self]
        for name in path.split("/"):
            found = [child for each in found for child in each.children if child.name == name]
        return found

    def first(self, *paths: str) -> Node | None:
        """The first element of the first path that leads to one."""
        for path in paths:
            found = self.all(path)
            if found:
                return found[0]
        return None

    def said(self, *paths: str) -> str:
        """The text of the first element of the first path that leads to one that says something; else empty."""
        for path in paths:
            for each in self.all(path):
                if each.text:
                    return each.text
        return ""


class Begin(NamedTuple):
    """The start of a container."""

    path: tuple[str, ...]
    namespace: str
    line_no: int


class End(NamedTuple):
    """The end of a container."""

    path: tuple[str, ...]
    line_no: int


class Child(NamedTuple):
    """A whole child of the container `path`."""

    path: tuple[str, ...]
    node: Node


class _Refused(Exception):  # noqa: N818 -- leaves expat with a mistake of the file
    """A mistake behind which nothing is read."""


class _Collector:
    """Handlers of one document. `events` are those since the caller took them last."""

    def __init__(self, containers: frozenset[tuple[str, ...]]) -> None:
        self.events: list[Begin | End | Child] = []
        self.path: tuple[str, ...] = ()
        self.parser: Any = expat.ParserCreate(namespace_separator="}")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.said
        self.parser.StartDoctypeDeclHandler = self.declared
        self.parser.EntityDeclHandler = self.declared
        self._containers = containers
        self._namespace: str | None = None
        self._open: list[Node] = []
        self._chars = 0
        self._nodes = 0

    def declared(self, *_: object) -> None:
        """A document type, or an entity of its own."""
        raise _Refused("has a document type (DOCTYPE), as no file of a bank has")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        namespace, _, local = name.rpartition("}")
        line_no = self.parser.CurrentLineNumber
        if self._namespace is None:
            self._namespace = namespace
        if not self._open and (*self.path, local) in self._containers:
            self.path = (*self.path, local)
            self.events.append(Begin(self.path, namespace, line_no))
            return
        if len(self._open) + len(self.path) >= DEPTH_MAX:
            raise _Refused(f"has elements more than {DEPTH_MAX} deep")
        self._count(len(name) + sum(len(key) + len(value) for key, value in attributes.items()))
        self._nodes += 1
        if self._nodes > NODES_MAX:
            raise _Refused(f"has more than {NODES_MAX:,} elements in one")
        node = Node(local if namespace == self._namespace else "", attributes, line_no)
        if self._open:
            self._open[-1].children.append(node)
        self._open.append(node)

    def end(self, _: str) -> None:
        """An element ends."""
        if not self._open:
            self.events.append(End(self.path, self.parser.CurrentLineNumber))
            self.path = self.path[:-1]
            return
        node = self._open.pop()
        if not self._open:
            self.events.append(Child(self.path, node))
            self._chars = self._nodes = 0

    def said(self, text: str) -> None:
        """Text within an element."""
        if self._open:
            self._count(len(text))
            self._open[-1].pieces.append(text)

    def _count(self, chars: int) -> None:
        self._chars += chars
        if self._chars > NODE_CHARS_MAX:
            raise _Refused(f"has more than {NODE_CHARS_MAX:,} characters in one element")


def read(stream: BinaryIO, containers: frozenset[tuple[str, ...]], problems: Problems) -> Iterator[Begin | End | Child]:
    """Parts of a document, as they come. Raises ProblemsError for what is no XML, is cut short or has a document type."""
    collector = _Collector(containers)
    fed = 0
    while True:
        piece = stream.read(PIECE_BYTES)
        fed += len(piece)
        mistake: tuple[int, str] | None = None
        try:
            collector.parser.Parse(piece, not piece)
        except _Refused as refused:
            mistake = collector.parser.CurrentLineNumber, str(refused)
        except (expat.ExpatError, ValueError, LookupError) as error:
            mistake = _line(error, collector), f"is not well-formed XML{'' if piece else ': the file is cut short'} ({_words(error)})"
        yield from collector.events
        collector.events.clear()
        if mistake is None and piece and fed - max(collector.parser.CurrentByteIndex, 0) > TOKEN_BYTES_MAX:
            mistake = collector.parser.CurrentLineNumber, f"has a tag, comment or text above {TOKEN_BYTES_MAX:,} bytes"
        if mistake is not None:
            raise problems.stop(*mistake)
        if not piece:
            return


def _line(error: Exception, collector: _Collector) -> int:
    return int(getattr(error, "lineno", collector.parser.CurrentLineNumber))


def _words(error: Exception) -> str:
    return expat.ErrorString(error.code) if isinstance(error, expat.ExpatError) else str(error)
