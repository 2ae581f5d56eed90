"""Ids of an import that are new, held to the rule of `rating.identifiers`. Rows that are stored already are not checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc

from billing.accounts.importing.comparing import flat, rows_of
from rating import identifiers

if TYPE_CHECKING:
    from billing.accounts.importing.sheets import Mistakes, Sheet


def refuse_ids(fresh: Sheet, column: str, mistakes: Mistakes) -> Sheet:
    """Return the rows whose id keeps the rule; every other is noted. A column of plain ids needs no call a row."""
    ids = flat(fresh.table[column])
    plain = pc.match_substring_regex(ids, identifiers.PLAIN).to_numpy(zero_copy_only=False)
    good = np.ones(len(ids), np.bool_)
    for row in np.flatnonzero(~plain).tolist():
        identifier = ids[row].as_py()
        wrong = identifiers.wrong(identifier, identifiers.CHARS_MAX)
        if wrong is not None:
            mistakes.add_row(fresh, int(fresh.lines()[row]), column, f"{identifier!r} {wrong[0]}", wrong[1])
            mistakes.refuse(fresh.file, identifier)
            good[row] = False
    return fresh._replace(table=rows_of(fresh.table, good))
