"""Itemised usage: every record behind the usage lines of an invoice, free of charge on request.

The records are those of the invoice's run, as it priced them. Interim bills and re-ratings keep no amounts: theirs are priced again, from
what was stored when they were made. Of a line that corrects an earlier one all records of its charge key are shown: their charges add up to
the amount that all invoices up to this one have billed on it (`exact_micros`). Where prices hold their tax that is the net of it. A line
that takes back all of a charge, because another account pays it by now, shows none: they are records of the payer's invoice.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from billing import late_decisions
from billing.documents.due import priced_usage
from billing.documents.finding import Document, find, lines_of, standing_lines
from billing.documents.grounds import Ground, ground_of
from billing.documents.run_inputs import WORKED_OUT
from billing.documents.showing.names import names_of
from billing.guiding import Guide
from billing.intake import view
from billing.invoicing.corrections import key_of
from billing.left_out.judging import Judge
from billing.runs import charge_files, states
from billing.runs.contracts.counted_charges import charge_paths, read_charges
from billing.runs.contracts.counted_runs import looked
from billing.runs.selection import session_changes
from billing.runs.usage import late_changes
from billing.store import tables
from rating.dates import utc_time
from rating.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.intake.marks import Versions
    from billing.store.home import Home

_CHARGE: Final = [
    "event_key", "subscription_id", "period_from", "price_id", "charge_code", "revenue_code", "tax_class", "status", "start_us",
    "chargeable_qty", "free_qty", "charge_micros",
]  # fmt: skip
_USAGE: Final = ("event_key", "served_id", "other_raw", "other_e164", "service", "duration_us", "source", "record_id")
_LINE_KEY: Final = ("subscription_id", "period_from", "price_id", "charge_code", "revenue_code", "tax_class")


class Record(msgspec.Struct, frozen=True):
    """One event. Quantities in the unit of its line: milliseconds, bytes or messages; `charge_micros` before the line is rounded."""

    line_no: int
    subscription_id: str
    text: str
    start_us: int
    number: str  # its own
    other: str
    duration_us: int | None
    quantity: int
    free_quantity: int
    quantity_unit: int
    charge_micros: int
    source: str
    record_id: str


class LineRecords(msgspec.Struct, frozen=True):
    """The sum of the records of a line, and the amount that this invoice and the earlier ones have billed of them before rounding.

    `due_elsewhere`: there are records, but nothing of their charge is billed here any more. `unit`: the unit of volume in which the tariff
    states their price, `message` or `purchase`; empty: time.
    """

    line_no: int
    text: str
    records: int
    charge_micros: int
    exact_micros: int
    amount_micros: int  # of the line
    due_elsewhere: bool = False
    unit: str = ""


class LateLine(msgspec.Struct, frozen=True):
    """A line that bills late usage by a decision of a person: an adjustment, whose records are those of the decision."""

    line_no: int
    text: str
    decision_id: int
    records: int
    amount_micros: int


class UsageList(msgspec.Struct, frozen=True):
    """The records of an invoice, by subscription, line and time. `late_lines` bill usage too, and have no records here."""

    number: str
    account_id: str
    currency: str
    timezone: str
    lines: tuple[LineRecords, ...]
    records: tuple[Record, ...]
    late_lines: tuple[LateLine, ...] = ()


def usage_list(home: Home, number: str, subscription_id: str | None = None) -> UsageList:
    """Every record behind the usage lines of an invoice, of one subscription if given.

    Raises NotFoundError for an unknown number, and for a subscription without usage on it.
    """
    with home.connect() as connection:
        document = find(connection, number)
        every = lines_of(connection, document.invoice_key)
        lines = [row for row in every if row.kind == "usage"]
        by_hand = [row for row in every if row.kind == "adjustment"]
        names = _subscriptions(connection, [*lines, *by_hand])
        if subscription_id is not None:
            lines, by_hand = ([row for row in some if names.get(row.subscription_key) == subscription_id] for some in (lines, by_hand))
        late = _late_lines(connection, by_hand)
        if subscription_id is not None and not (lines or late):
            raise NotFoundError(f"{number} has no usage of {subscription_id}", f"`ratewright invoice show {number}` shows its lines")
        before = _billed_before(connection, document)
        paths = charge_paths(connection, document.run_id)
        priced_again = lines and document.run_kind in WORKED_OUT and document.run_kind != states.CYCLE
        ground = ground_of(home, connection, document) if priced_again else None
        known_names = names_of(home, connection, document, lines, document.language)
    units = {row.line_no: known_names.unit(row) for row in lines}
    priced = read_charges(home.path, paths, _CHARGE) if ground is None else _priced_again(home, document, ground)
    charges = _charges(priced, lines)
    known = _described(home, document, ground, charges)
    records, sums = _records(lines, names, charges.to_pylist(), known)
    found = _sums(lines, sums, before, units)
    elsewhere = {each.line_no for each in found if each.due_elsewhere}
    shown = tuple(each for each in records if each.line_no not in elsewhere)
    return UsageList(number, document.account_id, document.currency, document.timezone, found, shown, late)


def local_time(start_us: int, timezone: Any) -> str:  # noqa: ANN401 -- a ZoneInfo
    """An instant on the account's clock, to the second."""
    return utc_time(start_us).astimezone(timezone).strftime("%Y-%m-%d %H:%M:%S")


