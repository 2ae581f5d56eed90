"""Plan changes and dated facts of an import. Facts are added first and then checked as stored, with the checks of every command."""

from __future__ import annotations

import datetime as dt
import functools
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from billing.accounts import facts as stored_facts
from billing.accounts import layouts
from billing.accounts.checking import new_troubles
from billing.accounts.details import Known
from billing.accounts.facts import DUNNING_KINDS, END_KINDS, deciding_ends, kinds_of
from billing.accounts.handovers.known import NAME_ANOTHER, never_was
from billing.accounts.importing import handed_over, stored
from billing.accounts.importing.comparing import joined, less, places, rows_of, shown, taken, told, without_repeats
from billing.accounts.importing.step import Count
from billing.accounts.kinds import EndFact
from billing.accounts.picture import load
from billing.accounts.plans import refuse_plans
from billing.dunning_policy import policies
from billing.store import tables
from rating import definition_file, field_values

if TYPE_CHECKING:
    from billing.accounts.facts import Fact
    from billing.accounts.importing.sheets import Layout, Sheet
    from billing.accounts.importing.step import Importer

FACTS_A_LOT: Final = 20_000  # accounts whose facts are checked at a time
_Identity = tuple[int, str, dt.date, str]  # subject, kind, from_date, name

# What to write where a field is no list of names: all of them, or some.
_REMEDIES: Final = {
    ("tax", "exempt"): """write `"exempt": ["*"]` for all tax classes, or name some, such as `"exempt": ["standard"]`""",
    ("tax", "classes"): """write the class and its replacement, such as `"classes": {"standard": "reduced"}`""",
}


def plan_changes(work: Importer) -> Count:
    """Add the rows of plan_changes.csv."""
    sheet, at = _of_known(work, work.sheets["plan_changes"], "subscription_id")
    begins = taken(work.subscriptions["from_date"], at)
    for row in np.flatnonzero(less(sheet.table["from_date"], begins)).tolist():
        message = f"plan change on {sheet.table['from_date'][row]} is before {sheet.table['subscription_id'][row]} begins on {begins[row]}"
        work.mistakes.add_row(sheet, int(sheet.lines()[row]), "from_date", message, "give the first plan in subscriptions.csv")
    owner = taken(work.subscriptions["account_key"], at)
    refuse_plans(work, sheet, places(owner, work.accounts["account_key"]))
    keys = work.subscriptions["subscription_key"].to_numpy()[at]
    known = stored.plan_changes(work.connection)
    place = places(joined(pa.array(keys), sheet.table["from_date"]), joined(known["subscription_key"], known["from_date"]))
    again = sheet._replace(table=rows_of(sheet.table, place >= 0))
    told(again, "plan of", again.table["subscription_id"], {"plan": rows_of(known, place[place >= 0])["plan"]}, work.mistakes)
    for row in np.flatnonzero((place < 0) & stored.taken_back(work.subscriptions)[at]).tolist():
        message = f"plan: {never_was(sheet.table['subscription_id'][row].as_py())}"
        work.mistakes.add_row(sheet, int(sheet.lines()[row]), "subscription_id", message, NAME_ANOTHER)
    fresh = rows_of(sheet.table, place < 0)
    columns = {"subscription_key": keys[place < 0], "plan": fresh["plan"], "from_date": fresh["from_date"]}
    work.insert(tables.plan_facts, columns)
    work.done("plan_changes")
    return Count(fresh.num_rows, again.table.num_rows)


def facts(work: Importer) -> dict[str, Count]:
    """Add the rows of account_facts.csv and subscription_facts.csv, and note everything that does not fit together then."""
    counts, written = {}, {}
    for layout, table in ((layouts.ACCOUNT_FACTS, tables.account_facts), (layouts.SUBSCRIPTION_FACTS, tables.subscription_facts)):
        counts[layout.name], written[layout.name] = _facts_of(work, layout, table)
        work.done(layout.name)
    work.ended |= {subject for subject, kind, _, _ in written["subscription_facts"] if kind == "end"}
    apart = handed_over.refuse(
        work, {identity[0]: line for identity, line in written["subscription_facts"].items() if identity[1] == "end"}
    )
    more = _closed(work) | _handed_over(work)
    if more or written["account_facts"] or written["subscription_facts"]:
        _check(work, written, more, apart)
    return counts


def _closed(work: Importer) -> set[int]:
    """Accounts that are closed on some day, and whose subscriptions the import changed."""
    if not work.changed:
        return set()
    fact = tables.account_facts.c
    closed = work.connection.execute(sa.select(fact.account_key).where(fact.kind == "closed").distinct()).scalars()
    return work.changed.intersection(closed)


