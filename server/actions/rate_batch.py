"""Usage of any origin, priced row by row on one plan of one version, by the kernel: what a quote of each row alone would say.

No account is known: allowances are used up, the bill period begins with each event, and no number is known as a subscriber's. Columns are
those of Usage v1 (`rating.schema`). A row is read as a bill run reads it, but is never left out: flags and legs make no difference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from billing.catalogue import in_force_of
from billing.runs.charge_files import money
from billing.runs.contracts.columns import digits_of, int64, one_chunk
from billing.runs.contracts.plan_counters import PlanVersion, memories, short_codes
from billing.runs.usage.circumstances import as_numbers
from rating import engine
from rating.dates import midnight_us
from rating.errors import UserError
from rating.model import Catalogue, Service
from rating.schema import CHARGE_V1, USAGE_V1, Direction
from rating.status import REFUSALS_FROM, Status
from rating.tables import no_circumstances
from tariffs.compiling.compiler import compile_catalogues

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from billing.charges.lines import Int64s
    from rating.tables import Tables

REQUIRED: Final = ("service", "start_us")
QUANTITY_LIMIT: Final = 2**61  # far beyond what any price takes: two of them can be added
BUCKETS_MAX: Final = 1_000_000  # rows that are rated together, times what the plan remembers
NUMBER_DIGITS_MAX: Final = 15
ANSWER: Final = pa.schema(
    [CHARGE_V1.field(name) for name in ("status", "chargeable_qty", "free_qty", "gross_micros", "charge_micros", "price_id", "zone_id")],
    metadata={"ratewright.schema": "rated", "ratewright.version": "1"},
)
UNKNOWN: Final = -1


class RowError(UserError):
    """A row that says not what was used or when."""

    def __init__(self, row: int, what: str) -> None:
        super().__init__(f"row {row} (from 0): {what}", "give each row a service (1 to 5) and a start", exit_status=2)
        self.row = row


class Priced(NamedTuple):
    """Charges in the order of the rows (ANSWER). `total_micros`: of those that are not refused."""

    charges: pa.RecordBatch
    status_counts: dict[str, int]
    total_micros: int


class BatchRating:
    """One version, compiled for the kernel. It can be used by several threads."""

    def __init__(self, catalogue: Catalogue, effective_on: dt.date | None = None) -> None:
        """`effective_on`: the day from which on it is taken to price, for ever; without it its own time."""
        if effective_on is not None:
            from_us = midnight_us(effective_on, catalogue.timezone)
            catalogue = msgspec.structs.replace(catalogue, effective_from_us=from_us, effective_to_us=None, corrects=None)
        self.catalogue = catalogue
        self._tables: Tables = compile_catalogues(in_force_of([catalogue], []))

    def has_plan(self, name: str) -> bool:
        """Return whether the version has a plan of that full name."""
        return name in {f"{self.catalogue.identity}/{each.name}" for each in self.catalogue.plans}

    def rate(self, usage: pa.RecordBatch, plan_name: str) -> Priced:
        """Price each row alone on a plan. Raises RowError."""
        plan = next(each for each in self.catalogue.plans if f"{self.catalogue.identity}/{each.name}" == plan_name)
        version = PlanVersion(self.catalogue, plan)
        table = pa.Table.from_batches([usage])
        batch = _batch(table, self._tables.plan_index[plan_name], self._asked_codes(version), self.catalogue.currency)
        slots = [self._tables.slots[each.kind, each.identity, each.definition_id] for each in memories([version])]
        priorities = [each.priority for each in memories([version])]
        step = max(BUCKETS_MAX // max(len(slots), 1), 1)
        parts = [
            engine.rate(self._tables, part, _empty(slots, priorities, len(part.start_us)))
            for part in (_part(batch, first, first + step) for first in range(0, max(usage.num_rows, 1), step))
        ]
        return _priced(parts)

    def _asked_codes(self, version: PlanVersion) -> dict[int, frozenset[str]]:
        """Short codes that rules of the plan are about, by service."""
        return {int(kind): short_codes(*version, int(kind)) for kind in Service}


def check_schema(given: pa.Schema) -> tuple[str, str] | None:
    """The column that is not one of Usage v1, with what is wrong; None where all are."""
    for name in given.names:
        if name not in USAGE_V1.names:
            return name, "is not a column of Usage v1"
        if given.names.count(name) > 1:
            return name, "is there twice"
        wanted, found = USAGE_V1.field(name).type, given.field(name).type
        if found != wanted and not (pa.types.is_dictionary(wanted) and pa.types.is_string(found)):
            return name, f"must be {wanted}, not {found}"
    missing = next((name for name in REQUIRED if name not in given.names), None)
    return None if missing is None else (missing, "is missing")


def _batch(table: pa.Table, plan_index: int, codes: dict[int, frozenset[str]], currency: str) -> engine.RatingInput:
    """The rows as the engine takes them, each with a holder of its own."""
    rows = table.num_rows
    service, start_us = _required(table)
    other = _integers(table, "other_e164")
    direction = _integers(table, "direction", int(Direction.ORIGINATING))
    number, digits = _numbers(table, other, service, codes)
    place = np.arange(rows)
    event_key = np.zeros((rows, 2), np.uint64)
    return engine.RatingInput(
        start_us=start_us,
        quantity=_quantity(table, service),
        service=service.astype(np.int8),
        plan=np.full(rows, plan_index, np.int32),
        number=number,
        number_digits=digits,
        holder=place.astype(np.int32),
        rating_unit=place.astype(np.int64),
        event_key=event_key,
        circumstances=_circumstances(table, other, direction, currency),
    )


def _required(table: pa.Table) -> tuple[Int64s, Int64s]:
    """Service and start of each row. Raises RowError for the first one that lacks them."""
    found = []
    for name in REQUIRED:
        is_null = table[name].is_null().to_numpy()
        if is_null.any():
            raise RowError(int(np.argmax(is_null)), f"{name} is null")
        found.append(int64(table[name]))
    known = np.isin(found[0], [int(kind) for kind in Service])
    if not known.all():
        row = int(np.argmin(known))
        raise RowError(row, f"{found[0][row]} is not a service")
    return found[0], found[1]


def _integers(table: pa.Table, name: str, missing: int = 0) -> Int64s:
    """A column, `missing` where it or a value of it is absent."""
    return int64(table[name], missing) if name in table.column_names else np.full(table.num_rows, missing, np.int64)


def _quantity(table: pa.Table, service: Int64s) -> Int64s:
    """Microseconds of a call, bytes of data, else units; a message without a count is one."""
    up, down = (np.clip(_integers(table, name), -QUANTITY_LIMIT, QUANTITY_LIMIT) for name in ("bytes_up", "bytes_down"))
    other = np.where(service == int(Service.DATA), up + down, _integers(table, "units", 1))
    return np.ascontiguousarray(np.where(service == int(Service.VOICE), _integers(table, "duration_us"), other), np.int64)


def _numbers(
    table: pa.Table, other: Int64s, service: Int64s, codes: dict[int, frozenset[str]]
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int8]]:
    """The number of the other side and its digits; what was dialled, where it is a short code that rules for the service are about."""
    digits = digits_of(np.maximum(other, 0))
    digits[(other < 0) | (digits > NUMBER_DIGITS_MAX)] = UNKNOWN
    number = np.maximum(other, 0).astype(np.uint64)
    if "other_raw" in table.column_names:
        dialled: Any = table["other_raw"].cast(pa.string())
        for kind, asked in codes.items():
            for code in sorted(asked):
                is_dialled: Any = pc.equal(dialled, pa.scalar(code)).fill_null(fill_value=False)
                rows = is_dialled.to_numpy() & (service == kind)
                number[rows], digits[rows] = int(code), len(code)
    return number, digits


def _circumstances(table: pa.Table, other: Int64s, direction: Int64s, currency: str) -> npt.NDArray[np.void]:
    """As far as the columns say: who began it and from where, the visited network, the rating group, the content provider's amount."""
    rows = no_circumstances(table.num_rows)
    rows["direction"] = direction
    known_served = "served_id" in table.column_names
    served = as_numbers(_texts(table["served_id"])) if known_served else np.full(len(rows), UNKNOWN)
    origin = np.where(direction == int(Direction.ORIGINATING), served, other)
    origin_digits = digits_of(np.maximum(origin, 0))
    known = (origin > 0) & (origin_digits <= NUMBER_DIGITS_MAX)
    rows["origin"], rows["origin_digits"] = np.where(known, origin, 0), np.where(known, origin_digits, 0)
    rows["visited"], rows["rating_group"] = _integers(table, "serving_plmn"), _integers(table, "rating_group")
    if "source_currency" in table.column_names:
        same: Any = pc.equal(table["source_currency"].cast(pa.string()), pa.scalar(currency)).fill_null(fill_value=False)
        rows["content_micros"] = np.where(same.to_numpy(), _integers(table, "source_amount_micros", UNKNOWN), UNKNOWN)
    return rows


