"""Opening data of an account from the system before: open items, allowances left, and three months of totals. Whole columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from billing.accounts.handovers.known import NAME_ANOTHER, never_was
from billing.accounts.importing.comparing import flat, joined, less, places, rows_of, told, without_repeats
from billing.accounts.importing.step import Count
from billing.accounts.importing.stored import taken_back
from billing.store import bulk, tables
from tariffs.currencies import MINOR_DIGITS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import sqlalchemy as sa
    from numpy.typing import NDArray

    from billing.accounts.importing.sheets import Sheet
    from billing.accounts.importing.step import Importer

IMPORTED_RUN = 0  # run_id of allowances that no run left


def openings(work: Importer) -> dict[str, Count]:
    """Add the rows of opening_items.csv, opening_allowances.csv and baselines.csv."""
    return {"opening_items": _items(work), "opening_allowances": _allowances(work), "baselines": _baselines(work)}


def _items(work: Importer) -> Count:
    sheet, at = of_accounts(work, work.sheets["opening_items"])
    for row in np.flatnonzero(less(sheet.table["due_on"], sheet.table["issued_on"])).tolist():
        message = f"due_on {sheet.table['due_on'][row]} is before issued_on {sheet.table['issued_on'][row]}"
        work.mistakes.add_row(sheet, int(sheet.lines()[row]), "due_on", message, "give the dates of the old document")
    _refuse_amounts(work, sheet, at, zero="an item of zero is not an open item")
    return _add(work, sheet, at, tables.opening_items, ("account_id", "reference"), {"issued_on": "issued_on", "due_on": "due_on"})


def _baselines(work: Importer) -> Count:
    sheet, at = of_accounts(work, work.sheets["baselines"])
    _refuse_amounts(work, sheet, at)
    return _add(work, sheet, at, tables.baselines, ("account_id", "month"), {})


def of_accounts(work: Importer, sheet: Sheet) -> tuple[Sheet, NDArray[np.int64]]:
    """The rows of a sheet whose account is known, and the place of each account."""
    at = places(sheet.table["account_id"], work.accounts["account_id"])
    for row in np.flatnonzero(at < 0).tolist():
        named = sheet.table["account_id"][row].as_py()
        if not work.mistakes.may_hold(work.sheets["accounts"].file, named):
            remedy = f"add it to {work.sheets['accounts'].file}, or correct the id"
            work.mistakes.add_row(sheet, int(sheet.lines()[row]), "account_id", f"account {named} is unknown", remedy)
    return sheet._replace(table=rows_of(sheet.table, at >= 0)), at[at >= 0]


def _refuse_amounts(work: Importer, sheet: Sheet, at: NDArray[np.int64], zero: str = "") -> None:
    """Amounts finer than the account's currency has coins, and 0 where it means nothing."""
    amounts = sheet.table["amount"].to_numpy()
    currencies = flat(work.accounts["currency"]).dictionary_encode()
    steps = np.array([10 ** (6 - MINOR_DIGITS.get(str(name), 2)) for name in currencies.dictionary.to_pylist()], np.int64)
    step = steps[currencies.indices.to_numpy()[at]] if len(at) else np.ones(0, np.int64)
    for row in np.flatnonzero(amounts % step != 0).tolist():
        message = f"the amount is finer than {work.accounts['currency'][int(at[row])]} is counted"
        work.mistakes.add_row(sheet, int(sheet.lines()[row]), "amount", message, "give whole minor units of the account's currency")
    for row in np.flatnonzero(amounts == 0).tolist() if zero else ():
        work.mistakes.add_row(sheet, int(sheet.lines()[row]), "amount", zero, "remove the row")


def _add(work: Importer, sheet: Sheet, at: NDArray[np.int64], table: sa.Table, key: tuple[str, str], more: Mapping[str, str]) -> Count:  # noqa: PLR0913, PLR0917 -- one argument a part of what is recorded
    """Add the rows of one file that the table does not have."""
    sheet, at = _once(work, sheet, at, key)
    keys = work.accounts["account_key"].to_numpy()[at] if len(at) else np.zeros(0, np.int64)
    known = bulk.read(work.connection, _select(table, ("account_key", key[1], *more, "amount_micros")))
    place = places(joined(pa.array(keys), sheet.table[key[1]]), joined(known["account_key"], known[key[1]]))
    again, had = sheet._replace(table=rows_of(sheet.table, place >= 0)), rows_of(known, place[place >= 0])
    values = {"amount": had["amount_micros"], **{name: had[name] for name in more}}
    told(again, key[1], again.table[key[1]], values, work.mistakes)
    fresh = rows_of(sheet.table, place < 0)
    columns = {"account_key": keys[place < 0], key[1]: fresh[key[1]], "amount_micros": fresh["amount"]}
    work.insert(table, {**columns, **{name: fresh[name] for name in more}})
    work.done(sheet.file.removesuffix(".csv") if sheet.file.endswith(".csv") else table.name)
    return Count(fresh.num_rows, again.table.num_rows)


