"""`ratewright ledger export`."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 -- cyclopts reads the annotations when the command runs
from typing import Annotated

from cyclopts import Parameter

from rating.counted import counted
from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Overwrite, Place
from server.cli.ledger.common import Entity, MonthText  # noqa: TC001 -- cyclopts reads the annotations when the command runs


def export(
    *,
    month: MonthText,
    mapping: Annotated[Path, Parameter(help="YAML file that says which of finance's accounts each of ours is.")],
    out: Annotated[Path, Parameter(help="CSV file to write.")],
    overwrite: Overwrite = False,
    entity: Entity = "",
    detail: Annotated[bool, Parameter(negative="", help="One row a posting and side instead of sums by date.")] = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Write a month of the ledger as CSV for finance. Debits equal credits; an account that the mapping lacks is an error.

    It says whether the month has new postings since its last export.
    """
    from billing.accounting import gl_export
    from server.actions import ledger
    from server.cli import output, practice
    from server.cli.payment.common import act

    chart = gl_export.read_mapping(mapping)
    opened, done = done_at(
        at,
        lambda home: ledger.export_to(home, chart, month, entity, out, act(home, dry_run=False), detail=detail, overwrite=overwrite),
        lambda service: service.ledger.export(mapping.read_text("utf-8"), month, entity, out, detail=detail, overwrite=overwrite),
    )
    practice.say(opened, as_json=as_json)
    if as_json:
        output.print_json(practice.marked(opened, done))
        return 0
    sums = ", ".join(f"{output.amount(micros, currency)} {currency}" for currency, micros in sorted(done.debit_micros.items())) or "0"
    print(f"{counted(done.rows, 'row')}, debits and credits {sums} each, to {done.file}")
    print(f"SHA-256 {done.sha256}" + (": as the export before" if done.same_as_before else ""))
    if done.new_postings:
        new = ", ".join(f"{output.amount(micros, currency)} {currency}" for currency, micros in sorted(done.new_micros.items()))
        what = counted(done.new_postings, "new posting")
        print(f"changed since the export before: {what} of {new}; the file holds the whole month again")
    elif done.exported_before and not done.same_as_before:
        print("the same postings as in the export before, by another mapping or in other detail")
    return 0
