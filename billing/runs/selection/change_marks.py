"""Marks of changes: per account, the first day touched by what was committed since it was last looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from billing.runs.contracts.columns import index_of
from rating.dates import LONG_AGO_DAY, NEVER, NEVER_DAY

if TYPE_CHECKING:
    from billing.charges.lines import Int64s
    from billing.runs.selection.due_accounts import Ground


class Touches:
    """Days by account index. What was committed as an account was looked at, or before, does not touch it."""

    def __init__(self, ground: Ground, seq: int) -> None:
        self.facts = ground.facts
        self.seq = seq
        self.day = np.full(len(ground.code), NEVER_DAY, np.int64)
        self.since_seq = ground.looked_at_seq
        self.fresh_day = ground.fresh_day

    @property
    def least_seq(self) -> int:
        """The commit up to which everything touches no account."""
        return int(self.since_seq.min(initial=NEVER))

    def accounts(self, index: Int64s, from_day: Int64s | int, commit_seq: Int64s | int) -> None:
        """Touch accounts (indices; -1 is nobody) from a day on, by what was committed with a number."""
        days, commits = np.broadcast_to(from_day, index.shape), np.broadcast_to(commit_seq, index.shape)
        known = index >= 0
        known[known] = commits[known] > self.since_seq[index[known]]
        np.minimum.at(self.day, index[known], days[known])

    def everybody(self, commit_seq: int, from_day: int = LONG_AGO_DAY) -> None:
        """Touch all accounts."""
        self.day[self.since_seq < commit_seq] = np.minimum(self.day[self.since_seq < commit_seq], from_day)

    def owner_index(self, subscription_keys: Int64s) -> Int64s:
        """Index of the account of each subscription key, -1 for an unknown one."""
        place = index_of(self.facts.subscription_keys, subscription_keys)
        return np.where(place >= 0, self.facts.subscription_account[place], -1) if self.facts.subscription_account.size else place
