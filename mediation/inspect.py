"""Inspection of a usage file, without storing anything: counts that add up, answered time, first and last start.

rows = accepted + absorbed + waiting + duplicate + conflicting + all rejected; accepted = answered + unanswered. Of equal copies of a
record one is accepted and the rest are duplicates; of a key with several contents no version is accepted. `waiting` are segments of
calls or sessions that are put together with others, perhaps of other files. No figure depends on the order of the file's rows.
"""

from __future__ import annotations

import collections
import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pyarrow as pa

from mediation.bytes.reader import shown
from mediation.decode import decode_parts
from mediation.known_records.duplicates import Verdict, as_pairs, sort_out
from mediation.reasons import EXPLANATIONS, Reason
from rating.counted import counted
from rating.dates import instant_of, utc_time
from rating.schema import UsageFlag

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from mediation.decoded import Decoded
    from mediation.sources.model import Source


class Inspection(msgspec.Struct, frozen=True):
    """Figures of one file. Encodes to JSON directly."""

    file: str
    source: str
    rows: int
    accepted: int
    answered: int  # a message that was sent, or data that flowed, counts as answered
    unanswered: int
    duplicate: int
    conflicting: int
    absorbed: int
    waiting: int
    rejected: dict[str, int]  # reason -> rows
    answered_duration_us: int  # of accepted answered rows
    bytes: int  # up and down, of accepted rows
    units: int  # messages and events, of accepted rows
    first: str | None  # chargeable start of accepted rows, ISO 8601 in UTC
    last: str | None

    @property
    def first_us(self) -> int | None:
        """`first` in microseconds UTC."""
        return _instant_us(self.first)

    @property
    def last_us(self) -> int | None:
        """`last` in microseconds UTC."""
        return _instant_us(self.last)

    def notes(self) -> list[str]:
        """Sentences for a person: what is odd about the file, and what to do."""
        notes = [f"{self.file} holds no rows"] if self.rows == 0 else []
        notes += [f"{counted(count, 'row')} {reason}: {EXPLANATIONS[Reason(reason)]}" for reason, count in self.rejected.items()]
        if self.waiting:
            notes.append(f"{counted(self.waiting, 'row')} waiting: parts of calls or sessions, put together when they are ingested")
        if self.conflicting:
            notes.append(f"{counted(self.conflicting, 'row')} conflicting: one key, different contents; none counts until someone decides")
        return notes


def inspect(path: str | Path, source: Source, *, progress: Callable[[int, int], None] | None = None) -> Inspection:
    """Decode `path` and count."""
    pieces: list[tuple[NDArray[Any], ...]] = []
    rejected: collections.Counter[str] = collections.Counter()
    rows = 0
    for part in decode_parts(path, source, progress=progress):
        rows += part.rows
        rejected.update(reject.reason for reject in part.rejects)
        pieces.append(_columns(part))
    keys, contents, flags, duration_us, start_us, bytes_, units = (np.concatenate(column) for column in zip(*pieces, strict=True))
    verdicts = sort_out(keys, contents)
    absorbed = (verdicts == Verdict.NEW) & (flags & UsageFlag.ABSORBED != 0)
    waiting = (verdicts == Verdict.NEW) & ~absorbed & (flags & UsageFlag.PARTIAL != 0)
    accepted = (verdicts == Verdict.NEW) & ~absorbed & ~waiting
    answered = accepted & (flags & UsageFlag.UNANSWERED == 0)
    return Inspection(
        file=shown(Path(path)),
        source=source.name,
        rows=rows,
        accepted=int(accepted.sum()),
        answered=int(answered.sum()),
        unanswered=int((accepted & ~answered).sum()),
        duplicate=int((verdicts == Verdict.DUPLICATE).sum()),
        conflicting=int((verdicts == Verdict.CONFLICTING).sum()),
        absorbed=int(absorbed.sum()),
        waiting=int(waiting.sum()),
        rejected=dict(sorted(rejected.items())),
        answered_duration_us=sum(duration_us[answered].tolist()),
        bytes=sum(bytes_[accepted].tolist()),
        units=sum(units[accepted].tolist()),
        first=_iso(int(start_us[accepted].min())) if accepted.any() else None,
        last=_iso(int(start_us[accepted].max())) if accepted.any() else None,
    )


def encode(inspection: Inspection) -> bytes:
    """JSON, indented by two."""
    return msgspec.json.format(msgspec.json.encode(inspection), indent=2)


def _columns(part: Decoded) -> tuple[NDArray[Any], ...]:
    names = ("flags", "duration_us", "start_us", "bytes_up", "bytes_down", "units")
    flags, duration_us, start_us, bytes_up, bytes_down, units = (_integers(part.usage, name) for name in names)
    keys = (as_pairs(part.usage.column("event_key")), as_pairs(part.usage.column("content_hash")))
    return (*keys, flags, duration_us, start_us, bytes_up + bytes_down, units)


def _integers(usage: pa.Table, name: str) -> NDArray[np.int64]:
    column: Any = usage.column(name)
    if column.null_count == len(column):
        return np.zeros(len(column), np.int64)
    values: NDArray[np.int64] = column.cast(pa.int64()).fill_null(0).to_numpy()
    return values


def _iso(instant_us: int) -> str:
    return utc_time(instant_us).isoformat().replace("+00:00", "Z")


def _instant_us(text: str | None) -> int | None:
    return None if text is None else instant_of(dt.datetime.fromisoformat(text))
