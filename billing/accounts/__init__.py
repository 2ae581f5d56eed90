"""Accounts, subscriptions and numbers: dated facts, imported or recorded by a command, and read as columns or one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rating.on_use import names_on_use

if TYPE_CHECKING:
    from billing.accounts.facts import record_fact
    from billing.accounts.importing.whole import ImportReport, import_files
    from billing.accounts.lookup import timezone_of

__all__ = ["ImportReport", "import_files", "record_fact", "timezone_of"]

__getattr__ = names_on_use(__name__, __file__)
