"""Amounts that imported accounts owed, or had to their credit, before: each opening item becomes a document of type `opening`.

It is no invoice of ours. It has a number of its own series, and its line names the number of the old system. Nothing of it counts as
billed, and it is posted against `opening_balance`. Payments settle it by its old due date like any other open item. It is made once,
however often it is asked for.

Items to the credit of customers are money in the hands of the person who imported them. Where they exceed what one person may give back
alone (`billing.give_back_limit`, with other openings of 30 days), nothing is made until another person agrees.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
import sqlalchemy as sa

from billing import clocks, give_back_limit
from billing.charges.charge_keys import Kind
from billing.charges.lines import LINE, Int64s
from billing.clocks import Dated
from billing.documents.issuing import issue
from billing.documents.trying import Work, transaction
from billing.invoicing import languages
from billing.invoicing.drafts import Drafts
from billing.invoicing.forms import OPENING
from billing.store import approvals, settings, tables
from rating.dates import day_number
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from billing.ledger.closed_months import Who
    from billing.store.approvals import Agreement, Approval
    from billing.store.home import Home

_TEXTS: Final = {"en": "Balance brought forward: {}", "zh": "期初余额: {}"}


class Opened(msgspec.Struct, frozen=True):
    """The number of documents that were made, and their sum by currency (micro-units)."""

    documents: int
    total_micros: dict[str, int]
    run_id: int = 0  # 0: nothing was to be made
    refused: str = ""  # of a dry run: why making them would be refused
    needs_second: bool = False  # another person has to agree: nothing is made until then
    proposal: int = 0  # what waits for that person; 0: nothing does


class _Asked(msgspec.Struct, frozen=True):
    """The payload of a proposal. `credits`: micro-units to the credit of customers, by currency."""

    on: dt.date
    items: int
    credits: dict[str, int]


def open_items(home: Home, who: Who, on: dt.date, *, dry_run: bool = False, agreement: Agreement | None = None) -> Opened:
    """Make documents, dated `on`, of all opening items that have none; or ask another person, where too much is to customers' credit.

    Raises UserError where the books of that month are closed, and for a date that has not begun for an account with such an item. A dry run
    of such a date reports that in `refused`.
    """
    with transaction(home, dry_run=dry_run) as connection:
        rows = _waiting(connection)
        refused = _not_begun(connection, rows, on, who.now_us)
        if refused is not None and not dry_run:
            raise refused
        work = Work(home, connection, who, agreement)
        waits = _ask(work, rows, on) if rows else None
        made = bool(rows) and (waits is None or dry_run)
        issued = issue(work, _drafts(rows, on, _languages(work, rows, on)), OPENING, {"items": len(rows)}) if made else None
        if issued is not None:
            work.agree(issued.commit_seq)
    why = "" if refused is None else f"{refused.message}; remedy: {refused.remedy}"
    proposal = waits.approval_id if waits is not None and not dry_run else 0
    return Opened(len(rows), _sums(rows), issued.run_id if issued is not None else 0, why, waits is not None, proposal)


def open_agreed(home: Home, agreement: Agreement) -> Opened:
    """Make the documents that another person asked for. Raises UserError where other items wait by now, and as `open_items` does."""
    told = msgspec.json.decode(agreement.approval.payload, type=_Asked)
    return open_items(home, agreement.asked_by, told.on, agreement=agreement)


def stored_by(home: Home, commit_seq: int) -> Opened:
    """The documents that a commit made, or the proposal that it stored."""
    run, invoice = tables.bill_runs.c, tables.invoices.c
    with home.connect() as connection:
        waits = approvals.of_commit(connection, commit_seq)
        if waits is not None:
            rows = _waiting(connection)
            return Opened(len(rows), _sums(rows), needs_second=True, proposal=waits.approval_id)
        run_id = int(connection.execute(sa.select(run.run_id).where(run.commit_seq == commit_seq)).scalar_one())
        query = sa.select(invoice.currency, invoice.total_micros.label("amount_micros")).where(invoice.run_id == run_id)
        made = connection.execute(query.order_by(invoice.invoice_key)).all()
    return Opened(len(made), _sums(made), run_id)


def _sums(rows: Sequence[Any]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for row in rows:
        sums[row.currency] = sums.get(row.currency, 0) + int(row.amount_micros)
    return sums


def _asked(rows: Sequence[Any], on: dt.date) -> _Asked:
    credits_: dict[str, int] = {}
    for row in rows:
        if row.amount_micros < 0:
            credits_[row.currency] = credits_.get(row.currency, 0) - row.amount_micros
    return _Asked(on, len(rows), credits_)


def _ask(work: Work, rows: Sequence[Any], on: dt.date) -> Approval | None:
    """The proposal that waits for another person; None where no agreement is needed, or that person agrees now."""
    asked, subject = _asked(rows, on), f"items of {on}"
    if work.agreement is not None:
        _require_unchanged(work.agreement, asked)
        return None
    before = approvals.waiting(work.connection, give_back_limit.OPENING, subject)
    if before is not None:
        approvals.require_same(before, asked)
        return before
    currency = next((each for each in sorted(asked.credits) if _is_beyond(work, rows, each)), None)
    if currency is None:
        return None
    wanted = approvals.ProposalContent(
        give_back_limit.OPENING, subject, asked, f"{asked.items} opening items", asked.credits[currency], currency
    )
    return approvals.propose(work.connection, wanted, work.who, work.next_seq(approvals.COMMIT_KIND))


def _require_unchanged(agreement: Agreement, asked: _Asked) -> None:
    told = msgspec.json.decode(agreement.approval.payload, type=_Asked)
    if told != asked:
        remedy = f'ratewright approvals refuse {agreement.approval.approval_id} --note "other items", and ask again'
        raise UserError(f"the opening items that wait have changed: {asked.items} now, {told.items} when they were proposed", remedy)


def _is_beyond(work: Work, rows: Sequence[Any], currency: str) -> bool:
    """True where credits in a currency exceed what one person may open alone, in all or for one account."""
    connection, who = work.connection, work.who
    limit, acts = settings.integer(connection, give_back_limit.LIMIT), give_back_limit.openings_alone()
    credits_: dict[int | None, int] = {None: 0}
    for row in rows:
        if row.currency == currency and row.amount_micros < 0:
            credits_[None] -= row.amount_micros
            credits_[row.account_key] = credits_.get(row.account_key, 0) - row.amount_micros
    if credits_[None] > limit:
        return True
    sums = ((micros, give_back_limit.Given(key, currency, micros)) for key, micros in credits_.items())
    return any(micros + give_back_limit.given_alone(connection, acts, given, who) > limit for micros, given in sums)


def _waiting(connection: sa.Connection) -> list[Any]:
    """Items without a document, by account and reference: those that were imported after the last opening run."""
    item, account, run = tables.opening_items, tables.accounts.c, tables.bill_runs.c
    last = sa.select(sa.func.coalesce(sa.func.max(run.commit_seq), 0)).where(run.kind == OPENING).scalar_subquery()
    columns = (account.currency, account.legal_entity)
    query = sa.select(item, *columns).join_from(item, tables.accounts).where(item.c.commit_seq > last)
    return list(connection.execute(query.order_by(account.account_id, item.c.issued_on, item.c.reference)))


def _not_begun(connection: sa.Connection, rows: Sequence[Any], on: dt.date, now_us: int) -> UserError | None:
    try:
        clocks.require_begun(connection, Dated("an opening", on, now_us), lambda: {row.account_key for row in rows})
    except UserError as error:
        return error
    return None


def _languages(work: Work, rows: Sequence[Any], on: dt.date) -> dict[int, str]:
    """The language of the documents of each account."""
    return {key: languages.of_next(work.home, work.connection, key, on) for key in sorted({row.account_key for row in rows})}


def _drafts(rows: Sequence[Any], on: dt.date, spoken: Mapping[int, str]) -> Drafts:
    """One document of one line for each item, in their order; `spoken`: the language of each account's."""
    issued_on = np.array([day_number(dt.date.fromisoformat(row.issued_on)) for row in rows], np.int64)
    due_on = np.array([day_number(dt.date.fromisoformat(row.due_on)) for row in rows], np.int64)
    lines = np.zeros(len(rows), LINE)
    lines["account_key"] = [row.account_key for row in rows]
    lines["kind"] = Kind.ADJUSTMENT
    lines["period_from"], lines["period_to"] = issued_on, issued_on + 1
    lines["amount_micros"] = lines["exact_micros"] = [row.amount_micros for row in rows]
    currencies, currency = _places([row.currency for row in rows])
    entities, entity = _places([row.legal_entity or "" for row in rows])
    texts = [_TEXTS.get(spoken[row.account_key].partition("-")[0], _TEXTS["en"]).format(row.reference) for row in rows]
    keys = lines["account_key"].copy()
    heads = (keys, currency, entity, issued_on, issued_on + 1, due_on, np.arange(len(rows) + 1, dtype=np.int64))
    text = np.arange(len(rows), dtype=np.int32)
    return Drafts(*heads, lines, text, texts, tuple(currencies), tuple(entities), on, OPENING)


def _places(words: Sequence[str]) -> tuple[list[str], Int64s]:
    names = sorted(set(words))
    place = {name: number for number, name in enumerate(names)}
    return names, np.array([place[word] for word in words], np.int64)
