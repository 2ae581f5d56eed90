"""Proposals about suspense and the decisions on them: a rule to correct records by, records to write off, a version that counts or no more.

    proposed    a person saved it, with what it is about and what that may be worth
    approved    a second person agreed; a write-off always needs one, all else of little value none (see `limits`)
    rejected    it is given up
    applied     the records came back, or are written off, or the version counts, or the choice is taken back

States are worked out from rows that are only ever added. No person approves their own proposal: a person is identified by their account
of the operating system.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import sqlalchemy as sa

from billing.catalogue import Operator
from billing.persons import same_person
from billing.store import commit_points, requests
from billing.store.tables import correction_decisions, corrections
from billing.suspense.limits import COMMIT_KIND, limit_micros
from billing.suspense.rule import Rule
from rating.errors import NotFoundError, UserError
from rating.identifiers import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from billing.store.home import Home

CORRECT: Final = "correct"
WRITE_OFF: Final = "write_off"
CHOOSE: Final = "choose"
TAKE_BACK: Final = "take_back"
_DOES: Final = {
    CORRECT: "corrects records",
    WRITE_OFF: "writes records off",
    CHOOSE: "chooses among versions",
    TAKE_BACK: "takes a choice among versions back",
}


class State(enum.StrEnum):
    """State of a proposal."""

    PROPOSED = "proposed"  # needs a second person
    READY = "ready"  # needs nobody else
    APPROVED = "approved"
    REJECTED = "rejected"
    APPLIED = "applied"


class Subject(msgspec.Struct, frozen=True, omit_defaults=True):
    """Subject of a proposal, as it is stored. `estimated`: micro-units by currency; `unknown`: records without an estimate.

    A choice is about the versions of one event (`rows` of them), and worth the greatest difference between the chosen and another one.
    Where it is taken back no version counts: it is worth the chosen one itself, if that is more.
    """

    kind: str
    rows: int
    estimated: dict[str, int]
    unknown: int
    rule: Rule | None = None
    source: str = ""
    reasons: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    bill_date: str = ""  # of the preview by which rating refused; empty: by the bill runs
    keep: str = ""  # of a choice: the content hash of its version; empty: a call is made of the segments that are there


class Proposal(NamedTuple):
    """A stored proposal. `approved_by`: the second person, None without one."""

    proposal_id: int
    subject: Subject
    reason: str
    by: Operator
    at_us: int
    commit_seq: int
    state: State
    approved_by: Operator | None


class Applied(NamedTuple):
    """The commit of a proposal that was done, and what is kept with it."""

    commit_seq: int
    detail: dict[str, Any]


def propose(home: Home, subject: Subject, by: Operator, now_us: int, *, reason: str) -> Proposal:
    """Store a proposal."""
    reason = one_line(reason, "the reason")
    if not reason:
        raise UserError("a proposal needs a reason", "say why with --note", exit_status=2)
    with home.begin() as connection:
        seq = home.next_commit_seq(connection, COMMIT_KIND, now_us)
        values = {
            "source": subject.source or (subject.rule.source if subject.rule is not None else ""),
            "document": msgspec.json.encode(subject, order="sorted"),
            "reason": reason,
            "by_name": by.name,
            "by_uid": by.uid,
            "at_us": now_us,
            "estimated_micros": max(subject.estimated.values(), default=0),
            "commit_seq": seq,
        }
        key = connection.execute(corrections.insert().values(**values)).inserted_primary_key
        assert key is not None
        made = _proposal(connection, int(key[0]))
        requests.tell(connection, made)
        commit_points.reached("suspense.before_commit")
    commit_points.reached("suspense.committed")
    return made


def proposals(home: Home) -> list[Proposal]:
    """Every proposal, oldest first."""
    with home.connect() as connection:
        ids = connection.execute(sa.select(corrections.c.correction_id).order_by(corrections.c.correction_id)).scalars().all()
        return [_proposal(connection, each) for each in ids]


def proposal_of(home: Home, proposal_id: int, as_of: int | None = None) -> Proposal:
    """One proposal, as of a commit (None: now). Raises NotFoundError where there is none of that number."""
    with home.connect() as connection:
        return _proposal(connection, proposal_id, as_of)


def saved_by(home: Home, commit_seq: int) -> Proposal | None:
    """The proposal that a commit has saved, as of then; None where it has saved none."""
    with home.connect() as connection:
        query = sa.select(corrections.c.correction_id).where(corrections.c.commit_seq == commit_seq)
        found = connection.execute(query).scalar_one_or_none()
        return None if found is None else _proposal(connection, found, commit_seq)


def applied(home: Home, proposal_id: int) -> Applied | None:
    """The commit that did what a proposal asks for, and its figures; None where none has."""
    decision = correction_decisions.c
    query = sa.select(decision.commit_seq, decision.detail).where(
        decision.correction_id == proposal_id, decision.kind == State.APPLIED.value
    )
    with home.connect() as connection:
        row = connection.execute(query.order_by(decision.decision_id)).first()
    return None if row is None else Applied(int(row.commit_seq), msgspec.json.decode(row.detail))


def decide(  # noqa: PLR0913 -- who says what of which proposal, and when
    home: Home, proposal_id: int, by: Operator, now_us: int, *, accept: bool, note: str = ""
) -> Proposal:
    """Approve or reject. Raises UserError for one's own proposal (it may be given up by its author), and for one that is decided."""
    note = one_line(note, "the note")
    with home.begin() as connection:
        found = _proposal(connection, proposal_id)
        if found.state in {State.APPLIED, State.REJECTED, State.APPROVED}:
            raise UserError(f"proposal {proposal_id} is {found.state} already", "`ratewright usage suspense proposals` lists them all")
        if accept and same_person(found.by.uid, by.uid):
            raise UserError(
                f"proposal {proposal_id} was made by {found.by.name}, who cannot approve it",
                f"let another person run `ratewright usage suspense approve {proposal_id}` under their own account of the operating system",
            )
        seq = home.next_commit_seq(connection, COMMIT_KIND, now_us)
        record(connection, proposal_id, State.APPROVED if accept else State.REJECTED, by, now_us, seq, {"note": note} if note else {})
        found = _proposal(connection, proposal_id)
        commit_points.reached("suspense.before_commit")
    commit_points.reached("suspense.committed")
    return found


