"""Rules that put the segments of a group together, and decide which rows are segments at all.

A group is everything of one source with one call_ref. A row is a segment (flag PARTIAL) on three conditions. Its source puts the records
of its service together, it names its group, and it says where in the group it belongs: by a number, as the first or last, or by running
totals. Any other row is a whole event and bills by itself, and so is one that is the first and the last of its group.
"""

from __future__ import annotations

import dataclasses
import enum
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from mediation.sources.rules import Messages, Partials
from rating.model import Service
from rating.schema import UsageFlag

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mediation.calls.events import Events
    from mediation.sources.model import ServiceRules, Source
    from mediation.values.columns import Amounts

TIMEOUT_US: Final = 36 * 3_600_000_000  # how long a group waits whose source said nothing
PLACED: Final = int(UsageFlag.FIRST | UsageFlag.LAST | UsageFlag.CUMULATIVE)  # flags that say where in its group a row stands
_WHOLE: Final = int(UsageFlag.FIRST | UsageFlag.LAST)


class Rule(enum.IntEnum):
    """The rule by which a group becomes events."""

    JOIN = 0  # one event, with the sum of the segments
    EACH = 1  # running totals: an event for what each segment adds
    MESSAGE = 2  # one event of one unit, however many parts

    @property
    def word(self) -> str:
        """As the store has it."""
        return self.name.lower()


class Terms(NamedTuple):
    """The rule of a group, and how long it may wait for what is missing."""

    rule: Rule = Rule.JOIN
    timeout_us: int = TIMEOUT_US


def service_rules(source: Source, service: int) -> ServiceRules:
    """The source's rules of a service."""
    rules: ServiceRules = getattr(source.services, Service(service).name.lower())
    return rules


def terms(source: Source, service: int) -> Terms | None:
    """Terms of the source's segments of a service; None: its records are whole, or bill each by itself."""
    rules = service_rules(source, service)
    if rules.messages is Messages.MESSAGE:
        return Terms(Rule.MESSAGE, rules.timeout_us)
    if rules.partials is Partials.JOIN or (rules.cumulative and rules.partials is Partials.NONE):
        return Terms(Rule.JOIN, rules.timeout_us)
    if rules.partials is Partials.EACH and rules.cumulative:
        return Terms(Rule.EACH, rules.timeout_us)
    return None


def marked(events: Events, source: Source) -> Events:
    """The events, those that are segments flagged as such."""
    services = [Service.VOICE] if events.service is None else _services(events.service)
    if all(terms(source, service) is None for service in services) and not _says_totals(events):
        return events
    details, size = events.details, events.start_us.size
    named = np.logical_or.reduce([spans.filled for spans in (details.call_ref, *details.call_ref_more)])
    service = np.full(size, Service.VOICE, np.int8) if events.service is None else events.service
    flags = np.zeros(size, np.int32) if events.flags is None else events.flags
    return dataclasses.replace(events, flags=segment_flags(source, service, flags, details.segment_first, named & events.answered))


def segment_flags(
    source: Source, service: NDArray[np.int8], flags: NDArray[np.int32], segment_first: Amounts | None, can_be: NDArray[np.bool_]
) -> NDArray[np.int32]:
    """The rows' `flags`, with PARTIAL on segments, FIRST on the first of a numbered chain, CUMULATIVE where the source says so.

    `can_be`: rows that name their group and are answered; the others are left as they are.
    """
    made = flags.copy()
    numbered = np.zeros(flags.size, np.bool_) if segment_first is None else segment_first.present
    for each in _services(service):
        rows = (service == each) & can_be
        if terms(source, each) is None:
            made[rows & ((made & UsageFlag.CUMULATIVE) != 0)] |= UsageFlag.PARTIAL  # running totals never bill as they stand
            continue
        rules = service_rules(source, each)
        if rules.cumulative:
            made[rows] |= UsageFlag.CUMULATIVE
        if segment_first is not None:
            made[rows & numbered & (segment_first.value == first_number(rules))] |= UsageFlag.FIRST
        whole = (made & PLACED) == _WHOLE  # first and last at once: there is nothing to put together
        made[rows & (numbered | ((made & PLACED) != 0)) & ~whole] |= UsageFlag.PARTIAL
    return made


def first_number(rules: ServiceRules) -> int:
    """Parts of a message count from 1, as the standard has it; the first segment of a call has the number that the source says."""
    return 1 if rules.messages is Messages.MESSAGE and rules.first_segment == 0 else rules.first_segment


def _services(service: NDArray[np.int8]) -> list[int]:
    """The services there are; a row that could not be read has none."""
    return [each for each in np.unique(service).tolist() if each > 0]


def _says_totals(events: Events) -> bool:
    return events.flags is not None and bool((events.flags & UsageFlag.CUMULATIVE).any())
