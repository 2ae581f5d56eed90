"""Undone runs: the runs of an account that count no more, and the undos that say so."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from billing.accounts.undone import Undo, without


class Run(NamedTuple):
    """A run, and the last commit that it knew."""

    run_id: int
    pinned_seq: int


FIRST, SECOND, THIRD = Run(1, 10), Run(2, 20), Run(3, 30)
ALL = (FIRST, SECOND, THIRD)
ANNA, BEN = 7, 8
NAMED = frozenset({ANNA})


# runs that took the account in, undos as (run, commit, accounts), the account -> runs that count, undos that apply
@pytest.mark.parametrize(
    ("runs", "undos", "account", "left", "applied"),
    [
        (ALL, [], ANNA, [1, 2, 3], []),
        (ALL, [Undo(3, 40, None)], ANNA, [1, 2], [3]),
        (ALL, [Undo(2, 40, None)], ANNA, [1], [2]),  # the third was computed on top of the second
        (ALL, [Undo(2, 25, None)], ANNA, [1, 3], [2]),  # the third began after the undo, and knew it
        (ALL, [Undo(2, 30, None)], ANNA, [1, 3], [2]),
        (ALL, [Undo(2, 31, None)], ANNA, [1], [2]),
        (ALL, [Undo(2, 40, NAMED)], ANNA, [1], [2]),
        (ALL, [Undo(2, 40, NAMED)], BEN, [1, 2, 3], []),  # it is about another account
        (ALL, [Undo(2, 40, NAMED)], None, [1, 2, 3], []),  # an account that no undo names
        (ALL, [Undo(2, 40, None)], None, [1], [2]),
        ((FIRST, THIRD), [Undo(2, 40, None)], ANNA, [1, 3], []),  # the second had not taken it in
        (ALL, [Undo(3, 35, None), Undo(1, 40, None)], ANNA, [], [3, 1]),
    ],
)
def test_a_run_takes_those_on_top_of_it_along(
    runs: tuple[Run, ...], undos: list[Undo], account: int | None, left: list[int], applied: list[int]
) -> None:
    found = without(runs, undos, account)
    assert [run.run_id for run in found.runs] == left
    assert [undo.run_id for undo in found.undos] == applied
