"""Inputs that all charges of a run are worked out with."""

from __future__ import annotations

from typing import NamedTuple

from billing.runs.contracts.contracts import Contracts
from billing.runs.contracts.currencies import Currencies
from billing.runs.selection.scope import Scope


class Inputs(NamedTuple):
    """The contracts, the accounts and periods that are computed, and the currencies of `contracts` with their rounding steps."""

    contracts: Contracts
    scope: Scope
    currencies: Currencies
