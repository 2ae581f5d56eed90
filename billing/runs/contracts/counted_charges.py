"""Charges of runs that count as of a commit, by the account that owns them."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import sqlalchemy as sa

from billing.accounts import covering, undone
from billing.runs.contracts.counted_runs import Gone
from billing.store import tables
from rating.schema import CHARGE_V1

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

OWNER: Final = "payer_account_id"  # of a charge: whose it is


def charge_paths(connection: sa.Connection, run_id: int) -> list[str]:
    """The charge files of a run, in their order."""
    file = tables.charge_manifest.c
    return list(connection.execute(sa.select(file.path).where(file.run_id == run_id).order_by(file.path)).scalars())


def read_charges(home_path: Path, paths: Sequence[str], columns: Sequence[str], only: Any = None) -> pa.Table:  # noqa: ANN401 -- an expression of Arrow
    """Some columns of charge files, in the order given; `only` the rows it holds of. Raises FileNotFoundError where one is gone."""
    parts = [pq.read_table(home_path / path, columns=list(columns), filters=only, partitioning=None) for path in paths]
    if not parts:
        return pa.schema([CHARGE_V1.field(name) for name in columns]).empty_table()
    return pa.concat_tables(parts, promote_options="permissive")


class Counting:
    """Selects the charges of runs that count as of a commit: those of accounts for which the run was not undone by then."""

    def __init__(self, connection: sa.Connection, seq: int) -> None:
        parked = tables.quarantine.c
        self._parked: dict[int, list[int]] = {}  # accounts in quarantine by run: what it priced of them is on no bill
        for run_id, account_key in connection.execute(
            sa.select(parked.run_id, parked.account_key).where(parked.kind == covering.QUARANTINED)
        ):
            self._parked.setdefault(run_id, []).append(account_key)
        self._gone: Gone | None = None
        if undone.load(connection, seq):
            account = tables.accounts.c
            seqs = dict(connection.execute(sa.select(account.account_key, account.commit_seq)).all())
            self._gone = Gone(connection, covering.load(connection, known=covering.KnownBy(seq, dt.date.max)), seqs)

    @property
    def is_any_undone(self) -> bool:
        """True where any run was undone by then, for all accounts or for some."""
        return self._gone is not None

    def of(self, run_id: int, charges: pa.Table) -> pa.Table:
        """Those of a run's charges (with their OWNER) that count."""
        if self._gone is None or not self._gone.is_any(run_id):
            return charges
        gone = self.gone(run_id, np.unique(charges[OWNER].to_numpy()).tolist())
        mask: Any = pc.invert(pc.is_in(charges[OWNER], value_set=pa.array(gone, pa.int64())))
        return charges.filter(mask)

    def billed(self, run_id: int, charges: pa.Table) -> pa.Table:
        """Those that count, without accounts that the run put into quarantine: a later run bills these, or none."""
        parked = self._parked.get(run_id)
        if parked:
            mask: Any = pc.invert(pc.is_in(charges[OWNER], value_set=pa.array(parked, pa.int64())))
            charges = charges.filter(mask)
        return self.of(run_id, charges)

    def gone(self, run_id: int, owners: Iterable[int]) -> list[int]:
        """Those of `owners` (account keys, 0 for no account) for which a run counts no more.

        0 is among them where the run was undone for all accounts.
        """
        return [] if self._gone is None else self._gone.accounts(run_id, owners)
