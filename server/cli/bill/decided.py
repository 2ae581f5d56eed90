"""The result of a decision about a run: a leaf, for the command and for the one who asks a service."""

from __future__ import annotations

from typing import NamedTuple


class Decided(NamedTuple):
    """A run on whose list a person has decided."""

    bill_date: str
    state: str
    by_name: str
