"""Windows in which a run looks for usage: of all accounts in the latest periods, of a few in those that are opened again."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from rating.dates import DAY_US, day_number, day_of

if TYPE_CHECKING:
    from billing.charges.lines import Int64s
    from billing.runs.selection.open_periods import Arrays

Bools = npt.NDArray[np.bool_]
LATELY_DAYS: Final = 70  # a cycle and another: a last period that began earlier is one of an account that is caught up on
_FEW: Final = 2  # more accounts than one in so many are not a few any more: then all usage is read from the beginning
_MONTH_DAYS_MAX: Final = 31


class Window(NamedTuple):
    """Instants `[from_us, to_us)` in which a run looks for usage."""

    from_us: int
    to_us: int


class Windows(NamedTuple):
    """`main`: all usage in it. `reopened`: what lies before that; only of `accounts` (by index)."""

    main: Window | None
    reopened: Window | None
    accounts: Bools


class Dates(Sequence[dt.date | None]):
    """Day numbers as dates; -1 is none."""

    def __init__(self, days: Int64s) -> None:
        self._days = days

    def __len__(self) -> int:
        return len(self._days)

    def __getitem__(self, index: int) -> dt.date | None:  # type: ignore[override]  # nobody asks for slices
        number = int(self._days[index])
        return None if number < 0 else day_of(number)


def split(calendar: Int64s, arrays: Arrays, bill_date: dt.date) -> Windows:
    """The windows of accounts with these calendars (-1: none)."""
    nobody = np.zeros(len(calendar), np.bool_)
    if not arrays.period_count.size:
        return Windows(None, None, nobody)
    rows = np.arange(len(arrays.period_count))
    first_us = arrays.bounds_us[:, 0]
    last_us, to_us = (arrays.bounds_us[rows, arrays.period_count - back] for back in (1, 0))
    lately = arrays.period_from[rows, arrays.period_count - 1] >= day_number(bill_date) - LATELY_DAYS
    from_us = int(last_us[lately].min()) if lately.any() else int(first_us.min())
    accounts = np.append(first_us < from_us, False)[calendar]
    if not accounts.any() or int(accounts.sum()) * _FEW > int((calendar >= 0).sum()):
        return Windows(Window(int(first_us.min()), int(to_us.max())), None, nobody)
    return Windows(Window(from_us, max(from_us, int(to_us.max()))), Window(int(first_us.min()), from_us), accounts)


def unowned_from_us(window: Window, bill_date: dt.date, reopen_periods_max: int) -> int:
    """The instant from which on a run refuses usage without an owner.

    What began before is closed for it, and for runs of other bill days.
    """
    open_day = day_number(bill_date) - (reopen_periods_max + 1) * _MONTH_DAYS_MAX
    return min(window.from_us, open_day * DAY_US)


def reaching_back(main: Window, reopened: Window | None, from_us: int) -> Window | None:
    """The reopened window, as far back as `from_us`; None where the main one reaches back so far."""
    first_us = from_us if reopened is None else min(reopened.from_us, from_us)
    return Window(first_us, main.from_us) if first_us < main.from_us else reopened


def together(main: Window | None, reopened: Window | None) -> Window | None:
    """Both windows as one."""
    if main is None or reopened is None:
        return main
    return Window(min(main.from_us, reopened.from_us), main.to_us)
