"""The queries of docs/tables.md, on a home with one invoice: fee 10.00, calls 1.00 and 2.005, tax 0.78."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest
import sqlalchemy as sa

from tests.billing.documents.clerk import customer

if TYPE_CHECKING:
    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow
PAGE = (Path(__file__).parents[3] / "docs" / "tables.md").read_text(encoding="utf-8")


def _queries(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_sql_of_the_page(world: World) -> None:
    customer(world).bill("2025-11-01")
    revenue, owed = _queries("sql")
    with world.home.connect() as connection:
        by_code = [tuple(row) for row in connection.execute(sa.text(revenue))]
        receivable = [tuple(row) for row in connection.execute(sa.text(owed))]
    assert {row[:2] for row in by_code} == {("CNY", "2025-11")}
    assert sum(round(Decimal(str(row[3])), 2) for row in by_code) == Decimal("13.01")
    assert [(*row[:2], round(Decimal(str(row[2])), 2)) for row in receivable] == [("receivable:anna", "CNY", Decimal("13.79"))]


def test_charges_of_the_page(world: World) -> None:
    customer(world).bill("2025-11-01")
    (query,) = _queries("duckdb")
    found = duckdb.sql(query.replace("charges/run=1", str(world.home.charges_folder / "run=1"))).fetchall()
    assert found == [(0, "CNY", 2, Decimal("3.005000"))]
