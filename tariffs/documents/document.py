"""YAML text as plain objects, with the line of every entry.

Only the plain core of YAML: mappings, lists and scalars. A scalar without quotes is null, true, false, a whole number without
leading zeros, a decimal number, or text: no octal, no times as numbers in base 60, no dates, no `yes`. So that nothing a person
writes is silently turned into something else. Aliases, tags and a field given twice are refused.
"""

from __future__ import annotations

import codecs
import itertools
import re
from typing import TYPE_CHECKING, Final, NamedTuple

import yaml

from rating.definition_file import yaml_remedy
from tariffs.documents import limits

if TYPE_CHECKING:
    from pathlib import Path

DEPTH_MAX: Final = 20
_UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_OWN_TAGS: Final = "tag:yaml.org,2002:"
_TEXT_TAG: Final = f"{_OWN_TAGS}str"
_INTEGER: Final = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_DECIMAL: Final = re.compile(r"-?[0-9]+\.[0-9]+([eE][-+]?[0-9]+)?")
_WORDS: Final = {"null": None, "~": None, "": None, "true": True, "false": False}

Place = tuple["str | int", ...]


class Finding(NamedTuple):
    """A mistake at a place of a document or model: keys and indexes from the top."""

    place: Place
    message: str
    remedy: str


class Parsed(NamedTuple):
    """A file's top-level mapping, the line (from 1) of each place in it, and what was wrong with the YAML itself."""

    fields: dict[str, object]
    lines: dict[Place, int]
    findings: list[Finding]
    seen: set[int]  # identities of the nodes read, so that an alias is noticed
    bytes_read: int = 0


def parse(path: Path, bytes_max: int = limits.YAML_BYTES_MAX, nodes_max: int = limits.YAML_NODES_MAX) -> Parsed:
    """Read the YAML file `path`, no more of it than `bytes_max`. OSError is the caller's to explain."""
    with path.open("rb") as file:
        data = file.read(bytes_max + 1)
    if len(data) > bytes_max:
        most = f"{limits.YAML_BYTES_MAX // limits.MIB} MiB a file, {limits.FOLDER_YAML_BYTES_MAX // limits.MIB} MiB a folder"
        return _failed(f"more YAML than a catalogue may have ({most})", "put prefixes and rates into CSV files, and name these")
    if data.startswith(_UTF_16):
        return _failed("the file is UTF-16 text", "save it as UTF-8", 1)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return _failed("the file is not UTF-8 text", "save it as UTF-8", line_at(error.object, error.start))
    return parse_text(text, nodes_max)._replace(bytes_read=len(data))


def parse_text(text: str, nodes_max: int = limits.YAML_NODES_MAX) -> Parsed:
    """Read YAML text of at most so many values and names of fields."""
    root = _composed(text, nodes_max)
    if isinstance(root, Parsed):
        return root
    if root is None:
        return _failed("the file is empty", "give at least identity, version, currency, timezone and plans; see docs/tariffs.md")
    parsed = Parsed({}, {}, [], set())
    fields = _object(root, (), parsed)
    if not isinstance(fields, dict):
        return _failed("the file is not a set of fields", "begin it with a field, such as `identity: mobile`")
    return parsed._replace(fields=fields)


def place_text(place: Place) -> str:
    """`prices[2].rates[0].rate` of its keys and indexes."""
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.lstrip(".") or "document"


def line_at(data: bytes, position: int) -> int:
    """The line (from 1) of a byte."""
    return data.count(b"\n", 0, position) + 1


