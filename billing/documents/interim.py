"""Interim bills: usage that reached a bill threshold in mid-cycle is billed at once, under the keys of the running period.

Each threshold acts once a period, which `limit_alarms` records; the bill of the cycle has only later usage, by reconciliation. Only usage,
and lines that volume tiers make of it, is billed; fees, discounts and commitments wait for the cycle. So does everything of a rating unit
in which an account has a hold on the date. Usage that a bill of another account has by now stays there. Unbilled usage is a view as of the
date. An account with a later bill or void is skipped, and not notified (`billing.runs.selection.later_bills`). Amounts are micro-units.
"""

from __future__ import annotations

import datetime as dt
import functools
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
import numpy as np
import sqlalchemy as sa

from billing import clocks
from billing.clocks import Dated
from billing.documents.issuing import issue
from billing.documents.trying import Work
from billing.invoicing.drafts import Drafts
from billing.ledger import closed_months
from billing.runs import states
from billing.runs.lock import only_run
from billing.runs.selection import later_bills
from billing.runs.selection.interim_charges import HAS_CHARGES, LEAVES_OTHERS
from billing.runs.settlement.drafting import Writer
from billing.runs.settlement.interim_events import Charges, charges_of
from billing.runs.settlement.interim_lines import as_priced, usage_of, with_tax
from billing.runs.settlement.left_to_others import left_to_other_bills
from billing.runs.settlement.payer_table import Payers
from billing.runs.settlement.thresholds import Acted, Reached, reached
from billing.runs.settlement.unbilled import unbilled
from billing.runs.usage.spend_limits import Spending, Spent
from billing.store import commit_points, tables
from rating.dates import day_of
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Collection

    from billing.ledger.closed_months import Who
    from billing.runs.contracts.contracts import Contracts
    from billing.runs.settlement.unbilled import Unbilled
    from billing.runs.usage.shard_groups import Sink
    from billing.store.home import Home

ALARM: Final = "bill_threshold"
SPENT: Final = "spend_limit"


class Interim(msgspec.Struct, frozen=True):
    """A threshold that was reached, and the unbilled usage of its subscription."""

    account_id: str
    subscription_id: str
    threshold: str
    threshold_micros: int
    unbilled_micros: int
    period_from: str
    currency: str


class Limit(msgspec.Struct, frozen=True):
    """A spend limit that was reached, the amount spent in its window, and the plan's action: notify or bar."""

    account_id: str
    subscription_id: str
    limit: str
    limit_micros: int
    spent_micros: int
    window_from: str
    action: str
    currency: str


class PassedBy(msgspec.Struct, frozen=True):
    """A threshold or spend limit, by its name, that was reached by the date and is neither billed nor notified, and the reason."""

    account_id: str
    subscription_id: str
    limit: str
    reason: str


class InterimRun(msgspec.Struct, frozen=True):
    """Bills made in mid-cycle, and limits not notified before. `run_id` 0: nothing was billed, or it is a preview.

    `held`: reached thresholds that wait, since the bills of the account are held. `passed_by`: those of accounts with bills or voids of a
    later date. `refused`: the reason why a previewed run cannot bill now.
    """

    run_id: int
    date: str
    invoices: int
    reached: tuple[Interim, ...]
    limits: tuple[Limit, ...]
    held: tuple[Interim, ...] = ()
    passed_by: tuple[PassedBy, ...] = ()
    refused: str = ""


class _Found(NamedTuple):
    seq: int  # as of which it was computed
    reached: list[Reached]
    spent: list[Spent]
    drafts: Drafts
    shown: tuple[Interim, ...]
    limits: tuple[Limit, ...]
    held: tuple[Interim, ...]
    passed_by: tuple[PassedBy, ...]
    charges: Charges | None = None  # of usage of the subscriptions that are billed

    @property
    def account_keys(self) -> set[int]:
        """The accounts that are billed or notified."""
        told = {each.account_key for each in self.reached} | {each.account_key for each in self.spent}
        return told | set(self.drafts.account_key.tolist())


def preview(home: Home, through: dt.date, now_us: int, *, threads: int = 1) -> InterimRun:
    """The bills that `run` would make of usage on days before `through`, and its refusal, if any; nothing is stored."""
    found, refused = _find(home, through, threads), ""
    with home.connect() as connection:
        try:
            _require_begun(connection, through, now_us, found.account_keys)
            _require_no_run(connection)
            _require_open(connection, found.drafts)
        except UserError as error:
            refused = f"{error.message}; remedy: {error.remedy}"
    return _told(found, 0, through, refused)


