"""A statement or notification into the store: all of the file or nothing, in one transaction, and each booking once.

The file is read as a stream: first for its mistakes and totals, without a lock; then, in lots, into the store; and once more for returns,
where it has any, after all that came is there. Credit settles invoices once, at the end. Memory holds a lot, never the file. All readings
have to find the same.

A booking is recognised by the bank's id of it (AcctSvcrRef), else by its place in its statement. Of a booking with several transactions
each has a line of its own.
"""

from __future__ import annotations

import collections
import json
from typing import TYPE_CHECKING, Final, NamedTuple

import sqlalchemy as sa

from billing import ledger
from billing.allocations import allocate_credit
from billing.allocations.items import chunks
from billing.allocations.settling import store_rows
from billing.payments import importing, matching, postings, recording
from billing.payments.bank_file import BankLine
from billing.payments.banking import accounts, debits, numbering, structured
from billing.payments.importing import WAITING_MAX, Imported, Return, Sum
from billing.payments.statements import reading
from billing.payments.statements.records import Entry, EntryEnd, Problems, Statement, Transaction
from billing.payments.statements.totals import Summary
from billing.payments.writing import FIRST_MONEY, Writing, latest_day, writing
from billing.store import tables
from rating.dates import utc_date
from rating.errors import ChangedError
from rating.money import format_micros

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from billing.payments.mapping import Match
    from billing.payments.statements.reading import Format, Source
    from billing.payments.writing import Act
    from billing.store.home import Home

    Report = Callable[[int, int], None]

LOT: Final = 2_000
_COLUMNS: Final = (
    "bank_file_id", "line_no", "line_id", "currency", "amount_micros", "received_on", "reference", "payer", "state", "payment_id", "entity",
    "entry_id", "end_to_end_id", "mandate_id",
)  # fmt: skip


class Booked(NamedTuple):
    """A transaction with its ids and its place: the line of the file that mistakes name."""

    line_no: int  # among the lines of the file, from 1
    line_id: str
    entry_id: str
    entry: Entry
    transaction: Transaction
    owned: accounts.Owned


class _First(NamedTuple):
    """Result of the first reading."""

    sha256: bytes
    summaries: list[Summary]


def import_statements(  # noqa: PLR0913, PLR0917 -- a file, how it is read, and who imports it
    home: Home, source: Source, form: Format, match: Match | None, act: Act, progress: Report | None = None
) -> Imported:
    """Import a file. Raises ProblemsError with every mistake of it; then nothing of it is stored."""
    first = _checked(source, form, act, progress)
    lines = sum(each.lines for each in first.summaries)
    with writing(home, act) as work:
        if importing.is_known(work.connection, first.sha256):
            return _existed(source, form, lines)
        problems = Problems(str(source.path))
        placed, findings = _placed(work, first.summaries, problems)
        problems.close()
        if all(each.is_known for each in placed):
            return _existed(source, form, lines)._replace(findings=tuple(findings))
        file_id = _store_file(work, source, form, first, findings)
        work.connection.execute(tables.bank_statements.insert(), [numbering.row(file_id, each) for each in placed if not each.is_known])
        taking = _Taking(work, source, file_id, match)
        taking.pass_over(each.summary for each in placed if each.is_known)
        taking.take_all(_booked(source, form, placed), lines, progress)
        taking.require_same(first, reading.sha256(source))
        if taking.has_returns:
            taking.take_returns(_booked(source, form, placed))
            taking.require_same(first, reading.sha256(source))
        keys = sorted(taking.account_keys)
        parts = allocate_credit(work.connection, keys, work.seq) if keys else 0
        return taking.answer(form, lines, parts, findings)


def _checked(source: Source, form: Format, act: Act, progress: Report | None) -> _First:
    """The first reading: every mistake of the file by itself."""
    problems = Problems(str(source.path))
    latest = latest_day(act.now_us)
    summaries: list[Summary] = []
    lines = 0
    for record in reading.read(source, form, problems):
        if isinstance(record, Summary):
            summaries.append(record)
        elif isinstance(record, Entry):
            _check_day(record, latest, problems)
        elif isinstance(record, Transaction):
            lines += 1
            if progress is not None and lines % LOT == 0:
                progress(lines, 0)
    problems.close()
    return _First(reading.sha256(source), summaries)


def _check_day(entry: Entry, latest: dt.date, problems: Problems) -> None:
    if entry.booked_on < FIRST_MONEY:
        problems.add(entry.line_no, f"entry {entry.number}: {entry.booked_on} is before {FIRST_MONEY}")
    elif entry.booked_on > latest:
        problems.add(entry.line_no, f"entry {entry.number}: {entry.booked_on} has not begun yet", "look at the clock of this machine")


