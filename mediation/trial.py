"""Tries a source on a file, for the person who writes its definition: the first rows before and after, and what was guessed.

A definition is right when the figures are those of the switch, every column that matters is read, and no time is doubtful. The
words for answered calls must mean what they should. Nothing is stored. Columns of Arrow and Parquet are shown without the row before.
"""

from __future__ import annotations

import collections
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from mediation import decode
from mediation.bytes.reader import WINDOW_BYTES, Window
from mediation.formats import registry
from mediation.inspect import Inspection, inspect
from mediation.reasons import EXPLANATIONS, Reason
from mediation.records.rows import watched
from mediation.sources.model import Format
from rating.counted import counted
from rating.model import Service
from rating.schema import OffsetOrigin, ServedKind, UsageFlag

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterator

    import pyarrow as pa

    from mediation.calls.events import Events
    from mediation.decoded import Decoded
    from mediation.formats.kamailio_doubts import KamailioDoubts
    from mediation.records.rows import Block, WatchedBlock
    from mediation.sources.model import Source

WORDS_MAX: Final = 20  # different words of one column that are shown
EXAMPLES_MAX: Final = 5
LOOKED_AT_MAX: Final = 1 << 18  # rows that are looked at for what was guessed; the figures are those of all rows
BEFORE_BYTES_MAX: Final = 2000
_FIRST_MAX: Final = 1000  # rows that are looked at for the first ones
_SHOWN: Final = (
    "served_id",
    "other_e164",
    "other_raw",
    "other_text",
    "third_e164",
    "duration_us",
    "bytes_up",
    "bytes_down",
    "units",
    "record_id",
    "source_seq",
    "call_ref",
    "segment_first",
    "segment_last",
    "rating_group",
    "trunk_in",
    "trunk_out",
    "cause",
)
_KAMAILIO: Final = (Format.KAMAILIO_ACC, Format.KAMAILIO_CDRS)
_GENERAL: Final = (Format.DELIMITED, Format.FIXED_WIDTH)
_DECIDING: Final = {"asterisk": "disposition", "freeswitch": "hangup_cause"}  # columns whose words tell whether a call was answered


class TriedRow(msgspec.Struct, frozen=True):
    """One row as it is in the file, and its outcome: usage by column, or the reason why it is refused."""

    offset: int
    before: str
    after: dict[str, Any]
    refused: str


class Word(msgspec.Struct, frozen=True):
    """A word of the column that says whether a call was answered, and the outcomes of its rows."""

    word: str
    rows: int
    answered: int
    unanswered: int
    refused: int


class Trial(msgspec.Struct, frozen=True):
    """The result of reading a file by a source. Encodes to JSON directly."""

    source: str
    format: str
    timezone: str
    local_time: str
    figures: Inspection
    first_rows: list[TriedRow]
    looked_at: int  # rows that the following says something about
    widths: dict[int, int]  # columns of a row -> rows
    layouts: dict[str, int]  # what is particular about a layout -> rows, where the source has several
    columns_read: list[str]
    columns_unused: list[str]
    times: dict[str, int]  # where the offset of the start comes from -> rows
    served: dict[str, int]  # number, account_code, other -> rows
    other: dict[str, int]  # number, other, nothing -> rows
    no_numbers: list[str]  # destinations that are none, the most frequent ones
    words: list[Word]
    notes: list[str]


def attempt(path: str | Path, source: Source, rows: int, *, progress: Callable[[int, int], None] | None = None) -> Trial:
    """Try `source` on the file at `path` and keep its first `rows` rows."""
    figures = inspect(path, source, progress=progress)
    seen = _Seen(rows)
    if not registry.is_columnar(source.format):
        seen.read(Path(path), source)
    else:
        for part in decode.decode_parts(path, source):
            if seen.rows < LOOKED_AT_MAX:
                seen.count(part, None)
    columns = {name for name in seen.columns if name and not name.startswith("=")}  # = marks columns that are put together
    read = seen.asked | {name for rule in source.fields.values() for name in (rule.column, *rule.more_columns)}
    return Trial(
        source=source.name,
        format=source.format.value,
        timezone=source.timezone,
        local_time=source.local_time.value,
        figures=figures,
        first_rows=seen.first,
        looked_at=seen.rows,
        widths=dict(sorted(seen.widths.items())),
        layouts={layout: rows for layout, rows in seen.layouts.items() if rows} if len(source.layouts) > 1 else {},
        columns_read=sorted(columns & read),
        columns_unused=sorted(columns - read),
        times=dict(seen.times),
        served=dict(seen.served),
        other=dict(seen.other),
        no_numbers=[text for text, _ in seen.no_numbers.most_common(EXAMPLES_MAX)],
        words=seen.words_found(),
        notes=[*figures.notes(), *_doubts(source, seen)],
    )