def require_ready(found: Proposal, kind: str) -> None:
    """Raise UserError unless the proposal may be applied."""
    if found.subject.kind != kind:
        raise UserError(
            f"proposal {found.proposal_id} {_DOES[found.subject.kind]}",
            "`ratewright usage suspense proposals` lists them all",
            exit_status=2,
        )
    if found.state is State.PROPOSED:
        raise UserError(
            f"proposal {found.proposal_id} needs a second person",
            f"let another person run `ratewright usage suspense approve {found.proposal_id}`",
        )
    if found.state not in {State.READY, State.APPROVED}:
        raise UserError(f"proposal {found.proposal_id} is {found.state}", "save it again if it is still wanted")


def record(  # noqa: PLR0913, PLR0917 -- one column each
    connection: sa.Connection, proposal_id: int, state: State, by: Operator, at_us: int, commit_seq: int, detail: Mapping[str, Any]
) -> None:
    """Add a decision within a transaction of the caller."""
    values = {
        "correction_id": proposal_id,
        "kind": state.value,
        "by_name": by.name,
        "by_uid": by.uid,
        "at_us": at_us,
        "detail": msgspec.json.encode(dict(detail), order="sorted").decode(),
        "commit_seq": commit_seq,
    }
    connection.execute(correction_decisions.insert().values(**values))


def needs_second(connection: sa.Connection, subject: Subject, by_uid: int, as_of: int | None = None) -> bool:
    """Return whether another person has to agree: to a write-off, to a worth that may exceed the limit, to records without an estimate."""
    limit = limit_micros(connection, by_uid, as_of)
    return subject.kind == WRITE_OFF or subject.unknown > 0 or any(micros > limit for micros in subject.estimated.values())


def _proposal(connection: sa.Connection, proposal_id: int, as_of: int | None = None) -> Proposal:
    row = connection.execute(sa.select(corrections).where(corrections.c.correction_id == proposal_id)).first()
    if row is None:
        raise NotFoundError(f"there is no proposal {proposal_id}", "`ratewright usage suspense proposals` lists them all")
    subject = msgspec.json.decode(row.document, type=Subject)
    decision = correction_decisions.c
    query = sa.select(decision.kind, decision.by_name, decision.by_uid).where(decision.correction_id == proposal_id)
    if as_of is not None:
        query = query.where(decision.commit_seq <= as_of)
    said = {kind: Operator(name, uid) for kind, name, uid in connection.execute(query.order_by(decision.decision_id))}
    for state in (State.APPLIED, State.REJECTED, State.APPROVED):
        if state.value in said:
            break
    else:
        state = State.PROPOSED if needs_second(connection, subject, row.by_uid, as_of) else State.READY
    by = Operator(row.by_name, row.by_uid)
    return Proposal(proposal_id, subject, row.reason, by, row.at_us, row.commit_seq, state, said.get(State.APPROVED.value))
