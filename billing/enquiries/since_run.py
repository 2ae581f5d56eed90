"""Changes of records since the run that charged or refused them: versions in conflict, another version or owner, a cause that is mended.

The charge of the run stands until a later run computes its period again. So an answer about a record shows the version that is billed, and
what the next run does about it.
"""

from __future__ import annotations

import collections
import enum
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from billing import late_decisions
from billing.enquiries.usage_bills import charged
from billing.guiding import Guide
from billing.intake import marks
from billing.intake.marks import COMMIT_SEQ, CONFLICTING
from billing.left_out.precedence import UNSEEN
from billing.left_out.telling import tell_of, usage_of
from billing.left_out.versions import differences
from billing.runs.selection.left_out import Outlook
from billing.store import tables
from billing.suspense.estimate import Basis, Estimator
from billing.suspense.waiting import stored_rows, waiting
from rating.schema import KEY, UsageFlag
from rating.status import REFUSALS_FROM

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from billing.enquiries.usage_bills import Charged
    from billing.left_out.telling import UnbilledRecord
    from billing.store.home import Home

_COLUMNS: Final = (
    "event_key",
    "served_id",
    "content_hash",
    "start_us",
    "flags",
    "duration_us",
    "bytes_up",
    "bytes_down",
    "units",
    COMMIT_SEQ,
)


class Kind(enum.StrEnum):
    """Kinds of changes."""

    CONFLICT = "conflict"  # no version counts until one is chosen
    VERSION = "version"  # another version counts than the one that was charged
    OWNER = "owner"  # the same version, and another account has the number
    MENDED = "mended"  # rating refused it, and would price it now
    GONE = "gone"  # no version counts any more


class Quantity(msgspec.Struct, frozen=True):
    """Duration in microseconds, bytes and units of a version."""

    duration_us: int
    bytes: int
    units: int


class Since(msgspec.Struct, frozen=True):
    """A change of one record. `next_bill_date`: of the run that follows it up; empty where none does, and while versions are in conflict.

    `charged`: the version that was charged; `counts`: the one that counts now. `suspense_id`: of the oldest row that waits.
    `billed_account_id`: the account whose bill has the charge, where the record is of another account (`account_id`) or of none by now.
    `too_late`: the list of late usage has the difference of the versions, or one of two; `decision_ids`: those of people about it, the
    oldest first, and `decision_id` the newest of them. There are two differences where the versions are of two subscriptions.
    """

    event_key: str
    kind: Kind
    account_id: str = ""
    next_bill_date: str = ""
    charged: Quantity | None = None
    counts: Quantity | None = None
    suspense_id: int = 0
    billed_account_id: str = ""
    too_late: bool = False
    decision_id: int = 0
    decision_ids: tuple[int, ...] = ()


def since_run(home: Home, seq: int, charges: Mapping[bytes, Sequence[Charged]]) -> dict[bytes, Since]:
    """The changes of charged or refused events as of `seq`, by key: of those that have any."""
    keys = sorted(key for key, each in charges.items() if each)
    versions = _versions(home, seq, keys) if keys else {}
    found: dict[bytes, Since] = {}
    changed: dict[bytes, tuple[dict[str, Any], dict[str, Any] | None]] = {}
    refused: dict[bytes, dict[str, Any]] = {}
    in_doubt = _in_conflict(home, seq) if any(not _counting(each) for each in versions.values()) else {}
    owners = _owners(home, seq, [row for each in versions.values() if (row := _counting(each)) is not None])
    for key, rows in versions.items():
        charge, counts = charges[key][-1], _counting(rows)
        known = [row for row in rows if row[COMMIT_SEQ] <= charge.pinned_seq]
        before = max(known, key=lambda row: int(row[COMMIT_SEQ]), default=None)
        if counts is None:
            found |= _without_version(home, key, charge, before, in_doubt)
        elif charge.status >= REFUSALS_FROM:
            refused[key] = counts
        elif owners[key] != charge.account_key and charge.account_key:
            is_another = _is_another(counts, before, charge)
            kind, shown = (Kind.VERSION, (before, counts)) if is_another else (Kind.OWNER, (None, None))
            ids = _account_ids(home, [charge.account_key, owners[key]])
            now, billed = ids.get(owners[key], ""), ids[charge.account_key]
            found[key] = Since(key.hex(), kind, now, "", _quantity(shown[0]), _quantity(shown[1]), billed_account_id=billed)
        elif _is_another(counts, before, charge):
            changed[key] = counts, before
    starts = {key: int(row["start_us"]) for key, row in refused.items()}
    starts = {key: starts[key] for key in _priced_now(home, seq, starts)}
    told = _next(home, seq, starts | {key: int(row["start_us"]) for key, (row, _) in changed.items()})
    for key, (counts, before) in changed.items():
        found[key] = _followed(Since(key.hex(), Kind.VERSION, charged=_quantity(before), counts=_quantity(counts)), told.get(key))
    stay = {key: each for key, each in found.items() if each.kind in {Kind.VERSION, Kind.GONE} and not each.next_bill_date}
    found |= _with_differences(home, seq, stay)
    for key in starts:
        one = _followed(Since(key.hex(), Kind.MENDED), told.get(key))
        if one.next_bill_date:
            found[key] = one
    return found


