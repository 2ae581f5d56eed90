"""A rule that corrects records in suspense: a selection of records, and the changes to each.

    source: north-1                 the source of the records
    reasons: [UNKNOWN_SUBSCRIPTION] why they wait; none: any reason
    from: 2026-03-01                started (or, where nothing could be read, first seen) in [from, before), in `zone`
    before: 2026-03-08
    zone: Asia/Shanghai             of these dates, UTC if not given
    served: {begins: "1", digits: 11, strip: "", add: "86"}
    other: {add: "86"}              the same for the other number
    time: {zone: Asia/Shanghai}     or {offset: "+08:00"}, or {shift: "-1h"}; `doubtful: earlier | later` where a zone leaves a choice
    service: sms                    voice | sms | mms | data | content

A number is the one in E.164 where one was read, else the text as the switch wrote it. A record whose number does not begin with `begins`
and `strip`, or has another number of `digits`, is not selected. Every mistake of a rule is refused at once, each with its remedy.
"""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from rating import definition_file, field_values
from rating.dates import DAY_US, SECOND_US, instant_of
from rating.errors import Problem, ProblemsError, UserError
from rating.model import Service

if TYPE_CHECKING:
    from pathlib import Path

SERVICES: Final = {service.name.lower(): service for service in Service}
DIGITS_MAX: Final = 15  # of a number in E.164
OFFSET_S_MAX: Final = 15 * 3600
SHIFT_US_MAX: Final = 366 * DAY_US
_OFFSET: Final = re.compile(r"([+-])([0-9]{2}):?([0-5][0-9])")
_SHIFT: Final = re.compile(r"([+-]?)(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", re.ASCII)


class NumberChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Change of a number: `set` replaces it; else `strip` is removed from its beginning and `add` is put before it."""

    begins: str = ""
    digits: int = 0  # only numbers of so many signs; 0: any
    strip: str = ""
    add: str = ""
    set: str = ""


class TimeChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Change of a time: its local time is read in another zone or at another offset; or it is moved, as after a clock that was wrong."""

    zone: str = ""
    offset: str = ""
    shift: str = ""
    doubtful: Literal["", "earlier", "later"] = ""

    @property
    def offset_s(self) -> int | None:
        """Seconds east of UTC; None without an offset."""
        found = _OFFSET.fullmatch(self.offset)
        if found is None:
            return None
        seconds = int(found[2]) * 3600 + int(found[3]) * 60
        return -seconds if found[1] == "-" else seconds

    @property
    def shift_us(self) -> int:
        """Microseconds to add; 0 without a shift."""
        found = _SHIFT.fullmatch(self.shift)
        if found is None:
            return 0
        days, hours, minutes, seconds = (int(text or 0) for text in found.groups()[1:])
        shift_us = (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * SECOND_US
        return -shift_us if found[1] == "-" else shift_us


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, rename={"from_": "from"}):
    """A checked rule; the fields are those of its file."""

    source: str
    reasons: tuple[str, ...] = ()
    from_: str = ""
    before: str = ""
    zone: str = ""
    served: NumberChange | None = None
    other: NumberChange | None = None
    time: TimeChange | None = None
    service: str = ""

    @property
    def from_us(self) -> int | None:
        """First instant of the records it is about; None: from the beginning."""
        return _instant_us(self.from_, self.zone) if self.from_ else None

    @property
    def before_us(self) -> int | None:
        """The instant before which its records start; None: without end."""
        return _instant_us(self.before, self.zone) if self.before else None

    def in_words(self) -> str:
        """One line for people."""
        return "; ".join([f"source {self.source}", *self._conditions(), *self._changes()])

    def _conditions(self) -> list[str]:
        words = [" or ".join(self.reasons)] if self.reasons else []
        words += [f"from {self.from_}"] if self.from_ else []
        words += [f"before {self.before}"] if self.before else []
        return words

    def _changes(self) -> list[str]:
        words = []
        for name, change in (("served", self.served), ("other", self.other)):
            if change is not None:
                words.append(f"{name}: " + ", ".join(f"{key} {value}" for key, value in msgspec.to_builtins(change).items()))
        if self.time is not None:
            words.append("time: " + ", ".join(f"{key} {value}" for key, value in msgspec.to_builtins(self.time).items()))
        return words + ([f"service: {self.service}"] if self.service else [])


def read_rule(path: Path) -> Rule:
    """The rule in a YAML or JSON file."""
    try:
        document = definition_file.decode(definition_file.read(path))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}", "name a YAML or JSON file with a rule, see docs/suspense.md") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        problem = Problem(str(path), "file", f"is not YAML: {' '.join(str(error).split())}", "see docs/suspense.md for the form")
        raise ProblemsError([problem]) from error
    if not isinstance(document, dict):
        raise ProblemsError([Problem(str(path), "file", "is not a mapping of names to values", "see docs/suspense.md for the form")])
    return rule_of(document, str(path))


