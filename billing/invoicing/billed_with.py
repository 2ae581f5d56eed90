"""The period that each line of a document is billed with, worked out once, as the document gets its number.

It is the line's own, but for these:
- A charge of a period that begins when the document ends, or later, is billed ahead: with the last period that the document bills.
- A line of a charge that was billed ahead before corrects it, wherever its own period ends now. It is of the period that the charge was
  billed with. Void documents count, those of undone runs do not. Where charges of one period were billed ahead with several, the last of
  these counts.
- Of a period that goes on, only fees in advance were billed. So all lines of a re-rating of it, and of credit notes about that, correct
  such fees.
- Discounts and tax go with the charges of their document, period and tax class, and have no period of their own here. Where those come to
  nothing, they correct what was billed ahead.

Few documents need a look at earlier ones. Of an unrestricted run of the cycle they are those that correct a charge. So are documents of
accounts with a void one, or with any beside the cycle.
"""

from __future__ import annotations

import collections
import datetime as dt
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import sqlalchemy as sa

from billing.accounts import undone
from billing.accounts.covering import CYCLE, RERATE
from billing.charges.charge_keys import Kind
from billing.invoicing.drafts import iso
from billing.invoicing.forms import KIND_NAMES, OPENING
from billing.store import tables
from billing.store.voids import VOIDED, voided
from rating.dates import NEVER_DAY, day_number, day_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from billing.charges.lines import Int64s
    from billing.invoicing.drafts import Drafts

FOLLOWING: Final = (Kind.DISCOUNT, Kind.TAX)
_CHARGE: Final = ("account_key", "period_from", "kind", "subscription_key", "charge_code", "price_id", "tax_class", "revenue_code")
_GROUP: Final = ("period_from", "tax_class")
_SHORTEST_MONTH: Final = 28
_ACCOUNTS_PER_QUERY: Final = 500
_DRAFTS_AT_ONCE: Final = 100_000
_KINDS: Final = {name: int(kind) for kind, name in KIND_NAMES.items()}

Bools = npt.NDArray[np.bool_]


class _Line(NamedTuple):
    """A line of a document: its charge (as `_CHARGE`), the end of its period, and its amount."""

    charge: tuple[int, ...]
    period_to: int
    amount_micros: int

    @property
    def follows(self) -> bool:
        """True for discounts and tax."""
        return self.charge[2] in FOLLOWING

    @property
    def group(self) -> tuple[int, int]:
        """Period and tax class."""
        return self.charge[1], self.charge[6]


class _Ahead(NamedTuple):
    """Charges that were billed ahead of their period, and by account and period (a day number) the period they were billed with."""

    charges: set[tuple[int, ...]]
    begun: dict[tuple[int, ...], int]

    def begin(self, of: tuple[int, ...], billed_with: int) -> None:
        """Note the period with which something of another (account and period) was billed; the last counts."""
        self.begun[of] = max(self.begun.get(of, billed_with), billed_with)


def of_lines(connection: sa.Connection, run_id: int, drafts: Drafts, corrects: Int64s | None = None) -> Int64s:
    """By line of drafts the first day of the period that it is billed with, as a day number; NEVER_DAY where that is its own.

    `corrects`: the invoice that each credit note is about.
    """
    draft = np.repeat(np.arange(len(drafts)), np.diff(drafts.first_line))
    lines, follows = drafts.lines, np.logical_or.reduce([drafts.lines["kind"] == kind for kind in FOLLOWING])
    is_ahead = (lines["period_from"] >= drafts.period_to[draft]) & ~follows
    last = _last_periods(drafts)
    found = np.where(is_ahead, last[draft], NEVER_DAY)
    asked = np.flatnonzero(_asked(connection, run_id, drafts, draft, follows)).tolist()
    if not asked:
        return found
    ahead = _billed_ahead(connection, sorted({int(drafts.account_key[place]) for place in asked}), int(lines["period_from"].min()))
    begun = {of[0] for of in ahead.begun} | set(drafts.account_key[draft[is_ahead]].tolist())
    documents = {place: _document(drafts, place) for place in asked if int(drafts.account_key[place]) in begun}
    rows = {place: slice(int(drafts.first_line[place]), int(drafts.first_line[place + 1])) for place in documents}
    for place, document in documents.items():
        _take(ahead, document, found[rows[place]].tolist())
    running_to = _running_to(connection, run_id, drafts, corrects)
    for place, document in documents.items():
        found[rows[place]] = _of_document(document, ahead, running_to[place])
    return found


