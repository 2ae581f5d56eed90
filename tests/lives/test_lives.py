"""Random lives of two accounts: whatever happens, in whatever order, the sum of all invoices is one bill made at the end.

Each life is a hundred acts and more in fourteen months: late and repeated usage, plans changed back and forth in the past, pauses, outages,
ends and revivals, new owners, payers, discounts, exemptions, other bill days, corrected tariffs, charges by hand, payments, credit notes of
either effect, void and reissued invoices, runs made again, late, in part, for trial, and stopped at any commit point. What it must come to
is worked out by `tests.lives.plain`, which shares nothing with the product. A life that fails is told with the fewest acts by
`python -m tests.lives --seed N --lives 1`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing.charges.lines import empty
from billing.runs import computing
from tests.lives.living import Lived, live

if TYPE_CHECKING:
    import sqlalchemy as sa

    from billing.charges.lines import Lines
    from billing.runs.contracts import Contracts
    from billing.runs.scope import Scope
    from tests.postgres_server import Server

pytestmark = pytest.mark.slow
SEEDS = range(1, 13)  # `make lives` for more
WITH_KILLS = range(101, 104)
ON_POSTGRESQL = range(201, 204)
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


@pytest.mark.parametrize("seed", WITH_KILLS)
def test_processes_that_are_killed_change_nothing(seed: int) -> None:
    lived = live(seed, kills=2, days=200, fresh=False)
    require_true(lived)
    assert any("a process was killed" in each for each in lived.said)


@pytest.mark.parametrize("seed", ON_POSTGRESQL)
def test_a_life_on_postgresql(seed: int, postgresql: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATEWRIGHT_DATABASE", postgresql.url)
    require_true(live(seed, days=250, fresh=False))


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
