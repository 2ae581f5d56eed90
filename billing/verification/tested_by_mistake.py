"""Records that a run computed for tests, and whose account is a customer by now: the category was recorded by mistake.

They did not come after the bill of their period. That bill had none of them, since nothing of an account for tests is invoiced.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from billing.left_out.telling import AFTER_BILL

if TYPE_CHECKING:
    from collections.abc import Iterable

    from billing.left_out.telling import Told

TESTED_BY_MISTAKE: Final = "tested_by_mistake"  # a detail, in the place of AFTER_BILL


def as_customers(told: Iterable[Told]) -> tuple[Told, ...]:
    """Explanations of such records by the next run, with the detail of their own where that run bills them."""
    return tuple(msgspec.structs.replace(each, detail=TESTED_BY_MISTAKE) if each.detail == AFTER_BILL else each for each in told)
