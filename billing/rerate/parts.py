"""Some of the drafts of a list, as documents of another date and type."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from billing.invoicing.drafts import HEADS

if TYPE_CHECKING:
    import datetime as dt

    from billing.charges.lines import Int64s
    from billing.invoicing.drafts import Drafts


def part_of(drafts: Drafts, rows: Int64s, on: dt.date, document_type: str) -> Drafts:
    """The drafts at `rows` (ascending), dated `on`, due as many days later as they were before, and for the periods of their lines."""
    counts = np.diff(drafts.first_line)[rows]
    first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    lines = np.repeat(drafts.first_line[rows] - first[:-1], counts) + np.arange(first[-1])
    heads = {name: getattr(drafts, name)[rows] for name in HEADS}
    if rows.size:
        heads["period_from"] = np.minimum.reduceat(drafts.lines["period_from"][lines], first[:-1])
        heads["period_to"] = np.maximum.reduceat(drafts.lines["period_to"][lines], first[:-1])
    part = dataclasses.replace(
        drafts,
        **heads,
        first_line=first,
        lines=drafts.lines[lines],
        text=drafts.text[lines],
        document_type=document_type,
    )
    return part.dated(on)
