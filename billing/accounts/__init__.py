"""Accounts, subscriptions and numbers: dated facts, imported from CSV and read as columns."""

from billing.accounts.facts import FACT_KINDS, record_fact
from billing.accounts.importing import ImportReport, import_files
from billing.accounts.readers import read_account_facts, read_accounts, read_plan_facts, read_subscriptions, timezone_of

__all__ = [
    "FACT_KINDS",
    "ImportReport",
    "import_files",
    "read_account_facts",
    "read_accounts",
    "read_plan_facts",
    "read_subscriptions",
    "record_fact",
    "timezone_of",
]
