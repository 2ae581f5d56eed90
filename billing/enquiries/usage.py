"""The records of a number in a span, each with its state, and where it is billed or why it is not.

Looked at are records that count, those that wait in suspense, and those without a version that counts under the number any more; and what
bill runs made of them. Rows that could not be read have no number and are not found. At most `limit` records are listed, the oldest; memory
holds one file of usage at a time.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from billing.enquiries import off_rows
from billing.enquiries.off_rows import Gone
from billing.enquiries.since_run import Kind, Quantity, Since, moved, owners_in_conflict, owners_of, since_run
from billing.enquiries.usage_bills import Charged, charged
from billing.enquiries.usage_rows import Instants, NumberQuery, Rows, stored_rows
from billing.enquiries.void_bills import to_come, void_line
from billing.intake import view
from billing.intake.marks import COMMIT_SEQ, CONFLICTING
from billing.invoicing.rerated import Rerated
from billing.late_decisions import BILLED
from billing.left_out import telling
from billing.left_out.in_conflict import conflicts_of
from billing.left_out.off_bills import off_bills
from billing.left_out.taken_off import taken_off
from billing.runs.contracts.columns import int64
from billing.runs.selection.left_out import LeftOut, Outlook
from billing.runs.settlement.adjustments import FOR_TESTS
from billing.store import tables
from billing.suspense.waiting import waiting
from rating.errors import UserError
from rating.schema import KEY
from rating.status import REFUSALS_FROM, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from billing.enquiries.off_rows import OffRow
    from billing.enquiries.void_bills import OnVoid
    from billing.left_out.in_conflict import InConflict
    from billing.left_out.telling import UnbilledRecord
    from billing.store.home import Home

    Progress = Callable[[str, int, int], None]

LIMIT_MAX: Final = 10_000
NEVER_BILLED: Final = "never_billed"  # detail of what an adjustment was to bill whose period was closed before a run billed it
ABSORBED: Final = "absorbed"  # detail of a record whose call another record bills
NEVER_FOR_TESTS: Final = "never_billed_test"  # the same where the account is for tests in that period


class State(enum.StrEnum):
    """The states of a record."""

    BILLED = "billed"
    NO_LINE = "no_line"  # priced at nothing, or another line holds what is due: it is on no line of its run
    VOID = "void"  # its invoice is void and nothing else has it: a later run bills it
    REFUSED = "refused"  # rating refused it: `reason` is the status
    NOT_DUE = "not_due"  # a later run bills it
    TOO_LATE = "too_late"  # no run bills it any more
    LATE_BILLED = "late_billed"  # somebody decided that an adjustment bills it
    LATE_WRITTEN_OFF = "late_written_off"  # somebody decided that nothing bills it
    NOT_BILLABLE = "not_billable"  # it never bills
    LEFT_OUT = "left_out"  # an open run has not had it, or its account was put aside
    SUSPENSE = "suspense"  # it waits for a decision: `reason` says why
    GIVEN_UP = "given_up"  # somebody wrote it off in suspense: no version of it counts
    REPLACED = "replaced"  # another version counts, or another row in its stead; `detail`: its number, where that is another one


_STATE_OF: Final = {
    Outlook.FOR_GOOD: State.TOO_LATE,
    Outlook.NEVER: State.NOT_BILLABLE,
    Outlook.LATER: State.NOT_DUE,
    Outlook.EARLIER: State.LEFT_OUT,
    Outlook.BILLED: State.BILLED,
}
_OFF_STATE: Final = {
    Gone.WAITS: State.SUSPENSE,
    Gone.WRITTEN_OFF: State.GIVEN_UP,
    Gone.ABSORBED: State.NOT_BILLABLE,
    Gone.PUT_TOGETHER: State.REPLACED,
    Gone.REPLACED: State.REPLACED,
}


class Record(msgspec.Struct, frozen=True):
    """One record. Instants and durations in microseconds; `charge_micros` is that of its newest run, before its line is rounded.

    `later_lines`: lines with the same charge key on later invoices, as `R-0000000007/2`. `rerated`: what re-ratings have billed since that
    run on the usage of its subscription and period. `suspense_id`: 0 unless it waits there.
    `next_bill_date`: that of the account's next run, where no run has looked at the record since it came; of a record on a void invoice
    that of the run that bills it again (after the hold, where `reason` is one). It is empty where none is known that does: then `reason`
    says why, or `rerated` what has billed it.
    `proposal`: the number of a decision on it that waits for another person, or 0.
    `decision_id`: what people decided on it, or 0; `adjustment`: the reference of what bills it, on `invoice` if any has it.
    `since`: what changed since the run that its state is from. Of versions in conflict `invoice` and `line_no` bill one of them, and the
    row of that one has its charge. `credit_notes` gave back the line that bills it, or a part of it. Of what an interim bill has
    `invoice` is its number, without a line, and `billed_account_id` its account.
    """

    source: str
    record_id: str
    start_us: int | None
    service: int
    direction: int
    other: str
    duration_us: int
    bytes: int
    units: int
    state: State
    reason: str = ""
    detail: str = ""
    account_id: str = ""
    run_id: int = 0
    invoice: str = ""
    line_no: int = 0
    later_lines: tuple[str, ...] = ()
    charge_micros: int = 0
    currency: str = ""
    suspense_id: int = 0
    next_bill_date: str = ""
    decision_id: int = 0
    adjustment: str = ""
    rerated: tuple[Rerated, ...] = ()
    proposal: int = 0
    since: Since | None = None
    credit_notes: tuple[str, ...] = ()
    is_credited_in_part: bool = False
    billed_account_id: str = ""


class NumberRecords(msgspec.Struct, frozen=True):
    """The oldest records of a number in a span, by time, and how many there are in all."""

    number: str
    seq: int
    records: tuple[Record, ...]
    total: int


def require_limit(limit: int) -> None:
    """Raises UserError for a limit out of bounds, in the words of the command line."""
    if not 1 <= limit <= LIMIT_MAX:
        raise UserError(f"--limit: {limit} is not between 1 and {LIMIT_MAX:,}", "narrow the span by --from and --to", exit_status=2)


def find(home: Home, number: str, span: Instants, *, limit: int = 50, progress: Progress | None = None) -> NumberRecords:
    """The records of `number`. `progress` is called with a stage, and files done and in all. Raises UserError for a limit out of bounds."""
    require_limit(limit)

    def stage(name: str) -> Callable[[int, int], None]:
        return lambda done, total: progress(name, done, total) if progress is not None else None

    with home.connect() as connection:
        seq = home.head_seq(connection)
        waits = [row for row in waiting(connection, seq, served_id=number).to_pylist() if span.holds(row["start_us"])]
    in_conflict = {row["event_key"] for row in waits if row["reason"] == CONFLICTING and row["event_key"] is not None}
    rows = stored_rows(home, seq, NumberQuery(number, span, limit), stage("usage"))
    keys: list[Any] = rows.table["event_key"].to_pylist()
    off = {key: each for key, each in _off(home, seq, rows).items() if key not in {row["event_key"] for row in waits}}
    charges = charged(home, seq, [*keys, *in_conflict, *off], stage("charges"))
    gone: list[Any] = taken_off(home, seq, charges).to_pylist() if charges else []
    for key in gone:
        del charges[key]
    last = {key: each[-1] for key, each in charges.items() if each}
    others = moved(home, seq, {key: each for key, each in last.items() if each.status < REFUSALS_FROM}, rows.table)
    since = since_run(
        home, seq, {key: charges[key] for key in {*_may_differ(rows, last, in_conflict), *others, *(off.keys() & last.keys())}}
    )
    on_no_bill: set[Any] = set(off_bills(home, seq, charges).to_pylist()) & set(keys)
    told = _left_out(home, seq, rows, {key for key in keys if key not in charges or key in on_no_bill or _is_unbilled(charges[key][-1])})
    told |= _customers_by_now(home, seq, rows, told, {key for key in on_no_bill if last[key].aside == LeftOut.TESTED})
    accounts = _accounts(home, {each.account_key for of in charges.values() for each in of})
    records = [_record(row, charges.get(row["event_key"], []), told, accounts) for row in rows.table.to_pylist()]
    records = _with_what_comes(home, seq, rows, charges, records)
    records = [_with_since(each, since.get(key)) for key, each in zip(keys, records, strict=True)]
    owners = owners_in_conflict(home, seq, in_conflict)
    names = _record_ids(home, seq, waits)
    held = [_waiting(row, names, owners, charges.get(row["event_key"], []), since.get(row["event_key"]), accounts) for row in waits]
    owned = owners_of(home, seq, [row for row in rows.off.to_pylist() if row["event_key"] in off])
    gone_rows = [
        _not_counting(row, off[row["event_key"]], charges.get(row["event_key"], []), since.get(row["event_key"]), accounts, owned)
        for row in rows.off.to_pylist()
        if row["event_key"] in off
    ]
    keys_of_them = [row["event_key"] for row in (*waits, *(row for row in rows.off.to_pylist() if row["event_key"] in off))]
    disputed = _with_interim_bills(home, seq, keys_of_them, [*held, *gone_rows])
    every = sorted([*records, *disputed], key=lambda each: (each.start_us is None, each.start_us or 0, each.source, each.record_id))
    return NumberRecords(number, seq, tuple(every[:limit]), rows.total + len(waits) + len(gone_rows))


def of_charges(charges: list[Charged]) -> dict[str, Any]:
    """The invoice and line that bill an event its newest run priced: those of its owner. Another one of before has them back."""
    last = charges[-1]
    if last.aside == LeftOut.TESTED:  # a line of before is taken back by the run
        return {"state": State.NOT_BILLABLE, "reason": LeftOut.TESTED, "detail": last.aside_reason}
    charges = [each for each in charges if each.account_key == last.account_key]
    standing = [each for each in charges if each.line is not None and not each.line.is_void]
    if standing:
        first = standing[0]
        assert first.line is not None, "chosen for its line"
        later = tuple(f"{each.line.number}/{each.line.line_no}" for each in standing[1:] if each.line is not None)
        where = {"run_id": first.run_id, "invoice": first.line.number, "line_no": first.line.line_no, "later_lines": later}
        is_in_part = 0 < first.line.credited_micros < first.line.amount_micros
        where |= {"credit_notes": first.line.credit_notes, "is_credited_in_part": is_in_part}
        return {"state": State.BILLED, **where}
    if last.aside:
        return {"state": State.LEFT_OUT, "reason": LeftOut(last.aside), "detail": last.aside_reason}
    void = next((each.line for each in reversed(charges) if each.line is not None), None)
    if void is not None:
        return {"state": State.VOID, "invoice": void.number, "line_no": void.line_no}
    return {"state": State.NO_LINE}


def _may_differ(rows: Rows, last: Mapping[bytes, Charged], in_conflict: Collection[bytes]) -> list[bytes]:
    """Charged events that may have changed since their `last` run: refused, stored later than it looked, or in conflict."""
    stored = dict(zip(rows.table["event_key"].to_pylist(), int64(rows.table[COMMIT_SEQ]).tolist(), strict=True))
    later = [key for key, charge in last.items() if charge.status >= REFUSALS_FROM or stored.get(key, 0) > charge.pinned_seq]
    return [*later, *(key for key in last if key in in_conflict and key not in later)]


def _with_since(record: Record, since: Since | None) -> Record:
    """With what changed since the run that its state is from."""
    if since is None or record.state not in {State.BILLED, State.NO_LINE, State.REFUSED}:
        return record
    account_id = record.account_id if since.billed_account_id else since.account_id or record.account_id
    known = {"since": since, "next_bill_date": since.next_bill_date, "account_id": account_id}
    return msgspec.structs.replace(record, **known)


def _is_unbilled(charge: Charged) -> bool:
    """True for a refusal, and for a charge of an account that the run put into quarantine."""
    return charge.status >= REFUSALS_FROM or charge.aside == LeftOut.QUARANTINED


def _left_out(home: Home, seq: int, rows: Rows, keys: set[bytes]) -> dict[str, UnbilledRecord]:
    """Reasons why events are on no bill, by key as hexadecimal digits: events without a charge, or with a refusal as the last one."""
    own = [row for row in rows.table.select(["event_key", "start_us"]).to_pylist() if row["event_key"] in keys]
    own.sort(key=lambda row: row["event_key"])
    starts = np.array([row["start_us"] for row in own], np.int64)
    found = telling.tell(home, seq, pa.array([row["event_key"] for row in own], KEY), starts)
    return {each.event_key: each for each in found}


def _customers_by_now(home: Home, seq: int, rows: Rows, told: Mapping[str, UnbilledRecord], keys: set[bytes]) -> dict[str, UnbilledRecord]:
    """The fate in the next run of events that a run computed for tests, and that are a customer's by now; not of late ones."""
    own = {
        row["event_key"]: row["start_us"] for row in rows.table.select(["event_key", "start_us"]).to_pylist() if row["event_key"] in keys
    }
    late = {bytes.fromhex(key) for key, each in told.items() if each.outlook is Outlook.FOR_GOOD}
    open_ = {key: start_us for key, start_us in own.items() if key not in late}
    return {each.event_key: each for each in telling.as_customers(telling.of_next_run(home, seq, open_))}


