"""The revisions lead to the schema that the code is written against, on both databases, and back."""

from __future__ import annotations

import contextlib
import itertools
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import api, render_python_code
from alembic.migration import MigrationContext

from billing import catalogue
from billing.intake.known_records.known_rejects import row_hashes
from billing.store import commit_chain, database, location, migrations, postgres, schema, tables
from billing.store.home import Home
from billing.store.migrations import render
from billing.store.schema import SCHEMA_VERSIONS
from billing.store.tables import metadata
from billing.store.tables.columns import comparing
from mediation.decode import reject_of
from rating.errors import UserError
from tests.billing.files import NOW_US, a_catalogue

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

STATEMENTS = "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' AND name <> 'alembic_version' ORDER BY name"
LATER = {"chain", *commit_chain.ACTOR}  # columns of commits that the first schema does not have
COMMA = re.compile(r",(?![^()]*\))")  # between parts, not inside one
# What PostgreSQL says of its schema: columns, constraints, indexes.
DESCRIPTIONS = (
    "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns WHERE table_schema = current_schema()",
    """SELECT conrelid::regclass::text, contype::text, pg_get_constraintdef(oid), '' FROM pg_constraint
       WHERE connamespace = current_schema()::regnamespace AND contype <> 'n'""",
    "SELECT tablename, '', regexp_replace(indexdef, '^.* USING ', ''), '' FROM pg_indexes WHERE schemaname = current_schema()",
)


