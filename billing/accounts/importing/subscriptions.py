"""Subscriptions of an import beside those that are there. Whole columns.

Refuses unknown accounts and plans, a plan in another currency than its account's, and a beginning before the account's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from billing.accounts.handovers.known import NAME_ANOTHER, never_was
from billing.accounts.importing import stored
from billing.accounts.importing.comparing import differs, flat, less, places, rows_of, taken, told, without_repeats
from billing.accounts.importing.fresh_ids import refuse_ids
from billing.accounts.importing.step import Count
from billing.accounts.plans import refuse_plans
from billing.store import tables

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from billing.accounts.importing.sheets import Mistakes, Sheet
    from billing.accounts.importing.step import Importer

    Ints = NDArray[np.int64]


def subscriptions(work: Importer) -> Count:
    """Add the rows of subscriptions.csv; the end of one that had none becomes a fact."""
    sheet = _reasonable_spans(work.sheets["subscriptions"], work.mistakes)
    sheet = without_repeats(sheet, flat(sheet.table["subscription_id"]), "subscription_id", work.mistakes)
    known = stored.subscriptions(work.connection, work.accounts)
    place = places(sheet.table["subscription_id"], known["subscription_id"])
    again = sheet._replace(table=rows_of(sheet.table, place >= 0))
    ended = _learn_ends(work, again, rows_of(known, place[place >= 0]))
    if ended:
        known = stored.subscriptions(work.connection, work.accounts)
    fresh = refuse_ids(sheet._replace(table=rows_of(sheet.table, place < 0)), "subscription_id", work.mistakes)
    owner = _owners(work, fresh)
    refuse_plans(work, fresh, owner)
    _refuse_early(work, fresh, owner)
    usable = owner >= 0
    first = stored.next_key(work.connection, tables.subscriptions.c.subscription_key)
    origin = _origins(work, fresh, known, np.where(usable, first + np.cumsum(usable) - 1, 0))
    table = rows_of(fresh.table, usable)
    keys = np.arange(first, first + table.num_rows)
    columns: dict[str, Any] = {
        "subscription_key": keys,
        "subscription_id": table["subscription_id"],
        "account_key": work.accounts["account_key"].to_numpy()[owner[usable]],
        "from_date": table["from_date"],
        "to_date": table["to_date"],
        "transferred_from": pa.array(origin[usable], mask=origin[usable] == 0),
    }
    work.insert(tables.subscriptions, columns)
    work.insert(tables.plan_facts, {"subscription_key": keys, "plan": table["plan"], "from_date": table["from_date"]})
    work.changed |= set(columns["account_key"].tolist())
    added = pa.table({name: columns[name] for name in ("subscription_key", "subscription_id", "account_key", "from_date")})
    added = added.append_column("end", columns["to_date"])
    work.done("subscriptions")
    work.subscriptions = pa.concat_tables([known.select(added.column_names), added]).combine_chunks()
    return Count(fresh.table.num_rows, again.table.num_rows - ended, ended)


def _reasonable_spans(sheet: Sheet, mistakes: Mistakes) -> Sheet:
    """Without the subscriptions that end before they begin."""
    from_date, to_date = sheet.table["from_date"], sheet.table["to_date"]
    wrong = ~less(from_date, to_date) & to_date.is_valid().to_numpy()
    for row in np.flatnonzero(wrong).tolist():
        message = f"to_date {to_date[row]} is not after from_date {from_date[row]}"
        remedy = "to_date is the first day that no longer counts; empty means no end"
        mistakes.add_row(sheet, int(sheet.lines()[row]), "", message, remedy)
        mistakes.refuse(sheet.file, sheet.table["subscription_id"][row].as_py())
    return sheet._replace(table=rows_of(sheet.table, ~wrong))


def _learn_ends(work: Importer, again: Sheet, had: pa.Table) -> int:
    """Known rows: the ends that are new become facts, any other difference is a mistake. Returns the number of ends."""
    given = again.table["to_date"]
    same_end = ~differs(given, had["to_date"]) | ~differs(given, had["end"])
    same_plan = ~differs(again.table["plan"], had["plan"]) | ~differs(again.table["plan"], had["first_plan"])
    open_yet = had["end"].is_null().to_numpy() & given.is_valid().to_numpy() & ~same_end
    agreed: dict[str, Any] = {
        "account_id": had["account_id"],
        "plan": pa.array(np.where(same_plan, again.table["plan"].to_numpy(), had["first_plan"].to_numpy()), pa.string()),
        "from_date": had["from_date"],
        "to_date": pa.array(np.where(same_end | open_yet, given.to_numpy(), had["end"].to_numpy()), pa.string()),
        "transferred_from": had["transferred_from"],
    }
    good = told(again, "subscription", again.table["subscription_id"], agreed, work.mistakes)
    ends = np.flatnonzero(open_yet & good)
    columns: dict[str, Any] = {
        "subscription_key": taken(had["subscription_key"], ends),
        "kind": pa.array(["end"] * len(ends), pa.string()),
        "from_date": taken(given, ends),
        "detail": pa.array(["{}"] * len(ends), pa.string()),
        **work.told_by(len(ends)),
    }
    work.insert(tables.subscription_facts, columns)
    work.ended |= set(columns["subscription_key"].to_pylist())
    work.changed |= set(taken(had["account_key"], ends).to_pylist())
    return len(ends)


def _owners(work: Importer, sheet: Sheet) -> Ints:
    """The place of each new subscription's account among the accounts, -1 where there is none."""
    owner = places(sheet.table["account_id"], work.accounts["account_id"])
    for row in np.flatnonzero(owner < 0).tolist():
        account_id = sheet.table["account_id"][row].as_py()
        if not work.mistakes.may_hold(work.sheets["accounts"].file, account_id):
            remedy = f"add it to {work.sheets['accounts'].file}, or correct the id"
            work.mistakes.add_row(sheet, int(sheet.lines()[row]), "account_id", f"account {account_id} is unknown", remedy)
        work.mistakes.refuse(sheet.file, sheet.table["subscription_id"][row].as_py())
    return owner


