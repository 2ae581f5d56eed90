"""Bills out of the ordinary: above a multiple of the mean of the months before (abnormal_bills.yaml), to notify the customer.

The bill of a month is all that has been billed of the periods that begin in it: by runs of the cycle, runs made again, between runs, less
credit notes. A document over several periods counts in each of them by its lines. So does every document of an account that had one void: a
document that bills those charges again may be beside a later period. So does a re-rating. A fee in advance is of the period that it was
billed with, in any document that has its line. Of a month without documents the bill is the imported baseline. A month in which the account
was billed here, without either, has a bill of 0. An account without any month before has nothing to compare with. After months of 0 a bill
is out of the ordinary above the setting `abnormal_bill_floor_micros`.

A run that was undone for an account judged nothing of it: its alarms are dismissed, and the same month may be judged anew.

A run judges each month of its documents by itself. It also judges those of interim bills whose accounts it is the first to compute after
their periods. A second call for a run adds nothing; a note that the customer was notified, or a dismissal, is a row of its own.
"""

from __future__ import annotations

import datetime as dt
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from billing.accounts import covering, undone
from billing.allocations.items import CHUNK, chunks
from billing.charges.lines import Int64s
from billing.charges.periods import MONTHS_PER_YEAR
from billing.invoicing.forms import CREDIT_NOTE
from billing.runs import states
from billing.store import bulk, commit_points, settings, tables
from billing.store.voids import voided
from rating.errors import UserError
from rating.identifiers import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    import numpy.typing as npt

    from billing.ledger.closed_months import Who
    from billing.store.home import Home

    Bools = npt.NDArray[np.bool_]

FILE: Final = Path(__file__).parent / "abnormal_bills.yaml"
KIND: Final = "abnormal_bill"
OPEN, TOLD, DISMISSED = "open", "told", "dismissed"
_SHORTEST_MONTH: Final = 28
_OLD_BILLS: Final = 100  # of so many bills of a run one may be older than what is read of all accounts
_DAYS: Final = 32  # numbers of days that a month has room for
_MONTHS: Final = 10_000 * MONTHS_PER_YEAR  # numbers of months that an account has room for
NO_LIMIT: Final = 2**63 - 1
_FOLLOWING: Final = ("discount", "tax")  # kinds of line that go with others


class AlarmRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """More than `factor` times the mean of `months` months."""

    factor: int
    months: int


class Alarm(msgspec.Struct, frozen=True):
    """One alarm. Amounts are micro-units with tax; `limit_micros` is the limit that was exceeded. `state`: open, told or dismissed."""

    alarm_id: int
    kind: str
    account_id: str
    period_from: str
    currency: str
    reached_micros: int
    limit_micros: int
    run_id: int | None
    state: str
    note: str


class Bills(NamedTuple):
    """Months of accounts that a run judges, in the order of account key and month. `day`: the day on which the first of its periods begins.

    `first_month`: of the account's first day that is billed here.
    """

    account_key: Int64s
    day: Int64s
    first_month: Int64s

    @property
    def month(self) -> Int64s:
        """Number of the month."""
        return self.day // _DAYS

    @property
    def code(self) -> Int64s:
        """Account and month as one number."""
        return self.account_key * _MONTHS + self.month


class Amounts(NamedTuple):
    """Billed amounts of periods that begin on these days."""

    account_key: Int64s
    day: Int64s
    micros: Int64s


class Sums(NamedTuple):
    """Amounts by account and month, as one number (ascending)."""

    code: Int64s
    micros: Int64s

    def of(self, code: Int64s) -> tuple[Int64s, Bools]:
        """The sums of some, and whether they are known."""
        if not self.code.size:
            return np.zeros(code.size, np.int64), np.zeros(code.size, np.bool_)
        place = np.minimum(np.searchsorted(self.code, code), self.code.size - 1)
        known = self.code[place] == code
        return np.where(known, self.micros[place], 0), known


@functools.cache
def rule() -> AlarmRule:
    """The rule in its file."""
    return msgspec.yaml.decode(FILE.read_bytes(), type=AlarmRule)


