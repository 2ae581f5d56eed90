"""Bringing records back: appended in one commit with the marks and decisions that belong to them, so that none counts without its decision.

Many records come back in several commits; a correction that was interrupted goes on where it ended.

A record that comes back bills as if it had come in time. Open periods are priced afresh in every run. Periods that an invoice has billed
already are corrected by a line that names the period. Recycled twice, a record counts once: the second time it no longer waits, and a
copy of it is a duplicate.
"""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from billing.intake import marks
from billing.suspense import candidates, deciding, proposals
from billing.suspense.candidates import DECODED, Candidates
from billing.suspense.deciding import Deciding, Verdict
from billing.suspense.estimate import Estimates, Estimator
from billing.suspense.proposals import State
from billing.suspense.selection import Asking, Selection, refuse_unknown
from billing.suspense.waiting import by_id
from mediation.sources.model import BUILT_IN
from rating.errors import UserError
from rating.on_use import ModuleOnUse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import sqlalchemy as sa

    from billing.intake import taking
    from billing.store.home import Home
    from billing.suspense.proposals import Proposal
    from billing.suspense.rule import Rule
else:
    taking = ModuleOnUse("billing.intake.taking")


COMMIT_ROWS_MAX: Final = 50_000  # the store takes no other writes meanwhile


class Preview(msgspec.Struct, frozen=True):
    """Forecast of a recycling: its result row by row, and what the records that come back may be worth."""

    rows: int
    coming_back: int
    estimated: dict[str, int]
    unknown: int
    left: dict[str, int]  # records that stay, by reason


class Recycled(msgspec.Struct, frozen=True):
    """Result of a recycling. `outcomes`: the outcome of each record that came back, `duplicate` for those that were known already."""

    commit_seq: int
    rows: int
    outcomes: dict[str, int]
    left: dict[str, int]


def found(home: Home, selection: Selection, rule: Rule | None, asking: Asking) -> tuple[Candidates, Estimates]:
    """The records that a recycling is about, and what each may be worth when it has come back."""
    chosen = candidates.candidates(home, selection, rule, asking)
    estimator = Estimator(home, asking.seq)
    return chosen, estimator.estimates(chosen.after.select(list(dict.fromkeys((*estimator.columns, "event_key")))))


def preview(chosen: Candidates, value: Estimates) -> Preview:
    """The figures of what was found."""
    good = chosen.good
    left = collections.Counter(text for text in chosen.problem if text)
    return Preview(len(chosen.problem), int(good.sum()), value.sums(good), value.unknown(good), by_count(left))


def by_count(counts: Mapping[str, int]) -> dict[str, int]:
    """Counts from the largest on, equal ones by name."""
    return dict(sorted(counts.items(), key=lambda each: (-each[1], each[0])))


def recycle(home: Home, selection: Selection, what: Deciding, asking: Asking) -> Recycled:
    """Try the selected records again as they are. Those that still cannot be read stay where they are.

    Raises UserError for an id that names nothing that waits, or something that comes back in another way.
    """
    chosen = candidates.candidates(home, selection, None, asking)
    _refuse_others(home, selection, {str(each) for each in chosen.suspense_id}, asking)
    return _bring_back(home, chosen, what, asking)


def apply_correction(home: Home, proposal: Proposal, what: Deciding, asking: Asking) -> Recycled:
    """Bring back the records that a stored correction is about, corrected: of those that were there when it was saved, which still wait.

    Raises UserError where it needs a second person, or would now be about more than what was approved.
    """
    proposals.require_ready(proposal, proposals.CORRECT)
    subject = proposal.subject
    selection = Selection(subject.rule.source if subject.rule else "", subject.rule.reasons if subject.rule else (), subject.ids)
    chosen, value = found(home, selection, subject.rule, asking._replace(known_by_seq=proposal.commit_seq))
    seen = preview(chosen, value)
    grown = [each for each, micros in seen.estimated.items() if micros > subject.estimated.get(each, 0)]
    if seen.coming_back > subject.rows or (grown and _is_over_limit(home, proposal, seen)):
        raise UserError(
            f"correction {proposal.proposal_id} is about {seen.coming_back:,} records now, and worth more than when it was saved",
            "look at them and save it again: ratewright usage suspense correct",
        )
    return _bring_back(home, chosen, what, asking)


