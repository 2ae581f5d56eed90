"""Tables of words have every member of the enum by which they are keyed: a page that lacks one would end with an internal error."""

from __future__ import annotations

import dataclasses
import enum
import importlib
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from rating.explain.stages import Stage
from rating.model import QuantityUnit
from tariffs.sheets import words_en

if TYPE_CHECKING:
    from collections.abc import Iterator

MODULES = (
    "tariffs.sheets.words_en",
    "tariffs.sheets.words_zh",
    "tariffs.changes.words",
    "rating.explain.words_en",
    "rating.explain.words_zh",
)
# Members that need no words, and why.
WITHOUT_WORDS = {
    "tariffs.changes.words[NATURAL]": {QuantityUnit.MICRO},  # an amount of money is the price itself: there is no quantity to name
    "rating.explain.words_en[ENGLISH].stage": {Stage.BOUNDS},  # it only ever refuses
    "rating.explain.words_zh[CHINESE].stage": {Stage.BOUNDS},
}


def tables(value: Any, path: str, seen: set[int]) -> Iterator[tuple[str, dict[Any, Any]]]:  # noqa: ANN401, C901 -- a branch for each kind of value
    """All mappings below a value that are keyed by members of an enum, with their places."""
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, dict):
        if value and all(isinstance(key, enum.Enum) for key in value):
            yield path, value
        for key, each in value.items():
            yield from tables(each, f"{path}[{key}]", seen)
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from tables(getattr(value, name), f"{path}.{name}", seen)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for each in dataclasses.fields(value):
            yield from tables(getattr(value, each.name), f"{path}.{each.name}", seen)
    elif isinstance(value, tuple):
        for place, each in enumerate(value):
            yield from tables(each, f"{path}.{getattr(value, '_fields', range(len(value)))[place]}", seen)


def lacking(module: str) -> dict[str, set[enum.Enum]]:
    """The members that tables of a module lack, by place."""
    found: dict[str, set[enum.Enum]] = {}
    for path, table in tables(dict(vars(importlib.import_module(module))), module, set()):
        kind = type(next(iter(table)))
        if missing := set(kind) - set(table):
            found[path] = missing
    return found


@pytest.mark.parametrize("module", MODULES)
def test_every_member_has_its_words(module: str) -> None:
    count = sum(1 for _ in tables(dict(vars(importlib.import_module(module))), module, set()))
    assert count > 0
    assert lacking(module) == {path: members for path, members in WITHOUT_WORDS.items() if path.startswith(module)}


def test_a_member_without_words_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    table = dict(next(iter(tables(dict(vars(words_en)), "tariffs.sheets.words_en", set())))[1])
    table.pop(next(iter(table)))
    monkeypatch.setattr(words_en, "OF_A_TEST", table, raising=False)
    assert [len(members) for path, members in lacking("tariffs.sheets.words_en").items() if "OF_A_TEST" in path] == [1]