class _Seen:
    """Counts over the parts of a file."""

    def __init__(self, rows: int) -> None:
        self._first_rows = rows
        self.rows = 0
        self.first: list[TriedRow] = []
        self.widths: collections.Counter[int] = collections.Counter()
        self.layouts: collections.Counter[str] = collections.Counter()
        self.columns: set[str] = set()
        self.asked: set[str] = set()
        self.times: collections.Counter[str] = collections.Counter()
        self.served: collections.Counter[str] = collections.Counter()
        self.other: collections.Counter[str] = collections.Counter()
        self.no_numbers: collections.Counter[str] = collections.Counter()
        self._words: dict[str, collections.Counter[str]] = {}
        self.doubts: KamailioDoubts | None = None
        self.long_unanswered = 0  # rows that were not answered, and have a duration

    def read(self, path: Path, source: Source) -> None:
        """Look at the blocks of a text file."""
        with Window(path, WINDOW_BYTES) as window:
            for block, part, read in _parts(window, source):
                self.widths.update(dict(zip(*(found.tolist() for found in np.unique(block.width, return_counts=True)), strict=True)))
                self._count_layouts(block)
                self.columns.update(name for names in block.columns for name in names)
                self.asked |= block.asked
                self.count(part, block)
                self._count_words(block, part, window.offset, _deciding_column(source))
                self._look_closer(block, part, read, source)
                if self.rows >= LOOKED_AT_MAX:
                    return

    def count(self, part: Decoded, block: Block | None) -> None:
        """Add what became of a part's rows, and keep them while there are few."""
        usage = part.usage
        self.times.update(_names(usage, "offset_origin", OffsetOrigin))
        self.served.update(_names(usage, "served_kind", ServedKind))
        raw = usage.column("other_raw").to_pylist()
        is_number: list[bool] = usage.column("other_e164").is_valid().to_numpy().tolist()
        texts = [text for text, valid in zip(raw, is_number, strict=True) if not valid]
        self.other.update(number=sum(is_number), other=sum(bool(text) for text in texts), nothing=sum(not text for text in texts))
        self.no_numbers.update(text for text in texts if text)
        self.rows += part.rows
        if len(self.first) < self._first_rows:
            self.first += _tried(part, block)[: self._first_rows - len(self.first)]

    def words_found(self) -> list[Word]:
        """The words, the most frequent first."""
        found = [
            Word(word, counts.total(), counts["answered"], counts["unanswered"], counts["refused"]) for word, counts in self._words.items()
        ]
        return sorted(found, key=lambda word: (-word.rows, word.word))[:WORDS_MAX]

    def _look_closer(self, block: Block, part: Decoded, read: Events, source: Source) -> None:
        if source.format in _KAMAILIO:
            from mediation.formats.kamailio_doubts import KamailioDoubts  # noqa: PLC0415 - for its tables alone

            self.doubts = self.doubts or KamailioDoubts(source)
            self.doubts.add(block, read)
        elif source.format in _GENERAL:
            durations: Any = part.usage.column("duration_us")
            is_long = durations.fill_null(0).to_numpy() > 0
            self.long_unanswered += int((is_long & (part.usage.column("flags").to_numpy() & UsageFlag.UNANSWERED != 0)).sum())

    def _count_layouts(self, block: Block) -> None:
        shared = set.intersection(*(set(names) for names in block.columns)) if block.columns else set()
        for layout, names in enumerate(block.columns):
            own = " ".join(name for name in names if name not in shared)
            self.layouts[f"{counted(len(names), 'column')}{' with ' if own else ''}{own}"] += int((block.layout == layout).sum())

    def _count_words(self, block: Block, part: Decoded, offset: int, column: str) -> None:
        if not block.has(column):
            return
        spans = block.spans(column)
        outcome = dict.fromkeys((block.begin + offset).tolist(), "refused")
        places, flags = (part.usage.column(name).to_numpy().tolist() for name in ("raw_offset", "flags"))
        for place, flag in zip(places, flags, strict=True):
            outcome[place] = "unanswered" if flag & UsageFlag.UNANSWERED else "answered"
        limits = zip(spans.begin.tolist(), spans.end.tolist(), (block.begin + offset).tolist(), strict=True)
        for begin, end, place in limits:
            word = block.data[begin:end].tobytes().decode(errors="replace")
            if word in self._words or len(self._words) < WORDS_MAX * 10:
                self._words.setdefault(word, collections.Counter())[outcome[place]] += 1


