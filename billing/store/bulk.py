"""Many rows into and out of the database as columns: what a run over a million accounts uses.

On PostgreSQL both ways are a binary COPY inside the open transaction, on SQLite one prepared statement. Types follow the table:
int64, text and blobs; anything else, a float above all, is a mistake of ours and refused.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

import msgspec
import numpy as np
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.sql import visitors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

Column: TypeAlias = "NDArray[Any] | pa.Array[Any] | pa.ChunkedArray[Any] | Sequence[Any]"  # one value a row; None or null where nullable

ROWS_AT_ONCE: Final = 50_000  # how many rows are Python's objects at a time
KEYS_AT_ONCE: Final = 200_000  # a span of keys that SQLite gives out at a time


def insert(connection: sa.Connection, table: sa.Table, columns: Mapping[str, Column]) -> int:
    """Insert rows given as columns of one length, named as in `table`; returns how many.

    A column that is not given takes the database's default: null, or the next key. Text and blobs may be dictionary encoded.
    """
    assert columns, "no columns"
    lengths = {name: len(values) for name, values in columns.items()}
    assert len(set(lengths.values())) == 1, f"{table.name}: columns of different length: {lengths}"
    rows = next(iter(lengths.values()))
    if rows == 0:
        return 0
    if connection.dialect.name == "postgresql":
        from billing.store.postgres import binary_copy  # noqa: PLC0415 -- its kernels take time to load and SQLite needs none

        columns = _with_keys(connection, table, columns, rows)
        arrays = [_for_copy(_arrow(table.c[name], values)) for name, values in columns.items()]
        _copy_in(connection, table, list(columns), binary_copy.written(arrays))
    else:
        _insert_prepared(connection, table, {name: _arrow(table.c[name], values) for name, values in columns.items()})
    return rows


def read(connection: sa.Connection, query: sa.Select[Any]) -> pa.Table:
    """All rows of `query` as columns: integers int64, text string, blobs binary, named as in the query.

    Its parameters become literals; sums are to be cast to int64.
    """
    found = list(batches(connection, query))
    return pa.concat_tables(found) if found else _schema(query).empty_table()


def read_by(connection: sa.Connection, query: sa.Select[Any], key: sa.Column[int], between: sa.Select[Any] | None = None) -> pa.Table:
    """As `read`, for plain queries of whole numbers and text over many rows of a table whose key is `key`; rows come in no order.

    A plain query has conditions and joins, and a result for each row.

    SQLite gives out an object a value, which costs more than finding it. So it is asked for a span of keys after another, and for each
    column of a span as one text in JSON: less than half the time. `between`: a quicker query for the least and the greatest key that count.
    """
    if connection.dialect.name == "postgresql":
        return read(connection, query)
    schema = _schema(query)
    first, last = connection.exec_driver_sql(f"SELECT min({key.name}), max({key.name}) FROM {key.table.name}").one()  # noqa: S608 -- our own
    if first is not None and last - first >= KEYS_AT_ONCE:  # too many for one go, unless few of them count
        bounds = query.with_only_columns(sa.func.min(key), sa.func.max(key)) if between is None else between
        first, last = connection.execute(bounds).one()
    starts = range(first, last + 1, KEYS_AT_ONCE) if first is not None else ()
    if len(starts) < 2:  # noqa: PLR2004 -- a thread would find nothing to do beside
        found = [_of_texts(_texts(connection, query, key, start), schema) for start in starts]
        return pa.concat_tables([schema.empty_table(), *found])
    with ThreadPoolExecutor(1) as beside:  # texts are taken apart while the database writes the next ones
        parts = [beside.submit(_of_texts, _texts(connection, query, key, start), schema) for start in starts]
        return pa.concat_tables([schema.empty_table(), *(part.result() for part in parts)])


def _texts(connection: sa.Connection, query: sa.Select[Any], key: sa.Column[int], start: int) -> tuple[str, ...]:
    """Texts in JSON, one a column, of a span of keys."""
    columns = [column.element if isinstance(column, sa.Label) else column for column in query.selected_columns]
    texts = query.with_only_columns(*map(sa.func.json_group_array, columns), maintain_column_froms=True)
    return tuple(connection.execute(texts.where(key.between(start, start + KEYS_AT_ONCE - 1))).one())


def batches(connection: sa.Connection, query: sa.Select[Any]) -> Iterator[pa.Table]:
    """As `read`, some rows at a time, so that memory stays small. Nothing else may use the connection until the last one came."""
    schema = _schema(query)
    return _copy_out(connection, query, schema) if connection.dialect.name == "postgresql" else _fetched(connection, query, schema)


def _schema(query: sa.Select[Any]) -> pa.Schema:
    return pa.schema([(name, _arrow_type(column.type)) for name, column in query.selected_columns.items()])


def _arrow_type(type_: sa.types.TypeEngine[Any]) -> pa.DataType:
    if isinstance(type_, sa.Integer):
        return pa.int64()
    if isinstance(type_, sa.String):
        return pa.string()
    assert isinstance(type_, sa.LargeBinary), f"no column type of the store: {type_!r}"
    return pa.binary()


def _arrow(column: sa.Column[Any], values: Column) -> pa.Array[Any]:
    """The values as an array of the column's type, or as a dictionary of it."""
    wanted = _arrow_type(column.type)
    made = _array(values)
    given = made.type.value_type if pa.types.is_dictionary(made.type) else made.type
    fits = {
        pa.int64(): pa.types.is_integer(given) or pa.types.is_boolean(given),
        pa.string(): pa.types.is_string(given) or pa.types.is_large_string(given) or pa.types.is_string_view(given),
        pa.binary(): pa.types.is_binary(given) or pa.types.is_large_binary(given) or pa.types.is_fixed_size_binary(given),
    }
    assert fits[wanted] or pa.types.is_null(given), f"{column}: {given} where {wanted} belongs"
    assert column.nullable or made.null_count == 0, f"{column}: null where none may be"
    if pa.types.is_dictionary(made.type):
        return made if wanted != pa.int64() else made.cast(wanted)
    return made if made.type == wanted else made.cast(wanted)