def rule_of(document: dict[str, Any], origin: str) -> Rule:
    """The rule that a mapping says; `origin` is how its mistakes name where it is from."""
    values: dict[str, Any] = {}
    known = {field.encode_name: field for field in msgspec.structs.fields(Rule)}
    unknown = [str(name) for name in document if name not in known]
    problems = [Problem(origin, name, "unknown field", f"use {', '.join(known)}") for name in unknown]
    for name, field in known.items():
        if name in document:
            given = _as_text(document[name])
            misfits = [Problem(origin, *each) for each in field_values.misfits(given, field.type, name)]
            problems += misfits
            if not misfits:
                values[name] = msgspec.to_builtins(msgspec.convert(given, field.type))
    if "source" not in document:
        problems.append(Problem(origin, "source", "missing", "name the source whose records are to be corrected"))
    if not problems:
        rule = msgspec.convert(values, Rule)
        problems = list(_mistakes(rule, origin))
        if not problems:
            return rule
    raise ProblemsError(problems)


def _as_text(value: Any) -> Any:  # noqa: ANN401 -- any value of YAML
    """YAML reads 2026-03-01 as a date."""
    return value.isoformat() if isinstance(value, dt.date) else value


def _mistakes(rule: Rule, origin: str) -> list[Problem]:
    """Everything in a rule that cannot be meant."""
    problems: list[Problem] = []

    def add(path: str, message: str, remedy: str) -> None:
        problems.append(Problem(origin, path, message, remedy))

    if rule.zone and not _is_zone(rule.zone):
        add("zone", f"there is no time zone {rule.zone!r}", "use an IANA name such as Asia/Shanghai")
    else:
        _check_span(rule, add)
    if rule.service and rule.service not in SERVICES:
        add("service", f"{rule.service!r} is not a service", f"use one of {', '.join(SERVICES)}")
    if rule.served is None and rule.other is None and rule.time is None and not rule.service:
        add("rule", "it changes nothing", "give served, other, time or service; to try records again as they are, use `recycle`")
    for name, number in (("served", rule.served), ("other", rule.other)):
        if number is not None:
            _check_number(name, number, add)
    if rule.time is not None:
        _check_time(rule.time, add)
    return problems


def _check_span(rule: Rule, add: Any) -> None:  # noqa: ANN401 -- the closure of _mistakes
    given = [(name, text) for name, text in (("from", rule.from_), ("before", rule.before)) if text]
    found = []
    for name, text in given:
        try:
            found.append(_instant_us(text, rule.zone))
        except ValueError:
            add(name, f"{text!r} is not a date or time", "write 2026-03-01, or 2026-03-01T12:00:00+08:00")
    if found != sorted(set(found)):
        add("before", f"{rule.before} is not after {rule.from_}", "the span reaches from `from` to just before `before`")


def _check_number(name: str, change: NumberChange, add: Any) -> None:  # noqa: ANN401 -- as above
    for field in ("strip", "add", "set", "begins"):
        text = getattr(change, field)
        if not text.isprintable() or text != text.strip():
            add(f"{name}.{field}", f"{text!r} has spaces or signs that cannot be printed", "give only the digits")
    if change.set and (change.strip or change.add):
        add(f"{name}.set", "given besides strip or add", "give either the whole number or what to change in it")
    if not (change.set or change.strip or change.add):
        add(name, "it changes nothing", "give add, strip or set")
    if change.digits < 0:
        add(f"{name}.digits", f"{change.digits} is below zero", f"give how long the numbers are, such as 11; at most {DIGITS_MAX}")


def _check_time(change: TimeChange, add: Any) -> None:  # noqa: ANN401 -- as above
    given = [name for name in ("zone", "offset", "shift") if getattr(change, name)]
    if len(given) != 1:
        add("time", f"it has {' and '.join(given) if given else 'none of zone, offset and shift'}", "give one of zone, offset and shift")
    if change.zone and not _is_zone(change.zone):
        add("time.zone", f"there is no time zone {change.zone!r}", "use an IANA name such as Asia/Shanghai")
    if change.offset and abs(change.offset_s if change.offset_s is not None else OFFSET_S_MAX + 1) > OFFSET_S_MAX:
        add("time.offset", f"{change.offset!r} is not an offset from UTC", "write it as +08:00")
    if change.shift and not 0 < abs(change.shift_us) <= SHIFT_US_MAX:
        add("time.shift", f"{change.shift!r} is not a length of time up to a year", "write it as -1h, 90m or 1d12h")


def _is_zone(name: str) -> bool:
    return name in zoneinfo.available_timezones()


def _instant_us(text: str, zone: str) -> int:
    """Microseconds UTC of a date or time. Raises ValueError where it is none."""
    moment = dt.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zoneinfo.ZoneInfo(zone or "UTC"))
    return instant_of(moment)
