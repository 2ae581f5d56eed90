"""Accounts of a legal entity that was never added: their documents would have no numbers. They are put aside, and the run goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from billing.accounts import entities

if TYPE_CHECKING:
    from billing.runs.contracts.facts import Facts
    from billing.runs.selection.scope import Scope
    from billing.store.home import Home


def unknown(home: Home, facts: Facts, scope: Scope, seq: int) -> dict[int, str]:
    """The reason why accounts of the run cannot be billed, by key, as of `seq`; mostly empty."""
    if not any(facts.entities):
        return {}
    with home.connect() as connection:
        known = entities.names(connection, seq)
    reasons = {place: "; ".join(entities.unknown(name)) for place, name in enumerate(facts.entities) if name not in known}
    rows = np.flatnonzero(np.isin(facts.account_entity, list(reasons)) & (scope.calendar >= 0))
    pairs = zip(facts.account_keys[rows].tolist(), facts.account_entity[rows].tolist(), strict=True)
    return {key: reasons[place] for key, place in pairs}
