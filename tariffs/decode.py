"""Plain objects into the frozen structs of the language, with *all* mistakes instead of the first.

msgspec stops at the first mistake, so this walks the fields of a struct itself and lets msgspec convert the leaves. What cannot be
read is noted and replaced by a placeholder, so that the rest is still checked; the result is only good when nothing was noted.
"""

from __future__ import annotations

import difflib
import typing
from typing import Any, Final, TypeVar

import msgspec

from tariffs.document import Finding, Place
from tariffs.texts import Text, TextError

Entry = TypeVar("Entry", bound=msgspec.Struct)


class _Leaf(typing.NamedTuple):
    """How a plain value is called, asked for, and replaced where it is missing or wrong."""

    wanted: str
    remedy: str
    placeholder: object


_LEAVES: Final[dict[object, _Leaf]] = {
    int: _Leaf("a whole number", "write digits without quotes", 1),
    str: _Leaf("text", "write text", ""),
    bool: _Leaf("true or false", "write true or false", False),
    dict[str, str]: _Leaf("texts by language", "write language codes with a text each, such as {en: Smart, zh: ...}", {}),
}


def decode(raw: object, kind: type[Entry], place: Place, findings: list[Finding]) -> Entry:
    """A `kind` of `raw`; mistakes are added to `findings`, and the struct then holds placeholders in their place."""
    is_set = isinstance(raw, dict)
    if not isinstance(raw, dict):
        findings.append(Finding(place, "expected a set of fields", f"write {', '.join(_names(kind))} as `name: value`"))
        raw = {}
    _note_unknown(raw, kind, place, findings)
    values: dict[str, object] = {}
    for field in msgspec.structs.fields(kind):
        here = (*place, field.encode_name)
        if field.encode_name in raw:
            values[field.name] = _value(raw[field.encode_name], field.type, here, findings)
        elif field.required:
            values[field.name] = _placeholder(field.type)
            if is_set:
                findings.append(Finding(here, f"field `{field.encode_name}` is missing", f"add `{field.encode_name}`"))
    return kind(**values)


def _note_unknown(raw: dict[str, object], kind: type[msgspec.Struct], place: Place, findings: list[Finding]) -> None:
    names = _names(kind)
    for name in raw:
        if name not in names:
            close = difflib.get_close_matches(name, names, n=1)
            remedy = f"did you mean `{close[0]}`?" if close else f"known here: {', '.join(names)}"
            findings.append(Finding((*place, name), f"unknown field `{name}`", remedy))


def _names(kind: type[msgspec.Struct]) -> list[str]:
    return [field.encode_name for field in msgspec.structs.fields(kind)]


def _value(raw: object, kind: Any, place: Place, findings: list[Finding]) -> object:  # noqa: ANN401 - a type expression
    """`raw` as `kind`: a marked text, a struct, a tuple of either, or a plain value; None where the type allows it."""
    kind, may_be_none = _without_none(kind)
    if raw is None and may_be_none:
        return None
    text = _text_of(kind)
    if text is not None:
        return _read(raw, text, place, findings)
    if typing.get_origin(kind) is tuple:
        return _items(raw, typing.get_args(kind)[0], place, findings)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return decode(raw, kind, place, findings)
    return _plain(raw, kind, place, findings)


def _read(raw: object, text: Text, place: Place, findings: list[Finding]) -> object:
    try:
        return text.parse(raw)
    except TextError as error:
        findings.append(Finding(place, error.message, error.remedy))
        return text.placeholder


def _items(raw: object, kind: Any, place: Place, findings: list[Finding]) -> tuple[object, ...]:  # noqa: ANN401 - a type expression
    if not isinstance(raw, list):
        findings.append(Finding(place, "expected a list", "write one entry a line, each after `- `"))
        return ()
    return tuple(_value(item, kind, (*place, i), findings) for i, item in enumerate(raw))


def _plain(raw: object, kind: object, place: Place, findings: list[Finding]) -> object:
    leaf = _LEAVES[kind]
    try:
        value: object = msgspec.convert(raw, kind)
    except msgspec.ValidationError:
        findings.append(Finding(place, f"expected {leaf.wanted}", leaf.remedy))
        return leaf.placeholder
    if value == "":
        findings.append(Finding(place, "an empty text", "write a text"))
    return value


def _placeholder(kind: Any) -> object:  # noqa: ANN401 - a type expression
    """What stands in for a required field that is missing."""
    kind, may_be_none = _without_none(kind)
    text = _text_of(kind)
    if text is not None:
        return text.placeholder
    if may_be_none:
        return None
    return () if typing.get_origin(kind) is tuple else _LEAVES[kind].placeholder


def _without_none(kind: Any) -> tuple[Any, bool]:  # noqa: ANN401 - a type expression
    """The type without `| None`, and whether None is allowed."""
    others = [item for item in typing.get_args(kind) if item is not type(None)]
    if type(None) in typing.get_args(kind):
        assert len(others) == 1, "a field of the language has one type, or that and None"
        return others[0], True
    return kind, False


def _text_of(kind: Any) -> Text | None:  # noqa: ANN401 - a type expression
    return next((item for item in getattr(kind, "__metadata__", ()) if isinstance(item, Text)), None)
