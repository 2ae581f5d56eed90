"""Which rows are segments, by the rules of their source."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from mediation.assembly.rules import Rule, Terms, segment_flags, terms
from mediation.sources.model import Format, Layout, Messages, Partials, ServiceRules, Services, Source
from mediation.values.columns import Amounts
from rating.model import Service
from rating.schema import UsageFlag

PARTIAL, FIRST, LAST, TOTALS = UsageFlag.PARTIAL, UsageFlag.FIRST, UsageFlag.LAST, UsageFlag.CUMULATIVE
HOUR_US = 3_600_000_000
NO_NUMBER = -1


def source(**services: ServiceRules) -> Source:
    return Source(name="s", format=Format.DELIMITED, layouts=(Layout(("x",)),), services=Services(**services))


JOIN = source(voice=ServiceRules(partials=Partials.JOIN))
JOIN_FROM_1 = source(voice=ServiceRules(partials=Partials.JOIN, first_segment=1))
EACH = source(voice=ServiceRules(partials=Partials.EACH))
EACH_TOTALS = source(voice=ServiceRules(partials=Partials.EACH, cumulative=True))
TOTALS_ALONE = source(voice=ServiceRules(cumulative=True))
NOTHING = source()


class Row(NamedTuple):
    """A row under a source's rules: its number, the flags its decoder gave, and those it has in the end."""

    rules: Source
    number: int
    flags: int
    expected: int
    can_be: bool = True


ROWS = {
    "the first of a numbered chain": Row(JOIN, 0, 0, PARTIAL | FIRST),
    "one in the middle": Row(JOIN, 4, 0, PARTIAL),
    "the last": Row(JOIN, 4, LAST, PARTIAL | LAST),
    "a whole call, which has no number": Row(JOIN, NO_NUMBER, 0, 0),
    "the first without a number": Row(JOIN, NO_NUMBER, FIRST, PARTIAL | FIRST),
    "numbers from 1": Row(JOIN_FROM_1, 1, 0, PARTIAL | FIRST),
    "numbers from 1, and a 0": Row(JOIN_FROM_1, 0, 0, PARTIAL),
    "names no call": Row(JOIN, 0, LAST, LAST, can_be=False),
    "each bills by itself": Row(EACH, 0, LAST, LAST),
    "each of running totals": Row(EACH_TOTALS, NO_NUMBER, 0, PARTIAL | TOTALS),
    "totals and nothing said of partials": Row(TOTALS_ALONE, NO_NUMBER, 0, PARTIAL | TOTALS),
    "totals that only the decoder knows of": Row(NOTHING, NO_NUMBER, TOTALS, PARTIAL | TOTALS),
    "nothing said": Row(NOTHING, 0, LAST, LAST),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
def test_a_row_is_a_segment_where_the_rules_and_the_row_say_so(row: Row) -> None:
    number = Amounts(np.array([max(row.number, 0)]), np.array([row.number != NO_NUMBER]))
    service, flags = np.array([Service.VOICE], np.int8), np.array([row.flags], np.int32)
    made = segment_flags(row.rules, service, flags, number, np.array([row.can_be]))
    assert UsageFlag(int(made[0])) == UsageFlag(row.expected)
    assert flags[0] == row.flags, "what was given stays as it is"


def test_rules_are_by_service() -> None:
    rules = source(
        voice=ServiceRules(partials=Partials.JOIN, timeout_us=HOUR_US),
        sms=ServiceRules(messages=Messages.MESSAGE),
        data=ServiceRules(partials=Partials.EACH, cumulative=True),
    )
    assert [terms(rules, service) for service in (Service.VOICE, Service.SMS, Service.DATA, Service.CONTENT)] == [
        Terms(Rule.JOIN, HOUR_US),
        Terms(Rule.MESSAGE),
        Terms(Rule.EACH),
        None,
    ]
    services = np.array([Service.VOICE, Service.SMS, Service.SMS, Service.CONTENT], np.int8)
    number = Amounts(np.array([0, 1, 2, 0]), np.ones(4, np.bool_))
    made = segment_flags(rules, services, np.zeros(4, np.int32), number, np.ones(4, np.bool_))
    assert made.tolist() == [PARTIAL | FIRST, PARTIAL | FIRST, PARTIAL, 0]
