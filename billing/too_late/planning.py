"""The decisions that chosen records lead to, looked at as if they were made: amount, day and text of adjustments, and what forbids them."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import sqlalchemy as sa

from billing.accounts.picture import load
from billing.accounts.still_open import running_to
from billing.charges.lines import round_half_up
from billing.documents import adjusting
from billing.late_decisions import BILLED
from billing.runs.selection.left_out import LeftOut
from billing.store import tables
from billing.too_late.choosing import grouped
from billing.too_late.possible import is_priced
from billing.too_late.rerated import Rerated
from billing.too_late.results import Decided, Group, LeftAlone, Obstacle
from billing.too_late.wording import in_short, line_text, told_apart
from rating.dates import last_day, local_date
from rating.errors import UserError
from rating.money import format_micros

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from billing.persons import Who
    from billing.store.home import Home
    from billing.too_late.choosing import GroupKey
    from billing.too_late.listing import TooLate
    from billing.too_late.results import LateAct

_REASON_CODE: Final = "late_usage"
_BY_HAND: Final = "write it off; what is to be charged all the same `ratewright adjustment add` charges"
_DIFFERENCE: Final = (
    "`ratewright adjustment add` bills or gives back the difference; `ratewright usage too-late write-off` closes the record either way"
)
_BY_NAME: Final = "name the record to bill it all the same, or write it off"
# A plan promises it: a choice of many records does not break that.
_PROMISED: Final = {
    LeftOut.WAIVED: Obstacle("its plan waives usage that comes after its bill", _BY_NAME),
    LeftOut.TOO_LATE: Obstacle("its plan bills nothing that comes so late", _BY_NAME),
}


class Owner(NamedTuple):
    """An account as decisions need it. `account_key` None: no owner."""

    account_key: int | None
    timezone: str


class Planner:
    """Plans one decision, in its transaction."""

    def __init__(self, home: Home, connection: sa.Connection, wanted: LateAct, who: Who) -> None:
        self._home, self._connection, self._wanted, self._who = home, connection, wanted, who
        self._bills = wanted.kind == BILLED
        self._rerated = Rerated(home, connection)
        self.owners: Mapping[str, Owner] = {}

    def plan(self, records: Sequence[TooLate]) -> Decided:
        """The decisions. Raises UserError where none is left, or a record that is named cannot be billed."""
        reasons = [self._unbillable(each) for each in records]
        pairs = list(zip(records, reasons, strict=True))
        alone = [LeftAlone(each.record.record_id, each.record.event_key, *why) for each, why in pairs if why is not None]
        parts = grouped([each for each, why in pairs if why is None], billed=self._bills)
        self.owners = owners_of(self._connection, {key.account_id for key, _ in parts})
        if self._wanted.amount_micros is not None and len(parts) > 1:
            raise UserError(f"the records are of {len(parts)} adjustments, and one amount is given", "choose records of one subscription")
        groups = []
        for key, part in parts:
            group = self._group(key, part)
            why = self._refusal(group) if self._bills else None
            if why is None:
                groups.append(group)
            else:
                alone += [LeftAlone(each.record.record_id, each.record.event_key, *why) for each in part]
        if alone and (not groups or self._wanted.choice.records):
            raise UserError(f"record {alone[0].record_id} cannot be billed: {alone[0].why}", alone[0].remedy)
        return Decided(self._wanted.kind, tuple(groups), tuple(alone), sum(len(each.records) for each in groups), limit_values(groups))

    def _unbillable(self, each: TooLate) -> Obstacle | None:
        """The reason why a record alone cannot be billed; None where it can, and where it is written off."""
        if not self._bills:
            return None
        if each.versions is not None:
            closed = Obstacle(f"it is on the bill of a closed period ({in_short(each.versions)})", _DIFFERENCE)
            return self._rerated.why_not_the_difference(each) or closed
        is_named = bool(self._wanted.choice.records)
        return _unbillable(each) or self._rerated.why(each) or (None if is_named else _PROMISED.get(each.record.reason))

    def _group(self, key: GroupKey, part: Sequence[TooLate]) -> Group:
        worth = sum(each.worth_micros for each in part)
        amount, day, text = 0, "", ""
        if self._bills:
            owner = self.owners[key.account_id]
            step = adjusting.minor_step(self._home, key.catalogue)
            amount = self._wanted.amount_micros or int(round_half_up(np.array([worth], np.int64), step)[0])
            day = (self._wanted.on_date or local_date(self._who.now_us, owner.timezone)).isoformat()
            text = self._wanted.text or line_text(part, self._language(owner, day))
        names = tuple(each.record.record_id for each in part)
        versions = tuple(f"{each.record.record_id}, {told_apart(each)}" for each in part if each.versions is not None)
        return Group(0, *key, names, tuple(each.record.event_key for each in part), worth, amount, day, text, "", versions)

    def _language(self, owner: Owner, day: str) -> str:
        """The language of the bill that will have what is billed on a day."""
        if owner.account_key is None:
            return "en"
        return adjusting.language_of_bill(self._home, self._connection, owner.account_key, dt.date.fromisoformat(day))

    def _refusal(self, group: Group) -> Obstacle | None:
        """The reason why a group cannot be billed; None where it can."""
        if group.amount_micros <= 0:
            worth = f"{format_micros(group.worth_micros)} {group.currency}"
            return Obstacle(f"it is worth {worth}, which is nothing that can be billed", _BY_HAND)
        reference = f"late-usage-{self._who.now_us}"
        late = self._too_far(group)
        if late is not None:
            return late
        try:
            adjusting.require_possible(self._home, self._connection, adjustment(group, reference), self._who)
        except (adjusting.AccountClosedError, adjusting.AccountForTestsError) as error:
            return Obstacle(error.message, f"write it off; {error.remedy}")
        except UserError as error:
            return Obstacle(error.message.removeprefix(f"adjustment {reference}: "), error.remedy)
        return None

    def _too_far(self, group: Group) -> Obstacle | None:
        """A day after the running period of the account: the next bill does not have it."""
        key, today = self.owners[group.account_id], local_date(self._who.now_us, self.owners[group.account_id].timezone)
        assert key.account_key is not None, group
        day, picture = dt.date.fromisoformat(group.on_date), load(self._connection, [key.account_key])
        end = running_to(self._connection, picture.customers[key.account_key], today)
        if day < end:
            return None
        why = f"{day} is after the running period of {group.account_id}, which ends on {last_day(end)}"
        return Obstacle(why, "leave out --date, or give a day in an open period")


def adjustment(group: Group, reference: str) -> adjusting.AdjustmentRequest:
    """The adjustment that bills a group."""
    day = dt.date.fromisoformat(group.on_date)
    sold = (group.catalogue, group.tax_class, group.subscription_id)
    return adjusting.AdjustmentRequest(reference, group.account_id, day, group.amount_micros, _REASON_CODE, group.text, *sold)


def _unbillable(each: TooLate) -> Obstacle | None:
    """The reason why a record alone cannot be billed; None where it can."""
    if not each.record.account_id:
        return Obstacle("its number had no owner", _BY_HAND)
    if not is_priced(each.basis, each.catalogue):
        return Obstacle("no plan of its owner has a price for it", _BY_HAND)
    return None


def owners_of(connection: sa.Connection, account_ids: set[str]) -> Mapping[str, Owner]:
    """Accounts by their ids; by an empty one the owner of records without an account."""
    account = tables.accounts.c
    query = sa.select(account.account_id, account.account_key, account.timezone)
    rows = connection.execute(query.where(account.account_id.in_(account_ids)))
    return {"": Owner(None, "UTC"), **{row.account_id: Owner(int(row.account_key), row.timezone) for row in rows}}


def limit_values(groups: Sequence[Group]) -> dict[str, int]:
    """The amounts that count for the limit, by currency: what is billed, or the worth of what is not."""
    values: dict[str, int] = {}
    for each in groups:
        values[each.currency] = values.get(each.currency, 0) + (each.amount_micros or each.worth_micros)
    return dict(sorted(values.items()))