def _without_version(
    home: Home, key: bytes, charge: Charged, before: dict[str, Any] | None, in_doubt: Mapping[bytes, int]
) -> dict[bytes, Since]:
    """The change of an event without a version that counts."""
    if key in in_doubt:
        return {key: Since(key.hex(), Kind.CONFLICT, charged=_quantity(before), suspense_id=in_doubt[key])}
    if charge.status >= REFUSALS_FROM or not charge.account_key:
        return {}
    billed = _account_ids(home, [charge.account_key])[charge.account_key]
    return {key: Since(key.hex(), Kind.GONE, charged=_quantity(before), billed_account_id=billed)}


def moved(home: Home, seq: int, charges: Mapping[bytes, Charged], rows: pa.Table) -> list[bytes]:
    """Those of charged events whose number is another account's by now, or of no account. `rows`: event_key, served_id and start_us."""
    owners = _owners(home, seq, rows.select(["event_key", "served_id", "start_us"]).to_pylist())
    return [key for key, owner in owners.items() if key in charges and charges[key].account_key not in {0, owner}]


def changes_since(home: Home, keys: Collection[bytes]) -> list[Since]:
    """The changes of some events as of now."""
    with home.connect() as connection:
        seq = home.head_seq(connection)
    found = since_run(home, seq, charged(home, seq, sorted(keys)))
    return [found[key] for key in sorted(found)]


def owners_of(home: Home, seq: int, rows: Sequence[dict[str, Any]]) -> dict[bytes, str]:
    """The id of the account that has the number of each row at its start, by event; empty for none."""
    keys = _owners(home, seq, rows)
    ids = _account_ids(home, sorted(set(keys.values())))
    return {event: ids.get(key, "") for event, key in keys.items()}


def owners_in_conflict(home: Home, seq: int, keys: Collection[bytes]) -> dict[bytes, str]:
    """Account ids of the owners of events whose versions are in conflict; of the version that came last, if they differ."""
    if not keys:
        return {}
    estimator = Estimator(home, seq)
    rows = stored_rows(home, seq, pa.array(sorted(keys), KEY), list(dict.fromkeys((*estimator.columns, "event_key", COMMIT_SEQ))))
    rows = rows.sort_by(COMMIT_SEQ)
    names: list[Any] = rows["event_key"].to_pylist()
    return {key: owner.account_id for key, owner in zip(names, estimator.owners(rows), strict=True)}


def _owners(home: Home, seq: int, rows: Sequence[dict[str, Any]]) -> dict[bytes, int]:
    """The account (key) that has the number of each row at its start, by event; 0 for none."""
    if not rows:
        return {}
    served_ids, starts = pa.array([row["served_id"] for row in rows], pa.string()), [int(row["start_us"]) for row in rows]
    subscriptions = Guide(home, seq).resolve(served_ids, np.array(starts, np.int64)).tolist()
    column = tables.subscriptions.c
    query = sa.select(column.subscription_key, column.account_key).where(column.subscription_key.in_(set(subscriptions)))
    with home.connect() as connection:
        account_of = dict(connection.execute(query).all())
    return {row["event_key"]: int(account_of.get(key, 0)) for row, key in zip(rows, subscriptions, strict=True)}


def _account_ids(home: Home, keys: Sequence[int]) -> dict[int, str]:
    column = tables.accounts.c
    with home.connect() as connection:
        return dict(connection.execute(sa.select(column.account_key, column.account_id).where(column.account_key.in_(keys))).all())


