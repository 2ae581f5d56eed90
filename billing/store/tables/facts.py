"""Accounts and subscriptions, and dated facts about them."""

from __future__ import annotations

import sqlalchemy as sa

from billing.store.tables.columns import INT64, id_, int_, table, text

accounts = table(
    "accounts",
    id_("account_key"),
    sa.Column("account_id", sa.Text, nullable=False, unique=True),
    text("name"),
    text("currency"),
    text("timezone"),
    int_("bill_day"),
    text("language"),
    text("opened_on"),
    text("billed_through", nullable=True),  # an imported account is billed from here
    text("dunning_policy"),
    int_("payment_days"),
    int_("commit_seq"),
    text("legal_entity", nullable=True),  # whose invoices it gets; null: the one without a name
    text("category", nullable=True),  # staff | test; null: a customer. A fact `category` tells of a later one
)
subscriptions = table(
    "subscriptions",
    id_("subscription_key"),
    sa.Column("subscription_id", sa.Text, nullable=False, unique=True),
    sa.Column("account_key", INT64, sa.ForeignKey("accounts.account_key"), nullable=False, index=True),
    text("from_date"),
    text("to_date", nullable=True),
    int_("commit_seq"),
    sa.Column("transferred_from", INT64, nullable=True, index=True),  # subscription_key under the owner before
)
# Which plan a subscription has, from a local date on.
plan_facts = table(
    "plan_facts",
    id_("fact_id"),
    sa.Column("subscription_key", INT64, sa.ForeignKey("subscriptions.subscription_key"), nullable=False, index=True),
    text("plan"),  # catalogue identity/plan name
    text("from_date"),
    int_("commit_seq"),
)
# Which subscription pays for a served id, at an instant. Half open; null = open end. Of two facts with the same beginning the one
# learned later holds: it tells the end.
guiding_facts = table(
    "guiding_facts",
    id_("fact_id"),
    sa.Column("served_id", sa.Text, nullable=False, index=True),
    sa.Column("subscription_key", INT64, sa.ForeignKey("subscriptions.subscription_key"), nullable=False),
    int_("from_us"),
    int_("to_us", nullable=True),
    int_("commit_seq"),
)
# Dated facts about accounts and subscriptions: `billing.accounts.kinds` says which kinds there are and what the detail of each holds.
# A fact that another one names in `retracts` does not exist as of that one's commit.
account_facts = table(
    "account_facts",
    id_("fact_id"),
    sa.Column("account_key", INT64, sa.ForeignKey("accounts.account_key"), nullable=False, index=True),
    text("kind"),
    text("from_date"),
    text("detail"),
    int_("commit_seq"),
    text("to_date", nullable=True),
    int_("retracts", nullable=True),
    text("by_name", nullable=True),
    int_("by_uid", nullable=True),
)
subscription_facts = table(
    "subscription_facts",
    id_("fact_id"),
    sa.Column("subscription_key", INT64, sa.ForeignKey("subscriptions.subscription_key"), nullable=False, index=True),
    text("kind"),
    text("from_date"),
    text("to_date", nullable=True),
    text("detail"),
    int_("retracts", nullable=True),
    text("by_name"),
    int_("by_uid"),
    int_("commit_seq"),
)
# Dated facts about parties: a customer (`account_key`), or an issuer (no `account_key`; `entity` empty: the one without a name).
# `billing.accounts.parties.kinds` has the kinds. They hold names and addresses, stand in no hash, and so may be erased.
party_facts = table(
    "party_facts",
    id_("fact_id"),
    sa.Column("account_key", INT64, sa.ForeignKey("accounts.account_key"), nullable=True, index=True),
    text("entity"),
    text("kind"),
    text("name"),  # of the fact among those of its kind, such as `billing`; empty where there is one at a time
    text("from_date"),
    text("to_date", nullable=True),
    text("detail"),
    text("found_as", nullable=True),  # by which a search finds it: an e-mail address, a tax id, an IBAN
    int_("retracts", nullable=True),
    text("by_name"),
    int_("by_uid"),
    int_("commit_seq"),
    sa.Index("ix_party_facts_found_as", "found_as"),
    sa.CheckConstraint("account_key IS NULL OR entity = ''", name="customer_or_issuer"),
)
# Pictures of documents, such as an issuer's logo, which a fact of kind `style` names by its hash.
pictures = table(
    "pictures",
    sa.Column("content_sha256", sa.Text, primary_key=True),  # 64 hexadecimal digits
    text("media_type"),  # image/png or image/svg+xml
    sa.Column("content", sa.LargeBinary, nullable=False),
    text("by_name"),
    int_("by_uid"),
    int_("commit_seq"),
)
# What an imported account owes from before: each becomes a document of type `opening`.
opening_items = table(
    "opening_items",
    sa.Column("account_key", INT64, sa.ForeignKey("accounts.account_key"), primary_key=True),
    sa.Column("reference", sa.Text, primary_key=True),  # number of the document in the system before
    text("issued_on"),
    text("due_on"),
    int_("amount_micros"),  # negative: a credit of the customer
    int_("commit_seq"),
)
# What an account was billed in the months before, by which a bill is found to be out of the ordinary.
baselines = table(
    "baselines",
    sa.Column("account_key", INT64, sa.ForeignKey("accounts.account_key"), primary_key=True),
    sa.Column("month", sa.Text, primary_key=True),  # 2026-10
    int_("amount_micros"),
    int_("commit_seq"),
)