class Place:
    """An empty database, and what writes to it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        place = location.of_new_home(folder)
        self.schema = place.schema if place else None
        self.engine = (
            postgres.engine(location.url_to_connect(place), place.schema, 1000)
            if place
            else database.engine(folder / "ratewright.db", 1000)
        )

    def close(self) -> None:
        """Give back the connections."""
        self.engine.dispose()

    @contextlib.contextmanager
    def begin(self) -> Iterator[sa.Connection]:
        """A write transaction."""
        with self.engine.connect().execution_options(**database.WRITES) as connection, connection.begin():
            yield connection

    def go_to(self, revision: str) -> None:
        """Migrate, up or down."""
        with self.begin() as connection:
            schema.migrate(connection, self.schema, revision)

    def described(self) -> list[Any]:
        """The schema as the database tells it, in a form to compare."""
        with self.engine.connect() as connection:
            if self.schema is None:
                return _statements(connection)
            found = [sorted(map(tuple, connection.exec_driver_sql(query.replace("%", "%%")).all())) for query in DESCRIPTIONS]
            return [[row for row in rows if row[0] != "alembic_version"] for rows in found]

    def rows(self, skipped: tuple[str, ...] = ()) -> dict[str, list[tuple[Any, ...]]]:
        """Everything that is stored, without the tables that are empty."""
        with self.engine.connect() as connection:
            names = sorted(schema.table_names(connection) - {"alembic_version", *skipped})
            found = {name: sorted(map(tuple, connection.exec_driver_sql(f"SELECT * FROM {name}").all()), key=repr) for name in names}  # noqa: S608 -- names of our own
        return {name: rows for name, rows in found.items() if rows}


@pytest.fixture
def place(tmp_path: Path, both: str) -> Iterator[Place]:
    assert both
    with contextlib.closing(Place(tmp_path / "home")) as made:
        yield made


def test_the_revisions_make_every_table_as_it_is_described() -> None:
    operations = render.differences().upgrade_ops
    assert operations is not None
    assert operations.is_empty(), f"a revision is missing that does\n{render_python_code(operations)}"


def test_the_revisions_make_the_same_constraints(place: Place, tmp_path: Path) -> None:
    """What alembic does not compare (checks, STRICT, foreign keys) is in what the database says of itself."""
    place.go_to(SCHEMA_VERSIONS[-1])
    with contextlib.closing(Place(tmp_path / "other")) as other:
        with other.begin() as connection:
            if other.schema:
                postgres.make_schema(connection, other.schema)
            metadata.create_all(connection)
        assert place.described() == other.described()
    with place.begin() as connection:
        operations = api.produce_migrations(
            MigrationContext.configure(connection, opts=comparing(connection.dialect.name)), metadata
        ).upgrade_ops
        assert operations is not None
        assert operations.is_empty(), render_python_code(operations)


def test_every_revision_is_known_to_the_home() -> None:
    files = sorted((Path(migrations.__file__).parent / "versions").glob("r*.py"))
    assert tuple(file.name[1:5] for file in files) == SCHEMA_VERSIONS


def test_down_and_up_again_is_the_same(place: Place) -> None:
    described = {}
    for revision in SCHEMA_VERSIONS:
        place.go_to(revision)
        described[revision] = place.described()
    for revision in reversed(SCHEMA_VERSIONS):
        place.go_to(revision)
        assert place.described() == described[revision], revision
    place.go_to(SCHEMA_VERSIONS[-1])
    assert place.described() == described[SCHEMA_VERSIONS[-1]]


# A row or two of what a home of the first schema held.
FIRST = {
    "commits": ["7, 'usage', 1", "8, 'usage', 2", "9, 'fact', 3"],
    "raw_files": ["1, '/cdr/Master.csv', 'sw1', {blob}, 10, 7"],
    "intake_counts": ["7, 'sw1', 'answered', 3, 60, 0, 0", "8, 'sw1', 'answered', 1, 5, 0, 0"],
    "suspense": ["1, NULL, NULL, 'sw1', 'unreadable_time', 1, 0, 9, 'x', 0, 7"],
    "accounts": ["1, 'A-1', 'Ann', 'EUR', 'Europe/Berlin', 1, 'en', '2026-01-01', NULL, 'standard', 14, 9"],
    "subscriptions": ["1, 'S-1', 1, '2026-01-01', NULL, 9", "2, 'S-2', 1, '2026-01-01', NULL, 9"],
    "subscription_ends": ["2, '2026-02-01', 9"],
    "account_facts": ["1, 1, 'bar_outgoing', '2026-03-01', '', 9"],
    "bill_runs": ["1, '2026-02-01', 9, 'posted', 3, 9"],
    "dunning_steps": [
        "1, 1, 1, 'remind', '2026-02-20', '2026-02-15', 100, 8",
        "2, 1, 2, 'bar_outgoing', '2026-03-01', '2026-02-15', 100, 9",
    ],
    "invoices": [
        "1, 'R-1', 1, 1, 'EUR', '2026-01-01', '2026-02-01', '2026-02-01', '2026-02-15', 100, 19, 119, 9",
        "2, 'R-2', 1, 1, 'EUR', '2026-01-01', '2026-02-01', '2026-02-01', '2026-02-15', -50, 0, -50, 9",
    ],
    "invoice_lines": ["1, 1, 'usage', 1, 1, 1, 1, 1, 1, '2026-01-01', '2026-02-01', 'calls', 1, 60, 0, 1, 100, 100"],
    "payments": ["'P-1', 1, 'EUR', 100, '2026-02-10', 'ref', 9"],
    "allocations": ["'P-1', 1, 69, 9"],
    "set_offs": ["2, 1, 50, 9"],
    "postings": ["{blob}, 'R-1', 1, 'net', 'receivable:1', 'revenue:1', 'EUR', 100, '2026-02-01', 9"],
}


def fill_the_first(place: Place) -> None:
    place.go_to("0001")
    blob = "x'01'" if place.schema is None else "'\\x01'"
    with place.begin() as connection:
        for table, rows in FIRST.items():
            for row in rows:
                connection.exec_driver_sql(f"INSERT INTO {table} VALUES ({row.format(blob=blob)})")  # noqa: S608 -- values of our own


def test_a_home_keeps_everything_up_and_down(place: Place) -> None:
    fill_the_first(place)
    before = place.rows()
    assert set(before) == set(FIRST)
    place.go_to(SCHEMA_VERSIONS[-1])
    above = place.rows()
    assert [row[2:5] for row in above["subscription_facts"]] == [("end", "2026-02-01", None)]
    assert [row[1:5] for row in above["settlements"]] == [("invoice", "R-2", 1, 50), ("payment", "P-1", 1, 69)]
    assert above["dunning_runs"] == [(1, "2026-02-20", "", -1, 2, 8), (2, "2026-03-01", "", -1, 3, 9)], "one for each commit with steps"
    assert above["credits_left"] == [("payment", "P-1", 1, 31, 9)], "what is left of the payment"
    with place.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE payments SET channel = 'bank', by_name = 'ana', by_uid = 2001"
        )  # as every payment of a bank has it
    place.go_to("0001")
    after = place.rows()
    assert [row[0] for row in after.pop("settings")] == ["commit_chain_head"], "by which an edit is found after the next upgrade"
    assert after == before


def test_a_home_of_the_first_schema_keeps_its_tariffs_and_usage(place: Place, tmp_path: Path) -> None:
    """Its publications price as before, its files and counts are there, the later schemas' tables are empty, and it is upgraded once."""
    folder = tmp_path / "other"
    with Home.open(folder, create=True) as home:
        catalogue.publish(home, a_catalogue(), NOW_US)
        with home.connect() as connection:
            stored = {table: connection.execute(sa.select(table)).all() for table in (tables.commits, tables.publications)}
    fill_the_first(place)
    with place.begin() as connection:
        for table, rows in stored.items():
            connection.execute(
                table.insert(), [{name: value for name, value in row._asdict().items() if name not in LATER} for row in rows]
            )
    if place.schema:
        location.write(tmp_path / "home", location.of_new_home(tmp_path / "home"))  # type: ignore[arg-type] -- it names one, as the fixture saw
    for _ in range(2):
        with Home.open(tmp_path / "home") as home:
            assert [(each.identity, each.version) for each in catalogue.in_force(home)] == [("mobile", 1)]
            assert (catalogue.drafts(home), catalogue.decisions(home)) == ([], [])
            with home.connect() as connection:
                counts = connection.exec_driver_sql("SELECT commit_seq, raw_file_id, day, rows, duration_us FROM intake_counts").all()
                assert sorted(map(tuple, counts)) == [(7, 1, "", 3, 60), (8, 0, "", 1, 5)]
                assert connection.exec_driver_sql("SELECT reason, through_seq FROM suspense").all() == [("unreadable_time", 7)]
                assert connection.exec_driver_sql("SELECT path, file_name FROM raw_files").all() == [("/cdr/Master.csv", None)]


