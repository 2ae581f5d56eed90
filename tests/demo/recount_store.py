"""Reads what Ratewright stored, without Ratewright: Parquet with pyarrow, the database with sqlite3."""

from __future__ import annotations

import collections
import decimal
import sqlite3
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from pathlib import Path

CENT = 10_000
UNANSWERED, ABSORBED = 1, 2
VOICE, SMS, DATA = 1, 2, 4
STATUS_OF = {10: "unknown_subscription", 16: "no_zone", 17: "not_sold"}
Compared = tuple[str, object, object]

# Queries that find nothing when all is well.
WRONG_INVOICES = {
    "invoices whose lines add up to another total": """
        SELECT number FROM invoices i
        WHERE total_micros <> (SELECT sum(amount_micros) FROM invoice_lines l WHERE l.invoice_key = i.invoice_key)""",
    "invoices with another tax than their lines": """
        SELECT number FROM invoices i WHERE net_micros + tax_micros <> total_micros OR tax_micros <>
        (SELECT coalesce(sum(amount_micros), 0) FROM invoice_lines l WHERE l.invoice_key = i.invoice_key AND kind = 'tax')""",
    "invoice lines that are not whole cents": "SELECT invoice_key, line_no FROM invoice_lines WHERE amount_micros % 10000 <> 0",
}
WRONG_MONEY = {
    "invoices paid beyond their total": """
        SELECT i.number FROM settlements s JOIN invoices i USING (invoice_key)
        GROUP BY i.number HAVING sum(s.amount_micros) > max(i.total_micros)""",
    "payments spent beyond their amount": """
        SELECT p.payment_id FROM settlements s JOIN payments p ON s.credit_kind = 'payment' AND s.credit_id = p.payment_id
        GROUP BY p.payment_id HAVING sum(s.amount_micros) > max(p.amount_micros)""",
    "postings of nothing, or from an account to itself": """
        SELECT document FROM postings WHERE debit_account = credit_account OR amount_micros <= 0""",
}
# What each document has moved on the customers' accounts.
POSTED = """
    SELECT document, sum(CASE WHEN debit_account LIKE 'receivable:%' THEN amount_micros ELSE -amount_micros END) FROM postings
    WHERE debit_account LIKE 'receivable:%' OR credit_account LIKE 'receivable:%' GROUP BY document"""
BY_DATE = """
    SELECT issued_on, count(*), min(number), max(number), sum(net_micros), sum(tax_micros), sum(total_micros)
    FROM invoices GROUP BY issued_on ORDER BY issued_on"""
BILLED = """
    SELECT account_key, subscription_key, charge_code, price_id, tax_class, period_from, sum(amount_micros) FROM invoice_lines
    WHERE kind = 'usage' GROUP BY 1, 2, 3, 4, 5, 6"""


class Amount(NamedTuple):
    """Rows and their billable time."""

    rows: int
    duration_us: int


class Planted(NamedTuple):
    """A call as it was stored and priced."""

    served_id: str
    duration_us: int
    status: int | None
    charge_micros: int | None


