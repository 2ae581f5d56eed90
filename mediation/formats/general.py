"""Events by a definition's `fields`: what the general formats (delimited, fixed width) share.

`prepared` gives a block the columns that have to be put together first; `read` reads the canonical fields of its records:

- a field is taken from the column that its rule names, else from the column that is called as the field, else it is absent;
- voice: `answered` decides if it is there, else an answer time, else a duration above zero. Without `answer` the start of an answered
  call is `start`; without either it is `end` less the duration. The duration is `duration`, else the time from answer to end;
- other services count from `start`, unless `answered` says no; messages and content count `units`, one where nothing is said; data
  count bytes;
- `first` and `last`, or a `segment` of `segment_total`, say which records open and close their call, session or message.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from mediation.assembly.rules import first_number, service_rules, terms
from mediation.calls.events import Details, no_amounts
from mediation.calls.outcomes import Timing, calls
from mediation.reasons import Reason, mark
from mediation.sources.rules import CANONICAL_FIELDS, FieldRule, Unit
from mediation.values import columns, written
from mediation.values.columns import Amounts, Identity, Times
from rating.model import Service
from rating.schema import Direction, UsageFlag

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mediation.calls.events import Events
    from mediation.records.rows import Block, Spans
    from mediation.sources.model import Source

TEXTS: Final = (
    "record_id",
    "served",
    "account",
    "other",
    "other_text",
    "third",
    "routing_number",
    "trunk_in",
    "trunk_out",
    "call_ref",
    "location",
    "currency",
)
TIMES: Final = ("start", "answer", "end")
YES: Final = ("YES", "Y", "TRUE", "T", "1", "ANSWERED", "ANSWER")
NO: Final = ("NO", "N", "FALSE", "F", "0", "")
OTHERWISE: Final = "*"  # in `words`: every other text
_MEANINGS: Final = {"yes": 1, "no": 0}
_SERVICES: Final = {service.name.lower(): int(service) for service in Service}
_DIRECTIONS: Final = {"originating": int(Direction.ORIGINATING), "terminating": int(Direction.TERMINATING)}
_DIRECTION_WORDS: Final = {
    **dict.fromkeys(("O", "MO", "ORIGINATING", "OUT", "OUTGOING"), "originating"),
    **dict.fromkeys(("T", "MT", "TERMINATING", "IN", "INCOMING"), "terminating"),
}
_MESSAGES: Final = (Service.SMS, Service.MMS, Service.CONTENT)


def prepared(block: Block, source: Source) -> Block:
    """The block with a column for each text or time that is put together of several, or is the same in all records."""
    joined, constants = {}, {}
    for name in (*TEXTS, *TIMES):
        rule = source.fields.get(name)
        if rule is None:
            continue
        if rule.more_columns:
            joined[_made(name)] = [block.spans(column) for column in (rule.column, *rule.more_columns)]
        elif rule.value and name in TEXTS:
            constants[_made(name)] = rule.value
    return written.with_texts(block, joined, constants)


def read(block: Block, source: Source) -> Events:
    """The block's events. Rows that cannot be read get a reason."""
    record = _Record(block, source)
    service = record.service()
    is_voice = service == Service.VOICE
    times = _times(record, is_voice)
    events = calls(block, source, times, _details(record))
    quantities = _quantities(record, service, times.answered)
    flags = _flags(record, service, events.details.segment_first)
    return dataclasses.replace(
        events,
        service=service.astype(np.int8),
        has_duration=is_voice | times.duration.present,
        bytes_up=quantities.bytes_up,
        bytes_down=quantities.bytes_down,
        units=quantities.units,
        flags=flags,
    )


def key_fields(block: Block, events: Events) -> Identity:  # noqa: ARG001 - one signature for all formats
    """Fields that identify a record: its `record_id`. Sources without one name their key, or number their records."""
    return Identity([events.details.record_id], [])


class _Quantities(NamedTuple):
    bytes_up: Amounts
    bytes_down: Amounts
    units: Amounts


