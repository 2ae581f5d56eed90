"""On which days an agreement has a say beside those of its kind that came after it."""

from __future__ import annotations

import datetime as dt

import pytest

from billing.accounts.reach import DatedAgreement, in_force
from billing.charges.proration import Span

# agreements in order of time: from and to a month of 2026, kinds, charge codes (-: all, or no end); then the months of the first one
TABLE = """
1-                                                                                     1-
1-3                                                                                    1-3
1-, 2- usage                                                                           1-
1-, 2-                                                                                 1-2
1-, 2-3                                                                                1-2 3-
1-5, 2-3                                                                               1-2 3-5
1-, 2-3, 3-4                                                                           1-2 4-
1-, 2-3 usage                                                                          1-
1-, 2- usage, 3- recurring,one_off,volume,commitment,adjustment                        1-3
1-, 2-4 usage, 3- recurring,one_off,volume,commitment,adjustment                       1-3 4-
1- usage, 2-                                                                           1-2
1- usage, 2- usage,volume                                                              1-2
1- usage, 2- recurring                                                                 1-
1- usage, 2- - 12                                                                      1-
1- - 12, 2- - 12,13                                                                    1-2
1- - 12,13, 2- - 12                                                                    1-
1- - 12,13, 2- - 12, 3- - 13                                                           1-3
1- - 12, 2- usage                                                                      1-
1- usage 12, 2- usage                                                                  1-2
1- usage 12, 2- - 12                                                                   1-2
1- discount                                                                            never
1- usage,discount, 2- usage                                                            1-2
"""


def month(text: str) -> dt.date | None:
    return dt.date(2026, int(text), 1) if text else None


def span(text: str) -> Span:
    start, end = (month(each) for each in text.split("-"))
    assert start is not None
    return Span(start, end)


def told(text: str) -> DatedAgreement:
    days, kinds, codes = (*text.split(), "-", "-")[:3]
    filters = tuple(() if each == "-" else tuple(each.split(",")) for each in (kinds, codes))
    return DatedAgreement(span(days), filters[0], tuple(int(code) for code in filters[1]))


@pytest.mark.parametrize("row", TABLE.strip().splitlines())
def test_days_with_a_say(row: str) -> None:
    agreements, _, expected = row.partition("   ")
    found = in_force([told(each) for each in agreements.strip().split(", ")])[0]
    assert found == tuple(span(each) for each in expected.split() if each != "never")
