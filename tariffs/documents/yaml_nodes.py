"""The nodes of YAML text as the plain objects of `document`: what a scalar means is said here, and not guessed by YAML."""

from __future__ import annotations

import itertools
import re
from typing import Final

import yaml

from rating.definition_file import yaml_remedy
from tariffs.documents import limits
from tariffs.documents.document import DEPTH_MAX, Finding, Parsed, Place, failed, line_at

_OWN_TAGS: Final = "tag:yaml.org,2002:"
_TEXT_TAG: Final = f"{_OWN_TAGS}str"
_INTEGER: Final = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_DECIMAL: Final = re.compile(r"-?[0-9]+\.[0-9]+([eE][-+]?[0-9]+)?")
_WORDS: Final = {"null": None, "~": None, "": None, "true": True, "false": False}


def parsed(text: str, nodes_max: int) -> Parsed:
    """Read YAML text of at most so many values and names of fields."""
    root = _composed(text, nodes_max)
    if isinstance(root, Parsed):
        return root
    if root is None:
        return failed("the file is empty", "give at least identity, version, currency, timezone and plans; see docs/tariffs.md")
    found = Parsed({}, {}, [], set())
    fields = _object(root, (), found)
    if not isinstance(fields, dict):
        return failed("the file is not a set of fields", "begin it with a field, such as `identity: mobile`")
    return found._replace(fields=fields)


def _composed(text: str, nodes_max: int) -> yaml.Node | Parsed | None:
    """The nodes of YAML text, None where there are none; or what is wrong with the YAML itself."""
    try:
        root: yaml.Node | None = yaml.compose(text, Loader=_loader(nodes_max))
    except _TooManyNodesError:
        most = f"at most {limits.YAML_NODES_MAX:,} can be"
        return failed(f"more values than a catalogue may have; {most}", "put prefixes and rates into CSV files, and name these")
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 0
        return failed(f"not valid YAML: {error.problem}", yaml_remedy(error, "".join(text.splitlines()[line - 1 : line])), line)
    except yaml.reader.ReaderError as error:
        message = f"not valid YAML: the character #x{error.character:02x}"
        return failed(message, "remove the characters that YAML does not allow", line_at(text.encode(), error.position))
    except RecursionError:
        return failed("nested too deeply to read", f"a catalogue needs no more than {DEPTH_MAX} levels")
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
