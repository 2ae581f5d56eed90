"""Records that a person decides on, chosen among those that are too late and open, and grouped as they are decided: by subscription.

What is billed is grouped by catalogue and tax class as well, since a group becomes one adjustment.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from billing.accounts.lookup import unknown_account
from billing.intake import view
from billing.runs.selection.left_out import Outlook
from billing.store import tables
from billing.too_late.listing import listed, local_start
from billing.too_late.wording import told_apart
from billing.verification.explain_line import explain_record
from rating.errors import NotFoundError, UserError
from rating.schema import KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from billing.left_out.telling import UnbilledRecord
    from billing.store.home import Home
    from billing.too_late.listing import TooLate

    Progress = Callable[[int, int], None]

_LIST: Final = "`ratewright usage too-late` lists what is open, with --decided what is not"
_MONTH: Final = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
_EVENT_KEY: Final = re.compile(r"[0-9a-f]{32}")
_BEGINNING: Final = re.compile(r"[0-9a-f]{8,32}")


class Choice(NamedTuple):
    """A choice: records by name or event key, or all of an account, of a month (of their start, such as 2025-10), or of both."""

    records: tuple[str, ...] = ()
    account_id: str | None = None
    month: str | None = None


class GroupKey(NamedTuple):
    """The values that the records of a decision have in common. Empty texts: without an owner, of unknown worth, not billed."""

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
    require_account(home, choice.account_id)
    found = listed(home, now_us, progress=progress).records
    if choice.records:
        return _named(home, found, choice, now_us)
    mine = [each for each in found if _is_of(each, choice)]
    if not mine:
        raise UserError(f"no open usage of {_words(choice)} is too late for a bill", _LIST)
    return mine


def require_account(home: Home, account_id: str | None) -> None:
    """Raises UserError where no account has an id that is given. An empty one asks for usage without an owner."""
    if account_id:
        account = tables.accounts.c.account_id
        with home.connect() as connection:
            if connection.execute(sa.select(account).where(account == account_id)).first() is None:
                raise unknown_account(connection, account_id)


def grouped(records: Iterable[TooLate], *, billed: bool) -> Sequence[tuple[GroupKey, list[TooLate]]]:
    """The records by what one decision is about, in order.

    What is given up and what is not given back are decisions of their own: the limit of one person holds for each.
    """
    groups: dict[tuple[GroupKey, bool], list[TooLate]] = {}
    for each in records:
        sold = (each.catalogue, each.tax_class) if billed else ("", "")
        key = GroupKey(each.record.account_id, each.record.subscription_id, each.currency, *sold)
        groups.setdefault((key, not billed and each.worth_micros < 0), []).append(each)
    return [(key, groups[key, below]) for key, below in sorted(groups)]


def _is_of(each: TooLate, choice: Choice) -> bool:
    of_month = choice.month is None or f"{local_start(each):%Y-%m}" == choice.month
    return of_month and (choice.account_id is None or each.record.account_id == choice.account_id)


def _words(choice: Choice) -> str:
    """Such as `account anna and 2025-10`."""
    of = "nobody" if choice.account_id == "" else choice.account_id and f"account {choice.account_id}"
    return " and ".join(word for word in (of, choice.month) if word)


def _named(home: Home, found: Sequence[TooLate], choice: Choice, now_us: int) -> list[TooLate]:
    """The records of these names or event keys, each once."""
    wanted = {}
    for name in choice.records:
        named = _called_so(found, name)
        mine = [each for each in named if _is_of(each, choice)]
        if named and not mine:
            raise _of_others(choice, name, named[0])
        if not mine:
            raise _not_open(home, _called(home, name), now_us)
        if len(mine) > 1:
            raise UserError(
                f"{len(mine)} entries are called {name}", f"name one by its key: {'; '.join(told_apart(each) for each in mine)}"
            )
        wanted[mine[0].record.event_key] = mine[0]
    return sorted(wanted.values(), key=lambda each: (each.record.start_us, each.record.event_key))


def _called_so(found: Sequence[TooLate], name: str) -> list[TooLate]:
    """Those of this name or event key; where there are none, those whose event key begins so."""
    named = [each for each in found if name in {each.record.event_key, each.record.record_id}]
    if named or not _BEGINNING.fullmatch(name):
        return named
    return [each for each in found if each.record.event_key.startswith(name)]


def _of_others(choice: Choice, name: str, each: TooLate) -> UserError:
    """A record that is named, and is not of the account or the month that are named as well."""
    whose = f"of account {each.record.account_id}" if each.record.account_id else "nobody's"
    options = " and ".join(option for option, value in (("--account", choice.account_id), ("--month", choice.month)) if value is not None)
    return UserError(f"record {name} is {whose}, and began in {local_start(each):%Y-%m}", f"leave out {options}: its name is enough")


def _called(home: Home, name: str) -> str:
    """The name that a source gave to a record, where the event key is given."""
    if not _EVENT_KEY.fullmatch(name):
        return name
    with home.connect() as connection:
        seq = home.head_seq(connection)
    usage = view.usage(home, ("event_key", "record_id"), seq, every=True)
    found = usage.filter(pc.equal(usage["event_key"], pa.scalar(bytes.fromhex(name), KEY)))["record_id"].to_pylist()
    return str(found[0]) if found else name


def _explained(home: Home, name: str) -> tuple[UnbilledRecord, ...] | None:
    """Explanations of records of this name that are on no bill; None where no record of the name is known."""
    try:
        return explain_record(home, name).left_out
    except UserError:
        return None


def _not_open(home: Home, name: str, now_us: int) -> UserError:
    decided = listed(home, now_us, decided=True).records
    known = next((each.record for each in decided if name in {each.record.event_key, each.record.record_id}), None)
    if known is None:
        told = _explained(home, name)
        if told is None:
            return NotFoundError(
                f"no usage that counts has a record {name}", f"{_LIST}, `ratewright usage suspense` what could not be read"
            )
        ahead = next((each for each in told if not each.run_id and each.outlook is Outlook.FOR_GOOD), None)
        if ahead is not None:
            of_account = " of its account" if ahead.account_id else ""
            return UserError(
                f"no run has read record {name} yet: the next one{of_account} is that of {ahead.bill_date}",
                "decide when that run is made: from then on `ratewright usage too-late` lists the record",
            )
        soon = next((each for each in told if not each.run_id and each.outlook is Outlook.LATER), None)
        if soon is not None and soon.account_id:
            return UserError(
                f"record {name} is not too late: the run of {soon.next_bill_date} bills it, unless it is left out then",
                "nothing is to be decided; `ratewright bill explain` says why",
            )
    if known is None or known.decision is None:
        why = f"`ratewright bill explain {shlex.quote(name)}` says why"
        return NotFoundError(f"no record {name} is too late for a bill and open here", f"{_LIST}; {why}")
    made = known.decision
    return UserError(
        f"{made.by_name} has decided on record {name}: {made.kind.replace('_', ' ')} (decision {made.decision_id})",
        f"ratewright usage too-late take-back {made.decision_id} --reason ... opens it again",
    )
