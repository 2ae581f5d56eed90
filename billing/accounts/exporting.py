"""Everything about accounts as files that an import takes: what holds now, in the order of ids and dates.

Data that no longer holds is left out: facts that were retracted or replaced, ends that were moved or undone, plans that were replaced on
their date, subscriptions whose handover was taken back. So are bars, which dunning alone decides. An export into a new home exports
equally.
"""

from __future__ import annotations

import csv
import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from billing.accounts import covering, facts, layouts
from billing.accounts.facts import DUNNING_KINDS, END_KINDS
from billing.accounts.importing import stored
from billing.accounts.importing.comparing import flat, places, taken
from billing.accounts.importing.opening import IMPORTED_RUN
from billing.accounts.kinds import TermsFact, of_account
from billing.accounts.parties import stored as parties
from billing.accounts.parties.recording import Named, require_readable
from billing.store import access, bulk, tables
from rating import spreadsheet_cells
from rating.dates import NEVER, utc_time
from rating.errors import UserError
from rating.money import format_micros
from tariffs.currencies import MINOR_DIGITS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from billing.accounts.facts import Fact
    from billing.accounts.importing.sheets import Layout
    from billing.accounts.parties.stored import PartyFact
    from billing.store.home import Home

_ROWS_AT_ONCE = 65_536


class Exported(NamedTuple):
    """The rows of each file; and the latest bill date of the home as of the same commit, None where nothing was billed.

    The files do not contain that date: an import of it would bill again.
    """

    rows: dict[str, int]
    billed_through: dt.date | None


@access.users_mask()
def export_files(home: Home, folder: Path, form: str) -> Exported:
    """Write a CSV file for each layout, or one accounts.json (`form` json).

    Raises UserError: the folder is not empty, or a fact about a party is damaged. Then nothing is written.
    Others may read the files where the umask of the user says so.
    """
    require_free(folder)
    return write_files(home, folder, form)


