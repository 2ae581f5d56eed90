"""Terms with dates, and what bills make of them, as text: shared by the tests of runs, previews, books and commands.

An agreement is `first day..last day what`; no last day: for good. Several are parted by `;`, in the order in which they were made.
"""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

from billing.accounts.kinds import TermsFact

# Terms of an account with 14 days to pay and English bills; a bill has those that hold on its date. 1 November + 14 days is the 15th,
# + 60 days 31 December; 1 December + 14 days is the 15th, + 30 days the 31st, + 60 days 30 January.
#
# agreed                                                        bill of 1 November  bill of 1 December
BILLS = """
-                                                             | 2025-11-15 en     | 2025-12-15 en
2026-03-01.. days=60 zh                                       | 2025-11-15 en     | 2025-12-15 en    # recorded ahead
2025-10-01..2025-11-14 days=60 zh                             | 2025-12-31 zh     | 2025-12-15 en    # over by then
2025-11-01.. days=60                                          | 2025-12-31 en     | 2026-01-30 en
2025-11-02.. days=60                                          | 2025-11-15 en     | 2026-01-30 en
2025-11-01.. zh                                               | 2025-11-15 zh     | 2025-12-15 zh
2025-10-01..2025-11-01 days=60                                | 2025-12-31 en     | 2025-12-15 en    # the last day is the date of the bill
2025-10-01..2025-10-31 days=60                                | 2025-11-15 en     | 2025-12-15 en
2025-10-01.. days=60 zh; 2025-11-15.. days=30                 | 2025-12-31 zh     | 2025-12-31 zh    # the later one names no language
2025-10-01.. days=60 zh; 2025-11-15..2025-11-30 days=30 en    | 2025-12-31 zh     | 2026-01-30 zh    # over again: the first one holds
2025-11-15.. zh; 2025-10-01.. days=0                          | 2025-11-01 en     | 2025-12-01 zh
"""

# Terms of a subscription since 1 October on a plan of three months, that ends: 29 October is the first day without it, its last day the
# 28th. 5.00 are due for each month that is left. One is begun: 3 x 5.00 = 15.00; of twelve agreed from 1 October on 12 x 5.00 = 60.00.
#
# agreed                                                        fee for the early end
ENDS = """
-                                                             | 15.00
2025-10-01.. waived                                           | 0.00
2025-10-01..2025-10-14 waived                                 | 15.00   # over on the last day
2025-10-01..2025-10-27 waived                                 | 15.00
2025-10-01..2025-10-28 waived                                 | 0.00    # holds on the last day
2025-10-28.. waived                                           | 0.00
2025-10-29.. waived                                           | 15.00
2025-10-01.. months=12                                        | 60.00
2025-10-01..2025-10-14 months=12                              | 15.00   # the plan's months again
2025-10-01.. months=0                                         | 0.00
2025-10-01..2025-10-14 months=0                               | 15.00
2025-10-01.. months=12; 2025-10-10..2025-10-14 waived         | 60.00
2025-10-01.. months=12; 2025-10-10.. waived                   | 0.00
"""


class Span(NamedTuple):
    """Terms, from a day on; `to_date`: the first day without them."""

    from_date: dt.date
    to_date: dt.date | None
    detail: TermsFact


class Bill(NamedTuple):
    """The due date and the language of a bill."""

    due_on: str
    language: str


def bills() -> list[tuple[list[Span], list[Bill]]]:
    """Terms that are agreed, and the bills of 1 November and 1 December."""
    return [(_spans(agreed), [Bill(*each.split()) for each in found]) for agreed, *found in _rows(BILLS)]


def ends() -> list[tuple[list[Span], int]]:
    """Terms that are agreed, and the fee for an early end in cents."""
    return [(_spans(agreed), int(fee.replace(".", ""))) for agreed, fee in _rows(ENDS)]


def _rows(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.partition("#")[0].split("|")] for line in text.strip().splitlines()]


def _spans(text: str) -> list[Span]:
    return [_span(each.split()) for each in text.split(";")] if text != "-" else []


def _span(words: list[str]) -> Span:
    first, last = words[0].split("..")
    until = dt.date.fromisoformat(last) + dt.timedelta(days=1) if last else None
    named = dict(each.split("=") for each in words[1:] if "=" in each)
    days, months = named.get("days"), named.get("months")
    language = next((each for each in words[1:] if each in {"zh", "en"}), None)
    detail = TermsFact(
        language=language,
        payment_days=None if days is None else int(days),
        minimum_months=None if months is None else int(months),
        early_end_waived="waived" in words,
    )
    return Span(dt.date.fromisoformat(first), until, detail)
