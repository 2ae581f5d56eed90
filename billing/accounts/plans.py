"""Plans that an import or a command names: known ones, in the currency of the account."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from billing.accounts.importing.comparing import flat, taken

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from billing.accounts.importing.sheets import Sheet
    from billing.accounts.importing.step import Importer


def unknown_plan(plan: str, known: Mapping[str, str]) -> tuple[str, str]:
    """The message about a plan that no published catalogue has, and the remedy."""
    close = difflib.get_close_matches(plan, known, n=1)
    remedy = f"did you mean {close[0]}?" if close else "publish its catalogue first with `ratewright tariffs publish`"
    return f"plan {plan} is in no published catalogue", remedy


def refuse_plans(work: Importer, sheet: Sheet, owner: NDArray[np.int64]) -> None:
    """Note plans that are not published, and plans in another currency than their account's (by its place, -1 unknown)."""
    if not len(owner):
        return
    plans = flat(sheet.table["plan"]).dictionary_encode()
    of_plan = pa.array([work.currency_of_plan.get(plan) for plan in plans.dictionary.to_pylist()], pa.string()).take(plans.indices)
    own = taken(work.accounts["currency"], np.maximum(owner, 0), owner < 0)
    both = pa.chunked_array([of_plan, own]).combine_chunks().dictionary_encode().indices.fill_null(-1).to_numpy()
    plan_codes, own_codes = both[: len(owner)], both[len(owner) :]
    wrong = (plan_codes < 0) | ((own_codes >= 0) & (own_codes != plan_codes))
    for row in np.flatnonzero(wrong).tolist():
        plan = sheet.table["plan"][row].as_py()
        message, remedy = unknown_plan(plan, work.currency_of_plan)
        if of_plan[row].is_valid:
            account_id = work.accounts["account_id"][int(owner[row])]
            message = f"plan {plan} is in {of_plan[row]}, account {account_id} in {own[row]}"
            remedy = "choose a plan in the account's currency"
        work.mistakes.add_row(sheet, int(sheet.lines()[row]), "plan", message, remedy)
