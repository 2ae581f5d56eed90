"""The intake book, each side from another place.

Left: what intake counted while it took usage in (table intake_counts). Right: what is there now, counted anew in journal, Parquet and
suspense. Duplicates are kept nowhere, so they are on the right as counted; the line `received` (as the decoder counted rows, before
anything was decided) holds them to account: received = answered + unanswered + absorbed + conflicting + duplicate + rejected + waiting +
suspended. Beside these stand the rows that were assembled from segments, and those that came back out of suspense; lines of outcomes
that a source never had are left out.
"""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pyarrow as pa
import sqlalchemy as sa

from billing.intake import marks, view
from billing.intake.assembly.book import assembly_book
from billing.intake.columns import QUANTITY_COLUMNS, Quantities, quantities
from billing.intake.settle import BESIDE_NAMES, COUNTED_NAMES, OUTCOME_NAMES, RECEIVED, Outcome
from billing.store.tables import intake_counts, suspense

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from billing.store.home import Home

UNITS: Final = {"rows": "rows", "duration_us": "microseconds", "units": "units", "volume_bytes": "bytes"}
_COLUMNS: Final = (*marks.COLUMNS, "source", *QUANTITY_COLUMNS)
_DUPLICATE: Final = OUTCOME_NAMES[Outcome.DUPLICATE]
_REJECTED: Final = OUTCOME_NAMES[Outcome.REJECTED]
_SELDOM: Final = (OUTCOME_NAMES[Outcome.WAITING], OUTCOME_NAMES[Outcome.SUSPENDED], *BESIDE_NAMES)  # no line where there are none
_Counts = dict[tuple[str, str], Quantities]


class BookLine(NamedTuple):
    """Two counts of one thing, which must be equal."""

    name: str  # such as `intake sw1: answered`
    left: int
    right: int
    unit: str


def intake_book(home: Home, seq: int) -> list[BookLine]:
    """Every line of the intake book as of `seq`, by source."""
    counted = _counted(home, seq)
    present = _present(home, seq)
    for (source, outcome), each in counted.items():
        if outcome == _DUPLICATE:
            present[source, outcome] += each
    sources = sorted({source for source, _ in (*counted, *present)})
    for source in sources:
        present[source, RECEIVED] = sum((present[source, name] for name in OUTCOME_NAMES), Quantities())
    lines = []
    for source in sources:
        for outcome in (RECEIVED, *OUTCOME_NAMES, *BESIDE_NAMES):
            left, right = counted[source, outcome], present[source, outcome]
            if outcome != _DUPLICATE and (outcome not in _SELDOM or any(left) or any(right)):
                lines += _lines(f"intake {source}: {outcome}", left, right)
    for source, sides in sorted(assembly_book(home, seq).items()):
        lines += _lines(f"intake {source}: absorbed into calls = assembled", *sides)
    return lines


def _lines(name: str, left: Quantities, right: Quantities) -> list[BookLine]:
    """A line a quantity; a quantity that neither side has is left out, rows never are."""
    values = zip(UNITS.values(), left, right, strict=True)
    return [BookLine(name, one, two, unit) for unit, one, two in values if unit == "rows" or one or two]


def _counted(home: Home, seq: int) -> _Counts:
    row = intake_counts.c
    query = sa.select(row.source, row.outcome, row.rows, row.duration_us, row.units, row.volume_bytes).where(row.commit_seq <= seq)
    counts: _Counts = collections.defaultdict(Quantities)
    with home.connect() as connection:
        for source, outcome, *values in connection.execute(query):
            counts[source, outcome] += Quantities(*values)
    return counts


def _present(home: Home, seq: int) -> _Counts:
    """Rows and quantities in the usage files and in suspense, by source and outcome."""
    counts: _Counts = collections.defaultdict(Quantities)
    row = suspense.c
    with home.connect() as connection:
        rejects = sa.select(row.source, sa.func.count()).where(row.event_key.is_(None), row.commit_seq <= seq).group_by(row.source)
        for source, rows in connection.execute(rejects):
            counts[source, _REJECTED] += Quantities(rows=rows)
    parts, known = view.everything(home, _COLUMNS, seq)
    for part in parts:
        _count_part(part, marks.outcomes(part, known), counts)
    return counts


def _count_part(part: pa.Table, outcome: NDArray[np.int8], counts: _Counts) -> None:
    encoded: Any = part.column("source").unify_dictionaries().combine_chunks()
    codes = encoded.indices.to_numpy()
    for code, source in enumerate(encoded.dictionary.to_pylist()):
        of_source = codes == code
        if not of_source.any():
            continue
        table = part if of_source.all() else part.filter(pa.array(of_source))
        sums = quantities(table, outcome[of_source], len(Outcome))
        for name, each in zip(COUNTED_NAMES, sums, strict=False):  # what is gone stands in no book
            counts[source, name] += each