def test_commits_of_before_are_covered_by_the_hash_of_the_last(place: Place) -> None:
    fill_the_first(place)
    place.go_to(SCHEMA_VERSIONS[-1])
    with place.begin() as connection:
        chains = connection.exec_driver_sql("SELECT commit_seq, chain IS NULL FROM commits ORDER BY commit_seq").all()
        assert [(seq, bool(is_null)) for seq, is_null in chains] == [(7, True), (8, True), (9, False)]
        assert commit_chain.broken(connection) == []
        last, before = commit_chain.head(connection)
        chain = commit_chain.following(before, last + 1, "fact", 4)
        connection.execute(tables.commits.insert().values(commit_seq=last + 1, kind="fact", at_us=4, chain=chain))
        assert commit_chain.broken(connection) == []
        connection.exec_driver_sql("UPDATE commits SET at_us = 3 WHERE commit_seq = 8")
        assert commit_chain.broken(connection) == [9]


def test_going_back_keeps_the_hash_of_the_last_commit(place: Place) -> None:
    """Commits that an older version adds follow on it; an edit that was made meanwhile is found."""
    fill_the_first(place)
    place.go_to(SCHEMA_VERSIONS[-1])
    place.go_to("0011")
    with place.begin() as connection:
        connection.exec_driver_sql("INSERT INTO commits VALUES (10, 'fact', 4), (11, 'fact', 5)")
    place.go_to(SCHEMA_VERSIONS[-1])
    with place.begin() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM commits WHERE chain IS NOT NULL").scalar_one() == 3
        assert connection.exec_driver_sql("SELECT count(*) FROM settings WHERE name = 'commit_chain_head'").scalar_one() == 0
        assert commit_chain.broken(connection) == []
        assert commit_chain.head(connection)[0] == 11
    place.go_to("0008")
    with place.begin() as connection:
        connection.exec_driver_sql("UPDATE commits SET at_us = 3 WHERE commit_seq = 8")
    place.go_to(SCHEMA_VERSIONS[-1])
    with place.begin() as connection:
        assert commit_chain.broken(connection) == [11]


