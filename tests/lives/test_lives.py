"""Random lives of three accounts: whatever happens, in whatever order, the sum of all invoices is one bill made at the end.

Each life is a hundred acts and more in fourteen months: late and repeated usage, plans changed back and forth in the past, pauses, outages,
ends and revivals, new owners, payers, pools, discounts, exemptions, other bill days, corrected tariffs, charges by hand, payments, credit
notes of either effect, void and reissued invoices, runs undone, made again, late, in part, and stopped at any commit point. Usage that
comes late is billed in its own period, in the one it came in, or not at all, as the newest version of its plan says. Trials change
nothing; a list that waits is approved, rejected or abandoned while life goes on, and numbered exactly or never. What all must come to is
worked out by `tests.lives.plain`, which shares nothing with the product. A life that fails is told with the fewest acts by
`python -m tests.lives --seed N --lives 1`.

People bill or write off what came too late, two of them where it is much, and take it back (`tests.lives.late`): each record is billed by a
run, by a decision, written off or listed, and their worth adds up to that of all.

Left out: plans that waive late usage. What they bill follows from when runs were made, so no one bill made at the end can say it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from billing import late_decisions
from billing.charges.lines import empty
from billing.runs import computing, cycle, numbering, start
from billing.runs.contracts.late_rules import NO_RULE, LateRule
from billing.runs.usage import late_usage, pools
from billing.too_late import planning
from billing.too_late.listing import Listed
from tests.lives import living
from tests.lives.living import Lived, live, tell
from tests.lives.told import DECIDED, LATE, LOOKED_AT, POOLED, REOPENED, TOLD, UNAPPROVED

if TYPE_CHECKING:
    import datetime as dt

    import sqlalchemy as sa

    from billing.charges.lines import Lines
    from billing.runs.contracts.contracts import Contracts
    from billing.runs.frozen_list import Outcome
    from billing.runs.reports import RunReport
    from billing.runs.selection.scope import Scope
    from billing.runs.states import Run, Step
    from billing.store.home import Home
    from tests.lives.world import Act, Start
    from tests.postgres_server import Server

pytestmark = pytest.mark.slow
SEEDS = (1, 2, 5, 6, 8, 9, 12)  # `make lives` for more
WITH_KILLS = range(101, 104)
ON_POSTGRESQL = range(201, 204)
HALF_DAYS = 215
ALSO_FROM_EXPORT = 5  # every so manieth life is also billed once from an export


def require_true(lived: Lived) -> None:
    """Nothing is wrong; else all that was told."""
    told = "\n".join([f"{lived.start}", *lived.said, *lived.wrong])
    assert not lived.wrong, told


@pytest.mark.parametrize("seed", SEEDS)
def test_all_bills_of_a_life_are_one_bill(seed: int) -> None:
    lived = live(seed, fresh=seed % ALSO_FROM_EXPORT == 0)
    require_true(lived)
    assert len(lived.acts) >= 100


def test_all_bills_of_half_a_life_are_one_bill() -> None:
    """In the first tier: seven months."""
    lived = live(1, days=HALF_DAYS, fresh=False)
    require_true(lived)
    assert len(lived.acts) >= 50


@pytest.mark.parametrize("seed", WITH_KILLS)
def test_processes_that_are_killed_change_nothing(seed: int) -> None:
    lived = live(seed, kills=2, days=200, fresh=False)
    require_true(lived)
    assert any("a process was killed" in each for each in lived.said)


@pytest.mark.parametrize("seed", ON_POSTGRESQL)
def test_a_life_on_postgresql(seed: int, postgresql: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATEWRIGHT_DATABASE", postgresql.url)
    require_true(live(seed, days=250, fresh=False))


@pytest.mark.parametrize("name", TOLD)
def test_a_life_that_failed_once(name: str) -> None:
    require_true(tell(*TOLD[name]))


def test_a_run_that_forgets_what_was_billed_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test itself is tested: the last run forgets one line of all that was billed."""
    real = computing.billed_in
    assert live(7, days=100, fresh=False).wrong == []

    def forgetful(connection: sa.Connection, contracts: Contracts, chosen: Scope, seq: int) -> Lines:
        found = real(connection, contracts, chosen, seq)
        return found[1:] if found.size else empty()

    monkeypatch.setattr(computing, "billed_in", forgetful)
    lived = live(7, days=100, fresh=False)
    assert any(each.startswith("the bills: ") for each in lived.wrong), lived.wrong


def test_a_run_that_knows_no_pools_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools.Pools, "root", lambda _self, account, _place: account)
    require_found(TOLD[POOLED], "the bills: ")


def test_a_run_that_knows_no_late_usage_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(late_usage, "rule_of", lambda *_: LateRule(NO_RULE, NO_RULE))
    require_found(LATE, "the bills: ")


def test_a_run_that_asks_nobody_for_approval_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    require_true(tell(*UNAPPROVED))
    monkeypatch.setattr(start, "waits_for_approval", lambda *_: False)
    require_found(UNAPPROVED, "nobody approved run 1, and it was numbered")


def test_a_list_that_is_numbered_otherwise_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    real = numbering.number
    require_true(tell(*LOOKED_AT))

    def otherwise(home: Home, current: Run, outcome: Outcome, at: Step) -> None:
        outcome.drafts.lines["exact_micros"] += 1
        real(home, current, outcome, at)

    monkeypatch.setattr(numbering, "number", otherwise)
    require_found(LOOKED_AT, "run 1 (posted) showed 1 invoices, and numbered 1")


def test_a_trial_that_numbers_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    real = cycle.run

    def through(home: Home, bill_date: dt.date, now_us: int, *, order: cycle.Order | None = None) -> RunReport:
        return real(home, bill_date, now_us, order=(order or cycle.Order())._replace(trial=False))

    monkeypatch.setattr(cycle, "run", through)
    require_found(LOOKED_AT, "the trial of 2027-12-01 has changed invoices")


def test_a_run_that_bills_what_was_decided_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run after the tariff has changed."""
    require_true(tell(*DECIDED))
    require_true(tell(*REOPENED))
    monkeypatch.setattr(late_decisions.Decided, "holds", lambda _self, keys: np.zeros(len(keys), np.bool_))
    require_found(REOPENED, "the bills: ")


def test_a_decision_over_another_amount_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "round_half_up", lambda exact, step: exact + step)
    require_found(DECIDED, "decision 1 on ['491710001 2027-11-10 10:00:00'] is over ")


def test_a_list_that_forgets_a_record_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(living.late, "listed", lambda *_: Listed(0, (), ()))
    require_found(DECIDED, "late usage: 491710001 2027-11-11 10:00:00 is too late, and nobody lists it")


def require_found(told: tuple[Start, list[Act]], words: str) -> None:
    """A life that is sound goes wrong in these words with what was just broken."""
    wrong = tell(*told).wrong
    assert any(each.startswith(words) for each in wrong), wrong