def _with_differences(home: Home, seq: int, stay: Mapping[bytes, Since]) -> dict[bytes, Since]:
    """Changes that no run follows up, each with its place on the list of late usage, or the decision on it."""
    if not stay:
        return {}
    with home.connect() as connection:
        known = late_decisions.decided(connection, seq)
    decided: dict[Any, int] = dict(zip(known.keys.to_pylist(), known.decision_id.tolist(), strict=True))
    found: dict[bytes, Since] = {}
    for each in differences(home, seq, stay).found:
        number, before = decided.get(each.key, 0), found.get(each.event_key, stay[each.event_key])
        numbers = tuple(sorted({*before.decision_ids, number} - {0}))
        news = {"too_late": before.too_late or not number, "decision_id": max(numbers, default=0), "decision_ids": numbers}
        found[each.event_key] = msgspec.structs.replace(before, **news)
    return found


def _followed(since: Since, told: UnbilledRecord | None) -> Since:
    """With the run that follows a change up, if one does."""
    if told is None:
        return since
    date = told.next_bill_date if told.outlook is Outlook.LATER and told.account_id else ""
    return msgspec.structs.replace(since, account_id=told.account_id, next_bill_date=date)


def _is_another(counts: dict[str, Any], before: dict[str, Any] | None, charge: Charged) -> bool:
    """True where another version was charged than the one that counts. Calls and sessions that are put together anew are no versions."""
    if before is None or counts[COMMIT_SEQ] <= charge.pinned_seq or counts["flags"] & int(UsageFlag.ASSEMBLED):
        return False
    return bool(counts["content_hash"] != before["content_hash"])


def _versions(home: Home, seq: int, keys: Sequence[bytes]) -> dict[bytes, list[dict[str, Any]]]:
    """All stored rows of events, with `is_hidden`."""
    table = stored_rows(home, seq, pa.array(keys, KEY), _COLUMNS)
    table = table.set_column(table.column_names.index("start_us"), "start_us", table["start_us"].cast(pa.int64()))
    with home.connect() as connection:
        hidden = marks.is_hidden(table, marks.hidden(connection, seq)).tolist()
    found: dict[bytes, list[dict[str, Any]]] = collections.defaultdict(list)
    for row, is_hidden in zip(table.to_pylist(), hidden, strict=True):
        found[row["event_key"]].append({**row, "is_hidden": is_hidden})
    return found


def _counting(rows: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    return next((row for row in rows if not row["is_hidden"]), None)


def _quantity(row: dict[str, Any] | None) -> Quantity | None:
    if row is None:
        return None
    return Quantity(row["duration_us"] or 0, (row["bytes_up"] or 0) + (row["bytes_down"] or 0), row["units"] or 0)


def _in_conflict(home: Home, seq: int) -> dict[bytes, int]:
    """Events whose versions wait, each with the oldest row."""
    with home.connect() as connection:
        rows = waiting(connection, seq, reason=CONFLICTING).select(["event_key", "suspense_id"]).to_pylist()
    return {row["event_key"]: row["suspense_id"] for row in reversed(rows)}


def _priced_now(home: Home, seq: int, starts: Mapping[bytes, int]) -> list[bytes]:
    """Those of refused events that the plan of their owner prices as of now, as `usage suspense` has them."""
    if not starts:
        return []
    estimator = Estimator(home, seq)
    usage = _usage(home, seq, starts)
    is_priced = estimator.owned(usage) & (estimator.estimates(usage).basis == Basis.OWN_PLAN)
    is_priced &= (usage["flags"].to_numpy() & int(UsageFlag.PARTIAL)) == 0
    keys: list[Any] = usage["event_key"].filter(pa.array(is_priced)).to_pylist()
    return keys


def _next(home: Home, seq: int, starts: Mapping[bytes, int]) -> dict[bytes, UnbilledRecord]:
    """The fate of each event in the next run of its account."""
    if not starts:
        return {}
    usage = _usage(home, seq, starts)
    told = tell_of(home, seq, usage, np.full(usage.num_rows, UNSEEN, np.int8), np.zeros(usage.num_rows, np.int64))
    return {bytes.fromhex(each.event_key): each for each in told}


def _usage(home: Home, seq: int, starts: Mapping[bytes, int]) -> pa.Table:
    keys = sorted(starts)
    return usage_of(home, seq, pa.array(keys, KEY), np.array([starts[key] for key in keys], np.int64))