def limits(before_micros: Int64s, months: Int64s, factor: int, floor_micros: int) -> Int64s:
    """The limit of each bill: `factor` times the mean of the given number of months before, rounded down; NO_LIMIT where there are none.

    Where their sum is 0: `floor_micros`. A bill of whole minor units is above the exact product where it is above this one, and the other
    way round.
    """
    product = factor * np.maximum(before_micros, 0).astype(object)
    pairs = zip(product, months.tolist(), strict=True)
    return np.array([NO_LIMIT if not count else int(each) // count if each else floor_micros for each, count in pairs], np.int64)


def raise_alarms(home: Home, run_id: int, who: Who) -> int:
    """Add an alarm for every month of a run that is out of the ordinary. Returns how many are new."""
    with home.begin() as connection:
        run = states.find(connection, run_id)
        if run.kind != states.CYCLE:
            return 0
        own = _documents(connection, tables.invoices.c.run_id == run_id)
        bills = _bills(connection, own, _interim(connection, run))
        billed = _sums([own, *_earlier(connection, run_id, bills)])
        limit = limits(*_before(connection, bills, billed), rule().factor, settings.integer(connection, "abnormal_bill_floor_micros"))
        total_micros, _ = billed.of(bills.code)
        above = np.flatnonzero(total_micros > limit).tolist()
        known = _known(connection, bills.account_key[above].tolist())
        found = [
            (int(bills.account_key[place]), _text(int(bills.day[place])), int(total_micros[place]), int(limit[place])) for place in above
        ]
        new = [each for each in found if known.get((each[0], each[1][:7]), 0) >= 0]
        if not new:
            return 0
        seq = home.next_commit_seq(connection, "alarm", who.now_us)
        common = {
            "kind": KIND,
            "subscription_key": 0,
            "action": "tell",
            "run_id": run_id,
            "at_us": who.now_us,
            "commit_seq": seq,
        }
        names = ("account_key", "period_from", "reached_micros", "limit_micros", "limit_id")
        again = [(*each, known.get((each[0], each[1][:7]), 0)) for each in new]
        connection.execute(tables.limit_alarms.insert(), [{**common, **dict(zip(names, each, strict=True))} for each in again])
        commit_points.reached("alarm.before_commit")
    commit_points.reached("alarm.committed")
    return len(new)


def list_all(home: Home, *, only_open: bool = False, as_of: int | None = None) -> list[Alarm]:
    """All alarms, oldest first, with what was said of them; by a commit if one is given."""
    alarm, account, decision = tables.limit_alarms.c, tables.accounts.c, tables.alarm_decisions
    decisions = sa.select(decision).order_by(decision.c.decision_id)
    if as_of is not None:
        decisions = decisions.where(decision.c.commit_seq <= as_of)
    with home.connect() as connection:
        said = {row.alarm_id: row for row in connection.execute(decisions)}
        columns = (alarm.alarm_id, alarm.kind, account.account_id, alarm.period_from, account.currency, alarm.reached_micros)
        query = sa.select(*columns, alarm.limit_micros, alarm.run_id).join_from(tables.limit_alarms, tables.accounts)
        found = [Alarm(*row, *_said(said.get(row.alarm_id))) for row in connection.execute(query.order_by(alarm.alarm_id))]
    return [each for each in found if each.state == OPEN or not only_open]


def decide(home: Home, alarm_id: int, kind: str, note: str, who: Who) -> bool:
    """Record that the customer was notified, or that the alarm is dismissed; False where the last decision was the same.

    Raises UserError where there is no such alarm, or a dismissal gives no reason.
    """
    assert kind in {TOLD, DISMISSED}, kind
    if kind == DISMISSED and not note.strip():
        raise UserError("dismissing an alarm needs a reason", "say why with --note", exit_status=2)
    note = one_line(note, "the note")
    decision, alarm = tables.alarm_decisions, tables.limit_alarms.c
    with home.begin() as connection:
        if connection.execute(sa.select(alarm.alarm_id).where(alarm.alarm_id == alarm_id)).first() is None:
            raise UserError(f"there is no alarm {alarm_id}", "`ratewright bill alarms list` shows all", exit_status=2)
        last = sa.select(decision).where(decision.c.alarm_id == alarm_id).order_by(decision.c.decision_id.desc())
        if _said(connection.execute(last).first()) == (kind, note):
            return False
        seq = home.next_commit_seq(connection, "alarm", who.now_us)
        by = {"by_name": who.by_name, "by_uid": who.by_uid, "at_us": who.now_us, "commit_seq": seq}
        connection.execute(decision.insert().values(alarm_id=alarm_id, kind=kind, note=note, **by))
        commit_points.reached("alarm.before_commit")
    commit_points.reached("alarm.committed")
    return True


def dismiss_of_run(  # noqa: PLR0913, PLR0917 -- which, of whom, why, who and by which commit
    connection: sa.Connection, run_id: int, account_keys: AbstractSet[int], note: str, who: Who, seq: int
) -> None:
    """Dismiss the open alarms that a run raised about accounts: their bills are void."""
    alarm, decision = tables.limit_alarms.c, tables.alarm_decisions
    dealt_with = sa.select(decision.c.alarm_id)
    query = sa.select(alarm.alarm_id, alarm.account_key).where(alarm.kind == KIND, alarm.run_id == run_id).order_by(alarm.alarm_id)
    rows = connection.execute(query.where(alarm.alarm_id.not_in(dealt_with)))
    found = [row.alarm_id for row in rows if row.account_key in account_keys]
    by = {"by_name": who.by_name, "by_uid": who.by_uid, "at_us": who.now_us, "commit_seq": seq}
    if found:
        connection.execute(decision.insert(), [{"alarm_id": alarm_id, "kind": DISMISSED, "note": note, **by} for alarm_id in found])


def _said(row: Any) -> tuple[str, str]:  # noqa: ANN401 -- a row of the database
    return (OPEN, "") if row is None else (row.kind, row.note)


def _bills(connection: sa.Connection, own: Amounts, interim: Sequence[Amounts]) -> Bills:
    """The months of a run's documents and of interim bills, each once."""
    account_key, day = (np.concatenate([each[column] for each in (own, *interim)]) for column in (0, 1))
    days = np.unique(account_key * (_MONTHS * _DAYS) + day)
    _, first = np.unique(days // _DAYS, return_index=True)
    account_key, day = np.divmod(days[first], _MONTHS * _DAYS)
    account = tables.accounts.c
    first_day = sa.func.coalesce(account.billed_through, account.opened_on).label("first_day")
    query = sa.select(account.account_key, first_day).order_by(account.account_key)
    few = np.unique(account_key).tolist() if account_key.size <= CHUNK else None
    rows = bulk.read(connection, query if few is None else query.where(account.account_key.in_(few)))
    place = np.searchsorted(rows["account_key"].to_numpy(), account_key)
    return Bills(account_key, day, _days(rows["first_day"])[place] // _DAYS)


def _counted() -> sa.ColumnElement[bool]:
    """Documents that bill a customer: valid invoices and credit notes."""
    invoice = tables.invoices.c
    kind = invoice.document_type
    return (kind.is_(None) | (kind == CREDIT_NOTE)) & invoice.invoice_key.not_in(voided())


def _over_several() -> sa.ColumnElement[bool]:
    """Documents over several periods: longer than a month. A period that begins on 28 February may end on 31 March."""
    first, end = tables.invoices.c.period_from, tables.invoices.c.period_to
    apart = (_part(end, 1, 4) - _part(first, 1, 4)) * MONTHS_PER_YEAR + _part(end, 6, 2) - _part(first, 6, 2)
    return (apart > 1) | ((apart == 1) & (_part(end, 9, 2) > _part(first, 9, 2)) & (_part(first, 9, 2) < _SHORTEST_MONTH))


def _part(date: sa.Column[str], first: int, characters: int) -> sa.ColumnElement[int]:
    """The year, month or day of a date."""
    return sa.cast(sa.func.substr(date, first, characters), tables.INT64)


def _documents(connection: sa.Connection, *which: sa.ColumnElement[bool]) -> Amounts:
    """Billed amounts of documents: most by their heads, few by their lines."""
    invoice, again = tables.invoices.c, tables.invoices.alias().c
    had_void = sa.select(again.account_key).where(again.invoice_key.in_(voided()))
    re_rated = sa.select(again.invoice_key).where(again.run_id.in_(_re_ratings()))
    about = sa.func.coalesce(invoice.corrects_invoice_key, invoice.invoice_key)
    by_lines = _over_several() | invoice.account_key.in_(had_void) | about.in_(re_rated)
    key = sa.case((by_lines, invoice.invoice_key), else_=0).label("key")
    query = sa.select(invoice.account_key, invoice.period_from, invoice.total_micros, key)
    rows = bulk.read(connection, query.where(_counted(), *which))
    keys = rows["key"].to_numpy()
    whole = keys == 0
    heads = Amounts(rows["account_key"].to_numpy(), _days(rows["period_from"]), rows["total_micros"].to_numpy())
    lines = _of_lines(connection, keys[~whole].tolist())
    return Amounts(*(np.concatenate([mine[whole], theirs]) for mine, theirs in zip(heads, lines, strict=True)))


def _of_lines(connection: sa.Connection, invoice_keys: Sequence[int]) -> Amounts:
    """Billed amounts of documents' lines, each in the period that it was billed with.

    Discounts and tax go with the charges of their document, period and tax class: of those billed ahead and the others each has its share.
    """
    rows = [row for chunk in chunks(invoice_keys) for row in connection.execute(_parts(chunk or ()))]
    found = list[tuple[int, str, int]]()
    for row in rows:
        ahead, own = row.ahead_micros, row.micros - row.ahead_micros - row.following_micros
        ahead += row.following_micros * abs(ahead) // (abs(ahead) + abs(own)) if ahead or own else 0
        if ahead:
            found.append((row.account_key, row.billed_with, ahead))
        if row.micros != ahead or not ahead:
            found.append((row.account_key, row.period_from, row.micros - ahead))
    account_key, amount_micros = (np.array([each[column] for each in found], np.int64) for column in (0, 2))
    return Amounts(account_key, _days(pa.chunked_array([pa.array([begins for _, begins, _ in found], pa.string())])), amount_micros)


def _parts(invoice_keys: Sequence[int]) -> sa.Select[Any]:
    """The lines of documents by period and tax class."""
    invoice, line = tables.invoices.c, tables.invoice_lines.c
    is_ahead = line.billed_with.is_not(None)
    ahead_micros = sa.case((is_ahead, line.amount_micros), else_=0)
    following_micros = sa.case((is_ahead, 0), (line.kind.in_(_FOLLOWING), line.amount_micros), else_=0)
    sums = {"micros": line.amount_micros, "ahead_micros": ahead_micros, "following_micros": following_micros}
    totals = [sa.cast(sa.func.sum(amount), tables.INT64).label(name) for name, amount in sums.items()]
    keys = (invoice.invoice_key, invoice.account_key, line.period_from, line.tax_class)
    query = sa.select(*keys, sa.func.max(line.billed_with).label("billed_with"), *totals)
    query = query.join_from(tables.invoices, tables.invoice_lines, line.invoice_key == invoice.invoice_key)
    return query.where(invoice.invoice_key.in_(invoice_keys)).group_by(*keys).order_by(*keys)


def _re_ratings() -> sa.Select[Any]:
    """The runs of them."""
    return sa.select(tables.bill_runs.c.run_id).where(tables.bill_runs.c.kind == covering.RERATE)


def _interim(connection: sa.Connection, run: states.Run) -> list[Amounts]:
    """Interim bills whose accounts a run is the first to compute after their periods."""
    invoice, account, runs, aside = tables.invoices.c, tables.accounts.c, tables.bill_runs.c, tables.quarantine.c
    interim = sa.select(runs.run_id).where(runs.kind == states.THRESHOLD, runs.run_id < run.run_id)
    query = sa.select(invoice.invoice_key, invoice.account_key, invoice.run_id, invoice.period_to, account.commit_seq)
    query = query.join_from(tables.invoices, tables.accounts, account.account_key == invoice.account_key)
    query = query.where(_counted(), invoice.run_id.in_(interim), invoice.period_to <= run.bill_date)
    undos, earlier = undone.load(connection), covering.cycle_runs(connection, run.run_id)
    whole = [each for each in earlier if not each.restricted and not any(undo.cuts(each.run_id, each.pinned_seq) for undo in undos)]
    if whole:  # most were computed by the last run of all accounts
        last = whole[-1]
        left_out = invoice.account_key.in_(sa.select(aside.account_key).where(aside.run_id == last.run_id))
        unknown = account.commit_seq > last.pinned_seq
        query = query.where((invoice.run_id > last.run_id) | (invoice.period_to > last.bill_date.isoformat()) | unknown | left_out)
    rows = connection.execute(query).all()
    keys = sorted({row.account_key for row in rows})
    history = covering.load(connection, account_keys=keys if len(keys) <= CHUNK else None)

    def is_first_after(row: Any) -> bool:  # noqa: ANN401 -- a row of the database
        took_part = history.ever(row.account_key, row.commit_seq)
        first = covering.first_reaching(took_part, dt.date.fromisoformat(row.period_to), row.run_id)
        return first is not None and first.run_id == run.run_id

    found = [row.invoice_key for row in rows if is_first_after(row)]
    return [_documents(connection, invoice.invoice_key.in_(chunk or ())) for chunk in chunks(found)]


def _earlier(connection: sa.Connection, run_id: int, bills: Bills) -> list[Amounts]:
    """Amounts that earlier runs billed of the months that its bills are compared with, and of their own.

    All of it is read at once, but for bills that are much older than the others of a run of many.
    """
    invoice, first = tables.invoices.c, bills.month - rule().months
    before = invoice.run_id < run_id
    if not first.size:
        return []
    many = first.size > CHUNK
    since = int(np.partition(first, first.size // _OLD_BILLS)[first.size // _OLD_BILLS]) if many else NO_LIMIT

    def begun(month: int) -> sa.ColumnElement[bool]:
        day = _text(month * _DAYS + 1)
        return (invoice.period_from >= day) | ((invoice.period_to > day) & _over_several())

    found = [_documents(connection, before, begun(since))] if many else []
    older = before & begun(int(first.min()))
    older = older & ~begun(since) if many else older
    keys = np.unique(bills.account_key[first < since]).tolist()
    return found + [_documents(connection, older, invoice.account_key.in_(chunk or ())) for chunk in chunks(keys)]


def _before(connection: sa.Connection, bills: Bills, billed: Sums) -> tuple[Int64s, Int64s]:
    """Per bill, the sum of the months before it, and the number of these that are known: by documents, by import, or as 0."""
    before, count = np.zeros(bills.code.size, np.int64), np.zeros(bills.code.size, np.int64)
    if not count.size:
        return before, count
    baseline, months = tables.baselines.c, rule().months
    since = _text((int(bills.month.min()) - months) * _DAYS + 1)[:7]
    query = sa.select(baseline.account_key, baseline.month, baseline.amount_micros).where(baseline.month >= since)
    rows = bulk.read(connection, query)
    imported = _sums([Amounts(rows["account_key"].to_numpy(), _days(rows["month"]), rows["amount_micros"].to_numpy())])
    for age in range(1, months + 1):
        micros, is_billed = billed.of(bills.code - age)
        baseline_micros, is_imported = imported.of(bills.code - age)
        before += np.where(is_billed, micros, baseline_micros)  # what documents say comes before what was imported
        count += is_billed | is_imported | (bills.month - age >= bills.first_month)
    return before, count


def _sums(parts: Sequence[Amounts]) -> Sums:
    account_key, day, micros = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    code = account_key * _MONTHS + day // _DAYS
    order = np.argsort(code)
    found, first = np.unique(code[order], return_index=True)
    return Sums(found, np.add.reduceat(micros[order], first) if first.size else micros)


def _days(texts: pa.ChunkedArray[Any]) -> Int64s:
    """Numbers of days from dates (or months) as text, so that those of one month have one quotient by `_DAYS`; few are different."""
    encoded: Any = texts.combine_chunks().dictionary_encode() if len(texts) else None
    if encoded is None:
        return np.zeros(0, np.int64)
    parts = [tuple(map(int, text.split("-"))) for text in encoded.dictionary.to_pylist()]
    numbers = [(year * MONTHS_PER_YEAR + month - 1) * _DAYS + sum(day) for year, month, *day in parts]
    found: Int64s = np.array(numbers, np.int64)[encoded.indices.to_numpy()]
    return found


def _text(number: int) -> str:
    """The date of such a number."""
    (year, month), day = divmod(number // _DAYS, MONTHS_PER_YEAR), number % _DAYS
    return f"{year:04}-{month + 1:02}-{day:02}"


def _known(connection: sa.Connection, account_keys: Sequence[int]) -> dict[tuple[int, str], int]:
    """Months (account key, month) that have alarms: -1 where one is of a run that counts, else how many undone runs raised some."""
    alarm, account = tables.limit_alarms.c, tables.accounts.c
    query = sa.select(alarm.account_key, alarm.period_from, alarm.run_id, account.commit_seq).where(alarm.kind == KIND)
    query = query.join_from(tables.limit_alarms, tables.accounts)
    found: dict[tuple[int, str], int] = {}
    for chunk in chunks(account_keys):
        history = covering.load(connection, account_keys=chunk or ())
        for row in connection.execute(query.where(alarm.account_key.in_(chunk or ()))):
            month = (row.account_key, row.period_from[:7])
            is_gone = any(undo.run_id == row.run_id for undo in history.undos_of(row.account_key, row.commit_seq))
            before = found.get(month, 0)
            found[month] = before + 1 if is_gone and before >= 0 else -1
    return found