class _Record:
    """The canonical fields of a block's records."""

    def __init__(self, block: Block, source: Source) -> None:
        self.block = block
        self.source = source
        self._decimal = source.dialect.decimal

    def rule(self, name: str) -> FieldRule:
        """The field's rule; without one, the column of its name."""
        assert name in CANONICAL_FIELDS, name
        return self.source.fields.get(name) or FieldRule(column=name)

    def has(self, name: str) -> bool:
        """Return whether records can have the field."""
        rule = self.rule(name)
        return bool(rule.value) or self.block.has(rule.column)

    def spans(self, name: str) -> Spans:
        """A field of text."""
        made = _made(name)
        return self.block.spans(made if self.block.has(made) else self.rule(name).column)

    def optional_spans(self, name: str) -> Spans | None:
        """The same; None where no record can have it."""
        return self.spans(name) if self.has(name) else None

    def times(self, name: str) -> Times:
        """A field of time."""
        rule, spans, zone = self.rule(name), self.spans(name), self.source.timezone
        if rule.unit is not None:
            return written.epochs(self.block, spans, rule.unit, self._decimal)
        if rule.offset_column:
            return written.times_with_offsets(self.block, spans, rule.format, self.block.spans(rule.offset_column), zone)
        return written.times_by(self.block, spans, rule.format, zone)

    def amounts(self, name: str, unit: Unit, reason: Reason | None = Reason.UNREADABLE_NUMBER) -> Amounts:
        """A field of quantity, in microseconds, bytes or pieces; a sum where it has several columns."""
        rule = self.rule(name)
        unit = rule.unit or unit
        if rule.value:
            constant = written.constant_amount(rule.value, unit)
            assert constant is not None, f"the definition's {name} was checked"
            return Amounts(np.full(self.block.size, constant), np.ones(self.block.size, np.bool_))
        total = written.amounts(self.block, self.block.spans(rule.column), unit, self._decimal, reason)
        for column in rule.more_columns:
            more = written.amounts(self.block, self.block.spans(column), unit, self._decimal, reason)
            total = Amounts(total.value + more.value, total.present | more.present)
        return total

    def optional_amounts(self, name: str) -> Amounts | None:
        """A number that orders or groups; None where no record can have it."""
        return self.amounts(name, Unit.COUNT) if self.has(name) else None

    def network(self) -> Amounts | None:
        """The visited network; None where no record can have it."""
        rule = self.rule("serving_plmn")
        if not self.has("serving_plmn") or rule.value or rule.more_columns:
            return self.optional_amounts("serving_plmn")  # MCC x 1000 + MNC, as it is kept
        return columns.networks(self.block, self.spans("serving_plmn"))

    def codes(self, name: str, words: dict[str, str], meanings: dict[str, int], default: int) -> NDArray[np.int64]:
        """Meanings of the words of a field; -1 another word, `default` where the record says nothing."""
        rule = self.rule(name)
        if rule.value:
            return np.full(self.block.size, meanings.get(rule.value.lower(), -1))
        known = {_upper(word): meaning for word, meaning in (rule.words or words).items() if word != OTHERWISE}
        vocabulary = tuple(word for word in known if word)
        found = columns.words(self.block, self.spans(name), vocabulary)
        numbers = [*(meanings.get(known[word].lower(), -1) for word in vocabulary)]
        empty = meanings.get(known[""].lower(), -1) if "" in known else default
        other = meanings.get(rule.words.get(OTHERWISE, "").lower(), -1)
        return np.array([*numbers, empty, other], np.int64)[found]  # -2 is empty, -1 another word

    def service(self) -> NDArray[np.int64]:
        """The service of each record; voice where nothing says another."""
        if not self.has("service"):
            return np.full(self.block.size, int(Service.VOICE))
        own = {name: name for name in _SERVICES} | {str(number): name for name, number in _SERVICES.items()}
        found = self.codes("service", own, _SERVICES, -1)
        mark(self.block.code, found < 0, Reason.UNKNOWN_SERVICE)
        return np.where(found < 0, int(Service.VOICE), found)

    def says(self, name: str) -> NDArray[np.bool_]:
        """Mask of records in which a field says yes."""
        if not self.has(name):
            return np.zeros(self.block.size, np.bool_)
        found = self.codes(name, dict.fromkeys(YES, "yes") | dict.fromkeys(NO, "no"), _MEANINGS, 0)
        mark(self.block.code, found < 0, Reason.UNKNOWN_DISPOSITION)
        said: NDArray[np.bool_] = found == 1
        return said


def _upper(word: str) -> str:
    """In capitals, as words are compared: letters of ASCII alone."""
    return word.encode().upper().decode()


def _made(name: str) -> str:
    """The column that `prepared` makes for a field."""
    return f"={name}"


def _times(record: _Record, is_voice: NDArray[np.bool_]) -> Timing:
    """Begin, answer and end of each record, and the duration to be paid."""
    block = record.block
    start, answer, end = (record.times(name) for name in TIMES)
    duration = record.amounts("duration", Unit.SECOND)
    if not record.has("start") and not record.has("answer"):
        start = _before(end, duration)
    answered = np.where(is_voice, _answered(record, answer, duration), _delivered(record))
    if not record.has("answer"):
        answer = start
    answer = answer.where(is_voice, start.where(start.present, answer))
    start = start.where(start.present, answer)
    mark(block.code, ~start.present, Reason.UNREADABLE_TIME)
    if record.has("duration"):
        tells_answer = record.has("answered") or record.has("answer")
        needs_duration = answered if tells_answer else np.ones(block.size, np.bool_)  # else it alone tells whether the call was answered
        mark(block.code, is_voice & needs_duration & ~duration.present, Reason.UNREADABLE_NUMBER)
    elif not record.has("end"):
        mark(block.code, is_voice & answered, Reason.MISSING_VALUE)
    return Timing(start, answer, end, answered, duration)