def write_files(home: Home, folder: Path, form: str) -> Exported:
    """The same in a folder that is free, with the umask of the process."""
    folder.mkdir(parents=True, exist_ok=True)
    with home.connect() as connection:
        sheets, billed = _sheets(connection), covering.load(connection, account_keys=()).latest
    if form == "json":
        document = {name: [_object(row) for row in table.to_pylist()] for name, table in sheets.items() if table.num_rows}
        (folder / "accounts.json").write_bytes(msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n")
        return Exported({name: table.num_rows for name, table in sheets.items()}, billed)
    for layout in layouts.LAYOUTS:
        if sheets[layout.name].num_rows or not layout.may_be_missing:
            _write_csv(folder / layout.file, list(layout.columns), sheets[layout.name])
    return Exported({layout.file: sheets[layout.name].num_rows for layout in layouts.LAYOUTS}, billed)


def require_free(folder: Path) -> None:
    """Raises UserError for a folder that is neither new nor empty."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} is not an empty folder", "name one that is new or empty: an export replaces nothing", exit_status=2)


def _sheets(connection: sa.Connection) -> dict[str, pa.Table]:
    """Columns as in the layouts, texts as an import reads them."""
    accounts = stored.accounts(connection)
    every = stored.subscriptions(connection, accounts)
    subscriptions = _without_undone_ends(every.filter(pa.array(~stored.taken_back(every))))
    return {
        "accounts": accounts.select(list(layouts.ACCOUNTS.columns)).sort_by("account_id"),
        "subscriptions": subscriptions.select(list(layouts.SUBSCRIPTIONS.columns)).sort_by("subscription_id"),
        "numbers": _numbers(connection, subscriptions),
        "plan_changes": _plan_changes(connection, subscriptions),
        "account_facts": _facts(_with_effect(facts.account_facts(connection)), accounts, "account"),
        "subscription_facts": _facts(_of_its_life(facts.subscription_facts(connection), subscriptions), subscriptions, "subscription"),
        "opening_items": _amounts(connection, accounts, tables.opening_items, ("reference", "issued_on", "due_on")),
        "opening_allowances": _allowances(connection, accounts, subscriptions),
        "baselines": _amounts(connection, accounts, tables.baselines, ("month",)),
        "party_facts": _party_facts(connection, accounts),
        "issuer_facts": _issuer_facts(connection),
    }


def _without_undone_ends(subscriptions: pa.Table) -> pa.Table:
    """Subscriptions without the ends of their import that were undone: numbers of a file go on as long as the column says."""
    undone = subscriptions["end"].is_null().to_numpy()
    ends = taken(subscriptions["to_date"], np.arange(len(undone)), undone)
    return subscriptions.set_column(subscriptions.schema.get_field_index("to_date"), "to_date", ends)


def _of(subscriptions: pa.Table, table: pa.Table) -> pa.Table:
    """The rows of a table that are about these subscriptions, or (key 0) about none."""
    keys = table["subscription_key"].to_numpy()
    return table.filter(pa.array(np.isin(keys, subscriptions["subscription_key"].to_numpy()) | (keys == 0)))


def _numbers(connection: sa.Connection, subscriptions: pa.Table) -> pa.Table:
    spans = _of(subscriptions, stored.spans(connection))
    to_us = spans["to_us"].to_numpy()
    ends = pa.array(to_us, mask=to_us == NEVER)
    columns = {
        "served_id": spans["served_id"],
        "subscription_id": _ids(spans["subscription_key"], subscriptions, "subscription"),
        "from": _texts(spans["from_us"], _instant),
        "to": _texts(ends, _instant),
    }
    return pa.table(columns).sort_by([("served_id", "ascending"), ("from", "ascending")])


def _plan_changes(connection: sa.Connection, subscriptions: pa.Table) -> pa.Table:
    """Every plan of a subscription but the first one."""
    table = _of(subscriptions, stored.plan_changes(connection))
    keys = table["subscription_key"].to_numpy()
    later = [False, *(keys[1:] == keys[:-1]).tolist()][: len(keys)]
    table = table.filter(pa.array(later, pa.bool_()))
    columns = {
        "subscription_id": _ids(table["subscription_key"], subscriptions, "subscription"),
        "from_date": table["from_date"],
        "plan": table["plan"],
    }
    return pa.table(columns).sort_by([("subscription_id", "ascending"), ("from_date", "ascending")])


def _with_effect(known: list[Fact]) -> list[Fact]:
    """Facts about accounts without terms that only a subscription can have: of before they were refused."""
    found = [fact._replace(detail=of_account(fact.detail)) if isinstance(fact.detail, TermsFact) else fact for fact in known]
    return [fact for fact in found if fact.detail != TermsFact()]


def _of_its_life(known: list[Fact], subscriptions: pa.Table) -> list[Fact]:
    """Facts about these subscriptions without ends that hold no longer, and without pauses and outages that a later end overrides."""
    ever = set(subscriptions["subscription_key"].to_pylist()) if known else set()
    known = [fact for fact in known if fact.subject in ever]
    deciding = {fact.fact_id for fact in facts.deciding_ends(known).values()}
    known = [fact for fact in known if fact.kind not in END_KINDS or fact.fact_id in deciding]
    known_ends = zip(subscriptions["subscription_key"].to_pylist(), subscriptions["end"].to_pylist(), strict=True) if known else ()
    ends = {key: end for key, end in known_ends if end is not None}
    never = [fact for fact in known if fact.kind in {"pause", "outage"} and str(fact.from_date) >= ends.get(fact.subject, "~")]
    return [fact for fact in known if fact not in never]


def _facts(known: list[Fact], owners: pa.Table, what: str) -> pa.Table:
    """Facts that hold, in the order in which they were learned."""
    names = dict(zip(owners[f"{what}_key"].to_pylist(), owners[f"{what}_id"].to_pylist(), strict=True)) if known else {}
    held = sorted(
        (fact for fact in known if fact.kind not in DUNNING_KINDS), key=lambda fact: (names[fact.subject], fact.commit_seq, fact.fact_id)
    )
    rows = [
        (names[fact.subject], fact.kind, str(fact.from_date), fact.to_date and str(fact.to_date), facts.encoded(fact.detail))
        for fact in held
    ]
    columns = (f"{what}_id", "kind", "from_date", "to_date", "detail")
    arrays = [pa.array(column, pa.string()) for column in (zip(*rows, strict=True) if rows else [()] * len(columns))]
    return pa.table(dict(zip(columns, arrays, strict=True)))


def _party_facts(connection: sa.Connection, accounts: pa.Table) -> pa.Table:
    """Facts about customers that hold, by account, kind, name and date."""
    names = dict(zip(accounts["account_key"].to_pylist(), map(str, accounts["account_id"].to_pylist()), strict=True))
    rows = [(name, *_cells(each, Named(name))) for each in parties.of_accounts(connection) for name in (names[each.subject.account_key],)]
    return _table_of(layouts.PARTY_FACTS, rows).sort_by([(name, "ascending") for name in ("account_id", "kind", "name", "from_date")])


def _issuer_facts(connection: sa.Connection) -> pa.Table:
    """Facts about issuers that hold, by entity, kind, name and date."""
    facts_of = [(each.subject.entity, each) for each in parties.of_issuers(connection)]
    return _table_of(layouts.ISSUER_FACTS, [(entity, *_cells(each, Named(entity=entity))) for entity, each in facts_of])


def _cells(fact: PartyFact, party: Named) -> tuple[str | None, ...]:
    """The cells of a fact behind its party. Raises UserError for one that cannot be read: an export leaves nothing out."""
    require_readable(fact, party)
    ends = None if fact.to_date is None else str(fact.to_date)
    return fact.kind, fact.name, str(fact.from_date), ends, parties.encoded(fact.detail)


def _table_of(layout: Layout, rows: list[tuple[str | None, ...]]) -> pa.Table:
    arrays = [pa.array(column, pa.string()) for column in (zip(*rows, strict=True) if rows else [()] * len(layout.columns))]
    return pa.table(dict(zip(layout.columns, arrays, strict=True)))


def _amounts(connection: sa.Connection, accounts: pa.Table, table: sa.Table, names: tuple[str, ...]) -> pa.Table:
    columns = [table.c.account_key, *(table.c[name] for name in names), table.c.amount_micros]
    rows = bulk.read(connection, sa.select(*columns))
    at = places(rows["account_key"], accounts["account_key"])
    digits = {currency: MINOR_DIGITS.get(str(currency), 2) for currency in accounts["currency"].unique().to_pylist()}
    currencies = taken(accounts["currency"], at).to_pylist()
    amounts = [
        format_micros(micros, digits[name]) for micros, name in zip(rows["amount_micros"].to_numpy().tolist(), currencies, strict=True)
    ]
    ids = {"account_id": taken(accounts["account_id"], at)}
    told = pa.table({**ids, **{name: rows[name] for name in names}, "amount": pa.array(amounts, pa.string())})
    return told.sort_by([("account_id", "ascending"), (names[0], "ascending")])


def _allowances(connection: sa.Connection, accounts: pa.Table, subscriptions: pa.Table) -> pa.Table:
    row = tables.carried_allowances.c
    columns = (row.account_key, row.subscription_key, row.identity, row.plan, row.allowance_id, row.period_end, row.serves_to, row.quantity)
    found = _of(subscriptions, bulk.read(connection, sa.select(*columns).where(row.run_id == IMPORTED_RUN)))
    told = {
        "account_id": _ids(found["account_key"], accounts, "account"),
        "subscription_id": _ids(found["subscription_key"], subscriptions, "subscription"),
        "catalogue": found["identity"],
        "plan": pa.array([plan or None for plan in found["plan"].to_pylist()], pa.string()),
        "allowance": found["allowance_id"],
        "period_end": found["period_end"],
        "serves_to": found["serves_to"],
        "quantity": found["quantity"],
    }
    order = ("account_id", "subscription_id", "catalogue", "allowance", "serves_to")
    return pa.table(told).sort_by([(name, "ascending") for name in order])


def _ids(keys: pa.ChunkedArray[Any], owners: pa.Table, what: str) -> Any:  # noqa: ANN401 -- an array, or a value of any type
    """The public id of each key; empty for 0."""
    at = places(keys, owners[f"{what}_key"])
    return taken(owners[f"{what}_id"], np.maximum(at, 0), at < 0)


def _texts(values: Any, text: Callable[[int], str]) -> Any:  # noqa: ANN401 -- an array, or a value of any type
    """The text of each value; each distinct one is made once."""
    encoded = flat(values).dictionary_encode()
    told: Any = pa.array([text(value) for value in encoded.dictionary.to_pylist()], pa.string())
    return told.take(encoded.indices)


def _instant(instant_us: int) -> str:
    """In UTC, so that no zone is needed."""
    return utc_time(instant_us).isoformat()


def _object(row: dict[str, Any]) -> dict[str, Any]:
    """A row of a document: empty fields are left out, and a detail is an object of its own."""
    return {name: msgspec.Raw(value.encode()) if name == "detail" else value for name, value in row.items() if value is not None}


def _write_csv(path: Path, columns: list[str], table: pa.Table) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for batch in table.select(columns).to_batches(_ROWS_AT_ONCE):
            writer.writerows(map(spreadsheet_cells.row, zip(*(column.to_pylist() for column in batch.columns), strict=True)))
