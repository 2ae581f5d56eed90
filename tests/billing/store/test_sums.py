"""Sums over many amounts are exact on both databases, above int64 as well."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from billing.store.home import Home
from billing.store.sums import HALF, STORED_MAX, halves, whole

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("both")]

# amounts of one sum
SUMS = [
    [],
    [0],
    [-1],
    [-1, -HALF, HALF + 1],
    [10**18 - 1] * 40,
    [1 - 10**18] * 40,
    [STORED_MAX, STORED_MAX, -STORED_MAX, STORED_MAX, 7],
    [HALF - 1, -HALF - 1, 3 * HALF // 2, -3 * HALF // 2],
]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with Home.open(tmp_path / "home", create=True) as opened:
        yield opened


def test_sums(home: Home) -> None:
    amounts = sa.table("amounts", sa.column("sum_no", sa.BigInteger), sa.column("micros", sa.BigInteger))
    with home.begin() as connection:
        connection.exec_driver_sql("CREATE TEMPORARY TABLE amounts (sum_no BIGINT, micros BIGINT)")
        rows = [{"sum_no": number, "micros": each} for number, values in enumerate(SUMS) for each in values]
        connection.execute(sa.insert(amounts), rows)
        query = sa.select(amounts.c.sum_no, *halves(amounts.c.micros)).group_by(amounts.c.sum_no)
        found = {number: whole(*parts) for number, *parts in connection.execute(query)}
        nothing = connection.execute(sa.select(*halves(amounts.c.micros)).where(amounts.c.sum_no == -1)).one()
        turned = connection.execute(sa.select(*halves(-amounts.c.micros - amounts.c.sum_no)).where(amounts.c.sum_no == 4)).one()
    assert found == {number: sum(values) for number, values in enumerate(SUMS) if values}
    assert whole(*nothing) == 0
    assert whole(*turned) == -sum(SUMS[4]) - 4 * 40, "what is added up may be worked out"
