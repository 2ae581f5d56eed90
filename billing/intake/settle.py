"""Outcome of each row that comes in: a pure decision, before anything is stored.

A row is answered, unanswered or absorbed by what its source says, and a segment waits for the others; `duplicate` when the same event
with the same content is known; and `conflicting` when the same event is known with other content. Then every version of the event is
conflicting, the one that came first as well, so that the order of arrival cannot matter: `taken_back` names the events whose earlier
version is stored and counted so far.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rating.schema import UsageFlag

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet


class Outcome(enum.IntEnum):
    """Outcome of a row. The names in lower case are used in the store and in reports; all before ASSEMBLED add up to the rows received."""

    ANSWERED = 0
    UNANSWERED = 1
    ABSORBED = 2
    CONFLICTING = 3
    DUPLICATE = 4
    REJECTED = 5
    WAITING = 6  # a segment whose call or session is not whole yet
    SUSPENDED = 7  # waits for a decision, or another version counts in its stead
    ASSEMBLED = 8  # put together from segments: beside what was received
    RECYCLED = 9  # came back out of suspense: beside what was received
    GONE = 10  # an assembled or recycled row in whose stead another one counts: stands in no book


OUTCOME_NAMES = tuple(outcome.name.lower() for outcome in Outcome if outcome < Outcome.ASSEMBLED)
BESIDE_NAMES = tuple(outcome.name.lower() for outcome in (Outcome.ASSEMBLED, Outcome.RECYCLED))
COUNTED_NAMES = OUTCOME_NAMES + BESIDE_NAMES  # by Outcome
RECEIVED = "received"


class Settled(NamedTuple):
    """The decision: an outcome a row, and the event keys whose stored versions become conflicting, so far as they count."""

    outcome: NDArray[np.int8]
    taken_back: frozenset[bytes]


def outcome_of_flags(flags: NDArray[np.int32]) -> NDArray[np.int8]:
    """Outcome of a row when nothing else is known of its event."""
    outcome = np.full(len(flags), Outcome.ANSWERED, dtype=np.int8)
    if not flags.any():  # as of all calls of a stream
        return outcome
    outcome[(flags & UsageFlag.UNANSWERED) != 0] = Outcome.UNANSWERED
    for flag, instead in (
        (UsageFlag.ABSORBED, Outcome.ABSORBED),
        (UsageFlag.PARTIAL, Outcome.WAITING),
        (UsageFlag.RECYCLED, Outcome.RECYCLED),
        (UsageFlag.ASSEMBLED, Outcome.ASSEMBLED),
    ):
        outcome[(flags & flag) != 0] = instead
    return outcome


def settle(keys: NDArray[np.uint8], flags: NDArray[np.int32], *, duplicate: NDArray[np.bool_], conflicting: NDArray[np.bool_]) -> Settled:
    """Decide a batch. `keys` are u8[n,16]. The first version of an event in the batch is in neither mask, though later ones conflict."""
    outcome = outcome_of_flags(flags)
    outcome[duplicate] = Outcome.DUPLICATE
    outcome[conflicting] = Outcome.CONFLICTING
    if not conflicting.any():
        return Settled(outcome, frozenset())
    events = {keys[i].tobytes() for i in np.flatnonzero(conflicting)}
    first = np.flatnonzero(~duplicate & ~conflicting)
    first = first[_among(keys[first], events)]
    outcome[first] = Outcome.CONFLICTING
    return Settled(outcome, frozenset(events - {keys[i].tobytes() for i in first}))


def _among(keys: NDArray[np.uint8], wanted: AbstractSet[bytes]) -> NDArray[np.bool_]:
    """Mask of rows that have one of the wanted keys; the low half sorts out nearly all others."""
    if not wanted:
        return np.zeros(len(keys), dtype=np.bool_)
    low = np.ascontiguousarray(keys[:, 8:]).view(np.uint64).ravel()
    wanted_low = np.frombuffer(b"".join(key[8:] for key in wanted), dtype=np.uint64)
    found = np.isin(low, wanted_low)
    at = np.flatnonzero(found)
    found[at] = [keys[i].tobytes() in wanted for i in at]
    return found
