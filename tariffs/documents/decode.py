"""Plain objects into the frozen structs of the language, with *all* mistakes instead of the first.

msgspec stops at the first mistake, so this walks the fields of a struct itself and lets msgspec convert the leaves. A value that cannot
be read is noted and replaced by a placeholder, so that the rest is still checked; the result is only good when nothing was noted.
"""

from __future__ import annotations

import difflib
import functools
import typing
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from tariffs.documents import limits
from tariffs.documents.document import Finding, Place
from tariffs.language.texts import Text, TextError

Entry = TypeVar("Entry", bound=msgspec.Struct)


_INCLUDES: Final = frozenset({"include", "includes", "import", "imports", "extends", "$ref", "!include"})
_FOLDER_FIELD: Final = "identity"  # a field of the document itself
_NAME_MAX: Final = 60  # no field has a longer name


class Leaf(NamedTuple):
    """Texts for a plain value: its kind, what is wanted, the remedy; and its placeholder where it is missing or wrong."""

    kind: type
    wanted: str
    remedy: str
    placeholder: object


_LEAVES: Final[dict[object, Leaf]] = {
    int: Leaf(int, "a whole number", "write digits without quotes", 1),
    str: Leaf(str, "text", "write text", ""),
    bool: Leaf(bool, "true or false", "write true or false", False),
    dict[str, str]: Leaf(dict, "texts by language", "write language codes with a text each, such as {en: Smart, zh: ...}", {}),
}


class Kind(NamedTuple):
    """The kind of a field: one of a marked text, a list, an entry, or a plain value; or None where that is allowed."""

    may_be_none: bool
    text: Text | None = None
    item: Kind | None = None
    entry: type[msgspec.Struct] | None = None
    leaf: Leaf | None = None

    def placeholder(self) -> object:
        """The placeholder for a required field that is missing."""
        if self.text is not None:
            return self.text.placeholder
        if self.may_be_none:
            return None
        if self.item is not None:
            return ()
        if self.entry is not None:
            return self.entry(**{field.name: field.kind.placeholder() for field in fields_of(self.entry).values() if field.required})
        assert self.leaf is not None, "a field holds one of four things"
        return self.leaf.placeholder


class Field(NamedTuple):
    """A field of an entry: its names in Python, and what it holds."""

    name: str
    required: bool
    kind: Kind


def decode(raw: object, kind: type[Entry], place: Place, findings: list[Finding]) -> Entry:
    """A `kind` of `raw`; mistakes are added to `findings`, and the struct then holds placeholders in their place."""
    fields = fields_of(kind)
    is_set = isinstance(raw, dict)
    if not isinstance(raw, dict):
        findings.append(Finding(place, "expected a set of fields", f"write {', '.join(fields)} as `name: value`"))
        raw = {}
    if not raw.keys() <= fields.keys():
        _note_unknown(raw, list(fields), place, findings)
    values: dict[str, object] = {}
    for written, field in fields.items():
        if written in raw:
            values[field.name] = _value(raw[written], field.kind, (*place, written), findings)
        elif field.required:
            values[field.name] = field.kind.placeholder()
            if is_set:
                findings.append(Finding((*place, written), f"field `{written}` is missing", f"add `{written}`"))
    return kind(**values)


def _note_unknown(raw: dict[str, object], names: list[str], place: Place, findings: list[Finding]) -> None:
    for name in raw:
        if name not in names:
            findings.append(Finding((*place, name), f"unknown field `{name}`", _what_instead(name, names, len(findings))))


def _what_instead(name: str, names: list[str], findings_before: int) -> str:
    """The remedy for an unknown field. Looking for the nearest name takes its time, so it ends after CHECK_FINDINGS_MAX findings."""
    if name.lower() in _INCLUDES and _FOLDER_FIELD in names:
        return "there are no includes: the YAML files of one folder are read together as one catalogue"
    close = difflib.get_close_matches(name, names, n=1) if findings_before < limits.CHECK_FINDINGS_MAX and len(name) <= _NAME_MAX else []
    return f"did you mean `{close[0]}`?" if close else f"known here: {', '.join(names)}"


def _value(raw: object, kind: Kind, place: Place, findings: list[Finding]) -> object:
    """`raw` as `kind`."""
    if raw is None and kind.may_be_none:
        return None
    if kind.text is not None:
        return _read(raw, kind.text, place, findings)
    if kind.item is not None:
        return _items(raw, kind.item, place, findings)
    if kind.entry is not None:
        return decode(raw, kind.entry, place, findings)
    assert kind.leaf is not None, "a field holds one of four things"
    return _plain(raw, kind.leaf, place, findings)


def _read(raw: object, text: Text, place: Place, findings: list[Finding]) -> object:
    try:
        return text.parse(raw)
    except TextError as error:
        findings.append(Finding(place, error.message, error.remedy))
        return text.placeholder


def _items(raw: object, kind: Kind, place: Place, findings: list[Finding]) -> tuple[object, ...]:
    if not isinstance(raw, list):
        findings.append(Finding(place, "expected a list", "write one entry a line, each after `- `"))
        return ()
    most = limits.entries_max(place)
    if len(raw) > most:
        remedy = "put many prefixes and rates into CSV files" if most == limits.LIST_ENTRIES_MAX else "split the catalogue, or write fewer"
        findings.append(Finding(place, f"{len(raw):,} entries; at most {most:,} can be", remedy))
        return ()
    return tuple([_value(item, kind, (*place, i), findings) for i, item in enumerate(raw)])


def _plain(raw: object, leaf: Leaf, place: Place, findings: list[Finding]) -> object:
    if type(raw) is not leaf.kind or (isinstance(raw, dict) and not _is_texts(raw)):
        findings.append(Finding(place, f"expected {leaf.wanted}", leaf.remedy))
        return leaf.placeholder
    if raw == "":
        findings.append(Finding(place, "an empty text", "write a text"))
    return raw


def _is_texts(raw: dict[object, object]) -> bool:
    return all(isinstance(text, str) for pair in raw.items() for text in pair)


@functools.cache
def fields_of(kind: type[msgspec.Struct]) -> dict[str, Field]:
    """The fields of an entry by the names they are written under."""
    return {field.encode_name: Field(field.name, field.required, _kind(field.type)) for field in msgspec.structs.fields(kind)}


def _kind(annotation: Any) -> Kind:  # noqa: ANN401 - a type expression
    others = [item for item in typing.get_args(annotation) if item is not type(None)]
    may_be_none = type(None) in typing.get_args(annotation)
    if may_be_none:
        assert len(others) == 1, "a field of the language has one type, or that and None"
        annotation = others[0]
    text = next((item for item in getattr(annotation, "__metadata__", ()) if isinstance(item, Text)), None)
    if text is not None:
        return Kind(may_be_none, text=text)
    if typing.get_origin(annotation) is tuple:
        return Kind(may_be_none, item=_kind(typing.get_args(annotation)[0]))
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return Kind(may_be_none, entry=annotation)
    return Kind(may_be_none, leaf=_LEAVES[annotation])
