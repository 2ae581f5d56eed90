"""Price a random sample of a run again with the plain twin, and compare every figure bit for bit.

Problem: what a run charged must be shown to be right by something that shares no code with it. The kernel works on compiled tables and
whole columns; here everything is looked up one event at a time: who owned the number, the local date, the plan of that date, the
allowance granted, and then the twin (`rating.reference`).

An allowance is drawn in order of time, so an event can only be checked together with all others of its subscription and period. The
sample is therefore made of whole buckets (subscription, period), drawn at random until there are enough events; an event
without subscription is a bucket of its own. The seed is an argument: the same seed draws the same sample.
"""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from billing import catalogue
from billing.charges.periods import Period, period_from
from billing.charges.proration import clip
from billing.charges.recurring import grant, plan_spans
from billing.intake import view
from billing.runs import charge_files, facts
from billing.runs.refusals import charge_paths, find_run
from billing.store import tables
from rating.model import Service
from rating.reference import Event, Outcome, Reference
from rating.status import REFUSALS_FROM

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence

    from billing.store.home import Home
    from rating.model import Allowance, Catalogue

RISK: Final = 0.05  # of a bound that does not hold
EXAMPLES_MAX: Final = 10
SECONDS_PER_DAY: Final = 86_400
EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_CHARGE: Final = [
    "event_key", "subscription_id", "period_from", "status", "charge_micros", "chargeable_qty", "free_qty", "price_id", "zone_id",
    "tariff_version",
]  # fmt: skip
_USAGE: Final = ("event_key", "served_id", "service", "other_e164", "start_us", "duration_us", "bytes_up", "bytes_down", "units")
_COMPARED: Final = ("subscription_id", "status", "charge_micros", "chargeable_qty", "free_qty", "price_id", "zone_id", "tariff_version")


class SampleReport(msgspec.Struct, frozen=True):
    """What a sample showed. `upper_bound`: with 95 % confidence no larger share of all events of the run differs."""

    run_id: int
    seed: int
    population: int
    events: int
    disagreements: int
    upper_bound: float
    examples: tuple[str, ...]


class Owner(NamedTuple):
    """Who pays for an event, which plan applies, and from which bucket it draws."""

    subscription_key: int  # 0 nobody
    plan: str | None
    bucket: tuple[int, str, Period, int] | None


def rerate(home: Home, run_id: int | None, sample: int, seed: int, *, progress: Callable[[int, int], None] | None = None) -> SampleReport:
    """Check at least `sample` events (or all) of a run, the latest for None. Raises UserError when there is no such run."""
    with home.connect() as connection:
        run = find_run(connection, run_id)
        paths = charge_paths(connection, run.run_id)
        plain = _Plain(home, connection, run.pinned_seq)
    charges = charge_files.read(home.path, paths, _CHARGE)
    chosen = charges.filter(pa.array(_choose(charges, sample, seed)))
    usage = _usage_of(home, run.pinned_seq, chosen)
    examples, differing = [], 0
    charged = {row["event_key"]: row for row in _charge_rows(chosen)}
    for done, (key, answer) in enumerate(plain.answers(usage).items(), start=1):
        found = _difference(key, charged[key], answer)
        if found:
            differing += 1
            examples.append(found)
        if progress is not None and done % 1000 == 0:
            progress(done, chosen.num_rows)
    missing = chosen.num_rows - len(usage)
    if missing:
        examples.append(f"{missing} charges have no usage")
    differing += missing
    bound = upper_bound(differing, chosen.num_rows)
    return SampleReport(run.run_id, seed, charges.num_rows, chosen.num_rows, differing, bound, tuple(examples[:EXAMPLES_MAX]))


def upper_bound(disagreements: int, events: int) -> float:
    """The largest rate that still shows so few disagreements with a chance of 5 % (Clopper and Pearson, one side)."""
    if disagreements >= events:
        return 1.0
    if disagreements == 0:
        return -math.expm1(math.log(RISK) / events)
    low, high = disagreements / events, 1.0
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if _chance_at_most(disagreements, events, middle) > RISK else (low, middle)
    return high


