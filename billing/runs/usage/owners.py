"""Owners of events, as columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from billing.charges.lines import Int64s

if TYPE_CHECKING:
    import numpy.typing as npt


class Owners(NamedTuple):
    """Owners of events, as indices; -1 none. `place`: the computed period, or one of `left_out.PLACES`."""

    subscription: Int64s
    account: Int64s
    place: Int64s
    holding: Int64s

    def of(self, rows: npt.NDArray[Any] | slice) -> Owners:
        """Those of some events, by a mask, by number or as a slice."""
        return Owners(*(column[rows] for column in self))
