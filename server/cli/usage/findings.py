"""`ratewright usage findings`: what is missing or wrong among collected files, and accepting it by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import cyclopts
from cyclopts import Parameter

from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place

if TYPE_CHECKING:
    from billing.collection.findings import Finding
    from billing.store.home import Home

app = cyclopts.App(name="findings", help="Findings about usage files: list missing and rejected files, and waive a finding.")


@app.default
def findings(
    *,
    every: Annotated[bool, Parameter(name="--all", negative="", help="Waived ones as well.")] = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Show what is open: no bill run begins until it is closed. A finding goes away by itself when its file is taken."""
    from billing.collection.findings import by_name
    from billing.collection.findings import findings as all_findings
    from server.cli import output

    def here(home: Home) -> list[Finding]:
        with home.connect() as connection:
            return [each for each in all_findings(connection) if every or each.is_open]

    _, listed = done_at(at, here, lambda service: service.usage_files.findings(every=every))
    found = sorted(listed, key=by_name)
    if as_json:
        output.print_json({"findings": found})
        return 0
    if not found:
        print("no usage file is known to be missing or rejected")
        return 0
    rows = [(each.name, each.text, each.remedy if each.is_open else f"waived by {each.waived_by}: {each.waived_because}") for each in found]
    output.print_table(("finding", "what", "remedy"), rows)
    return 0


@app.command
def waive(
    name: Annotated[str, Parameter(name="FINDING", help="Its name, such as missing:sw1:17.")],
    /,
    *,
    reason: Annotated[str, Parameter(help="The reason why it may stay so; it is kept with your name.")],
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Accept a finding, so that bill runs go on without what is missing. Should the file come after all, it is taken and billed late."""
    from billing.collection.findings import waive as accept
    from server import clock, operator
    from server.cli import output

    _, waived = done_at(
        at,
        lambda home: accept(home, name, reason, operator.current(), clock.now_us(home)),
        lambda service: service.usage_files.waive(name, reason),
    )
    if as_json:
        output.print_json(waived)
    else:
        print(f"{waived.name} is waived by {waived.waived_by}: {waived.waived_because}")
    return 0