class _Plain:
    """Looks everything up one event at a time, as of a sequence number."""

    def __init__(self, home: Home, connection: sa.Connection, seq: int) -> None:
        self._facts = facts.load(connection, seq)
        self._subscriptions = {each.subscription_key: each for each in self._facts.subscriptions}
        self._spans = _spans_by_number(connection, seq)
        published = tables.publications.c
        rows = connection.execute(sa.select(published.identity, published.version).where(published.commit_seq <= seq))
        known = {(row.identity, row.version) for row in rows}
        self._catalogues = [each for each in catalogue.published(home) if (each.identity, each.version) in known]
        self._reference = Reference(self._catalogues)

    def answers(self, usage: Sequence[Mapping[str, Any]]) -> dict[bytes, dict[str, Any]]:
        """What each event should have been charged, by event key."""
        owners = [self._owner(row) for row in usage]
        events = [_event(row, owner.plan) for row, owner in zip(usage, owners, strict=True)]
        buckets = [owner.bucket for owner in owners]
        openings: dict[Hashable, int] = {bucket: self._granted(*bucket) for bucket in set(buckets) if bucket is not None}
        outcomes = self._reference.rate_in_order(events, buckets, openings).outcomes
        return {
            event.event_key: _figures(owner.subscription_key, outcome)
            for event, owner, outcome in zip(events, owners, outcomes, strict=True)
        }

    def _owner(self, row: Mapping[str, Any]) -> Owner:
        start_us = row["start_us"]
        spans = self._spans.get(row["served_id"], ())
        key = next((key for from_us, to_us, key in spans if from_us <= start_us and (to_us is None or start_us < to_us)), 0)
        subscription = self._subscriptions.get(key)
        if subscription is None:
            return Owner(0, None, None)
        account = self._facts.accounts[subscription.account]
        day = (EPOCH + dt.timedelta(microseconds=start_us)).astimezone(ZoneInfo(account.timezone)).date()
        if day < subscription.active.start or (subscription.active.end is not None and day >= subscription.active.end):
            return Owner(0, None, None)
        plan = next((plan for from_date, plan in reversed(subscription.plans) if from_date <= day), None)
        if plan is None:
            return Owner(key, None, None)
        whole = period_from(day, account.bill_day)
        period = Period(max(whole.cycle_start, account.billed_from), whole.end, whole.cycle_start)
        return Owner(key, plan, (key, plan, period, row["service"]))

    def _granted(self, key: int, plan: str, period: Period, service: int) -> int:
        subscription = self._subscriptions[key]
        spans = [each.span for each in plan_spans(subscription.plans, subscription.active) if each.plan == plan]
        parts = [part for span in spans if (part := clip(span, period)) is not None]
        zone = ZoneInfo(self._facts.accounts[subscription.account].timezone)
        allowance = self._allowance(plan, service, parts[0].start, zone)
        return grant(allowance, parts, period) if allowance is not None else 0

    def _allowance(self, plan: str, service: int, day: dt.date, zone: ZoneInfo) -> Allowance | None:
        identity, _, name = plan.partition("/")
        instant_us = (dt.datetime(day.year, day.month, day.day, tzinfo=zone) - EPOCH) // dt.timedelta(microseconds=1)
        in_force: Catalogue | None = max(
            (each for each in self._catalogues if each.identity == identity and each.effective_from_us <= instant_us),
            key=lambda each: each.effective_from_us,
            default=None,
        )
        plans = [each for each in in_force.plans if each.name == name] if in_force is not None else []
        return next((each for found in plans for each in found.allowances if each.service == service), None)


