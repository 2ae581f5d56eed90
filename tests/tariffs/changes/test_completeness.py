"""Nothing escapes the comparison: every field of every struct of a rich catalogue, changed by itself, is told."""

from __future__ import annotations

import datetime as dt
import enum
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from rating import model
from tariffs.changes import changes
from tests.tariffs.rich import RICH, whole
from tests.tariffs.sample import loaded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rating.model import Catalogue

NAMES = {  # fields that name something else of the catalogue, or are what things are matched by: tested by rows of their own
    model.Catalogue: {"version", "effective_from_us", "content_hash", "corrects", "identity"},
    model.Price: {"calendar"},
    model.Rate: {"band"},
    model.Step: {"from_qty"},
    model.UsageRule: {"zone", "price", "origin", "roaming"},
    model.Plan: {"fallbacks", "base", "add_ons", "rules"},
    model.AddOn: {"excludes"},
    model.DaySwap: {"date"},
}
SAME = {  # changed by themselves these charge the same
    (model.Step, "per_qty", 0): "nothing for any quantity is nothing",
}


def spots(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], msgspec.Struct, str]]:  # noqa: ANN401 - any part of a catalogue
    """Every struct inside a catalogue with each of its fields, and the way there."""
    if isinstance(value, tuple):
        for index, each in enumerate(value):
            yield from spots(each, (*path, index))
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            if name not in NAMES.get(type(value), set()):
                yield path, value, name
                yield from spots(getattr(value, name), (*path, name))


def other(value: Any) -> Any:  # noqa: ANN401, PLR0911 - a value for each type
    """Another value of the same type."""
    if isinstance(value, enum.Enum):
        return next(each for each in type(value) if each is not value)
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, str):
        return f"{value}x"
    if isinstance(value, dict):
        return {**value, "fr": "x"}
    if isinstance(value, dt.date):
        return value + dt.timedelta(days=1)
    return value[:-1] if isinstance(value, tuple) and value else None


def replaced(value: Any, path: tuple[Any, ...], name: str, new: object) -> Any:  # noqa: ANN401 - any part of a catalogue
    """The catalogue with one field changed."""
    if not path:
        return msgspec.structs.replace(value, **{name: new})
    first, *rest = path
    if isinstance(first, int):
        return (*value[:first], replaced(value[first], tuple(rest), name, new), *value[first + 1 :])
    return msgspec.structs.replace(value, **{first: replaced(getattr(value, first), tuple(rest), name, new)})


def follows(path: tuple[Any, ...], catalogue: Catalogue) -> bool:
    """Whether a path leads into a plan with add-ons, which follows from plan and add-on."""
    return path[:1] == ("plans",) and len(path) > 1 and catalogue.plans[path[1]].base is not None


def test_every_field_changed_by_itself_is_told(tmp_path: Path) -> None:
    rich = whole(tmp_path)
    tried = 0
    for path, owner, name in spots(rich):
        value = getattr(owner, name)
        new = other(value)
        if new is None or follows(path, rich) or (type(owner), name, getattr(owner, "rate_micros", None)) in SAME:
            continue
        changed = replaced(rich, path, name, new)
        assert changed != rich
        try:
            found = changes(rich, changed)
        except (KeyError, StopIteration, IndexError):  # a part went that something needs: no checked catalogue is like this
            continue
        tried += 1
        assert found, (path, type(owner), name, value, new)
        assert all(change.text_en and (change.old != change.new or not change.old) for change in found), found
    assert tried > 300


@pytest.mark.parametrize("rate", [0, 1, 59_999, 123_456_789])
def test_a_rate_written_for_another_length_charges_the_same(tmp_path: Path, rate: int) -> None:
    rich = loaded(tmp_path, RICH)
    path = ("prices", 1, "rates", 0, "steps", 0)
    one = replaced(replaced(rich, path, "rate_micros", rate), path, "per_qty", 60_000)
    ten = replaced(replaced(rich, path, "rate_micros", rate * 10), path, "per_qty", 600_000)
    assert changes(one, ten) == []
