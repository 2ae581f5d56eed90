"""`ratewright usage suspense proposals` and `approve`: what people proposed about records in suspense, and a second person's word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import Parameter

from rating.counted import counted
from server.cli.homes import DEFAULT_HOME, AsJson, HomeFolder
from server.cli.usage.suspense_common import Definitions, Note  # noqa: TC001 -- cyclopts reads the annotations

if TYPE_CHECKING:
    from billing.store.home import Home
    from billing.suspense.deciding import Deciding
    from billing.suspense.proposals import Proposal
    from billing.suspense.selection import Asking
    from billing.suspense.writing_off import WrittenOff

_AT_ONCE: Final = ("write_off", "choose", "take_back")  # kinds that are done when they are approved
_LOOKED_AT_AGAIN: Final = ("choose", "take_back")  # before they are approved


def proposals(*, home: HomeFolder = DEFAULT_HOME, as_json: AsJson = False) -> int:
    """List corrections, write-offs, choices and those to be taken back, newest first: about what, by whom and when, and their state."""
    from billing.store.home import Home
    from billing.suspense import proposals as stored
    from server.cli import output, practice
    from server.cli.usage import suspense_common as common

    with Home.open(home) as opened:
        found = stored.proposals(opened)[::-1]
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
            common.proposal_in_words(each),
            1 if each.subject.kind in _LOOKED_AT_AGAIN else each.subject.rows,  # that of a choice counts versions of one record
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
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """Agree to another person's proposal, or reject it. Your own you cannot approve.

    A correction can be applied then (`usage suspense recycle --correction NUMBER`). All else is done at once: a write-off, a choice among
    versions, and taking one back. Who you are is the account of the operating system that runs the command.
    """
    from billing.store.home import Home
    from billing.suspense import choosing, taking_back
    from billing.suspense import proposals as stored
    from server import operator
    from server.cli import output, practice
    from server.cli.usage import suspense_common as common

    done = None
    with Home.open(home) as opened:
        found = stored.proposal_of(opened, number)
        asked = common.asking(opened, found.subject.bill_date or None, definition)
        kind = found.subject.kind
        if not reject and kind in _LOOKED_AT_AGAIN and found.state in {stored.State.PROPOSED, stored.State.READY}:
            (choosing if kind == stored.CHOOSE else taking_back).require_unchanged(opened, found, asked)
        is_unfinished = kind in _AT_ONCE and found.state is stored.State.APPROVED
        if not is_unfinished or reject:
            found = stored.decide(opened, number, operator.current(), asked.now_us, accept=not reject, note=note)
        if kind == stored.WRITE_OFF and found.state is stored.State.APPROVED:
            done = _write_off(opened, found, asked)
        if kind == stored.CHOOSE and found.state is stored.State.APPROVED:
            choosing.apply_choice(opened, found, _for_author(found, asked), asked, asked.definitions)
        if kind == stored.TAKE_BACK and found.state is stored.State.APPROVED:
            taking_back.apply_take_back(opened, found, _for_author(found, asked), asked)
    practice.say(opened, as_json=as_json)
    if as_json:
        output.print_json(practice.marked(opened, {**common.proposal_json(found), "written_off": done}))
        return 0
    print(f"proposal {number} is {found.state.value}: {common.proposal_in_words(found)}")
    if done is not None:
        print(f"written off: {counted(done.rows, 'record')}, worth {common.money(done.estimated, done.unknown)}")
    elif not reject:
        print(_next(found))
    return 0


def _next(found: Proposal) -> str:
    if found.subject.kind == "take_back":
        return "done: the event is in conflict again"
    if found.subject.kind == _AT_ONCE[1]:
        return "done" if found.subject.keep else "next: ratewright usage assemble"
    return f"next: ratewright usage suspense recycle --correction {found.proposal_id}"


def _for_author(found: Proposal, asked: Asking) -> Deciding:
    """The author decides, with the approval of the second person."""
    from billing.suspense.deciding import Deciding

    return Deciding(found.by, asked.now_us, found.reason, found.approved_by, found.proposal_id)


def _write_off(home: Home, found: Proposal, asked: Asking) -> WrittenOff:
    from billing.suspense import writing_off
    from billing.suspense.selection import Selection

    subject = found.subject
    what = _for_author(found, asked)
    selection = Selection(subject.source, subject.reasons, subject.ids)
    return writing_off.apply_write_off(home, found, what, selection, asked)
