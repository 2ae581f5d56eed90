"""Rows that could not be read, decoded once more from the bytes that were kept, by the definition that their source has now.

Legs of one call that come back together are judged together, as they would have been in their file. Files whose header names the columns
are asked for it again.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from billing.suspense import raw
from billing.suspense.waiting import stored_rows
from mediation.calls import grouped_legs
from mediation.decode import decode, decode_rows
from mediation.formats import registry
from mediation.reasons import Reason
from mediation.sources.model import BUILT_IN, Format, LocalTime
from mediation.usage import with_absorbed
from rating.errors import UserError
from rating.schema import KEY, USAGE_V1, UsageFlag

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from billing.store.home import Home
    from billing.suspense.rule import Rule
    from mediation.sources.model import Source

CUCM_HEADER_LINES: Final = 1  # the names of the columns; their types may be missing
_PLACE: Final = ("raw_file_id", "raw_offset", "raw_length")


class Read(NamedTuple):
    """Result of reading n rows. `usage`: the `good` ones (places among the n, ascending), as they would be stored; `why`: of the others."""

    usage: pa.Table
    good: list[int]
    why: list[str]


def definition_of(name: str, known: Mapping[str, Source]) -> Source:
    """The definition of a source. Raises UserError when none is given."""
    source = known.get(name) or BUILT_IN.get(name)
    if source is None:
        raise UserError(
            f"rows of source {name} have to be read again, and its definition is not known here",
            "name the YAML file that defines it, or the folder it lies in, with --definition; or choose other rows by --reason",
            exit_status=2,
        )
    return source


def read_again(home: Home, rows: pa.Table, source: Source, rule: Rule | None) -> Read:
    """Rows of the table suspense (`waiting.WAITING`) of one source; where the rule has a zone, their local times are read in it."""
    source = _read_by(source, rule)
    raws = raw.all_of(home, rows)
    why = [each.without_folders().problem for each in raws]
    events: dict[int, _Again] = {}
    file_ids: list[Any] = rows["raw_file_id"].to_pylist()
    lines = _header_lines(source)
    for raw_file_id in sorted(set(file_ids)) if lines else [None]:
        mine = [row for row, each in enumerate(raws) if each.data is not None and raw_file_id in {None, file_ids[row]}]
        header = raw.header_of(home, raw_file_id, lines) if raw_file_id is not None else b""
        if header is None:
            why = [text or "the header of its file, which names the columns, is not at hand" for text in why]
        else:
            events |= _decode(home, source, header, {row: raws[row].data or b"" for row in mine})
    usage_of = _shared_out(home, rows, events, why)
    good = sorted(usage_of)
    table = pa.concat_tables([USAGE_V1.empty_table(), *(usage_of[row] for row in good)])
    usage = _at_place(table, rows.take(pa.array(good, pa.int64())))
    told = ["" if row in usage_of else text or "its bytes are not a record of this source any more" for row, text in enumerate(why)]
    return Read(_judged(home, usage, [raws[row].data or b"" for row in good], source), good, told)


class _Again(NamedTuple):
    """Result of decoding the bytes of one row: a record may hold several events, such as the containers of one request."""

    data: bytes
    usage: list[pa.Table]
    problems: list[str]


def _decode(home: Home, source: Source, header: bytes, data: Mapping[int, bytes]) -> dict[int, _Again]:
    """Each row's bytes, decoded."""
    order = list(data)
    again = {row: _Again(text, [], []) for row, text in data.items()}
    decoded = decode_rows(list(data.values()), source, header=header, hash_key=home.hash_key)
    for reject in decoded.rejects:
        again[order[reject.offset]].problems.append(f"it still cannot be read: {reject.reason}")
    offsets: list[int] = decoded.usage["raw_offset"].to_numpy().tolist()
    for number, offset in enumerate(offsets):
        again[order[offset]].usage.append(decoded.usage.slice(number, 1))
    return again


def _shared_out(home: Home, rows: pa.Table, events: Mapping[int, _Again], why: list[str]) -> dict[int, pa.Table]:
    """The event of each row. Rows of one record share out those of its events that are not stored yet; `why` gets what is left without."""
    records: dict[tuple[Any, ...], list[int]] = {}
    places = zip(*(rows[name].to_pylist() for name in ("raw_file_id", "raw_offset", "reason")), strict=True)
    for row, (file_id, offset, reason) in enumerate(places):
        if reason == Reason.ROW_TOO_LONG:
            why[row] = "it is a piece of a longer row, and no record"
        elif row in events:
            records.setdefault((file_id, offset, events[row].data), []).append(row)
    known = _known(home, [events[mine[0]] for mine in records.values()])
    usage_of: dict[int, pa.Table] = {}
    for mine in records.values():
        usage, problems = events[mine[0]].usage, events[mine[0]].problems
        if len(usage) + len(problems) > 1:
            usage = [each for each in usage if each["event_key"][0].as_py() not in known]
        usage_of |= dict(zip(mine, usage, strict=False))
        for row in mine[len(usage) :]:
            why[row] = problems[0] if problems else "the events of its record are stored already"
    return usage_of


def _known(home: Home, records: Sequence[_Again]) -> frozenset[bytes]:
    """Keys of stored events, among those of records that hold several."""
    several = [each for record in records if len(record.usage) + len(record.problems) > 1 for each in record.usage]
    if not several:
        return frozenset()
    with home.connect() as connection:
        seq = home.head_seq(connection)
    keys = pa.array([each["event_key"][0].as_py() for each in several], KEY)
    stored: list[Any] = stored_rows(home, seq, keys, ("event_key",))["event_key"].to_pylist()
    return frozenset(stored)


def _read_by(source: Source, rule: Rule | None) -> Source:
    """The definition with the rule's zone, so that a time that made no sense in the old one can be read."""
    if rule is None or rule.time is None:
        return source
    local_time = LocalTime(rule.time.doubtful or (LocalTime.EARLIER if rule.time.offset else source.local_time))
    return msgspec.structs.replace(source, timezone=rule.time.zone or source.timezone, local_time=local_time)


def _header_lines(source: Source) -> int:
    """Number of lines of its file that a row needs before it can be read; 0 where the columns are known without."""
    if source.format is Format.CISCO_CUCM:
        return CUCM_HEADER_LINES
    return max(source.header_lines, 1) if source.dialect.names_in_header else 0


def _at_place(usage: pa.Table, rows: pa.Table) -> pa.Table:
    """The rows with the place at which they came first."""
    for name in _PLACE:
        field = USAGE_V1.field(name)
        column: Any = rows[name].cast(field.type)
        usage = usage.set_column(usage.schema.get_field_index(name), field, column)
    return usage


def _judged(home: Home, usage: pa.Table, raws: Sequence[bytes], source: Source) -> pa.Table:
    """The rows, legs that others of them bill flagged as absorbed. They are read as one file, for that is where legs are looked for."""
    has_legs = grouped_legs.is_ruled(source.legs) or registry.answered_legs(source.format) is not None
    if usage.num_rows < 2 or not has_legs or _header_lines(source):  # noqa: PLR2004 -- a leg alone
        return usage
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows"
        path.write_bytes(b"\n".join(raws) + b"\n")
        together = decode(path, msgspec.structs.replace(source, header_lines=0), hash_key=home.hash_key).usage
    flags = together["flags"].to_numpy()
    absorbed = {key for key, flag in zip(together["event_key"].to_pylist(), flags.tolist(), strict=True) if flag & UsageFlag.ABSORBED}
    return with_absorbed(usage, np.array([key in absorbed for key in usage["event_key"].to_pylist()], np.bool_))