def _handed_over(work: Importer) -> set[int]:
    """Accounts of subscriptions that have another owner, and whose end the import tells."""
    subscription, found = tables.subscriptions.c, set[int]()
    for keys in stored_facts.in_chunks(sorted(work.ended)):
        given = sa.select(subscription.transferred_from).where(subscription.transferred_from.in_(keys))
        query = sa.select(subscription.account_key).where(subscription.subscription_key.in_(given))
        found |= set(work.connection.execute(query).scalars())
    return found


def _of_known(work: Importer, sheet: Sheet, column: str) -> tuple[Sheet, np.ndarray[Any, np.dtype[np.int64]]]:
    """The rows whose account or subscription is known, each once, and its place."""
    here, file = (work.accounts, "accounts") if column == "account_id" else (work.subscriptions, "subscriptions")
    at = places(sheet.table[column], here[column])
    for row in np.flatnonzero(at < 0).tolist():
        named = sheet.table[column][row].as_py()
        if not work.mistakes.may_hold(work.sheets[file].file, named):
            message = f"{column.removesuffix('_id')} {named} is unknown"
            work.mistakes.add_row(sheet, int(sheet.lines()[row]), column, message, f"add it to {work.sheets[file].file}, or correct the id")
    sheet = sheet._replace(table=rows_of(sheet.table, at >= 0))
    if "from_date" in sheet.table.column_names and "kind" not in sheet.table.column_names:
        sheet = without_repeats(sheet, joined(sheet.table[column], sheet.table["from_date"]), "from_date", work.mistakes)
    return sheet, places(sheet.table[column], here[column])


def _facts_of(work: Importer, layout: Layout, table: sa.Table) -> tuple[Count, dict[_Identity, int]]:
    """Add the facts of one file; counts, and the line of each that is new."""
    subject = next(iter(layout.columns))
    sheet, at = _of_known(work, work.sheets[layout.name], subject)
    if not sheet.table.num_rows:
        return Count(), {}
    here = work.accounts if subject == "account_id" else work.subscriptions
    keys = here[subject.replace("_id", "_key")].to_numpy()[at]
    read = stored_facts.account_facts if subject == "account_id" else stored_facts.subscription_facts
    known = {(fact.subject, fact.kind, fact.from_date, fact.name): fact for fact in read(work.connection, keys=set(keys.tolist()))}
    written: dict[_Identity, int] = {}
    ends: dict[int, dict[str, Any]] = {}  # the last row with an end of each subscription
    rows, same, ended = [], 0, 0
    given = list(zip(keys.tolist(), sheet.table.to_pylist(), strict=True))
    undone = {(key, row["from_date"]) for key, row in given if row["kind"] == "no_end"}
    deciding = deciding_ends(known.values())
    for key, row in given:
        detail = _detail(work, sheet, table, row)
        if detail is None:
            continue
        identity = (key, row["kind"], dt.date.fromisoformat(row["from_date"]), getattr(detail, "name", ""))
        if identity in written:
            where = sheet.where(written[identity])
            message = f"{row['kind']} of {row[subject]} from {row['from_date']} is on {where} already"
            work.mistakes.add_row(sheet, row["line"], "kind", message, "remove one of them")
            continue
        if row["kind"] in END_KINDS:
            first = ends.get(key, row)
            if first is not row and not _undoes(row, first):
                _refuse_second_end(work, sheet, row, first)
                continue
            ends[key] = row
        held = known.get(identity)
        if row["kind"] in END_KINDS and _moves(row, held, deciding.get(key), undone=(key, row["from_date"]) in undone, written=written):
            held = None
        if held is not None and _same(work, sheet, row, held, detail):
            same += 1
            continue
        ended += held is not None
        written[identity] = row["line"]
        rows.append((key, row["kind"], row["from_date"], row["to_date"], stored_facts.encoded(detail)))
    names = (subject.replace("_id", "_key"), "kind", "from_date", "to_date", "detail")
    columns = dict(zip(names, zip(*rows, strict=True), strict=True)) if rows else {}
    if rows:
        work.insert(table, {**columns, **work.told_by(len(rows))})
    return Count(len(rows) - ended, same, ended), written


def _moves(row: dict[str, Any], held: Fact | None, holds: Fact | None, *, undone: bool, written: dict[_Identity, int]) -> bool:
    """Return whether a row with an end that was recorded before states it anew: another end, or the undoing of this one, holds since.

    `undone`: a row of the file undoes the end of that day; the end is among what is `written` where it is new.
    """
    if held is None:
        return False
    if row["kind"] == "end":
        return held != holds and not undone
    return held != holds or (held.subject, "end", held.from_date, "") in written


def _undoes(row: dict[str, Any], end: dict[str, Any]) -> bool:
    """Return whether a row undoes the end of the row before it. A file that is sorted has the two in this order as well."""
    return (end["kind"], row["kind"]) == ("end", "no_end") and end["from_date"] == row["from_date"]