def test_going_back_takes_actors_out_of_the_hashes(tmp_path: Path, both: str) -> None:
    """An older version holds the commits to hashes without actors, and finds an edit that is made meanwhile."""
    assert both
    named = location.of_new_home(tmp_path / "home")
    home_schema = named.schema if named else None
    with Home.open(tmp_path / "home", create=True) as home:
        catalogue.publish(home, a_catalogue(), NOW_US)
        with home.connect() as connection:
            assert {row.by_name is None for row in connection.execute(tables.commits.select())} == {False}
            assert commit_chain.broken(connection) == []
        with home.begin() as connection:
            schema.migrate(connection, home_schema, "0016")
            assert commit_chain.broken(connection) == []
            connection.exec_driver_sql("UPDATE commits SET at_us = at_us + 1 WHERE commit_seq = 1")
            assert commit_chain.broken(connection) == [1]


def test_kinds_without_a_word_get_theirs_and_lose_it_on_the_way_back(place: Place) -> None:
    """Runs of the cycle and accounts in quarantine had none; invoices still refer to their runs. No row is without a kind from then on."""
    fill_the_first(place)
    place.go_to("0013")
    names = "run_id, bill_date, pinned_seq, state, started_us, commit_seq, kind, detail, restricted"
    with place.begin() as connection:
        connection.exec_driver_sql(f"INSERT INTO bill_runs ({names}) VALUES (2, '2026-03-01', 9, 'posted', 4, 9, 'rerate', '{{}}', 1)")  # noqa: S608 -- values of our own
        connection.exec_driver_sql("INSERT INTO quarantine VALUES (1, 1, 'no rate', NULL), (1, 2, 'a dispute', 'held')")
    before = place.rows()
    place.go_to("0014")
    above = place.rows()
    assert above["bill_runs"] == [
        (1, "2026-02-01", 9, "posted", 3, 9, "cycle", None, None),
        (2, "2026-03-01", 9, "posted", 4, 9, "rerate", "{}", 1),
    ]
    assert above["quarantine"] == [(1, 1, "no rate", "quarantined"), (1, 2, "a dispute", "held")]
    changed = ("bill_runs", "quarantine")
    assert place.rows(changed) == {name: rows for name, rows in before.items() if name not in changed}
    for statement in ("UPDATE bill_runs SET kind = NULL", "UPDATE quarantine SET kind = NULL"):
        with pytest.raises(sa.exc.IntegrityError), place.begin() as connection:
            connection.exec_driver_sql(statement)
    with place.begin() as connection:
        assert place.schema is not None or connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
    place.go_to("0013")
    assert place.rows() == before


EDITED = (
    "UPDATE commits SET at_us = at_us + 1 WHERE commit_seq = 8",
    "UPDATE commits SET kind = 'other' WHERE commit_seq = 9",
    "UPDATE commits SET chain = NULL WHERE commit_seq = 9",
)


@pytest.mark.parametrize("statement", EDITED)
def test_a_home_with_an_edited_commit_does_not_go_back(place: Place, statement: str) -> None:
    fill_the_first(place)
    place.go_to(SCHEMA_VERSIONS[-1])
    with place.begin() as connection:
        connection.exec_driver_sql(statement)
    before = place.rows()
    for revision in ("0011", "0001"):
        with pytest.raises(UserError, match="cannot go back to schema 0016: the hash of commit 9 is not that of its content"):
            place.go_to(revision)
    assert place.rows() == before


def test_rows_that_could_not_be_read_are_known_by_their_bytes(place: Place) -> None:
    """Of before: the first of two rejects of one record is told apart from the second, a row cut short has no hash, a mark has none."""
    place.go_to("0007")
    names = "commit_seq, raw_file_id, raw_offset, raw_length, raw_bytes, event_key"
    kept = [
        (7, 1, 0, 3, b"abc", None),
        (7, 1, 0, 3, b"abc", None),
        (7, 1, 9, 4, b"abc", None),
        (8, 0, 0, 1, b"x", b"key"),
        (9, 0, 0, 3, b"abc", None),
    ]
    values = [dict(zip(names.split(", "), row, strict=True)) for row in kept]
    rest: dict[str, object] = {"source": "s", "reason": "r", "raw": "", "duration_us": 0, "through_seq": 9}
    with place.begin() as connection:
        columns = [sa.column(name) for name in (*values[0], *rest)]
        connection.execute(sa.table("suspense", *columns).insert(), [row | rest for row in values])
    place.go_to(SCHEMA_VERSIONS[-1])
    with place.begin() as connection:
        found = connection.exec_driver_sql("SELECT row_sha256 FROM suspense ORDER BY suspense_id").scalars().all()
    row = reject_of("r", 0, b"abc")
    first, second = row_hashes([row, row])
    assert [None if each is None else bytes(each) for each in found] == [first, second, None, None, first]