def _with_what_comes(home: Home, seq: int, rows: Rows, charges: dict[bytes, list[Charged]], records: list[Record]) -> list[Record]:
    """The records, those on void invoices with the run that bills them again, or why none does."""
    names: list[Any] = rows.table["event_key"].to_pylist()
    starts = dict(zip(names, (each.start_us or 0 for each in records), strict=True))
    lines = {key: line for key in names if charges.get(key) and (line := void_line(charges[key])) is not None}
    found = {bytes.fromhex(each.event_key): each for each in to_come(home, seq, lines, starts)}
    return [
        _again(each, found[key]) if key in found and each.state is State.VOID and not each.rerated else each
        for key, each in zip(names, records, strict=True)
    ]


def _again(record: Record, found: OnVoid) -> Record:
    if found.bill_date:
        return msgspec.structs.replace(record, next_bill_date=found.bill_date)
    return msgspec.structs.replace(record, reason=found.to_come.reason, next_bill_date=found.held_to)


def _accounts(home: Home, keys: set[int]) -> dict[int, tuple[str, str]]:
    """Id and currency of accounts."""
    row = tables.accounts.c
    query = sa.select(row.account_key, row.account_id, row.currency).where(row.account_key.in_(sorted(keys)))
    with home.connect() as connection:
        return {int(key): (account_id, currency) for key, account_id, currency in connection.execute(query)}


