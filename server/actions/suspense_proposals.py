"""Proposals about suspense: what they are about, in words, and a second person's word, which does at once what it can."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from billing.suspense import proposals
from billing.suspense.proposals import CHOOSE, TAKE_BACK, WRITE_OFF, State
from billing.suspense.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.catalogue import Operator
    from billing.store.home import Home
    from billing.suspense.deciding import Deciding
    from billing.suspense.proposals import Proposal
    from billing.suspense.selection import Asking
    from billing.suspense.writing_off import WrittenOff

AT_ONCE: Final = (WRITE_OFF, CHOOSE, TAKE_BACK)  # kinds that are done when they are approved
LOOKED_AT_AGAIN: Final = (CHOOSE, TAKE_BACK)  # before they are approved, and of one record each


def decide(  # noqa: PLR0913 -- who says what of which proposal
    home: Home, number: int, by: Operator, asked: Callable[[str | None], Asking], *, accept: bool, note: str = ""
) -> tuple[Proposal, WrittenOff | None]:
    """Agree to another person's proposal and do at once what it asks for, or reject it. `asked`: as of now, by a bill date.

    Returns the proposal as it is then, and what was written off by it, if anything was.
    A correction can be applied then. A proposal that was approved and not done, since its process was killed, is done now.
    """
    from billing.suspense import choosing, taking_back

    found = proposals.proposal_of(home, number)
    asking, kind = asked(found.subject.bill_date or None), found.subject.kind
    if accept and kind in LOOKED_AT_AGAIN and found.state in {State.PROPOSED, State.READY}:
        (choosing if kind == CHOOSE else taking_back).require_unchanged(home, found, asking)
    is_unfinished = kind in AT_ONCE and found.state is State.APPROVED
    if not is_unfinished or not accept:
        found = proposals.decide(home, number, by, asking.now_us, accept=accept, note=note)
    return found, _done(home, found, asking)


def records(found: Proposal) -> int:
    """The records that a proposal is about; of a choice it counts versions of one record."""
    return 1 if found.subject.kind in LOOKED_AT_AGAIN else found.subject.rows


def in_words(found: Proposal) -> str:
    """The subject of a proposal, in one line."""
    subject = found.subject
    if subject.rule is not None:
        return subject.rule.in_words()
    if subject.kind == CHOOSE:
        (record,) = subject.ids
        if not subject.keep:
            return f"record {record} is made of the segments that are there"
        return f"of the {subject.rows} versions of record {record}, {subject.keep[:8]} counts"
    if subject.kind == TAKE_BACK:
        return f"of the {subject.rows} versions of record {subject.ids[0]}, {subject.keep[:8]} counts no more"
    words = [f"source {subject.source}"] if subject.source else []
    words += [" or ".join(subject.reasons)] if subject.reasons else []
    words += [f"records {', '.join(subject.ids)}"] if subject.ids else []
    return "write off " + ("; ".join(words) or "all that waits")


def _done(home: Home, found: Proposal, asking: Asking) -> WrittenOff | None:
    """Do what an approved proposal asks for, if that is done at once."""
    from billing.suspense import choosing, taking_back, writing_off

    if found.state is not State.APPROVED:
        return None
    subject, what = found.subject, _for_author(found, asking)
    if subject.kind == CHOOSE:
        choosing.apply_choice(home, found, what, asking, asking.definitions)
    elif subject.kind == TAKE_BACK:
        taking_back.apply_take_back(home, found, what, asking)
    elif subject.kind == WRITE_OFF:
        selection = Selection(subject.source, subject.reasons, subject.ids)
        return writing_off.apply_write_off(home, found, what, selection, asking)
    return None


def _for_author(found: Proposal, asking: Asking) -> Deciding:
    """The author decides, with the approval of the second person."""
    from billing.suspense.deciding import Deciding

    return Deciding(found.by, asking.now_us, found.reason, found.approved_by, found.proposal_id)
