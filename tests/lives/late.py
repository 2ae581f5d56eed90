"""Decisions on late usage in a life: what people decide about the records that the product lists, and what each must come to.

A decision takes its calls out of every bill. One that bills puts an adjustment in their place: the minutes at the price of their plan and
day, whatever is free. Taken back it is as if it had never been. What the product lists is only used to choose; whose a call is, what it is
worth and on what day it is charged are worked out here, and held to what the product has stored.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from billing import agreeing, late_decisions, setting_changes
from billing.intake import view
from billing.late_decisions import BILLED
from billing.left_out.history import uncharged
from billing.store import tables
from billing.too_late import deciding, taking_back
from billing.too_late.choosing import Choice
from billing.too_late.listing import listed
from billing.too_late.results import LateAct
from rating.errors import UserError
from tests.lives import story
from tests.lives.plain_usage import billed_calls, came_too_late, owner_of

if TYPE_CHECKING:
    from billing.ledger.closed_months import Who
    from billing.store.home import Home
    from tests.lives.world import World

CODE = 912  # charge code of late usage
LIMIT = 5_000_000  # above it another person agrees


class Asked(NamedTuple):
    """A request: the records by name, and how the product was told which they are."""

    kind: str
    names: tuple[str, ...]
    choice: Choice
    day: dt.date | None
    micros: int | None


@dataclasses.dataclass
class Made:
    """A decision that stands: its number, calls, and the adjustment that bills them."""

    number: int
    calls: frozenset[story.Call]
    worth: int
    adjustment: story.Adjustment | None


@dataclasses.dataclass
class Late:
    """All decisions that stand, and what a crash has interrupted."""

    made: dict[int, Made] = dataclasses.field(default_factory=dict)
    asked: Asked | None = None
    back: int | None = None

    def calls(self) -> frozenset[story.Call]:
        """Usage that no bill prices."""
        return frozenset(call for each in self.made.values() for call in each.calls)

    def adjustments(self) -> list[story.Adjustment]:
        """Adjustments that are billed instead."""
        return [each.adjustment for each in self.made.values() if each.adjustment is not None]


def limit(home: Home, who: Who) -> None:
    """One person decides alone on little."""
    setting_changes.put(home, late_decisions.LIMIT, str(LIMIT), who.by_name, who.by_uid, who.now_us)


def name_of(call: story.Call) -> str:
    """The name of the record of a call."""
    return f"{call.number} {call.at}"


def decide(world: World, kind: str, how: str, place: int, day: dt.date | None, micros: int | None) -> None:  # noqa: PLR0913, PLR0917 -- what is decided
    """Decide on the `place`th record of the list, or on all of its account, its month or both. Another person agrees where one has to."""
    late = world.known.late
    asked = late.asked = late.asked or _asked(world, kind, how, place, (day, micros))
    try:
        if not _taken_down(world, asked):
            done = deciding.decide(world.home, LateAct(kind, asked.choice, "the switch was down", day, micros), world.who_is("ana"))
            if done.needs_second:
                agreeing.agree(world.home, done.proposal, "seen", world.who_is("ben"))
            _taken_down(world, asked)
    except UserError:
        late.asked = None
        raise
    late.asked = None


def take_back(world: World, place: int) -> None:
    """Take the `place`th decision back."""
    late = world.known.late
    if late.back is None and not late.made:
        raise UserError("there is no decision", "")
    number = late.back = late.back or sorted(late.made)[place % len(late.made)]
    try:
        if number in _standing(world.home):
            taking_back.take_back(world.home, number, "by mistake", world.who_is("ana"))
    except UserError:
        late.back = None
        raise
    del late.made[number]
    late.back = None


def wrong(world: World, until: dt.date) -> list[str]:
    """Faults at the end: each call is billed by a run, billed by a decision, written off, listed or of nobody, and one of these.

    The worth of those adds up to that of all, to the micro. Of what a run has billed once and a later one took off, as too late by another
    version of its plan, the list has nothing.
    """
    life, late = world.known.whole(), world.known.late
    of_name = {name_of(call): (call, came) for call, came in life.calls}
    fates = _fates(world.home, world.now_us)
    found = {name: len(names) for name, names in _overlaps(fates).items()}
    told = [f"late usage: {number} records are {name}" for name, number in found.items() if number]
    decided = {name_of(call) for call in late.calls()}
    unbilled = {name_of(call) for call in billed_calls(world.known.life(), until)} - fates["charged"]
    told += [f"late usage: {name} was in time, and no run has billed it" for name in sorted(unbilled)]
    if fates["decided"] != decided:
        told.append(f"late usage: decided are {sorted(fates['decided'] ^ decided)} here or there alone")
    for name in sorted(of_name.keys() - decided):
        call, came = of_name[name]
        is_late = came_too_late(life, call, came)
        if name in fates["listed"] and not is_late:
            told.append(f"late usage: {name} is listed, and was in time")
        if is_late and name not in fates["listed"] | fates["charged"]:
            told.append(f"late usage: {name} is too late, and nobody lists it")
    worths = {name: _worth(world, of_name[name][0]) for name in of_name}
    sums = {fate: sum(worths[name] for name in names) for fate, names in fates.items()}
    if sum(sums.values()) != sum(worths.values()):
        told.append(f"late usage: {sums} are not {sum(worths.values())} together")
    return told


def _asked(world: World, kind: str, how: str, place: int, more: tuple[dt.date | None, int | None]) -> Asked:
    """One of the list, or all that has its account or its month."""
    every = listed(world.home, world.now_us).records
    if not every:
        raise UserError("nothing is too late", "")
    one = every[place % len(every)].record
    month = f"{_local(one.start_us):%Y-%m}"
    choices = {"one": Choice((one.record_id,)), "account": Choice((), one.account_id), "month": Choice((), None, month)}
    choice = choices.get(how, Choice((), one.account_id, month))
    chosen = [
        each.record.record_id
        for each in every
        if how != "one"
        and choice.account_id in {None, each.record.account_id}
        and choice.month in {None, f"{_local(each.record.start_us):%Y-%m}"}
    ]
    return Asked(kind, tuple(chosen or [one.record_id]), choice, *more)


def _taken_down(world: World, asked: Asked) -> bool:
    """Take down what was decided of what was asked for; False where nothing was. What is stored is held to what it must be."""
    calls, late = {name_of(call): call for call in world.known.calls}, world.known.late
    found = [each for each in _standing(world.home).values() if each.number not in late.made]
    for each in found:
        names = sorted(each.records)
        told = f"decision {each.number} on {names}"
        if not set(names) <= set(asked.names) or each.kind != asked.kind:
            world.wrong.append(f"{told}: nobody asked for it")
        mine = frozenset(calls[name] for name in names)
        owners = {owner_of(world.known.life(), call) for call in mine}
        if {(owner.account, owner.name) if owner else ("", "") for owner in owners} != {(each.account, each.subscription)}:
            world.wrong.append(f"{told} is of {each.account} {each.subscription}, not of {owners}")
        worth = sum(_worth(world, call) for call in mine) if each.account else each.worth
        day = asked.day or _local(world.now_us).date()
        amount = 0 if asked.kind != BILLED else worth if asked.micros is None else asked.micros
        if (each.worth, each.amount) != (worth, amount):
            world.wrong.append(f"{told} is over {each.worth} and {each.amount}, not {worth} and {amount}")
        adjustment = story.Adjustment(each.account, each.subscription, day, amount, "standard", CODE) if asked.kind == BILLED else None
        late.made[each.number] = Made(each.number, mine, worth, adjustment)
    return bool(found)


class Stored(NamedTuple):
    """A decision as it is stored."""

    number: int
    kind: str
    account: str
    subscription: str
    worth: int
    amount: int
    records: tuple[str, ...]


def _standing(home: Home) -> dict[int, Stored]:
    """The decisions that stand, from the tables."""
    row, event = tables.late_decisions.c, tables.late_decision_events.c
    account, subscription = tables.accounts.c, tables.subscriptions.c
    query = sa.select(tables.late_decisions, account.account_id, subscription.subscription_id).select_from(tables.late_decisions)
    query = query.outerjoin(tables.accounts, account.account_key == row.account_key)
    query = query.outerjoin(tables.subscriptions, subscription.subscription_key == row.subscription_key)
    with home.connect() as connection:
        rows = connection.execute(query).all()
        keys = connection.execute(sa.select(event.decision_id, event.event_key)).all()
        seq = home.head_seq(connection)
    names = _names(home, seq)
    gone = {each.undoes for each in rows}
    return {
        each.decision_id: Stored(
            each.decision_id, each.kind, each.account_id or "", each.subscription_id or "", each.worth_micros, each.amount_micros,
            tuple(names[bytes(key)] for decision, key in keys if decision == each.decision_id),
        )
        for each in rows
        if each.kind != late_decisions.TAKEN_BACK and each.decision_id not in gone
    }  # fmt: skip


def _fates(home: Home, now_us: int) -> dict[str, set[str]]:
    """The names of all records by what became of each, as the product tells it."""
    with home.connect() as connection:
        seq = home.head_seq(connection)
        decided = [bytes(key) for key in late_decisions.decided(connection, seq).keys.to_pylist()]
    names, open_keys = _names(home, seq), uncharged(home, seq)[0].to_pylist()
    rest = {names[bytes(key)] for key in open_keys}
    fates = {
        "charged": set(names.values()) - rest,
        "decided": {names[key] for key in decided},
        "listed": {each.record.record_id for each in listed(home, now_us).records},
    }
    return {**fates, "left": rest - fates["decided"] - fates["listed"]}


def _overlaps(fates: dict[str, set[str]]) -> dict[str, set[str]]:
    """Records with two fates."""
    pairs = itertools.combinations(fates, 2)
    return {f"{one} and {other}": fates[one] & fates[other] for one, other in pairs}


def _names(home: Home, seq: int) -> dict[bytes, str]:
    """The name of every record, by its key."""
    usage = view.usage(home, ("event_key", "record_id"), seq, every=True)
    return {bytes(key): str(name) for key, name in zip(usage["event_key"].to_pylist(), usage["record_id"].to_pylist(), strict=True)}


def _worth(world: World, call: story.Call) -> int:
    """The minutes at the price of their plan and day; nothing where nobody owns the number."""
    life = world.known.whole()
    owner, day = owner_of(life, call), call.at.date()
    plan = None if owner is None else story.plan_on(owner, day)
    return 0 if plan is None else call.minutes * story.plan_of(life, plan, day).minute_micros


def _local(instant_us: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(instant_us / 10**6, ZoneInfo(story.ZONE))