def run(home: Home, through: dt.date, who: Who, *, threads: int = 1) -> InterimRun:
    """Bill usage that reached a threshold on days before `through`, and raise alarms for spend limits. A repeat does neither.

    Raises UserError for a date that has not begun on the clocks of all accounts that are billed or notified. So it does while a bill run is
    not finished, and where the books of the month are closed.
    """
    with only_run(home, f"interim bills of {through}", who.now_us):
        with home.connect() as connection:
            _require_begun(connection, through, who.now_us, ())  # on some clock: a date that has begun on none is not computed
            _require_no_run(connection)
        found = _find(home, through, threads, with_charges=True)
        with home.connect() as connection:
            _require_begun(connection, through, who.now_us, found.account_keys)
        run_id = _store(home, found, who) if found.reached or found.spent else 0
    return _told(found, run_id, through)


def _told(found: _Found, run_id: int, through: dt.date, refused: str = "") -> InterimRun:
    return InterimRun(run_id, through.isoformat(), len(found.drafts), found.shown, found.limits, found.held, found.passed_by, refused)


def _store(home: Home, found: _Found, who: Who) -> int:
    """Issue the bills and keep all alarms, in one transaction. Returns the run; 0 without bills."""
    with home.begin() as connection:
        run_id, work = 0, Work(home, connection, who)
        if found.drafts:
            assert found.charges is not None, "bills without charges"
            detail = {"thresholds": len(found.reached), "seq": found.seq, LEAVES_OTHERS: True, HAS_CHARGES: True}
            issued = issue(work, found.drafts, states.THRESHOLD, detail)
            run_id, seq = issued.run_id, issued.commit_seq
            found.charges.store(connection, run_id)
        else:
            seq = work.next_seq("alarm")
        alarms = [_billed_alarm(each, run_id) for each in found.reached] + [_spent_alarm(each) for each in found.spent]
        connection.execute(tables.limit_alarms.insert(), [{**each, "at_us": who.now_us, "commit_seq": seq} for each in alarms])
        commit_points.reached("threshold.before_commit")
    commit_points.reached("threshold.committed")
    return run_id


def _find(home: Home, through: dt.date, threads: int, *, with_charges: bool = False) -> _Found:
    made: list[Spending] = []

    def spending(contracts: Contracts) -> Sink:
        made.append(Spending(contracts))
        return made[0].add

    known = unbilled(home, through, threads=threads, sink_for=spending, on_other_bills=left_to_other_bills)
    contracts, usage = known.contracts, usage_of(known)
    with home.connect() as connection:
        passed = _passed(connection, known, through)
        held = _on_hold(contracts, through) - passed.keys()
        all_acting = reached(as_priced(usage, known), contracts, through, _acted(connection, ALARM))
        told = _acted(connection, SPENT)
        all_spent = [each for each in (made[0].reached() if made else []) if _as_acted(each) not in told]
        acting = [each for each in all_acting if each.account_key not in held and each.account_key not in passed]
        spent = [each for each in all_spent if each.account_key not in passed]
        payers = Payers(contracts, None, known.currencies)
        lines = with_tax(connection, usage.of(acting), known, payers)
        names = sa.select(tables.subscriptions.c.subscription_key, tables.subscriptions.c.subscription_id)
        keys = sorted({each.subscription_key for each in all_acting} | {each.subscription_key for each in all_spent})
        wanted = names.where(tables.subscriptions.c.subscription_key.in_(keys))
        ids = {row.subscription_key: row.subscription_id for row in connection.execute(wanted)} if keys else {}
    drafts = Writer(contracts, through, known.currencies, payers, {}).drafts(lines)
    charges = charges_of(home, known, through, acting) if with_charges and drafts else None
    shown = functools.partial(_shown, known=known, payers=payers, ids=ids)
    limit = functools.partial(_limit, known=known, payers=payers, ids=ids)
    passed_by = [
        *(_passed_by(shown(each), each.threshold.name, passed[each.account_key]) for each in all_acting if each.account_key in passed),
        *(_passed_by(limit(each), each.limit.name, passed[each.account_key]) for each in all_spent if each.account_key in passed),
    ]
    return _Found(
        known.seq,
        acting,
        spent,
        drafts,
        tuple(shown(each) for each in acting),
        tuple(limit(each) for each in spent),
        tuple(shown(each) for each in all_acting if each.account_key in held),
        tuple(passed_by),
        charges,
    )


