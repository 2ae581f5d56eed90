"""The invoices that a computed run will number, frozen in files: exactly this list is approved and numbered, however much later.

    charges/run=N/frozen/index.json         charge files, terms, accounts put aside, periods to compute again, and the hashes of the
                                            others; `run_drafts` has its hash
    charges/run=N/frozen/heads.parquet      one row an invoice
    charges/run=N/frozen/lines.parquet      one row a line, in the order of the invoices
    charges/run=N/frozen/leftovers.parquet  what its periods leave of allowances that roll over

Files that neither a row of `run_drafts` nor its index names are garbage (`billing.store.named_files` reads the index as well). Nothing in
these files counts before the run is numbered: all of it then goes into the database in the one transaction that gives the numbers.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from billing.accounts.covering import QUARANTINED
from billing.charges.book_terms import Term, total
from billing.charges.lines import LINE
from billing.invoicing.drafts import HEADS, Drafts
from billing.runs import charge_files
from billing.store import frozen_lists, tables
from rating import durable
from rating.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

    from billing.charges.lines import Int64s
    from billing.store.home import Home

FOLDER: Final = "frozen"
INDEX: Final = "index.json"


class PutAside(NamedTuple):
    """An account that is not billed. `kind`: quarantined, held, `passed by` or test."""

    account_key: int
    kind: str
    reason: str


class PendingPeriod(NamedTuple):
    """An account's oldest period that was computed without usage which is on another bill: the next run computes it again."""

    account_key: int
    period_from: str  # ISO date


class Outcome(NamedTuple):
    """Everything a computed run puts into the database when it is numbered."""

    drafts: Drafts
    charge_files: list[charge_files.ChargeFile]
    terms: dict[str, Term]
    put_aside: list[PutAside]
    leftovers: pa.Table  # columns of `carried_allowances`
    pending: list[PendingPeriod]


class Frozen(NamedTuple):
    """The named file of a frozen list. `path` is relative to the home folder."""

    path: str
    sha256: bytes


def named(home: Home, run_id: int) -> Frozen:
    """The path and hash of a computed run's frozen list, as stored."""
    drafts = tables.run_drafts.c
    with home.connect() as connection:
        row = connection.execute(sa.select(drafts.path, drafts.sha256).where(drafts.run_id == run_id)).one()
    return Frozen(row.path, row.sha256)


class Index(msgspec.Struct, frozen=True):
    """The contents of a frozen list's index. Amounts by currency in micro-units; empty in lists from before they were stored."""

    charge_files: list[charge_files.ChargeFile]
    terms: dict[str, Term]
    put_aside: list[tuple[int, str | None, str]]  # key, kind and reason; in these files quarantine has no kind
    texts: list[str]
    currencies: list[str]
    entities: list[str]
    issued_on: dt.date
    document_type: str
    sha256: dict[str, bytes]  # of each file beside the index, by its name
    net_micros: dict[str, int] = {}
    tax_micros: dict[str, int] = {}
    pending: list[PendingPeriod] | None = None  # None: of a version that knew none (`billing.store.frozen_lists`)

    def aside(self) -> list[PutAside]:
        """The accounts that are not billed, each with its kind."""
        return [PutAside(key, kind or QUARANTINED, reason) for key, kind, reason in self.put_aside]


