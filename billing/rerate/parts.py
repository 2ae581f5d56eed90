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
    """The drafts at `rows` (ascending), dated `on`, due as many days later as they were before."""
    counts = np.diff(drafts.first_line)[rows]
    first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    lines = np.repeat(drafts.first_line[rows] - first[:-1], counts) + np.arange(first[-1])
    heads = {name: getattr(drafts, name)[rows] for name in HEADS}
    heads["due_on"] = heads["due_on"] + (on - drafts.issued_on).days
    return dataclasses.replace(
        drafts,
        **heads,
        first_line=first,
        lines=drafts.lines[lines],
        text=drafts.text[lines],
        issued_on=on,
        document_type=document_type,
    )