def _late_lines(connection: sa.Connection, by_hand: Sequence[Any]) -> tuple[LateLine, ...]:
    """Those of some adjustments that bill late usage."""
    row = tables.late_decisions.c
    query = sa.select(row.adjustment_id, row.decision_id, row.records)
    rows = connection.execute(query.where(row.adjustment_id.in_(sorted({line.price_id for line in by_hand})))).all() if by_hand else []
    known = {int(each.adjustment_id): (int(each.decision_id), int(each.records)) for each in rows}
    told = ((line, known[line.price_id]) for line in by_hand if line.price_id in known)
    return tuple(LateLine(line.line_no, line.text, *decision, int(line.amount_micros)) for line, decision in told)


def _subscriptions(connection: sa.Connection, lines: Sequence[Any]) -> dict[int, str]:
    row = tables.subscriptions.c
    keys = sorted({line.subscription_key for line in lines})
    query = sa.select(row.subscription_key, row.subscription_id).where(row.subscription_key.in_(keys))
    return {int(key): name for key, name in connection.execute(query)}


def _billed_before(connection: sa.Connection, document: Document) -> dict[tuple[Any, ...], int]:
    """Exact sums by charge key of the lines that were valid on earlier invoices when this one was made."""
    found: dict[tuple[Any, ...], int] = {}
    for row in standing_lines(connection, document.account_key, document.invoice_key):
        if row.kind == "usage" and row.effect != "outside":
            found[key_of(row)] = found.get(key_of(row), 0) + int(row.exact_micros)
    return found


def _priced_again(home: Home, document: Document, ground: Ground) -> pa.Table:
    """The charges of a run that keeps none."""
    with tempfile.TemporaryDirectory() as folder:
        writer = charge_files.Writer(Path(folder), Path(folder), document.run_id, ground.contracts, lambda _rows: None)
        priced_usage(home, ground, writer.write)
        return read_charges(Path(folder), [each.path for each in writer.files()], _CHARGE)


def _charges(charges: pa.Table, lines: Sequence[Any]) -> pa.Table:
    """Charges of the keys of some lines, by subscription and time."""
    keys = pa.array(sorted({line.subscription_key for line in lines}), pa.int64())
    own = charges.filter(pc.is_in(charges["subscription_id"], value_set=keys))
    own = own.filter(pc.less_equal(own["status"], pa.scalar(1, pa.int16())))
    columns = {name: own[name] for name in own.column_names}
    columns["start_us"] = own["start_us"].cast(pa.int64())
    columns["period_from"] = own["period_from"].cast(pa.string())
    columns["charge_micros"] = charge_files.micros_of(own["charge_micros"])
    return pa.table(columns).sort_by([("subscription_id", "ascending"), ("start_us", "ascending")])


