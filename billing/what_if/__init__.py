"""Effect of a draft on a stored month: the same usage priced twice, now and then. Nothing is stored, and nothing is billed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rating.on_use import names_on_use

if TYPE_CHECKING:
    from billing.what_if.asking import what_if
    from billing.what_if.migration import Move
    from billing.what_if.month import Month
    from billing.what_if.report import WhatIf

__all__ = ["Month", "Move", "WhatIf", "what_if"]

__getattr__ = names_on_use(__name__, __file__)
