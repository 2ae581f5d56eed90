"""The description of a field of a party's fact: its text for people, its term in EN 16931, and its masking. Pure."""

from __future__ import annotations

import enum
import functools
from typing import TYPE_CHECKING, Any, Final, NamedTuple, get_type_hints

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

TEXT_CHARS_MAX: Final = 200
LONG_CHARS_MAX: Final = 2_000
DETAIL_BYTES_MAX: Final = 64 << 10  # of a fact as it is stored: a cell of a CSV file has 128 KiB at most


class Masking(enum.Enum):
    """The form of a field for a role that does not see names and numbers."""

    WHOLE = enum.auto()  # it identifies nobody: a country, a channel
    NAME = enum.auto()  # the first letter
    NUMBER = enum.auto()  # the last four characters
    HIDDEN = enum.auto()  # three asterisks


class Described(NamedTuple):
    """A field of a detail. `term`: its business term in EN 16931, empty where the norm has none. `is_needed`: it has no default.

    `most`: the most characters of its text, or of its text in each language; 0 where it is no text.
    """

    name: str
    says: str
    term: str
    masking: Masking
    is_needed: bool
    most: int


def field(says: str, *, term: str = "", masking: Masking = Masking.WHOLE, most: int = TEXT_CHARS_MAX) -> msgspec.Meta:
    """The annotation of a text field: at most `most` characters in its one spelling.

    The bound is no part of the type: a fact that is stored stays readable, also where it would be refused today.
    """
    return msgspec.Meta(description=says, extra={"term": term, "masking": masking, "most": most})


def choice(says: str, *, term: str = "", most: int = 0) -> msgspec.Meta:
    """The annotation of a field that is no free text: a flag, a choice, texts by language (of at most `most` characters each)."""
    return msgspec.Meta(description=says, extra={"term": term, "masking": Masking.WHOLE, "most": most})


def given(detail: msgspec.Struct) -> dict[str, Any]:
    """The fields of a detail without those that are left at their defaults. Equal details have equal fields."""
    values = ((name, getattr(detail, name), default) for name, default in _defaults(type(detail)))
    return {name: value for name, value, default in values if value != default}


@functools.cache
def _defaults(detail: type[msgspec.Struct]) -> list[tuple[str, object]]:
    found = []
    for each in msgspec.structs.fields(detail):
        has_factory = each.default_factory is not msgspec.NODEFAULT
        found.append((each.name, each.default_factory() if has_factory else each.default))
    return found


@functools.cache
def described(detail: type[msgspec.Struct]) -> list[Described]:
    """The fields of a struct of a fact, in their order."""
    hints = get_type_hints(detail, include_extras=True)
    needed = {each.name for each in msgspec.structs.fields(detail) if each.required}
    found = []
    for name in detail.__struct_fields__:
        meta: msgspec.Meta = hints[name].__metadata__[0]
        extra: Mapping[str, Any] = meta.extra or {}
        found.append(Described(name, meta.description or "", extra["term"], extra["masking"], name in needed, extra["most"]))
    return found
