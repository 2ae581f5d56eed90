"""`ratewright usage suspense correct`: a rule that corrects records, previewed row by row with the money it is about."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 -- cyclopts reads the annotations
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from rating.counted import counted
from server.cli import by_service
from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place
from server.cli.usage.suspense_common import SHOWN_ROWS, BillDate, Definitions, Note, Reasons

if TYPE_CHECKING:
    from billing.suspense.rule import Rule


def correct(
    rule: Annotated[Path | None, Parameter(name="RULE", help="YAML or JSON file with the rule, instead of the options below.")] = None,
    /,
    *,
    source: Annotated[str, Parameter(help="The source whose records are corrected.")] = "",
    reason: Reasons = [],  # noqa: B006 -- cyclopts reads it and nobody changes it
    from_: Annotated[str, Parameter(name="--from", help="Only records that start on or after this date or time.")] = "",
    before: Annotated[str, Parameter(help="Only records that start before this date or time.")] = "",
    date_timezone: Annotated[str, Parameter(help="Time zone of these dates, such as Asia/Shanghai; else UTC.")] = "",
    field: Annotated[
        Literal["served", "other"], Parameter(help="The number to which --begins, --digits, --strip, --add and --set apply.")
    ] = "served",
    begins: Annotated[str, Parameter(help="Only numbers that begin so.")] = "",
    digits: Annotated[int, Parameter(help="Only numbers of so many digits.")] = 0,
    strip: Annotated[str, Parameter(help="Take this off the beginning of the number.")] = "",
    add: Annotated[str, Parameter(help="Put this before the number.")] = "",
    set_: Annotated[str, Parameter(name="--set", help="The number is this.")] = "",
    timezone: Annotated[str, Parameter(help="Read the local time in this time zone.")] = "",
    offset: Annotated[str, Parameter(help="Read the local time at this offset, such as +08:00.")] = "",
    shift: Annotated[str, Parameter(help="Move the time, such as -1h.", allow_leading_hyphen=True)] = "",
    doubtful: Annotated[
        Literal["", "earlier", "later"], Parameter(help="The instant meant by a local time that the clock change makes double or skips.")
    ] = "",
    service: Annotated[str, Parameter(help="The service is voice, sms, mms, data or content.")] = "",
    save: Annotated[bool, Parameter(negative="", help="Store the rule, so that it can be approved and applied.")] = False,
    note: Note = "",
    definition: Definitions = [],  # noqa: B006 -- as above
    date: BillDate = None,
    limit: Annotated[int, Parameter(help="Records to show.")] = SHOWN_ROWS,
    zone: Annotated[str, Parameter(name=["--zone", "--date-zone"], show=False)] = "",
    time_zone: Annotated[str, Parameter(name="--time-zone", show=False)] = "",
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Preview a rule that corrects records in suspense, such as `source X before a date: add prefix 86`; with --save, store it.

    Nothing is corrected yet: `usage suspense recycle --correction N` brings the records back. If they may be worth more than the limit
    (`usage suspense limit`), a second person has to approve first. A saved rule is about the records that wait when it is saved.
    """
    from server.actions import suspense
    from server.cli import output, practice
    from server.cli.former_options import either
    from server.cli.usage import suspense_common as common

    numbers = {"begins": begins, "digits": digits, "strip": strip, "add": add, "set": set_}
    date_timezone = either(("--date-timezone", date_timezone), ("--zone", zone))
    times = {"zone": either(("--timezone", timezone), ("--time-zone", time_zone)), "offset": offset, "shift": shift, "doubtful": doubtful}
    given = {"source": source, "reasons": reason, "from": from_, "before": before, "zone": date_timezone, "service": service}
    found = _rule(rule, {**given, field: _filled(numbers), "time": _filled(times)})
    common.refuse_definitions(at, definition)
    day = common.day_of(date)
    opened, (figures, rows, saved) = done_at(
        at,
        lambda home: suspense.correct(home, found, note, common.act(home, dry_run=not save), common.asking(home, day, definition), limit),
        lambda service: service.suspense.correct(found, note, limit, day, dry_run=not save),
    )
    practice.say(opened, as_json=as_json)
    if as_json:
        output.print_json(
            practice.marked(opened, {"preview": figures, "rows": rows, "proposal": None if saved is None else common.proposal_json(saved)})
        )
        return 0
    if rows:
        common.print_preview(rows)
    come = "comes" if figures.coming_back == 1 else "come"
    worth = common.money(figures.estimated, figures.unknown)
    print(f"{figures.coming_back:,} of {counted(figures.rows, 'record')} {come} back, worth {worth}")
    if saved is not None:
        print(f"saved as correction {saved.proposal_id}; next: {_next(saved, at)}")
    return 0


def _rule(path: Path | None, document: dict[str, Any]) -> Rule:
    from billing.suspense.rule import read_rule, rule_of
    from rating.errors import UserError

    given = _filled(document)
    if path is None:
        return rule_of(given, "options")
    if given:
        raise UserError("a rule is given as a file and by options", "give either the file or the options", exit_status=2)
    return read_rule(path)


def _filled(values: dict[str, Any]) -> dict[str, Any]:
    """Without what was not given."""
    return {name: value for name, value in values.items() if value}


def _next(saved: Any, at: Place) -> str:  # noqa: ANN401 -- a proposal
    from billing.suspense.proposals import State

    if saved.state is State.PROPOSED:
        return f"another person runs `{by_service.for_another(f'ratewright usage suspense approve {saved.proposal_id}', at)}`"
    return f"ratewright usage suspense recycle --correction {saved.proposal_id}"