def write(folder: Path, relative_to: Path, outcome: Outcome) -> Frozen:
    """Freeze an outcome in a folder. All files are on disk when this returns. The same outcome makes the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    drafts = outcome.drafts
    heads = {name: getattr(drafts, name) for name in HEADS} | {"lines": np.diff(drafts.first_line)}
    lines = {name: np.ascontiguousarray(drafts.lines[name]) for name in LINE.names or ()} | {"text": drafts.text}
    contents = {"heads": pa.table(heads), "lines": pa.table(lines), "leftovers": outcome.leftovers}
    hashes = {name: _write_table(folder / f"{name}.parquet", table) for name, table in contents.items()}
    index = Index(
        charge_files=outcome.charge_files,
        terms=outcome.terms,
        put_aside=[(key, None if kind == QUARANTINED else kind, reason) for key, kind, reason in outcome.put_aside],
        texts=drafts.texts,
        currencies=list(drafts.currencies),
        entities=list(drafts.entities),
        issued_on=drafts.issued_on,
        document_type=drafts.document_type,
        sha256=hashes,
        net_micros=_by_currency(drafts, drafts.net_micros()),
        tax_micros=_by_currency(drafts, drafts.tax_micros()),
        pending=outcome.pending,
    )
    file = folder / INDEX
    _write_bytes(file, msgspec.json.encode(index))
    durable.sync_names(folder, folder.parent)
    return Frozen(str(file.relative_to(relative_to)), charge_files.file_sha256(file))


def read(home_path: Path, frozen: Frozen) -> Outcome:
    """The outcome as it was frozen. Raises UserError when a file is gone or is not the one that was written."""
    index = read_index(home_path, frozen)
    file = home_path / frozen.path
    found = {name: _read_table(file.parent / f"{name}.parquet", sha256) for name, sha256 in index.sha256.items()}
    heads, rows = found["heads"], found["lines"]
    lines = np.zeros(rows.num_rows, LINE)
    for name in LINE.names or ():
        lines[name] = rows[name].to_numpy()
    drafts = Drafts(
        **{name: _int64(heads[name]) for name in HEADS},
        first_line=np.concatenate([[0], np.cumsum(_int64(heads["lines"]))]).astype(np.int64),
        lines=lines,
        text=rows["text"].to_numpy().astype(np.int32),
        texts=index.texts,
        currencies=tuple(index.currencies),
        entities=tuple(index.entities),
        issued_on=index.issued_on,
        document_type=index.document_type,
    )
    return Outcome(drafts, index.charge_files, index.terms, index.aside(), found["leftovers"], index.pending or [])


def read_to_number(home: Home, run_id: int, bill_date: str) -> Outcome:
    """The outcome of a run that is numbered now. Raises UserError as `read` does, and where a version before has computed the list."""
    frozen = named(home, run_id)
    if read_index(home.path, frozen).pending is None:
        raise frozen_lists.of_before(run_id, bill_date)
    return read(home.path, frozen)


def read_index(home_path: Path, frozen: Frozen) -> Index:
    """The index of a frozen list. Raises UserError when its file is gone or is not the one that was written."""
    file = home_path / frozen.path
    _require_unchanged(file, frozen.sha256)
    return msgspec.json.decode(file.read_bytes(), type=Index)


def _by_currency(drafts: Drafts, micros: Int64s) -> dict[str, int]:
    of = {name: micros[drafts.currency == place] for place, name in enumerate(drafts.currencies)}
    return {name: total(some) for name, some in sorted(of.items()) if len(some)}


def _write_table(file: Path, table: pa.Table) -> bytes:
    pq.write_table(table, file, compression="lz4", write_statistics=False)
    durable.sync_file(file)
    return charge_files.file_sha256(file)


def _write_bytes(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    durable.sync_file(file)


def _read_table(file: Path, sha256: bytes) -> pa.Table:
    _require_unchanged(file, sha256)
    return pq.read_table(file, partitioning=None)


def _require_unchanged(file: Path, sha256: bytes) -> None:
    state = "is gone" if not file.is_file() else "was changed" if charge_files.file_sha256(file) != sha256 else ""
    if state:
        raise UserError(
            f"{file} {state}: it holds the list of invoices that a bill run computed",
            "put it back from a backup; a run that has numbered nothing may be given up with `ratewright bill abandon` and computed again",
        )


def _int64(column: pa.ChunkedArray[Any]) -> Any:  # noqa: ANN401 -- an array of int64
    return np.ascontiguousarray(column.to_numpy(), np.int64)
