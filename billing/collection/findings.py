"""Findings about the collected files: missing or wrong files, worked out from the table each time, and never stored.

    missing:SOURCE:17            a number that never came, though numbers above and below it did
    missing:SOURCE:STREAM:17..19 several, in one stream of the source
    rejected:12                  a file that was taken in no part: row 12 of collected_files
    twice:sbc-acc:sbc-cdrs       two sources that tell the same calls, as the two tables of one switch: each call bills twice

A missing number is found no more once its file comes. A rejected file is found no more once its content is taken (it was moved back after
the definition was mended), or the one file of its name (it was fetched again). A name that switches use again and again is no evidence.
A person may also waive a finding by name: it stays known, with who and why, and no longer blocks a bill run. A waiver of
17..19 holds for what is left of it when 18 comes.

`from_us` is the earliest instant that records behind a finding may have: the first day of the files beside a gap, 0 where it is
unknown. Numbers in names of findings are counted on over wraps; texts show them as the switch writes them.
"""

from __future__ import annotations

import collections
import datetime as dt
import re
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
import sqlalchemy as sa

from billing.collection import sequences, stored
from billing.store import commit_points
from billing.store.tables import collected_files, finding_waivers, intake_counts, raw_files
from rating.dates import utc_midnight_us
from rating.errors import NotFoundError, UserError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from billing.catalogue import Operator
    from billing.store.home import Home

MISSING: Final = "missing"
REJECTED: Final = "rejected"
TWICE: Final = "twice"
UNKNOWN_US: Final = 0  # as `from_us`: records behind a finding may be of any time
REASON_CHARACTERS_MAX: Final = 1000
_DIGITS: Final = re.compile(r"([0-9]+)")


class Finding(msgspec.Struct, frozen=True):
    """Something that has to be mended or waived. `waived_by` and `waived_because` are empty while it is open."""

    name: str
    kind: str
    source: str
    text: str
    remedy: str
    from_us: int
    found_us: int
    waived_by: str = ""
    waived_because: str = ""

    @property
    def is_open(self) -> bool:
        """True if it blocks bill runs."""
        return not self.waived_by


class _Row(NamedTuple):
    """Columns of a collected file that findings need."""

    collected_id: int
    file_name: str
    source: str
    state: str
    raw_file_id: int | None
    stream: str
    number: int | None
    done_us: int
    reason: str
    details: str


class _Waiver(NamedTuple):
    finding: str
    by_name: str
    reason: str


def by_name(found: Finding) -> list[str | int]:
    """The place of a finding in a list: by its name, numbers in it as numbers."""
    return [int(part) if place % 2 else part for place, part in enumerate(_DIGITS.split(found.name))]


def findings(connection: sa.Connection) -> list[Finding]:
    """Every finding, open and waived: missing files by source and number, rejected ones, oldest first, sources that tell the same calls."""
    rows = _rows(connection)
    waivers = _waivers(connection)
    found = [*_missing(connection, rows), *_rejected(connection, rows), *_twice(connection, rows)]
    return [_with_waiver(each, waivers) for each in found]


def open_findings(connection: sa.Connection) -> list[Finding]:
    """Findings that block bill runs."""
    return [each for each in findings(connection) if each.is_open]


def waive(home: Home, name: str, reason: str, by: Operator, now_us: int, *, dry_run: bool = False) -> Finding:  # noqa: PLR0913 -- which, why, by whom
    """Accept an open finding by its name, for good. Raises UserError without a reason, or where no finding of that name is open.

    With `dry_run` nothing is stored.
    """
    text = " ".join(reason.split())
    if not text or len(text) > REASON_CHARACTERS_MAX:
        raise UserError(
            "a finding is waived for a reason that others can check", f"say why with --reason, in up to {REASON_CHARACTERS_MAX} characters"
        )
    with home.begin(dry_run=dry_run) as connection:
        known = {each.name: each for each in findings(connection)}
        if name not in known:
            raise NotFoundError(f"there is no finding {name!r}", "`ratewright usage findings` shows their names")
        if not known[name].is_open:
            raise UserError(f"{name} is waived already, by {known[name].waived_by}", "nothing is left to do")
        values = {"finding": name, "reason": text, "by_name": by.name, "by_uid": by.uid, "at_us": now_us}
        seq = home.next_commit_seq(connection, "waiver", now_us)
        connection.execute(finding_waivers.insert(), {**values, "commit_seq": seq})
        if not dry_run:
            commit_points.reached("waiver.before_commit")
    if not dry_run:
        commit_points.reached("waiver.committed")
    return msgspec.structs.replace(known[name], waived_by=by.name, waived_because=text)


def _rows(connection: sa.Connection) -> list[_Row]:
    row = collected_files.c
    columns = (
        row.collected_id,
        row.file_name,
        row.source,
        row.state,
        row.raw_file_id,
        row.sequence_stream,
        row.sequence_number,
        row.done_us,
        row.reason,
        row.control_totals,
    )
    return [_Row._make(each) for each in connection.execute(sa.select(*columns).order_by(row.collected_id))]


def _waivers(connection: sa.Connection) -> list[_Waiver]:
    row = finding_waivers.c
    return [_Waiver(*each) for each in connection.execute(sa.select(row.finding, row.by_name, row.reason).order_by(row.waiver_id))]


def _missing(connection: sa.Connection, rows: Sequence[_Row]) -> Iterator[Finding]:
    streams: dict[tuple[str, str], list[_Row]] = {}
    for row in rows:
        if row.number is not None:
            streams.setdefault((row.source, row.stream), []).append(row)
    for (source, stream), numbered in sorted(streams.items()):
        for gap in sequences.gaps([row.number or 0 for row in numbered]):
            yield _missing_files(connection, source, stream, gap, (numbered[gap.below], numbered[gap.above]))