def _placed(work: Writing, summaries: Sequence[Summary], problems: Problems) -> tuple[list[numbering.Placed], list[str]]:
    """Each statement with the legal entity whose account it is. Notes accounts that no issuer has, or several."""
    facts = accounts.owned(work.connection)
    today = utc_date(work.act.now_us)
    found = []
    for summary in summaries:
        head = summary.statement
        owners = accounts.owners(facts, head.account, numbering.first_day(summary, today))
        currencies = [each for each in owners if each.currency in {"", summary.currency}]
        if not owners:
            problems.add(head.line_no, f"account {head.account} is a bank account of no issuer", accounts.REMEDY)
        elif len({each.entity for each in currencies}) != 1:
            what = f"in {summary.currency}" if not currencies else "of several issuers"
            problems.add(head.line_no, f"account {head.account} is not an account {what}", accounts.REMEDY)
        else:
            found.append((summary, currencies[0]))
    return numbering.held(work.connection, found, problems)


def _booked(source: Source, form: Format, placed: Sequence[numbering.Placed]) -> Iterator[Booked | Summary | Charge]:
    """The second reading: every transaction with its ids, of new statements; each statement ends with its summary."""
    problems = Problems(str(source.path))
    statement, line_no, part = -1, 0, 0
    entry: Entry | None = None
    for record in reading.read(source, form, problems):
        if isinstance(record, Statement):
            statement += 1
            if statement >= len(placed):
                return
        elif isinstance(record, Summary):
            yield record
        elif isinstance(record, Entry):
            entry, part = record, 0
        elif placed[statement].is_known:
            line_no += isinstance(record, Transaction)
        elif isinstance(record, (Transaction, EntryEnd)):
            assert entry is not None
            at = placed[statement]
            entry_id = f"{at.owned.number}/{entry.reference or _place(at.summary, entry)}{'' if entry.is_credit else '/debit'}"
            if isinstance(record, EntryEnd):
                if record.charge_micros:
                    line_no += 1
                    yield Charge(line_no, entry_id, entry, record.charge_micros, at.owned)
                continue
            part += 1
            line_no += 1
            yield Booked(line_no, entry_id if part == 1 else f"{entry_id}/{part}", entry_id, entry, record, at.owned)
    problems.close()


class Charge(NamedTuple):
    """A charge that the bank took of a whole entry."""

    line_no: int
    entry_id: str
    entry: Entry
    charge_micros: int
    owned: accounts.Owned


def _place(summary: Summary, entry: Entry) -> str:
    """The place of an entry without an id of the bank: its statement, and its number there."""
    head = summary.statement
    year = f"{summary.closing.on.year}-" if summary.closing and head.number is not None else ""
    return f"{year}{numbering.name_of(summary).replace(', page ', '-')}.{entry.number}"


def _store_file(work: Writing, source: Source, form: Format, first: _First, findings: Sequence[str]) -> int:
    values = {
        "file_name": source.path.name,
        "sha256": first.sha256,
        "rows": sum(each.lines for each in first.summaries),
        "amount_micros": sum(each.credit_micros for each in first.summaries),
        "at_us": work.act.now_us,
        "format": form.value,
        "findings": json.dumps(list(findings), ensure_ascii=False),
    }
    result = work.connection.execute(tables.bank_files.insert().values(**values, **work.signed))
    assert result.inserted_primary_key is not None
    return int(result.inserted_primary_key[0])


def _existed(source: Source, form: Format, lines: int) -> Imported:
    return Imported(source.path.name, True, lines, lines, 0, [], 0, [], form.value)


