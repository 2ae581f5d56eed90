"""`ratewright usage suspense proposals` and `approve`: what people proposed about records in suspense, and a second person's word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from rating.counted import counted
from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place
from server.cli.usage.suspense_common import Definitions, Note  # noqa: TC001 -- cyclopts reads the annotations

if TYPE_CHECKING:
    from billing.store.home import Home
    from billing.suspense.proposals import Proposal
    from billing.suspense.selection import Asking
    from billing.suspense.writing_off import WrittenOff


def proposals(*, at: Place = HERE, as_json: AsJson = False) -> int:
    """List corrections, write-offs, choices and those to be taken back, newest first: about what, by whom and when, and their state."""
    from billing.suspense import proposals as stored
    from server.actions import suspense_proposals as words
    from server.cli import output, practice
    from server.cli.usage import suspense_common as common

    opened, found = done_at(at, lambda home: stored.proposals(home)[::-1], lambda service: service.suspense.list_proposals())
    practice.say(opened, as_json=as_json)
    if as_json:
        output.print_json(practice.marked(opened, [common.proposal_json(each) for each in found]))
        return 0
    if not found:
        print("nothing was proposed")
        return 0
    rows = [
        (
            each.proposal_id,
            each.state.value,
            words.in_words(each),
            words.records(each),
            common.money(each.subject.estimated, each.subject.unknown),
            each.by.name,
            common.instant(each.at_us),
            each.approved_by.name if each.approved_by is not None else "",
            each.reason,
        )
        for each in found
    ]
    output.print_table(
        ("number", "state", "about", "records", "worth", "by", "when (UTC)", "approved by", "reason"), rows, right=("number", "records")
    )
    return 0


def approve(
    number: Annotated[int, Parameter(name="NUMBER", help="The proposal, as `usage suspense proposals` lists it.")],
    /,
    *,
    reject: Annotated[bool, Parameter(negative="", help="Give it up. Its author may do so, too.")] = False,
    note: Note = "",
    definition: Definitions = [],  # noqa: B006 -- cyclopts reads it and nobody changes it
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Agree to another person's proposal, or reject it. Your own you cannot approve.

    A correction can be applied then (`usage suspense recycle --correction NUMBER`). All else is done at once: a write-off, a choice among
    versions, and taking one back. Who you are is the account of the operating system that runs the command.
    """
    from server import operator
    from server.actions import suspense_proposals as words
    from server.cli import output, practice
    from server.cli.usage import suspense_common as common

    def here(home: Home) -> tuple[Proposal, WrittenOff | None]:
        def asked(date: str | None) -> Asking:
            return common.asking(home, common.day_of(date), definition)

        return words.decide(home, number, operator.current(), asked, accept=not reject, note=note)

    common.refuse_definitions(at, definition)
    opened, (found, done) = done_at(at, here, lambda service: service.suspense.decide(number, note, accept=not reject))
    practice.say(opened, as_json=as_json)
    if as_json:
        output.print_json(practice.marked(opened, {**common.proposal_json(found), "written_off": done}))
        return 0
    print(f"proposal {number} is {found.state.value}: {words.in_words(found)}")
    if done is not None:
        print(f"written off: {counted(done.rows, 'record')}, worth {common.money(done.estimated, done.unknown)}")
    elif not reject:
        print(_next(found))
    return 0


def _next(found: Proposal) -> str:
    if found.subject.kind == "take_back":
        return "done: the event is in conflict again"
    if found.subject.kind == "choose":
        return "done" if found.subject.keep else "next: ratewright usage assemble"
    return f"next: ratewright usage suspense recycle --correction {found.proposal_id}"
