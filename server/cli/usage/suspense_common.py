"""Options, the clock and the store of one call, and texts of money and records, shared by the commands of suspense."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from rating.dates import utc_time

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from billing.payments.writing import Act
    from billing.store.home import Home
    from billing.suspense.proposals import Proposal
    from billing.suspense.selection import Asking
    from mediation.sources.model import Source
    from server.cli.homes import Place

OfSource = Annotated[str, Parameter(name="--source", help="Only records of this source.")]
Reasons = Annotated[list[str], Parameter(name="--reason", negative="", help="Only records that wait for this reason; may be repeated.")]
Definitions = Annotated[
    list[Path],
    Parameter(name="--definition", negative="", help="YAML file that defines a source, or a folder of them; may be repeated."),
]
BillDate = Annotated[
    str | None,
    Parameter(name="--date", help="Take what a bill run of this date would refuse now, instead of what the runs so far refused."),
]
Note = Annotated[str, Parameter(name="--note", help="The reason; it is kept with your name.")]
SHOWN_ROWS = 50


def asking(home: Home, bill_date: dt.date | None, definitions: Sequence[Path] = ()) -> Asking:
    """As of now."""
    from server import clock
    from server.actions import suspense

    return suspense.asking(home, clock.now_us(home), bill_date, known_definitions(definitions))


def day_of(bill_date: str | None) -> dt.date | None:
    """The date of a bill run as a command has it; None where none is given."""
    from server.cli.bill import parse_date

    return parse_date(bill_date) if bill_date else None


def refuse_definitions(at: Place, definitions: Sequence[Path]) -> None:
    """Raises UserError for definitions that would have to be sent: a service reads rows again by those that it was started with."""
    from rating.errors import UserError

    if at.server is not None and definitions:
        remedy = "start the service with it (serve --source), or give the command on the machine that holds the home"
        raise UserError("--definition is not sent to a service", remedy, exit_status=2)


def act(home: Home, *, dry_run: bool = False) -> Act:
    """The person of this command, now."""
    from billing.payments.writing import Act
    from server import clock, operator

    return Act(operator.current(), clock.now_us(home), dry_run)


def known_definitions(paths: Sequence[Path]) -> dict[str, Source]:
    """Sources by name, from files and folders of definitions."""
    from mediation.definitions.file import read_source

    found = {}
    for path in paths:
        files = sorted(each for each in path.iterdir() if each.suffix in {".yaml", ".yml"}) if path.is_dir() else [path]
        for file in files:
            source = read_source(file)
            found[source.name] = source
    return found


def money(by_currency: Mapping[str, int], unknown: int = 0) -> str:
    """Such as `about 12.50 CNY, and 3 records of unknown value`."""
    from server.cli import output

    told = ", ".join(f"{output.about(micros, currency)} {currency}" for currency, micros in sorted(by_currency.items()))
    words = [f"about {told}"] if told else []
    words += [f"{unknown:,} {'record' if unknown == 1 else 'records'} of unknown value"] if unknown else []
    return ", and ".join(words) or "nothing"


def needs_second(by_currency: Mapping[str, int], unknown: int) -> str:
    """The reason for which another person has to approve, such as `its worth (about 12.50 CNY) is above your limit`."""
    if not unknown:
        return f"its worth ({money(by_currency)}) is above your limit"
    return f"its worth ({money(by_currency, unknown)}) is not known" if by_currency else "its worth is not known"


def instant(instant_us: int | None) -> str:
    """UTC, to the second; empty for none."""
    if instant_us is None:
        return ""
    return utc_time(instant_us).strftime("%Y-%m-%d %H:%M:%S")


def print_preview(rows: Sequence[Mapping[str, object]]) -> None:
    """Records before and after, and what each may be worth."""
    from server.cli import output

    table = []
    for row in rows:
        changes = row["changed"]
        assert isinstance(changes, dict)
        told = ", ".join(f"{name} {before} -> {after}" for name, (before, after) in changes.items())
        worth = f"{output.about(int(str(row['estimated_micros'])), str(row['currency']))} {row['currency']}" if row["currency"] else ""
        table.append((row["id"], row["reason"], f"stays: {row['problem']}" if row["problem"] else told or "comes back as it is", worth))
    output.print_table(("id", "reason", "what becomes of it", "worth about"), table, right=("worth about",))


def proposal_json(found: Proposal) -> dict[str, object]:
    """A proposal for programs."""
    import msgspec

    people = {"by": found.by._asdict(), "approved_by": None if found.approved_by is None else found.approved_by._asdict()}
    return {**found._asdict(), **people, "state": found.state.value, "subject": msgspec.to_builtins(found.subject)}
