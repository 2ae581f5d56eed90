"""The state that the steps of an import share: the transaction, its one number, the sheets and the rows stored by now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from billing.accounts.details import tax_classes_of
from billing.store import bulk

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import sqlalchemy as sa

    from billing.accounts.importing.sheets import Mistakes, Sheet
    from billing.catalogue import Operator
    from billing.store.home import Home
    from rating.model import Catalogue, Plan


class Count(NamedTuple):
    """Rows of one file: new ones, those that were there with the same data, and those that only gave the end of one that was there."""

    added: int = 0
    known: int = 0
    ended: int = 0


class Importer:
    """One import under way. `accounts` and `subscriptions` (with `end`, where it is known) hold what is stored by now, by key."""

    accounts: pa.Table
    subscriptions: pa.Table
    ended: set[int]  # keys of subscriptions that were known, and whose end this import tells
    changed: set[int]  # keys of accounts with subscriptions that this import adds or ends

    def __init__(  # noqa: PLR0913, PLR0917 -- what all steps need, given once
        self,
        home: Home,
        connection: sa.Connection,
        sheets: Mapping[str, Sheet],
        mistakes: Mistakes,
        now_us: int,
        by: Operator,
        catalogues: Sequence[Catalogue],
        progress: Callable[[int, int], None] | None,
    ) -> None:
        self.home = home
        self.connection = connection
        self.sheets = sheets
        self.mistakes = mistakes
        self.by = by
        self.plans: dict[str, Plan] = {f"{each.identity}/{plan.name}": plan for each in catalogues for plan in each.plans}
        self.currency_of_plan = {f"{each.identity}/{plan.name}": each.currency for each in catalogues for plan in each.plans}
        self.tax_classes = tax_classes_of(catalogues)
        self.commit_seq: int | None = None
        self.ended, self.changed = set(), set()
        self.now_us = now_us
        self._progress = progress
        self._done = 0
        self._total = sum(sheet.table.num_rows for sheet in sheets.values())

    def seq(self) -> int:
        """The number of this import, taken when the first row needs it."""
        if self.commit_seq is None:
            self.commit_seq = self.home.next_commit_seq(self.connection, "fact", self.now_us)
        return self.commit_seq

    def insert(self, table: sa.Table, columns: Mapping[str, Any]) -> None:
        """Add rows, all with the number of this import where the table has one."""
        rows = len(next(iter(columns.values())))
        if rows:
            numbered = {"commit_seq": np.full(rows, self.seq())} if "commit_seq" in table.c else {}
            bulk.insert(self.connection, table, {**columns, **numbered})

    def told_by(self, rows: int) -> dict[str, Any]:
        """The columns of facts that name the person who recorded them."""
        return {"by_name": pa.array([self.by.name] * rows, pa.string()), "by_uid": np.full(rows, self.by.uid, np.int64)}

    def done(self, name: str) -> None:
        """All rows of a sheet are dealt with."""
        self._done += self.sheets[name].table.num_rows
        if self._progress is not None:
            self._progress(self._done, self._total)