def _composed(text: str, nodes_max: int) -> yaml.Node | Parsed | None:
    """The nodes of YAML text, None where there are none; or what is wrong with the YAML itself."""
    try:
        root: yaml.Node | None = yaml.compose(text, Loader=_loader(nodes_max))
    except _TooManyNodesError:
        most = f"at most {limits.YAML_NODES_MAX:,} can be"
        return _failed(f"more values than a catalogue may have; {most}", "put prefixes and rates into CSV files, and name these")
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 0
        return _failed(f"not valid YAML: {error.problem}", yaml_remedy(error, "".join(text.splitlines()[line - 1 : line])), line)
    except yaml.reader.ReaderError as error:
        message = f"not valid YAML: the character #x{error.character:02x}"
        return _failed(message, "remove the characters that YAML does not allow", line_at(text.encode(), error.position))
    except RecursionError:
        return _failed("nested too deeply to read", f"a catalogue needs no more than {DEPTH_MAX} levels")
    return root


class _TooManyNodesError(Exception):
    """Stops YAML from being read further."""


def _loader(nodes_max: int) -> type[yaml.SafeLoader]:
    """A loader of plain YAML that gives up in bounded time: each node that names no tag asks it for one, and is counted then."""
    fastest: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    count = itertools.count(1)

    def resolve(_loader: yaml.SafeLoader, kind: type[yaml.Node], _value: object, _implicit: object) -> str:
        """The tag of a node that names none: what a scalar means is said here, by `_scalar`, and not guessed by YAML."""
        if next(count) > nodes_max:
            raise _TooManyNodesError
        if kind is yaml.ScalarNode:
            return _TEXT_TAG
        return f"{_OWN_TAGS}map" if kind is yaml.MappingNode else f"{_OWN_TAGS}seq"

    return type("_Loader", (fastest,), {"resolve": resolve})


def _failed(message: str, remedy: str, line: int = 0) -> Parsed:
    return Parsed({}, {(): line} if line else {}, [Finding((), message, remedy)], set())


def _object(node: yaml.Node, place: Place, parsed: Parsed) -> object:
    """The plain object of `node`; mistakes go to `parsed`."""
    if node.start_mark is not None:
        parsed.lines.setdefault(place, node.start_mark.line + 1)
    is_read = len(parsed.findings) <= limits.FINDINGS_MAX  # aliases and tags cost next to nothing to write
    if id(node) in parsed.seen:
        if is_read:
            parsed.findings.append(Finding(place, "an alias to another entry", "write the entry out: a tariff has no references"))
        return None
    parsed.seen.add(id(node))
    is_quoted = isinstance(node, yaml.ScalarNode) and node.style and node.tag != _TEXT_TAG
    if is_read and (is_quoted or not node.tag.startswith(_OWN_TAGS)):
        parsed.findings.append(Finding(place, f"a YAML tag, {node.tag}", "take the word that begins with ! away"))
    if len(place) > DEPTH_MAX:
        parsed.findings.append(Finding(place, "nested too deeply", f"a catalogue needs no more than {DEPTH_MAX} levels"))
        return None
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, place, parsed)
    if isinstance(node, yaml.SequenceNode):
        return [_object(item, (*place, i), parsed) for i, item in enumerate(node.value)]
    assert isinstance(node, yaml.ScalarNode), "a node is a mapping, a list or a scalar"
    return _scalar(node)


def _mapping(node: yaml.MappingNode, place: Place, parsed: Parsed) -> dict[str, object]:
    fields: dict[str, object] = {}
    for key_node, value_node in node.value:
        if not isinstance(key_node, yaml.ScalarNode):
            parsed.lines[*place, "?"] = key_node.start_mark.line + 1
            message = "a field whose name is a list or a set of fields"
            parsed.findings.append(Finding((*place, "?"), message, "write a word before the colon"))
            continue
        key = str(key_node.value)
        here = (*place, key)
        if key in fields:
            parsed.findings.append(Finding(here, f"field `{key}` is here twice", "keep one of them"))
            continue
        parsed.lines[here] = key_node.start_mark.line + 1
        fields[key] = _object(value_node, here, parsed)
    return fields


def _scalar(node: yaml.ScalarNode) -> object:
    text = str(node.value)
    if node.style:  # quoted, or a block of text
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _DECIMAL.fullmatch(text) else text
