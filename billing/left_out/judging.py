"""The verdict of one bill run on events: why it has left them out, as the run knew facts, tariffs and its own coverage.

Everything is decided by the code of the run itself, on the scope with all open periods: what an earlier run billed and nothing has
touched since is in it as well, and is `settled`. Events without an owner are judged by the window in which the run looked for usage.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from billing import late_decisions
from billing.charges.periods import period_after, period_of
from billing.guiding import Guide
from billing.runs.contracts import facts, price_list
from billing.runs.contracts.columns import int64, one_chunk
from billing.runs.contracts.contracts import Contracts
from billing.runs.contracts.rule_inputs import asked
from billing.runs.selection import arrival_times, changed_accounts, scope
from billing.runs.selection.left_out import PLACES, LeftOut
from billing.runs.selection.usage_windows import unowned_from_us
from billing.runs.usage import late_changes, late_usage, pricing
from billing.runs.usage.pricing import Owned
from billing.store import settings
from rating.dates import NEVER_DAY, day_of, local_date
from rating.schema import Direction

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa
    import sqlalchemy as sa

    from billing.accounts.covering import Coverage
    from billing.charges.lines import Int64s
    from billing.charges.periods import Period
    from billing.intake.marks import Versions
    from billing.runs.contracts.counted_runs import Looked
    from billing.runs.contracts.facts import Account
    from billing.runs.contracts.price_list import PriceList
    from billing.runs.usage.owners import Owners
    from billing.store.home import Home

ORDER: Final = tuple(LeftOut)
CODES: Final = {reason: code for code, reason in enumerate(ORDER)}


class Circumstance(NamedTuple):
    """The knowledge of a run about an event. Empty or None where its number had no owner, or the account has no period on its day.

    `open_from`: the first day of the oldest period that was open. `closed_since`: the bill date from which on the event's own was not;
    `closes_on`: the same of a period that was billed, by the time of the run or later. `arrives_from`, `arrives_to`: the period of its
    arrival, where its plan bills it with that; None: with its own.
    """

    account_id: str = ""
    subscription_id: str = ""
    timezone: str = ""
    period_from: dt.date | None = None
    period_to: dt.date | None = None
    billed_from: dt.date | None = None
    open_from: dt.date | None = None
    closed_since: dt.date | None = None
    aside: str = ""
    closes_on: dt.date | None = None
    arrives_from: dt.date | None = None
    arrives_to: dt.date | None = None


def columns(prices: PriceList) -> tuple[str, ...]:
    """The columns of usage that a judge asks for, where these are the newest tariffs it may know."""
    return tuple(dict.fromkeys((*pricing.columns(asked(prices.catalogues)), *arrival_times.COLUMNS)))


class Judge:
    """Judges events as a run knew them."""

    def __init__(self, home: Home, connection: sa.Connection, run: Looked) -> None:
        self.run = run
        seq = run.pinned_seq
        prices = price_list.load(home, seq)
        self._contracts = Contracts(facts.load(connection, seq), prices, facts.Midnights())
        covered = scope.covered_through(connection, self._contracts.facts, run.run_id or None)
        about = (home, connection, self._contracts, covered, run.bill_date, seq)
        self._scope = self._open = changed_accounts.scope_of(*about, only=run.only, everything=True)
        if any(kind == LeftOut.HELD for kind, _ in self._scope.left_out.values()):
            known = self._contracts.facts
            unheld = Contracts(dataclasses.replace(known, agreed=dataclasses.replace(known.agreed, holds={})), prices, facts.Midnights())
            self._open = changed_accounts.scope_of(home, connection, unheld, *about[3:], only=run.only, everything=True)
        self._guide = Guide(home, seq)
        self._decided = late_decisions.decided(connection, seq, not_taken_back=True)
        self._home = home
        self._came, self._changes = late_changes.find(home, seq, self._guide, self._contracts, self._scope, self._decided)
        self._reopen = settings.integer(connection, "reopen_periods_max", seq=seq)

    def reasons(self, usage: pa.Table, *, changes: bool = False) -> npt.NDArray[np.int8]:
        """The reason of each row (place in ORDER), as if none of them were among the charges of the run.

        A session that was changed too late is judged by the row of before, which goes on counting; with `changes`, by the row as it is now.
        """
        late = np.full(usage.num_rows, -1, np.int8)
        if self._changes is not None:
            late = self._changes.reasons(usage)
            if not changes:
                usage, is_shown = self._changes.as_shown(usage)
                late[is_shown] = -1
        start_us = int64(usage["start_us"])
        owner, lates = self._owners(usage, start_us), dict[str, npt.NDArray[np.bool_]]()
        if self._came is not None:
            owner, lates = late_usage.placed(owner, start_us, usage, self._came, self._contracts, self._scope)
        found = np.full(len(start_us), CODES[LeftOut.SETTLED], np.int8)
        for reason, place in PLACES.items():
            found[owner.place == place] = CODES[reason]
        self._judge_nobodys(found, owner, start_us)
        self._judge_put_aside(found, owner)
        self._judge_held(found, owner, start_us)
        self._judge_ended(found, owner, start_us)
        for name, rows in lates.items():
            found[rows] = CODES[LeftOut(name)]
        for code, reason in enumerate(late_changes.REASONS):
            by_hand = reason is LeftOut.DECIDED
            found[(late == code) & ((found == CODES[LeftOut.SETTLED]) | (not by_hand))] = CODES[reason]
        found[~self._bills(usage, owner, start_us)] = CODES[LeftOut.NOT_BILLABLE]
        would_bill = (found == CODES[LeftOut.SETTLED]) | ((found == CODES[LeftOut.OTHER_RUN]) & (owner.subscription < 0))
        found[would_bill & self._decided.holds(usage["event_key"])] = CODES[LeftOut.DECIDED]
        return found

    def shown(self) -> Versions | None:
        """The rows that the run priced instead of what came too late, as it knew decisions."""
        with self._home.connect() as connection:
            decided = late_decisions.decided(connection, self.run.pinned_seq)
        about = (self._guide, self._contracts, self._scope, decided)
        late = late_changes.find(self._home, self.run.pinned_seq, *about)[1]
        return None if late is None else late.shown

    def account_keys(self, usage: pa.Table) -> Int64s:
        """The account key of each row; 0: no owner."""
        account = self._owners(usage, int64(usage["start_us"])).account
        return np.append(self._contracts.facts.account_keys, 0)[account]

    def circumstances(self, usage: pa.Table) -> Iterator[Circumstance]:
        """The circumstances of each row. For few of them: each is looked at alone."""
        start_us = int64(usage["start_us"])
        owner, known = self._owners(usage, start_us), self._contracts.facts
        billed_us = self._arrived(usage, owner, start_us)
        for row, (subscription, account) in enumerate(zip(owner.subscription.tolist(), owner.account.tolist(), strict=True)):
            if account < 0:
                yield Circumstance()
                continue
            instants = int(start_us[row]), billed_us.get(row)
            yield self._of(known.accounts[account], account, known.subscriptions[subscription].subscription_id, *instants)

    def _arrived(self, usage: pa.Table, owner: Owners, start_us: Int64s) -> dict[int, int]:
        """The rows that are billed with the period of their arrival, each with an instant of that."""
        if self._came is None:
            return {}
        among = owner.account >= 0
        late, instants = late_usage.arrived(owner, start_us, usage, self._came, self._contracts, self._scope, among=among)
        return dict(zip(late.tolist(), instants.tolist(), strict=True))

    def _of(self, account: Account, index: int, subscription_id: str, start_us: int, billed_us: int | None) -> Circumstance:
        day = _local_day(account, start_us)
        period = _period(account, day)
        arrival = None if billed_us is None else _period(account, _local_day(account, billed_us))
        calendar = int(self._open.calendar[index])
        open_from = None if calendar < 0 else max(self._open.calendars[calendar][0].start, day_of(int(self._open.first_day[index])))
        coverage = self._coverage(index)
        of = arrival or period
        stays_open = of is None or coverage is None or of.end > coverage.closed_to  # until a run bills it
        closing = None if of is None else self._closes_on(account, day if arrival is None else arrival.start)
        kind, aside = self._scope.left_out.get(account.account_key, ("", ""))
        return Circumstance(
            account_id=account.account_id,
            subscription_id=subscription_id,
            timezone=account.timezone,
            period_from=None if period is None else period.start,
            period_to=None if period is None else period.end,
            billed_from=account.billed_from,
            open_from=open_from,
            closed_since=None if closing is None or closing > self.run.bill_date else closing,
            aside="" if kind == LeftOut.TESTED else aside,  # in its last period, not in that of the event
            closes_on=None if stays_open else closing,
            arrives_from=None if arrival is None else arrival.start,
            arrives_to=None if arrival is None else arrival.end,
        )

    def _coverage(self, index: int) -> Coverage | None:
        return None if self._open.covered_by is None else self._open.covered_by[index]

    def _closes_on(self, account: Account, day: dt.date) -> dt.date | None:
        """The first bill date for which so many periods have ended after that of a day that it is closed.

        An account that is closed has them as if it went on: by these its last periods are open for late usage. None: before the account.
        """
        last = period_of(day, account.billed_from, account.all_bill_days)
        for _ in range(self._reopen + 1):
            last = None if last is None else period_after(last, account.all_bill_days)
        return None if last is None else last.end

    def _owners(self, usage: pa.Table, start_us: Int64s) -> Owners:
        keys = self._guide.resolve(one_chunk(usage["served_id"]), start_us)
        return pricing.owners(keys, start_us, self._contracts, self._scope)

    def _judge_nobodys(self, found: npt.NDArray[np.int8], owner: Owners, start_us: Int64s) -> None:
        """Events without an owner are refused where the run looks: outside of that it never saw them.

        They are closed where they began before all that it opens, and before all that a run of other bill days would open.
        """
        window, nobodys = self._scope.window, owner.subscription < 0
        found[nobodys] = CODES[LeftOut.OTHER_RUN]
        if window is None or self.run.only is not None:
            return
        open_us = unowned_from_us(window, self.run.bill_date, self._reopen)
        found[nobodys & (start_us < open_us)] = CODES[LeftOut.CLOSED]
        found[nobodys & (start_us >= window.to_us)] = CODES[LeftOut.NOT_DUE]

    def _judge_put_aside(self, found: npt.NDArray[np.int8], owner: Owners) -> None:
        known = self._contracts.facts
        for row in np.flatnonzero((found == CODES[LeftOut.OTHER_RUN]) & (owner.account >= 0)).tolist():
            kind, _ = self._scope.left_out.get(int(known.account_keys[owner.account[row]]), ("", ""))
            if kind:
                found[row] = CODES[LeftOut(kind)]

    def _judge_held(self, found: npt.NDArray[np.int8], owner: Owners, start_us: Int64s) -> None:
        """Held usage is closed for good where the run would not bill it without the hold either: runs to come are later."""
        rows = np.flatnonzero(found == CODES[LeftOut.HELD])
        if rows.size:
            is_closed = self._open.place(owner.account[rows], start_us[rows]) == PLACES[LeftOut.CLOSED]
            found[rows[is_closed]] = CODES[LeftOut.CLOSED]

    def _judge_ended(self, found: npt.NDArray[np.int8], owner: Owners, start_us: Int64s) -> None:
        """Usage of an account that was closed and billed is closed for good once its period would be, had the account gone on.

        No run takes such an account in any more.
        """
        if self.run.only is not None:
            return
        ended = np.append(self._contracts.facts.account_closed_day != NEVER_DAY, False)
        rows = np.flatnonzero((found == CODES[LeftOut.OTHER_RUN]) & (owner.account >= 0) & ended[owner.account])
        for row in rows.tolist():
            index = int(owner.account[row])
            account, coverage = self._contracts.facts.accounts[index], self._coverage(index)
            day = local_date(int(start_us[row]), account.timezone)
            closing = self._closes_on(account, day)
            if coverage is not None and day < coverage.closed_to and closing is not None and closing <= self.run.bill_date:
                found[row] = CODES[LeftOut.CLOSED]

    def _bills(self, usage: pa.Table, owner: Owners, start_us: Int64s) -> npt.NDArray[np.bool_]:
        """Rows that bill, among them incoming ones only where the rule that holds names them."""
        bills = pricing.is_billable(usage, owner, self._contracts.prices_incoming)
        incoming = np.flatnonzero(bills & (owner.place >= 0) & (usage["direction"].to_numpy() != int(Direction.ORIGINATING)))
        if incoming.size:
            some = usage.take(incoming)
            owned = Owned(some, one_chunk(some["event_key"]), start_us[incoming], owner.of(incoming), {})
            events = pricing.rateable(owned, self._guide, self._contracts)
            bills[incoming] = pricing.incoming_by_name(events, owned.direction, self._contracts)
        return bills


def _local_day(account: Account, instant_us: int) -> dt.date:
    return local_date(instant_us, account.timezone)


def _period(account: Account, day: dt.date) -> Period | None:
    return period_of(day, account.billed_from, account.all_bill_days, account.closed_on)