def _refuse_others(home: Home, selection: Selection, chosen: set[str], asking: Asking) -> None:
    """Raise for ids that were given and not found."""
    others = [each for each in selection.ids if each not in chosen]
    refused = next((each for each in others if each.startswith("e-")), None)
    if refused is not None:
        raise UserError(
            f"{refused} waits for a number or a price, not for recycling",
            "once it is there, the next bill run prices the event; to change the event, use `ratewright usage suspense correct`",
        )
    if others:
        with home.connect() as connection:
            rows = by_id(connection, asking.seq, [int(each) for each in others])
        refuse_unknown(others, [(each, None) for each in rows["suspense_id"].to_pylist()])
        reason = rows["reason"][0].as_py()
        raise UserError(
            f"record {others[0]} is {reason} and cannot be recycled", f"`ratewright usage suspense show {others[0]}` says what to do"
        )


def _is_over_limit(home: Home, proposal: Proposal, seen: Preview) -> bool:
    with home.connect() as connection:
        subject = msgspec.structs.replace(proposal.subject, estimated=seen.estimated, unknown=seen.unknown)
        return proposals.needs_second(connection, subject, proposal.by.uid)


def _bring_back(home: Home, chosen: Candidates, what: Deciding, asking: Asking) -> Recycled:
    left = by_count(collections.Counter(text for text in chosen.problem if text))
    coming = chosen.chosen(chosen.good)
    if not coming.after.num_rows:
        return Recycled(0, 0, {}, left)
    size, outcomes, commit_seq = coming.after.num_rows, collections.Counter[str](), 0
    for begin in range(0, size, COMMIT_ROWS_MAX):
        part = coming.chosen((np.arange(size) >= begin) & (np.arange(size) < begin + COMMIT_ROWS_MAX))
        is_last = begin + COMMIT_ROWS_MAX >= size
        commit_seq, counted = _commit(home, part, what, asking, closes=size if is_last else None)
        outcomes += counted
    return Recycled(commit_seq, size, by_count(outcomes), left)


def _commit(home: Home, coming: Candidates, what: Deciding, asking: Asking, *, closes: int | None) -> tuple[int, collections.Counter[str]]:
    """One commit of records that come back. `closes`: how many there were altogether, in the last commit of a proposal."""
    outcomes = collections.Counter[str]()

    def also(connection: sa.Connection, commit_seq: int, outcome: Sequence[str], mark_ids: Mapping[bytes, int]) -> None:
        outcomes.update(outcome)
        deciding.record(connection, _decisions(coming, outcome, mark_ids), what, commit_seq)
        if what.proposal_id is not None and closes is not None:
            proposals.record(connection, what.proposal_id, State.APPLIED, what.by, what.at_us, commit_seq, {"rows": closes})

    sources = {**BUILT_IN, **asking.definitions}
    return taking.Intake(home).take_recycled(coming.after, _marks(coming), what.at_us, sources=sources, also=also), outcomes


def _marks(coming: Candidates) -> list[taking.Mark]:
    """Stored versions that the ones that come back take the place of."""
    keys: list[Any] = coming.after["event_key"].to_pylist()
    return [taking.Mark(key, marks.CORRECTED) for key, way in zip(keys, coming.way, strict=True) if way != DECODED]


def _decisions(coming: Candidates, outcome: Sequence[str], mark_ids: Mapping[bytes, int]) -> list[tuple[int, Verdict, str]]:
    keys: list[Any] = coming.after["event_key"].to_pylist()
    made = []
    for key, suspense_id, result in zip(keys, coming.suspense_id, outcome, strict=True):
        is_known = result == "duplicate"
        verdict = Verdict.DROPPED if is_known else Verdict.RECYCLED
        decided = mark_ids.get(key) if suspense_id is None else suspense_id
        if decided is None:
            raise UserError("an event to be corrected changed meanwhile: another version of it came", "nothing was stored; look again")
        made.append((decided, verdict, "the event is known already" if is_known else ""))
    return made
