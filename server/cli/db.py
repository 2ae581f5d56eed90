"""`ratewright db`: where a home's database is, bring it to another schema, check it, copy it to or from PostgreSQL."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 -- cyclopts reads annotations when a command is called
from typing import Annotated

import cyclopts
from cyclopts import Parameter

from rating.counted import counted
from server.cli.homes import DEFAULT_HOME, AsJson, HomeFolder

_NOT_MONEY_ALONE = ("run_terms",)  # among its amounts are digests

app = cyclopts.App(name="db", help="The home's database: show where it is, upgrade, check and copy it.")


@app.command
def where(*, home: HomeFolder = DEFAULT_HOME, as_json: AsJson = False) -> int:
    """Say where the home's database is, and at which schema.

    Parameters
    ----------
    home
        Home folder.
    as_json
        Print JSON.

    """
    from billing.store import location, upgrading
    from billing.store.schema import SCHEMA_VERSIONS
    from server.cli import output

    found = upgrading.upgrade(home, dry_run=True).found
    place = location.of_home(home)
    told = {
        "home": str(home.resolve()),
        "database": place.url if place else str(home.resolve() / location.DATABASE_NAME),
        "schema_name": place.schema if place else None,
        "schema": found,
        "newest_schema": SCHEMA_VERSIONS[-1],
    }
    if as_json:
        output.print_json(told)
    else:
        output.print_table(("", ""), [(name.replace("_", " "), value) for name, value in told.items() if value is not None])
    return 0


@app.command
def upgrade(
    *,
    to: Annotated[str | None, Parameter(name="--to", help="Schema to go to, such as 0003; the newest one if not given.")] = None,
    dry_run: Annotated[bool, Parameter(name="--dry-run", negative="", help="Say what would be done, and change nothing.")] = False,
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """Bring the database to the newest schema, or to another one, up or down, in one transaction.

    Every command does so upwards when it opens a home, unless that takes long: the lines of a large home are filled in by this command
    alone, in parts. Stopped, it goes on when it is given again. Make a backup first: going down is refused when something is stored that
    the older schema has no place for.

    Parameters
    ----------
    to
        Schema to go to.
    dry_run
        Say what would be done, and change nothing.
    home
        Home folder.
    as_json
        Print JSON.

    """
    from billing.store import upgrading
    from billing.store.schema import SCHEMA_VERSIONS
    from server.cli import output, progress

    with progress.show("upgrade", "accounts") as report:
        done = upgrading.upgrade(home, to or SCHEMA_VERSIONS[-1], dry_run=dry_run, progress=report)
    if as_json:
        output.print_json({**done._asdict(), "dry_run": dry_run})
        return 0
    if not done.revisions and not done.left:
        print(f"the database has schema {done.found}: nothing to do")
    if done.revisions:
        way = "run" if done.to > done.found else "undo"
        print(f"{'would ' if dry_run else ''}{way} {', '.join(done.revisions)}: schema {done.found} -> {done.to}")
    if done.left:
        print(f"{'would fill' if dry_run else 'filled'} in the lines of {counted(done.left, 'account')}")
    for note in done.notes:
        print(output.printable(f"note: {note}"))
    return 0


@app.command
def check(*, home: HomeFolder = DEFAULT_HOME, as_json: AsJson = False) -> int:
    """Check the schema, every constraint and foreign key, and the hash of every file that the database names. Exit status 1 on a finding.

    Times of commits, bytes of rows that could not be read and first days of subscriptions are compared with their other sources.

    Dunning runs and bill runs of a date that had not begun when they were committed are noted, and ids that would be refused today; nothing
    of them is damaged.

    Parameters
    ----------
    home
        Home folder.
    as_json
        Print JSON.

    """
    from billing.controls import traces
    from billing.store.checks import checking
    from billing.store.home import Home
    from server.cli import output

    with Home.open(home) as opened:
        checked = checking.check(opened)
        checked = checked._replace(findings=[*checked.findings, *traces.findings(opened)])
    if as_json:
        output.print_json({"tables": checked.tables, "files": checked.files, "findings": checked.findings, "notes": checked.notes})
        return 1 if checked.findings else 0
    rows = [
        (each.table, each.rows, name, total)
        for each in checked.tables
        if each.rows
        for name, total in (each.sums_micros.items() if each.table not in _NOT_MONEY_ALONE else ()) or [("", "")]
    ]
    output.print_table(("table", "rows", "money column", "sum in micros"), rows, right=("rows", "sum in micros"))
    for finding in checked.findings:
        print(output.printable(f"{finding.place}: {finding.what}"))
    for note in checked.notes:
        print(output.printable(f"note: {note.place}: {note.what}"))
    where = f"{counted(len(checked.tables), 'table')} and {counted(checked.files, 'file')}"
    print(f"{counted(len(checked.findings), 'finding')} in {where}")
    return 1 if checked.findings else 0


@app.command
def copy(
    *,
    to: Annotated[Path, Parameter(name="--to", help="New or empty folder that becomes the copy's home.")],
    database: Annotated[
        str | None,
        Parameter(name="--database", help="postgresql://user@host:port/database for the copy; SQLite in the folder if not given."),
    ] = None,
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """Copy the home with everything in its database to another folder, from SQLite to PostgreSQL, back, or between two of a kind.

    No other process can write to the home meanwhile. The copy is compared value by value before it counts; broken off, it is nothing.

    Parameters
    ----------
    to
        New or empty folder that becomes the copy's home.
    database
        Database of the copy.
    home
        Home folder.
    as_json
        Print JSON.

    """
    from billing.store import copying
    from billing.store.home import Home
    from server.cli import output, progress

    with Home.open(home) as opened, progress.show("copy", "rows") as report:
        done = copying.copy(opened, to, database, progress=report)
    if as_json:
        output.print_json({"tables": done.tables, "files": done.files})
        return 0
    rows = [(each.table, each.rows, len(each.sums)) for each in done.tables if each.rows]
    output.print_table(("table", "rows", "sums compared"), rows, right=("rows", "sums compared"))
    what = f"{counted(sum(each.rows for each in done.tables), 'row')} and {counted(done.files, 'file')}"
    print(f"copied {what} to {to}; both sides are the same")
    return 0
