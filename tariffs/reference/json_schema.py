"""JSON Schema (draft 2020-12) of tariff files, made of the same structs that read them: editors complete and check by it.

It knows fields, kinds of value and how texts are written; what `ratewright tariffs check` says beyond that (references, ranges, rules
that are never reached) no schema can say. The schema accepts every file that the loader accepts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tariffs.documents.decode import Kind, fields_of
from tariffs.language.entries import Document
from tariffs.reference.field_texts import meaning

if TYPE_CHECKING:
    import msgspec

    from tariffs.language.forms import Form

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
TITLE: Final = "Ratewright tariff catalogue"
_LEAVES: Final[dict[object, dict[str, object]]] = {
    int: {"type": "integer"},
    str: {"type": "string", "minLength": 1},
    bool: {"type": "boolean"},
    dict: {"type": "object", "additionalProperties": {"type": "string"}},
}


def of(kind: type[msgspec.Struct] = Document, *, part: bool = False) -> dict[str, Any]:
    """The schema of a `kind` of document. `part`: of one file of a folder, which need not have every field."""
    definitions: dict[str, dict[str, Any]] = {}
    top = _entry(kind, definitions)
    if part:
        del top["required"]
    return {"$schema": DIALECT, "title": TITLE, **top, "$defs": dict(sorted(definitions.items()))}


def of_text(form: Form) -> dict[str, Any]:
    """The schema of one text."""
    written: dict[str, Any] = {"type": "string"}
    if form.words:
        written["enum"] = list(form.words)
    elif form.pattern:
        written["pattern"] = f"^(?:{form.pattern})$"
    head: dict[str, Any] = {"title": form.title} | ({"examples": list(form.examples)} if form.examples else {})
    if form.flags:
        return head | {"anyOf": [written, {"type": "boolean"}]}
    if form.whole is None:
        return head | written
    return head | {"anyOf": [written, {"type": "integer", "minimum": form.whole[0], "maximum": form.whole[1]}]}


def _entry(kind: type[msgspec.Struct], definitions: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The schema of a set of fields; those of the sets inside it go to `definitions`."""
    fields = fields_of(kind)
    properties = {written: {**_value(field.kind, definitions), "description": _told(kind, written)} for written, field in fields.items()}
    return {
        "type": "object",
        "description": " ".join((kind.__doc__ or "").split()),
        "properties": properties,
        "required": [written for written, field in fields.items() if field.required],
        "additionalProperties": False,
    }


def _told(kind: type[msgspec.Struct], written: str) -> str:
    text, without = meaning(kind, written)
    return f"{text}. Without it: {without}." if without else f"{text}."


def _value(kind: Kind, definitions: dict[str, dict[str, Any]]) -> dict[str, Any]:
    schema = _present(kind, definitions)
    return {"anyOf": [schema, {"type": "null"}]} if kind.may_be_none else schema


def _present(kind: Kind, definitions: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The schema of a value that is not null."""
    if kind.text is not None:
        return of_text(kind.text.form)
    if kind.item is not None:
        return {"type": "array", "items": _value(kind.item, definitions)}
    if kind.entry is not None:
        name = kind.entry.__name__.removesuffix("Entry")
        if name not in definitions:
            definitions[name] = {}  # where it holds itself
            definitions[name] = _entry(kind.entry, definitions)
        return {"$ref": f"#/$defs/{name}"}
    assert kind.leaf is not None, "a field holds one of four things"
    return dict(_LEAVES[kind.leaf.kind])
