"""`ratewright accounts import|export`: everything about accounts, as files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from server.cli.accounts.common import DryRun  # noqa: TC001 -- cyclopts reads annotations
from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place

Source = Annotated[
    Path, Parameter(name="SOURCE", help="A folder with accounts.csv, subscriptions.csv, numbers.csv and more, or a .json file.")
]
Target = Annotated[Path, Parameter(name="FOLDER", help="A folder that is new or empty.")]


def import_(source: Source, /, *, at: Place = HERE, as_json: AsJson = False, dry_run: DryRun = False) -> int:
    """Import accounts with everything about them, all or nothing. Rows that were imported before change nothing.

    A later import may give an end that was left empty.
    The catalogues of the plans must be published first.
    """
    from billing import accounts
    from server import clock, operator
    from server.cli import output, progress

    with progress.show("import", "rows") as report:
        _, done = done_at(
            at,
            lambda home: accounts.import_files(home, source, clock.now_us(home), by=operator.current(), dry_run=dry_run, progress=report),
            lambda service: service.account_imports.run(source, dry_run=dry_run),
        )
    if as_json:
        output.print_json({name: value._asdict() if hasattr(value, "_asdict") else value for name, value in done._asdict().items()})
        return 0
    rows = [
        ("accounts", done.accounts_added, 0, done.accounts_known),
        ("subscriptions", done.subscriptions_added, done.subscriptions_ended, done.subscriptions_known),
        ("numbers", done.numbers_added, done.numbers_ended, done.numbers_known),
    ]
    more = (
        "plan_changes",
        "account_facts",
        "subscription_facts",
        "opening_items",
        "opening_allowances",
        "baselines",
        "party_facts",
        "issuer_facts",
    )
    counts = [(name.replace("_", " "), getattr(done, name)) for name in more]
    rows += [(name, count.added, count.ended, count.known) for name, count in counts if any(count)]
    if dry_run:
        print("nothing is stored; this would happen:")
    output.print_table(("what", "added", "ended", "known before"), rows, right=("added", "ended", "known before"))
    for text in done.moved_ends:
        print(text)
    return 0


def export(
    folder: Target,
    /,
    *,
    form: Annotated[Literal["csv", "json"], Parameter(name="--format", help="CSV files, or one accounts.json.")] = "csv",
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Write everything about accounts as files that import takes. Bars are dunning's and left out; so is what no longer holds."""
    from billing.accounts import exporting
    from server.cli import output

    _, (done, billed) = done_at(
        at,
        lambda home: exporting.export_files(home, folder, form),
        lambda service: service.account_exports.run(folder, form),
    )
    if as_json:
        output.print_json(done)
        return 0
    output.print_table(("file", "rows"), list(done.items()), right=("rows",))
    if billed is not None:
        print(f"bills up to {billed} stay here: a home that imports this bills from each account's billed_through on, or from its opening")
    return 0
