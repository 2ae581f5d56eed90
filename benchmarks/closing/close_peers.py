"""What the same machine does by other means: the aggregation alone in DuckDB, and rows into the database as fast as it takes them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import duckdb
import sqlalchemy as sa

from billing.store import bulk, tables

if TYPE_CHECKING:
    from billing.store.home import Home


def aggregation(home: Home, run_id: int, threads: int = 2) -> dict[str, float]:
    """Charges by subscription, period, price and status over the charge files of a run, which give the same sums as its usage lines."""
    files = [str(each) for each in sorted((home.charges_folder / f"run={run_id}").glob("*.parquet"))]
    connection = duckdb.connect(config={"threads": threads})
    since = time.perf_counter()
    connection.execute(
        """create temp table sums as
        select payer_account_id as account, subscription_id as subscription, period_from, charge_code, price_id, count(*) as events,
        sum(chargeable_qty)::bigint as quantity, sum(free_qty)::bigint as free, (sum(charge_micros) * 1000000)::bigint as micros
        from read_parquet($files) where status <= 1 group by all""",
        {"files": files},
    )
    seconds = time.perf_counter() - since
    theirs = connection.execute("select account, subscription, price_id, events, micros from sums order by all").fetchall()
    line, invoice = tables.invoice_lines.c, tables.invoices.c
    columns = (line.account_key, line.subscription_key, line.price_id, line.events, line.exact_micros)
    query = sa.select(*columns).join_from(tables.invoice_lines, tables.invoices).where(invoice.run_id == run_id, line.kind == "usage")
    with home.connect() as reading:
        ours = bulk.read(reading, query.order_by(*columns))
    assert theirs == list(zip(*(ours[name].to_pylist() for name in ours.column_names), strict=True)), "DuckDB has other sums"
    return {"seconds": seconds, "groups": len(theirs)}


def insertion(home: Home, run_id: int) -> dict[str, float]:
    """Rows of invoice lines into a bare table of the same columns, in one transaction that ends on disk; the table is dropped again."""
    line = tables.invoice_lines
    query = sa.select(line).join_from(line, tables.invoices).where(tables.invoices.c.run_id == run_id)
    with home.connect() as reading:
        rows = bulk.read(reading, query)
    bare = sa.Table("close_bare", sa.MetaData(), *(sa.Column(column.name, column.type) for column in line.c))
    columns: dict[str, Any] = {name: rows[name] for name in rows.column_names}
    with home.begin() as connection:
        bare.create(connection)
    since = time.perf_counter()
    with home.begin() as connection:
        bulk.insert(connection, bare, columns)
    seconds = time.perf_counter() - since
    with home.begin() as connection:
        bare.drop(connection)
    return {"seconds": seconds, "rows": rows.num_rows, "rows_a_second": rows.num_rows / seconds}