class Store:
    """A home folder, read only."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._sql = sqlite3.connect(f"file:{home / 'ratewright.db'}?mode=ro", uri=True)
        self._usage = self._counting_usage()
        self._runs = [row[0] for row in self._rows("SELECT run_id FROM bill_runs WHERE state = 'posted' ORDER BY run_id")]
        self._charges = {run: self._charges_of(run) for run in self._runs}

    def intake(self, source: str, outcome: str) -> Amount:
        """What intake counted."""
        query = "SELECT coalesce(sum(rows), 0), coalesce(sum(duration_us), 0) FROM intake_counts WHERE source = ? AND outcome = ?"
        return Amount(*self._rows(query, source, outcome)[0])

    def suspended(self, source: str) -> dict[str, int]:
        """Rows in suspense by reason. A row with a quote that never ends is the last of its file, and waits as cut off."""
        found = dict(self._rows("SELECT reason, count(*) FROM suspense WHERE source = ? GROUP BY reason", source))
        cut_off = {"unterminated_quote": found.pop("truncated_record")} if "truncated_record" in found else {}
        return found | cut_off

    def usage(self, source: str, outcome: str) -> Amount:
        """Usage in Parquet that is not in suspense."""
        flag = {"answered": 0, "unanswered": UNANSWERED, "absorbed": ABSORBED}[outcome]
        part = self._of_source(source)
        part = part.filter(pc.equal(part["flags"], flag))
        return Amount(part.num_rows, _sum(part["duration_us"]))

    def streamed(self, source: str) -> dict[str, dict[str, int]]:
        """Streamed usage by service."""
        part = self._of_source(source)
        by_service = {service: part.filter(pc.equal(part["service"], service)) for service in (VOICE, SMS, DATA)}
        voice, sms, data = by_service[VOICE], by_service[SMS], by_service[DATA]
        volume = _sum(data["bytes_up"]) + _sum(data["bytes_down"])
        return {
            "voice": {"rows": voice.num_rows, "duration_us": _sum(voice["duration_us"])},
            "sms": {"rows": sms.num_rows, "units": _sum(sms["units"])},
            "data": {"rows": data.num_rows, "volume_bytes": volume},
        }

    def refused_records(self, sources: tuple[str, ...]) -> dict[str, int]:
        """Events of some sources whose last charge row says that no price was found."""
        keys = self._usage.filter(pc.is_in(self._usage["source"], pa.array(sources)))["event_key"]
        refused = self._last_charges().filter(pc.field("status") >= min(STATUS_OF))
        refused = refused.filter(pc.is_in(refused["event_key"], keys.combine_chunks()))
        found = collections.Counter(STATUS_OF[code] for code in refused["status"].to_pylist())
        return {name: found[name] for name in STATUS_OF.values()}

    def planted(self, source: str, record_id: str) -> Planted:
        """One call, by its switch's name for it."""
        usage = self._usage.filter((pc.field("source") == source) & (pc.field("record_id") == record_id))
        assert usage.num_rows == 1, f"{usage.num_rows} rows of {source} {record_id}"
        row = usage.to_pylist()[0]
        charges = self._last_charges()
        charge = charges.filter(pc.equal(charges["event_key"], pa.scalar(row["event_key"], pa.binary(16)))).to_pylist()
        return Planted(row["served_id"], row["duration_us"], *((charge[0]["status"], charge[0]["micros"]) if charge else (None, None)))

    def charge_checks(self) -> list[Compared]:
        """Charges in Parquet, brought to cents by their key, and what all invoices together have billed on it."""
        rounded = self._rounded_charges()
        billed = self._billed()
        keys = rounded.keys() | billed.keys()
        differing = [key for key in keys if rounded.get(key, 0) != billed.get(key, 0)]
        return [
            ("charges and invoice lines: keys that differ", [], sorted(differing)[:5]),
            ("charges and invoice lines: sum", sum(rounded.values()), sum(billed.values())),
            *[
                (f"manifest and charge files of run {run}", self._manifest(run), (table.num_rows, _sum(table["micros"])))
                for run, table in self._charges.items()
            ],
        ]

    def invoice_checks(self) -> list[Compared]:
        """Numbers without a gap, lines that add up to their invoices, in cents."""
        numbers = [row[0] for row in self._rows("SELECT number FROM invoices ORDER BY number")]
        return [
            ("invoice numbers without a gap", [f"R-{place:010d}" for place in range(1, len(numbers) + 1)], numbers),
            *((name, [], self._rows(query)) for name, query in WRONG_INVOICES.items()),
        ]

    def money_checks(self) -> list[Compared]:
        """Postings of each invoice and payment, and allocations."""
        posted = dict(self._rows(POSTED))
        due = {number: total for number, total in self._rows("SELECT number, total_micros FROM invoices") if total}
        due |= {payment: -amount for payment, amount in self._rows("SELECT payment_id, amount_micros FROM payments")}
        differing = [document for document in posted.keys() | due.keys() if posted.get(document, 0) != due.get(document, 0)]
        return [
            ("documents whose postings are another sum", [], sorted(differing)[:5]),
            *((name, [], self._rows(query)) for name, query in WRONG_MONEY.items()),
        ]

    def invoices_by_date(self) -> dict[str, dict[str, Any]]:
        """As summary.json tells them."""
        names = ("invoices", "first_number", "last_number", "net_micros", "tax_micros", "total_micros")
        return {row[0]: dict(zip(names, row[1:], strict=True)) for row in self._rows(BY_DATE)}

    def _rows(self, query: str, *values: object) -> list[Any]:
        return self._sql.execute(query, values).fetchall()

    def _counting_usage(self) -> pa.Table:
        """All sealed usage without what waits in suspense."""
        left = self._rows("SELECT path FROM usage_manifest WHERE form = 'journal' AND sealed_at_seq IS NULL")
        assert not left, f"usage is still in the journal: {left}"
        columns = ["event_key", "source", "record_id", "service", "served_id", "duration_us", "bytes_up", "bytes_down", "units", "flags"]
        paths = [row[0] for row in self._rows("SELECT path FROM usage_manifest WHERE form = 'parquet' ORDER BY manifest_id")]
        usage = pa.concat_tables([_plain(pq.read_table(self._home / path, columns=columns, partitioning=None)) for path in paths])
        suspended = pa.array([row[0] for row in self._rows("SELECT event_key FROM suspense WHERE event_key IS NOT NULL")], pa.binary(16))
        return usage.filter(pc.invert(pc.is_in(usage["event_key"], suspended)))

    def _of_source(self, source: str) -> pa.Table:
        return self._usage.filter(pc.equal(self._usage["source"], source))

    def _charges_of(self, run: int) -> pa.Table:
        columns = [*_KEY, "period_to", "event_key", "status", "charge_micros"]
        paths = [row[0] for row in self._rows("SELECT path FROM charge_manifest WHERE run_id = ? ORDER BY path", run)]
        empty = pa.table({name: pa.array([], kind) for name, kind in _EMPTY.items()})
        tables = [_with_micros(pq.read_table(self._home / path, columns=columns, partitioning=None)) for path in paths]
        return pa.concat_tables([empty, *tables], promote_options="permissive")

    def _manifest(self, run: int) -> tuple[int, int]:
        found: tuple[int, int] = self._rows(
            "SELECT coalesce(sum(rows), 0), coalesce(sum(charge_micros), 0) FROM charge_manifest WHERE run_id = ?", run
        )[0]
        return found

    def _last_charges(self) -> pa.Table:
        """For each event the charge row of the last run that priced it."""
        tables, seen = [], pa.array([], pa.binary(16))
        for run in reversed(self._runs):
            table = self._charges[run].select(["event_key", "status", "micros"])
            tables.append(table.filter(pc.invert(pc.is_in(table["event_key"], seen))))
            seen = pa.concat_arrays([seen, table["event_key"].combine_chunks()]).unique()
        return pa.concat_tables(tables)

    def _rounded_charges(self) -> dict[tuple[object, ...], int]:
        """Cents by charge key, from the last run that priced the (account, period) of the key."""
        sums: dict[tuple[object, ...], int] = {}
        last: dict[tuple[object, object], int] = {}
        by_run: dict[int, list[tuple[tuple[object, ...], int]]] = {}
        for run, table in self._charges.items():
            grouped = table.filter(pc.field("status") <= 1).group_by(_KEY).aggregate([("micros", "sum")])
            names = [*_KEY, "micros_sum"]
            rows = list(zip(*(grouped[name].to_pylist() for name in names), strict=True))
            by_run[run] = [((*row[:-2], row[-2].isoformat()), int(row[-1])) for row in rows]
            last |= {(key[0], key[-1]): run for key, _ in by_run[run]}
        for run, found in by_run.items():
            sums |= {key: _half_up(micros) for key, micros in found if last[key[0], key[-1]] == run}
        return {key: micros for key, micros in sums.items() if micros}

    def _billed(self) -> dict[tuple[object, ...], int]:
        return {row[:-1]: row[-1] for row in self._rows(BILLED) if row[-1]}