def _texts(column: pa.ChunkedArray[Any]) -> pa.Array[Any]:
    """A column of texts, empty for null."""
    texts: Any = column  # the stubs know no single value that fills a column
    return one_chunk(texts.fill_null(""))


def _empty(slots: Sequence[int], priorities: Sequence[int], rows: int) -> engine.Buckets:
    """Counters and caps of a plan, for each row anew: nothing is counted yet."""
    each, every = len(slots), len(slots) * rows
    return engine.Buckets.of(
        slot=np.tile(np.array(slots, np.int32), rows),
        amount=np.zeros(every, np.int64),
        mark=np.zeros(every, np.int64),
        from_us=np.zeros(every, np.int64),
        to_us=np.full(every, 2**62, np.int64),
        priority=np.tile(np.array(priorities, np.int32), rows),
        holder_from=np.arange(rows + 1, dtype=np.int64) * each,
        held=np.arange(every, dtype=np.int32),
    )


def _part(batch: engine.RatingInput, first: int, end: int) -> engine.RatingInput:
    """Some rows of a batch, with holders from 0."""
    rows = slice(first, end)
    circumstances = batch.circumstances
    assert circumstances is not None, "made for each batch"
    return engine.RatingInput(
        start_us=batch.start_us[rows],
        quantity=batch.quantity[rows],
        service=batch.service[rows],
        plan=batch.plan[rows],
        number=batch.number[rows],
        number_digits=batch.number_digits[rows],
        holder=batch.holder[rows] - np.int32(first),
        rating_unit=batch.rating_unit[rows],
        event_key=batch.event_key[rows],
        circumstances=circumstances[rows],
    )


def _priced(parts: Sequence[engine.Rated]) -> Priced:
    def column(name: str) -> npt.NDArray[Any]:
        return np.concatenate([getattr(each, name) for each in parts])

    status = column("status")
    refused = status >= int(REFUSALS_FROM)
    charge_micros = column("charge_micros")
    arrays = {
        "status": pa.array(status, pa.int16()),
        "gross_micros": money(column("gross_micros"), refused),
        "charge_micros": money(charge_micros, refused),
    }
    columns = [arrays[field.name] if field.name in arrays else pa.array(column(field.name), field.type) for field in ANSWER]
    codes, counts = np.unique(status, return_counts=True)
    named = {Status(code).name: count for code, count in zip(codes.tolist(), counts.tolist(), strict=True)}
    total = sum(charge_micros[~refused].tolist())  # of Python's integers: in 64 bits it could wrap
    return Priced(pa.RecordBatch.from_arrays(columns, schema=ANSWER), named, total)
