"""Application of a rule to usage rows: the rows that it concerns, their new content, and why it cannot be applied to some.

Pure: rows in, rows out. The event key stays, for it is still the same record; the content hash follows what decides the charge. A row that
would be no better than before (a number that is none, a local time that never happened) gets a problem in words instead of a change.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from billing.suspense.rule import SERVICES
from mediation.limits import START_MAX_US, START_MIN_US
from mediation.values import clock
from rating.dates import SECOND_US
from rating.model import Service
from rating.schema import INSTANT, USAGE_V1, OffsetOrigin, ServedKind

if TYPE_CHECKING:
    import numpy.typing as npt

    from billing.suspense.rule import NumberChange, Rule, TimeChange

E164: Final = re.compile(r"[1-9][0-9]{6,14}")
_DECIDING: Final = (
    "service", "served_kind", "served_id", "other_e164", "other_raw", "third_e164", "start_us", "duration_us", "bytes_up", "bytes_down",
    "units", "source_amount_micros", "rating_group", "segment_first", "segment_last", "flags",
)  # fmt: skip


class Changed(NamedTuple):
    """Rows of usage after a rule, as many as before. `problem`: why a row could not be changed (it is as it was), empty where it was."""

    rows: pa.Table
    problem: list[str]


def concerns(usage: pa.Table, rule: Rule) -> npt.NDArray[np.bool_]:
    """Mask of rows that the rule concerns, by their start and numbers. The caller has selected them by source and reasons."""
    start_us = usage["start_us"].cast(pa.int64()).to_numpy()
    chosen = np.ones(usage.num_rows, np.bool_)
    if rule.from_us is not None:
        chosen &= start_us >= rule.from_us
    if rule.before_us is not None:
        chosen &= start_us < rule.before_us
    for change, texts in ((rule.served, _served_texts), (rule.other, _other_texts)):
        if change is not None and chosen.any():
            chosen &= np.array([_fits(text, change) for text in texts(usage)], np.bool_)
    return chosen


def apply(usage: pa.Table, rule: Rule, hash_key: bytes) -> Changed:
    """`usage` (USAGE_V1) after the rule. `hash_key` is that of the installation."""
    problem = [""] * usage.num_rows
    before = usage
    if rule.served is not None:
        usage = _with_served(usage, rule.served, problem)
    if rule.other is not None:
        usage = _with_other(usage, rule.other, problem)
    if rule.time is not None:
        usage = _with_time(usage, rule.time, problem)
    if rule.service:
        usage = _with_service(usage, SERVICES[rule.service], problem)
    usage = _restored(usage, before, problem)
    return Changed(_with_content_hash(usage, before, hash_key), problem)


def _served_texts(usage: pa.Table) -> list[str]:
    return [str(text) for text in usage["served_id"].to_pylist()]


def _other_texts(usage: pa.Table) -> list[str]:
    pairs = zip(usage["other_e164"].to_pylist(), usage["other_raw"].to_pylist(), strict=True)
    return [str(number) if number else str(raw or "") for number, raw in pairs]


def _fits(text: str, change: NumberChange) -> bool:
    return text.startswith(change.begins) and text.startswith(change.strip) and change.digits in {0, len(text)}


def _new_text(text: str, change: NumberChange) -> str:
    return change.set or change.add + text.removeprefix(change.strip)


def _with_served(usage: pa.Table, change: NumberChange, problem: list[str]) -> pa.Table:
    texts = [_new_text(text, change) for text in _served_texts(usage)]
    kinds = usage["served_kind"].to_pylist()
    for row, (text, kind) in enumerate(zip(texts, kinds, strict=True)):
        if not text:
            _note(problem, row, "nothing is left of the served number")
        elif E164.fullmatch(text):
            kinds[row] = int(ServedKind.E164)
        elif kind == ServedKind.E164:
            _note(problem, row, f"{text} is not a number in E.164")
    return _put(_put(usage, "served_id", texts), "served_kind", kinds)


def _with_other(usage: pa.Table, change: NumberChange, problem: list[str]) -> pa.Table:
    texts = [_new_text(text, change) for text in _other_texts(usage)]
    numbers = [int(text) if E164.fullmatch(text) else None for text in texts]
    for row, (text, number) in enumerate(zip(texts, numbers, strict=True)):
        if number is None:
            _note(problem, row, f"{text or 'nothing'} is not a number in E.164")
    return _put(usage, "other_e164", numbers)


def _with_time(usage: pa.Table, change: TimeChange, problem: list[str]) -> pa.Table:
    start_us = usage["start_us"].cast(pa.int64()).to_numpy()
    offset_s = usage["offset_s"].to_pylist()
    if change.shift:
        moved_us = start_us + change.shift_us
        origin = usage["offset_origin"].to_pylist()
    else:
        for row, known in enumerate(offset_s):
            if known is None:
                _note(problem, row, "its source gave the instant itself, not a local time: only `shift` can move it")
        local_us = start_us + np.array([known or 0 for known in offset_s], np.int64) * SECOND_US
        moved_us, origin = _read_again(local_us, change, problem)
        offset_s = ((local_us - moved_us) // SECOND_US).tolist()
    for row in np.flatnonzero((moved_us < START_MIN_US) | (moved_us >= START_MAX_US)).tolist():
        _note(problem, row, "it would start before 2000 or after 2069")
    moved_us = np.clip(moved_us, START_MIN_US, START_MAX_US)
    return _put(_put(_put(usage, "start_us", moved_us.tolist()), "offset_s", offset_s), "offset_origin", origin)


def _read_again(local_us: npt.NDArray[np.int64], change: TimeChange, problem: list[str]) -> tuple[npt.NDArray[np.int64], list[int | None]]:
    """Instants of local times, and the origins of their offsets."""
    if change.offset_s is not None:
        return local_us - change.offset_s * SECOND_US, [int(OffsetOrigin.GIVEN)] * len(local_us)
    found = clock.to_utc(local_us, change.zone)
    words = {clock.AMBIGUOUS: "happened twice", clock.NONEXISTENT: "never happened"}
    origin: list[int | None] = [int(OffsetOrigin.SOURCE_ZONE)] * len(local_us)
    for row in np.flatnonzero(found.state != clock.UNIQUE).tolist():
        origin[row] = int(OffsetOrigin.GUESSED)
        if not change.doubtful:
            word = words[int(found.state[row])]
            _note(problem, row, f"its local time {word} in {change.zone}: say `doubtful: earlier` or `later`")
    return (found.latest_us if change.doubtful == "later" else found.earliest_us), origin


def _with_service(usage: pa.Table, service: Service, problem: list[str]) -> pa.Table:
    """Another service; its quantity must be there. A message without count is one."""
    needed = {Service.VOICE: ("duration_us",), Service.DATA: ("bytes_up", "bytes_down")}.get(service, ())
    if needed:
        columns = [usage[name].to_pylist() for name in needed]
        for row, values in enumerate(zip(*columns, strict=True)):
            if all(value is None for value in values):
                _note(problem, row, f"it has no {' or '.join(needed)}, which {service.name.lower()} is measured by")
    return _put(usage, "service", [int(service)] * usage.num_rows)


def _note(problem: list[str], row: int, text: str) -> None:
    """The first thing wrong with a row is enough."""
    problem[row] = problem[row] or text


def _put(usage: pa.Table, name: str, values: list[Any]) -> pa.Table:
    field = USAGE_V1.field(name)
    column = pa.array(values, pa.int64()).cast(INSTANT) if field.type == INSTANT else pa.array(values, field.type)
    return usage.set_column(usage.schema.get_field_index(name), field, column)


def _restored(usage: pa.Table, before: pa.Table, problem: list[str]) -> pa.Table:
    """The rows with a problem as they were before."""
    if not any(problem):
        return usage
    size = usage.num_rows
    order = [row + size if text else row for row, text in enumerate(problem)]
    return pa.concat_tables([usage, before]).take(pa.array(order, pa.int64()))


def _with_content_hash(usage: pa.Table, before: pa.Table, hash_key: bytes) -> pa.Table:
    """A new hash for each row that says something else than before."""
    old, new = (table.select(list(_DECIDING)).to_pylist() for table in (before, usage))
    hashes = usage["content_hash"].to_pylist()
    for row, (was, now) in enumerate(zip(old, new, strict=True)):
        if was != now:
            said = repr((hashes[row], tuple(now.values()))).encode()
            hashes[row] = hashlib.blake2b(said, digest_size=16, key=hash_key, person=b"corrected").digest()
    return _put(usage, "content_hash", hashes)
