"""Decisions on late usage, or a proposal, as the commit that stored them has them: for a caller whose answer was lost.

No commit has the chosen records that were left alone, and the words about versions. Of a proposal none has the text of a line that was
not given, and the sums of groups with one currency in common.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import sqlalchemy as sa

from billing import late_decisions
from billing.intake import view
from billing.intake.marks import keys_array
from billing.late_decisions import BILLED, TAKEN_BACK
from billing.left_out import versions
from billing.store import approvals, tables
from billing.too_late.choosing import GroupKey
from billing.too_late.deciding import LateProposal
from billing.too_late.planning import limit_values, owners_of
from billing.too_late.results import Decided, Group
from rating.dates import local_date

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from billing.store.approvals import Approval
    from billing.store.home import Home

_OF_KEY: Final = len(GroupKey._fields)


class Recovered(NamedTuple):
    """A result that is known again. `without_sums`: the places of groups whose worth and amount no commit has."""

    decided: Decided
    without_sums: frozenset[int] = frozenset()


def stored_by(home: Home, kind: str, commit_seq: int) -> Recovered:
    """The decisions of a kind that a commit made, or the proposal that it stored."""
    with home.connect() as connection:
        asked = approvals.of_commit(connection, commit_seq)
        rows = [] if asked is not None else _decisions(connection, commit_seq)
        keys = late_decisions.records_of(connection, [row.decision_id for row in rows])
    if asked is not None:
        return _proposed(home, asked)
    names = _names(home, commit_seq, {key for each in keys.values() for key in each})
    groups = tuple(_group(row, keys[row.decision_id], names) for row in rows)
    return Recovered(Decided(kind, groups, (), sum(len(each.event_keys) for each in groups), limit_values(groups)))


def _decisions(connection: sa.Connection, commit_seq: int) -> list[Any]:
    """The decisions that a commit made, with their owners and adjustments, in order."""
    row, account, subscription, made = tables.late_decisions, tables.accounts.c, tables.subscriptions.c, tables.adjustments.c
    names = (account.account_id, subscription.subscription_id)
    sold = (made.reference, made.on_date, made.text, made.catalogue, made.tax_class)
    query = sa.select(row, *names, *sold).select_from(row)
    query = query.outerjoin(tables.accounts, account.account_key == row.c.account_key)
    query = query.outerjoin(tables.subscriptions, subscription.subscription_key == row.c.subscription_key)
    query = query.outerjoin(tables.adjustments, made.adjustment_id == row.c.adjustment_id)
    return list(connection.execute(query.where(row.c.commit_seq == commit_seq, row.c.kind != TAKEN_BACK).order_by(row.c.decision_id)))


def _group(row: Any, keys: list[bytes], names: Mapping[bytes, str]) -> Group:  # noqa: ANN401 -- a row of `_decisions`
    return Group(
        decision_id=int(row.decision_id),
        account_id=row.account_id or "",
        subscription_id=row.subscription_id or "",
        currency=row.currency or "",
        catalogue=row.catalogue or "",
        tax_class=row.tax_class or "",
        records=tuple(names.get(key, "") for key in keys),
        event_keys=tuple(key.hex() for key in keys),
        worth_micros=int(row.worth_micros),
        amount_micros=int(row.amount_micros),
        on_date=row.on_date or "",
        text=row.text or "",
        reference=row.reference or "",
    )


def _proposed(home: Home, asked: Approval) -> Recovered:
    """The decision that waits, by the payload of its proposal."""
    told = msgspec.json.decode(asked.payload, type=LateProposal)
    parts = [(GroupKey(*each[:_OF_KEY]), each[_OF_KEY:]) for each in told.about]
    names = _names(home, asked.commit_seq, {bytes.fromhex(key) for key in told.event_keys})
    with home.connect() as connection:
        owners = owners_of(connection, {key.account_id for key, _ in parts})
    currencies = [key.currency for key, _ in parts]
    groups, first = [], 0
    for key, event_keys in parts:
        records = told.names[first : first + len(event_keys)]
        first += len(event_keys)
        amount, day, text = 0, "", ""
        if told.kind == BILLED:
            amount, text = told.amount_micros or told.values[key.currency], told.text
            day = told.on_date or local_date(asked.at_us, owners[key.account_id].timezone).isoformat()
        groups.append(Group(0, *key, records, _in_order(event_keys, records, names), told.worths[key.currency], amount, day, text, ""))
    unknown = frozenset(place for place, currency in enumerate(currencies) if currencies.count(currency) > 1)
    found = Decided(told.kind, tuple(groups), (), len(told.event_keys), told.values, needs_second=True, proposal=asked.approval_id)
    return Recovered(found, unknown)


def _in_order(event_keys: Sequence[str], records: Sequence[str], names: Mapping[bytes, str]) -> tuple[str, ...]:
    """Event keys in the order of the records."""
    place_of = {name: place for place, name in enumerate(records)}
    return tuple(sorted(event_keys, key=lambda each: place_of.get(names.get(bytes.fromhex(each), ""), len(records))))


def _names(home: Home, seq: int, keys: AbstractSet[bytes]) -> dict[bytes, str]:
    """The names that sources gave to records, by event key, or by the key of the difference between versions."""
    usage = view.of_keys(home, ("event_key", "record_id"), seq, keys_array(sorted(keys)))
    found = dict(zip(usage["event_key"].to_pylist(), usage["record_id"].to_pylist(), strict=True))
    differences = versions.of_keys(home, seq, keys - found.keys())
    record_ids = differences.rows["record_id"]
    return found | {each.key: record_ids[each.row].as_py() for each in differences.found}