def _passed(connection: sa.Connection, known: Unbilled, through: dt.date) -> dict[int, str]:
    """Accounts (keys) that are skipped, and the latest date of their later bills and voids."""
    facts = known.contracts.facts
    later = later_bills.known_later(connection, facts, through, known.seq)
    return {int(facts.account_keys[index]): date for index, date in later.items()}


def _passed_by(shown: Interim | Limit, limit: str, date: str) -> PassedBy:
    why = f"it, or an account that it is billed with, has a bill or a void of {date}"
    return PassedBy(
        shown.account_id,
        shown.subscription_id,
        limit,
        f"{why}: an interim run of that date or a later one, or the cycle, bills what is left",
    )


def _on_hold(contracts: Contracts, day: dt.date) -> set[int]:
    """Accounts (keys) of rating units in which any account has a hold."""
    facts = contracts.facts
    told = facts.agreed.holds.items()
    units = [int(facts.account_unit[index]) for index, spans in told if any(span.holds_on(day) for span in spans)]
    keys: list[int] = facts.account_keys[np.isin(facts.account_unit, units)].tolist()
    return set(keys)


def _acted(connection: sa.Connection, kind: str) -> set[Acted]:
    alarm = tables.limit_alarms.c
    query = sa.select(alarm.subscription_key, alarm.period_from, alarm.limit_id).where(alarm.kind == kind)
    return {Acted(key, dt.date.fromisoformat(begins), limit) for key, begins, limit in connection.execute(query)}


def _as_acted(each: Spent) -> Acted:
    return Acted(each.subscription_key, day_of(each.window_from), each.limit.limit_id)


def _require_begun(connection: sa.Connection, through: dt.date, now_us: int, account_keys: Collection[int]) -> None:
    instead = f"`ratewright bill thresholds --date {through} --dry-run` shows what it would bill"
    clocks.require_begun(connection, Dated("an interim run", through, now_us, instead), lambda: account_keys)


def _require_no_run(connection: sa.Connection) -> None:
    current = states.unfinished(connection)
    if current is not None:
        raise UserError(
            f"the bill run of {current.bill_date} is not finished", f"finish it first: ratewright bill run --date {current.bill_date}"
        )


def _require_open(connection: sa.Connection, drafts: Drafts) -> None:
    """The books that the bills would be posted to are open: as when they are posted."""
    entities = {drafts.entities[index] for index in np.unique(drafts.entity).tolist()}
    closed_months.require_open(connection, {(entity, drafts.issued_on.isoformat()[:7]) for entity in entities})


def _billed_alarm(each: Reached, run_id: int) -> dict[str, object]:
    return {
        "kind": ALARM,
        "account_key": each.account_key,
        "subscription_key": each.subscription_key,
        "limit_id": each.threshold.threshold_id,
        "period_from": each.period_from.isoformat(),
        "reached_micros": each.unbilled_micros,
        "limit_micros": each.threshold.amount_micros,
        "action": "billed",
        "run_id": run_id,
    }


def _spent_alarm(each: Spent) -> dict[str, object]:
    return {
        "kind": SPENT,
        "account_key": each.account_key,
        "subscription_key": each.subscription_key,
        "limit_id": each.limit.limit_id,
        "period_from": day_of(each.window_from).isoformat(),
        "reached_micros": each.spent_micros,
        "limit_micros": each.limit.amount_micros,
        "action": each.limit.action.value,
        "run_id": None,
    }


def _limit(each: Spent, known: Unbilled, payers: Payers, ids: dict[int, str]) -> Limit:
    place = int(payers.place(np.array([each.account_key], np.int64))[0])
    account = known.contracts.facts.accounts[place]
    return Limit(
        account.account_id,
        ids[each.subscription_key],
        each.limit.name,
        each.limit.amount_micros,
        each.spent_micros,
        day_of(each.window_from).isoformat(),
        each.limit.action.value,
        account.currency,
    )


def _shown(each: Reached, known: Unbilled, payers: Payers, ids: dict[int, str]) -> Interim:
    place = int(payers.place(np.array([each.account_key], np.int64))[0])
    account = known.contracts.facts.accounts[place]
    return Interim(
        account.account_id,
        ids[each.subscription_key],
        each.threshold.name,
        each.threshold.amount_micros,
        each.unbilled_micros,
        each.period_from.isoformat(),
        account.currency,
    )