def _record(row: dict[str, Any], charges: list[Charged], told: dict[str, UnbilledRecord], accounts: dict[int, tuple[str, str]]) -> Record:
    if not charges:
        return _plain(row, **_of_told(told[row["event_key"].hex()]))
    last, on_none = charges[-1], told.get(row["event_key"].hex())
    is_late = on_none is not None and on_none.outlook is Outlook.FOR_GOOD  # refused in time, say, and its period is closed
    is_customer_now = last.aside == LeftOut.TESTED and last.status < REFUSALS_FROM
    if on_none is not None and (is_late or is_customer_now):
        return _plain(row, **_of_told(on_none))
    account_id, currency = accounts.get(last.account_key, ("", ""))
    known: dict[str, Any] = {"account_id": account_id, "run_id": last.run_id, "rerated": last.rerated}
    if last.status >= REFUSALS_FROM:
        return _plain(row, state=State.REFUSED, reason=Status(last.status).name, **known)
    known |= {"charge_micros": last.charge_micros, "currency": currency}
    return _plain(row, **(known | of_charges(charges)))


def _of_told(told: UnbilledRecord) -> dict[str, Any]:
    if told.decision is not None:
        made = told.decision
        state = State.LATE_BILLED if made.kind == BILLED else State.LATE_WRITTEN_OFF
        where = {"invoice": made.invoice, "line_no": made.line_no, "adjustment": made.reference, "decision_id": made.decision_id}
        where |= {"credit_notes": made.credit_notes, "is_credited_in_part": made.is_credited_in_part}
        where |= {"detail": NEVER_FOR_TESTS if made.never_because == FOR_TESTS else NEVER_BILLED} if made.never_billed else {}
        return {"state": state, "reason": told.reason, "account_id": told.account_id, "run_id": told.run_id, **where}
    state = (
        State.LEFT_OUT if told.run_id and told.outlook is Outlook.LATER and told.reason is not LeftOut.NOT_DUE else _STATE_OF[told.outlook]
    )
    date = told.next_run if told.run_id else told.next_bill_date
    known = {"account_id": told.account_id, "run_id": told.run_id, "next_bill_date": date, "proposal": told.proposal}
    if told.document:
        known |= {"invoice": told.document, "billed_account_id": told.document_account_id, "run_id": 0}
        state = State.BILLED
    return {"state": state, "reason": told.reason, "detail": told.detail, **known}


