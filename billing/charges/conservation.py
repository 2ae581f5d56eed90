"""Money is neither made nor lost between two stages of a bill: sums before and after are equal.

Sums are of int64 micro-units and may wrap: two sums that are equal before they wrap are equal after it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.charges.lines import Int64s, Lines

WRAP: Final = 1 << 64  # sums of int64 are sums modulo this
_NAMED: Final = 5  # accounts that a failed assertion names


def differing_accounts(before: Sequence[Lines], after: Sequence[Lines], field: str = "amount_micros") -> Int64s:
    """Keys of the accounts, ascending, for which the sums of `before` and `after` differ; each a list of lines that are added up."""
    keys = np.concatenate([each["account_key"] for each in (*before, *after)])
    amounts = np.concatenate([*(each[field] for each in before), *(-each[field] for each in after)])
    if not keys.size:
        return keys
    if bool(np.any(keys[1:] < keys[:-1])):
        order = np.argsort(keys, kind="stable")
        keys, amounts = keys[order], amounts[order]
    starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    found: Int64s = keys[starts[np.add.reduceat(amounts, starts) != 0]]
    return found


def require_kept(stage: str, before: Lines, after: Lines, field: str = "amount_micros") -> None:
    """Assert that a stage changes no sum of any currency, over all accounts together."""
    size = 1 + int(max((lines["currency"].max(initial=0) for lines in (before, after)), default=0))
    sums = [np.zeros(size, np.int64), np.zeros(size, np.int64)]
    for total, lines in zip(sums, (before, after), strict=True):
        np.add.at(total, lines["currency"], lines[field])
    assert bool(np.array_equal(sums[0], sums[1])), (
        f"{stage}: {field} is {sums[0].tolist()} by currency before, and {sums[1].tolist()} after"
    )


def require_same_accounts(stage: str, before: Lines, after: Lines) -> None:
    """Assert that a stage changes the sum of no account."""
    differing = differing_accounts([before], [after])
    assert not differing.size, f"{stage}: the sums of {differing.size} accounts changed, among them keys {differing[:_NAMED].tolist()}"
