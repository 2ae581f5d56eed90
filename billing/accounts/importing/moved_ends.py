"""Ends of subscriptions that an import moves to another day: their numbers follow, as they do after `accounts end`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from billing.accounts.facts import in_chunks
from billing.accounts.freed_numbers import follow_end
from billing.accounts.picture import load
from billing.accounts.recording import Asked, Recorder
from billing.store import tables

if TYPE_CHECKING:
    from billing.accounts.importing.step import Importer


def follow(work: Importer) -> list[str]:
    """Let numbers follow the ends that moved, and take those subscriptions off `work.ended`. Returns a report in sentences."""
    if not work.ended:
        return []
    said: list[str] = []
    for keys in in_chunks(_accounts(work)):
        before, now = load(work.connection, keys, work.seq() - 1), load(work.connection, keys)
        for customer in before.customers.values():
            for contract in customer.contracts:
                on = now.contract(contract.key).to_date
                if contract.key in work.ended and None not in {contract.to_date, on} and contract.to_date != on:
                    work.ended.remove(contract.key)
                    recorder = Recorder(work.home, work.connection, Asked(work.by, work.now_us))
                    recorder.commit_seq = work.seq()
                    recorder.say(f"{contract.subscription_id} ends on {on}, not on {contract.to_date}")
                    spans = follow_end(recorder, customer, contract, on)
                    if spans:
                        recorder.say(f"its numbers are free from then on: {', '.join(sorted({span.served_id for span in spans}))}")
                    said += recorder.said
    return said


def _accounts(work: Importer) -> list[int]:
    """Accounts of subscriptions that had an end, and have another one by this import; an end that was undone may be among them."""
    fact, subscription = tables.subscription_facts.c, tables.subscriptions.c
    found = set[int]()
    for keys in in_chunks(sorted(work.ended)):
        recorded = sa.select(fact.subscription_key).where(fact.kind == "end", fact.commit_seq < work.seq(), fact.subscription_key.in_(keys))
        query = sa.select(subscription.account_key).where(subscription.subscription_key.in_(keys), subscription.commit_seq < work.seq())
        found |= set(
            work.connection.execute(query.where(subscription.to_date.is_not(None) | subscription.subscription_key.in_(recorded))).scalars()
        )
    return sorted(found)
