"""What a draft does to a stored month: the same usage priced twice, now and then. Nothing is stored, and nothing is billed."""

from __future__ import annotations

from billing.what_if.asking import what_if
from billing.what_if.migration import Move
from billing.what_if.month import Month
from billing.what_if.report import WhatIf

__all__ = ["Month", "Move", "WhatIf", "what_if"]
