"""What a run would bill now; nothing is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from billing.collection import gate
from billing.invoicing import InvoiceDraft
from billing.runs import beginning
from billing.runs.computing import compute

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Set as AbstractSet

    from billing.runs.computing import Progress
    from billing.store.home import Home


class Preview(msgspec.Struct, frozen=True):
    """What a run would bill now."""

    bill_date: str
    seq: int
    drafts: tuple[InvoiceDraft, ...]
    account_ids: tuple[str, ...]  # of each draft
    events: dict[str, int]
    left_out: dict[str, int]
    quarantined: dict[str, str]
    findings: dict[str, str]  # open ones about usage files, by name: a run refuses while there are any


def preview(
    home: Home, bill_date: dt.date, *, threads: int = 1, progress: Progress | None = None, accounts: AbstractSet[str] | None = None
) -> Preview:
    """What `run` would bill for `bill_date` as things stand; writes nothing. `accounts`: only these ids, and those of their units."""
    beginning.require_date(bill_date)
    with home.connect() as connection:
        seq = home.head_seq(connection)
        findings = gate.in_the_way(connection, bill_date)
    computed = compute(home, bill_date, seq, threads=threads, only=accounts, progress=progress)
    facts, settlement = computed.contracts.facts, computed.settlement
    place = {int(key): index for index, key in enumerate(facts.account_keys.tolist())}
    names = {key: facts.accounts[place[key]].account_id for key in [*settlement.drafts.account_key.tolist(), *settlement.quarantined]}
    return Preview(
        bill_date.isoformat(),
        seq,
        settlement.drafts.structs(),
        tuple(names[key] for key in settlement.drafts.account_key.tolist()),
        {name.removeprefix("events."): term.rows for name, term in computed.terms.items() if name.startswith("events.")},
        {name.removeprefix("left_out."): term.rows for name, term in computed.terms.items() if name.startswith("left_out.")},
        {names[key]: reason for key, reason in settlement.quarantined.items()},
        {each.name: each.text for each in findings},
    )