def _plain(row: dict[str, Any], **known: Any) -> Record:  # noqa: ANN401 -- fields of Record
    other = row["other_raw"] or str(row["other_e164"] or "")
    volume = (row["bytes_up"] or 0) + (row["bytes_down"] or 0)
    what = (row["service"], row["direction"], other, row["duration_us"] or 0, volume, row["units"] or 0)
    return Record(row["source"], row["record_id"], row["start_us"], *what, **known)


def _off(home: Home, seq: int, rows: Rows) -> dict[bytes, OffRow]:
    """The reasons of records without a version that counts under the number."""
    keys: list[Any] = rows.off["event_key"].to_pylist()
    return off_rows.reasons(home, seq, set(keys))


def _not_counting(  # noqa: PLR0913, PLR0917 -- the row, and what is known of its event
    row: dict[str, Any],
    off: OffRow,
    charges: list[Charged],
    since: Since | None,
    accounts: Mapping[int, tuple[str, str]],
    owners: Mapping[bytes, str],
) -> Record:
    """A record without a version that counts under the number; with the bill that has one."""
    detail = off.served_id if off.served_id != row["served_id"] else ""
    reason = str(LeftOut.NOT_BILLABLE) if off.reason is Gone.ABSORBED else CONFLICTING if off.reason is Gone.WAITS else str(off.reason)
    known: dict[str, Any] = {"reason": reason, "detail": ABSORBED if off.reason is Gone.ABSORBED else detail}
    record = _plain(row, state=_OFF_STATE[off.reason], account_id=owners.get(row["event_key"], ""), suspense_id=off.suspense_id, **known)
    billed = of_charges(charges) if charges and charges[-1].status < REFUSALS_FROM else {}
    if since is None or billed.get("state") != State.BILLED:
        return record
    return msgspec.structs.replace(record, **_bill_of_version(row, charges[-1], billed, since, accounts))


