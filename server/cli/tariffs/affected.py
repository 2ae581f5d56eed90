"""`ratewright tariffs affected`: the subscriptions that a version touches."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 -- cyclopts reads the annotations when the command runs
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from rating.counted import counted
from server.cli.homes import DEFAULT_HOME, AsJson, HomeFolder, Overwrite

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.affected import Touched

SHOWN = 20


def affected(
    name: Annotated[str, Parameter(name="IDENTITY@VERSION|PATH")],
    /,
    *,
    csv: Annotated[Path | None, Parameter(name="--csv")] = None,
    overwrite: Overwrite = False,
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """List the subscriptions that have, while a version is in force, a plan that it changes.

    A version is compared with the one it takes over from.

    Parameters
    ----------
    name
        A draft or published version such as mobile@2, or a file or folder.
    csv
        Write all of them to this file too: subscription_id,account_id,plan,from_date,to_date.
    overwrite
        Replace the file if it exists.
    home
        Home folder.
    as_json
        Print JSON.

    """
    from billing import affected as whom
    from billing.store import output_files
    from billing.store.home import Home
    from server.cli import output
    from server.cli.catalogue_names import find

    if csv is not None:
        output_files.require_free(csv, overwrite=overwrite)
    catalogue = find(name, home)
    with Home.open(home) as opened:
        found = whom.affected(opened, catalogue)
    if csv is not None:
        output_files.write(csv, _as_csv(found.subscriptions), overwrite=overwrite)
    if as_json:
        output.print_json(
            {**found._asdict(), "by_plan": found.by_plan(), "subscriptions": [each._asdict() for each in found.subscriptions]}
        )
        return 0
    label = f"{catalogue.identity}@{catalogue.version}"
    if found.compared_with is None:
        print(f"{label} is the first version: every subscription on its plans is touched")
    else:
        print(f"{label} against {catalogue.identity}@{found.compared_with}: {counted(found.changes, 'change')}")
    print(f"{counted(found.number, 'subscription')} {'is' if found.number == 1 else 'are'} touched")
    for plan, count in found.by_plan().items():
        print(f"  {count:,} on {plan}")
    if found.subscriptions:
        rows = [(*each[:-1], output.last_day(each.to_date)) for each in found.subscriptions[:SHOWN]]
        output.print_table(("subscription", "account", "plan", "from", "to"), rows)
    if len(found.subscriptions) > SHOWN:
        print(f"and {len(found.subscriptions) - SHOWN:,} more; --csv FILE and --json have them all")
    return 0


def _as_csv(rows: Sequence[Touched]) -> bytes:
    import csv
    import io

    from billing.affected import Touched
    from rating import spreadsheet_cells

    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(Touched._fields)
    writer.writerows(map(spreadsheet_cells.row, rows))
    return text.getvalue().encode()
