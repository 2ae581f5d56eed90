"""The work of a what-if, in stages that are timed: facts, tariffs, usage, owners, then each world is rated and added up, and compared.

Both sides are computed alike, not taken from charge files, so the month need not be billed. File hashes are not checked: nothing
is made of what is read.
"""

from __future__ import annotations

from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pyarrow as pa

from billing.guiding import Guide
from billing.intake import view
from billing.runs.contracts import facts, price_list
from billing.runs.contracts.contracts import Contracts
from billing.runs.contracts.rule_inputs import asked
from billing.runs.contracts.uninvoiced_accounts import tested
from billing.runs.selection.scope import Scope
from billing.runs.usage import pricing
from billing.what_if import comparing, migration, sums, worlds
from billing.what_if.events import NOT_COUNTED, MonthEvents
from billing.what_if.month import by_month, scope_of, window_of
from billing.what_if.report import Lost, Moved, Stage, WhatIf
from billing.what_if.sums import Sums
from billing.what_if.worlds import World
from rating.dates import DAY_US, day_number
from rating.errors import UserError
from tariffs.documents.uncollected import uncollected

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from billing.store.home import Home
    from billing.what_if.migration import Move
    from billing.what_if.month import Month
    from rating.model import Catalogue


DAYS_BEFORE_US: Final = 2 * DAY_US  # one-off fees ask what a subscription had on the day before


class _Stages:
    """Reports the time since the last stage was done."""

    def __init__(self, clock_s: Callable[[], float]) -> None:
        self._clock_s = clock_s
        self._since_s = clock_s()
        self.all: list[Stage] = []

    def done(self, name: str, rows: int = 0) -> None:
        """One more stage is done."""
        at_s = self._clock_s()
        self.all.append(Stage(name, at_s - self._since_s, rows))
        self._since_s = at_s


class _Stored(NamedTuple):
    """State of the home as of a number."""

    seq: int
    contracts: Contracts
    scope: Scope
    guide: Guide
    usage: Future[pa.Table]  # of the month


class _Both(NamedTuple):
    """Sums of both worlds; `in_neither`: events that come in and are named by no rule of either."""

    now: Sums
    then: Sums
    lost: tuple[Lost, ...]
    in_neither: int


class _Worlds(NamedTuple):
    now: World
    then: World
    moved: tuple[Moved, ...]


def what_if(  # noqa: PLR0913 -- what, when, and how
    home: Home,
    draft: Catalogue,
    month: Month,
    *,
    clock_s: Callable[[], float],
    only_plan: str = "",
    moves: Sequence[Move] = (),
    threads: int = 2,
    seq: int | None = None,
) -> WhatIf:
    """Price the usage of `month` under the tariffs in force and with `draft` in the place of its identity.

    `only_plan`: count only subscriptions that have this plan at some time of the month. `seq`: as things were then; None: as they are.
    `clock_s` times the stages. Raises UserError where the draft, the moves or the plan do not fit what is stored.
    """
    stages = _Stages(clock_s)
    with uncollected(), ThreadPoolExecutor(1) as reader:
        stored = _stored(home, draft, month, seq, reader)
        stages.done("read facts")
        now, then, moved = _worlds(stored, draft, month, moves)
        chosen = _chosen(now, only_plan) & ~_for_tests(now)
        stages.done("prepare tariffs")
        usage = stored.usage.result()
    stages.done("read usage")
    events = MonthEvents(usage, stored.guide, stored.scope, now, then)
    del usage
    stages.done("find owners", events.rows)
    both = _rate_both(events, now, then, np.append(chosen, not only_plan), threads, stages)
    currencies = comparing.by_currency((now, then), (both.now, both.then), chosen)
    unpriced = comparing.unpriced(both.now, both.then)
    stages.done("compare")
    return WhatIf(
        identity=draft.identity,
        version=draft.version,
        content_hash=draft.content_hash.hex(),
        month=str(month),
        commit_seq=stored.seq,
        only_plan=only_plan,
        events=events.rows - both.in_neither,
        currencies=currencies,
        unpriced=unpriced,
        lost=both.lost,
        moved=moved,
        left_out=events.left_out(both.in_neither),
        stages=tuple(stages.all),
    )


