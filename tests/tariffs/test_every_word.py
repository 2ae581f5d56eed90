"""The language is whole: there is a word for everything the model can say, and a catalogue of these tests says every word."""

from __future__ import annotations

import typing
from typing import TYPE_CHECKING, Any

import msgspec

from rating.model import Catalogue
from tariffs import canonical
from tariffs.documents import parsing
from tariffs.documents.decode import fields_of
from tariffs.language.entries import Document
from tests.tariffs import rich

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILLED_OTHERWISE = {"Catalogue.content_hash"}


def test_the_catalogue_of_these_tests_says_every_word() -> None:
    said = {word for text in (rich.RICH, rich.REST, "corrects: 1\n") for word in _said(parsing.parse_text(text).fields, Document)}
    assert set(_words(Document, set())) - said == set()


def test_everything_that_the_model_can_say_is_said(tmp_path: Path) -> None:
    """That is, every field of every struct of the model is somewhere other than it is by default."""
    catalogue = rich.whole(tmp_path)
    said = set(_set(catalogue)) | FILLED_OTHERWISE
    assert set(_fields(Catalogue, set())) - said == set()
    assert canonical.decode(canonical.encode(catalogue)) == catalogue


def _said(raw: dict[str, Any], kind: type[msgspec.Struct]) -> Iterator[str]:
    """The words of an entry that stands in a file, and of those inside it."""
    for written, field in fields_of(kind).items():
        if written in raw:
            yield f"{kind.__name__}.{written}"
            entry = field.kind.entry or (field.kind.item.entry if field.kind.item is not None else None)
            for each in (raw[written] if field.kind.item is not None else [raw[written]]) if entry is not None else ():
                yield from _said(each, entry)


def _words(kind: type[msgspec.Struct], seen: set[type]) -> Iterator[str]:
    for written, field in fields_of(kind).items():
        yield f"{kind.__name__}.{written}"
        entry = field.kind.entry or (field.kind.item.entry if field.kind.item is not None else None)
        if entry is not None and entry not in seen:
            seen.add(entry)
            yield from _words(entry, seen)


def _set(value: Any) -> Iterator[str]:  # noqa: ANN401 - a struct of the model, or what stands in one
    """The fields that are not as by default."""
    for each in value if isinstance(value, tuple) else ():
        yield from _set(each)
    for field in msgspec.structs.fields(value) if isinstance(value, msgspec.Struct) else ():
        held = getattr(value, field.name)
        if held != (field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()):
            yield f"{type(value).__name__}.{field.name}"
        yield from _set(held)


def _fields(kind: type[msgspec.Struct], seen: set[type]) -> Iterator[str]:
    for field in msgspec.structs.fields(kind):
        yield f"{kind.__name__}.{field.name}"
        for inner in [field.type, *typing.get_args(field.type)]:
            if isinstance(inner, type) and issubclass(inner, msgspec.Struct) and inner not in seen:
                seen.add(inner)
                yield from _fields(inner, seen)
