"""The records of the benchmarks as a switch's file: delimited text, a line a call, in order of arrival.

Seven columns, some 75 bytes a line: a number that counts the records, who calls, who is called (both E.164), when (to the second, UTC), how
long (seconds with three places), the tariff's plan, and the trunk. What is finer in the records is cut off: `as_written` gives the records
as the file has them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from mediation.sources.model import FieldRule, Format, Layout, Sequence, Source

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.work.workload import Records

COLUMNS: Final = ("record_id", "served", "other", "start", "duration", "plan", "trunk_in")
FIRST_RECORD: Final = 10_000_000
FIRST_SERVED: Final = 8_613_800_000_000
TRUNKS: Final = 20
SOURCE: Final = Source(
    name="bench",
    format=Format.DELIMITED,
    layouts=(Layout(COLUMNS),),
    key=("record_id",),
    fields={"account": FieldRule(column="plan")},
)
NUMBERED: Final = Source(
    name="numbered", format=Format.DELIMITED, layouts=(Layout(COLUMNS),), key=("record_id",), sequence=Sequence(column="record_id")
)


def as_written(records: Records) -> Records:
    """The records with starts in whole seconds and durations in whole milliseconds."""
    return records._replace(start_us=records.start_us // 1_000_000 * 1_000_000, duration_us=records.duration_us // 1_000 * 1_000)


def write(path: Path, records: Records, first_record: int = FIRST_RECORD) -> None:
    """The file of some records, which are `as_written`."""
    rows = np.arange(len(records.start_us))
    milliseconds = records.duration_us // 1_000
    seconds, places = (pc.cast(pa.array(part), pa.string()) for part in np.divmod(milliseconds, 1_000))
    table = pa.table(
        {
            "record_id": pa.array(rows + first_record),
            "served": pa.array(records.account + FIRST_SERVED),
            "other": pa.array(records.numbers.number),
            "start": pc.cast(pa.array(records.start_us // 1_000_000).cast(pa.timestamp("s")), pa.string()),
            "duration": pc.binary_join_element_wise(seconds, pc.utf8_lpad(places, 3, "0"), "."),
            "plan": pa.array(records.plan),
            "trunk_in": pa.array([f"trunk-{trunk:02d}" for trunk in range(TRUNKS)]).take(pa.array(rows * 7 % TRUNKS)),
        }
    )
    options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="none")
    pyarrow.csv.write_csv(table, path, options)