def _choose(charges: pa.Table, sample: int, seed: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Rows of whole buckets, drawn at random, until there are `sample` of them."""
    subscription = charges["subscription_id"].to_numpy()
    alone = subscription == 0
    number = np.where(alone, -1 - np.arange(len(subscription)), subscription)
    day = np.where(alone, 0, charges["period_from"].cast(pa.int32()).to_numpy())
    _, bucket, sizes = np.unique(number * (1 << 32) + day, return_inverse=True, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(sizes))
    enough = int(np.searchsorted(np.cumsum(sizes[order]), sample)) + 1
    taken = np.zeros(len(sizes), bool)
    taken[order[:enough]] = True
    chosen: np.ndarray[tuple[int], np.dtype[np.bool_]] = taken[bucket.reshape(-1)]
    return chosen


def _usage_of(home: Home, seq: int, chosen: pa.Table) -> list[dict[str, Any]]:
    """Usage rows of the chosen charges; instants as integers."""
    keys: Any = chosen["event_key"].combine_chunks()
    day = chosen["period_from"].cast(pa.int32()).to_numpy()
    if not len(day):
        return []
    first_us = (int(day.min()) - 1) * SECONDS_PER_DAY * 1_000_000  # local days begin at most a day before those of UTC
    usage = view.usage(home, _USAGE, seq, first_us)
    usage = usage.filter(pc.is_in(usage["event_key"], value_set=keys))
    place = usage.column_names.index("start_us")
    return usage.set_column(place, "start_us", usage["start_us"].cast(pa.int64())).to_pylist()


def _charge_rows(chosen: pa.Table) -> list[dict[str, Any]]:
    place = chosen.column_names.index("charge_micros")
    plain = chosen.set_column(place, "charge_micros", charge_files.micros_of(chosen["charge_micros"]))
    return plain.to_pylist()


def _spans_by_number(connection: sa.Connection, seq: int) -> dict[str, list[tuple[int, int | None, int]]]:
    fact = tables.guiding_facts.c
    spans: dict[str, list[tuple[int, int | None, int]]] = {}
    query = sa.select(fact.served_id, fact.from_us, fact.to_us, fact.subscription_key).where(fact.commit_seq <= seq)
    for served_id, from_us, to_us, key in connection.execute(query):
        spans.setdefault(served_id, []).append((from_us, to_us, key))
    return spans


def _event(row: Mapping[str, Any], plan: str | None) -> Event:
    if row["service"] == Service.VOICE:
        quantity = row["duration_us"] or 0
    elif row["service"] == Service.DATA:
        quantity = (row["bytes_up"] or 0) + (row["bytes_down"] or 0)
    else:
        quantity = 1 if row["units"] is None else row["units"]
    number = row["other_e164"]
    destination = "" if not number else None if number < 0 else str(number)
    return Event(row["event_key"], row["start_us"], quantity, row["service"], plan, destination)


def _figures(subscription_key: int, outcome: Outcome) -> dict[str, Any]:
    """An outcome in the columns of a charge."""
    refused = outcome.status >= REFUSALS_FROM
    return {
        "subscription_id": subscription_key,
        "status": int(outcome.status),
        "charge_micros": None if refused else outcome.charge_micros,
        "chargeable_qty": outcome.chargeable_qty,
        "free_qty": outcome.free_qty,
        "price_id": outcome.price_id,
        "zone_id": outcome.zone_id,
        "tariff_version": outcome.content_hash or None,
    }


def _difference(key: bytes, charged: Mapping[str, Any], answer: Mapping[str, Any]) -> str:
    """The first figure that differs, as text; empty if none does."""
    for name in _COMPARED:
        if charged[name] != answer[name]:
            return f"event {key.hex()}: {name} is {charged[name]}, the reference says {answer[name]}"
    return ""


def _chance_at_most(hits: int, events: int, rate: float) -> float:
    """Binomial: the chance of at most `hits` in `events` at a rate in (0, 1)."""
    if rate >= 1.0:
        return 0.0
    logs = [
        math.lgamma(events + 1) - math.lgamma(k + 1) - math.lgamma(events - k + 1) + k * math.log(rate) + (events - k) * math.log1p(-rate)
        for k in range(hits + 1)
    ]
    return math.fsum(math.exp(each) for each in logs)