class _Taking:
    """The second reading into the store, a lot at a time."""

    def __init__(self, work: Writing, source: Source, file_id: int, match: Match | None) -> None:
        self.account_keys: set[int] = set()
        self.has_returns = False
        self._work = work
        self._source = source
        self._file_id = file_id
        self._series = structured.series(work.connection)
        self._match = match or structured.default_match(self._series)
        self._sums: dict[tuple[str, str], list[int]] = {}
        self._debits: dict[tuple[str, str], list[int]] = {}
        self._waiting: list[tuple[int, str, str]] = []
        self._returns: list[Return] = []
        self._known = 0
        self._summaries: list[Summary] = []

    def pass_over(self, known: Iterable[Summary]) -> None:
        """Count the lines of statements that came before."""
        self._known += sum(each.lines for each in known)

    def take_all(self, booked: Iterator[Booked | Summary | Charge], lines: int, progress: Report | None) -> None:
        """Take every transaction of new statements, but for returns."""
        for lot in self._lots(booked):
            self._take(lot)
            if progress is not None:
                progress(lot[-1].line_no, lines)

    def take_returns(self, booked: Iterator[Booked | Summary | Charge]) -> None:
        """Take the returns, now that all that came in the same file is there."""
        self._summaries.clear()
        for lot in self._lots(booked):
            new = self._new([each for each in lot if isinstance(each, Booked) and _is_return(each)])
            self._take_debits(new)

    def _lots(self, booked: Iterator[Booked | Summary | Charge]) -> Iterator[list[Booked | Charge]]:
        lot: list[Booked | Charge] = []
        for each in booked:
            if isinstance(each, Summary):
                self._summaries.append(each)
                continue
            lot.append(each)
            if len(lot) == LOT:
                yield lot
                lot = []
        if lot:
            yield lot

    def require_same(self, first: _First, sha256: bytes) -> None:
        """Raises ChangedError where the file changed between the readings."""
        if (first.sha256, first.summaries) != (sha256, self._summaries):
            raise ChangedError(f"{self._source.path} changed while it was read; nothing of it was taken", "try again when it is whole")

    def answer(self, form: Format, lines: int, parts: int, findings: Sequence[str]) -> Imported:
        """The result."""
        return Imported(
            self._source.path.name,
            False,
            lines,
            self._known,
            0,
            _sums(self._sums),
            parts,
            sorted(self._waiting),
            form.value,
            tuple(_sums(self._debits)),
            tuple(self._returns),
            tuple(findings),
        )

    def _take(self, lot: Sequence[Booked | Charge]) -> None:
        returns = [each for each in lot if isinstance(each, Booked) and _is_return(each)]
        self.has_returns |= bool(returns)
        new = self._new(lot)
        self._known += sum(isinstance(each, Booked) for each in lot) - sum(isinstance(each, Booked) for each in new)
        self._take_credits([each for each in new if isinstance(each, Booked) and each.transaction.is_credit])
        self._take_debits([each for each in new if not (isinstance(each, Booked) and _is_return(each))])

    def _new(self, lot: Sequence[Booked | Charge]) -> list[Booked | Charge]:
        """Those of a lot that came in no earlier file."""
        known = self._known_entries(lot)
        new = [each for each in lot if each.entry_id not in known]
        self._require_new(new)
        return new

    def _take_debits(self, new: Sequence[Booked | Charge]) -> None:
        gone = [debit for each in new for debit in self._debits_of(each)]
        verdicts, returns = debits.take(self._work, self._file_id, gone)
        self._returns += returns[: WAITING_MAX - len(self._returns)]
        for each, verdict in zip(gone, verdicts, strict=True):
            _count(self._debits, verdict.state, each.transaction.currency, each.transaction.amount_micros)
            if verdict.account_key is not None:
                self.account_keys.add(verdict.account_key)
            if verdict.state in debits.LISTED:
                self._wait(each.line_no, each.line_id, verdict.state)

    def _take_credits(self, booked: Sequence[Booked]) -> None:
        wanted = [structured.CreditToMatch(_line(each), each.transaction, each.owned.entity, _verdict(each)) for each in booked]
        decided = structured.decided(self._work.connection, wanted, self._match, self._series) if wanted else []
        payments = [
            (importing.payment_of(each.line, what), what.account)
            for each, what in zip(wanted, decided, strict=True)
            if what.account is not None
        ]
        if payments:
            recording.store(self._work, payments)
            self.account_keys.update(account.account_key for _, account in payments)
        rows, waits = [], []
        for each, at, what in zip(booked, wanted, decided, strict=True):
            line, is_matched = at.line, what.account is not None
            rows.append((
                self._file_id, line.line_no, line.line_id, line.currency, line.amount_micros, line.received_on.isoformat(), line.reference,
                line.payer, what.state, line.line_id if is_matched else None, at.entity or None, each.entry_id,
                each.transaction.end_to_end_id or None, each.transaction.mandate_id or None,
            ))  # fmt: skip
            _count(self._sums, what.state, line.currency, line.amount_micros)
            if not is_matched:
                waits.append(
                    postings.of_unmatched(line.line_id, line.currency, line.amount_micros, line.received_on.isoformat(), at.entity)
                )
                self._wait(line.line_no, line.line_id, what.state)
        store_rows(self._work.connection, tables.bank_lines, _COLUMNS, rows)
        if waits:
            ledger.post(self._work.connection, waits, self._work.seq)

    def _debits_of(self, each: Booked | Charge) -> Iterator[debits.Debit]:
        """Debits of a lot: bookings that went out, and charges that the bank took of others."""
        if isinstance(each, Charge):
            yield _charge(each, each.charge_micros, each.entry_id)
            return
        what = each.transaction
        if what.is_credit:
            if what.charge_micros:
                yield _charge(each, what.charge_micros, each.line_id)
            return
        kind = debits.kind_of(each.entry, what)
        numbers = tuple(
            number for reference in what.references for number in structured.numbers_of(reference, each.owned.entity, self._series)
        )
        found = matching.named_in([what.text], self._match)[0].numbers
        yield debits.Debit(
            each.line_no, each.line_id, each.entry_id, kind, each.entry, what, each.owned.entity, _text(what), (*numbers, *found)
        )

    def _wait(self, line_no: int, line_id: str, state: str) -> None:
        if len(self._waiting) < WAITING_MAX:
            self._waiting.append((line_no, line_id, state))

    def _known_entries(self, lot: Sequence[Booked | Charge]) -> set[str]:
        """Entries that came in an earlier file, with the same sum. Raises ProblemsError for those that came with another one."""
        wanted = {each.entry_id: each.entry for each in lot}
        line, debit = tables.bank_lines.c, tables.bank_debits.c
        sums: collections.Counter[str] = collections.Counter()
        for table, sign in ((line, 1), (debit, -1)):
            for chunk in chunks(sorted(wanted)):
                query = sa.select(table.entry_id, table.amount_micros).where(
                    table.entry_id.in_(chunk or ()), table.bank_file_id != self._file_id
                )
                for entry_id, micros in self._work.connection.execute(query):
                    sums[entry_id] += sign * micros
        problems = Problems(str(self._source.path))
        for entry_id, micros in sums.items():
            entry = wanted[entry_id]
            signed = entry.amount_micros if entry.is_credit else -entry.amount_micros
            if micros != signed:
                message = f"the bank's id {entry_id} came before with {format_micros(micros)}, not {format_micros(signed)}"
                problems.add(entry.line_no, message, "ask the bank; one booking never changes")
        problems.close()
        return set(sums)

    def _require_new(self, new: Sequence[Booked | Charge]) -> None:
        """Raises ProblemsError for an id that is twice in the file, and one that a payment has which was recorded by hand."""
        problems = Problems(str(self._source.path))
        ids = [each.line_id for each in new if isinstance(each, Booked)]
        times = collections.Counter(ids)
        before = importing.stored_lines(self._work.connection, ids).keys() | self._stored_debits(ids)
        paid = importing.paid(self._work.connection, ids)
        for each in new:
            if isinstance(each, Booked) and (times[each.line_id] > 1 or each.line_id in before):
                problems.add(
                    each.entry.line_no, f"the bank's id {each.line_id} is in the file twice", "ask the bank; one booking has one id"
                )
            elif isinstance(each, Booked) and each.line_id in paid:
                message = f"a payment was recorded by hand with the id {each.line_id}"
                problems.add(each.entry.line_no, message, "take that payment back, or give payments by hand other ids")
        problems.close()

    def _stored_debits(self, ids: Sequence[str]) -> set[str]:
        column = tables.bank_debits.c.line_id
        found: set[str] = set()
        for chunk in chunks(ids):
            found.update(self._work.connection.execute(sa.select(column).where(column.in_(chunk or ()))).scalars())
        return found


