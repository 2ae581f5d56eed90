"""Results of planted faults: a JSON line each, tables of them, and two campaigns compared."""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from tests.faults.records import Fault

CAUGHT: Final = "caught"
SURVIVED: Final = "survived"
UNSURE: Final = "unsure"  # something failed that fails without the fault as well, or nothing can be told; tried again
ABSENT: Final = "does not apply"  # the tree of the campaign has not got its text
NOTHING_PLANTED: Final = "nothing planted"
_NAME_WIDTH: Final = 38


class Result(msgspec.Struct, frozen=True, omit_defaults=True):
    """The result of a fault. `by`: the tests that failed; `step`: among the first ones or the whole set; `why`: where nothing is sure."""

    fault: str
    outcome: str
    tree: str
    seconds: float
    by: tuple[str, ...] = ()
    step: str = ""
    why: str = ""


def read(file: Path) -> dict[str, Result]:
    """The last result of each fault. A line that was cut off by a kill counts for nothing."""
    found: dict[str, Result] = {}
    for line in file.read_bytes().splitlines() if file.exists() else ():
        try:
            result = msgspec.json.decode(line, type=Result)
        except msgspec.DecodeError:
            continue
        found[result.fault] = result
    return found


def add(file: Path, result: Result) -> None:
    """Append a result."""
    file.parent.mkdir(parents=True, exist_ok=True)
    is_whole = not file.exists() or not file.stat().st_size or file.read_bytes().endswith(b"\n")
    with file.open("ab") as handle:
        handle.write((b"" if is_whole else b"\n") + msgspec.json.encode(result) + b"\n")


def open_faults(faults: Sequence[Fault], found: Mapping[str, Result]) -> list[Fault]:
    """Faults that nothing is known of yet."""
    return [fault for fault in faults if fault.id not in found or found[fault.id].outcome == UNSURE]


def table(faults: Sequence[Fault], found: Mapping[str, Result]) -> Iterator[str]:
    """Counts by area, the survivors with what they would do to whom, and those of which nothing is sure."""
    outcomes = (CAUGHT, SURVIVED, UNSURE, ABSENT)
    yield f"{'area':<12}{'faults':>8}" + "".join(f"{each:>16}" for each in outcomes) + f"{'to try':>8}"
    areas = [*dict.fromkeys(fault.area for fault in faults), "all"]
    for area in areas:
        own = [fault for fault in faults if area in {fault.area, "all"}]
        counts = collections.Counter(found[fault.id].outcome for fault in own if fault.id in found)
        tried = sum(counts[each] for each in outcomes)
        yield f"{area:<12}{len(own):>8}" + "".join(f"{counts[each]:>16}" for each in outcomes) + f"{len(own) - tried:>8}"
    seconds = sum(each.seconds for each in found.values())
    yield f"{seconds / 3600:.1f} hours in all"
    for outcome in (SURVIVED, UNSURE, ABSENT):
        for fault in faults:
            if fault.id in found and found[fault.id].outcome == outcome:
                yield f"{outcome}: {fault.id:<{_NAME_WIDTH}} {found[fault.id].why or fault.harm}"


def compared(faults: Sequence[Fault], one: Mapping[str, Result], other: Mapping[str, Result]) -> Iterator[str]:
    """Faults that the first campaign caught and the second did not, and the other way round; of faults that both have tried."""
    sure = (CAUGHT, SURVIVED)
    both = [fault for fault in faults if all(fault.id in side and side[fault.id].outcome in sure for side in (one, other))]
    caught_one, caught_other = ({each.id for each in both if side[each.id].outcome == CAUGHT} for side in (one, other))
    yield f"{len(both)} of {len(faults)} faults are tried by both: the first catches {len(caught_one)}, the second {len(caught_other)}"
    for name, lost in (("the first alone", caught_one - caught_other), ("the second alone", caught_other - caught_one)):
        yield f"caught by {name}: {len(lost)}"
        for fault in both:
            if fault.id in lost:
                by = (one if fault.id in caught_one else other)[fault.id].by
                yield f"  {fault.id:<{_NAME_WIDTH}} {by[0] if by else ''}"
    yield f"caught by neither: {len(both) - len(caught_one | caught_other)}"
    yield from (f"  {fault.id:<{_NAME_WIDTH}} {fault.harm}" for fault in both if fault.id not in caught_one | caught_other)
