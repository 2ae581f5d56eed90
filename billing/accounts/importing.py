"""Import of accounts with everything about them: all of it or nothing, every mistake at once.

The same rows again are recognised and change nothing; the same id with other data is an error that names the field. One thing may be
learned later: the end of a subscription, a number or a fact that had none. It is kept as a new fact, so that bills made before knew no
end. Rows are written first and facts are checked as they then stand, in one transaction: a mistake anywhere undoes all of it.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from billing import catalogue
from billing.accounts import import_facts, import_numbers, import_opening, layouts, stored
from billing.accounts.comparing import differs, flat, places, rows_of, told, without_repeats
from billing.accounts.importer import Count, Importer
from billing.accounts.sheets import Mistakes, Sheet, read_document, read_folder
from billing.catalogue import Operator
from billing.dunning_policy import POLICY_FOLDER, load_policies
from billing.store import bulk, commit_points, tables
from rating.errors import ProblemsError, UserError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from billing.store.home import Home

    Progress = Callable[[int, int], None]

IMPORTED: Operator = Operator("import", -1)  # who says what is imported, where nobody else is named


class ImportReport(NamedTuple):
    """How many rows were new, and how many were there already with the same data."""

    accounts_added: int
    accounts_known: int
    subscriptions_added: int
    subscriptions_known: int
    numbers_added: int
    numbers_known: int
    commit_seq: int | None  # None when nothing was new
    subscriptions_ended: int = 0  # known before, and their end is new
    numbers_ended: int = 0
    plan_changes: Count = Count()
    account_facts: Count = Count()
    subscription_facts: Count = Count()
    opening_items: Count = Count()
    opening_allowances: Count = Count()
    baselines: Count = Count()


def import_files(home: Home, source: Path, now_us: int, *, by: Operator = IMPORTED, progress: Progress | None = None) -> ImportReport:
    """Import the CSV files of a folder, or one JSON document. Raises ProblemsError with every mistake; then nothing is stored.

    `progress` is told how many rows of how many are dealt with.
    """
    mistakes = Mistakes()
    sheets = _read(source, mistakes)
    policies, catalogues = load_policies(), catalogue.published(home)
    with home.begin() as connection:
        work = Importer(home, connection, sheets, mistakes, now_us, by, catalogues, progress)
        accounts = _import_accounts(work, set(policies))
        subscriptions = _import_subscriptions(work)
        numbers = import_numbers.numbers(work)
        plan_changes = import_facts.plan_changes(work)
        facts = import_facts.facts(work)
        openings = import_opening.openings(work)
        if mistakes.problems:
            raise ProblemsError(mistakes.in_order())
        commit_points.reached("accounts.before_commit")
    commit_points.reached("accounts.committed")
    return ImportReport(
        accounts_added=accounts.added,
        accounts_known=accounts.known,
        subscriptions_added=subscriptions.added,
        subscriptions_known=subscriptions.known,
        numbers_added=numbers.added,
        numbers_known=numbers.known,
        commit_seq=work.commit_seq,
        subscriptions_ended=subscriptions.ended,
        numbers_ended=numbers.ended,
        plan_changes=plan_changes,
        **facts,
        **openings,
    )


def _read(source: Path, mistakes: Mistakes) -> dict[str, Sheet]:
    if source.is_dir():
        return read_folder(source, layouts.LAYOUTS, mistakes)
    if source.is_file() and source.suffix == ".json":
        return read_document(source, layouts.LAYOUTS, mistakes)
    what = "is a file, not a folder" if source.exists() else "does not exist"
    needed = " and ".join((", ".join(("accounts.csv", "subscriptions.csv")), "numbers.csv"))
    raise UserError(f"{source} {what}", f"name a folder that holds {needed}, or a .json file", exit_status=2)


def _import_accounts(work: Importer, policies: set[str]) -> Count:
    sheet = work.sheets["accounts"]
    _refuse_unknown_policies(sheet, policies, work.mistakes)
    _refuse_billed_before_opened(sheet, work.mistakes)
    sheet = without_repeats(sheet, flat(sheet.table["account_id"]), "account_id", work.mistakes)
    known = stored.accounts(work.connection)
    place = places(sheet.table["account_id"], known["account_id"])
    again = sheet._replace(table=rows_of(sheet.table, place >= 0))
    had = rows_of(known, place[place >= 0])
    told(again, "account", again.table["account_id"], {name: had[name] for name in stored.ACCOUNT_FIELDS[1:]}, work.mistakes)
    fresh = rows_of(sheet.table, place < 0)
    first = stored.next_key(work.connection, tables.accounts.c.account_key)
    keys = np.arange(first, first + fresh.num_rows)
    columns = {"account_key": keys, **{name: fresh[name] for name in stored.ACCOUNT_FIELDS}}
    work.insert(tables.accounts, columns)
    work.accounts = pa.concat_tables([known, pa.table(columns).select(known.column_names)]).combine_chunks()
    return Count(fresh.num_rows, again.table.num_rows)


def _refuse_unknown_policies(sheet: Sheet, policies: set[str], mistakes: Mistakes) -> None:
    """An account without a policy that exists would stop dunning for everyone."""
    missing = set(sheet.table["dunning_policy"].unique().to_pylist()) - policies
    if not missing:
        return
    for row, (policy, line) in enumerate(zip(sheet.table["dunning_policy"].to_pylist(), sheet.lines().tolist(), strict=True)):
        if policy in missing:
            remedy = f"known policies: {', '.join(sorted(policies))}; or add {policy}.yaml to {POLICY_FOLDER}"
            mistakes.add_row(sheet, line, "dunning_policy", f"there is no dunning policy {policy}", remedy)


def _refuse_billed_before_opened(sheet: Sheet, mistakes: Mistakes) -> None:
    opened, billed = sheet.table["opened_on"], sheet.table["billed_through"]
    early = np.flatnonzero(_less(billed, opened))
    for row in early.tolist():
        message = f"billed_through {billed[row]} is before opened_on {opened[row]}"
        mistakes.add_row(sheet, int(sheet.lines()[row]), "", message, "leave billed_through empty for an account never billed")


def _import_subscriptions(work: Importer) -> Count:
    sheet = _reasonable_spans(work.sheets["subscriptions"], work.mistakes)
    sheet = without_repeats(sheet, flat(sheet.table["subscription_id"]), "subscription_id", work.mistakes)
    known = stored.subscriptions(work.connection, work.accounts)
    place = places(sheet.table["subscription_id"], known["subscription_id"])
    again = sheet._replace(table=rows_of(sheet.table, place >= 0))
    ended = _learn_ends(work, again, rows_of(known, place[place >= 0]))
    fresh = sheet._replace(table=rows_of(sheet.table, place < 0))
    owner = _owners(work, fresh)
    _refuse_plans(work, fresh, owner)
    origin = _origins(work, fresh, known)
    usable = owner >= 0
    first = stored.next_key(work.connection, tables.subscriptions.c.subscription_key)
    table = rows_of(fresh.table, usable)
    keys = np.arange(first, first + table.num_rows)
    columns = {
        "subscription_key": keys,
        "subscription_id": table["subscription_id"],
        "account_key": work.accounts["account_key"].to_numpy()[owner[usable]],
        "from_date": table["from_date"],
        "to_date": table["to_date"],
        "transferred_from": pa.array(origin[usable], mask=origin[usable] == 0),
    }
    work.insert(tables.subscriptions, columns)
    work.insert(tables.plan_facts, {"subscription_key": keys, "plan": table["plan"], "from_date": table["from_date"]})
    added = pa.table({name: columns[name] for name in ("subscription_key", "subscription_id", "account_key", "from_date")})
    work.subscriptions = pa.concat_tables([known.select(added.column_names), added]).combine_chunks()
    return Count(fresh.table.num_rows, again.table.num_rows - ended, ended)


def _reasonable_spans(sheet: Sheet, mistakes: Mistakes) -> Sheet:
    """Without the subscriptions that end before they begin."""
    from_date, to_date = sheet.table["from_date"], sheet.table["to_date"]
    wrong = ~_less(from_date, to_date) & to_date.is_valid().to_numpy()
    for row in np.flatnonzero(wrong).tolist():
        message = f"to_date {to_date[row]} is not after from_date {from_date[row]}"
        remedy = "to_date is the first day that no longer counts; empty means no end"
        mistakes.add_row(sheet, int(sheet.lines()[row]), "", message, remedy)
        mistakes.refuse(sheet.file, sheet.table["subscription_id"][row].as_py())
    return sheet._replace(table=rows_of(sheet.table, ~wrong))


def _learn_ends(work: Importer, again: Sheet, had: pa.Table) -> int:
    """Known rows: the ends that are new become facts, any other difference is a mistake. How many ends."""
    given = again.table["to_date"]
    same_end = ~differs(given, had["to_date"]) | ~differs(given, had["end"])
    same_plan = ~differs(again.table["plan"], had["plan"]) | ~differs(again.table["plan"], had["first_plan"])
    open_yet = had["end"].is_null().to_numpy() & given.is_valid().to_numpy() & ~same_end
    agreed = {
        "account_id": had["account_id"],
        "plan": pa.array(np.where(same_plan, again.table["plan"].to_numpy(), had["first_plan"].to_numpy()), pa.string()),
        "from_date": had["from_date"],
        "to_date": pa.array(np.where(same_end | open_yet, given.to_numpy(), had["end"].to_numpy()), pa.string()),
        "transferred_from": had["transferred_from"],
    }
    good = told(again, "subscription", again.table["subscription_id"], agreed, work.mistakes)
    ends = np.flatnonzero(open_yet & good)
    columns = {
        "subscription_key": had["subscription_key"].take(pa.array(ends)),
        "kind": pa.array(["end"] * len(ends), pa.string()),
        "from_date": given.take(pa.array(ends)),
        "detail": pa.array(["{}"] * len(ends), pa.string()),
        **work.told_by(len(ends)),
    }
    work.insert(tables.subscription_facts, columns)
    return len(ends)


def _owners(work: Importer, sheet: Sheet) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The place of each new subscription's account among the accounts, -1 where there is none."""
    owner = places(sheet.table["account_id"], work.accounts["account_id"])
    for row in np.flatnonzero(owner < 0).tolist():
        account_id = sheet.table["account_id"][row].as_py()
        if not work.mistakes.may_hold(work.sheets["accounts"].file, account_id, ):
            remedy = f"add it to {work.sheets['accounts'].file}, or mend the id"
            work.mistakes.add_row(sheet, int(sheet.lines()[row]), "account_id", f"account {account_id} is unknown", remedy)
        work.mistakes.refuse(sheet.file, sheet.table["subscription_id"][row].as_py())
    return owner