def _array(values: Column) -> pa.Array[Any]:
    if isinstance(values, pa.ChunkedArray):
        combined = values.combine_chunks()
        return combined if isinstance(combined, pa.Array) else pa.concat_arrays(combined.chunks)
    if isinstance(values, pa.Array):
        return values
    return pa.array(values)


# --- PostgreSQL ---


def _for_copy(values: pa.Array[Any]) -> pa.Array[Any]:
    if isinstance(values, pa.DictionaryArray):
        values = values.dictionary_decode()
    return values if pa.types.is_integer(values.type) else values.cast(pa.large_binary())


def _with_keys(connection: sa.Connection, table: sa.Table, columns: Mapping[str, Column], rows: int) -> Mapping[str, Column]:
    """The next keys, where none are given: the database would look for each one."""
    key = table.autoincrement_column
    if key is None or key.name in columns:
        return columns
    first = 1 + int(connection.execute(sa.select(sa.func.coalesce(sa.func.max(key), 0))).scalar_one())
    return {**columns, key.name: np.arange(first, first + rows)}


def _copy_in(connection: sa.Connection, table: sa.Table, names: list[str], pieces: Iterator[memoryview]) -> None:
    from billing.store import postgres  # noqa: PLC0415 -- as above
    from billing.store.postgres import binary_copy  # noqa: PLC0415 -- as above

    quote = connection.dialect.identifier_preparer.quote
    statement = f"COPY {quote(table.name)} ({', '.join(map(quote, names))}) FROM STDIN (FORMAT BINARY)"
    with postgres.explained(connection, statement) as driver, driver.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(binary_copy.HEADER)
        for piece in pieces:
            copy.write(piece)
        copy.write(binary_copy.TRAILER)