def _is_return(each: Booked) -> bool:
    return not each.transaction.is_credit and debits.kind_of(each.entry, each.transaction) == debits.RETURN


def _verdict(each: Booked) -> str:
    """The reason why a credit matches nothing, also where it names an account; empty where there is none."""
    if each.transaction.is_whole_batch:
        return matching.WHOLE_BATCH
    return matching.RETURNED_DEBIT if debits.is_returned(each.entry, each.transaction) else ""


def _line(each: Booked) -> BankLine:
    """The line of a credit: what the payer sent, with what the bank took of it."""
    what = each.transaction
    return BankLine(
        each.line_no, each.line_id, each.entry.booked_on, what.amount_micros + what.charge_micros, what.currency, what.party, _text(what)
    )


def _text(what: Transaction) -> str:
    """The reference as people read it: structured ones, then the free text."""
    return " ".join(filter(None, (*(each.text for each in what.references if each.text not in what.text), what.text)))


def _charge(each: Booked | Charge, charge_micros: int, of: str) -> debits.Debit:
    what = Transaction(charge_micros, each.entry.currency, is_credit=False, text=of)
    return debits.Debit(
        -each.line_no, f"{of}/charge", each.entry_id, postings.CHARGE, each.entry, what, each.owned.entity, f"charge of {of}"
    )


def _count(sums: dict[tuple[str, str], list[int]], state: str, currency: str, micros: int) -> None:
    row = sums.setdefault((state, currency), [0, 0])
    row[0] += 1
    row[1] += micros


def _sums(sums: dict[tuple[str, str], list[int]]) -> list[Sum]:
    return [Sum(*key, *row) for key, row in sorted(sums.items())]
