"""Plain objects as the YAML text of a tariff file: what `tariffs.documents.document` reads back is what was given.

Mappings, lists (tuples too), text, whole numbers, true, false, nothing and dates. A text is without quotes only where it cannot be
taken for something else: an amount ("0.15") or a prefix ("015") is always quoted. Entries that fit are on one line.
Refuses a float with an assertion: no number of a tariff is one.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from typing import Final

WIDTH: Final = 140
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*|\d{4}-\d\d-\d\d|[1-9]\d*(?:ms|s|min|h|B|[KMGT]i?B)")
_SPOKEN_FOR: Final = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf"})  # here, or by other readers
_UNPRINTABLE: Final = re.compile('[\x00-\x1f\\\\"\x7f-\xa0\xad\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]')
_INDENT: Final = "  "


def dump(fields: Mapping[str, object]) -> str:
    """The text of a top-level mapping, ending with a line break; an empty line parts lists from what is before them."""
    lines: list[str] = []
    for name, value in fields.items():
        inner = _entry(name, value, "")
        if lines and len(inner) > 1:
            lines.append("")
        lines += inner
    return "\n".join(lines) + "\n"


def _entry(name: str, value: object, indent: str) -> list[str]:
    """Lines of `name: value`."""
    head = f"{indent}{_text(name)}:"
    flow = _flow(value)
    if len(head) + 1 + len(flow) <= WIDTH and not _wants_lines(value):
        return [f"{head} {flow}"]
    if isinstance(value, Mapping):
        return [head, *_fields(value, indent + _INDENT)]
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [head, *_items(value, indent + _INDENT)]
    return [f"{head} {flow}"]


def _wants_lines(value: object) -> bool:
    """Return whether a list is of entries, which are read one below the other."""
    return isinstance(value, Sequence) and not isinstance(value, str) and any(isinstance(item, Mapping) for item in value)


def _fields(value: Mapping[str, object], indent: str) -> list[str]:
    return [line for name, inner in value.items() for line in _entry(name, inner, indent)]


def _items(values: Sequence[object], indent: str) -> list[str]:
    """Entries one below the other; plain values side by side, as many as a line holds."""
    if not any(isinstance(value, Mapping | list | tuple) for value in values):
        return _wrapped([_flow(value) for value in values], indent)
    lines: list[str] = []
    for value in values:
        flow = f"{indent}- {_flow(value)}"
        if not isinstance(value, Mapping) or not value or (len(flow) <= WIDTH and not any(map(_wants_lines, value.values()))):
            lines.append(flow)
            continue
        inner = _fields(value, indent + _INDENT)
        lines += [f"{indent}- {inner[0].lstrip()}", *inner[1:]]
    return lines


def _wrapped(texts: Sequence[str], indent: str) -> list[str]:
    """A flow list over several lines."""
    lines = [f"{indent}["]
    for text in texts:
        if len(lines[-1]) + len(text) + 2 > WIDTH:
            lines.append(f"{indent} ")
        lines[-1] += f"{text}, "
    return [*(line.rstrip() for line in lines[:-1]), lines[-1].removesuffix(", ") + "]"]


def _flow(value: object) -> str:
    """`value` on one line."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_text(str(name))}: {_flow(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, Sequence):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value.isoformat()
    assert isinstance(value, int), f"a tariff file has no {type(value).__name__}"
    return str(value)


def _text(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _SPOKEN_FOR:
        return text
    return '"' + _UNPRINTABLE.sub(_escaped, text) + '"'


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    return f"\\{character}" if character in {'"', "\\"} else f"\\u{ord(character):04x}"
