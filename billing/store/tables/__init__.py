"""Every SQL table of the store.

Money columns are int64 micro-units in the account's currency. Instants are int64 microseconds UTC, dates are ISO text in the
account's zone, half open. `commit_seq` is the one growing number of DESIGN: every committed batch, fact, publication and decision
takes the next one. Rows are only ever added, except where a comment names the one field that moves.
"""

from __future__ import annotations

from billing.store.tables.base import billing_settings, commits, settings
from billing.store.tables.columns import INT64, metadata
from billing.store.tables.documents import invoice_events, invoice_lines, invoices, legal_entities, number_series
from billing.store.tables.dunning import dunning_steps
from billing.store.tables.facts import (
    account_facts,
    accounts,
    baselines,
    guiding_facts,
    opening_items,
    plan_facts,
    subscription_facts,
    subscriptions,
)
from billing.store.tables.ledger import gl_exports, journal_entries, ledger_periods, postings
from billing.store.tables.payments import (
    bank_files,
    bank_line_decisions,
    bank_lines,
    deposit_events,
    deposits,
    instalment_plans,
    instalments,
    payment_events,
    payments,
    promises,
    settlements,
)
from billing.store.tables.runs import (
    adjustments,
    alarm_decisions,
    bill_runs,
    carried_allowances,
    charge_manifest,
    control_findings,
    finding_decisions,
    limit_alarms,
    quarantine,
    rerate_decisions,
    rerate_jobs,
    run_accounts,
    run_decisions,
    run_drafts,
    run_terms,
)
from billing.store.tables.tariffs import publications, tariff_decisions, tariff_drafts
from billing.store.tables.usage import (
    assemblies,
    collected_files,
    correction_decisions,
    corrections,
    finding_waivers,
    index_snapshots,
    intake_counts,
    raw_files,
    suspense,
    suspense_decisions,
    usage_manifest,
)

__all__ = [
    "INT64",
    "account_facts",
    "accounts",
    "adjustments",
    "alarm_decisions",
    "assemblies",
    "bank_files",
    "bank_line_decisions",
    "bank_lines",
    "baselines",
    "bill_runs",
    "billing_settings",
    "carried_allowances",
    "charge_manifest",
    "collected_files",
    "commits",
    "control_findings",
    "correction_decisions",
    "corrections",
    "deposit_events",
    "deposits",
    "dunning_steps",
    "finding_decisions",
    "finding_waivers",
    "gl_exports",
    "guiding_facts",
    "index_snapshots",
    "instalment_plans",
    "instalments",
    "intake_counts",
    "invoice_events",
    "invoice_lines",
    "invoices",
    "journal_entries",
    "ledger_periods",
    "legal_entities",
    "limit_alarms",
    "metadata",
    "number_series",
    "opening_items",
    "payment_events",
    "payments",
    "plan_facts",
    "postings",
    "promises",
    "publications",
    "quarantine",
    "raw_files",
    "rerate_decisions",
    "rerate_jobs",
    "run_accounts",
    "run_decisions",
    "run_drafts",
    "run_terms",
    "settings",
    "settlements",
    "subscription_facts",
    "subscriptions",
    "suspense",
    "suspense_decisions",
    "tariff_decisions",
    "tariff_drafts",
    "usage_manifest",
]
