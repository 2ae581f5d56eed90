"""Decisions on usage that came too late for its bill: bill it by an adjustment, or write it off. One transaction, or nothing.

    billed        an adjustment a subscription, over what the records were worth by the tariffs that held then, rounded to the coin
    written off   nothing is billed

Decided records are in no bill run and in no re-rating, also where their period is open again. No run works on the home meanwhile, and
everything is looked at anew: which records are open, their worth, the date. Above a value another person agrees (`billing.late_decisions`).
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
from typing import TYPE_CHECKING, Any, Final

import msgspec
import sqlalchemy as sa

from billing import late_decisions
from billing.documents import adjusting
from billing.documents.finding import require_no_run
from billing.give_back_limit import Given
from billing.late_decisions import BILLED, LATE_BILL, LATE_WRITE_OFF, WRITTEN_OFF
from billing.runs.lock import only_run
from billing.store import approvals, bulk, commit_points, tables
from billing.too_late.choosing import Choice, GroupKey, chosen
from billing.too_late.limit import needs_second
from billing.too_late.planning import Planner, adjustment
from billing.too_late.results import Decided, Group, LateAct
from rating import identifiers
from rating.errors import StoreError, UserError
from rating.money import format_micros

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from billing.persons import Who
    from billing.store.approvals import Agreement, Approval
    from billing.store.home import Home
    from billing.too_late.listing import TooLate
    from billing.too_late.planning import Owner

    Progress = Callable[[int, int], None]

_KINDS: Final = {BILLED: LATE_BILL, WRITTEN_OFF: LATE_WRITE_OFF}
_WHAT: Final = "a decision on late usage"
_DIGITS: Final = 8
_OF_KEY: Final = len(GroupKey._fields)


def decide(  # noqa: PLR0913 -- what, who, and how
    home: Home,
    wanted: LateAct,
    who: Who,
    *,
    agreement: Agreement | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Decided:
    """Bill or write off records that are too late and open. Above the limit of one person it is stored as a proposal.

    Of an account or a month, what cannot be billed is left alone and reported. Raises UserError where nothing is left, and where a record
    that is named cannot be billed or is not open. Raises it as well without a reason, and while a bill run is not finished.
    """
    wanted = _in_one_line(wanted)
    waits: Approval | None = None
    with contextlib.nullcontext() if dry_run else only_run(home, _WHAT, who.now_us):
        records = (
            _still_open(home, wanted.choice, agreement, who.now_us) if agreement else chosen(home, wanted.choice, who.now_us, progress)
        )
        with home.begin(dry_run=dry_run) as connection:
            require_no_run(connection, _WHAT)
            _require_open(home, connection, records)
            planner = Planner(home, connection, wanted, who)
            with _of_proposal(agreement):
                found = planner.plan(records)
            work = _Work(home, connection, wanted, who, planner.owners, agreement)
            waits = work.ask(found)
            if waits is None:
                found = work.do(found, records)
            if not dry_run:
                commit_points.reached("late.before_commit")
    if not dry_run:
        commit_points.reached("late.committed")
    if dry_run:
        groups = tuple(msgspec.structs.replace(each, decision_id=0, reference="") for each in found.groups)
        return msgspec.structs.replace(found, groups=groups, needs_second=waits is not None, dry_run=True)
    proposal = 0 if waits is None else waits.approval_id
    return msgspec.structs.replace(found, needs_second=waits is not None, proposal=proposal)


def decide_agreed(home: Home, agreement: Agreement) -> Decided:
    """Do what another person asked for, looked at anew. Raises UserError as `decide` does."""
    asked = msgspec.json.decode(agreement.approval.payload, type=LateProposal)
    on_date = None if asked.on_date is None else dt.date.fromisoformat(asked.on_date)
    wanted = LateAct(asked.kind, Choice(asked.event_keys), asked.reason, on_date, asked.amount_micros, asked.text)
    return decide(home, wanted, agreement.asked_by, agreement=agreement)


class LateProposal(msgspec.Struct, frozen=True):
    """A proposal: exactly the records that were looked at, with what counts for the limit and what they were worth, by currency."""

    kind: str
    event_keys: tuple[str, ...]
    reason: str
    on_date: str | None
    amount_micros: int | None
    text: str
    values: dict[str, int]
    names: tuple[str, ...] = ()
    worths: dict[str, int] = {}
    about: tuple[tuple[str, ...], ...] = ()  # account, subscription, currency, catalogue and tax class of each decision, then its records


class _Work:
    """One planned decision, in its transaction."""

    def __init__(  # noqa: PLR0913, PLR0917 -- what, of whom and by whom
        self, home: Home, connection: sa.Connection, wanted: LateAct, who: Who, owners: Mapping[str, Owner], agreement: Agreement | None
    ) -> None:
        self._home, self._connection, self._wanted, self._who = home, connection, wanted, who
        self._owners, self._agreement = owners, agreement
        self._bills = wanted.kind == BILLED

    def ask(self, found: Decided) -> Approval | None:
        """The proposal that waits for another person, stored by this; None where the caller may go on, alone or since that one agreed."""
        asked = self._asked(found)
        if self._agreement is not None:
            _require_unchanged(self._agreement.approval, asked)
            return None
        digest = hashlib.sha256(approvals.encoded(asked.event_keys).encode()).hexdigest()[:_DIGITS]
        subject = f"{found.records} record{'' if found.records == 1 else 's'} {digest}"
        before = approvals.waiting(self._connection, _KINDS[found.kind], subject)
        if before is not None:
            if before.payload != approvals.encoded(asked):
                raise _waits(before, found.groups[0].records[0])
            return before
        if not self._needs_second(found):
            return None
        _require_none_waits(self._connection, found)
        return self._propose(found, asked, subject)

    def do(self, found: Decided, records: Sequence[TooLate]) -> Decided:
        """The decisions with their numbers, stored with their adjustments."""
        seq = self._home.next_commit_seq(self._connection, late_decisions.COMMIT_KIND, self._who.now_us)
        of_key, groups = {each.record.event_key: each for each in records}, list[Group]()
        for place, each in enumerate(found.groups):
            reference = f"late-usage-{seq}-{place + 1}" if self._bills else ""
            decision_id = self._store(each, reference, seq)
            self._store_events(decision_id, each, [of_key[key] for key in each.event_keys])
            groups.append(msgspec.structs.replace(each, decision_id=decision_id, reference=reference))
        if self._agreement is not None:
            approvals.agree(self._connection, self._agreement, seq)
        return msgspec.structs.replace(found, groups=tuple(groups))

    def _propose(self, found: Decided, asked: LateProposal, subject: str) -> Approval:
        currency = next(iter(found.values)) if len(found.values) == 1 else ""
        keys = {self._owners[each.account_id].account_key for each in found.groups}
        account_key = next(iter(keys)) if len(keys) == 1 else None
        amount = found.values[currency] if currency else 0
        wanted = approvals.ProposalContent(_KINDS[found.kind], subject, asked, self._wanted.reason, amount, currency or None, account_key)
        seq = self._home.next_commit_seq(self._connection, approvals.COMMIT_KIND, self._who.now_us)
        return approvals.propose(self._connection, wanted, self._who, seq)

    def _needs_second(self, found: Decided) -> bool:
        values: dict[tuple[int | None, str], int] = {}
        billed: dict[tuple[int | None, str], int] = {}
        for each in found.groups:
            key = (self._owners[each.account_id].account_key, each.currency)
            values[key] = values.get(key, 0) + max(each.amount_micros, abs(each.worth_micros))  # what is given up counts as well
            billed[key] = billed.get(key, 0) + each.amount_micros
        if needs_second(self._connection, values, self._who):
            return True
        given = [Given(account_key, currency, micros) for (account_key, currency), micros in billed.items()]
        return self._bills and adjusting.need_second(self._connection, given, self._who)

    def _asked(self, found: Decided) -> LateProposal:
        keys = tuple(sorted(key for each in found.groups for key in each.event_keys))
        day = None if self._wanted.on_date is None else self._wanted.on_date.isoformat()
        names, worths = tuple(name for each in found.groups for name in each.records), dict[str, int]()
        for each in found.groups:
            worths[each.currency] = worths.get(each.currency, 0) + each.worth_micros
        about = tuple((*_key_of(each), *sorted(each.event_keys)) for each in found.groups)
        how = (self._wanted.reason, day, self._wanted.amount_micros, self._wanted.text)
        return LateProposal(found.kind, keys, *how, found.values, names, worths, about)

    def _store(self, group: Group, reference: str, seq: int) -> int:
        agreed = None if self._agreement is None else self._agreement.who
        adjustment_id = None
        if self._bills:
            adjustment_id = adjusting.enter(self._home, self._connection, adjustment(group, reference), self._who, agreed)
        values = {
            "kind": self._wanted.kind,
            "account_key": self._owners[group.account_id].account_key,
            "subscription_key": _subscription_key(self._connection, group.subscription_id),
            "currency": group.currency or None,
            "records": len(group.event_keys),
            "worth_micros": group.worth_micros,
            "amount_micros": group.amount_micros,
            "adjustment_id": adjustment_id,
            "reason": self._wanted.reason,
        }
        second = {"agreed_by": None, "agreed_uid": None} if agreed is None else {"agreed_by": agreed.by_name, "agreed_uid": agreed.by_uid}
        by = {"by_name": self._who.by_name, "by_uid": self._who.by_uid, "at_us": self._who.now_us, "commit_seq": seq}
        added = self._connection.execute(tables.late_decisions.insert().values(**values, **second, **by)).inserted_primary_key
        assert added is not None
        return int(added[0])

    def _store_events(self, decision_id: int, group: Group, records: Sequence[TooLate]) -> None:
        assert sum(each.worth_micros for each in records) == group.worth_micros, group
        columns: dict[str, Any] = {
            "decision_id": [decision_id] * len(records),
            "event_key": [bytes.fromhex(each.record.event_key) for each in records],
            "start_us": [each.record.start_us for each in records],
            "worth_micros": [each.worth_micros for each in records],
        }
        bulk.insert(self._connection, tables.late_decision_events, columns)


def _still_open(home: Home, choice: Choice, agreement: Agreement, now_us: int) -> list[TooLate]:
    """The records of a proposal. Raises UserError where one is not open any more, naming what becomes of the proposal."""
    with _of_proposal(agreement):
        return chosen(home, choice, now_us)


@contextlib.contextmanager
def _of_proposal(agreement: Agreement | None) -> Iterator[None]:
    """The error for a person who agrees to what cannot be done any more: the proposal is to be refused."""
    try:
        yield
    except StoreError:
        raise
    except UserError as error:
        if agreement is None:
            raise
        refuse = f"ratewright approvals refuse {agreement.approval.approval_id} --note ..."
        raise UserError(error.message, f"have the proposal refused: {refuse}; or: {error.remedy}") from error


def _in_one_line(wanted: LateAct) -> LateAct:
    """The request, reason and text as one line each. Raises UserError for an amount that is none, and for signs that are not printed."""
    if wanted.amount_micros is not None and wanted.amount_micros <= 0:
        raise UserError("late usage is billed with an amount above zero", "write off what is not to be billed", exit_status=2)
    text = identifiers.one_line(wanted.text, f"the text of {_WHAT}")
    return wanted._replace(reason=identifiers.reason(wanted.reason, _WHAT), text=text)


def _require_open(home: Home, connection: sa.Connection, records: Sequence[TooLate]) -> None:
    """Raises UserError where another person has decided on a record while records were looked at. The error names one."""
    decided = set(late_decisions.decided(connection, home.head_seq(connection)).keys.to_pylist())
    for each in records:
        if bytes.fromhex(each.record.event_key) in decided:
            raise UserError(f"another person has just decided on record {each.record.record_id}", "give the command again")


def _require_none_waits(connection: sa.Connection, found: Decided) -> None:
    """Raises UserError where another decision on one of the records waits already."""
    proposed = late_decisions.proposed(connection)
    for group in found.groups:
        for name, key in zip(group.records, group.event_keys, strict=True):
            if key in proposed:
                raise _waits(proposed[key], name)


def _waits(proposal: approvals.Approval, name: str) -> UserError:
    """A record on which something else is asked for."""
    number, kind = proposal.approval_id, "bill" if proposal.kind == LATE_BILL else "write off"
    return UserError(
        f"record {name} waits in proposal {number} of {proposal.by_name}, to {kind} it, with other data",
        f"have it refused first: ratewright approvals refuse {number} --note ...",
    )


def _require_unchanged(approval: Approval, asked: LateProposal) -> None:
    """Raises UserError where the records or their values are not those that were asked for and looked at, or have another owner by now."""
    before = msgspec.json.decode(approval.payload, type=LateProposal)
    groups, groups_now = before.about or ((approval.account_id,),), asked.about
    if not before.about:  # asked for before proposals said more than the account, if they are of one
        groups_now = tuple({(each[0],): None for each in asked.about}) if approval.account_id else groups
    if groups != groups_now:
        one, other = (_owners_told(each) for each in (groups, groups_now))
        raise UserError(
            f"proposal {approval.approval_id} was about usage of {one}, and it is of {other} now",
            f"have it refused, and ask again: ratewright approvals refuse {approval.approval_id} --note ...",
        )
    if (before.event_keys, before.values, before.worths) != (asked.event_keys, asked.values, asked.worths):
        was, now = (_told(each.worths if before.values == asked.values else each.values) for each in (before, asked))
        what = "records worth " if before.values == asked.values else ""
        raise UserError(
            f"proposal {approval.approval_id} was about {what}{was}, and {'they are worth' if what else 'comes to'} {now} now",
            f"have it refused, and ask again: ratewright approvals refuse {approval.approval_id} --note ...",
        )


def _owners_told(about: Sequence[Sequence[str]]) -> str:
    return "; ".join(dict.fromkeys(" ".join(each[:_OF_KEY]).strip() or "nobody" for each in about))


def _key_of(group: Group) -> GroupKey:
    return GroupKey(group.account_id, group.subscription_id, group.currency, group.catalogue, group.tax_class)


def _told(values: Mapping[str, int]) -> str:
    return ", ".join(f"{format_micros(micros)} {currency or 'of unknown worth'}" for currency, micros in values.items()) or "nothing"


def _subscription_key(connection: sa.Connection, subscription_id: str) -> int:
    row = tables.subscriptions.c
    return int(connection.execute(sa.select(row.subscription_key).where(row.subscription_id == subscription_id)).scalar() or 0)
