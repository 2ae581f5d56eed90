"""The form of a case, as the files of vectors have it, and how files are read.

Amounts are in currency units, times in seconds, counted usage in units. A number keeps the digits it is written with (Decimal).
Refuses a folder without any file of vectors; a case that is not of this form is told when it is decoded, one by one.
"""

from __future__ import annotations

import gzip
import os
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec

from rating.errors import UserError

FOLDER_VARIABLE: Final = "RATEWRIGHT_VECTORS"
OWN_FOLDER: Final = Path(__file__).parent
RATING, BILLING = "rating", "billing"  # what names of files begin with
_ENDINGS: Final = (".json", ".jsonl", ".jsonl.gz")


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


class Expected(msgspec.Struct, frozen=True):
    """The figures. `exact_cost` is exact arithmetic rounded once; where it is absent `cost` is exact too."""

    cost: Decimal | None = None  # -1 where the usage is refused
    exact_cost: Decimal | None = None
    error: str | None = None
    matched_prefix: str | None = None
    rated_duration_s: Decimal | None = None
    rated_units: Decimal | None = None

    @property
    def refused(self) -> bool:
        """Whether the usage must not be rated."""
        return bool(self.error) or self.cost is None or self.cost < 0


class Settings(msgspec.Struct, frozen=True):
    """What the engine was told besides the tariff."""

    fallback_depth: int = 3  # how many subjects deep a plan is looked for, the first one included


class Case(msgspec.Struct, frozen=True):
    """A tariff, one event, and what it must cost."""

    id: str
    operation: str
    tariff: Tariff
    usage: Usage
    expected: Expected
    config: Settings = Settings()


def folder() -> Path:
    """The folder to run: what the environment names, else the project's own facts."""
    return Path(os.environ.get(FOLDER_VARIABLE) or OWN_FOLDER)


def kinds_in(place: Path) -> list[str]:
    """Which of RATING and BILLING a folder has vectors of. Refuses a folder without any."""
    found = [kind for kind in (RATING, BILLING) if _files(place, kind)]
    if not found:
        raise _nothing(place, f"{RATING}* and no {BILLING}*")
    return found


def read_raw(place: Path, kind: str = RATING) -> list[dict[str, Any]]:
    """Every case of every file of vectors of a kind in `place`, files in order of name, numbers as they are written."""
    files = _files(place, kind)
    if not files:
        raise _nothing(place, f"{kind}*")
    return [case for path in files for case in read_file(path)]


def read_file(path: Path) -> list[dict[str, Any]]:
    """Every case of one file, numbers as they are written."""
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    decoder = msgspec.json.Decoder(float_hook=Decimal)
    if path.name.endswith(".json"):
        found: list[dict[str, Any]] = decoder.decode(data)
        return found
    return decoder.decode_lines(data)


def decode(raw: dict[str, Any]) -> Case:
    """`raw` as a Case. Raises msgspec.ValidationError, with the place, where it is not of the form."""
    return msgspec.convert(raw, Case)


def _files(place: Path, kind: str) -> list[Path]:
    return sorted(path for ending in _ENDINGS for path in place.glob(f"{kind}*{ending}"))


def _nothing(place: Path, names: str) -> UserError:
    return UserError(f"{place} holds no {names} that ends with {', '.join(_ENDINGS)}", f"name a folder of vectors in {FOLDER_VARIABLE}")