# What an older schema has no place for: the revision to go back to, the rows, what the refusal says.
REFUSED = [
    ("0003", "INSERT INTO run_accounts VALUES (1, 1)", "no place for rows of run_accounts: 1 of them"),
    (
        "0003",
        "UPDATE subscriptions SET transferred_from = 1 WHERE subscription_key = 2",
        "no place for subscriptions that changed their owner",
    ),
    ("0003", "UPDATE subscription_facts SET kind = 'pause'", "no place for facts of subscriptions"),
    ("0003", "UPDATE settlements SET amount_micros = -1 WHERE settlement_id = 1", "no place for settlements undone"),
    ("0003", "UPDATE bill_runs SET kind = 'rerate'", "no place for runs of other kinds"),
    ("0003", "UPDATE invoices SET document_type = 'credit_note' WHERE invoice_key = 2", "no place for documents that are not invoices"),
    ("0003", "UPDATE payments SET channel = 'cash', receipt = 'front-1'", "no place for payments that did not come through the bank"),
    ("0003", "UPDATE payments SET instruction = '[\"R-1\"]'", "no place for payments that name their invoices"),
    ("0003", "UPDATE invoice_lines SET corrects_invoice_key = 1", "no place for lines that correct an invoice"),
    ("0003", 'UPDATE bill_runs SET detail = \'{"issued_on": "2026-03-05"}\'', "no place for runs with a date of issue of their own"),
    ("0003", "INSERT INTO quarantine VALUES (1, 1, 'a dispute', 'held')", "no place for accounts that a run left out"),
    (
        "0006",
        "INSERT INTO dunning_decisions VALUES (1, 1, 'undone', 'wrong', 'ana', 1, 5, 9)",
        "no place for dunning runs that are undone, or asked to be: 1 of them",
    ),
    (
        "0006",
        "INSERT INTO dunning_policies VALUES (1, 'x', 'h', 'home', '{}', 'ana', 1, 5, 9)",
        "no place for dunning policies of the home",
    ),
    (
        "0021",
        """UPDATE subscription_facts SET kind = 'end', detail = '{"reason":"wrong","taken_back":true}'""",
        "no place for handovers that were taken back",
    ),
    ("0002", "UPDATE suspense SET through_seq = 9", "no place for marks with an end"),
    ("0002", "UPDATE raw_files SET content_sha256 = sha256", "no place for hashes of the records of files"),
]


@pytest.mark.parametrize(("revision", "statement", "told"), REFUSED)
def test_going_back_is_refused_where_something_would_be_lost(place: Place, revision: str, statement: str, told: str) -> None:
    fill_the_first(place)
    place.go_to(SCHEMA_VERSIONS[-1])
    with place.begin() as connection:
        connection.exec_driver_sql(statement)
    before, described = place.rows(), place.described()
    with pytest.raises(UserError, match=told):
        place.go_to(revision)
    assert (place.rows(), place.described()) == (before, described), "nothing is half done"