def _rate_both(  # noqa: PLR0913, PLR0917 -- what is rated and how
    events: MonthEvents, now: World, then: World, counted: npt.NDArray[np.bool_], threads: int, stages: _Stages
) -> _Both:
    """Rate and add up both worlds. `counted`: by subscription, the last one is for events without an owner."""
    of_now = events.rate(now, threads)
    stages.done("rate now", events.rows)
    sums_now = sums.add(now, of_now, counted)
    stages.done("add up now", events.rows)
    of_then = events.rate(then, threads, reuse=of_now)
    stages.done("rate then", events.rows)
    sums_then = sums.add(then, of_then, counted)
    stages.done("add up then", events.rows)
    before, (after, _) = of_now.everywhere(events.rows), of_then.everywhere(events.rows)
    lost = comparing.lost(now, events, before, after, counted)
    return _Both(sums_now, sums_then, lost, int(np.count_nonzero((before[0] == NOT_COUNTED) & (after == NOT_COUNTED))))


def _stored(home: Home, draft: Catalogue, month: Month, seq: int | None, reader: Executor) -> _Stored:
    """Facts, and usage that is read meanwhile: facts keep one processor busy, files the others."""
    midnights = facts.Midnights()
    with home.connect() as connection:
        known_seq = home.head_seq(connection) if seq is None else seq
        tariffs = price_list.load(home, known_seq)
        columns = pricing.columns(asked([*tariffs.catalogues, draft]))
        usage = reader.submit(view.usage, home, columns, known_seq, *window_of(connection, known_seq, month, midnights))
        contracts = Contracts(by_month(facts.load(connection, known_seq)), tariffs, midnights)
    return _Stored(known_seq, contracts, scope_of(contracts.facts, month, midnights), Guide(home, known_seq), usage)


def _worlds(stored: _Stored, draft: Catalogue, month: Month, moves: Sequence[Move]) -> _Worlds:
    """Both worlds. Without moves, what follows from facts alone is worked out once."""
    contracts, scope = stored.contracts, stored.scope
    first_us = scope.window.from_us if scope.window is not None else draft.effective_from_us
    tariffs = worlds.with_draft(contracts.price_list.catalogues, draft, first_us - DAYS_BEFORE_US)
    now = worlds.world(contracts, scope, month)
    if not moves:
        return _Worlds(now, worlds.world(contracts.under(tariffs), scope, month, now.patterns), ())
    had = {plan for model in now.patterns.models for plan in now.plans_of(model)}
    there = {f"{each.identity}/{plan.name}" for each in tariffs.catalogues for plan in each.plans}
    migration.check(moves, had, there)
    changed, counts = migration.moved(contracts, moves, month, there)
    then = worlds.world(Contracts(changed, tariffs, contracts.midnights), scope, month)
    moved = tuple(Moved(move.old, move.new, count) for move, count in zip(moves, counts, strict=True))
    return _Worlds(now, then, moved)


def _for_tests(now: World) -> npt.NDArray[np.bool_]:
    """Mask of subscriptions with an account that is for tests as the month begins. Nothing of these is billed."""
    facts = now.contracts.facts
    begins = np.maximum(facts.account_first_day, day_number(now.month.first))
    return tested(facts.account_keys, begins, facts)[facts.subscription_account]


def _chosen(now: World, only_plan: str) -> npt.NDArray[np.bool_]:
    """Mask of subscriptions that are counted."""
    chosen = np.ones(len(now.patterns.of), np.bool_)
    if only_plan:
        having = [number for number, model in enumerate(now.patterns.models) if only_plan in now.plans_of(model)]
        chosen = np.isin(now.patterns.of, having)
        if not having:
            had = sorted({plan for model in now.patterns.models for plan in now.plans_of(model)})
            raise UserError(
                f'no subscription has plan "{only_plan}" in {now.month}',
                f"plans of that month: {', '.join(had)}" if had else "leave --plan out",
            )
    return chosen
