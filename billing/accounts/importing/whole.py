"""Import of accounts with everything about them: all of it or nothing, every mistake at once.

The same rows again are recognised and change nothing; the same id with other data is an error that names the field. One thing may be
learned later: the end of a subscription, a number or a fact that had none. It is kept as a new fact, so that bills made before knew no end.
Where a fact moves the end of a subscription, its numbers follow, as they do by command.
Rows are written first and facts are checked as then stored, in one transaction: a mistake anywhere undoes all of it. Files with very many
mistakes of their own are refused before it begins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from billing import catalogue
from billing.accounts import entities, layouts
from billing.accounts.importing import facts as import_facts
from billing.accounts.importing import moved_ends, opening, parties, stored
from billing.accounts.importing import numbers as import_numbers
from billing.accounts.importing import subscriptions as import_subscriptions
from billing.accounts.importing.comparing import flat, less, places, rows_of, told, without_repeats
from billing.accounts.importing.fresh_ids import refuse_ids
from billing.accounts.importing.sheet_files import read_document, read_folder
from billing.accounts.importing.sheets import Mistakes, Sheet
from billing.accounts.importing.step import Count, Importer
from billing.catalogue import Operator
from billing.dunning_policy import policies
from billing.store import commit_points, requests, tables
from rating.errors import ProblemsError, UserError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from billing.store.home import Home

    Progress = Callable[[int, int], None]

IMPORTED: Operator = Operator("import", -1)  # the person behind an import, where no other is named


class ImportReport(NamedTuple):
    """The number of rows that were new, and of those that were there already with the same data."""

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
    party_facts: Count = Count()
    issuer_facts: Count = Count()
    moved_ends: tuple[str, ...] = ()  # ends that are on another day now, and what becomes of their numbers


def import_files(  # noqa: PLR0913 -- what, when, by whom, and how
    home: Home, source: Path, now_us: int, *, by: Operator = IMPORTED, dry_run: bool = False, progress: Progress | None = None
) -> ImportReport:
    """Import the CSV files of a folder, or one JSON document. Raises ProblemsError with every mistake; then nothing is stored.

    Of very many mistakes (`MISTAKES_MAX`) it has the first ones, and the number of the others.

    `dry_run`: do and check everything, and store nothing. `progress` gets the number of rows that are dealt with, and of all rows.
    """
    mistakes = Mistakes()
    sheets = parties.checked(_read(source, mistakes, progress), mistakes)
    if mistakes.is_full:
        raise ProblemsError(mistakes.in_order())
    catalogues = catalogue.published(home)
    with home.begin(dry_run=dry_run) as connection:
        work = Importer(home, connection, sheets, mistakes, now_us, by, catalogues, progress)
        accounts = import_accounts(work, set(policies(connection)))
        subscriptions = import_subscriptions.subscriptions(work)
        numbers = import_numbers.numbers(work)
        plan_changes = import_facts.plan_changes(work)
        facts = import_facts.facts(work)
        moved = moved_ends.follow(work)
        freed = import_numbers.free(work)
        openings = opening.openings(work)
        of_parties = parties.facts(work)
        if mistakes.problems:
            raise ProblemsError(mistakes.in_order())
        report = ImportReport(
            accounts_added=accounts.added,
            accounts_known=accounts.known,
            subscriptions_added=subscriptions.added,
            subscriptions_known=subscriptions.known,
            numbers_added=numbers.added,
            numbers_known=numbers.known,
            commit_seq=None if dry_run else work.commit_seq,
            subscriptions_ended=subscriptions.ended,
            numbers_ended=numbers.ended + freed,
            plan_changes=plan_changes,
            **facts,
            **openings,
            **of_parties,
            moved_ends=tuple(moved),
        )
        if not dry_run:
            requests.tell(connection, report)
            commit_points.reached("accounts.before_commit")
    if not dry_run:
        commit_points.reached("accounts.committed")
    return report


def files_of(source: Path) -> list[Path]:
    """The files that an import reads: those of a folder, where some may be missing, or one document.

    Raises UserError for another path.
    """
    if source.is_dir():
        return [source / layout.file for layout in layouts.LAYOUTS]
    if source.is_file() and source.suffix == ".json":
        return [source]
    what = "is a file, not a folder" if source.exists() else "does not exist"
    needed = "accounts.csv, subscriptions.csv and numbers.csv"
    raise UserError(f"{source} {what}", f"name a folder that holds {needed}, or a .json file", exit_status=2)


def _read(source: Path, mistakes: Mistakes, progress: Progress | None) -> dict[str, Sheet]:
    files_of(source)  # there is something to read
    if source.is_dir():
        read = 0

        def rows_read(rows: int) -> None:
            nonlocal read
            read += rows
            if progress is not None:
                progress(read, 0)

        return read_folder(source, layouts.LAYOUTS, mistakes, rows_read)
    return read_document(source, layouts.LAYOUTS, mistakes)


def import_accounts(work: Importer, known_policies: set[str]) -> Count:
    """The sheet of accounts: its errors go to the mistakes of `work`, new rows to the table."""
    sheet = work.sheets["accounts"]
    _refuse_unknown_policies(sheet, known_policies, work.mistakes)
    _refuse_unknown_entities(sheet, entities.names(work.connection), work.mistakes)
    _refuse_billed_before_opened(sheet, work.mistakes)
    sheet = without_repeats(sheet, flat(sheet.table["account_id"]), "account_id", work.mistakes)
    known = stored.accounts(work.connection)
    place = places(sheet.table["account_id"], known["account_id"])
    again = sheet._replace(table=rows_of(sheet.table, place >= 0))
    had = rows_of(known, place[place >= 0])
    told(again, "account", again.table["account_id"], {name: had[name] for name in stored.ACCOUNT_FIELDS[1:]}, work.mistakes)
    fresh = refuse_ids(sheet._replace(table=rows_of(sheet.table, place < 0)), "account_id", work.mistakes).table
    first = stored.next_key(work.connection, tables.accounts.c.account_key)
    keys = np.arange(first, first + fresh.num_rows)
    columns = {"account_key": keys, **{name: fresh[name] for name in stored.ACCOUNT_FIELDS}}
    work.insert(tables.accounts, columns)
    work.done("accounts")
    work.accounts = pa.concat_tables([known, pa.table(columns).select(known.column_names)]).combine_chunks()
    return Count(fresh.num_rows, again.table.num_rows)


def _refuse_unknown_policies(sheet: Sheet, known: set[str], mistakes: Mistakes) -> None:
    """An account without a policy that exists would stop dunning for all accounts."""
    missing = set(sheet.table["dunning_policy"].unique().to_pylist()) - known
    if not missing:
        return
    for policy, line in zip(sheet.table["dunning_policy"].to_pylist(), sheet.lines().tolist(), strict=True):
        if policy in missing:
            remedy = f"known policies: {', '.join(sorted(known))}; `ratewright dunning policy add FILE` adds another"
            mistakes.add_row(sheet, line, "dunning_policy", f"there is no dunning policy {policy}", remedy)


def _refuse_unknown_entities(sheet: Sheet, known: set[str], mistakes: Mistakes) -> None:
    """Without its entity an account's documents have no numbers."""
    missing = set(sheet.table["legal_entity"].unique().drop_null().to_pylist()) - known
    if not missing:
        return
    for entity, line in zip(sheet.table["legal_entity"].to_pylist(), sheet.lines().tolist(), strict=True):
        if entity in missing:
            mistakes.add_row(sheet, line, "legal_entity", *entities.unknown(str(entity)))


def _refuse_billed_before_opened(sheet: Sheet, mistakes: Mistakes) -> None:
    opened, billed = sheet.table["opened_on"], sheet.table["billed_through"]
    early = np.flatnonzero(less(billed, opened))
    for row in early.tolist():
        message = f"billed_through {billed[row]} is before opened_on {opened[row]}"
        mistakes.add_row(sheet, int(sheet.lines()[row]), "", message, "leave billed_through empty for an account never billed")