def _missing_files(connection: sa.Connection, source: str, stream: str, gap: sequences.Gap, beside: tuple[_Row, _Row]) -> Finding:
    below, above = beside
    counts = msgspec.json.decode(above.details, type=stored.Details)
    written = [str(sequences.as_written(value, counts.first, counts.round)) for value in (gap.first, gap.last)]
    is_one = gap.first == gap.last
    which = f"file {written[0]} is" if is_one else f"files {written[0]} to {written[1]} ({gap.last - gap.first + 1:,}) are"
    of_stream = f" in stream {stream}" if stream else ""
    return Finding(
        name=_missing_name(source, stream, gap.first, gap.last),
        kind=MISSING,
        source=source,
        text=f"{which} missing{of_stream} between {below.file_name} and {above.file_name}",
        remedy="fetch it from the switch and put it into the watched folder" if is_one else "fetch them from the switch",
        from_us=_first_day_us(connection, [row.raw_file_id for row in beside]),
        found_us=max(below.done_us, above.done_us),
    )


def _missing_name(source: str, stream: str, first: int, last: int) -> str:
    numbers = f"{first}" if first == last else f"{first}..{last}"
    return ":".join((MISSING, source, *((stream,) if stream else ()), numbers))


def _first_day_us(connection: sa.Connection, raw_file_ids: Sequence[int | None]) -> int:
    """The beginning of the first UTC day with records of any of these files; UNKNOWN_US where one has none that are known."""
    row = intake_counts.c
    days = []
    for raw_file_id in raw_file_ids:
        query = sa.select(sa.func.min(row.day)).where(row.raw_file_id == raw_file_id, row.day != "")
        day = connection.execute(query).scalar_one() if raw_file_id is not None else None
        if day is None:
            return UNKNOWN_US
        days.append(utc_midnight_us(dt.date.fromisoformat(day)))
    return min(days)


def _rejected(connection: sa.Connection, rows: Sequence[_Row]) -> Iterator[Finding]:
    """Rejected files that nothing has made good since. Of several of one content the newest counts."""
    rejected = [(row, msgspec.json.decode(row.details, type=stored.Details)) for row in rows if row.state == stored.REJECTED]
    if not rejected:
        return
    taken_at = _taken_at(connection, rows)
    newest = {_identity(row, details): row.collected_id for row, details in rejected}
    for row, details in rejected:
        after = max(taken_at.get(details.sha256, 0), taken_at.get(row.file_name, 0))
        if newest[_identity(row, details)] == row.collected_id and after < row.collected_id:
            yield Finding(
                name=f"{REJECTED}:{row.collected_id}",
                kind=REJECTED,
                source=row.source,
                text=f"{row.file_name} was rejected: {row.reason}",
                remedy=details.remedy,
                from_us=UNKNOWN_US,
                found_us=row.done_us,
            )


def _twice(connection: sa.Connection, rows: Sequence[_Row]) -> Iterator[Finding]:
    """Pairs of sources with files that told the same calls; each pair once, for any number of files."""
    told: dict[tuple[str, str], list[_Row]] = {}
    for row in rows:
        for other in msgspec.json.decode(row.details, type=stored.Details).twice if row.details else ():
            told.setdefault((min(row.source, other), max(row.source, other)), []).append(row)
    for (first, second), files in sorted(told.items()):
        yield Finding(
            name=f"{TWICE}:{first}:{second}",
            kind=TWICE,
            source=first,
            text=f"{first} and {second} hold the same calls, first seen in {files[0].file_name}: each call bills twice",
            remedy="collect one of the two, and give up what came of the other; waive it then, or where they are of different switches",
            from_us=min(_first_day_us(connection, [row.raw_file_id]) for row in files),
            found_us=max(row.done_us for row in files),
        )


def _identity(row: _Row, details: stored.Details) -> str:
    return details.sha256 or row.file_name


def _taken_at(connection: sa.Connection, rows: Sequence[_Row]) -> Mapping[str, int]:
    """Row of collected_files by content and by name of what was taken. Names that were taken more than once name nothing in particular."""
    raw, row = raw_files.c, collected_files.c
    query = sa.select(row.collected_id, raw.sha256).join(raw_files, raw.raw_file_id == row.raw_file_id).where(row.state == stored.TAKEN)
    by_content = {sha256.hex(): collected_id for collected_id, sha256 in connection.execute(query)}
    taken = [each for each in rows if each.state == stored.TAKEN]
    times = collections.Counter(each.file_name for each in taken)
    by_name = {each.file_name: each.collected_id for each in taken if times[each.file_name] == 1}
    return by_name | by_content


def _with_waiver(finding: Finding, waivers: Sequence[_Waiver]) -> Finding:
    for waiver in waivers:
        if _covers(waiver.finding, finding.name):
            return msgspec.structs.replace(finding, waived_by=waiver.by_name, waived_because=waiver.reason)
    return finding


def _covers(waived: str, name: str) -> bool:
    """Return whether what was waived holds for `name`: the same, or more numbers of the same stream."""
    if waived == name:
        return True
    if not waived.startswith(f"{MISSING}:") or not name.startswith(f"{MISSING}:"):
        return False
    waived_stream, waived_range = _range(waived)
    stream, numbers = _range(name)
    if waived_stream != stream:
        return False
    return waived_range[0] <= numbers[0] and numbers[1] <= waived_range[1]


def _range(name: str) -> tuple[str, tuple[int, int]]:
    """Stream and numbers of a finding's name; of `rejected:12` it is 12 alone."""
    stream, _, numbers = name.rpartition(":")
    first, _, last = numbers.partition("..")
    return stream, (int(first), int(last or first))