def _refuse_plans(work: Importer, sheet: Sheet, owner: np.ndarray[tuple[int], np.dtype[np.int64]]) -> None:
    """Plans that nobody published, and plans in another currency than their account's."""
    currencies = work.accounts["currency"].take(pa.array(np.maximum(owner, 0))) if work.accounts.num_rows else pa.nulls(len(owner), pa.string())
    plans = flat(sheet.table["plan"]).dictionary_encode()
    codes, account_currency = plans.indices.to_numpy(), flat(currencies).dictionary_encode()
    currency_codes = account_currency.indices.fill_null(-1).to_numpy()
    for code, plan in enumerate(plans.dictionary.to_pylist()):
        currency = work.currency_of_plan.get(plan)
        if currency is None:
            wrong = codes == code
        else:
            agreed = [at for at, name in enumerate(account_currency.dictionary.to_pylist()) if name == currency]
            wrong = (codes == code) & (owner >= 0) & ~np.isin(currency_codes, agreed)
        for row in np.flatnonzero(wrong).tolist():
            work.mistakes.add_row(sheet, int(sheet.lines()[row]), "plan", *_plan_mistake(work, sheet, row, plan, currencies[row].as_py()))


def _plan_mistake(work: Importer, sheet: Sheet, row: int, plan: str, currency: str | None) -> tuple[str, str]:
    plan_currency = work.currency_of_plan.get(plan)
    if plan_currency is None:
        return unknown_plan(plan, work.currency_of_plan)
    message = f"plan {plan} is in {plan_currency}, account {sheet.table['account_id'][row]} in {currency}"
    return message, "choose a plan in the account's currency"


