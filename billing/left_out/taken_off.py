"""Events that a run billed and a later run took off the bill: that run computed their period again, and has no charge of them.

A version of a tariff may say since that they came too late. Another version of the record may have replaced them for a while, or their
number may have another owner. Charge files of the first run still hold them, but no bill does, void ones aside: what a void invoice had
billed is computed again as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from billing.runs.contracts.columns import int64, one_chunk
from billing.runs.contracts.counted_charges import OWNER, Counting, charge_paths, read_charges
from billing.runs.contracts.counted_runs import looked
from billing.runs.selection.computed_again import ComputedAgain, computed_again
from billing.runs.selection.standing_charges import on_bills
from rating.schema import KEY
from rating.status import REFUSALS_FROM

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from billing.store.home import Home

_COLUMNS: Final = ["event_key", OWNER, "period_from", "status"]


def taken_off(home: Home, seq: int, only: Iterable[Any] | None = None) -> pa.Array[Any]:
    """Keys of such events as of `seq`, in order; of these keys alone, if they are given."""
    with home.connect() as connection:
        runs, counting = looked(connection, seq), Counting(connection, seq)
        paths = {run.run_id: charge_paths(connection, run.run_id) for run in runs}
        later = [computed_again(home, connection, run, counting) for run in runs[:-1]]
    wanted = None if only is None else pc.field("event_key").isin(pa.array(sorted(only), KEY))
    found: set[Any] = set()
    for place, computed in enumerate(later):
        if not computed.again:
            continue
        before: set[Any] = set()
        for run in runs[place + 1 :]:
            charges = counting.billed(run.run_id, read_charges(home.path, paths[run.run_id], _COLUMNS, _of_accounts(computed, wanted)))
            before |= _in_periods(charges, computed.again)
        for run in runs[: place + 1] if before else ():  # what this run or a newer one has is on a bill
            keys = pc.field("event_key").isin(pa.array(sorted(before), KEY))
            charges = counting.billed(run.run_id, read_charges(home.path, paths[run.run_id], ["event_key", OWNER], keys))
            before -= set(charges["event_key"].to_pylist())
        found |= before
    with home.connect() as connection:
        return pa.array(sorted(found - on_bills(home, connection, seq, found)), KEY)


def _of_accounts(computed: ComputedAgain, wanted: Any) -> Any:  # noqa: ANN401 -- expressions of Arrow
    own = pc.field(OWNER).isin(pa.array(sorted(computed.again), pa.int64()))
    return own if wanted is None else own & wanted


def _in_periods(charges: pa.Table, again: Mapping[int, range]) -> set[Any]:
    """Keys of the events that were priced, of periods that were computed again."""
    days = int64(charges["period_from"].cast(pa.int32()))
    owners, priced = int64(charges[OWNER]), charges["status"].to_numpy() < int(REFUSALS_FROM)
    rows = [row for row in np.flatnonzero(priced).tolist() if int(days[row]) in again[int(owners[row])]]
    keys: Sequence[Any] = one_chunk(charges["event_key"]).take(pa.array(rows, pa.int64())).to_pylist() if rows else ()
    return set(keys)
