"""`ratewright audit verify|show|export`."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 -- cyclopts reads the annotations when the command runs
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from server.cli.done import done_at
from server.cli.homes import DEFAULT_HOME, HERE, AsJson, HomeFolder, Place

if TYPE_CHECKING:
    from billing.store.home import Home
    from server.access.showing import Exported
    from server.access.trail import Entry


def verify(
    *,
    ends: Annotated[Path | None, Parameter(help="File that `audit export` printed: shows tails that were cut since.")] = None,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Check the chain of commits and the trail of reads and refusals. Exit status 1 names each entry that is not as it was written."""
    from server.access import showing
    from server.cli import output

    exported = showing.NONE_EXPORTED if ends is None else _ends(ends)
    _, found = done_at(at, lambda home: showing.problems(home, exported), lambda service: service.audit.problems(exported))
    if as_json:
        output.print_json({"problems": [each._asdict() for each in found]})
    else:
        output.print_lines([f"{each.place}: {each.what}" for each in found] or ["commits and audit trail are as they were written"])
    return 1 if found else 0


def show(
    *,
    operator: Annotated[str | None, Parameter(help="Only of this operator.")] = None,
    call: Annotated[str | None, Parameter(help="Only calls and commands with this text in their name.")] = None,
    day: Annotated[str | None, Parameter(help="Only of this day (UTC), such as 2026-12-01.")] = None,
    limit: Annotated[int, Parameter(help="The newest so many.")] = 100,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Show writes, reads and refusals in the order of their times, with operator, role, call, subject and outcome."""
    import itertools

    import msgspec

    from rating.dates import utc_date
    from server.access import showing
    from server.cli import output
    from server.cli.access.common import instant
    from server.cli.bill import parse_date

    only = None if day is None else parse_date(day)

    def here(home: Home) -> list[Entry]:
        is_of = showing.is_of(home, operator or "")
        found = (
            each
            for each, _ in showing.newest_first(home)
            if is_of(each) and (call is None or call in each.call) and (only is None or utc_date(each.at_us) == only)
        )
        return list(itertools.islice(found, max(limit, 0)))[::-1]

    _, found = done_at(at, here, lambda service: service.audit.entries(operator, call, only, limit))
    if as_json:
        output.print_json([msgspec.structs.asdict(each) for each in found])
        return 0
    columns = ("when", "operator", "via", "role", "call", "subject", "outcome", "count", "reason", "from")
    rows = [
        (
            instant(each.at_us),
            each.operator,
            each.via,
            each.roles,
            each.call,
            each.subject,
            each.outcome,
            each.count,
            each.reason,
            each.peer,
        )
        for each in found
    ]
    output.print_table(columns, rows, right=("count",))
    return 0


def export(*, home: HomeFolder = DEFAULT_HOME) -> int:
    """Print the signed ends of days and the head of the chain of commits, as JSON. Keep them where no account of this home can write."""
    from billing.store.home import Home
    from server.access import showing
    from server.cli import output

    with Home.open(home) as opened:
        found = showing.export(opened)
    ends = [each._asdict() for each in found.day_ends]
    output.print_json({"commit_seq": found.commit_seq, "chain": found.chain.hex(), "day_ends": ends})
    return 0


def _ends(path: Path) -> Exported:
    import msgspec

    from rating.errors import UserError
    from server.access.showing import Exported
    from server.access.trail import DayEnd

    try:
        document = msgspec.json.decode(path.read_bytes())
        ends = [DayEnd(**each) for each in document["day_ends"]]
        return Exported(int(document["commit_seq"]), bytes.fromhex(document["chain"]), ends)
    except (msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} is not what `audit export` prints", "name a file that it has printed", exit_status=2) from error