def _described(home: Home, document: Document, ground: Ground | None, charges: pa.Table) -> dict[bytes, dict[str, Any]]:
    """The stored usage of the events of some charges, as the run priced it."""
    if not charges.num_rows:
        return {}
    seq = document.pinned_seq if ground is None else ground.seq
    starts = charges["start_us"].to_numpy()
    span = int(starts.min()), int(starts.max()) + 1
    usage = view.usage(home, _USAGE, seq, *span)
    keys: Any = charges["event_key"].combine_chunks()
    known = {row["event_key"]: row for row in usage.filter(pc.is_in(usage["event_key"], value_set=keys)).to_pylist()}
    with home.connect() as connection:
        changed = session_changes.superseded(connection, seq, keys.to_pylist())
    if changed:
        shown = _as_before(home, document, ground)
        before = view.versions(home, _USAGE, seq, shown, span).to_pylist() if shown is not None else []
        known |= {row["event_key"]: row for row in before if row["event_key"] in changed}
    return known


def _as_before(home: Home, document: Document, ground: Ground | None) -> Versions | None:
    """Rows that the run of a document priced instead of what came too late."""
    if ground is None:
        with home.connect() as connection:
            runs = looked(connection, home.head_seq(connection), document.run_id)
            return Judge(home, connection, runs[0]).shown() if runs else None
    with home.connect() as connection:
        alone = late_decisions.decided(connection, ground.seq) if ground.left_alone is None else ground.left_alone
    _, late = late_changes.find(home, ground.seq, Guide(home, ground.seq), ground.contracts, ground.scope, alone)
    return None if late is None else late.shown


def _records(
    lines: Sequence[Any], names: dict[int, str], charges: Sequence[dict[str, Any]], known: dict[bytes, dict[str, Any]]
) -> tuple[tuple[Record, ...], dict[int, tuple[int, int]]]:
    """Records by line, and the number and sum of the records of each line."""
    line_of = {(row.subscription_key, *(getattr(row, name) for name in _LINE_KEY[1:])): row for row in lines}
    line_of |= {(*key[:-1], None): row for key, row in line_of.items()}  # an exempt account may have another tax class
    records: list[Record] = []
    sums: dict[int, tuple[int, int]] = {}
    for charge in charges:
        key = tuple(charge[name] for name in _LINE_KEY)
        line = line_of.get(key) or line_of.get((*key[:-1], None))
        if line is None:
            continue
        usage = known[charge["event_key"]]
        other = usage["other_raw"] or str(usage["other_e164"] or "")
        who = (line.line_no, names[line.subscription_key], line.text, charge["start_us"], usage["served_id"], other, usage["duration_us"])
        what = (charge["chargeable_qty"], charge["free_qty"], line.quantity_unit, charge["charge_micros"])
        records.append(Record(*who, *what, usage["source"], usage["record_id"]))
        count, micros = sums.get(line.line_no, (0, 0))
        sums[line.line_no] = count + 1, micros + charge["charge_micros"]
    return tuple(sorted(records, key=lambda each: (each.subscription_id, each.line_no, each.start_us, each.record_id))), sums


def _sums(
    lines: Sequence[Any], sums: dict[int, tuple[int, int]], before: dict[tuple[Any, ...], int], units: dict[int, str]
) -> tuple[LineRecords, ...]:
    """The sum of the records of each line. If they cost something that is not billed here, another account pays for them."""
    found = []
    for row in lines:
        records, micros = sums.get(row.line_no, (0, 0))
        exact, amount = int(row.exact_micros) + before.get(key_of(row), 0), int(row.amount_micros)
        elsewhere = micros != 0 and exact == 0
        shown = (0, 0) if elsewhere else (records, micros)
        found.append(LineRecords(row.line_no, row.text, *shown, exact, amount, elsewhere, units[row.line_no]))
    return tuple(found)
