"""A month of the ledger for the customer's own books: CSV, its accounts by a mapping from ours.

The mapping is YAML: `accounts:` a list of `{ours: revenue:4100, theirs: "5001.01", name: Airtime}`. `ours` is an account of this ledger or
its first parts (`receivable:` for all customers, `cash` for each till as well); the longest beginning wins. An account that nothing matches
is an error, and all of them are reported at once. Amounts are decimal text of the currency's places; debits equal credits by currency,
checked before writing.
"""

from __future__ import annotations

import csv
import hashlib
import io
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import sqlalchemy as sa

from billing.accounting.month_end import month_of
from billing.store import commit_points, output_files, tables
from billing.store.sums import STORED_MAX, halves, whole
from rating import definition_file, field_values, spreadsheet_cells
from rating.counted import counted
from rating.errors import Problem, ProblemsError, UserError
from rating.money import format_micros
from tariffs.currencies import MINOR_DIGITS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path, PurePath

    from billing.accounting.month_end import Month
    from billing.ledger.closed_months import Who
    from billing.store.home import Home

COLUMNS: Final = ("entity", "date", "account", "name", "currency", "debit", "credit", "document")


class AccountRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Accounts of ours that begin with `ours` are `theirs`."""

    ours: str
    theirs: str
    name: str = ""


class Mapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A chart of accounts."""

    accounts: list[AccountRule]

    def rule_of(self, account: str) -> AccountRule | None:
        """The rule with the longest matching beginning."""
        parts = account.removesuffix(":") + ":"
        matching = [rule for rule in self.accounts if parts.startswith(rule.ours.removesuffix(":") + ":")]
        return max(matching, key=lambda rule: len(rule.ours), default=None)


class Row(NamedTuple):
    """One row of the export; exactly one of debit and credit is above zero."""

    entity: str
    date: str
    account: str
    name: str
    currency: str
    debit_micros: int
    credit_micros: int
    document: str


class Export(msgspec.Struct, frozen=True):
    """The result of an export."""

    month: str
    entity: str
    rows: int
    debit_micros: dict[str, int]  # by currency; credits are the same
    sha256: str
    file: str
    same_as_before: bool  # the export before of this month has the same content
    exported_before: bool = False
    new_postings: int = 0  # of this month, since that export
    new_micros: dict[str, int] = {}  # their amounts by currency


def read_mapping(path: Path) -> Mapping:
    """Raises UserError for a file that cannot be read, with the place in it."""
    try:
        content = definition_file.read(path)
    except OSError as error:
        raise UserError(f"mapping {path} cannot be read: {error.strerror}", "name a YAML file with --mapping", exit_status=2) from error
    return parse_mapping(content, path)


def parse_mapping(content: bytes, path: PurePath) -> Mapping:
    """The mapping in YAML that was read or sent; `path` is its name. Raises UserError for what is none, with the place in it."""
    try:
        found = definition_file.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UserError(f"mapping {path}: {error}", "write `accounts:` as a list of ours, theirs and name", exit_status=2) from error
    problems = [Problem(str(path), each.place or "mapping", *each[1:]) for each in field_values.misfits(found, Mapping, "")]
    if problems:
        raise ProblemsError(problems)
    return msgspec.convert(found, Mapping)


def rows(  # noqa: PLR0913 -- of what, and how
    connection: sa.Connection, mapping: Mapping, month: Month, entity: str, *, detail: bool = False, through_seq: int | None = None
) -> list[Row]:
    """The rows of a month: sums by date, account and currency, or with `detail` one a posting and side."""
    found: list[Row] = []
    unknown: dict[str, int] = {}
    for side in _sides(connection, month, entity, through_seq, detail=detail):
        rule = mapping.rule_of(side.account)
        if rule is None:
            beginning = side.account.partition(":")[0]
            unknown[beginning] = unknown.get(beginning, 0) + 1
        else:
            found.append(side._replace(account=rule.theirs, name=rule.name))
    if unknown:
        raise ProblemsError(
            [
                Problem("mapping", name, f"{_on_accounts(count)} `{name}` that the mapping does not know", f"add a rule for {name}")
                for name, count in sorted(unknown.items())
            ]
        )
    return found if detail else _summed(found)


