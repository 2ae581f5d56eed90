"""`ratewright usage suspense resolve` and `take-back`: one of several versions of an event counts, or none any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from server.cli import by_service
from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place
from server.cli.payment.common import DryRun  # noqa: TC001 -- cyclopts reads the annotations
from server.cli.usage.suspense_common import Definitions, Note  # noqa: TC001 -- cyclopts reads the annotations

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from billing.enquiries.version_bills import OnBill
    from billing.store.home import Home
    from billing.suspense.taking_back import Choice
    from server.actions.suspense_choice import Shown


def resolve(
    record: Annotated[str, Parameter(name="ID", help="Any of the records in conflict, as the list calls it.")],
    /,
    *,
    keep: Annotated[str, Parameter(help="The version that counts from now on, as shown without this option.")] = "",
    incomplete: Annotated[bool, Parameter(negative="", help="Bill a call or session of the segments that are there.")] = False,
    note: Note = "",
    dry_run: DryRun = False,
    definition: Definitions = [],  # noqa: B006 -- cyclopts reads it and nobody changes it
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Show the versions of an event that conflict side by side; with --keep, let one of them count and drop the others.

    With --incomplete, a call or session that lacks a segment is made of those that are there. A choice worth more than the limit is
    saved as a proposal, which a second person approves. `take-back` undoes a choice among versions.
    """
    from server import operator
    from server.actions import suspense
    from server.actions import suspense_choice as choices
    from server.cli import output, practice
    from server.cli.usage import suspense_choice as choice
    from server.cli.usage import suspense_common as common

    identifier, by = choices.number_of(record), operator.current()
    if (keep or incomplete) and not dry_run:
        suspense.needs_reason("a choice", note)
    common.refuse_definitions(at, definition)

    def here(home: Home) -> Shown:
        asked = common.asking(home, None, definition)
        shown = choices.incomplete(home, identifier, asked, by) if incomplete else choices.versions(home, identifier, asked, keep, by)
        return shown if shown.subject is None or dry_run else choices.decide(home, shown, asked, note, by)

    opened, shown = done_at(
        at,
        here,
        lambda service: service.suspense_choices.resolve(identifier, keep, note, incomplete=incomplete, dry_run=dry_run),
    )
    practice.say(opened, as_json=as_json)
    if as_json:
        output.print_json(practice.marked(opened, choice.as_json(shown, dry_run=dry_run)))
    else:
        choice.print_shown(shown, definition, at, dry_run=dry_run)
    return 0


def take_back(
    record: Annotated[str, Parameter(name="ID", help="Any of the records on which the choice decided.")],
    /,
    *,
    note: Note = "",
    dry_run: DryRun = False,
    definition: Definitions = [],  # noqa: B006 -- cyclopts reads it and nobody changes it
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Take back a choice among versions: the event is in conflict again, and no version counts until one is chosen again.

    A bill of an open period that has the version is corrected by the next run. On the bill of a closed period the choice stays. Where the
    version, or its difference from another one, is worth more than the limit, a second person approves.
    """
    from billing.enquiries.version_bills import on_bill
    from billing.suspense import taking_back
    from billing.suspense.deciding import Deciding
    from server import operator
    from server.actions import suspense
    from server.actions import suspense_choice as choices
    from server.cli import output, practice
    from server.cli.usage import suspense_choice as choice
    from server.cli.usage import suspense_common as common

    identifier = choices.number_of(record)
    suspense.needs_reason("taking a choice back", note)
    common.refuse_definitions(at, definition)

    def here(home: Home) -> tuple[Choice, OnBill | None]:
        asked = common.asking(home, None, definition)
        what = Deciding(operator.current(), asked.now_us, note)
        done, found = taking_back.take_back(home, identifier, what, asked, dry_run=dry_run)
        return done, on_bill(home, found)

    opened, (done, bill) = done_at(at, here, lambda service: service.suspense_choices.take_back(identifier, note, dry_run=dry_run))
    practice.say(opened, as_json=as_json)
    if as_json:
        output.print_json(practice.marked(opened, {"choice": done, "on_bill": bill, "dry_run": dry_run}))
        return 0
    approved = f", approved by {done.approved_by}" if done.approved_by else ""
    print(f"version {done.version} was chosen by {done.by_name} on {common.instant(done.at_us)} UTC{approved}: {done.reason}")
    would = dry_run or done.needs_second
    waits = "the event would be in conflict again" if would else f"the event is in conflict again, as record {done.waits_as}"
    print(f"{'dry run: ' if dry_run else ''}{waits}; no version counts until one is chosen")
    if bill is not None:
        print(f"{choice.has_version(bill)}: the next run takes it off")
    if done.needs_second:
        print(_second(done, definition, at, dry_run=dry_run))
    return 0


def _second(done: Choice, definitions: Sequence[Path], at: Place, *, dry_run: bool) -> str:
    """The sentence about the second person who has to agree."""
    from server.cli.usage import suspense_common as common

    given = "".join(f" --definition {path}" for path in definitions)
    approve = by_service.for_another(f"ratewright usage suspense approve {done.proposal}{given}", at)
    worth = common.needs_second(done.decides, done.unknown)
    if dry_run:
        waits = f"; proposal {done.proposal} asks for it already: `{approve}`" if done.proposal else ""
        return f"{worth}: another person would have to approve it{waits}"
    return f"{worth}: saved as proposal {done.proposal}; next: another person runs `{approve}`"