def _answered(record: _Record, answer: Times, duration: Amounts) -> NDArray[np.bool_]:
    if record.has("answered"):
        return record.says("answered")
    return answer.present if record.has("answer") else duration.value > 0


def _delivered(record: _Record) -> NDArray[np.bool_]:
    """Mask of records of other services that count: all but those whose `answered` says no."""
    if not record.has("answered"):
        return np.ones(record.block.size, np.bool_)
    return record.says("answered") | ~record.spans("answered").filled


def _before(end: Times, duration: Amounts) -> Times:
    """The ends less the durations."""
    moved = end._replace(earliest_us=end.earliest_us - duration.value, latest_us=end.latest_us - duration.value)
    return moved._replace(present=end.present & duration.present)


def _details(record: _Record) -> Details:
    """Columns of the records besides times and quantities."""
    block, source = record.block, record.source
    identity = [block.spans(name) for name in source.key] or [block.empty()]
    record_id, more = (record.spans("record_id"), ()) if record.has("record_id") else (identity[0], tuple(identity[1:]))
    directions = record.codes("direction", _DIRECTION_WORDS, _DIRECTIONS, 1) if record.has("direction") else None
    if directions is not None:
        mark(block.code, directions < 0, Reason.UNKNOWN_DISPOSITION)
    segment = record.optional_amounts("segment")
    return Details(
        caller=record.spans("served"),
        account=record.spans("account"),
        other_raw=record.spans("other"),
        record_id=record_id,
        record_id_more=more,
        call_ref=record.spans("call_ref"),
        trunk_in=record.spans("trunk_in"),
        trunk_out=record.spans("trunk_out"),
        sequence=no_amounts(block.size),  # of a source that numbers its records: see source_columns
        cause=_causes(record),
        other_text=record.optional_spans("other_text"),
        routing_number=record.optional_spans("routing_number"),
        location=record.optional_spans("location"),
        serving_plmn=record.network(),
        rating_group=record.optional_amounts("rating_group"),
        third=record.optional_spans("third"),
        segment_first=segment,
        segment_last=segment,
        direction=None if directions is None else directions.astype(np.int8),
        source_amount=_money(record),
        source_currency=record.optional_spans("currency"),
    )


def _causes(record: _Record) -> NDArray[np.int16]:
    """The cause for which a call ended, as a number; 0 for what is none."""
    found = columns.amounts(record.block, record.spans("cause"), 1, reason=None).value
    return np.where((found >= 0) & (found < 1 << 15), found, 0).astype(np.int16)


def _money(record: _Record) -> Amounts | None:
    """Amounts that the source charged, in millionths of its currency."""
    if not record.has("amount"):
        return None
    return written.amounts(record.block, record.spans("amount"), Unit.SECOND, record.source.dialect.decimal)  # millionths, like seconds


def _quantities(record: _Record, service: NDArray[np.int64], answered: NDArray[np.bool_]) -> _Quantities:
    """Bytes of data, pieces of the rest. A record that counts must have them."""
    block = record.block
    up, down = record.amounts("bytes_up", Unit.BYTE), record.amounts("bytes_down", Unit.BYTE)
    is_data, counts = service == Service.DATA, np.isin(service, [int(kind) for kind in _MESSAGES])
    mark(block.code, answered & is_data & ~up.present & ~down.present, Reason.MISSING_VALUE)
    units = record.amounts("units", Unit.COUNT) if record.has("units") else Amounts(counts.astype(np.int64), counts)
    mark(block.code, answered & counts & ~units.present, Reason.MISSING_VALUE)
    return _Quantities(up, down, units)


def _flags(record: _Record, service: NDArray[np.int64], segment: Amounts | None) -> NDArray[np.int32]:
    """Flags of records that open or close their group. The rules of the source decide which records are segments."""
    first, last = record.says("first"), record.says("last")
    total = record.optional_amounts("segment_total")
    if segment is not None and total is not None:
        opening, is_put_together = _groups(record.source, service)
        numbered = segment.present & total.present & is_put_together
        place = segment.value - opening
        mark(record.block.code, numbered & ((place < 0) | (place >= np.maximum(total.value, 1))), Reason.UNREADABLE_NUMBER)
        first |= numbered & (place == 0)
        last |= numbered & (place == total.value - 1)
    return np.where(first, int(UsageFlag.FIRST), 0).astype(np.int32) | np.where(last, int(UsageFlag.LAST), 0).astype(np.int32)


def _groups(source: Source, service: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The number of the first segment of each record's group, and whether the source's rules put such groups together."""
    opening, is_put_together = np.zeros(service.size, np.int64), np.zeros(service.size, np.bool_)
    for kind in np.unique(service).tolist():
        rows = service == kind
        opening[rows], is_put_together[rows] = first_number(service_rules(source, kind)), terms(source, kind) is not None
    return opening, is_put_together