def unknown_plan(plan: str, known: dict[str, str]) -> tuple[str, str]:
    """What is said of a plan that no published catalogue has, and the remedy."""
    close = difflib.get_close_matches(plan, known, n=1)
    remedy = f"did you mean {close[0]}?" if close else "publish its catalogue first with `ratewright tariffs publish`"
    return f"plan {plan} is in no published catalogue", remedy


def _origins(work: Importer, sheet: Sheet, known: pa.Table) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The key of the subscription that each new one was transferred from, 0 for none: one that is known, or stands in the file."""
    named = sheet.table["transferred_from"]
    result = np.zeros(len(named), np.int64)
    rows = np.flatnonzero(named.is_valid().to_numpy())
    if not len(rows):
        return result
    first = stored.next_key(work.connection, tables.subscriptions.c.subscription_key)
    every = pa.chunked_array([flat(known["subscription_id"]), flat(sheet.table["subscription_id"])])
    keys = np.concatenate([known["subscription_key"].to_numpy(), first + np.arange(sheet.table.num_rows)])
    at = places(named.take(pa.array(rows)), every)
    for row in rows[at < 0].tolist():
        if not work.mistakes.may_hold(sheet.file, named[row].as_py()):
            message = f"subscription {named[row]} is unknown"
            work.mistakes.add_row(sheet, int(sheet.lines()[row]), "transferred_from", message, "add it to the file, or mend the id")
    result[rows[at >= 0]] = keys[at[at >= 0]]
    return result


def _less(one: pa.ChunkedArray, two: pa.ChunkedArray) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Whether each date is before the other; an empty one is before nothing and after nothing."""
    import pyarrow.compute as pc

    return flat(pc.fill_null(pc.less(one, two), value=False)).to_numpy(zero_copy_only=False)