def _on_accounts(count: int) -> str:
    return f"{counted(count, 'posting is', 'postings are')} on accounts"


class File(NamedTuple):
    """The content of an export, its rows, and the commit through which postings are in it."""

    content: bytes
    rows: int
    debit_micros: dict[str, int]
    through_seq: int

    @property
    def sha256(self) -> bytes:
        """The hash of the content."""
        return hashlib.sha256(self.content).digest()


def export(  # noqa: PLR0913, PLR0917 -- of what, how, where to, and who
    home: Home, mapping: Mapping, month: Month, entity: str, target: Path, who: Who, *, detail: bool = False, overwrite: bool = False
) -> Export:
    """Write the file (whole or not at all) and note its hash. Raises UserError where it is there already, unless it may be replaced."""
    output_files.require_free(target, overwrite=overwrite)
    file = file_of(home, mapping, month, entity, detail=detail)
    output_files.write(target, file.content, overwrite=overwrite)
    return note(home, file, month, entity, target, who)


def file_of(home: Home, mapping: Mapping, month: Month, entity: str, *, detail: bool = False, through_seq: int | None = None) -> File:  # noqa: PLR0913 -- of what, and how
    """The file of a month, by the postings through a commit (None: all of them)."""
    with home.connect() as connection:
        found = rows(connection, mapping, month, entity, detail=detail, through_seq=through_seq)
        seq = home.head_seq(connection) if through_seq is None else through_seq
    return File(as_csv(found), len(found), _balanced(found), seq)


def note(home: Home, file: File, month: Month, entity: str, target: PurePath, who: Who, *, dry_run: bool = False) -> Export:  # noqa: PLR0913, PLR0917 -- what, its name, and who
    """Note an export, where it is not the same as the one before; with `dry_run` only say what it is."""
    with home.begin(dry_run=dry_run) as connection:
        row = tables.gl_exports
        query = sa.select(row.c.sha256, row.c.through_seq).where(row.c.entity == entity, row.c.month == month.text)
        before = connection.execute(query.order_by(row.c.export_id.desc())).first()
        if before is None or before.sha256 != file.sha256:
            commit = home.next_commit_seq(connection, "ledger", who.now_us)
            debit_micros = min(sum(file.debit_micros.values()), STORED_MAX)  # cut to what the store holds; the hash is that of all of it
            values = {"rows": file.rows, "debit_micros": debit_micros, "sha256": file.sha256, "file_name": target.name}
            by = {"by_name": who.by_name, "by_uid": who.by_uid, "at_us": who.now_us, "commit_seq": commit}
            connection.execute(row.insert().values(entity=entity, month=month.text, through_seq=file.through_seq, **values, **by))
        answer = _answer(connection, file, month, entity, str(target), before)
        if not dry_run:
            commit_points.reached("ledger.before_commit")
    if not dry_run:
        commit_points.reached("ledger.committed")
    return answer


def noted_by(home: Home, mapping: Mapping, commit_seq: int, *, detail: bool = False) -> Export:
    """The export that a commit noted."""
    row = tables.gl_exports
    with home.connect() as connection:
        noted = connection.execute(sa.select(row).where(row.c.commit_seq == commit_seq)).one()
        query = sa.select(row.c.sha256, row.c.through_seq).where(row.c.entity == noted.entity, row.c.month == noted.month)
        before = connection.execute(query.where(row.c.export_id < noted.export_id).order_by(row.c.export_id.desc())).first()
        month = month_of(noted.month)
        file = file_of(home, mapping, month, noted.entity, detail=detail, through_seq=noted.through_seq)
        return _answer(connection, file, month, noted.entity, noted.file_name, before)


