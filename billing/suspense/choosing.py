"""Choice among versions that conflict, or of a call that lacks a segment: its worth, and whether another person has to agree.

A choice is worth the greatest difference between the version that is to count and another one. Both are estimates, by the plan of the
owner. What a plan does not price is of unknown worth. The limit is that of all decisions about suspense (`limits`): above it, and
where the worth is unknown, a choice is a proposal that a second person approves. So is taking one back (`taking_back`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from billing.left_out.judging import columns
from billing.left_out.precedence import UNSEEN
from billing.left_out.telling import MORE, tell_of
from billing.runs.contracts import price_list
from billing.suspense import proposals, resolving
from billing.suspense.candidates import recycled
from billing.suspense.estimate import BASIS_NAMES, Basis, Estimator
from billing.suspense.selection import Selection
from billing.suspense.valued import valued
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from billing.catalogue import Operator
    from billing.left_out.telling import UnbilledRecord
    from billing.store.home import Home
    from billing.suspense.deciding import Deciding
    from billing.suspense.proposals import Proposal, Subject
    from billing.suspense.selection import Asking
    from billing.suspense.versions import Versions
    from mediation.sources.model import Source

_PRICED: Final = (Basis.OWN_PLAN, Basis.COMMONEST_PLAN, Basis.OWN_AMOUNT)


class Worth(msgspec.Struct, frozen=True):
    """Estimate of the worth of one version, by its name. `currency` empty: it costs nothing, or its worth is unknown."""

    name: str
    estimated_micros: int
    currency: str
    basis: str

    @property
    def is_known(self) -> bool:
        """True where a price, and no mean of other records, gives it."""
        return self.basis in {BASIS_NAMES[each] for each in (*_PRICED, Basis.DOES_NOT_BILL)}


def worths(home: Home, found: Versions) -> tuple[Worth, ...]:
    """The worth of each version, in their order."""
    estimator = Estimator(home, found.seq)
    value = estimator.estimates(found.rows.select(list(estimator.columns)))
    each = zip(found.names, value.micros.tolist(), value.basis.tolist(), strict=True)
    return tuple(Worth(name, micros, value.currency_of(row), BASIS_NAMES[basis]) for row, (name, micros, basis) in enumerate(each))


def owners(home: Home, found: Versions) -> tuple[str, ...]:
    """The ids of the accounts that own the versions, in their order; empty for those without an owner."""
    estimator = Estimator(home, found.seq)
    return tuple(each.account_id for each in estimator.owners(found.rows.select(list(estimator.columns))))


def subject(
    home: Home, found: Versions, place: int, suspense_id: int, *, kind: str = proposals.CHOOSE
) -> tuple[Subject, tuple[Worth, ...]]:
    """The subject of a choice of the version at `place`, or of taking it back, and the worth of each version."""
    each = worths(home, found)
    estimated, unknown = _difference(each, place, or_nothing=kind == proposals.TAKE_BACK)
    content: Any = found.rows["content_hash"][place].as_py()
    made = proposals.Subject(
        kind,
        len(found.names),
        estimated,
        unknown,
        source=str(found.rows["source"][place].as_py()),
        ids=(str(suspense_id),),
        keep=content.hex(),
    )
    return made, each


def subject_incomplete(home: Home, suspense_id: int, asking: Asking) -> Subject:
    """The subject of a choice to make a call of the segments that are there."""
    with home.connect() as connection:
        resolving.require_incomplete(connection, asking.seq, suspense_id)
    ids = (str(suspense_id),)
    records = valued(home, Selection(ids=ids), asking)
    unpriced = int(not np.isin(records.value.basis, (*_PRICED, Basis.DOES_NOT_BILL)).all())
    source = str(records.table["source"][0].as_py())
    return proposals.Subject(proposals.CHOOSE, 1, records.value.sums(), unpriced, source=source, ids=ids)


def needs_second(home: Home, wanted: Subject, by_uid: int) -> bool:
    """Return whether another person has to agree to what this one chooses."""
    with home.connect() as connection:
        return proposals.needs_second(connection, wanted, by_uid)


def waiting_proposals(home: Home, suspense_ids: Collection[int], kind: str = proposals.CHOOSE) -> list[Proposal]:
    """Undecided choices about any of these records, oldest first; or proposals of another kind."""
    names = {str(each) for each in suspense_ids}
    open_ = {proposals.State.PROPOSED, proposals.State.READY, proposals.State.APPROVED}
    every = proposals.proposals(home)
    return [each for each in every if each.subject.kind == kind and each.state in open_ and names & set(each.subject.ids)]


def propose(  # noqa: PLR0913 -- what, of which records, and who asks for it when and why
    home: Home, wanted: Subject, by: Operator, now_us: int, *, reason: str, about: Collection[int]
) -> Proposal:
    """Store a choice about the records `about`, for another person to approve. Raises UserError where the same is asked for already."""
    for each in waiting_proposals(home, about, wanted.kind):
        if each.subject.keep == wanted.keep:
            number = each.proposal_id
            raise UserError(
                f"proposal {number} of {each.by.name} asks for that already",
                f"another person runs `ratewright usage suspense approve {number}`, or gives it up with --reject",
            )
    return proposals.propose(home, wanted, by, now_us, reason=reason)


def to_come(home: Home, found: Versions, place: int) -> UnbilledRecord | None:
    """The fate of the version at `place` in the next run of its account, if it counted."""
    wanted = list(dict.fromkeys((*columns(price_list.load(home, found.seq)), *MORE)))
    row = recycled(found.rows.slice(place, 1)).select(wanted)
    told = tell_of(home, found.seq, row, np.full(1, UNSEEN, np.int8), np.zeros(1, np.int64))
    return told[0] if told else None


def require_unchanged(home: Home, proposal: Proposal, asking: Asking) -> None:
    """Raise UserError where a stored choice is about other versions by now, or worth more than was looked at."""
    (text,) = proposal.subject.ids
    if not proposal.subject.keep:
        now = subject_incomplete(home, int(text), asking)
    else:
        found = resolving.versions(home, asking.seq, int(text))
        if len(found.names) != proposal.subject.rows:
            raise _look_again(proposal, "another version came since it was proposed")
        now, _ = subject(home, found, resolving.place_of(found, proposal.subject.keep), int(text))
        resolving.require_open(home, found, resolving.place_of(found, proposal.subject.keep))
    if has_grown(home, proposal, now):
        raise _look_again(proposal, "it decides more than when it was proposed")


def has_grown(home: Home, proposal: Proposal, now: Subject) -> bool:
    """Return whether a stored proposal decides more by `now`, so that another person has to look again."""
    stored = proposal.subject
    grown = now.unknown > stored.unknown or any(micros > stored.estimated.get(each, 0) for each, micros in now.estimated.items())
    return grown and needs_second(home, now, proposal.by.uid)


def apply_choice(home: Home, proposal: Proposal, what: Deciding, asking: Asking, sources: Mapping[str, Source]) -> None:
    """Do what an approved proposal chose. Raises UserError as `require_unchanged` does."""
    proposals.require_ready(proposal, proposals.CHOOSE)
    require_unchanged(home, proposal, asking)
    (text,) = proposal.subject.ids
    if not proposal.subject.keep:
        resolving.keep_incomplete(home, asking.seq, int(text), what)
        return
    resolving.resolve(home, resolving.versions(home, asking.seq, int(text)), proposal.subject.keep, what, sources)


def _difference(each: Sequence[Worth], place: int, *, or_nothing: bool) -> tuple[dict[str, int], int]:
    """Micro-units by which the version at `place` differs from the others, `or_nothing`, the most of them; and 1 where that is unknown."""
    names = {worth.currency for worth in each if worth.currency}
    if len(names) > 1 or not all(worth.is_known for worth in each):
        return {}, 1
    others = [*(worth.estimated_micros for worth in each), *([0] if or_nothing else [])]
    most = max(abs(micros - each[place].estimated_micros) for micros in others)
    return dict.fromkeys(names, most), 0


def _look_again(proposal: Proposal, why: str) -> UserError:
    (text,) = proposal.subject.ids
    number = proposal.proposal_id
    return UserError(
        f"proposal {number} cannot be approved: {why}",
        f"reject it (ratewright usage suspense approve {number} --reject), and choose again: ratewright usage suspense resolve {text}",
    )
