"""Pages of a list: rows in an order that never changes, from behind one of them on, so that pages stay as they are while rows come."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa


def in_pages(  # noqa: PLR0913 -- a query, its order, and the place in it
    query: sa.Select[Any],
    order: tuple[sa.ColumnElement[Any], ...],
    identity: sa.ColumnElement[str],
    after: str,
    limit: int | None,
    *,
    descending: bool = False,
) -> sa.Select[Any]:
    """A query in an order of columns that never change, beginning behind the row whose id is `after`.

    `identity` is the column of that id, in the one table that `order` has its columns of.
    """
    if after:
        table = sa.inspect(identity).table.alias("after")
        last = sa.select(*(table.c[column.name] for column in order)).where(table.c[identity.name] == after).scalar_subquery()
        place = sa.tuple_(*order)
        query = query.where(place < last if descending else place > last)
    query = query.order_by(*(column.desc() if descending else column for column in order))
    return query if limit is None else query.limit(limit)
