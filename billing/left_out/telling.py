"""Explanation of a record that is on no bill: reason and outlook, its period, since when that is closed, and what a person can do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from billing import late_decisions
from billing.accounts.picture import account_keys, load
from billing.intake import view
from billing.intake.marks import COMMIT_SEQ
from billing.left_out.changed import verdicts_listed
from billing.left_out.decisions import DecisionTold, decided_on
from billing.left_out.first_runs import with_first_runs
from billing.left_out.history import FOR_GOOD
from billing.left_out.judging import CODES, ORDER, Judge, columns
from billing.left_out.on_interim_bills import on_interim_bills
from billing.left_out.precedence import UNSEEN
from billing.left_out.reopened import next_dates
from billing.left_out.taken_off import taken_off
from billing.runs import states
from billing.runs.contracts import price_list
from billing.runs.contracts.columns import int64
from billing.runs.contracts.counted_runs import Looked, looked
from billing.runs.contracts.uninvoiced_accounts import DaysForTests
from billing.runs.refused_events import still_refused
from billing.runs.selection import arrival_times
from billing.runs.selection.left_out import LeftOut, Outlook, outlook
from billing.runs.selection.standing_charges import on_bills
from billing.store import tables
from rating.errors import UserError
from rating.schema import KEY, UsageFlag
from rating.status import Status

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Iterable, Mapping

    import numpy.typing as npt
    import sqlalchemy as sa

    from billing.charges.lines import Int64s
    from billing.left_out.judging import Circumstance
    from billing.runs.refused_events import Refused
    from billing.store.approvals import Approval
    from billing.store.home import Home

MORE: Final = ("record_id", "source", "flags", "direction", "source_amount_micros", "source_currency", COMMIT_SEQ)
NOBODYS: Final = "nobodys"
NOBODYS_UNREAD: Final = "nobodys_unread"
AFTER_BILL: Final = "after_bill"
TAKEN_OFF: Final = "taken_off"
FOR_TESTS: Final = "for_tests"
TESTED_BY_MISTAKE: Final = "tested_by_mistake"
_PASSED_BY: Final = {LeftOut.OTHER_RUN, LeftOut.NOT_DUE}
_FLAGS: Final = ((UsageFlag.UNANSWERED, "unanswered"), (UsageFlag.ABSORBED, "absorbed"), (UsageFlag.PARTIAL, "segment"))


class UnbilledRecord(msgspec.Struct, frozen=True):
    """A record that is on no bill. Instants in microseconds UTC; dates ISO, local to the account, empty where there is none.

    `run_id`: the run that left it out; 0: none has looked since it came. Then `bill_date` is that of the next run of its account, empty
    where its number had no owner. `period_to` is the first day after the period. `open_from` is the first day of the oldest period that
    was open, `closed_since` the first bill date at which its own period was not. `detail`: why it does not bill (unanswered, absorbed,
    segment, no_rule), or why its account was put aside; NOBODYS: its number had no owner, and the next run refuses it; NOBODYS_UNREAD: no
    run has read it since it came; AFTER_BILL: it came after the bill of its period, which the next run corrects; TAKEN_OFF: a run took it
    off an earlier bill, and the next one bills it; FOR_TESTS: its account is for tests in its period, and a run will price it;
    TESTED_BY_MISTAKE: its account was for tests when its period was billed, and is a customer now.
    `closes_on`: the first bill date that bills nothing more of its period, where that was billed. `decision`: what people decided about
    it, if that is valid. `proposal`: the number of one that waits for another person, 0: none; `proposed` is its kind (late_usage_bill,
    late_usage_write_off). `refused`: why `refused_by`, the last run that looked at it in time, refused it (a status of rating); empty where
    none did. `arrives_from`, `arrives_to` (the first day after it): the period
    of its arrival, where its plan bills it with that; empty: with its own. `taken_back`: decisions on it that hold no more.
    `next_run`: the bill date of the next run of its account, where runs so far have passed that by. `document`: the number of the interim
    bill that has it, of `document_account_id`; then `detail` says whether that is its own (`on_interim_bills`). `came_us`: when its first
    version came (`arrival_times`); `stored_us`: of the version that counts, which is later where people chose or corrected it.
    """

    event_key: str
    source: str
    record_id: str
    start_us: int
    came_us: int
    account_id: str
    subscription_id: str
    timezone: str
    reason: LeftOut
    outlook: Outlook
    run_id: int
    bill_date: str
    period_from: str
    period_to: str
    billed_from: str
    open_from: str
    closed_since: str
    detail: str
    decision: DecisionTold | None = None
    closes_on: str = ""
    proposal: int = 0
    proposed: str = ""
    proposed_by: str = ""
    refused: str = ""
    refused_by: int = 0
    arrives_from: str = ""
    arrives_to: str = ""
    taken_back: tuple[late_decisions.Undone, ...] = ()
    next_run: str = ""
    document: str = ""
    document_account_id: str = ""
    stored_us: int = 0

    @property
    def billed_to(self) -> str:
        """The first date of a run that bills it: the end of the period that does, or that of the next run of its account."""
        return max(self.arrives_to or self.period_to, self.next_run)

    @property
    def next_bill_date(self) -> str:
        """The date of the next run of its account, or the later one that bills the period of its arrival."""
        return max(self.bill_date, self.arrives_to)


def tell(home: Home, seq: int, keys: pa.Array[Any], start_us: Int64s, run_id: int | None = None) -> tuple[UnbilledRecord, ...]:
    """Explain why events without a charge by any run are on no bill, as of `seq`, in order of time; or why one run left them out."""
    if not len(keys):
        return ()
    usage = usage_of(home, seq, keys, start_us)
    off: set[Any] = set()
    if run_id is None:
        found = with_first_runs(home, seq, usage, verdicts_listed(home, seq, usage))
        off = _taken_off(home, seq, usage, found.reason)
        rows = [row for row, key in enumerate(usage["event_key"].to_pylist()) if key in off]
        reason, by = found.reason.copy(), found.run_id.copy()
        reason[rows], by[rows] = UNSEEN, 0
    else:
        by = np.full(usage.num_rows, run_id, np.int64)
        reason = _on_bills_settled(home, seq, usage, _of_run(home, seq, usage, run_id))
        if (reason == UNSEEN).any():
            raise UserError(f"run {run_id} has not seen the record: it came later", "leave out --run: then later runs are searched")
    told = tell_of(home, seq, usage, reason, by)
    told = tuple(_as_taken_off(each) if bytes.fromhex(each.event_key) in off else each for each in told)
    return told if run_id is not None else _with_interim_bills(home, seq, _with_next_runs(home, seq, usage, told))


def tell_aside(home: Home, run: Any, starts: Mapping[Any, int], unbilled: Mapping[Any, tuple[LeftOut, str]]) -> tuple[UnbilledRecord, ...]:  # noqa: ANN401 -- a row of bill_runs
    """Events (keys, with their starts) that a run priced, and did not bill: `unbilled` has the reason of each and its words."""
    if not unbilled or run.kind != states.CYCLE:
        return ()
    keys, start_us = pa.array(sorted(unbilled), KEY), np.array([starts[key] for key in unbilled], np.int64)
    usage = usage_of(home, run.pinned_seq, keys, start_us)
    names = usage["event_key"].to_pylist()
    reason = np.array([CODES[unbilled[key][0]] for key in names], np.int8)
    found = tell_of(home, run.pinned_seq, usage, reason, np.full(len(names), run.run_id, np.int64))
    return tuple(msgspec.structs.replace(each, detail=unbilled[bytes.fromhex(each.event_key)][1]) for each in found)


def of_next_run(home: Home, seq: int, starts: Mapping[bytes, int]) -> tuple[UnbilledRecord, ...]:
    """The fate of events (keys, with their starts) in the next run of their account, in order of time."""
    if not starts:
        return ()
    keys = sorted(starts)
    usage = usage_of(home, seq, pa.array(keys, KEY), np.array([starts[key] for key in keys], np.int64))
    return tell_of(home, seq, usage, np.full(usage.num_rows, UNSEEN, np.int8), np.zeros(usage.num_rows, np.int64))


def as_customers(told: Iterable[UnbilledRecord]) -> tuple[UnbilledRecord, ...]:
    """Explanations of records that a run computed for tests, and that are a customer's by now, with a detail of their own.

    They did not come after the bill of their period. That bill had none of them, since nothing of an account for tests is invoiced.
    """
    return tuple(msgspec.structs.replace(each, detail=TESTED_BY_MISTAKE) if each.detail == AFTER_BILL else each for each in told)


def usage_of(home: Home, seq: int, keys: pa.Array[Any], start_us: Int64s) -> pa.Table:
    """The columns of some events that an explanation needs; of those that never bill, too."""
    wanted = list(dict.fromkeys((*columns(price_list.load(home, seq)), *MORE)))
    usage = view.usage(home, wanted, seq, int(start_us.min()), int(start_us.max()) + 1, every=True)
    mask: Any = pc.is_in(usage["event_key"], value_set=keys)
    return usage.filter(mask).sort_by([("start_us", "ascending"), ("event_key", "ascending")])


def tell_of(home: Home, seq: int, usage: pa.Table, reason: npt.NDArray[np.int8], by: Int64s) -> tuple[UnbilledRecord, ...]:
    """An explanation of each row of `usage`, given its reason and the run that gave it (`by`)."""
    if not usage.num_rows:
        return ()
    told: dict[int, UnbilledRecord] = {}
    names: list[Any] = usage["event_key"].to_pylist()
    refused = still_refused(home, seq, names)
    with home.connect() as connection:
        stored_us, came_us = _instants(connection, seq, usage)
        decisions, proposed = decided_on(connection, seq, usage), late_decisions.proposed(connection)
        undone = late_decisions.undone_on(connection, seq)
        runs = {run.run_id: run for run in looked(connection, seq)}
        seen, unseen = reason != UNSEEN, np.flatnonzero(reason == UNSEEN)
        groups = [(runs[number], np.flatnonzero((by == number) & seen)) for number in set(by[seen].tolist())]
        groups += [(Looked(0, date, seq), rows) for date, rows in next_dates(home, connection, seq, usage, unseen)]
        for run, rows in groups:
            some, judge = usage.take(rows), Judge(home, connection, run)
            codes = judge.reasons(some) if run.run_id == 0 else reason[rows]
            starts, records = int64(some["start_us"]).tolist(), some.select(["event_key", "record_id", "source", "flags"]).to_pylist()
            each = zip(rows.tolist(), codes.tolist(), starts, records, judge.circumstances(some), strict=True)
            for row, code, start, record, known in each:
                instants = start, int(came_us[row]), int(stored_us[row])
                found = _told(record, instants, _as_told(run, ORDER[code]), run, known)
                found = _with_refusal(found, refused.get(names[row]))
                found = _with_people(found, decisions.get(row), proposed.get(found.event_key))
                told[row] = msgspec.structs.replace(found, taken_back=undone[names[row]]) if names[row] in undone else found
        return _with_tests(connection, seq, [told[row] for row in sorted(told)])


def _on_bills_settled(home: Home, seq: int, usage: pa.Table, reason: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """The reasons of one run, SETTLED for what it left out for good and a bill has: that of a period which was closed by then."""
    rows = np.flatnonzero((reason != UNSEEN) & FOR_GOOD[reason])
    if not rows.size:
        return reason
    keys: list[Any] = usage["event_key"].take(pa.array(rows, pa.int64())).to_pylist()
    with home.connect() as connection:
        billed = on_bills(home, connection, seq, keys)
    found = reason.copy()
    found[rows[np.array([key in billed for key in keys], np.bool_)]] = CODES[LeftOut.SETTLED]
    return found


def _taken_off(home: Home, seq: int, usage: pa.Table, reason: npt.NDArray[np.int8]) -> set[Any]:
    """Events that a run took off a bill, where the runs since had nothing to compute of their owner, or were of other accounts."""
    vague = np.isin(reason, [CODES[LeftOut.SETTLED], CODES[LeftOut.OTHER_RUN]])
    keys: list[Any] = usage["event_key"].filter(pa.array(vague)).to_pylist()
    return set(taken_off(home, seq, keys).to_pylist()) if keys else set()


def _as_taken_off(each: UnbilledRecord) -> UnbilledRecord:
    """An explanation of what the next run bills again, once it was taken off a bill."""
    is_billed = each.reason is LeftOut.NOT_DUE and each.detail in {"", AFTER_BILL}
    return msgspec.structs.replace(each, detail=TAKEN_OFF) if is_billed else each


def _with_next_runs(home: Home, seq: int, usage: pa.Table, told: tuple[UnbilledRecord, ...]) -> tuple[UnbilledRecord, ...]:
    """The explanations, those by runs of other accounts with the next run of the own one, or as that leaves the record out for good."""
    passed = {each.event_key for each in told if each.run_id and each.account_id and each.reason in _PASSED_BY}
    keys: list[Any] = usage["event_key"].to_pylist()
    names = [key.hex() for key in keys]
    rows = np.array([row for row, name in enumerate(names) if name in passed], np.int64)
    if not rows.size:
        return told
    usage = usage.take(rows)
    ahead = tell_of(home, seq, usage, np.full(rows.size, UNSEEN, np.int8), np.zeros(rows.size, np.int64))
    of_key = {each.event_key: each for each in ahead}
    return tuple(_with_next_run(each, of_key[each.event_key]) if each.event_key in of_key else each for each in told)


def _with_interim_bills(home: Home, seq: int, told: tuple[UnbilledRecord, ...]) -> tuple[UnbilledRecord, ...]:
    """The explanations, those of records on an interim bill with its number and its account."""
    on = on_interim_bills(home, seq, {bytes.fromhex(each.event_key) for each in told if each.decision is None})

    def known(each: UnbilledRecord) -> UnbilledRecord:
        bill = on.get(bytes.fromhex(each.event_key))
        if bill is None:
            return each
        return msgspec.structs.replace(each, detail=bill.detail(each.account_id), document=bill.number, document_account_id=bill.account_id)

    return tuple(known(each) for each in told)


def _with_next_run(each: UnbilledRecord, ahead: UnbilledRecord) -> UnbilledRecord:
    return ahead if ahead.outlook is Outlook.FOR_GOOD else msgspec.structs.replace(each, next_run=ahead.bill_date)


def _with_tests(connection: sa.Connection, seq: int, told: Collection[UnbilledRecord]) -> tuple[UnbilledRecord, ...]:
    """The explanations, those of what waits for a run only while no account is for tests in the period, as of `seq`."""
    keys = account_keys(connection, {each.account_id for each in told if each.outlook is Outlook.LATER and each.period_from})
    tests = DaysForTests(connection, keys.values(), seq)
    ever = {account_id: key for account_id, key in keys.items() if tests.ever(key)}
    customers = load(connection, ever.values(), seq).customers if ever else {}
    never = {"reason": LeftOut.TESTED, "outlook": outlook(LeftOut.TESTED), "detail": FOR_TESTS}

    def is_for_tests(each: UnbilledRecord) -> bool:
        if each.outlook is not Outlook.LATER or not each.period_from or each.account_id not in ever:
            return False
        customer = customers[ever[each.account_id]]
        return customer.is_for_tests(customer.local_date(each.start_us))

    return tuple(msgspec.structs.replace(each, **never) if is_for_tests(each) else each for each in told)


def _with_refusal(found: UnbilledRecord, refused: Refused | None) -> UnbilledRecord:
    """With the refusal that kept the record from a bill while its period was open."""
    if refused is None or found.run_id == refused.run_id:
        return found
    return msgspec.structs.replace(found, refused=Status(refused.status).name, refused_by=refused.run_id)


def _with_people(found: UnbilledRecord, decision: DecisionTold | None, proposal: Approval | None) -> UnbilledRecord:
    """With what people decided about the record, or what one of them asks for."""
    if decision is None and proposal is not None and found.outlook is Outlook.FOR_GOOD:
        asked = {"proposal": proposal.approval_id, "proposed": proposal.kind, "proposed_by": proposal.by_name}
        return msgspec.structs.replace(found, **asked)
    if decision is None or not decision.account_id:
        return msgspec.structs.replace(found, decision=decision)
    whose = {"account_id": decision.account_id, "subscription_id": decision.subscription_id}  # the invoice is theirs
    return msgspec.structs.replace(found, decision=decision, **whose)


def _told(record: dict[str, Any], instants: tuple[int, int, int], reason: LeftOut, run: Looked, known: Circumstance) -> UnbilledRecord:
    detail = _never(record) if reason is LeftOut.NOT_BILLABLE else known.aside or _awaited(reason, run, known)
    return UnbilledRecord(
        event_key=record["event_key"].hex(),
        source=record["source"],
        record_id=record["record_id"],
        start_us=instants[0],
        came_us=instants[1],
        account_id=known.account_id,
        subscription_id=known.subscription_id,
        timezone=known.timezone,
        reason=reason,
        outlook=outlook(reason),
        run_id=run.run_id,
        bill_date="" if run.run_id == 0 and detail == NOBODYS else run.bill_date.isoformat(),
        period_from=_iso(known.period_from),
        period_to=_iso(known.period_to),
        billed_from=_iso(known.billed_from),
        open_from=_iso(known.open_from),
        closed_since=_iso(known.closed_since),
        detail=detail,
        closes_on=_iso(known.closes_on),
        arrives_from=_iso(known.arrives_from),
        arrives_to=_iso(known.arrives_to),
        stored_us=instants[2],
    )


def _awaited(reason: LeftOut, run: Looked, known: Circumstance) -> str:
    """The act of a later run on a record, where that is not to bill a period that ends."""
    if not known.account_id:
        is_unread = reason is LeftOut.OTHER_RUN and run.run_id > 0 and run.only is None
        return NOBODYS_UNREAD if is_unread else NOBODYS if reason in {LeftOut.OTHER_RUN, LeftOut.NOT_DUE} else ""
    is_billed = known.period_to is not None and known.period_to < run.bill_date and known.arrives_to is None
    return AFTER_BILL if run.run_id == 0 and reason is LeftOut.NOT_DUE and is_billed else ""


def _iso(day: dt.date | None) -> str:
    return "" if day is None else day.isoformat()


def _as_told(run: Looked, reason: LeftOut) -> LeftOut:
    """A run that is still to come will bill what is open."""
    return LeftOut.NOT_DUE if run.run_id == 0 and reason is LeftOut.SETTLED else reason


def _never(record: dict[str, Any]) -> str:
    """The reason why a record does not bill, as a word."""
    return next((word for flag, word in _FLAGS if record["flags"] & flag), "no_rule")


def _of_run(home: Home, seq: int, usage: pa.Table, run_id: int) -> npt.NDArray[np.int8]:
    """The reasons that one run gives; UNSEEN of what came after it looked, or where it is no run of the cycle."""
    reason = np.full(usage.num_rows, UNSEEN, np.int8)
    with home.connect() as connection:
        for run in looked(connection, seq, run_id):
            rows = np.flatnonzero(int64(usage[COMMIT_SEQ]) <= run.pinned_seq)
            if rows.size:
                reason[rows] = Judge(home, connection, run).reasons(usage.take(rows))
    return reason


def _instants(connection: sa.Connection, seq: int, usage: pa.Table) -> tuple[Int64s, Int64s]:
    """The instant of the commit of each row, and of the commit with which the first version of its record came."""
    stored = int64(usage[COMMIT_SEQ])
    first = stored
    if (usage["flags"].to_numpy() & int(UsageFlag.RECYCLED)).any():
        first = arrival_times.load(connection, seq).first_seqs(usage)
    return _instants_of(connection, stored), _instants_of(connection, first)


def _instants_of(connection: sa.Connection, commit_seq: Int64s) -> Int64s:
    """The instant of each commit."""
    commit = tables.commits.c
    numbers = sorted(set(commit_seq.tolist()))
    rows = connection.execute(tables.commits.select().where(commit.commit_seq >= numbers[0], commit.commit_seq <= numbers[-1])).all()
    at = {row.commit_seq: row.at_us for row in rows}
    return np.array([at[number] for number in commit_seq.tolist()], np.int64)
