"""Decisions of people about records that came too late for their bill, with the adjustment and the invoice that bill them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import sqlalchemy as sa

from billing import late_decisions
from billing.runs.settlement import adjustments
from billing.store import tables

if TYPE_CHECKING:
    from collections.abc import Collection

    import pyarrow as pa


class DecisionTold(msgspec.Struct, frozen=True):
    """A valid decision about this record and others of its subscription. `kind`: billed or written_off.

    `account_id`, `subscription_id`: the owner when it was made, who pays; empty where there was none.
    `amount_micros` is that of the adjustment, with tax where prices hold it, and `reference` its name. `invoice` and `line_no` are where it
    is billed: empty and 0 where it is not. The line is over `line_micros`; `credit_notes` (the newest is `credit_note`) gave back
    `credited_micros` of it for good: both without tax. `never_billed`: no run bills the adjustment. Then `never_because` says why:
    `closed`, its period was closed before a run billed it, or `test`, its account is for tests in that period.
    """

    decision_id: int
    kind: str
    by_name: str
    agreed_by: str
    at_us: int
    reason: str
    records: int
    amount_micros: int
    currency: str
    reference: str
    invoice: str
    line_no: int = 0
    credit_note: str = ""
    credited_micros: int = 0
    line_micros: int = 0
    credit_notes: tuple[str, ...] = ()
    never_billed: bool = False
    never_because: str = ""
    account_id: str = ""
    subscription_id: str = ""

    @property
    def is_credited_in_part(self) -> bool:
        """True where a part of the line was given back, and not all of it."""
        return 0 < self.credited_micros < self.line_micros


def decided_on(connection: sa.Connection, seq: int, usage: pa.Table) -> dict[int, DecisionTold]:
    """The decisions valid as of `seq` about rows of `usage`, by row."""
    decided = late_decisions.decided(connection, seq)
    rows = decided.holds(usage["event_key"]).nonzero()[0].tolist()
    if not rows:
        return {}
    of_key = dict(zip(decided.keys.to_pylist(), decided.decision_id.tolist(), strict=True))
    keys = usage["event_key"].take(rows).to_pylist()
    told = standing(connection, seq, {of_key[key] for key in keys})
    return {row: told[of_key[key]] for row, key in zip(rows, keys, strict=True)}


def standing(connection: sa.Connection, seq: int, wanted: Collection[int]) -> dict[int, DecisionTold]:
    """Decisions valid as of `seq`, by number."""
    found = {number: each for number, each in late_decisions.standing(connection, seq).items() if number in wanted}
    row = tables.adjustments.c
    names = sa.select(row.adjustment_id, row.reference).join_from(
        tables.adjustments, tables.late_decisions, tables.late_decisions.c.adjustment_id == row.adjustment_id
    )
    references = {int(adjustment_id): reference for adjustment_id, reference in connection.execute(names)}
    invoices = adjustments.billed(connection) if references else {}
    owners = _owners(connection) if found else {}
    never = adjustments.never_billed(connection, seq) if references.keys() - invoices.keys() else {}
    return {
        number: DecisionTold(
            number,
            each.kind,
            each.by_name,
            each.agreed_by,
            each.at_us,
            each.reason,
            each.records,
            each.amount_micros,
            each.currency,
            references.get(each.adjustment_id or 0, ""),
            *invoices.get(each.adjustment_id or 0, adjustments.Billed("", 0)),
            never_billed=each.adjustment_id in never,
            never_because=never.get(each.adjustment_id or 0, ""),
            account_id=owners[number][0],
            subscription_id=owners[number][1],
        )
        for number, each in found.items()
    }


def _owners(connection: sa.Connection) -> dict[int, tuple[str, str]]:
    """Account and subscription of each decision."""
    row, account, subscription = tables.late_decisions.c, tables.accounts.c, tables.subscriptions.c
    query = sa.select(row.decision_id, account.account_id, subscription.subscription_id).select_from(tables.late_decisions)
    query = query.outerjoin(tables.accounts, account.account_key == row.account_key)
    query = query.outerjoin(tables.subscriptions, subscription.subscription_key == row.subscription_key)
    return {int(number): (account_id or "", subscription_id or "") for number, account_id, subscription_id in connection.execute(query)}
