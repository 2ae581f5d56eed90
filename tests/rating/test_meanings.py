"""Every column of usage and charges says its unit and meaning, in the files and on the page."""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from rating.meanings import CHARGE, USAGE, Meaning
from rating.schema import CHARGE_V1, USAGE_V1
from rating.status import Status

PAGE = Path(__file__).parents[2] / "docs" / "tables.md"


def _table(meanings: dict[str, Meaning]) -> str:
    rows = [f"| `{name}` | {unit} | {meaning} |" for name, (unit, meaning) in meanings.items()]
    return "\n".join(["| column | unit | meaning |", "|---|---|---|", *rows])


@pytest.mark.parametrize(("schema", "meanings"), [(USAGE_V1, USAGE), (CHARGE_V1, CHARGE)])
def test_a_file_says_what_its_columns_hold(schema, meanings: dict[str, Meaning]) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    file = io.BytesIO()
    pq.write_table(schema.empty_table(), file)
    read = pq.read_schema(file)
    told = {field.name: (field.metadata[b"unit"].decode(), field.metadata[b"meaning"].decode()) for field in read}
    assert told == meanings
    assert all(meaning for _, meaning in told.values())


@pytest.mark.parametrize("meanings", [USAGE, CHARGE])
def test_the_page_has_the_same(meanings: dict[str, Meaning]) -> None:
    assert _table(meanings) in PAGE.read_text(encoding="utf-8")


def test_the_page_has_every_status() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert [f"| {int(status)} | {status.name} |" for status in Status if f"| {int(status)} | {status.name} |" not in page] == []


def test_amounts_of_charges_are_told_as_units_of_the_currency() -> None:
    assert CHARGE["charge_micros"][0].startswith("units of currency")
    assert "not who pays" in CHARGE["payer_account_id"][1]