def _asked(connection: sa.Connection, run_id: int, drafts: Drafts, draft: Int64s, follows: Bools) -> Bools:
    """The drafts whose lines may be of charges that were billed ahead before."""
    run, lines = tables.bill_runs.c, drafts.lines
    own = connection.execute(sa.select(run.kind, run.restricted).where(run.run_id == run_id)).one()
    asked = np.full(len(drafts), own.kind != CYCLE or bool(own.restricted), np.bool_)
    if asked.all():
        return asked
    asked[draft[(~follows & (lines["corrects"] != 0)) | (lines["period_from"] < drafts.period_from[draft])]] = True
    asked[draft[_alone(drafts, draft, follows)]] = True
    since = day_of(int(lines["period_from"].min()))
    return asked | np.isin(drafts.account_key, _with_other_documents(connection, since))


def _alone(drafts: Drafts, draft: Int64s, follows: Bools) -> Bools:
    """Discounts and tax in documents whose charges of their period and tax class come to nothing."""
    lines, alone = drafts.lines, np.zeros(len(draft), np.bool_)
    codes, width = np.zeros(len(draft), np.int64), 1
    for name in _GROUP:
        encoded: Any = pa.array(np.ascontiguousarray(lines[name])).dictionary_encode()
        codes, width = codes * len(encoded.dictionary) + encoded.indices.to_numpy(), width * len(encoded.dictionary)
    for first in range(0, len(drafts), _DRAFTS_AT_ONCE):
        count = min(_DRAFTS_AT_ONCE, len(drafts) - first)
        rows = slice(int(drafts.first_line[first]), int(drafts.first_line[first + count]))
        place, sums = (draft[rows] - first) * width + codes[rows], np.zeros(count * width, np.int64)
        charged = ~follows[rows]
        np.add.at(sums, place[charged], lines["amount_micros"][rows][charged])
        alone[rows] = follows[rows] & (lines["amount_micros"][rows] != 0) & (sums[place] == 0)
    return alone


def _with_other_documents(connection: sa.Connection, since: dt.date) -> Int64s:
    """Accounts (keys) with void documents, or any beside the unrestricted cycle, of runs dated `since` a day.

    Nothing is billed before the day on which its period begins, so no older run matters.
    """
    invoice, run = tables.invoices.c, tables.bill_runs.c
    dated = sa.select(run.run_id).where(run.bill_date >= since.isoformat())
    beside = dated.where((run.kind != CYCLE) & (run.kind != OPENING) | (run.restricted == 1))
    void = invoice.invoice_key.in_(voided()) & invoice.run_id.in_(dated)
    found: set[int] = set()
    for condition in (invoice.run_id.in_(beside), void):
        found |= set(connection.execute(sa.select(invoice.account_key).where(condition).distinct()).scalars())
    return np.array(sorted(found), np.int64)


def _billed_ahead(connection: sa.Connection, account_keys: Sequence[int], since: int) -> _Ahead:
    """Charges of accounts that were billed ahead of periods that begin on a day or later."""
    invoice, line, event = tables.invoices.c, tables.invoice_lines.c, tables.invoice_events.c
    charge = (invoice.account_key, *(line[name] for name in _CHARGE[1:]))
    gone = sa.select(event.invoice_key).where(event.kind == VOIDED, event.commit_seq.in_(undone.commits()))
    query = sa.select(*charge, sa.func.max(line.billed_with).label("billed_with")).join_from(tables.invoices, tables.invoice_lines)
    query = query.where(line.period_from >= invoice.period_to, line.billed_with.is_not(None), line.period_from >= iso(since))
    query = query.where(line.kind.not_in([KIND_NAMES[kind] for kind in FOLLOWING]), invoice.invoice_key.not_in(gone)).group_by(*charge)
    found = _Ahead(set(), {})
    for start in range(0, len(account_keys), _ACCOUNTS_PER_QUERY):
        chunk = account_keys[start : start + _ACCOUNTS_PER_QUERY]
        for row in connection.execute(query.where(invoice.account_key.in_(chunk))):
            period, kind = _day(row.period_from), _KINDS[row.kind]
            found.charges.add((row.account_key, period, kind, *(getattr(row, name) for name in _CHARGE[3:])))
            found.begin((row.account_key, period), _day(row.billed_with))
    return found