def _parts(window: Window, source: Source) -> Iterator[tuple[WatchedBlock, Decoded, Events]]:
    """Blocks with what they say; each has to be used up before the next one."""
    format_ = registry.decoder(source.format)
    for block in format_.blocks(window, source):
        seen = watched(block)
        read = decode.read_block(seen, source)
        yield seen, decode.part_of(source, seen, read, window.offset, decode.DEFAULT_HASH_KEY), read


def _deciding_column(source: Source) -> str:
    """The column whose words say whether a call was answered; empty: there is none."""
    rule = source.fields.get("answered")
    return rule.column if rule is not None else _DECIDING.get(source.format.value, "")


def _names(usage: pa.Table, column: str, kind: Any) -> dict[str, int]:  # noqa: ANN401 - an enumeration's class
    codes, counts = np.unique(usage.column(column).to_numpy(), return_counts=True)
    return {kind(code).name.lower(): count for code, count in zip(codes.tolist(), counts.tolist(), strict=True)}


def _tried(part: Decoded, block: Block | None) -> list[TriedRow]:
    """The part's rows in the order of the file."""
    found = [
        TriedRow(reject.offset, _shown(reject.raw), {}, f"{reject.reason}: {EXPLANATIONS[Reason(reject.reason)]}")
        for reject in part.rejects
    ]
    raws = {} if block is None else _raws(block, part)
    good = part.usage.slice(0, _FIRST_MAX).to_pylist()
    found += [TriedRow(row["raw_offset"], _shown(raws.get(row["raw_offset"], b"")), _after(row), "") for row in good]
    return sorted(found, key=lambda row: row.offset)


def _raws(block: Block, part: Decoded) -> dict[int, bytes]:
    """The bytes of the part's good rows, by their place in the stream."""
    rows = np.flatnonzero(block.code == 0)[:_FIRST_MAX]
    places = part.usage.column("raw_offset").to_numpy().tolist()
    limits = zip(block.begin[rows].tolist(), block.end[rows].tolist(), strict=True)
    return {place: block.raw_data[begin:end].tobytes() for place, (begin, end) in zip(places, limits, strict=False)}


def _shown(raw: bytes) -> str:
    return raw[:BEFORE_BYTES_MAX].decode(errors="backslashreplace")


def _after(row: dict[str, Any]) -> dict[str, Any]:
    """The columns of usage that say something, in words."""
    start: dt.datetime = row["start_us"]
    flags = [flag.name.lower() for flag in UsageFlag if row["flags"] & flag and flag.name]
    shown = {
        "service": Service(row["service"]).name.lower(),
        "start": start.isoformat().replace("+00:00", "Z"),
        "served_kind": ServedKind(row["served_kind"]).name.lower(),
        **{name: row[name] for name in _SHOWN},
        "flags": " ".join(flags),
    }
    return {name: value for name, value in shown.items() if value not in {None, ""}}


def _doubts(source: Source, seen: _Seen) -> list[str]:
    """Sentences about what may be wrong with the definition."""
    notes = []
    if seen.times["source_zone"] and source.timezone == "UTC":
        times = counted(seen.times["source_zone"], "time carries no offset and is", "times carry no offset and are")
        notes.append(f"{times} read as UTC; set `timezone` if the switch writes local time")
    if seen.times["guessed"]:
        times = counted(seen.times["guessed"], "local time happened twice or never and was", "local times happened twice or never and were")
        notes.append(f"{times} guessed ({source.local_time.value})")
    if seen.other["number"] == 0 and seen.other["other"]:
        notes.append("no destination is a number; check `numbering`, and that the column is the right one")
    if seen.served["e164"] == 0 and seen.served.total():
        notes.append("no row is paid by a number; subscriptions have to be known by account code or by the name that the switch writes")
    if len(seen.widths) > 1 and len(source.layouts) == 1:
        notes.append(f"rows have {', '.join(map(str, sorted(seen.widths)))} columns; the definition has {source.widths[0]}")
    always = [word for word, counts in seen._words.items() if counts["answered"] and counts["unanswered"]]  # noqa: SLF001 - one module
    if always:
        notes.append(f"{', '.join(sorted(always)[:EXAMPLES_MAX])} are in answered and unanswered rows alike")
    if seen.long_unanswered:
        notes.append(
            f"{counted(seen.long_unanswered, 'row was', 'rows were')} not answered, by `answered`, with a duration, which is not billed; "
            "is that right?"
        )
    return [*notes, *(seen.doubts.notes() if seen.doubts is not None else [])]
