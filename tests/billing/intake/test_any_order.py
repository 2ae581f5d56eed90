"""Whatever order usage comes in, however it is cut and packed, whoever restarts, seals or decides meanwhile: the same counts in the end.

Each case is a random world (its seed is in the name of the test); ORDERS of its lines must all lead to what the world says itself.
"""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import numpy as np
import pytest
import sqlalchemy as sa

from billing.intake import books
from billing.intake.known_keys import KnownKeys
from billing.store.tables import intake_counts
from tests.billing.intake.any_order_acts import Acts
from tests.billing.intake.any_order_world import make_up

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from billing.store.home import Home
    from tests.billing.intake.any_order_world import Line

SEEDS = range(int(os.environ.get("FROM", "0")), int(os.environ.get("TO", "4")))
ORDERS = 2


def few_hashes(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Three hashes for all keys."""
    return keys[:, 0] % np.uint64(3) + np.uint64(1)


@pytest.mark.parametrize("hashes", ["own", "colliding"])
@pytest.mark.parametrize("seed", SEEDS)
def test_any_order(  # noqa: PLR0913, PLR0917 - fixtures
    home_maker: Callable[[str], Home], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, balanced: Callable, seed: int, hashes: str
) -> None:
    if hashes == "colliding":
        monkeypatch.setattr(KnownKeys.__init__, "__defaults__", (few_hashes,))
    made_up = make_up(random.Random(seed))
    for order in range(ORDERS):
        folder = tmp_path / f"files{order}"
        folder.mkdir()
        rng = random.Random(f"{seed}/{order}/{hashes}")
        acts = Acts(home_maker(f"home{order}"), folder, made_up, rng)
        try:
            run(acts, rng)
            acts.settle_all()
            check(acts)
            assert acts.counting() == made_up.counts
            come_again(acts)
            balanced(acts.home)
        except BaseException:
            print(f"seed {seed}, order {order}", *acts.told, sep="\n")
            acts.dump()
            raise


def run(acts: Acts, rng: random.Random) -> None:
    """Deliver every line, and do other things in between."""
    lines = list(acts.made_up.lines)
    rng.shuffle(lines)
    others = (
        acts.seal,
        acts.restart,
        acts.deliver_again,
        acts.tick,
        lambda: acts.tick(100),
        acts.recycle,
        acts.resolve,
        acts.resolve,
        acts.give_up_row,
        acts.decide_calls,
        acts.mend,
    )
    while lines:
        chosen, lines = _cut(lines, rng)
        lines += acts.deliver(chosen)
        if rng.random() < 0.6:
            rng.choice(others)()
        check(acts)


def _cut(lines: list[Line], rng: random.Random) -> tuple[list[Line], list[Line]]:
    """The next delivery, and what is left: now and then only rows that come as a stream. A row that nobody can read never comes alone."""
    size = rng.choice((1, 3, 10, 30))
    if rng.random() < 0.3:
        chosen = [line for line in lines if line.can_stream][:size]
    else:
        chosen = lines[:size]
    if not any(line.is_clear for line in chosen):
        chosen += [line for line in lines if line.is_clear][:1]
    if not chosen:
        return lines, []
    left = list(lines)
    for line in chosen:
        if line in left:
            left.remove(line)
    return chosen, left


def check(acts: Acts) -> None:
    """What holds at any time: the books, every row in one outcome, and nothing counts that is in doubt."""
    with acts.home.connect() as connection:
        head = acts.home.head_seq(connection)
        row = intake_counts.c
        received = connection.execute(sa.select(sa.func.coalesce(sa.func.sum(row.rows), 0)).where(row.outcome == "received")).scalar_one()
    for line in books.intake_book(acts.home, head):
        assert line.left == line.right, line
    assert received == acts.received
    counted = [each.record for each in acts.counting()]
    assert not acts.uncertain() & set(counted)


def come_again(acts: Acts) -> None:
    """Whoever opens the home anew knows every row that it ever took."""
    acts.restart()
    readable = [line for line in acts.made_up.lines if line.version]
    for source in acts.sources:
        mine = [line for line in readable if line.source == source]
        path = acts.write(mine)
        report = acts.intake.take_file(path, acts.sources[source], acts.now_us)
        assert {name: rows for name, rows in report.rows.items() if rows} == ({} if report.already_taken else {"duplicate": len(mine)})
        acts.received += report.received
    check(acts)
    assert acts.counting() == acts.made_up.counts
