"""`ratewright usage findings`: what is missing or wrong among collected files, and accepting it by name."""

from __future__ import annotations

from typing import Annotated

import cyclopts
from cyclopts import Parameter

from server.cli.homes import DEFAULT_HOME, AsJson, HomeFolder

app = cyclopts.App(name="findings", help="Findings about usage files: list missing and rejected files, and waive a finding.")


@app.default
def findings(
    *,
    every: Annotated[bool, Parameter(name="--all", negative="", help="Waived ones as well.")] = False,
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """Show what is open: no bill run begins until it is closed. A finding goes away by itself when its file is taken."""
    from billing.collection.findings import findings as all_findings
    from billing.store.home import Home
    from server.cli import output

    with Home.open(home) as opened, opened.connect() as connection:
        found = [each for each in all_findings(connection) if every or each.is_open]
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
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """Accept a finding, so that bill runs go on without what is missing. Should the file come after all, it is taken and billed late."""
    from billing.collection.findings import waive as accept
    from billing.store.home import Home
    from server import clock, operator
    from server.cli import output

    with Home.open(home) as opened:
        waived = accept(opened, name, reason, operator.current(), clock.now_us(opened))
    if as_json:
        output.print_json(waived)
    else:
        print(f"{waived.name} is waived by {waived.waived_by}: {waived.waived_because}")
    return 0
