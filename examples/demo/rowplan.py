"""Which rows a switch leaves for its calls, in which file each stands, and what a right intake makes of it.

One call is one row, or several (ring-all, Local channels, b-legs). Rows are written when the call ends, into the file of that UTC day;
some come twice, some come twice with another duration, some are damaged, and some arrive in a file after the bill.
The outcome is known from how the row was made, so that nobody has to read the files to know what is in them.
"""

from __future__ import annotations

import datetime as dt
import enum
from typing import TYPE_CHECKING, NamedTuple

import calls as calls_module
import numpy as np
import numpy.typing as npt
import population

if TYPE_CHECKING:
    from calls import Calls

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

US = calls_module.US
DAY_US = 86_400 * US
LONGER_US = 60 * US  # by how much the second version of a conflicting record differs
DUPLICATE_SHARE = 0.004
CONFLICT_SHARE = 0.0002
DAMAGE_SHARE = 0.0002  # of each kind of damage
RING_SHARE = 0.01
SECOND_LEG_SHARE = 0.005
LATE_SHARE = 0.005
LATE_DUPLICATE_SHARE, LATE_CONFLICT_SHARE = 0.05, 0.02  # of the copies
CUT_EVERY_DAYS = 7  # the last row of such a day's file is cut in the middle
LATE_FILE = 10**6  # the file number of what arrives after the bill


class Role(enum.IntEnum):
    """How a row came to be."""

    MAIN = 0  # the row that bills, if the call was answered
    RING_OTHER = 1  # another telephone that rang and was not picked up
    SECOND_LEG = 2  # an answered leg of a call that its main row bills
    DUPLICATE = 3  # the main row once more
    CONFLICT = 4  # the main row once more, with another duration
    WRONG_WIDTH = 5  # a row that lost columns
    WRONG_TIME = 6  # a row with times that are none


class Outcome(enum.IntEnum):
    """What intake makes of a row."""

    ANSWERED = 0
    UNANSWERED = 1
    ABSORBED = 2
    CONFLICTING = 3
    DUPLICATE = 4
    REJECTED = 5


class Plan(NamedTuple):
    """One row a row, in the order of the files."""

    call: Ints  # position in the calls
    role: npt.NDArray[np.int8]
    file: Ints  # days since the month began, LATE_FILE for late ones
    outcome: npt.NDArray[np.int8]
    reason: npt.NDArray[np.int8]  # position in REASONS, 0 where nothing is wrong

    def take(self, index: Ints) -> Plan:
        """The rows at `index`, in that order."""
        return Plan(self.call[index], self.role[index], self.file[index], self.outcome[index], self.reason[index])


REASONS = ("", "wrong_column_count", "unreadable_time", "ambiguous_local_time", "unterminated_quote")
WIDTH, TIME, AMBIGUOUS, QUOTE = range(1, 5)


class Marks(NamedTuple):
    """What is known of the calls before their rows are made. The first `planted` ones are kept as they are: one row each."""

    planted: int
    is_late: Flags | None  # which calls arrive after the bill; None: this switch is never late
    is_doubtful: Flags  # calls whose local stamps happened twice


class Counts(NamedTuple):
    """How many rows of each role a switch writes."""

    main: int
    ring_other: int
    second_leg: int
    duplicate: int
    conflict: int
    wrong_width: int
    wrong_time: int


def counts(rows: int) -> Counts:
    """Rows of each role that add up to `rows`; at least one of each where there is room for ordinary calls as well."""
    least = 1 if rows >= 20 else 0  # noqa: PLR2004 - fewer rows than roles: ordinary calls only
    shares = (RING_SHARE, SECOND_LEG_SHARE, DUPLICATE_SHARE, CONFLICT_SHARE, DAMAGE_SHARE, DAMAGE_SHARE)
    extra = [max(least, round(rows * share)) for share in shares]
    return Counts(rows - sum(extra), *extra)


def plan(rng: np.random.Generator, calls: Calls, number_of: Counts, marks: Marks) -> Plan:
    """The rows of all calls. The last `wrong_*` calls are the damaged ones."""
    is_doubtful = marks.is_doubtful
    damaged = number_of.wrong_width + number_of.wrong_time
    whole = len(calls.line) - damaged
    picked = _picked(rng, calls, whole, number_of, marks)
    groups = [
        (np.arange(whole), Role.MAIN),
        (picked[Role.RING_OTHER], Role.RING_OTHER),
        (picked[Role.SECOND_LEG], Role.SECOND_LEG),
        (picked[Role.DUPLICATE], Role.DUPLICATE),
        (picked[Role.CONFLICT], Role.CONFLICT),
        (np.arange(whole, whole + number_of.wrong_width), Role.WRONG_WIDTH),
        (np.arange(whole + number_of.wrong_width, whole + damaged), Role.WRONG_TIME),
    ]
    call = np.concatenate([index for index, _ in groups])
    role = np.concatenate([np.full(len(index), each, dtype=np.int8) for index, each in groups])
    outcome, reason = _outcomes(calls, call, role, picked[Role.CONFLICT], is_doubtful)
    written_us = calls.end_us[call] + _delays_us(rng, role)
    file = _not_alone(_files(call, role, written_us, picked, marks), reason)
    order = np.lexsort((role, written_us, file))
    made = Plan(call, role, file, outcome, reason).take(order)
    _cut_last_rows(made, len(calls.line), marks.planted)
    return made


