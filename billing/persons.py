"""The person who decides, and the comparison of two persons: the one place where accounts of the operating system are compared.

A person is the number of an account of the operating system; names may change. Everything that needs two persons compares them here.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    import sqlalchemy as sa


class Who(NamedTuple):
    """The person who decides, and the instant."""

    by_name: str
    by_uid: int
    now_us: int


class Turn(enum.Enum):
    """The part of a person in an act that needs two: to ask for it, or to agree to what another person asked for."""

    ASKS = "asks"
    AGREES = "agrees"


def anybody(_turn: Turn) -> None:
    """Let everybody ask and agree: accounts of the operating system have no roles."""


def same_person(one_uid: int | None, other_uid: int | None) -> bool:
    """Return whether both numbers are of one person. None is the same as no person."""
    return one_uid is not None and one_uid == other_uid


def is_among(uid: int, uids: Iterable[int]) -> bool:
    """Return whether a person is one of several."""
    return any(same_person(uid, each) for each in uids)


def is_of(column: sa.ColumnElement[Any], uid: int | sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """The same of a column and a person, or of two columns, as a condition of a query."""
    return column == uid
