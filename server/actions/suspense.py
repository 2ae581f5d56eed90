"""Acts on records in suspense: corrected by a rule, brought back, given up."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

from billing.suspense import proposals, recycling, writing_off
from billing.suspense.deciding import Deciding
from billing.suspense.preview import changed_fields
from billing.suspense.proposals import Proposal
from billing.suspense.recycling import Preview
from billing.suspense.selection import Asking, Selection, identifier
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from billing.payments.writing import Act
    from billing.store.home import Home
    from billing.suspense.candidates import Candidates
    from billing.suspense.estimate import Estimates
    from billing.suspense.proposals import Subject
    from billing.suspense.recycling import Recycled
    from billing.suspense.rule import Rule
    from mediation.sources.model import Source


class Corrected(NamedTuple):
    """Result of a rule, and the proposal that was saved, if any."""

    preview: Preview
    rows: list[dict[str, object]]  # the first records, see `previewed`
    saved: Proposal | None


def asking(home: Home, now_us: int, bill_date: dt.date | None, definitions: Mapping[str, Source] | None = None) -> Asking:
    """As of now."""
    with home.connect() as connection:
        seq = home.head_seq(connection)
    return Asking(seq, now_us, definitions or {}, bill_date)


def correct(home: Home, rule: Rule, note: str, act: Act, asked: Asking, limit: int) -> Corrected:  # noqa: PLR0913, PLR0917 -- a rule, why, by whom, as of when
    """Save a rule that corrects records, with what it does; tried, it is only previewed. `limit`: records to show.

    Raises UserError for one that brings no record back.
    """
    found = tried(home, rule, asked, limit)
    return found if act.dry_run else save(home, rule, note, act, asked, found)


def tried(home: Home, rule: Rule, asked: Asking, limit: int) -> Corrected:
    """The effects that a rule would have. `limit`: records to show."""
    chosen, value = recycling.found(home, Selection(rule.source, rule.reasons), rule, asked)
    figures = recycling.preview(chosen, value)
    return Corrected(figures, previewed(chosen, value, limit), None)


def save(home: Home, rule: Rule, note: str, act: Act, asked: Asking, found: Corrected) -> Corrected:  # noqa: PLR0913, PLR0917 -- as `correct`
    """Save a rule that was tried. Raises UserError for one that brings no record back."""
    figures = found.preview
    if not figures.coming_back:
        raise UserError("the rule brings no record back", "look at the preview without --save, and correct the rule")
    date = "" if asked.bill_date is None else asked.bill_date.isoformat()
    subject = proposals.Subject(proposals.CORRECT, figures.coming_back, figures.estimated, figures.unknown, rule, bill_date=date)
    return found._replace(saved=proposals.propose(home, subject, act.by, asked.now_us, reason=note))


def previewed(chosen: Candidates, value: Estimates, limit: int) -> list[dict[str, object]]:
    """The first records of a recycling, before and after, those that come back first. `changed`: the values that differ."""
    order = sorted(range(len(chosen.problem)), key=lambda row: bool(chosen.problem[row]))[: max(limit, 0)]
    keys = chosen.after["event_key"].to_pylist()
    return [
        {
            "id": identifier(chosen.suspense_id[row], keys[row]),
            "reason": chosen.reason[row],
            "problem": chosen.problem[row],
            "changed": changed_fields(chosen, row),
            "estimated_micros": 0 if chosen.problem[row] else int(value.micros[row]),
            "currency": value.currency_of(row),
        }
        for row in order
    ]


def require_choice(selection: Selection, correction: int | None) -> None:
    """Raises UserError unless records are chosen either by themselves or by a saved correction."""
    if (correction is None) == (not any(selection)):
        what = "no records are chosen" if correction is None else "records are chosen besides a correction"
        raise UserError(what, "give ids, --source or --reason, or else --correction", exit_status=2)


def recycle(home: Home, selection: Selection, note: str, act: Act, asked: Asking) -> Recycled:
    """Bring records back as they are."""
    return recycling.recycle(home, selection, Deciding(act.by, asked.now_us, note or "tried again"), asked)


def apply_correction(home: Home, number: int, note: str, act: Act, asked: Asking) -> Recycled:
    """Bring records back as a saved correction says."""
    proposal = proposals.proposal_of(home, number)
    reason = f"{proposal.reason}; {note}" if note else proposal.reason
    what = Deciding(act.by, asked.now_us, reason, proposal.approved_by, number)
    return recycling.apply_correction(home, proposal, what, _by_its_date(proposal, asked))


def preview_recycling(home: Home, selection: Selection, number: int | None, asked: Asking) -> Preview:
    """Records that would come back, as they are or by a saved correction."""
    if number is None:
        return recycling.preview(*recycling.found(home, selection, None, asked))
    proposal = proposals.proposal_of(home, number)
    proposals.require_ready(proposal, proposals.CORRECT)
    rule, asked = proposal.subject.rule, _by_its_date(proposal, asked)
    assert rule is not None, proposal
    chosen = Selection(rule.source, rule.reasons, proposal.subject.ids)
    return recycling.preview(*recycling.found(home, chosen, rule, asked._replace(known_by_seq=proposal.commit_seq)))


def write_off(home: Home, selection: Selection, note: str, act: Act, asked: Asking) -> tuple[Subject, Proposal | None]:
    """Propose to write records off: what that is about, and the proposal; None where it is only tried."""
    if not any(selection):
        raise UserError("no records are chosen", "give ids, --source or --reason", exit_status=2)
    subject = writing_off.subject(home, selection, asked)
    return subject, None if act.dry_run else proposals.propose(home, subject, act.by, asked.now_us, reason=note)


def needs_reason(what: str, note: str) -> None:
    """Raises UserError where a decision has no reason."""
    if not note.strip():
        raise UserError(f"{what} needs a reason", "say why with --note", exit_status=2)


def ids_of(records: Sequence[int]) -> tuple[str, ...]:
    """Ids of rows of the table suspense."""
    return tuple(str(each) for each in records)


def _by_its_date(proposal: Proposal, asked: Asking) -> Asking:
    """As of the bill date by which a correction was previewed."""
    date = proposal.subject.bill_date
    return asked._replace(bill_date=dt.date.fromisoformat(date)) if date else asked
