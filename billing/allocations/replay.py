"""Settlements recomputed from invoices, payments and later events: the proof of `settlements` and of `credits_left`.

Each account is replayed in the order of its commits. At each of them credit arrives or goes back, invoices are voided, and plans change.
Then all credit is spread as it was when the commit was made. A stored row gives only the commit of a settlement, never its amount. So a row
that is missing, changed or too many shows. Write-offs are taken as stored; the checks of the ledger cover them.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import sqlalchemy as sa

from billing.allocations import corrected
from billing.allocations.items import claims_of
from billing.allocations.order import Order, Orders, orders
from billing.allocations.settling import first_of, turn
from billing.allocations.spread import (
    DEPOSIT,
    DOCUMENT,
    PAYMENT,
    WRITE_OFF,
    Claims,
    Credit,
    OpenItem,
    Settlement,
    allocate,
    in_parts,
    take_back,
)
from billing.store import tables
from rating.dates import NEVER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from collections.abc import Set as AbstractSet

ACCOUNTS_AT_ONCE: Final = 5_000
NOW: Final = NEVER  # after every commit
GIVES_BACK: Final = "chargeback_won"  # the event that brings money back instead of taking it
_ADDS, _TAKES, _VOIDS, _WRITES_OFF, _PLANS = "adds", "takes", "voids", "writes off", "plans"


class Settled(NamedTuple):
    """The net amount that one commit settled of an invoice by one credit. `commit_seq` 0: it should have been settled by now and is not."""

    kind: str
    credit_id: str
    invoice_key: int
    amount_micros: int
    commit_seq: int


class Left(NamedTuple):
    """The amount left of a credit."""

    kind: str
    credit_id: str
    left_micros: int


class _Step(NamedTuple):
    """An event of an account, in the commit `seq`; `turn` orders steps of one commit."""

    seq: int
    turn: int
    what: str
    credit: tuple[str, str] = ("", "")
    invoice_key: int = 0
    amount_micros: int = 0
    parts: tuple[tuple[int, dt.date, int], ...] = ()


@dataclasses.dataclass
class _Account:
    """All that is known of an account."""

    items: list[tuple[int, OpenItem]] = dataclasses.field(default_factory=list)  # (commit, item), amounts are totals
    turns: dict[tuple[str, str], tuple[Any, tuple[int, ...]]] = dataclasses.field(default_factory=dict)  # credit: its turn, what it is for
    corrects: dict[tuple[str, str], tuple[tuple[int, int], ...]] = dataclasses.field(default_factory=dict)
    steps: list[_Step] = dataclasses.field(default_factory=list)
    moments: set[int] = dataclasses.field(default_factory=set)  # further commits that settled something


def stored(connection: sa.Connection) -> list[Settled]:
    """Every settlement of the store, net by commit."""
    row = tables.settlements.c
    names = (row.credit_kind, row.credit_id, row.invoice_key, row.commit_seq)
    amount = sa.cast(sa.func.sum(row.amount_micros), tables.INT64)
    query = sa.select(*names, amount).group_by(*names)
    return [Settled(kind, credit_id, key, int(micros), seq) for kind, credit_id, key, seq, micros in connection.execute(query) if micros]


def stored_left(connection: sa.Connection) -> list[Left]:
    """The stored amount left of every credit."""
    row = tables.credits_left.c
    return [Left(*each) for each in connection.execute(sa.select(row.credit_kind, row.credit_id, row.left_micros))]


def worked_out(connection: sa.Connection, waiting: AbstractSet[int]) -> list[Settled]:
    """The settlements that follow from everything else: `stored` must equal them.

    `waiting`: invoices that are numbered but not posted yet; a payment may have settled them already, other credit not.
    """
    return [part for settled, _ in replayed(connection, waiting) for part in settled]


def replayed(connection: sa.Connection, waiting: AbstractSet[int]) -> Iterator[tuple[list[Settled], list[Left]]]:
    """Settlements and what is left of credits, account by account."""
    known, rule_from = orders(connection), corrected.first_seq(connection)
    for first, last in _ranges(connection):
        accounts = _read(connection, first, last)
        keys = [item.invoice_key for account in accounts.values() for _, item in account.items]
        claims = {order: claims_of(connection, keys, order) for order in known.all()}
        for _, account in sorted(accounts.items()):
            yield _play(account, known, claims, waiting, rule_from)


def _play(
    account: _Account, known: Orders, claims: Mapping[Order, Mapping[int, Claims]], waiting: AbstractSet[int], rule_from: int
) -> tuple[list[Settled], list[Left]]:
    """One account from its first commit to now."""
    book = _Book(account, rule_from)
    made = []
    steps = collections.deque(sorted(account.steps))
    quiet = {_PLANS, _WRITES_OFF}  # what spreads no credit when it is stored
    for moment in [*sorted(account.moments | {step.seq for step in steps if step.what not in quiet}), NOW]:
        while steps and steps[0].seq <= moment:
            step = steps.popleft()
            book.take(step)
            if step.what == _WRITES_OFF:
                made.append(Settled(*step.credit, step.invoice_key, step.amount_micros, step.seq))
        order = known.at(moment)
        book.spread(moment, order, claims[order], waiting if moment == NOW else frozenset())
        made += [Settled(*key, change, 0 if moment == NOW else moment) for key, change in book.changes.items() if change]
        book.changes.clear()
    return made, [Left(*credit, left) for credit, left in book.left.items() if left]


class _Book:
    """The state of an account while it is replayed."""

    def __init__(self, account: _Account, rule_from: int) -> None:
        self._account = account
        self._rule_from = rule_from  # the commit from which documents settle what they correct
        self._items = {item.invoice_key: item for _, item in account.items}
        self._parts: dict[int, tuple[tuple[int, dt.date, int], ...]] = {}
        self._void: set[int] = set()
        self._met: set[int] = set()  # documents that have become credit
        self._credit_documents = [pair for pair in account.items if pair[1].open_micros < 0]
        self._paid: dict[int, int] = {}  # by invoice
        self.left: dict[tuple[str, str], int] = {}
        self.settled: dict[tuple[str, str, int], int] = {}
        self.changes: dict[tuple[str, str, int], int] = {}  # of `settled`, since they were last read

    def take(self, step: _Step) -> None:
        """Apply a step."""
        if step.what == _ADDS:
            self.left[step.credit] = self.left.get(step.credit, 0) + step.amount_micros
        elif step.what == _TAKES:
            self._take_back(step)
        elif step.what == _VOIDS:
            self._undo(step.invoice_key)
        elif step.what == _WRITES_OFF:
            self._add(Settlement(*step.credit, step.invoice_key, step.amount_micros))
        else:
            self._parts[step.invoice_key] = step.parts

    def spread(self, moment: int, order: Order, claims: Mapping[int, Claims], waiting: AbstractSet[int]) -> None:
        """Spread all credit over all that is open at this moment."""
        self._documents_arrive(
            [item for seq, item in self._credit_documents if seq <= moment and item.invoice_key not in self._void | waiting]
        )
        turns = self._account.turns
        corrects = self._account.corrects if moment >= self._rule_from else {}
        credits_ = [Credit(0, *key, left, turns[key][1], corrects.get(key, ())) for key, left in self.left.items() if left]
        if not credits_:
            return
        credits_.sort(key=lambda credit: turns[credit.kind, credit.credit_id][0])
        items = [
            part
            for seq, item in self._account.items
            if seq <= moment and item.open_micros > self._paid.get(item.invoice_key, 0) and item.invoice_key not in self._void | waiting
            for part in in_parts(self._open(item), self._parts.get(item.invoice_key, ()))
        ]
        for part in allocate(credits_, items, order, claims):
            self._settle(part)
            self.left[part[:2]] -= part.amount_micros

    def _documents_arrive(self, known: list[OpenItem]) -> None:
        for item in known:
            if item.invoice_key not in self._met:
                self._met.add(item.invoice_key)
                credit = (DOCUMENT, item.number)
                self.left[credit] = self.left.get(credit, 0) - item.open_micros

    def _open(self, item: OpenItem) -> OpenItem:
        paid = self._paid.get(item.invoice_key, 0)
        return item._replace(open_micros=item.open_micros - paid) if paid else item

    def _take_back(self, step: _Step) -> None:
        if step.credit[0] == DOCUMENT:
            self._documents_arrive([item for item in self._items.values() if item.number == step.credit[1]])
        mine = [(key[2], amount) for key, amount in self.settled.items() if key[:2] == step.credit and amount]
        settled = [self._items[key]._replace(open_micros=amount) for key, amount in mine]
        possible = sum(amount for _, amount in mine) + self.left.get(step.credit, 0)
        undone, left = take_back(settled, self.left.get(step.credit, 0), min(step.amount_micros, possible))
        for invoice_key, amount in undone.items():
            self._settle(Settlement(*step.credit, invoice_key, -amount))
        self.left[step.credit] = left

    def _undo(self, invoice_key: int) -> None:
        """An invoice is void: credit that settled it is free again; a credit document settles nothing any more."""
        self._void.add(invoice_key)
        number = self._items[invoice_key].number
        for (kind, credit_id, key), amount in list(self.settled.items()):
            if amount and (key == invoice_key or (kind, credit_id) == (DOCUMENT, number)):
                self._settle(Settlement(kind, credit_id, key, -amount))
                if key == invoice_key:
                    self.left[kind, credit_id] = self.left.get((kind, credit_id), 0) + amount
        self.left.pop((DOCUMENT, number), None)

    def _settle(self, part: Settlement) -> None:
        self._add(part)
        self.changes[part[:3]] = self.changes.get(part[:3], 0) + part.amount_micros

    def _add(self, part: Settlement) -> None:
        self.settled[part[:3]] = self.settled.get(part[:3], 0) + part.amount_micros
        self._paid[part.invoice_key] = self._paid.get(part.invoice_key, 0) + part.amount_micros


def _ranges(connection: sa.Connection) -> Iterator[tuple[int, int]]:
    """Ranges of account keys that are read at once."""
    account = tables.accounts.c.account_key
    last = connection.execute(sa.select(sa.func.max(account))).scalar_one() or 0
    for first in range(0, last + 1, ACCOUNTS_AT_ONCE):
        yield first, first + ACCOUNTS_AT_ONCE - 1


def _read(connection: sa.Connection, first: int, last: int) -> dict[int, _Account]:
    """Everything about the accounts of a range that ever had credit or a settlement."""
    found: dict[int, _Account] = {}
    _read_credits(connection, found, first, last)
    _read_settlements(connection, found, first, last)
    invoice = tables.invoices.c
    fields = (invoice.account_key, invoice.invoice_key, invoice.number, invoice.due_on, invoice.total_micros)
    query = sa.select(invoice.commit_seq, invoice.corrects_invoice_key, *fields).where(invoice.account_key.between(first, last))
    about = corrected.of_documents(connection, invoice.account_key.between(first, last))
    for seq, corrects, account_key, key, number, due_on, _ in connection.execute(query.where(invoice.total_micros < 0)):
        account = found.setdefault(account_key, _Account())
        account.turns[DOCUMENT, number] = turn(DOCUMENT, number, due_on, seq), first_of(None, corrects, {})
        account.corrects[DOCUMENT, number] = about.get(key, ())
    for seq, _, account_key, key, number, due_on, total in connection.execute(query):
        if account_key in found:
            found[account_key].items.append((seq, OpenItem(account_key, key, number, dt.date.fromisoformat(due_on), total)))
    _complete(connection, found, first, last)
    return found


def _read_credits(connection: sa.Connection, found: dict[int, _Account], first: int, last: int) -> None:
    """Payments, deposits that were released, and what went back."""
    payment, deposit, release = tables.payments.c, tables.deposits.c, tables.deposit_events.c
    paid = sa.select(payment.account_key, payment.payment_id, payment.amount_micros, payment.commit_seq)
    for account_key, payment_id, amount, seq in connection.execute(paid.where(payment.account_key.between(first, last))):
        account = found.setdefault(account_key, _Account())
        account.turns[PAYMENT, payment_id] = turn(PAYMENT, payment_id, "", seq), ()
        account.steps.append(_Step(seq, 0, _ADDS, (PAYMENT, payment_id), 0, amount))
    released = sa.select(deposit.account_key, deposit.deposit_id, deposit.commit_seq, release.amount_micros, release.commit_seq)
    released = released.join_from(tables.deposit_events, tables.deposits).where(release.kind == "applied")
    for account_key, deposit_id, came, amount, seq in connection.execute(released.where(deposit.account_key.between(first, last))):
        account = found.setdefault(account_key, _Account())
        account.turns[DEPOSIT, deposit_id] = turn(DEPOSIT, deposit_id, "", came), ()
        account.steps.append(_Step(seq, 0, _ADDS, (DEPOSIT, deposit_id), 0, amount))


def _read_settlements(connection: sa.Connection, found: dict[int, _Account], first: int, last: int) -> None:
    """The commits of settlements; for write-offs also the amounts."""
    row, invoice = tables.settlements.c, tables.invoices.c
    query = sa.select(invoice.account_key, row.credit_kind, row.credit_id, row.invoice_key, row.amount_micros, row.commit_seq)
    query = query.join_from(tables.settlements, tables.invoices).where(invoice.account_key.between(first, last))
    for account_key, kind, credit_id, invoice_key, amount, seq in connection.execute(query.order_by(row.settlement_id)):
        account = found.setdefault(account_key, _Account())
        if kind != WRITE_OFF:
            account.moments.add(seq)
        else:
            account.steps.append(_Step(seq, 3, _WRITES_OFF, (kind, credit_id), invoice_key, amount))


def _complete(connection: sa.Connection, found: dict[int, _Account], first: int, last: int) -> None:
    """The later events of payments, documents and invoices of the accounts."""
    key_of = {item.number: item.invoice_key for account in found.values() for _, item in account.items}
    payment, event, invoice, void = tables.payments.c, tables.payment_events.c, tables.invoices.c, tables.invoice_events.c
    told = sa.select(payment.account_key, payment.payment_id, payment.instruction, payment.commit_seq).where(
        payment.instruction.is_not(None)
    )
    for account_key, payment_id, instruction, seq in connection.execute(told.where(payment.account_key.between(first, last))):
        found[account_key].turns[PAYMENT, payment_id] = turn(PAYMENT, payment_id, "", seq), first_of(instruction, None, key_of)
    account_of = sa.func.coalesce(payment.account_key, invoice.account_key)
    query = (
        sa.select(account_of, event.payment_id, event.credit_number, event.kind, event.amount_micros, event.commit_seq)
        .outerjoin(tables.payments, payment.payment_id == event.payment_id)
        .outerjoin(tables.invoices, invoice.number == event.credit_number)
        .where(account_of.between(first, last))
        .order_by(event.event_id)
    )
    for account_key, payment_id, number, kind, amount, seq in connection.execute(query):
        credit = (PAYMENT, payment_id) if payment_id is not None else (DOCUMENT, number)
        found[account_key].steps.append(_Step(seq, 1, _ADDS if kind == GIVES_BACK else _TAKES, credit, 0, amount))
    voided = sa.select(invoice.account_key, void.invoice_key, void.commit_seq).join_from(tables.invoice_events, tables.invoices)
    for account_key, invoice_key, seq in connection.execute(voided.where(void.kind == "voided", invoice.account_key.between(first, last))):
        if account_key in found:
            found[account_key].steps.append(_Step(seq, 2, _VOIDS, ("", ""), invoice_key))
    _read_plans(connection, found, first, last)


def _read_plans(connection: sa.Connection, found: dict[int, _Account], first: int, last: int) -> None:
    plan, part = tables.instalment_plans.c, tables.instalments.c
    query = sa.select(plan.account_key, plan.plan_id, plan.commit_seq, part.invoice_key, part.part_no, part.due_on, part.amount_micros)
    query = query.join_from(tables.instalments, tables.instalment_plans).where(plan.account_key.between(first, last))
    made: dict[tuple[int, str, int, int], list[tuple[int, dt.date, int]]] = {}
    for account_key, plan_id, seq, invoice_key, part_no, due_on, amount in connection.execute(
        query.order_by(plan.commit_seq, part.part_no)
    ):
        made.setdefault((account_key, plan_id, seq, invoice_key), []).append((part_no, dt.date.fromisoformat(due_on), amount))
    for (account_key, _, seq, invoice_key), parts in made.items():
        if account_key in found:
            found[account_key].steps.append(_Step(seq, 4, _PLANS, ("", ""), invoice_key, 0, tuple(parts)))