def _document(drafts: Drafts, place: int) -> list[_Line]:
    """The lines of a draft, each as its charge and what else of it matters."""
    account, rows = int(drafts.account_key[place]), drafts.lines[int(drafts.first_line[place]) : int(drafts.first_line[place + 1])]
    columns = [rows[name].tolist() for name in (*_CHARGE[1:], "period_to", "amount_micros")]
    return [_Line((account, *each[:-2]), *each[-2:]) for each in zip(*columns, strict=True)]


def _take(ahead: _Ahead, document: Iterable[_Line], billed_with: Iterable[int]) -> None:
    """Add what a document bills ahead itself."""
    for line, day in zip(document, billed_with, strict=True):
        if day != NEVER_DAY:
            ahead.charges.add(line.charge)
            ahead.begin(line.charge[:2], day)


def _of_document(document: Sequence[_Line], ahead: _Ahead, running_to: int) -> list[int]:
    """The periods of a document's lines. `running_to`: the day of issue of a re-rating that it is, or is about; NEVER_DAY: it is none."""
    begun = [ahead.begun.get(line.charge[:2], NEVER_DAY) for line in document]
    found = [
        day if line.charge in ahead.charges or running_to < line.period_to else NEVER_DAY for line, day in zip(document, begun, strict=True)
    ]
    sums: dict[tuple[int, int, bool], int] = collections.defaultdict(int)
    for line, day in zip(document, found, strict=True):
        if day != NEVER_DAY or not line.follows:
            sums[(*line.group, day != NEVER_DAY)] += line.amount_micros
    for place, line in enumerate(document):
        if line.follows and line.amount_micros and not sums.get((*line.group, True)) and not sums.get((*line.group, False)):
            found[place] = begun[place]
    return found


def _running_to(connection: sa.Connection, run_id: int, drafts: Drafts, corrects: Int64s | None) -> list[int]:
    """By draft the day of issue of the re-rating that it is, or is about; NEVER_DAY for other documents."""
    invoice, run = tables.invoices.c, tables.bill_runs.c
    if corrects is None:
        kind = connection.execute(sa.select(run.kind).where(run.run_id == run_id)).scalar_one()
        return [day_number(drafts.issued_on) if kind == RERATE else NEVER_DAY] * len(drafts)
    query = sa.select(invoice.invoice_key, invoice.issued_on).join_from(tables.invoices, tables.bill_runs, run.run_id == invoice.run_id)
    rows = connection.execute(query.where(run.kind == RERATE, invoice.invoice_key.in_(corrects.tolist())))
    issued = {row.invoice_key: _day(row.issued_on) for row in rows}
    return [issued.get(key, NEVER_DAY) for key in corrects.tolist()]


def _last_periods(drafts: Drafts) -> Int64s:
    """By draft the first day of the last period that it bills: of one over several the last that begins before it ends."""
    last = drafts.period_from.copy()
    for place in np.flatnonzero(_over_several(drafts.period_from, drafts.period_to)).tolist():
        begins = drafts.lines["period_from"][int(drafts.first_line[place]) : int(drafts.first_line[place + 1])]
        own = begins[begins < drafts.period_to[place]]
        last[place] = own.max() if own.size else last[place]
    return last


def _over_several(first: Int64s, end: Int64s) -> Bools:
    """Documents over several periods: longer than a month. A period that begins on 28 February may end on 31 March."""
    days = [day.astype("datetime64[D]") for day in (first, end)]
    months = [day.astype("datetime64[M]") for day in days]
    of_month = [(day - month.astype("datetime64[D]")).astype(np.int64) + 1 for day, month in zip(days, months, strict=True)]
    apart = (months[1] - months[0]).astype(np.int64)
    found: Bools = (apart > 1) | ((apart == 1) & (of_month[1] > of_month[0]) & (of_month[0] < _SHORTEST_MONTH))
    return found


def _day(date: str) -> int:
    return day_number(dt.date.fromisoformat(date))