def _once(work: Importer, sheet: Sheet, at: NDArray[np.int64], key: Sequence[str]) -> tuple[Sheet, NDArray[np.int64]]:
    once = without_repeats(sheet, joined(*(sheet.table[name] for name in key)), key[-1], work.mistakes)
    return once, at if once is sheet else places(once.table["account_id"], work.accounts["account_id"])


def _select(table: sa.Table, names: Sequence[str]) -> sa.Select[Any]:
    return table.select().with_only_columns(*(table.c[name] for name in names))


def _allowances(work: Importer) -> Count:
    """Quantities left of allowances that roll over, as of the day from which an account is billed here."""
    sheet, at = of_accounts(work, work.sheets["opening_allowances"])
    key = ("account_id", "subscription_id", "catalogue", "allowance", "serves_to", "period_end")
    sheet, at = _once(work, sheet, at, key)
    _refuse_allowances(work, sheet, at)
    of = places(sheet.table["subscription_id"], work.subscriptions["subscription_id"])
    subscription = np.where(of >= 0, work.subscriptions["subscription_key"].to_numpy()[of], 0) if len(of) else np.zeros(0, np.int64)
    columns: dict[str, Any] = {
        "run_id": np.full(len(at), IMPORTED_RUN, np.int64),
        "account_key": work.accounts["account_key"].to_numpy()[at] if len(at) else np.zeros(0, np.int64),
        "subscription_key": subscription,
        "identity": sheet.table["catalogue"],
        "allowance_id": sheet.table["allowance"],
        "period_end": sheet.table["period_end"],
        "serves_to": sheet.table["serves_to"],
        "plan": joined(sheet.table["plan"]),
        "quantity": sheet.table["quantity"],
    }
    names = tuple(columns)[1:7]
    row = tables.carried_allowances
    known = bulk.read(work.connection, _select(row, (*names, "plan", "quantity")).where(row.c.run_id == IMPORTED_RUN))
    given = pa.table(columns)
    place = places(joined(*(given[name] for name in names)), joined(*(known[name] for name in names)))
    again = sheet._replace(table=rows_of(sheet.table, place >= 0))
    had = rows_of(known, place[place >= 0])
    plans = pa.array([plan or None for plan in had["plan"].to_pylist()], pa.string())
    told(again, "allowance of", again.table["account_id"], {"plan": plans, "quantity": had["quantity"]}, work.mistakes)
    fresh = rows_of(given, place < 0)
    work.insert(row, {name: fresh[name] for name in fresh.column_names})
    work.done("opening_allowances")
    return Count(fresh.num_rows, again.table.num_rows)


def _refuse_allowances(work: Importer, sheet: Sheet, at: NDArray[np.int64]) -> None:
    of = places(sheet.table["subscription_id"], work.subscriptions["subscription_id"])
    for number, row in enumerate(sheet.table.to_pylist()):
        for column, message, remedy in _allowance_wrongs(work, row, int(at[number]), int(of[number])):
            work.mistakes.add_row(sheet, row["line"], column, message, remedy)
    for number in np.flatnonzero(np.append(taken_back(work.subscriptions), False)[of]).tolist():
        message = never_was(sheet.table["subscription_id"][number].as_py())
        work.mistakes.add_row(sheet, int(sheet.lines()[number]), "subscription_id", message, NAME_ANOTHER)


def _allowance_wrongs(work: Importer, row: dict[str, Any], at: int, of: int) -> list[tuple[str, str, str]]:
    """The errors of one row: in its allowance, its subscription, its dates."""
    found = []
    shared = row["subscription_id"] is None
    plans = [plan for name, plan in work.plans.items() if name.startswith(f"{row['catalogue']}/") and row["plan"] in {None, name}]
    allowance = next((each for plan in plans for each in plan.allowances if each.allowance_id == row["allowance"]), None)
    if allowance is None:
        what = f"plan {row['plan']}" if row["plan"] else f"catalogue {row['catalogue']}"
        found.append(("allowance", f"{what} has no allowance {row['allowance']}", "`ratewright tariffs show` names them"))
    elif allowance.rollover_periods == 0:
        found.append(("allowance", f"{allowance.name} does not roll over: nothing of it is left", "remove the row"))
    elif allowance.shared != shared or (row["plan"] is None) != shared:
        remedy = "leave subscription_id and plan empty for an allowance that is shared, and give both for any other"
        found.append(("subscription_id", f"{allowance.name} is {'' if allowance.shared else 'not '}shared by the account", remedy))
    if row["subscription_id"] is not None and (
        of < 0 or work.subscriptions["account_key"][of].as_py() != work.accounts["account_key"][at].as_py()
    ):
        found.append(("subscription_id", f"{row['account_id']} has no subscription {row['subscription_id']}", "correct the id"))
    billed_from = work.accounts["billed_through"][at].as_py() or work.accounts["opened_on"][at].as_py()
    if row["period_end"] != billed_from:
        message = f"period_end {row['period_end']} is not {billed_from}, from when {row['account_id']} is billed here"
        found.append(("period_end", message, "give what was left on that day"))
    if row["serves_to"] <= row["period_end"]:
        found.append(("serves_to", "what is left serves no day any more", "serves_to is the first day on which it no longer serves"))
    return found
