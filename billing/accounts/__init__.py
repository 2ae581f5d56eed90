"""Accounts, subscriptions and numbers: dated facts, imported or told by a command, and read as columns or one by one."""

from billing.accounts.facts import record_fact
from billing.accounts.importing import ImportReport, import_files
from billing.accounts.lookup import timezone_of

__all__ = ["ImportReport", "import_files", "record_fact", "timezone_of"]
