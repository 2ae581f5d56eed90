"""The form of a case of rating, as the files of vectors have it.

Amounts are in currency units, times in seconds, counted usage in units. A number keeps the digits it is written with (Decimal).
A case that is not of this form is told when it is decoded, one by one; a key that no field stands for is told by `unread`.
"""

from __future__ import annotations

import itertools
import types
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final, Union, get_args, get_origin

import msgspec

# Who wrote a case down, and where; how the other engine rounds on the way; the account, whose balances no cost depends on.
SAYS_NOTHING: Final = {
    *("source_file", "model", "notes", "note", "rule", "asserted_in_source", "verified_on_engine", "verified", "system_decimals"),
    *("account", "usage.account", "usage.perform_rounding"),
}


class TimeBand(msgspec.Struct, frozen=True):
    """Wall-clock times at which a rule is active. An empty list is met by every day."""

    years: tuple[int, ...] = ()
    months: tuple[int, ...] = ()
    month_days: tuple[int, ...] = ()
    week_days: tuple[int, ...] = ()  # ISO; 0 is Sunday too
    start: str | None = None  # hh:mm:ss
    end: str | None = None  # the last second of the band; null: to midnight


class Slot(msgspec.Struct, frozen=True):
    """What usage costs from `from_s` after the answer on. An increment or a rate unit of 0 stands for one second or unit."""

    from_s: Decimal
    rate: Decimal
    rate_unit_s: Decimal = Decimal(1)
    increment_s: Decimal = Decimal(1)
    fixed_fee: Decimal | None = None  # once, when usage enters the slot


class Rounding(msgspec.Struct, frozen=True):
    """How the whole cost is rounded."""

    method: str
    decimals: int


class Rule(msgspec.Struct, frozen=True):
    """What usage to some prefixes costs while one of the bands is active. No bands: always."""

    prefixes: tuple[str, ...]
    slots: tuple[Slot, ...]
    bands: tuple[TimeBand, ...] = ()
    destination: str = ""
    weight: Decimal | None = None
    connect_fee: Decimal | None = None
    rounding: Rounding | None = None  # null: exact
    max_cost: Decimal | None = None
    max_cost_strategy: str | None = None


class Profile(msgspec.Struct, frozen=True):
    """From when on a subject has a plan, and whose plans are asked where it says nothing about a destination."""

    subject: str
    plan: str
    category: str = "*any"
    from_time: str | None = None
    fallback_subjects: tuple[str, ...] = ()


class Tariff(msgspec.Struct, frozen=True):
    """Plans by name, and who has them."""

    plans: dict[str, tuple[Rule, ...]]
    profiles: tuple[Profile, ...]


class Usage(msgspec.Struct, frozen=True):
    """One event: `duration_s`, or `units` of `unit_ns` each (which tells how long a unit lasts, and prices nothing)."""

    type: str
    answer_time: str
    category: str = "*any"
    subject: str = "*any"
    destination: str | None = None
    duration_s: Decimal | None = None
    units: Decimal | None = None
    unit_ns: Decimal = Decimal(1)
    timezone: str | None = None  # of the wall clock whose offset the answer time carries
    loop_index: int = 0  # above 0: a later piece of a call whose connect fee was charged with its first
    duration_index_s: Decimal | None = None  # of a piece: how long the call has lasted at its end


class SpanDetail(msgspec.Struct, frozen=True):
    """A part of the usage as the other engine prices it. Its cost is rounded increment by increment there, and is not compared."""

    start: str
    length: Decimal
    cost: Decimal | None = None


class Expected(msgspec.Struct, frozen=True):
    """The figures. `exact_cost` is exact arithmetic rounded once; where it is absent `cost` is exact too."""

    cost: Decimal | None = None  # -1 where the usage is refused
    exact_cost: Decimal | None = None
    error: str | None = None
    connect_fee: Decimal | None = None
    matched_prefix: str | None = None
    matched_subject: str | None = None
    rated_duration_s: Decimal | None = None
    rated_units: Decimal | None = None
    spans: int | None = None  # how many parts of the usage are priced apart, by band and slot
    spans_detail: tuple[SpanDetail, ...] = ()

    @property
    def refused(self) -> bool:
        """Whether the usage must not be rated."""
        return bool(self.error) or self.cost is None or self.cost < 0


class Settings(msgspec.Struct, frozen=True):
    """What the engine was told besides the tariff."""

    fallback_depth: int = 3  # how many subjects deep a plan is looked for, the first one included


class Case(msgspec.Struct, frozen=True):
    """A tariff, one event, and what it must cost."""

    tariff: Tariff
    usage: Usage
    expected: Expected
    id: str = ""
    operation: str = "cost"
    config: Settings = Settings()


def decode(raw: Mapping[str, Any]) -> Case:
    """`raw` as a Case; what is null is not told. Raises msgspec.ValidationError, with the place, where it is not of the form."""
    return msgspec.convert(_told(raw), Case, strict=False)


def unread(raw: Mapping[str, Any]) -> list[str]:
    """Keys of a case that no field stands for, by their place, apart from those that are known to say nothing about a cost."""
    return [place for place in dict.fromkeys(_unread(raw, Case, "")) if place not in SAYS_NOTHING]


def _told(value: Any) -> Any:  # noqa: ANN401 -- any JSON
    """The value without keys that are null."""
    if isinstance(value, Mapping):
        return {key: _told(each) for key, each in value.items() if each is not None}
    return [_told(each) for each in value] if isinstance(value, list) else value


def _unread(value: Any, kind: Any, place: str) -> Iterator[str]:  # noqa: ANN401 -- any JSON, and a type
    """Keys below a place for which its type has no field. Lists and plans by name have no place of their own."""
    if get_origin(kind) in {Union, types.UnionType}:
        kind = next((each for each in get_args(kind) if isinstance(each, type) and issubclass(each, msgspec.Struct)), kind)
    if isinstance(value, Mapping) and isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        fields = {field.name: field.type for field in msgspec.structs.fields(kind)}
        for key, each in value.items():
            if key in fields:
                yield from _unread(each, fields[key], f"{place}{key}.")
            elif each is not None:
                yield f"{place}{key}"
    elif isinstance(value, Mapping | list):
        below = list(value.values()) if isinstance(value, Mapping) else value
        for each, inner in itertools.product(below, get_args(kind)):
            yield from _unread(each, inner, place)
