"""Dunning: states (`states`, pure), the run that takes steps (`running`), its undoing, what was done (`looking`), and what comes.

Policies are data (`billing.dunning_policy`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rating.on_use import names_on_use

if TYPE_CHECKING:
    from billing.dunning.coming_steps import Coming, coming
    from billing.dunning.looking import History, Run, history, runs, steps_of
    from billing.dunning.running import Change, Undone, preview, refusal, run
    from billing.dunning.states import State, Taken, past_due, state
    from billing.dunning.undoing import PutBack, Undo, undo

__all__ = [
    "Change",
    "Coming",
    "History",
    "PutBack",
    "Run",
    "State",
    "Taken",
    "Undo",
    "Undone",
    "coming",
    "history",
    "past_due",
    "preview",
    "refusal",
    "run",
    "runs",
    "state",
    "steps_of",
    "undo",
]

__getattr__ = names_on_use(__name__, __file__)
