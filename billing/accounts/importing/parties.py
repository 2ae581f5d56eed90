"""Facts about parties in an import: party_facts.csv about customers, issuer_facts.csv about legal entities.

Each detail is checked by itself, as by a command. The same facts again change nothing; other data of one that was there is a mistake, but
for an end that was open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from billing.accounts import entities
from billing.accounts.importing.comparing import rows_of, shown
from billing.accounts.importing.opening import of_accounts
from billing.accounts.importing.step import Count
from billing.accounts.parties import checks, kinds, stored
from billing.accounts.parties.recording import detail_of
from billing.accounts.parties.stored import Subject
from billing.store import tables
from rating import definition_file
from rating.errors import ProblemsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from billing.accounts.importing.sheets import Mistakes, Sheet
    from billing.accounts.importing.step import Importer
    from billing.accounts.parties.stored import PartyFact

_ROWS_A_LOT: Final = 50_000  # that are checked and written at a time; the facts of one account are in one lot
_Identity = tuple[Subject, str, str, str]  # party, kind, name, from_date


class _Row(NamedTuple):
    """A row whose party is known."""

    subject: Subject
    line: int
    kind: str
    name: str
    from_date: str
    to_date: str | None
    detail: str


def checked(sheets: Mapping[str, Sheet], mistakes: Mistakes) -> dict[str, Sheet]:
    """The sheets with each detail in its one spelling, as it is stored. Rows with a mistake of their own are noted and left out.

    It asks nothing of a store, so that it is done before a transaction begins, and ends where there are too many mistakes.
    """
    found = dict(sheets)
    for name, subject in (("party_facts", Subject(0)), ("issuer_facts", Subject(None))):
        sheet, details = sheets[name], []
        for cells in _cells(sheet):
            if mistakes.is_full:
                break
            detail = _detail(mistakes, sheet, _Row(subject, *cells))
            details.append(None if detail is None else stored.encoded(detail))
        if sheet.table.num_rows and not mistakes.is_full:
            column = pa.array(details, pa.string())
            at = sheet.table.column_names.index("detail")
            found[name] = sheet._replace(table=sheet.table.set_column(at, "detail", column).filter(column.is_valid()))
    return found


def facts(work: Importer) -> dict[str, Count]:
    """Add the rows of party_facts.csv and issuer_facts.csv."""
    counts = {}
    for name, lots in (("party_facts", _of_customers), ("issuer_facts", _of_issuers)):
        sheet = work.sheets[name]
        added = [_add(work, sheet, rows, known) for rows, known in lots(work, sheet)] if sheet.table.num_rows else []
        counts[name] = Count(*map(sum, zip(*added, strict=True))) if added else Count()
        work.done(name)
    return counts


def _of_customers(work: Importer, sheet: Sheet) -> Iterator[tuple[list[_Row], list[PartyFact]]]:
    """Rows whose account is known, in lots by account, with the facts about the accounts of a lot."""
    sheet, at = of_accounts(work, sheet)
    if not len(at):
        return
    order = np.argsort(at, kind="stable")
    keys = work.accounts["account_key"].to_numpy()[at[order]]
    begin = 0
    while begin < len(keys):
        end = int(np.searchsorted(keys, keys[min(begin + _ROWS_A_LOT, len(keys)) - 1], "right"))
        lot = sheet._replace(table=rows_of(sheet.table, order[begin:end]))
        rows = [_Row(Subject(key), *cells) for key, cells in zip(keys[begin:end].tolist(), _cells(lot), strict=True)]
        yield rows, stored.of_accounts(work.connection, set(keys[begin:end].tolist()))
        begin = end


def _of_issuers(work: Importer, sheet: Sheet) -> Iterator[tuple[list[_Row], list[PartyFact]]]:
    """Rows whose legal entity is known, with all facts about entities."""
    known = entities.names(work.connection)
    rows = [
        _Row(Subject(None, str(entity)), *cells) for entity, cells in zip(sheet.table["entity"].to_pylist(), _cells(sheet), strict=True)
    ]
    for row in rows:
        if row.subject.entity not in known:
            work.mistakes.add_row(sheet, row.line, "entity", *entities.unknown(row.subject.entity))
    yield [row for row in rows if row.subject.entity in known], stored.of_issuers(work.connection)


def _cells(sheet: Sheet) -> Iterator[tuple[Any, ...]]:
    names = ("line", "kind", "name", "from_date", "to_date", "detail")
    return zip(*(sheet.table[name].to_pylist() for name in names), strict=True)


def _add(work: Importer, sheet: Sheet, rows: Iterable[_Row], facts: list[PartyFact]) -> Count:
    """Add the facts that are new."""
    known: dict[_Identity, PartyFact] = {(each.subject, each.kind, each.name, each.from_date.isoformat()): each for each in facts}
    written: dict[_Identity, int] = {}
    fresh: list[tuple[_Row, msgspec.Struct]] = []
    same = ended = 0
    for row in rows:
        detail = msgspec.json.decode(row.detail, type=row.subject.kinds[row.kind])  # it was checked
        identity = (row.subject, row.kind, row.name, row.from_date)
        if identity in written:
            message = f"{row.kind} {row.name} from {row.from_date} is on {sheet.where(written[identity])} already"
            work.mistakes.add_row(sheet, row.line, "kind", " ".join(message.split()), "remove one of them")
            continue
        written[identity] = row.line
        held = known.get(identity)
        if held is not None and not _ends(work, sheet, row, held, detail):
            same += 1
            continue
        ended += held is not None
        fresh.append((row, detail))
    if fresh:
        work.insert(tables.party_facts, {**_columns(fresh), **work.told_by(len(fresh))})
    return Count(len(fresh) - ended, same, ended)


def _columns(fresh: list[tuple[_Row, msgspec.Struct]]) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {name: [getattr(row, name) for row, _ in fresh] for name in ("kind", "name", "from_date", "to_date")}
    if fresh[0][0].subject.account_key is not None:
        columns["account_key"] = [row.subject.account_key for row, _ in fresh]
    columns["entity"] = [row.subject.entity for row, _ in fresh]
    columns["detail"] = [stored.encoded(detail) for _, detail in fresh]
    columns["found_as"] = [kinds.found_as(detail) for _, detail in fresh]
    return columns


def _detail(mistakes: Mistakes, sheet: Sheet, row: _Row) -> msgspec.Struct | None:
    """The detail of a row in its one spelling; None, and every mistake, where the row cannot be used."""
    struct = row.subject.kinds.get(row.kind)
    if struct is None:
        remedy = f"use one of {', '.join(row.subject.kinds)}"
        mistakes.add_row(sheet, row.line, "kind", f"{row.kind!r} is not a kind of fact here", remedy)
        return None
    detail: msgspec.Struct | None = None
    told = [("name", wrong.message, wrong.remedy) for wrong in (checks.named(row.kind, row.name),) if wrong is not None]
    try:
        detail = definition_file.from_json(row.detail, struct)
    except msgspec.DecodeError:
        try:
            detail = detail_of(row.subject, row.kind, definition_file.from_json(row.detail))
        except ProblemsError as error:
            told += [("detail", f"{row.kind}: {each.path}: {each.message}", each.remedy) for each in error.problems]
        except msgspec.DecodeError as error:
            told.append(("detail", f"{row.kind}: {error}", "write values without lists within lists"))
    if detail is not None:
        detail = checks.in_one_spelling(detail, row.name)
        wrongs = checks.wrongs(detail, row.name, of_customer=row.subject.account_key is not None)
        told += [("detail", f"{row.kind}: {each.field}: {each.message}", each.remedy) for each in wrongs]
    if row.to_date is not None and row.to_date <= row.from_date:
        message = f"to_date {row.to_date} is not after from_date {row.from_date}"
        told.append(("to_date", message, "to_date is the first day on which the fact no longer holds"))
    for column, message, remedy in told:
        mistakes.add_row(sheet, row.line, column, message, remedy)
    return None if told else detail


def _ends(work: Importer, sheet: Sheet, row: _Row, held: PartyFact, detail: msgspec.Struct) -> bool:
    """Return whether the row gives the end of a fact that had none. Other data than those of the fact are mistakes."""
    ends = None if held.to_date is None else held.to_date.isoformat()
    what = " ".join(f"{held.kind} {held.name} from {held.from_date} exists with".split())
    remedy = f"retract fact {held.fact_id} first, or give the data that was recorded"
    if isinstance(held.detail, kinds.Damaged):
        work.mistakes.add_row(sheet, row.line, "detail", f"{what} data that cannot be read", f"retract fact {held.fact_id} first")
        return False
    for field in detail.__struct_fields__:
        old, new = getattr(held.detail, field), getattr(detail, field)
        if old != new:
            work.mistakes.add_row(sheet, row.line, "detail", f"{what} {field} {shown(old)}, not {shown(new)}", remedy)
    if held.detail != detail or ends == row.to_date:
        return False
    if ends is not None:
        work.mistakes.add_row(sheet, row.line, "to_date", f"{what} to_date {shown(ends)}, not {shown(row.to_date)}", remedy)
    return ends is None
