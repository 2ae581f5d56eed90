"""Planted faults as data: which text of which file is replaced by what, and who would suffer from it.

One TOML file an area lies in `planted/`; README.md explains the fields. A fault is found by its text, which occurs once in its file. So a
module that moves needs another `file` here and nothing else.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Final

import msgspec

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = Path(__file__).parent / "planted"
SHOWS_IN: Final = ("fuzz", "kills", "postgresql", "seeds")  # kinds of tests that alone may show a fault


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One fault. `first`: tests to run first, where they are not those of the file's own package."""

    id: str
    file: str
    old: str
    new: str
    harm: str
    reading: int = 0  # of the five of docs/lessons.md, whose fault is put back; 0: of none
    shows_in: str = ""  # one of SHOWS_IN
    first: tuple[str, ...] = ()

    @property
    def area(self) -> str:
        """The file of `planted/` that it stands in."""
        return self.id.partition("-")[0]


class _Planted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    fault: tuple[Fault, ...]


class DoesNotApplyError(Exception):
    """The text of a fault does not stand in its file exactly once."""


def load(folder: Path = FOLDER) -> list[Fault]:
    """All faults, area by area."""
    return [fault for file in sorted(folder.glob("*.toml")) for fault in msgspec.toml.decode(file.read_bytes(), type=_Planted).fault]


def in_turns(faults: list[Fault]) -> list[Fault]:
    """The order of a campaign: one that is stopped early has tried faults of all areas, readings and kinds of tests alike."""
    ordered = sorted(faults, key=_kind)
    places: dict[str, float] = {}
    for _, group in itertools.groupby(ordered, key=_kind):
        of_kind = list(group)
        places |= {fault.id: (number + 0.5) / len(of_kind) for number, fault in enumerate(of_kind)}
    return sorted(ordered, key=lambda fault: places[fault.id])


def planted(text: str, fault: Fault) -> str:
    """The text of the file with the fault in it. Raises DoesNotApplyError."""
    found = text.count(fault.old)
    if found != 1:
        raise DoesNotApplyError(f"{fault.id}: its text stands {found} times in {fault.file}")
    return text.replace(fault.old, fault.new)


def first_tests(fault: Fault, root: Path = ROOT) -> tuple[str, ...]:
    """The tests that are run first: those named, else the folder of tests that mirrors the package of the file."""
    if fault.first:
        return fault.first
    mirrors = (Path("tests") / parent for parent in Path(fault.file).parents)
    return (next(mirror for mirror in mirrors if (root / mirror).is_dir()).as_posix(),)


def _kind(fault: Fault) -> tuple[str, bool, str]:
    return fault.area, fault.reading > 0, fault.shows_in
