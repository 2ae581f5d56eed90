"""What becomes of each row that comes in: a pure decision, before anything is stored.

A row is answered, unanswered or absorbed by what its source says; `duplicate` when the same event with the same content is known; and
`conflicting` when the same event is known with other content. Then every version of the event is conflicting, the one that came first
as well, so that the order of arrival cannot matter: `taken_back` names the events whose earlier version is stored and counted so far.
"""

from __future__ import annotations

import enum
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rating.schema import UsageFlag

if TYPE_CHECKING:
    from collections.abc import Sequence


class Outcome(enum.IntEnum):
    """Of a row. The names in lower case stand in the store and in reports."""

    ANSWERED = 0
    UNANSWERED = 1
    ABSORBED = 2
    CONFLICTING = 3
    DUPLICATE = 4
    REJECTED = 5


OUTCOME_NAMES = tuple(outcome.name.lower() for outcome in Outcome)
RECEIVED = "received"


class Known(NamedTuple):
    """What the store knows of conflicts: 16-byte event keys in suspense, and 32-byte key + content of every version there."""

    keys: AbstractSet[bytes]
    versions: AbstractSet[bytes]


class Settled(NamedTuple):
    """The decision: an outcome a row, and the event keys whose stored version becomes conflicting."""

    outcome: NDArray[np.int8]
    taken_back: frozenset[bytes]


def outcome_of_flags(flags: NDArray[np.int32]) -> NDArray[np.int8]:
    """What a row is when nothing else is known of its event."""
    outcome = np.full(len(flags), Outcome.ANSWERED, dtype=np.int8)
    outcome[(flags & UsageFlag.UNANSWERED) != 0] = Outcome.UNANSWERED
    outcome[(flags & UsageFlag.ABSORBED) != 0] = Outcome.ABSORBED
    return outcome


def settle(  # noqa: PLR0913 - the columns of a batch
    keys: NDArray[np.uint8],
    contents: NDArray[np.uint8],
    flags: NDArray[np.int32],
    *,
    duplicate: NDArray[np.bool_],
    conflicting: NDArray[np.bool_],
    known: Known,
) -> Settled:
    """Decide a batch. `keys` and `contents` are u8[n,16].

    The two masks come from the index of keys; the first row of an event is neither.
    """
    outcome = outcome_of_flags(flags)
    outcome[duplicate] = Outcome.DUPLICATE
    at = np.flatnonzero(conflicting)
    if len(at) == 0:
        return Settled(outcome, frozenset())
    new_keys = _settle_conflicts(outcome, at, [keys[i].tobytes() for i in at], [contents[i].tobytes() for i in at], known)
    first = np.flatnonzero(~duplicate & ~conflicting)
    first = first[_among(keys[first], new_keys)]
    outcome[first] = Outcome.CONFLICTING
    return Settled(outcome, frozenset(new_keys - {keys[i].tobytes() for i in first}))


def _settle_conflicts(
    outcome: NDArray[np.int8], at: NDArray[np.intp], keys: Sequence[bytes], contents: Sequence[bytes], known: Known
) -> set[bytes]:
    """Mark the rows at `at`; return the keys that were in no conflict before. A version seen before is a duplicate of itself."""
    seen: set[bytes] = set()
    new_keys: set[bytes] = set()
    for i, key, content in zip(at, keys, contents, strict=True):
        version = key + content
        if version in known.versions or version in seen:
            outcome[i] = Outcome.DUPLICATE
            continue
        outcome[i] = Outcome.CONFLICTING
        seen.add(version)
        if key not in known.keys:
            new_keys.add(key)
    return new_keys


def _among(keys: NDArray[np.uint8], wanted: AbstractSet[bytes]) -> NDArray[np.bool_]:
    """Which rows have one of the wanted keys; the low half sorts out nearly all others."""
    if not wanted:
        return np.zeros(len(keys), dtype=np.bool_)
    low = np.ascontiguousarray(keys[:, 8:]).view(np.uint64).ravel()
    wanted_low = np.frombuffer(b"".join(key[8:] for key in wanted), dtype=np.uint64)
    found = np.isin(low, wanted_low)
    at = np.flatnonzero(found)
    found[at] = [keys[i].tobytes() in wanted for i in at]
    return found
