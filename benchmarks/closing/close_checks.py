"""What a closed month must come to, counted once more in SQL from the usage files: charges, allowances, fees, taxes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import duckdb
import sqlalchemy as sa

from benchmarks.closing import close_tariff as tariff
from benchmarks.closing.close_home import FIRST_NUMBER, TWO_EACH, Size
from billing.store import bulk, tables

if TYPE_CHECKING:
    from pathlib import Path

    from billing.store.home import Home

MINOR: Final = 10_000  # micro-units of a cent
PPM_OF_MINOR: Final = 1_000_000 * MINOR
SAMPLE_EVENTS: Final = 5_000_000  # about so many are counted, by taking one account in so many

_EVENTS: Final = f"""
create temp table events as
select subscription, account, account % 3 as plan, code, quantity, start_us, event_key from (
    select *, case when subscription <= $accounts then subscription else (subscription - $accounts) * {TWO_EACH} end as account
    from (
        select served_id::bigint - {FIRST_NUMBER} as subscription, start_us, event_key,
            case service when 1 then if(other_e164::varchar like '{tariff.HOME_PREFIX}%', {tariff.HOME}, {tariff.ABROAD})
                when 2 then {tariff.MESSAGE} else {tariff.DATA} end as code,
            case service when 1 then (duration_us + 999999) // 1000000 * {tariff.VOICE_STEP_MS}
                when 2 then 1
                else (bytes_up + bytes_down + {tariff.DATA_STEP - 1}) // {tariff.DATA_STEP} * {tariff.DATA_STEP} end as quantity
        from read_parquet($files) where flags & 7 = 0
    )
) where account % $one_in = 0
"""
_FREE: Final = f"""
create temp table priced as
select subscription, account, code, quantity, least(greatest(granted - before, 0), quantity) as free from (
    select *, sum(quantity) over (partition by subscription, code order by start_us, event_key) - quantity as before,
        case code when {tariff.HOME} then {list(tariff.FREE_MS)}[plan + 1]
            when {tariff.DATA} then {list(tariff.FREE_BYTES)}[plan + 1] else 0 end as granted
    from events
)
"""
_CHARGES: Final = f"""
create temp table lines as
select account, subscription, code, count(*) as events, sum(quantity)::bigint as quantity, sum(free)::bigint as free,
    sum((2 * (quantity - free) * rate + per * {tariff.ROUNDING_STEP_MICROS}) // (2 * per * {tariff.ROUNDING_STEP_MICROS})
        * {tariff.ROUNDING_STEP_MICROS})::bigint as micros
from (
    select *, case code {" ".join(f"when {code} then {micros}" for code, micros in tariff.MICROS.items())} end as rate,
        case when code in ({tariff.HOME}, {tariff.ABROAD}) then {tariff.A_MINUTE}
            when code = {tariff.MESSAGE} then 1 else 1000000 end as per
    from priced
) group by all
"""
_BILLS: Final = f"""
select account, net::bigint, (2 * net * {tariff.TAX_PPM} + {PPM_OF_MINOR}) // {2 * PPM_OF_MINOR} * {MINOR} as tax from (
    select account, sum(amount) as net from (
        select account, (2 * micros + {MINOR}) // (2 * {MINOR}) * {MINOR} as amount from lines
        union all
        select account, {list(tariff.FEES_MICROS)}[account % 3 + 1] from (
            select unnest(range($one_in, $accounts + 1, $one_in)) as account
            union all
            select unnest(range({TWO_EACH}, $accounts + 1, {TWO_EACH})) as account
        ) where account % $one_in = 0
    ) group by account
) order by account
"""


def check(home: Home, size: Size, run_id: int) -> str:
    """Compare every usage line and every invoice of the accounts in the sample; what was compared, in words. Asserts that all are equal."""
    one_in = max(size.records // SAMPLE_EVENTS, 1)
    asked = {"accounts": size.accounts, "one_in": one_in}
    connection = duckdb.connect()
    connection.execute(_EVENTS, {**asked, "files": _files(home)})
    connection.execute(_FREE)
    connection.execute(_CHARGES)
    theirs = connection.execute("select * from lines order by account, subscription, code").fetchall()
    bills = connection.execute(_BILLS, asked).fetchall()
    line, invoice = tables.invoice_lines.c, tables.invoices.c
    with home.connect() as reading:
        columns = (
            line.account_key,
            line.subscription_key,
            line.charge_code,
            line.events,
            line.quantity,
            line.free_quantity,
            line.exact_micros,
        )
        query = sa.select(*columns).join_from(tables.invoice_lines, tables.invoices).where(invoice.run_id == run_id, line.kind == "usage")
        query = query.where(line.account_key % one_in == 0)
        ours = [tuple(row) for row in reading.execute(query.order_by(*columns[:3]))]
        totals = sa.select(invoice.account_key, invoice.net_micros, invoice.tax_micros).where(invoice.run_id == run_id)
        own_bills = [tuple(row) for row in reading.execute(totals.where(invoice.account_key % one_in == 0).order_by(invoice.account_key))]
        count = reading.execute(sa.select(sa.func.count()).select_from(tables.invoices).where(invoice.run_id == run_id)).scalar_one()
    assert ours == theirs, _first_difference(ours, theirs)
    assert own_bills == bills, _first_difference(own_bills, bills)
    assert count == size.accounts, f"{count} invoices for {size.accounts} accounts"
    _check_totals(home, run_id)
    return f"{len(ours):,} usage lines and {len(bills):,} invoices of one account in {one_in} are what SQL says; {count:,} invoices in all"


def _check_totals(home: Home, run_id: int) -> None:
    """Invoices = their lines = what is posted; usage lines = charge files."""
    line, invoice, posting = tables.invoice_lines.c, tables.invoices.c, tables.postings.c
    with home.connect() as reading:
        of_run = invoice.run_id == run_id
        total = reading.execute(sa.select(_sum(invoice.total_micros)).where(of_run)).scalar_one()
        lines = sa.select(_sum(line.amount_micros)).join_from(tables.invoice_lines, tables.invoices).where(of_run)
        assert reading.execute(lines).scalar_one() == total
        exact = reading.execute(
            sa.select(_sum(line.exact_micros)).join_from(tables.invoice_lines, tables.invoices).where(of_run, line.kind == "usage")
        ).scalar_one()
        manifest = tables.charge_manifest.c
        charged = reading.execute(sa.select(_sum(manifest.charge_micros)).where(manifest.run_id == run_id)).scalar_one()
        assert exact == charged, (exact, charged)
        numbers = sa.select(invoice.number).where(of_run)
        posted = bulk.read(reading, sa.select(posting.debit_account, posting.amount_micros).where(posting.document.in_(numbers)))
    debit = sum(
        amount
        for account, amount in zip(*(posted[name].to_pylist() for name in posted.column_names), strict=True)
        if "receivable" in account
    )
    assert debit == total, (debit, total)


def _sum(column: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    return sa.cast(sa.func.sum(column), tables.INT64)


def _files(home: Home) -> list[str]:
    found: list[Path] = sorted(home.sealed_folder.glob("*.parquet"))
    return [str(each) for each in found]


def _first_difference(ours: list[tuple[int, ...]], theirs: list[tuple[int, ...]]) -> str:
    pairs = ((one, two) for one, two in zip(ours, theirs, strict=False) if one != two)
    return f"{len(ours)} and {len(theirs)} rows; first difference: {next(pairs, None)}"