def _bill_of_version(
    row: dict[str, Any], charge: Charged, billed: dict[str, Any], since: Since, accounts: Mapping[int, tuple[str, str]]
) -> dict[str, Any]:
    """The line that has a version of an event, with the charge where it is that of the row."""
    where = {name: billed[name] for name in ("run_id", "invoice", "line_no", "later_lines")}
    account_id, currency = accounts.get(charge.account_key, ("", ""))
    if since.charged is not None and since.charged.duration_us == (row["duration_us"] or 0):
        where |= {"charge_micros": charge.charge_micros, "currency": currency}
    return {**where, "account_id": account_id, "since": since}


def _with_interim_bills(home: Home, seq: int, keys: Sequence[bytes | None], records: Sequence[Record]) -> list[Record]:
    """The records (of events with these keys), versions in conflict with the interim bill that has one of them."""
    asked = {
        key
        for key, each in zip(keys, records, strict=True)
        if key is not None and each.state is State.SUSPENSE and each.reason == CONFLICTING and not each.invoice
    }
    found = {bytes.fromhex(each.event_key): each for each in conflicts_of(home, seq, asked) if each.document}
    return [_on_interim_bill(each, found[key]) if key in asked and key in found else each for key, each in zip(keys, records, strict=True)]


def _on_interim_bill(record: Record, on: InConflict) -> Record:
    if record.state is not State.SUSPENSE or record.reason != CONFLICTING:
        return record
    charged_as = Quantity(on.duration_us, on.bytes, on.units)
    since = Since(on.event_key, Kind.CONFLICT, charged=charged_as, suspense_id=on.suspense_ids[0])
    account_id = on.document_account_id
    return msgspec.structs.replace(record, invoice=on.document, account_id=account_id, billed_account_id=account_id, since=since)


def _record_ids(home: Home, seq: int, waits: list[dict[str, Any]]) -> dict[bytes, str]:
    """The record ids of rows in suspense that are stored as usage, by event key."""
    keys = sorted({row["event_key"] for row in waits if row["event_key"] is not None})
    rows = view.of_keys(home, ("event_key", "record_id"), seq, pa.array(keys, KEY))
    return {row["event_key"]: row["record_id"] for row in rows.to_pylist()}


def _waiting(  # noqa: PLR0913, PLR0917 -- the row, and what is known of its event
    row: dict[str, Any],
    names: Mapping[bytes, str],
    owners: Mapping[bytes, str],
    charges: list[Charged],
    since: Since | None,
    accounts: Mapping[int, tuple[str, str]],
) -> Record:
    """A row in suspense; of versions in conflict with the owner, and with the bill that has one of them."""
    about = (row["source"], names.get(row["event_key"], ""), row["start_us"], 0, 0)
    told = (*about, row["other_raw"] or "", row["duration_us"], 0, 0, State.SUSPENSE, row["reason"])
    record = Record(*told, suspense_id=row["suspense_id"], account_id=owners.get(row["event_key"], ""))
    billed = of_charges(charges) if charges and charges[-1].status < REFUSALS_FROM else {}
    if since is None or billed.get("state") != State.BILLED:
        return record
    return msgspec.structs.replace(record, **_bill_of_version(row, charges[-1], billed, since, accounts))