def _copy_out(connection: sa.Connection, query: sa.Select[Any], schema: pa.Schema) -> Iterator[pa.Table]:
    import psycopg  # noqa: PLC0415 -- as above

    from billing.store import postgres  # noqa: PLC0415 -- as above
    from billing.store.postgres import binary_copy  # noqa: PLC0415 -- as above

    compiled = query.compile(connection, compile_kwargs={"render_postcompile": True})
    with postgres.explained(connection, str(compiled)) as driver:
        # COPY takes no parameters. A negative number is written as text: -1::bigint is -(1::bigint), which fails for the least one.
        values = {name: str(value) if isinstance(value, int) and value < 0 else value for name, value in compiled.params.items()}
        text = psycopg.ClientCursor(driver).mogrify(str(compiled), values)
        yield from binary_copy.tables(driver.pgconn, f"COPY ({text}) TO STDOUT (FORMAT BINARY)".encode(), schema)


# --- SQLite ---


def _insert_prepared(connection: sa.Connection, table: sa.Table, arrays: Mapping[str, pa.Array[Any]]) -> None:
    quote = connection.dialect.identifier_preparer.quote
    marks = ", ".join("?" * len(arrays))
    statement = f"INSERT INTO {quote(table.name)} ({', '.join(map(quote, arrays))}) VALUES ({marks})"  # noqa: S608 -- names of our own
    rows = len(next(iter(arrays.values())))
    for first in range(0, rows, ROWS_AT_ONCE):
        values = [_objects(array.slice(first, ROWS_AT_ONCE)) for array in arrays.values()]
        connection.exec_driver_sql(statement, list(zip(*values, strict=True)))


def _objects(values: pa.Array[Any]) -> list[Any]:
    """Python's objects, those of a dictionary shared."""
    if isinstance(values, pa.DictionaryArray):
        distinct: NDArray[Any] = np.array([*values.dictionary.to_pylist(), None], object)
        indices = values.indices.cast(pa.int64()).fill_null(len(values.dictionary))
        return cast("list[Any]", distinct[indices.to_numpy(zero_copy_only=False)].tolist())
    if values.null_count:
        made: NDArray[Any] = np.full(len(values), None, object)
        made[values.is_valid().to_numpy(zero_copy_only=False)] = _objects(values.drop_null())
        return cast("list[Any]", made.tolist())
    return cast("list[Any]", values.to_numpy(zero_copy_only=False).tolist())


def _fetched(connection: sa.Connection, query: sa.Select[Any], schema: pa.Schema) -> Iterator[pa.Table]:
    holds_many = any(_inlined(element) is not None for element in visitors.iterate(query))
    result = connection.execute(cast("sa.Select[Any]", visitors.replacement_traverse(query, {}, _inlined)) if holds_many else query)
    cursor = result.cursor
    assert cursor is not None
    while rows := cursor.fetchmany(ROWS_AT_ONCE):
        columns = zip(*rows, strict=True)
        yield pa.table([pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)], schema=schema)


def _of_texts(texts: Sequence[str], schema: pa.Schema) -> pa.Table:
    return pa.table([_from_json(text, field.type) for text, field in zip(texts, schema, strict=True)], schema=schema)


def _from_json(text: str, kind: pa.DataType) -> pa.Array[Any]:
    """A JSON array of whole numbers, or of text. Digits alone are read without an object each."""
    if kind == pa.int64() and "n" not in text and len(text) > len("[]"):
        return pa.array(np.fromstring(text[1:-1], np.int64, sep=","))
    assert kind in {pa.int64(), pa.string()}, f"no column for JSON: {kind}"
    return pa.array(msgspec.json.decode(text), kind)


def _inlined(element: object, **_: object) -> sa.ClauseElement | None:
    """The integers of an IN as literals: SQLite takes 32,766 parameters and no more."""
    if isinstance(element, sa.BindParameter) and element.expanding and isinstance(element.type, sa.Integer):
        return element.render_literal_execute()
    return None
