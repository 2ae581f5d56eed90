"""Possibility to bill late usage by decision at all, for explanations of what a person can do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from billing.left_out.telling import usage_of
from billing.runs.selection.left_out import Outlook
from billing.suspense.estimate import BASIS_NAMES, Basis, Estimator
from rating.schema import KEY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.left_out.telling import UnbilledRecord
    from billing.store.home import Home


def unpriced(home: Home, told: Sequence[UnbilledRecord]) -> set[str]:
    """Event keys of records that no run bills any more, and for which no plan of their owner has a price."""
    wanted = {bytes.fromhex(each.event_key): each.start_us for each in told if each.outlook is Outlook.FOR_GOOD}
    if not wanted:
        return set()
    with home.connect() as connection:
        seq = home.head_seq(connection)
    usage = usage_of(home, seq, pa.array(list(wanted), KEY), np.array(list(wanted.values()), np.int64))
    estimator = Estimator(home, seq)
    worth = estimator.estimates(usage)
    keys: list[Any] = usage["event_key"].to_pylist()
    return {key.hex() for row, key in enumerate(keys) if not is_priced(BASIS_NAMES[worth.basis[row]], estimator.taxed_as(worth, row)[0])}


def is_priced(basis: str, catalogue: str) -> bool:
    """True where a plan of its owner prices a record. `basis`: what its worth goes by."""
    return basis == BASIS_NAMES[Basis.OWN_PLAN] and bool(catalogue)