def _answer(connection: sa.Connection, file: File, month: Month, entity: str, name: str, before: Any) -> Export:  # noqa: ANN401, PLR0913, PLR0917 -- a row of gl_exports or None
    added = {} if before is None else _added(connection, month, entity, before.through_seq, file.through_seq)
    return Export(
        month=month.text,
        entity=entity,
        rows=file.rows,
        debit_micros=file.debit_micros,
        sha256=file.sha256.hex(),
        file=name,
        same_as_before=before is not None and before.sha256 == file.sha256,
        exported_before=before is not None,
        new_postings=sum(each.postings for each in added.values()),
        new_micros={currency: each.micros for currency, each in added.items()},
    )


def as_csv(found: Iterable[Row]) -> bytes:
    """The file."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in found:
        amounts = [format_micros(each, MINOR_DIGITS.get(row.currency, 2)) if each else "" for each in (row.debit_micros, row.credit_micros)]
        writer.writerow(spreadsheet_cells.row([row.entity, row.date, row.account, row.name, row.currency, *amounts, row.document]))
    return text.getvalue().encode()


class _New(NamedTuple):
    """The number of postings since an export, and their amounts."""

    postings: int
    micros: int


def _added(connection: sa.Connection, month: Month, entity: str, after_seq: int, through_seq: int) -> dict[str, _New]:
    """Postings of the month by these commits, by currency. Postings never change: nothing else is new."""
    row = tables.postings.c
    query = sa.select(row.currency, sa.func.count(), *halves(row.amount_micros))
    query = query.where(row.entity == entity, row.posted_on >= month.first.isoformat(), row.posted_on <= month.last.isoformat())
    query = query.where(row.commit_seq > after_seq, row.commit_seq <= through_seq).group_by(row.currency).order_by(row.currency)
    return {currency: _New(int(count), whole(*parts)) for currency, count, *parts in connection.execute(query)}


def _sides(connection: sa.Connection, month: Month, entity: str, through_seq: int | None, *, detail: bool) -> Iterator[Row]:
    """One row a side of a posting, or a sum of them, by accounts of ours."""
    row = tables.postings.c
    within = [row.entity == entity, row.posted_on >= month.first.isoformat(), row.posted_on <= month.last.isoformat()]
    if through_seq is not None:
        within.append(row.commit_seq <= through_seq)
    for name, is_debit in (("debit_account", True), ("credit_account", False)):
        if detail:
            query = sa.select(row.posted_on, row[name], row.currency, row.amount_micros, row.document).where(*within)
            query = query.order_by(row.posted_on, row.document, row.line_no, row.leg)
        else:
            columns = (row.posted_on, row[name], row.currency)
            query = sa.select(*columns, *halves(row.amount_micros)).where(*within).group_by(*columns).order_by(*columns)
        for date, account, currency, *sums in connection.execute(query):
            amount, document = (int(sums[0]), sums[1]) if detail else (whole(*sums), "")
            debit, credit = (amount, 0) if is_debit else (0, amount)
            yield Row(entity, date, account, "", currency, debit_micros=debit, credit_micros=credit, document=document)


def _summed(found: Iterable[Row]) -> list[Row]:
    """One row a date, account of theirs, currency and side."""
    sums: dict[tuple[Row, bool], Row] = {}
    for row in found:
        key = (row._replace(debit_micros=0, credit_micros=0, document=""), row.debit_micros == 0)
        before = sums.get(key, key[0])
        sums[key] = before._replace(
            debit_micros=before.debit_micros + row.debit_micros, credit_micros=before.credit_micros + row.credit_micros
        )
    return [row for _, row in sorted(sums.items())]


def _balanced(found: Iterable[Row]) -> dict[str, int]:
    """Debits by currency; they equal the credits."""
    debits: dict[str, int] = {}
    credits_: dict[str, int] = {}
    for row in found:
        debits[row.currency] = debits.get(row.currency, 0) + row.debit_micros
        credits_[row.currency] = credits_.get(row.currency, 0) + row.credit_micros
    assert debits == credits_, f"debits and credits differ: {debits} {credits_}"
    return debits