def _refuse_second_end(work: Importer, sheet: Sheet, row: dict[str, Any], first: dict[str, Any]) -> None:
    """Note a further end of a subscription: the order of the rows would decide which one holds."""
    earlier = f"{first['kind']} from {first['from_date']} is on {sheet.where(first['line'])}"
    message = f"{row['kind']} of {row['subscription_id']} from {row['from_date']}: its {earlier}, and one end alone holds"
    work.mistakes.add_row(sheet, row["line"], "kind", message, "keep the row of the end that holds, and remove the other one")


def _detail(work: Importer, sheet: Sheet, table: sa.Table, row: dict[str, Any]) -> msgspec.Struct | None:
    """The detail of the row; None, and a mistake, where it is no detail of its kind."""
    kind, structs = row["kind"], kinds_of(table)
    if kind not in structs or kind in DUNNING_KINDS:
        message = "dunning alone bars and unbars" if kind in DUNNING_KINDS else f"{kind!r} is not a kind of fact here"
        allowed = ", ".join(name for name in structs if name not in DUNNING_KINDS)
        work.mistakes.add_row(sheet, row["line"], "kind", message, f"use one of {allowed}")
        return None
    try:
        detail: msgspec.Struct = definition_file.from_json(row["detail"], structs[kind])
    except msgspec.ValidationError:
        for each in field_values.misfits(definition_file.from_json(row["detail"]), structs[kind], "", '"{}"'):
            remedy = _REMEDIES.get((kind, each.place), each.remedy)
            work.mistakes.add_row(sheet, row["line"], "detail", f"{kind}: {each.place}: {each.message}", remedy)
        return None
    if isinstance(detail, EndFact) and detail.taken_back:
        message = f"{kind}: taken_back is not for files"
        work.mistakes.add_row(sheet, row["line"], "detail", message, "take the handover back: `ratewright accounts untransfer`")
        return None
    return detail


def _same(work: Importer, sheet: Sheet, row: dict[str, Any], held: Fact, detail: msgspec.Struct) -> bool:
    """Return whether nothing is new: it is known, or a mistake. An end that was open may be recorded."""
    to_date = held.to_date.isoformat() if held.to_date else None
    if held.detail != detail:
        for field in detail.__struct_fields__:
            old, new = getattr(held.detail, field), getattr(detail, field)
            if old != new:
                message = f"{held.kind} from {held.from_date} exists with {field} {shown(old)}, not {shown(new)}"
                remedy = f"retract fact {held.fact_id} first with `ratewright accounts retract`, or give the data that was recorded"
                work.mistakes.add_row(sheet, row["line"], "detail", message, remedy)
        return True
    if to_date is not None and to_date != row["to_date"]:
        message = f"{held.kind} from {held.from_date} exists with to_date {shown(to_date)}, not {shown(row['to_date'])}"
        remedy = f"retract fact {held.fact_id} first with `ratewright accounts retract`, or give the data that was recorded"
        work.mistakes.add_row(sheet, row["line"], "to_date", message, remedy)
        return True
    return bool(to_date == row["to_date"])


def _check(work: Importer, written: dict[str, dict[_Identity, int]], more: set[int], apart: set[int]) -> None:
    """Note faults of each new fact or of one that was there; `more`: accounts to check beside those with new facts.

    `apart`: subscriptions whose end is noted already, as it is not the first day of the next owner.
    """
    subscription_keys, owner = work.subscriptions["subscription_key"].to_numpy(), work.subscriptions["account_key"].to_numpy()
    owners = dict(zip(subscription_keys.tolist(), owner.tolist(), strict=True))
    touched = {identity[0] for identity in written["account_facts"]}
    touched |= {owners[identity[0]] for identity in written["subscription_facts"]} | more
    known = Known(policies(work.connection), work.tax_classes)
    in_order, seen = sorted(touched), set[int]()
    for start in range(0, len(in_order), FACTS_A_LOT):
        keys = [key for key in in_order[start : start + FACTS_A_LOT] if key not in seen]
        picture = load(work.connection, keys)
        seen |= picture.customers.keys()
        for trouble in new_troubles(picture, functools.partial(load, work.connection, keys, work.seq() - 1), known):
            name = "account_facts" if trouble.of_account else "subscription_facts"
            fact, sheet = trouble.fact, work.sheets[name]
            if not trouble.of_account and fact.subject in apart and trouble.is_beside_handover:
                continue
            line = written[name].get((fact.subject, fact.kind, fact.from_date, fact.name))
            if line is not None:
                work.mistakes.add_row(sheet, line, trouble.field, trouble.message, trouble.remedy)
            else:
                work.mistakes.add(sheet.file, f"fact {fact.fact_id}", trouble.message, trouble.remedy)
