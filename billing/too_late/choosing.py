"""Records that somebody decides on, chosen among those that are too late and open, and grouped as they are decided: by subscription.

What is billed is grouped by catalogue and tax class as well, since a group becomes one adjustment.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple
from zoneinfo import ZoneInfo

from billing.runs.contracts.facts import EPOCH_INSTANT, MICROSECOND
from billing.runs.selection.left_out import Outlook
from billing.too_late.listing import listed
from billing.verification.explain_line import explain_record
from rating.errors import NotFoundError, UserError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from billing.left_out.telling import Told
    from billing.store.home import Home
    from billing.too_late.listing import TooLate

    Progress = Callable[[int, int], None]

_LIST: Final = "`ratewright usage too-late` lists what is open, with --decided what is not"
_MONTH: Final = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")


class Choice(NamedTuple):
    """A choice: records by name or event key, or all of an account, of a month (of their start, such as 2025-10), or of both."""

    records: tuple[str, ...] = ()
    account_id: str | None = None
    month: str | None = None


class GroupKey(NamedTuple):
    """The values that the records of a decision have in common. Empty texts: nobody's, of unknown worth, not billed."""

    account_id: str
    subscription_id: str
    currency: str
    catalogue: str
    tax_class: str


def chosen(home: Home, choice: Choice, now_us: int, progress: Progress | None = None) -> list[TooLate]:
    """The open records of a choice, oldest first. Raises UserError where nothing is chosen, none is open, or one that is named is not."""
    if not any(choice):
        raise UserError("no records are chosen", "name records, --account or --month", exit_status=2)
    if choice.month is not None and not _MONTH.fullmatch(choice.month):
        raise UserError(f"there is no month {choice.month!r}", "write it as 2025-10", exit_status=2)
    found = [each for each in listed(home, now_us, choice.account_id, progress=progress).records if _is_of(each, choice.month)]
    if choice.records:
        return _named(home, found, choice.records, now_us)
    if not found:
        about = " and ".join(word for word in (choice.account_id and f"account {choice.account_id}", choice.month) if word)
        raise UserError(f"no open usage of {about} is too late for a bill", _LIST)
    return found


def grouped(records: Iterable[TooLate], *, billed: bool) -> Mapping[GroupKey, list[TooLate]]:
    """The records by what one decision is about, in order."""
    groups: dict[GroupKey, list[TooLate]] = {}
    for each in records:
        sold = (each.catalogue, each.tax_class) if billed else ("", "")
        groups.setdefault(GroupKey(each.record.account_id, each.record.subscription_id, each.currency, *sold), []).append(each)
    return dict(sorted(groups.items()))


def local_start(each: TooLate) -> dt.datetime:
    """The start of a record on the clock of its account; UTC where it is nobody's."""
    return _local(each, each.record.start_us)


def local_day(each: TooLate, instant_us: int) -> dt.date:
    """The day of an instant on the clock of the account of a record; UTC where it is nobody's."""
    return _local(each, instant_us).date()


def _local(each: TooLate, instant_us: int) -> dt.datetime:
    return (EPOCH_INSTANT + instant_us * MICROSECOND).astimezone(ZoneInfo(each.record.timezone or "UTC"))


def _is_of(each: TooLate, month: str | None) -> bool:
    return month is None or f"{local_start(each):%Y-%m}" == month


def _named(home: Home, found: Sequence[TooLate], names: Sequence[str], now_us: int) -> list[TooLate]:
    """The records of these names or event keys, each once."""
    wanted = {}
    for name in names:
        mine = [each for each in found if name in {each.record.event_key, each.record.record_id}]
        if not mine:
            raise _not_open(home, name, now_us)
        if len(mine) > 1:
            keys = ", ".join(each.record.event_key for each in mine)
            raise UserError(f"{len(mine)} records are called {name}", f"name one by its event key: {keys}")
        wanted[mine[0].record.event_key] = mine[0]
    return sorted(wanted.values(), key=lambda each: (each.record.start_us, each.record.event_key))


def _explained(home: Home, name: str) -> tuple[Told, ...]:
    """A text about records of this name that are on no bill."""
    try:
        return explain_record(home, name).left_out
    except UserError:  # nobody knows it
        return ()


def _not_open(home: Home, name: str, now_us: int) -> UserError:
    decided = listed(home, now_us, decided=True).records
    known = next((each.record for each in decided if name in {each.record.event_key, each.record.record_id}), None)
    if known is None:
        ahead = next((each for each in _explained(home, name) if not each.run_id and each.outlook is Outlook.FOR_GOOD), None)
        if ahead is not None:
            return UserError(
                f"no run has looked at record {name} yet: the next one of its account is that of {ahead.bill_date}",
                "decide when that run is made: from then on `ratewright usage too-late` lists the record",
            )
    if known is None or known.decision is None:
        return NotFoundError(f"no record {name} is too late for a bill and open here", f"{_LIST}; `ratewright bill explain` tells why")
    made = known.decision
    return UserError(
        f"{made.by_name} has decided on record {name}: {made.kind.replace('_', ' ')} (decision {made.decision_id})",
        f"ratewright usage too-late take-back {made.decision_id} --reason ... opens it again",
    )
