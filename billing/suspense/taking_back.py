"""Taking back a choice among versions: the event is in conflict again, as if another version had come, and none of them counts.

The row of the kept version is hidden by a mark, and waits anew. A bill of an open period that has it is corrected by the next run. Where
something final hangs on the choice it stays: the bill of a closed period, or a decision on late usage. Above the limit of all decisions
about suspense it is a proposal, as the choice was (`choosing`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from billing import late_decisions
from billing.intake import marks
from billing.store.tables import suspense
from billing.suspense import choosing, deciding, proposals
from billing.suspense.deciding import Verdict
from billing.suspense.final_version import final_version
from billing.suspense.proposals import State
from billing.suspense.resolving import versions_of
from billing.suspense.waiting import GROUP_REASONS, waiting
from mediation.sources.model import BUILT_IN
from rating.errors import NotFoundError, UserError
from rating.on_use import ModuleOnUse
from rating.schema import USAGE_V1, UsageFlag

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from billing.intake import taking
    from billing.store.home import Home
    from billing.suspense.deciding import Deciding, Decision
    from billing.suspense.proposals import Proposal, Subject
    from billing.suspense.selection import Asking
    from billing.suspense.versions import Versions
else:
    taking = ModuleOnUse("billing.intake.taking")

_CHOICE: Final = (Verdict.KEPT, Verdict.DROPPED)
_ADJUST: Final = "bill or give back a difference with `ratewright adjustment add`"


class Choice(msgspec.Struct, frozen=True):
    """A choice that is taken back, or would be: its version, and who made it, when and why. `suspense_ids`: the records it decided on.

    `decides`: its worth in micro-units by currency, `unknown` 1 where that is not known. `needs_second`: another person has to agree, to
    `proposal` where one is stored.
    """

    version: str
    suspense_ids: tuple[int, ...]
    by_name: str
    approved_by: str  # empty where nobody had to
    at_us: int
    reason: str
    waits_as: int = 0  # the record that waits now; 0 for a dry run, and for a proposal
    decides: dict[str, int] = {}
    unknown: int = 0
    needs_second: bool = False
    proposal: int = 0


def take_back(home: Home, suspense_id: int, what: Deciding, asking: Asking, *, dry_run: bool = False) -> tuple[Choice, Versions]:
    """Take back the choice that decided on a record. Raises UserError where there is none, or something final hangs on it.

    Above the limit of the person it is stored as a proposal, unless another one has approved it.
    """
    choice, found, wanted = _looked_at(home, suspense_id, asking)
    seq, key, ids = asking.seq, found.event_key, choice.suspense_ids
    if what.approved_by is None and choosing.needs_second(home, wanted, what.by.uid):
        about = choosing.waiting_proposals(home, ids, proposals.TAKE_BACK)
        number = about[0].proposal_id if about else 0
        if not dry_run:
            number = choosing.propose(home, wanted, what.by, what.at_us, reason=what.reason, about=ids).proposal_id
        return msgspec.structs.replace(choice, needs_second=True, proposal=number), found
    if dry_run:
        return choice, found
    waits: list[int] = []

    def also(connection: sa.Connection, commit_seq: int, _outcome: Sequence[str], mark_ids: Mapping[bytes, int]) -> None:
        _require_still(connection, key, seq, commit_seq)
        if key not in mark_ids:
            raise UserError("the event changed meanwhile", "nothing was stored; look again")
        waits.append(mark_ids[key])
        deciding.record(connection, [(each, Verdict.TAKEN_BACK, "") for each in ids], what, commit_seq)
        if what.proposal_id is not None:
            proposals.record(connection, what.proposal_id, State.APPLIED, what.by, what.at_us, commit_seq, {"rows": len(ids)})

    mark = taking.Mark(key, marks.CONFLICTING)
    taking.Intake(home).take_recycled(USAGE_V1.empty_table(), [mark], what.at_us, sources={**BUILT_IN, **asking.definitions}, also=also)
    return msgspec.structs.replace(choice, waits_as=waits[0]), found


def require_unchanged(home: Home, proposal: Proposal, asking: Asking) -> None:
    """Raise UserError where a stored proposal is about another choice by now, or one that cannot be taken back or is worth more."""
    (text,) = proposal.subject.ids
    _, _, now = _looked_at(home, int(text), asking)
    why = "" if now.keep == proposal.subject.keep else "another version counts since it was proposed"
    why = why or ("it decides more than when it was proposed" if choosing.has_grown(home, proposal, now) else "")
    if why:
        number = proposal.proposal_id
        raise UserError(
            f"proposal {number} cannot be approved: {why}",
            f"reject it (ratewright usage suspense approve {number} --reject), and take back what counts: "
            f"ratewright usage suspense take-back {text}",
        )


def apply_take_back(home: Home, proposal: Proposal, what: Deciding, asking: Asking) -> Choice:
    """Do what an approved proposal asks for. Raises UserError as `require_unchanged` does."""
    proposals.require_ready(proposal, proposals.TAKE_BACK)
    require_unchanged(home, proposal, asking)
    (text,) = proposal.subject.ids
    return take_back(home, int(text), what, asking)[0]


def _looked_at(home: Home, suspense_id: int, asking: Asking) -> tuple[Choice, Versions, Subject]:
    """The choice that decided on a record, its versions, and what taking it back is about. Raises UserError as `take_back` does."""
    key, decided = _choice(home, asking.seq, suspense_id)
    found = versions_of(home, asking.seq, key, {})
    kept = _kept(home, found, decided[0].commit_seq, suspense_id)
    _require_not_final(home, found, kept, suspense_id)
    first = decided[0]
    approved = "" if first.approved_by is None else first.approved_by.name
    ids = tuple(each.suspense_id for each in decided)
    wanted, _ = choosing.subject(home, found, kept, suspense_id, kind=proposals.TAKE_BACK)
    made = (found.names[kept], ids, first.by.name, approved, first.at_us, first.reason)
    return Choice(*made, decides=wanted.estimated, unknown=wanted.unknown), found, wanted


def _choice(home: Home, seq: int, suspense_id: int) -> tuple[bytes, list[Decision]]:
    """The key of the event of a record, and the decisions of the choice among its versions."""
    with home.connect() as connection:
        row = connection.execute(sa.select(suspense.c.event_key, suspense.c.reason).where(suspense.c.suspense_id == suspense_id)).first()
        key = None if row is None else row.event_key
        every = [] if key is None else [each for each in deciding.of_event(connection, key) if each.commit_seq <= seq]
    mine = [each for each in every if each.suspense_id == suspense_id]
    commit = mine[-1].commit_seq if mine else 0
    decided = [each for each in every if each.commit_seq == commit]
    if key is not None and mine and mine[-1].verdict == Verdict.TAKEN_BACK:
        raise UserError(f"the choice on record {suspense_id} is taken back already", "`ratewright usage suspense decisions` shows by whom")
    if row is not None and row.reason in GROUP_REASONS and mine:
        raise UserError(
            f"record {suspense_id} is a call or session, and that it is made of the segments that are there is not taken back",
            f"it is made afresh if the missing segment comes; else {_ADJUST}",
        )
    if key is None or not decided or any(each.verdict not in _CHOICE for each in decided):
        raise NotFoundError(
            f"no choice among versions decided on record {suspense_id}", "`ratewright usage suspense decisions` lists all decisions"
        )
    return key, decided


def _kept(home: Home, found: Versions, commit_seq: int, suspense_id: int) -> int:
    """The place of the version that a choice kept. Raises UserError where that does not count any more."""
    with home.connect() as connection:
        hidden = marks.hidden(connection, found.seq)
        disputed: Any = waiting(connection, found.seq, reason=marks.CONFLICTING)["event_key"]
    through: Any = pc.index_in(pa.array([found.event_key], hidden.keys.type), value_set=hidden.keys)
    at = through[0].as_py()
    last = 0 if at is None else int(hidden.through_seq[at])
    place = next((each for each, stored in enumerate(found.stored) if commit_seq in stored), None)
    if found.event_key in set(disputed.to_pylist()):
        raise UserError(f"the event of record {suspense_id} is in conflict again", "`usage suspense --reason conflicting` shows it")
    if place is None or last >= commit_seq:
        raise UserError(
            f"the version that the choice on record {suspense_id} kept counts no more: it was corrected or given up since",
            "`ratewright usage suspense decisions` shows by whom",
        )
    return place


def _require_not_final(home: Home, found: Versions, kept: int, suspense_id: int) -> None:
    message = f"the choice on record {suspense_id} cannot be taken back"
    if int(found.rows["flags"][kept].as_py()) & UsageFlag.PARTIAL:
        raise UserError(f"{message}: it is about a segment, and a bill has the call or session that was made of it", _ADJUST)
    billed = final_version(home, found)
    if billed is not None:
        period = f"the period of {billed.account_id} from {billed.period_from}"
        raise UserError(f"{message}: version {billed.name} is on the bill of {period}, and that period is closed", _ADJUST)
    with home.connect() as connection:
        decided = late_decisions.decided(connection, found.seq)
    at: Any = pc.index_in(pa.array([found.event_key], decided.keys.type), value_set=decided.keys) if len(decided.keys) else None
    if at is not None and at[0].is_valid:
        number = int(np.asarray(decided.decision_id)[at[0].as_py()])
        raise UserError(
            f"{message}: decision {number} on late usage is about the version that it kept",
            f"take that one back first: ratewright usage too-late take-back {number} --reason ...",
        )


def _require_still(connection: sa.Connection, key: bytes, seq: int, commit_seq: int) -> None:
    """Raise UserError where a person decided about the event, or another version of it came, after `seq` and before this commit."""
    row = suspense.c
    newer = sa.select(row.suspense_id).where(row.event_key == key, row.commit_seq > seq, row.commit_seq < commit_seq).limit(1)
    decided = any(each.commit_seq > seq for each in deciding.of_event(connection, key))
    if decided or connection.execute(newer).first() is not None:
        raise UserError("the event changed meanwhile: another version of it came, or a person decided", "nothing was stored; look again")
