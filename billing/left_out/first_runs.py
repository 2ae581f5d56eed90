"""The run that first left events out for good. Later runs say the same of them again, each of its own: they are not named.

From the run of a verdict older ones are asked, as long as they leave the event out for good as well. Runs of other accounts say nothing
about it, and the search goes on behind them. It ends where a run had not seen the event, knew another owner, or would still have billed it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import sqlalchemy as sa

from billing.accounts.facts import in_chunks
from billing.guiding import Guide
from billing.intake.marks import COMMIT_SEQ
from billing.left_out.history import FOR_GOOD, Verdicts, refused_by
from billing.left_out.judging import Judge
from billing.left_out.precedence import is_vague
from billing.runs.contracts.columns import int64, one_chunk
from billing.runs.contracts.counted_charges import Counting
from billing.runs.contracts.counted_runs import looked
from billing.store import tables

if TYPE_CHECKING:
    import pyarrow as pa

    from billing.charges.lines import Int64s
    from billing.store.home import Home


def with_first_runs(home: Home, seq: int, usage: pa.Table, found: Verdicts, *, changes: bool = False) -> Verdicts:
    """Verdicts on rows of `usage` (columns of `judging.columns`), those for good by the run that gave them first."""
    open_ = found.for_good & (found.run_id > 0)
    if not open_.any():
        return found
    run_id, committed, refused = found.run_id.copy(), int64(usage[COMMIT_SEQ]), refused_by(home, seq, usage)
    with home.connect() as connection:
        counting, owners = Counting(connection, seq), _owners(home, connection, seq, usage)
        for run in looked(connection, seq):
            rows = np.flatnonzero(open_ & (run.run_id < run_id))
            is_seen = (committed[rows] <= run.pinned_seq) & (refused[rows] < run.run_id)
            open_[rows[~is_seen]] = False
            rows = rows[is_seen]
            if not rows.size:
                if not open_.any():
                    break
                continue
            judge = Judge(home, connection, run)
            some = usage.take(rows)
            keys = judge.account_keys(some)
            gone = np.isin(keys, np.array(counting.gone(run.run_id, np.unique(keys).tolist()), np.int64))
            reason = judge.reasons(some, changes=changes)
            for_good = FOR_GOOD[reason] & ~gone & (keys == owners[rows])
            run_id[rows[for_good]] = run.run_id
            open_[rows[~(for_good | gone | is_vague(reason))]] = False
    return Verdicts(found.reason, run_id)


def _owners(home: Home, connection: sa.Connection, seq: int, usage: pa.Table) -> Int64s:
    """The account key of each row as of `seq`; 0: no owner."""
    subscriptions = Guide(home, seq).resolve(one_chunk(usage["served_id"]), int64(usage["start_us"]))
    column = tables.subscriptions.c
    query = sa.select(column.subscription_key, column.account_key)
    distinct: list[int] = np.unique(subscriptions).tolist()
    account_of = {
        int(key): int(account)
        for lot in in_chunks(distinct)
        for key, account in connection.execute(query.where(column.subscription_key.in_(lot)))
    }
    return np.array([account_of.get(key, 0) for key in subscriptions.tolist()], np.int64)