# What going back drops though something stands there, and why nothing is lost that is billed, owed, posted or found again by it.
HARMLESS = {
    "account_facts.by_name": "who entered the fact, for people",
    "account_facts.by_uid": "who entered the fact, for people",
    "billing_settings.reason": "why a setting was changed, for people; what waits for a second person is refused",
    "credits_left": "worked out anew from payments, invoices and what they settle",
    "dunning_runs": "made anew from the steps of a commit; who took them, for people; undone ones are refused",
    "dunning_steps.policy_hash": "by which policy, for people",
    "index_snapshots": "the index is read from the usage files again",
    "invoice_lines.billed_with": "worked out anew from the documents of the account, by which alarms know their months",
    "payments.by_name": "who recorded the payment, for people",
    "payments.by_uid": "who recorded the payment, for people",
    "raw_files.file_name": "the end of the path; a file is known by its hash",
    "raw_files.rows": "the counts have it",
    "raw_files.taken_us": "the commit has it",
    "suspense.row_sha256": "worked out anew from the bytes that are kept",
    "run_chunks": "what is posted is compared with the ledger, posting by posting",
    "run_drafts": "runs with nothing but a frozen list are refused; the others have their invoices",
    "run_steps": "who did what when, for people; approval, which asks who began, is a setting, and those are refused",
    "settlement_rules": "what was settled by the rule since is refused",
    "settlements": "taken back to allocations and set-offs; what has no place there is refused",
    "subscription_facts": "taken back to ends; what is no end is refused",
    "usage_manifest.partial_rows": "counted anew where it is not known",
}
HARMLESS |= dict.fromkeys(
    (f"commits.{name}" for name in commit_chain.ACTOR), "the rows by which persons act have them; commits of the service are refused"
)
FILLED = {int: 1, str: "x", bytes: b"x"}


def test_whatever_going_back_drops_is_refused_or_harmless(place: Place) -> None:
    """Each table and column that the older schema does not have, with something in it."""
    fill_the_first(place)
    stored = {"0001": _stored(place)}
    for revision in SCHEMA_VERSIONS[1:]:
        place.go_to(revision)
        stored[revision] = _stored(place)
    dropped, lost = set(), []
    for below, revision in reversed(list(itertools.pairwise(SCHEMA_VERSIONS))):
        tables_of_both = stored[revision].keys() & stored[below].keys()
        new = [(table, "") for table in stored[revision] if table not in tables_of_both]
        new += [(table, column) for table in tables_of_both for column in stored[revision][table] - stored[below][table]]
        for table, column in new:
            name = f"{table}.{column}" if column else table
            dropped.add(name)
            if name not in HARMLESS and not _is_refused(place, below, table, column):
                lost.append(name)
        place.go_to(below)
    assert lost == []
    assert dropped >= HARMLESS.keys()


def _stored(place: Place) -> dict[str, set[str]]:
    """The columns of every table."""
    with place.engine.connect() as connection:
        inspector = sa.inspect(connection)
        names = schema.table_names(connection) - {"alembic_version"}
        return {table: {column["name"] for column in inspector.get_columns(table)} for table in names}


def _is_refused(place: Place, revision: str, table: str, column: str) -> bool:
    """Whether the home cannot go back to `revision` with something in the column, or in the table. Leaves it as it was."""
    with place.engine.connect().execution_options(**database.WRITES) as connection, connection.begin() as transaction:
        _fill(connection, table, column)
        try:
            schema.migrate(connection, place.schema, revision)
        except UserError as error:
            return f"cannot go back to schema {revision}" in str(error)
        finally:
            transaction.rollback()
    return False


def _fill(connection: sa.Connection, name: str, column: str) -> None:
    """Put something into a column of a table, or a row into the table; and into the tables that it refers to, where they are empty."""
    table = sa.Table(name, sa.MetaData(), autoload_with=connection)
    if connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one() == 0:
        for key in table.foreign_keys:
            _fill(connection, key.column.table.name, "")
        connection.execute(table.insert().values({each.name: FILLED[each.type.python_type] for each in table.c if not each.nullable}))
    if column:
        connection.execute(table.update().values({column: FILLED[table.c[column].type.python_type]}))


def _statements(connection: sa.Connection) -> list[tuple[str, list[str]]]:
    """The parts of each statement in an order of their own: a column that is added later stands behind the constraints."""
    return [(name, _parts(" ".join(text.replace('"', "").split()))) for _, name, text in connection.exec_driver_sql(STATEMENTS).all()]


def _parts(statement: str) -> list[str]:
    opening, closing = statement.index("("), statement.rindex(")")
    inside = [part.strip() for part in COMMA.split(statement[opening + 1 : closing])]
    return [statement[:opening].strip(), *sorted(inside), statement[closing + 1 :].strip()]