def _refuse_early(work: Importer, sheet: Sheet, owner: Ints) -> None:
    """Note subscriptions that begin before their account is opened: no account would be billed for these days."""
    rows = np.flatnonzero(owner >= 0)
    opened = taken(work.accounts["opened_on"], owner[rows])
    early = less(taken(sheet.table["from_date"], rows), opened)
    for at in np.flatnonzero(early).tolist():
        row = int(rows[at])
        message = (
            f"{sheet.table['subscription_id'][row]} begins on {sheet.table['from_date'][row]}, and its account is opened on {opened[at]}"
        )
        work.mistakes.add_row(
            sheet, int(sheet.lines()[row]), "from_date", message, "earlier days would be billed to no account: correct one"
        )


def _origins(work: Importer, sheet: Sheet, known: pa.Table, fresh: Ints) -> Ints:
    """The key of the subscription that each new one was transferred from, 0 for none: one that is known, or is in the file.

    `fresh`: the keys that the rows of the sheet get.
    """
    named = sheet.table["transferred_from"]
    result = np.zeros(len(named), np.int64)
    rows = np.flatnonzero(named.is_valid().to_numpy())
    if not len(rows):
        return result
    every = pa.chunked_array([flat(known["subscription_id"]), flat(sheet.table["subscription_id"])])
    keys = np.concatenate([known["subscription_key"].to_numpy(), fresh])
    at = places(taken(named, rows), every)
    for row in rows[at < 0].tolist():
        if not work.mistakes.may_hold(sheet.file, named[row].as_py()):
            message = f"subscription {named[row]} is unknown"
            work.mistakes.add_row(sheet, int(sheet.lines()[row]), "transferred_from", message, "add it to the file, or correct the id")
    never = np.append(stored.taken_back(known), np.zeros(sheet.table.num_rows + 1, np.bool_))[at]
    for row in rows[never].tolist():
        work.mistakes.add_row(sheet, int(sheet.lines()[row]), "transferred_from", never_was(str(named[row])), NAME_ANOTHER)
    result[rows[at >= 0]] = keys[at[at >= 0]]
    return result