_KEY = ["payer_account_id", "subscription_id", "charge_code", "price_id", "tax_class", "period_from"]
_EMPTY = {
    "payer_account_id": pa.int64(), "subscription_id": pa.int64(), "charge_code": pa.int32(), "price_id": pa.int32(),
    "tax_class": pa.int16(), "period_from": pa.date32(), "period_to": pa.date32(), "event_key": pa.binary(16), "status": pa.int16(),
    "micros": pa.int64(),
}  # fmt: skip


def _with_micros(table: pa.Table) -> pa.Table:
    """The money column as whole micro-units."""
    exact = table["charge_micros"].cast(pa.decimal128(18, 6))
    micros = pc.multiply(exact, pa.scalar(decimal.Decimal(1_000_000))).cast(pa.int64())
    return table.drop_columns(["charge_micros"]).append_column("micros", micros)


def _plain(table: pa.Table) -> pa.Table:
    """Dictionaries as text, so that files can be put together and compared."""
    return table.set_column(table.schema.get_field_index("source"), "source", table["source"].cast(pa.string()))


def _sum(column: pa.ChunkedArray) -> int:
    return int(pc.sum(column).as_py() or 0)


def _half_up(micros: int) -> int:
    """To the cent, ties away from zero."""
    cents, rest = divmod(abs(micros), CENT)
    return (cents + (2 * rest >= CENT)) * CENT * (1 if micros >= 0 else -1)
