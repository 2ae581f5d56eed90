"""Price a random sample of a run again with the plain twin, and compare every figure bit for bit.

Problem: what a run charged must be shown to be right by something that shares no code with it. The kernel works on compiled tables and
whole columns; here everything is looked up one event at a time: who owned the number, the local date, the plan of that date, the
allowance granted, and then the twin (`rating.reference`). Facts, periods and what earlier runs left are read from the tables and the charge
files by code of this folder alone. An import contract (pyproject.toml) keeps `billing.runs`' rooms, the kernel and the compiler out of it.

Shared with the run, and so not checked here:
- which usage counts as of a commit (`billing.intake.view`), and the published catalogues in force (`billing.catalogue`);
- the arithmetic of periods, grants and rollover (`billing.charges`), the structs of facts (`billing.accounts.kinds`), and the tables;
- decisions that the run stored: which periods it computed, in which later period it billed late usage where the plan has a rule for that,
  and which usage it left out. A sample is of charges, so an event without one is in none; the books count those.

An allowance is drawn in order of time, so an event can only be checked together with all others that draw with it. The sample is
therefore made of whole groups (a subscription's period; where allowances are shared or outlive their period, an account with all that were
ever in a pool with it), drawn at random until there are enough events; an event without subscription is a group of its own. The seed is an
argument: the same seed draws the same sample.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from billing.runs.states import find_run
from billing.store import tables
from billing.verification.plain_lookup import PlainLookup, usage_of
from rating.schema import CHARGE_V1
from rating.status import REFUSALS_FROM

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from billing.store.home import Home
    from billing.verification.plain_lookup import Owner
    from rating.outcome import Outcome

RISK: Final = 0.05  # of a bound that does not hold
EXAMPLES_MAX: Final = 10
_NO_DAY: Final = 1 << 31  # beyond every day number
_CHARGE: Final = [
    "event_key", "start_us", "payer_account_id", "subscription_id", "period_from", "period_to", "status", "gross_micros", "charge_micros",
    "chargeable_qty", "free_qty", "price_id", "zone_id", "tariff_version",
]  # fmt: skip
_MONEY: Final = ("gross_micros", "charge_micros")
_DIGITS: Final = 6  # of decimals of money: micro-units


class SampleReport(msgspec.Struct, frozen=True):
    """Result of a sample. `upper_bound`: with 95 % confidence no larger share of all events of the run differs."""

    run_id: int
    seed: int
    population: int
    events: int
    disagreements: int
    upper_bound: float
    examples: tuple[str, ...]


def rerate(home: Home, run_id: int | None, sample: int, seed: int, *, progress: Callable[[int, int], None] | None = None) -> SampleReport:
    """Check at least `sample` events (or all) of a run, the latest for None. Raises UserError when there is no such run."""
    with home.connect() as connection:
        run = find_run(connection, run_id)
        file = tables.charge_manifest.c
        paths = connection.execute(sa.select(file.path).where(file.run_id == run.run_id).order_by(file.path)).scalars().all()
        plain = PlainLookup(home, connection, run)
    parts = [pq.read_table(home.path / path, columns=_CHARGE, partitioning=None) for path in paths]
    none = pa.schema([CHARGE_V1.field(name) for name in _CHARGE]).empty_table()
    charges = pa.concat_tables(parts or [none], promote_options="permissive")
    chosen = charges.filter(pa.array(_choose(charges, plain.together, sample, seed)))
    usage = usage_of(home, plain, chosen)
    examples, differing = [], 0
    charged = {row["event_key"]: row for row in _charge_rows(chosen)}
    for done, (owner, outcome) in enumerate(plain.outcomes(usage), start=1):
        key = outcome.event.event_key
        found = _difference(key, charged[key], _figures(owner, outcome))
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


def _choose(charges: pa.Table, together: Mapping[int, int], sample: int, seed: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Rows of whole groups, drawn at random, until there are `sample` of them. `together`: by account of a larger group its number."""
    subscription, account = (charges[name].to_numpy() for name in ("subscription_id", "payer_account_id"))
    keys = np.array(sorted(together), np.int64)
    numbers = np.array([together[key] for key in keys.tolist()], np.int64)
    alone, whole = subscription == 0, np.isin(account, keys) & (subscription != 0)
    number = np.where(alone, -1 - np.arange(len(subscription)), subscription)
    number[whole] = numbers[np.searchsorted(keys, account[whole])]
    day = np.where(alone, 0, np.where(whole, _NO_DAY, charges["period_from"].cast(pa.int32()).to_numpy().astype(np.int64)))
    _, bucket, sizes = np.unique(number * (1 << 32) + day, return_inverse=True, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(sizes))
    enough = int(np.searchsorted(np.cumsum(sizes[order]), sample)) + 1
    taken = np.zeros(len(sizes), bool)
    taken[order[:enough]] = True
    chosen: np.ndarray[tuple[int], np.dtype[np.bool_]] = taken[bucket.reshape(-1)]
    return chosen


def _charge_rows(chosen: pa.Table) -> list[dict[str, Any]]:
    """Charges as rows, money in micro-units."""
    rows = chosen.to_pylist()
    for row in rows:
        row.update({name: int(row[name].scaleb(_DIGITS)) for name in _MONEY if row[name] is not None})
    return rows


def _figures(owner: Owner, outcome: Outcome) -> dict[str, Any]:
    """An outcome in the columns of a charge. The period is that of an event whose owner had a plan."""
    refused = outcome.status >= REFUSALS_FROM
    period = {} if owner.holder is None else {"period_from": owner.holder.period.start, "period_to": owner.holder.period.end}
    return {
        "subscription_id": owner.subscription_key,
        **period,
        "status": int(outcome.status),
        "gross_micros": None if refused else outcome.gross_micros,
        "charge_micros": None if refused else outcome.charge_micros,
        "chargeable_qty": outcome.chargeable_qty,
        "free_qty": outcome.free_qty,
        "price_id": outcome.price_id,
        "zone_id": outcome.zone_id,
        "tariff_version": outcome.content_hash or None,
    }


def _difference(key: bytes, charged: Mapping[str, Any], answer: Mapping[str, Any]) -> str:
    """The first figure that differs, as text; empty if none does."""
    for name, figure in answer.items():
        if charged[name] != figure:
            return f"event {key.hex()}: {name} is {charged[name]}, the reference says {figure}"
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
