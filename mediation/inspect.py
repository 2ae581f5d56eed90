"""What a usage file holds, without storing anything: counts that add up, answered time, first and last start.

rows = accepted + absorbed + duplicate + conflicting + all rejected; accepted = answered + unanswered. Of equal copies of a record
one is accepted and the rest are duplicates; of a key with several contents no version is accepted. No figure depends on the order
of the file's rows.
"""

from __future__ import annotations

import collections
import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pyarrow as pa

from mediation.decode import decode_parts
from mediation.duplicates import Verdict, as_pairs, sort_out
from mediation.reader import shown
from mediation.reasons import EXPLANATIONS, Reason
from rating.schema import UsageFlag

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from mediation.decode import Decoded
    from mediation.sources import Source


_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)


class Inspection(msgspec.Struct, frozen=True):
    """Figures of one file. Encodes to JSON as it stands."""

    file: str
    source: str
    rows: int
    accepted: int
    answered: int
    unanswered: int
    duplicate: int
    conflicting: int
    absorbed: int
    rejected: dict[str, int]  # reason -> rows
    answered_duration_us: int  # of accepted answered rows
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
        notes += [f"{count} rows {reason}: {EXPLANATIONS[Reason(reason)]}" for reason, count in self.rejected.items()]
        if self.conflicting:
            notes.append(f"{self.conflicting} rows conflicting: one key, different contents; none counts until someone decides")
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
    keys, contents, flags, duration_us, start_us = (np.concatenate(column) for column in zip(*pieces, strict=True))
    verdicts = sort_out(keys, contents)
    absorbed = (verdicts == Verdict.NEW) & (flags & UsageFlag.ABSORBED != 0)
    accepted = (verdicts == Verdict.NEW) & ~absorbed
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
        rejected=dict(sorted(rejected.items())),
        answered_duration_us=sum(duration_us[answered].tolist()),
        first=_iso(int(start_us[accepted].min())) if accepted.any() else None,
        last=_iso(int(start_us[accepted].max())) if accepted.any() else None,
    )


def encode(inspection: Inspection) -> bytes:
    """JSON, indented by two."""
    return msgspec.json.format(msgspec.json.encode(inspection), indent=2)


def _columns(part: Decoded) -> tuple[NDArray[Any], ...]:
    usage = part.usage
    numbers = (usage.column("flags"), usage.column("duration_us"), usage.column("start_us").cast(pa.int64()))
    return (
        as_pairs(usage.column("event_key")),
        as_pairs(usage.column("content_hash")),
        *(column.to_numpy() for column in numbers),
    )


def _iso(instant_us: int) -> str:
    return (_EPOCH + instant_us * _MICROSECOND).isoformat().replace("+00:00", "Z")


def _instant_us(text: str | None) -> int | None:
    return None if text is None else (dt.datetime.fromisoformat(text) - _EPOCH) // _MICROSECOND
