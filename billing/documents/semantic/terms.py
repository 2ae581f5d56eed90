"""Annotations of fields of semantic documents: a text for people, and the business term (BT) or group (BG) of EN 16931. Pure."""

from __future__ import annotations

import functools
from typing import NamedTuple, get_type_hints

import msgspec


class Described(NamedTuple):
    """A field. `term`: its business term or group, empty where the norm has none."""

    name: str
    says: str
    term: str


def bt(term: str, says: str) -> msgspec.Meta:
    """The annotation of a field with a term of EN 16931, such as BT-1 or BG-4."""
    return msgspec.Meta(description=says, extra={"term": term})


def beside(says: str) -> msgspec.Meta:
    """The annotation of a field that the norm does not know: detail of telecom services, or of a form."""
    return msgspec.Meta(description=says, extra={"term": ""})


@functools.cache
def described(struct: type[msgspec.Struct]) -> tuple[Described, ...]:
    """The fields of a struct of a document, in their order."""
    hints = get_type_hints(struct, include_extras=True)
    metas = [(name, hints[name].__metadata__[0]) for name in struct.__struct_fields__]
    return tuple(Described(name, meta.description or "", (meta.extra or {})["term"]) for name, meta in metas)
