"""Values that people write into fields of files, held to the types of these fields: every mistake in plain words, with the right form.

msgspec stops at the first mistake and speaks of `array` and `str`; here each mistake has its place, what is there, what is wanted and an
example. Used for definitions, mappings, rules and imports in YAML and JSON; catalogues have `tariffs.documents.decode`, which knows lines
as well.
"""

from __future__ import annotations

import datetime as dt
import enum
import json
import types
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, Union, get_args, get_origin

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

SHOWN_MAX: Final = 60  # characters of a value that a message repeats
_LISTS: Final = (list, tuple, set, frozenset)
_SORTS: Final = (
    (bool, "true or false"), (str, "a text"), (int, "a whole number"), (float, "a number"), (dt.date, "a date"), (list, "a list"),
    (dict, "a set of `name: value`"),
)  # fmt: skip


class Misfit(NamedTuple):
    """A value that its field does not take. `place` is that of the field: `columns.reference`, `accounts[1].ours`."""

    place: str
    message: str
    remedy: str


def misfits(value: object, kind: Any, place: str, key: str = "{}") -> Iterator[Misfit]:  # noqa: ANN401 -- a type as a struct gives it
    """Everything in `value` that the field at `place`, of type `kind`, does not take. Nothing for a value that msgspec converts.

    `key` is how examples write the name of a field: `"{}"` with its quotes in JSON.
    """
    if _fits(value, kind):
        return
    found = list(_inside(value, _choices(kind), place, key))
    yield from found or [_misfit(value, _choices(kind), place, key)]


def _inside(value: object, kinds: tuple[Any, ...], place: str, key: str) -> Iterator[Misfit]:
    """The part that does not fit within a value that has the form of one of `kinds` itself."""
    for kind in kinds:
        origin, inner = get_origin(kind) or kind, get_args(kind)
        if isinstance(value, dict) and _is_struct(kind):
            yield from _of_struct(value, kind, place, key)
        elif isinstance(value, dict) and origin is dict and inner:
            for name, item in value.items():
                yield from misfits(item, inner[1], f"{place}.{name}", key)
        elif isinstance(value, list) and origin in _LISTS and inner:
            for position, item in enumerate(value):
                yield from misfits(item, inner[0], f"{place}[{position}]", key)


def _of_struct(value: dict[Any, Any], kind: type[msgspec.Struct], place: str, key: str) -> Iterator[Misfit]:
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    before = f"{place}." if place else ""
    if kind.__struct_config__.forbid_unknown_fields:
        for name in value:
            if name not in fields:
                yield Misfit(f"{before}{name}", "unknown field", f"use {', '.join(fields)}")
    for name, field in fields.items():
        if name in value:
            yield from misfits(value[name], field.type, f"{before}{name}", key)
        elif field.required:
            example = _example(None, _choices(field.type), key)
            yield Misfit(f"{before}{name}", "missing", f"give it, such as `{key.format(name)}: {example}`")


def _misfit(value: object, kinds: tuple[Any, ...], place: str, key: str) -> Misfit:
    words = _words(kinds)
    if words:
        return Misfit(place, f"{_shown(value)} is none of {', '.join(words)}", f"use {' or '.join(words)}")
    name = place.rpartition(".")[2].partition("[")[0]
    wanted = " or ".join(dict.fromkeys(_wanted(each) for each in kinds if each is not type(None)))
    example = _example(value, kinds, key)
    remedy = f"write it as `{key.format(name)}: {example}`" if "[" not in place.rpartition(".")[2] else f"write it as `{example}`"
    there = "is empty" if value is None else f"{_shown(value)} is {_sort(value)}"
    return Misfit(place, f"{there}, and {wanted} is wanted", remedy)


def _fits(value: object, kind: Any) -> bool:  # noqa: ANN401 -- a type as a struct gives it
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return True


def _choices(kind: Any) -> tuple[Any, ...]:  # noqa: ANN401 -- a type as a struct gives it
    return get_args(kind) if get_origin(kind) in {Union, types.UnionType} else (kind,)


def _is_struct(kind: Any) -> bool:  # noqa: ANN401 -- a type as a struct gives it
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _words(kinds: tuple[Any, ...]) -> list[str]:
    """The words that a field takes, where it takes some and nothing else."""
    words: list[str] = []
    for each in kinds:
        if isinstance(each, type) and issubclass(each, enum.Enum):
            words += [str(choice.value) for choice in each]
        elif get_origin(each) is Literal:
            words += [str(choice) for choice in get_args(each) if choice != ""]
        elif each is not type(None):
            return []
    return words


def _wanted(kind: Any) -> str:  # noqa: ANN401 -- a type as a struct gives it
    origin, inner = get_origin(kind) or kind, get_args(kind)
    if origin is tuple and Ellipsis not in inner:
        return f"a list of {len(inner)} {_plural(_wanted(inner[0]))}"
    if origin in _LISTS:
        item = _words(_choices(inner[0])) if inner else []
        if item:
            return f"a list of {', '.join(item)}"
        return f"a list of {_plural(_wanted(inner[0]))}" if inner else "a list"
    if _is_struct(kind):
        return f"a set of {', '.join(field.encode_name for field in msgspec.structs.fields(kind))}"
    return next((text for each, text in _SORTS if origin is each), "another value")


def _plural(text: str) -> str:
    if text.startswith(("a text", "a whole number", "a number", "a date")):
        return f"{text.removeprefix('a ')}s"
    return text.replace("a set of ", "sets of ", 1) if text.startswith("a set of ") else text


def _sort(value: object) -> str:
    return next((text for each, text in _SORTS if isinstance(value, each)), "no plain value")


def _example(value: object, kinds: tuple[Any, ...], key: str) -> str:
    """The value in the form that is wanted, as far as it has one; else something of that form. In YAML it is read as in JSON."""
    kind = next(each for each in kinds if each is not type(None))
    origin, inner = get_origin(kind) or kind, get_args(kind)
    if origin is tuple and Ellipsis not in inner:
        return f"[{', '.join(_example(None, (each,), key) for each in inner)}]"
    if origin in _LISTS:
        return f"[{_example(value, _choices(inner[0]) if inner else (str,), key)}]"
    if _is_struct(kind):
        fields = [each for each in msgspec.structs.fields(kind) if each.required] or list(msgspec.structs.fields(kind))[:1]
        return "{" + ", ".join(f"{key.format(each.encode_name)}: {_example(None, _choices(each.type), key)}" for each in fields) + "}"
    if words := _words((kind,)):
        return words[0]
    return _example_of(value, origin)


def _example_of(value: object, kind: Any) -> str:  # noqa: ANN401 -- a plain type
    single = value[0] if isinstance(value, list) and len(value) == 1 else value
    plain = single if isinstance(single, (str, int, float, dt.date)) else None
    if kind is str:
        text = "..." if plain is None else str(plain)
        return json.dumps(text[:SHOWN_MAX], ensure_ascii=False)
    if kind is int and isinstance(plain, str) and plain.isascii() and plain.isdigit():
        return str(int(plain))
    return {bool: "true", int: "1", float: "1.5", dict: "{name: value}"}.get(kind, "...")


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str) if not isinstance(value, (str, dt.date)) else repr(str(value))
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}..."
