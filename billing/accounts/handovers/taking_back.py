"""A handover that is taken back: the subscription of the new owner never was, and that of the owner before is as it was.

Nothing is deleted. The subscription of the new owner gets an end on its first day that says `taken_back`; the end of the one before is
retracted, or the one that held before the handover is recorded again. Both have the person, the instant and the reason. Numbers go back for
the time for which they would still be there: one that was taken by hand meanwhile stays taken, one that another subscription has by then
stays there.

A handover can be taken back while no bill has it. Refused are those with lines on valid documents, and those that an unfinished run may
have computed.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import sqlalchemy as sa

from billing.accounts import facts, forecast, kinds
from billing.accounts.freed_numbers import freed
from billing.accounts.numbers import NumberSpan, name_of, owners_of, spans_of, told
from billing.accounts.picture import Contract, Customer, account_keys, end_of, last_learned
from billing.accounts.recording import change
from billing.accounts.wording import in_words
from billing.store import tables
from billing.store.voids import voided
from rating import identifiers
from rating.errors import UserError

if TYPE_CHECKING:
    from billing.accounts.recording import Asked, Done, Recorder
    from billing.store.home import Home

_UNFINISHED: Final = ("computing", "computed", "numbered")  # states of a run
_PAYING: Final = ("payer", "sponsor")


class _Side(NamedTuple):
    """A subscription as it was before the change, and its account."""

    customer: Customer
    contract: Contract

    @property
    def name(self) -> str:
        return self.contract.subscription_id


def untransfer(home: Home, asked: Asked, new_id: str, reason: str) -> Done:
    """Take back the handover by which a subscription began. Raises UserError: it has none, was billed, or was handed over again."""
    reason = identifiers.reason(reason, "taking a handover back")

    def work(recorder: Recorder) -> None:
        new = _Side(*recorder.contract(new_id, ever=True))
        if new.contract.transferred_from is None:
            raise UserError(f"{new_id} did not come from another owner", "`ratewright accounts revive` or `end` changes its end")
        old = _Side(*recorder.contract(name_of(recorder, new.contract.transferred_from), ever=True))
        if new.contract.is_taken_back:
            recorder.say(f"the handover of {old.name} as {new_id} was taken back already; nothing changed")
            return
        _require_last(new)
        _require_not_billed(recorder, old, new)
        day = new.contract.from_date
        recorder.say(f"the handover of {old.name} to {new.customer.account_id} on {day} is taken back: {new_id} never was")
        own_us = {(span.served_id, span.from_us): span.to_us for span in _spans_without_end(recorder, new)}
        moved = _moved(recorder, old, new)
        recorder.subscription_fact(new.contract, "end", day, None, kinds.EndFact(reason, taken_back=True), replaces=True)
        _put_end_back(recorder, old, new, reason)
        _take_numbers(recorder, new)
        for span in moved:
            if (span.served_id, span.from_us) in own_us:
                _give_back(recorder, old, span._replace(to_us=own_us[span.served_id, span.from_us]))
        _take_the_rest(recorder, old, new, set(own_us) - {(span.served_id, span.from_us) for span in moved}, reason)
        plan = old.contract.plan_on(day)
        recorder.say(f"{old.customer.account_id}: {forecast.when_billed(recorder, old.customer, day, plan)}")
        recorder.say(f"{new.customer.account_id}: {forecast.when_billed(recorder, new.customer, day, new.contract.plan_on(day))}")

    return change(home, asked, work)


def _require_last(new: _Side) -> None:
    """Raises UserError where the new owner has handed it on."""
    given = new.contract.handover
    if given is not None:
        message = f"{new.name} has another owner from {given.from_date} on, as {given.subscription_id}"
        raise UserError(message, f"take that back first: `ratewright accounts untransfer {given.subscription_id} --reason ...`")


def _require_not_billed(recorder: Recorder, old: _Side, new: _Side) -> None:
    """Raises UserError where a document that is not void has a line of the subscription, or a run may be about to make one."""
    line, invoice, run = tables.invoice_lines.c, tables.invoices.c, tables.bill_runs.c
    query = sa.select(invoice.number).join_from(tables.invoices, tables.invoice_lines, line.invoice_key == invoice.invoice_key)
    query = query.where(line.subscription_key == new.contract.key, invoice.account_key.in_(_may_have_paid(recorder, new)))
    query = query.where(invoice.invoice_key.not_in(voided())).distinct().order_by(invoice.number)
    billed = sorted(recorder.connection.execute(query).scalars(), key=lambda number: (len(number), number))
    again = f"`ratewright accounts transfer {new.name} --to {old.customer.account_id} --on ... --as ...`"
    if billed:
        void = f"`ratewright invoice void {billed[-1]} --reason ...`"
        beside = f", the newest of {len(billed)}" if billed[1:] else ""
        raise UserError(
            f"{new.name} is billed: {', '.join(billed)}", f"void it first ({void}{beside}); or hand the subscription back: {again}"
        )
    known = sa.select(run.run_id, run.bill_date).where(run.state.in_(_UNFINISHED), run.pinned_seq >= _recorded(recorder, new.contract))
    found = recorder.connection.execute(known.order_by(run.run_id)).first()
    if found is not None:
        finish = f"finish it (`ratewright bill run --date {found.bill_date} --resume`)"
        give_up = f"give it up (`ratewright bill abandon --date {found.bill_date}`)"
        raise UserError(f"bill run {found.run_id} is not finished, and may bill {new.name}", f"{finish}, or {give_up}")


def _may_have_paid(recorder: Recorder, new: _Side) -> set[int]:
    """The accounts (keys) whose documents may have lines of a subscription: its own, and all that were ever agreed to pay for it."""
    of_account, of_subscription = tables.account_facts.c, tables.subscription_facts.c
    found, edge = {new.customer.key}, [new.customer.key]
    split = sa.select(of_subscription.kind, of_subscription.detail).where(of_subscription.subscription_key == new.contract.key)
    rows = [tuple(row) for row in recorder.connection.execute(split.where(of_subscription.kind == "payer"))]
    while edge:
        whole = sa.select(of_account.kind, of_account.detail).where(of_account.account_key == edge.pop(), of_account.kind.in_(_PAYING))
        rows += [tuple(row) for row in recorder.connection.execute(whole)]
        named = {_payer(kind, detail) for kind, detail in rows} - {""}
        fresh = set(account_keys(recorder.connection, named).values()) - found
        found |= fresh
        edge.extend(fresh)
        rows = []
    return found


def _payer(kind: str, detail: str) -> str:
    if kind == "sponsor":
        return msgspec.json.decode(detail, type=kinds.SponsorFact).sponsor
    return msgspec.json.decode(detail, type=kinds.PayerFact).payer


def _recorded(recorder: Recorder, contract: Contract) -> int:
    """The commit that brought a subscription."""
    row = tables.subscriptions.c
    return int(recorder.connection.execute(sa.select(row.commit_seq).where(row.subscription_key == contract.key)).scalar_one())


def _put_end_back(recorder: Recorder, old: _Side, new: _Side, reason: str) -> None:
    """Let the end hold that held before the handover, or none. An end that came with an import of both is part of the handover."""
    given, contract = old.contract.handover, old.contract
    if given is None or given.key != new.contract.key:
        return  # another one is its next owner
    before, told = _end_before(recorder, contract, given.commit_seq)
    _require_open(old.customer, contract, before)
    for fact in contract.of_kind("end", "no_end"):
        if fact.commit_seq >= given.commit_seq:
            recorder.retract(fact, old.customer.key, reason, of_account=False)
    if recorder.contract(old.name)[1].to_date != before:
        kind, day = ("no_end", contract.to_date or given.from_date) if before is None else ("end", before)
        recorder.subscription_fact(contract, kind, day, None, told or kinds.EndFact(reason), replaces=True)
    goes_on = "goes on: it has no end" if before is None else f"ends on {before}, as before"
    recorder.say(f"{old.name} of {old.customer.account_id} {goes_on}")


def _end_before(recorder: Recorder, contract: Contract, seq: int) -> tuple[dt.date | None, kinds.EndFact | None]:
    """The end of a subscription as it was known before a commit, and what was said of it; none where the subscription was not.

    What was retracted since never held.
    """
    row, fact = tables.subscriptions.c, tables.subscription_facts.c
    query = sa.select(row.to_date).where(row.subscription_key == contract.key, row.commit_seq < seq)
    found = recorder.connection.execute(query).first()
    if found is None:
        return None, None
    since = sa.select(fact.retracts).where(fact.subscription_key == contract.key, fact.commit_seq >= seq, fact.retracts.is_not(None))
    never = set(recorder.connection.execute(since).scalars())
    known = facts.subscription_facts(recorder.connection, seq - 1, kinds=facts.END_KINDS, keys=[contract.key])
    known = [each for each in known if each.fact_id not in never]
    day = end_of(known, dt.date.fromisoformat(found.to_date) if found.to_date else None)
    return day, last_learned(known).detail if known and day is not None else None


def _require_open(customer: Customer, contract: Contract, before: dt.date | None) -> None:
    """Raises UserError where the account of the owner before is closed while the subscription would go on."""
    if customer.closed_on is not None and (before is None or before > customer.closed_on):
        closing = min(customer.of_kind("closed"), key=lambda fact: fact.from_date)
        message = f"{customer.account_id} is closed on {customer.closed_on}, and {contract.subscription_id} would go on"
        retract = f"`ratewright accounts retract {customer.account_id} {closing.fact_id} --reason ...`"
        raise UserError(message, f"retract its closing first: {retract}")


def _spans_without_end(recorder: Recorder, new: _Side) -> list[NumberSpan]:
    """The spans that a subscription has, each as if no end of the subscription had cut it."""
    meant = {(each.served_id, each.from_us): each.meant_us for each in freed(recorder, new.customer, new.contract)}
    spans = {(span.served_id, span.from_us): span.to_us for span in spans_of(recorder.connection, new.contract.key)} | meant
    return [NumberSpan(*place, to_us) for place, to_us in sorted(spans.items())]


def _moved(recorder: Recorder, old: _Side, new: _Side) -> list[NumberSpan]:
    """The spans that went to the new owner: those which it got with its first commit, or as the owner before had the number no more."""
    fact, first = tables.guiding_facts.c, _recorded(recorder, new.contract)
    columns = (fact.served_id, fact.from_us, fact.to_us, fact.commit_seq)
    had = [tuple(row) for row in recorder.connection.execute(_of(old.contract, *columns))]
    numbers, ends = {row[0] for row in had}, {(row[0], row[2]) for row in had}
    got: dict[tuple[str, int], NumberSpan] = {}
    for served_id, from_us, to_us, commit_seq in recorder.connection.execute(_of(new.contract, *columns)):
        if served_id in numbers and (commit_seq == first or (served_id, from_us) in ends):
            got.setdefault((served_id, from_us), NumberSpan(served_id, from_us, to_us))
    return [got[place] for place in sorted(got)]


def _of(contract: Contract, *columns: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """The rows about the numbers of a subscription, oldest first."""
    fact = tables.guiding_facts.c
    numbers = sa.select(fact.served_id).where(fact.subscription_key == contract.key)
    query = sa.select(*columns).where(fact.served_id.in_(numbers), fact.subscription_key == contract.key)
    return query.order_by(fact.commit_seq, fact.fact_id)


def _take_numbers(recorder: Recorder, new: _Side) -> None:
    """Take every number from the subscription that never was."""
    for span in spans_of(recorder.connection, new.contract.key):
        recorder.number(span.served_id, new.contract.key, span.from_us, span.from_us)


def _give_back(recorder: Recorder, old: _Side, span: NumberSpan) -> None:
    """Let the owner before have a number again, for as long as it goes on, until another subscription has the number."""
    ends = recorder.contract(old.name)[1].to_date
    until = [each for each in (span.to_us, None if ends is None else old.customer.midnight_us(ends)) if each is not None]
    spans = owners_of(recorder.connection, span.served_id)
    in_the_way = [each for each in spans if (each[1] is None or each[1] > span.from_us) and (not until or each[0] < min(until))]
    until += [max(each[0], span.from_us) for each in in_the_way]
    to_us = min(until, default=None)
    own = next((begin for begin, end, owner in spans if end == span.from_us and owner == old.contract.key), span.from_us)
    if to_us is None or to_us > span.from_us:
        recorder.number(span.served_id, old.contract.key, own, to_us)
        upto = "on" if to_us is None else f"until {told(old.customer, to_us)}"
        recorder.say(f"{old.name} has {span.served_id} again from {told(old.customer, span.from_us)} {upto}")
    for begin, end, owner in in_the_way:
        upto = "for good" if end is None else f"until {told(old.customer, end)}"
        recorder.say(f"{span.served_id}: it is {name_of(recorder, owner)}'s from {told(old.customer, begin)} {upto}, and that stays")


def _take_the_rest(recorder: Recorder, old: _Side, new: _Side, given: set[tuple[str, int]], reason: str) -> None:
    """Retract what else was recorded about the subscription of the new owner, and say what holds no more; `given`: numbers of its own."""
    had = dict(old.contract.plans)
    for day, plan in new.contract.plans:
        if day > new.contract.from_date and had.get(day) != plan:
            recorder.say(f"gone with {new.name}: plan {plan} from {day} on")
    for fact in new.contract.facts:
        if fact.kind not in facts.END_KINDS:
            recorder.retract(fact, new.customer.key, reason, of_account=False)
        elif fact.commit_seq == _recorded(recorder, new.contract):
            continue  # the end of the owner before, which went along
        if new.contract.holds_instead(fact) is None:
            recorder.say(f"gone with {new.name}: {in_words(fact.kind, fact.detail, new.customer.currency)}, from {fact.from_date}")
    for served_id, from_us in sorted(given):
        recorder.say(f"gone with {new.name}: its number {served_id}, which is free from {told(new.customer, from_us)} on")
    row = tables.adjustments.c
    query = sa.select(row.reference).where(row.subscription_key == new.contract.key).order_by(row.adjustment_id)
    if kept := list(recorder.connection.execute(query).scalars()):
        recorder.say(f"adjustments of {new.name} stay with {new.customer.account_id}: {', '.join(kept)}")