def file_date(file: int) -> dt.date:
    """The UTC day of a file."""
    return population.MONTH[0] + dt.timedelta(days=int(file))


def _picked(rng: np.random.Generator, calls: Calls, whole: int, number_of: Counts, marks: Marks) -> dict[Role, Ints]:
    """Different calls for each role that repeats one. Long enough ones, so that a second leg is truly shorter and inside."""
    usual = ~marks.is_doubtful[:whole]
    usual[: marks.planted] = False
    fit = np.flatnonzero(usual & (calls.talk_us[:whole] > LONGER_US) & (calls.line[:whole] >= 0))
    roles = (Role.SECOND_LEG, Role.DUPLICATE, Role.CONFLICT)
    sizes = (number_of.second_leg, number_of.duplicate, number_of.conflict)
    drawn = rng.permutation(fit)[: sum(sizes)]
    parts = np.split(drawn, np.cumsum(sizes)[:-1])
    taken = np.zeros(whole, dtype=np.bool_)
    taken[drawn] = True
    free = np.flatnonzero(~taken & usual)
    picked = dict(zip(roles, parts, strict=True))
    picked[Role.RING_OTHER] = rng.choice(free, number_of.ring_other, replace=False)
    return picked


def _outcomes(
    calls: Calls, call: Ints, role: npt.NDArray[np.int8], conflicting: Ints, is_doubtful: Flags
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int8]]:
    outcome = np.where(calls.answered[call], Outcome.ANSWERED, Outcome.UNANSWERED).astype(np.int8)
    reason = np.zeros(len(call), dtype=np.int8)
    outcome[role == Role.RING_OTHER] = Outcome.UNANSWERED
    outcome[role == Role.SECOND_LEG] = Outcome.ABSORBED
    outcome[role == Role.DUPLICATE] = Outcome.DUPLICATE
    has_conflict = np.zeros(len(calls.line), dtype=np.bool_)
    has_conflict[conflicting] = True
    outcome[has_conflict[call]] = Outcome.CONFLICTING
    for wrong, why in ((is_doubtful[call], AMBIGUOUS), (role == Role.WRONG_WIDTH, WIDTH), (role == Role.WRONG_TIME, TIME)):
        outcome[wrong] = Outcome.REJECTED
        reason[wrong] = why
    return outcome, reason


def _cut_last_rows(made: Plan, count: int, planted: int) -> None:
    """The last row of some files is cut off in the middle, if nothing else is special about it."""
    rows_of_call = np.bincount(made.call, minlength=count)
    rows_of_call[:planted] = 0
    for last in np.append(np.flatnonzero(np.diff(made.file)), len(made.file) - 1):
        ordinary = made.role[last] == Role.MAIN and made.reason[last] == 0 and rows_of_call[made.call[last]] == 1
        is_day_of_cuts = made.file[last] != LATE_FILE and made.file[last] % CUT_EVERY_DAYS == CUT_EVERY_DAYS - 1
        if ordinary and is_day_of_cuts and np.count_nonzero(made.reason[made.file == made.file[last]] == 0) > 1:
            made.outcome[last], made.reason[last] = Outcome.REJECTED, QUOTE


def _not_alone(file: Ints, reason: npt.NDArray[np.int8]) -> Ints:
    """Rows that cannot be read move to the fullest file where theirs holds no other: a file of nothing but damage is refused whole."""
    files, rows = np.unique(file[reason == 0], return_counts=True)
    return np.where(np.isin(file, files), file, files[rows.argmax()])


def _delays_us(rng: np.random.Generator, role: npt.NDArray[np.int8]) -> Ints:
    """Copies come later than the first, up to a day and a half; legs of one call are written together."""
    is_copy = (role == Role.DUPLICATE) | (role == Role.CONFLICT)
    delay_us = np.zeros(len(role), dtype=np.int64)
    delay_us[is_copy] = rng.integers(1, 36 * 3600 * US, int(is_copy.sum()))
    return delay_us


def _files(call: Ints, role: npt.NDArray[np.int8], written_us: Ints, picked: dict[Role, Ints], marks: Marks) -> Ints:
    """The file of each row: its UTC day within the month, or the late one."""
    first_us = round(dt.datetime.combine(population.MONTH[0], dt.time(), dt.UTC).timestamp()) * US
    days = (population.MONTH[1] - population.MONTH[0]).days
    file = ((written_us - first_us) // DAY_US).clip(0, days - 1)
    if marks.is_late is None:
        return file
    is_late = marks.is_late.copy()
    is_late[picked[Role.CONFLICT]] = is_late[picked[Role.DUPLICATE]] = False
    file[is_late[call]] = LATE_FILE
    # A few copies arrive late although their first version was billed: duplicates change nothing, a conflict takes the charge back.
    for kind, share in ((Role.DUPLICATE, LATE_DUPLICATE_SHARE), (Role.CONFLICT, LATE_CONFLICT_SHARE)):
        copies = np.flatnonzero(role == kind)
        file[copies[: max(1, round(len(copies) * share))]] = LATE_FILE
    return file
