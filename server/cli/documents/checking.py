"""`ratewright documents check`: data of issuers and customers that is missing for documents, all at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import Parameter

from server.cli.homes import DEFAULT_HOME, AsJson, HomeFolder

if TYPE_CHECKING:
    from billing.documents.semantic.checking import Checked

SHOWN_EACH: Final = 20  # places of one kind of finding


def check(
    *,
    entity: Annotated[
        str | None,
        Parameter(name="--entity", allow_leading_hyphen=True, help="One legal entity and its accounts; - is the one without a name."),
    ] = None,
    account: Annotated[str | None, Parameter(name="--account", help="One account and its issuer.")] = None,
    date: Annotated[str | None, Parameter(name="--date", help="The day of the check; left out: today.")] = None,
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """List all data that documents need and that is missing, each with the command that records it.

    Issuers that have accounts are asked, and accounts that get bills. The exit status is 1 where something is missing.
    """
    from billing.documents.semantic import checking
    from billing.store.home import Home
    from rating.dates import local_date
    from server import clock
    from server.cli import output
    from server.cli.accounts.common import date_or_none
    from server.cli.parties.of_issuers import entity_named

    day = date_or_none(date, "--date")
    named = None if entity is None else entity_named(entity)
    with Home.open(home) as opened:
        today = day or local_date(clock.now_us(opened), "UTC")
        found = checking.check(opened, today, entity=named, account_id=account)
    if as_json:
        output.print_json(found)
    else:
        _print(found)
    return 1 if found.findings else 0


def _print(found: Checked) -> None:
    """A table of findings, of each kind the first; then how many there are of each kind."""
    from rating.counted import counted
    from server.cli import output

    looked_at = f"{counted(found.issuers, 'issuer')}, {counted(found.accounts, 'account')} on {found.as_of}"
    if not found.findings:
        print(f"nothing is missing: {looked_at}")
        return
    counts: dict[str, int] = {}
    rows = []
    for each in found.findings:
        counts[each.code] = counts.get(each.code, 0) + 1
        if counts[each.code] <= SHOWN_EACH:
            rows.append((each.place, each.message, each.remedy))
    output.print_table(("place", "what is missing", "command"), rows)
    for code, count in counts.items():
        if count > SHOWN_EACH:
            print(f"{code}: {count - SHOWN_EACH:,} more; --json has all")
    print(f"{counted(len(found.findings), 'finding')}: {looked_at}")
