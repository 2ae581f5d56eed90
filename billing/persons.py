"""Who decides, and whether two are the same person: the one place where accounts of the operating system are compared.

A person is the number of an account of the operating system; names may change. Whatever needs two persons asks here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    import sqlalchemy as sa


class Who(NamedTuple):
    """Who decides, and when."""

    by_name: str
    by_uid: int
    now_us: int


def same_person(one_uid: int | None, other_uid: int | None) -> bool:
    """Whether both numbers are of one person. Nobody (None) is the same as nobody else."""
    return one_uid is not None and one_uid == other_uid


def is_among(uid: int, uids: Iterable[int]) -> bool:
    """Whether a person is one of several."""
    return any(same_person(uid, each) for each in uids)


def is_of(column: sa.ColumnElement[Any], uid: int | sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """The same of a column and a person, or of two columns, as a condition of a query."""
    return column == uid
