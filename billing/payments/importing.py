"""A bank file into the store: each line is a payment of the account that its reference names, or money in suspense until a person decides.

All of a file or nothing, in one transaction. The same file again, under any name, changes nothing. A line that came in an earlier file
(by the bank's id) is skipped; one with other data stops the file, and all such lines are named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import sqlalchemy as sa

from billing import ledger
from billing.accounts import entities
from billing.allocations import allocate_credit
from billing.allocations.items import chunks
from billing.allocations.settling import store_rows
from billing.payments import bank_file, matching, postings, recording
from billing.payments.bank_file import BankLine
from billing.payments.recording import Payment
from billing.payments.writing import Account, Act, Writing, latest_day, writing
from billing.store import tables
from billing.store.sums import STORED_MAX
from rating.errors import Problem, ProblemsError
from rating.money import format_micros

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from billing.payments.bank_file import BankFile
    from billing.payments.mapping import Mapping
    from billing.store.home import Home

_COLUMNS: Final = (
    "bank_file_id", "line_no", "line_id", "currency", "amount_micros", "received_on", "reference", "payer", "state", "payment_id", "entity",
)  # fmt: skip


WAITING_MAX: Final = 10_000


class Sum(NamedTuple):
    """Lines of one kind and currency."""

    what: str  # matched | the reason why not
    currency: str
    lines: int
    amount_micros: int


class Return(NamedTuple):
    """A payment that its bank gave back, and what follows: again (from `follow_on` on), mandate_ended, desk."""

    line_id: str
    reason_code: str
    says: str
    follows: str
    follow_on: str


class Imported(NamedTuple):
    """Result of an import or of its trial. `existed`: the very file was imported before."""

    file_name: str
    existed: bool
    lines: int
    known_lines: int  # came in an earlier file
    outgoing_lines: int
    sums: list[Sum]
    settled_parts: int
    waiting: list[tuple[int, str, str]]  # line, id, why it waits in the work list; of statements the first WAITING_MAX
    format: str = "csv"
    debits: tuple[Sum, ...] = ()  # of statements: money that went out, by what became of it
    returns: tuple[Return, ...] = ()  # the first WAITING_MAX
    findings: tuple[str, ...] = ()


class _Decided(NamedTuple):
    line: BankLine
    what: matching.Matched


def import_file(  # noqa: PLR0913 -- a file, how it is read, and who imports it
    home: Home,
    path: Path,
    mapping: Mapping,
    act: Act,
    progress: Callable[[int, int], None] | None = None,
    *,
    content: bytes | None = None,
) -> Imported:
    """Import a bank file. Raises ProblemsError with every mistake of it; then nothing of it is stored.

    `content`: of a file that was sent, whose name alone `path` is.
    """
    read = bank_file.read_file(path, mapping, progress, latest=latest_day(act.now_us), content=content)
    _require_sum(path, read.lines)
    with writing(home, act) as work:
        entities.require_known(work.connection, mapping.entity)
        if is_known(work.connection, read.sha256):
            return Imported(read.name, True, len(read.lines), len(read.lines), read.outgoing_lines, [], 0, [])
        new = _new_lines(work.connection, path, read.lines)
        decided = _decide(work.connection, new, mapping)
        _store(work, read, decided, mapping.entity)
        matched = [each for each in decided if each.what.account is not None]
        accounts = sorted({each.what.account.account_key for each in matched if each.what.account is not None})
        parts = allocate_credit(work.connection, accounts, work.seq) if accounts else 0
        return _answer(read, decided, len(read.lines) - len(new), parts)


def outgoing_lines(path: Path, mapping: Mapping, content: bytes) -> int:
    """The lines of a file that money went out with: they are counted, and not stored."""
    return bank_file.read_file(path, mapping, content=content).outgoing_lines


def _require_sum(path: Path, lines: Sequence[BankLine]) -> None:
    """Raises ProblemsError with the line at which the sum of a file, over all currencies, is too large to store."""
    total = 0
    for line in lines:
        total += line.amount_micros
        if total > STORED_MAX:
            message = f"up to here the file adds up to {format_micros(total)}, more than {format_micros(STORED_MAX)}"
            raise ProblemsError([Problem(str(path), f"line {line.line_no}", message, "look at decimal of the mapping, or split the file")])


def is_known(connection: sa.Connection, sha256: bytes) -> bool:
    """Return whether a file of this very content was imported."""
    file = tables.bank_files.c
    return connection.execute(sa.select(file.bank_file_id).where(file.sha256 == sha256)).first() is not None


def _new_lines(connection: sa.Connection, path: Path, lines: Sequence[BankLine]) -> list[BankLine]:
    """Lines that came in no earlier file. Raises ProblemsError for those that came with other data, or as another payment."""
    stored = stored_lines(connection, [line.line_id for line in lines])
    recorded = paid(connection, [line.line_id for line in lines if line.line_id not in stored])
    problems = []
    for line in lines:
        for name, old, new in differences(stored[line.line_id], line) if line.line_id in stored else ():
            message = f"the bank's id {line.line_id} came before with {name} {old}, not {new}"
            problems.append(Problem(str(path), f"line {line.line_no}", message, "ask the bank; one booking never changes"))
        if line.line_id in recorded:
            message = f"a payment was recorded by hand with the id {line.line_id}"
            problems.append(Problem(str(path), f"line {line.line_no}", message, "take the line out, or give payments by hand other ids"))
    if problems:
        raise ProblemsError(problems)
    return [line for line in lines if line.line_id not in stored]


def differences(stored: Any, line: BankLine) -> list[tuple[str, str, str]]:  # noqa: ANN401 -- a row of bank_lines
    """Fields in which a line that came before differs, with both values."""
    fields = [
        ("amount", format_micros(stored.amount_micros), format_micros(line.amount_micros)),
        ("currency", stored.currency, line.currency),
        ("date", stored.received_on, line.received_on.isoformat()),
        ("reference", stored.reference, line.reference),
        ("payer", stored.payer, line.payer),
    ]
    return [(name, old, new) for name, old, new in fields if old != new]


def stored_lines(connection: sa.Connection, line_ids: Sequence[str]) -> dict[str, Any]:
    """Rows of lines that came before, by their ids."""
    column = tables.bank_lines.c.line_id
    found = {}
    for chunk in chunks(line_ids):
        for row in connection.execute(sa.select(tables.bank_lines).where(column.in_(chunk or ()))):
            found[row.line_id] = row
    return found


def paid(connection: sa.Connection, payment_ids: Sequence[str]) -> set[str]:
    """Those of these ids that are payments."""
    column = tables.payments.c.payment_id
    found: set[str] = set()
    for chunk in chunks(payment_ids):
        found.update(connection.execute(sa.select(column).where(column.in_(chunk or ()))).scalars())
    return found


def _decide(connection: sa.Connection, lines: Sequence[BankLine], mapping: Mapping) -> list[_Decided]:
    """Each line with the account that it belongs to, or the reason why there is none."""
    named = matching.named_in([line.reference for line in lines], mapping.match)
    invoices = invoices_named(connection, matching.spellings(number for each in named for number in each.numbers))
    accounts = accounts_named(connection, matching.spellings(account_id for each in named for account_id in each.account_ids))
    return [
        _Decided(line, matching.matched(each, line, invoices, accounts, mapping.entity)) for line, each in zip(lines, named, strict=True)
    ]


def _account_columns() -> tuple[Any, ...]:
    account = tables.accounts.c
    return account.account_key, account.account_id, account.currency, sa.func.coalesce(account.legal_entity, "")


def invoices_named(connection: sa.Connection, numbers: Sequence[str]) -> dict[str, tuple[str, Account]]:
    """Invoices by the upper case of their numbers, with their accounts."""
    number = tables.invoices.c.number
    query = sa.select(number, *_account_columns()).join_from(tables.invoices, tables.accounts)
    found = {}
    for chunk in chunks(numbers):
        for row in connection.execute(query.where(number.in_(chunk or ()))):
            found[row[0].upper()] = (row[0], Account(*row[1:]))
    return found


def accounts_named(connection: sa.Connection, account_ids: Sequence[str]) -> dict[str, Account]:
    """Accounts by the upper case of their ids. Ids that differ only in case are left out, since they name no single account."""
    column = tables.accounts.c.account_id
    found: dict[str, list[Account]] = {}
    for chunk in chunks(account_ids):
        for row in connection.execute(sa.select(*_account_columns()).where(column.in_(chunk or ()))):
            found.setdefault(row[1].upper(), []).append(Account(*row))
    return {text: accounts[0] for text, accounts in found.items() if len(accounts) == 1}


def _store(work: Writing, read: BankFile, decided: Sequence[_Decided], entity: str) -> None:
    """The file, its lines, payments of those that match, and suspense for the others."""
    file = {
        "file_name": read.name,
        "sha256": read.sha256,
        "rows": len(read.lines),
        "amount_micros": sum(line.amount_micros for line in read.lines),
        "at_us": work.act.now_us,
    }
    result = work.connection.execute(tables.bank_files.insert().values(**file, **work.signed))
    assert result.inserted_primary_key is not None
    file_id = int(result.inserted_primary_key[0])
    payments = [(payment_of(each.line, each.what), each.what.account) for each in decided if each.what.account is not None]
    if payments:
        recording.store(work, payments)
    rows = [
        (
            file_id, line.line_no, line.line_id, line.currency, line.amount_micros, line.received_on.isoformat(), line.reference,
            line.payer, what.state, line.line_id if what.account is not None else None, entity or None,
        )
        for line, what in decided
    ]  # fmt: skip
    store_rows(work.connection, tables.bank_lines, _COLUMNS, rows)
    unmatched = [
        postings.of_unmatched(line.line_id, line.currency, line.amount_micros, line.received_on.isoformat(), entity)
        for line, what in decided
        if what.account is None
    ]
    if unmatched:
        ledger.post(work.connection, unmatched, work.seq)


def payment_of(line: BankLine, what: matching.Matched) -> Payment:
    """The payment that a matched line is."""
    assert what.account is not None
    return Payment(
        line.line_id,
        what.account.account_id,
        line.amount_micros,
        line.received_on,
        line.reference,
        line.currency,
        what.numbers,
        postings.FROM_BANK,
    )


def _answer(read: BankFile, decided: Sequence[_Decided], known: int, parts: int) -> Imported:
    sums: dict[tuple[str, str], list[int]] = {}
    for line, what in decided:
        row = sums.setdefault((what.state, line.currency), [0, 0])
        row[0] += 1
        row[1] += line.amount_micros
    waiting = [(line.line_no, line.line_id, what.state) for line, what in decided if what.account is None]
    return Imported(
        read.name,
        False,
        len(read.lines),
        known,
        read.outgoing_lines,
        [Sum(*key, *row) for key, row in sorted(sums.items())],
        parts,
        waiting,
    )
