"""Errors that a user reads when a command is given an id of another kind, a number that cannot be, or signs that are not seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing import accounts
from billing.store.home import Home
from tests.billing import files

if TYPE_CHECKING:
    from pathlib import Path

    from tests.errors.conftest import Provoke

RUN = "9223372036854775808"
CALLS = {
    "subscription_on_hold": "accounts hold S1 --from 2026-03-05",
    "subscription_tax": "accounts tax S1 --from 2026-03-05 --exempt *",
    "bill_day_zero": "accounts bill-day A1 0 --from 2026-03-05",
    "bill_day_below_zero": "accounts bill-day A1 --from 2026-03-05 -- -1",
    "bill_day_beyond_numbers": "accounts bill-day A1 9223372036854775807 --from 2026-03-05",
    "explain_run_beyond_numbers": f"bill explain R --run {RUN}",
    "refused_run_beyond_numbers": f"bill refused --run {RUN}",
    "verify_run_beyond_numbers": f"bill verify --run {RUN}",
    "verify_seed": "bill verify --seed=-1",
    "limit_beyond_numbers": "invoice list --limit 9223372036854775807",
    "nul_export": "accounts export a\0b",
    "nul_copy": "db copy --to a\0b",
    "nul_policy_check": "dunning policy check a\0b",
    "nul_policy_add": "dunning policy add a\0b",
    "unseen_account": "accounts show \x1b[31m\u202eA1",
    "long_account": f"accounts show {'x' * 5_000}",
    "long_entity": f"ledger balance --entity {'x' * 5_000}",
}
STATUS = {"unseen_account": 1, "long_account": 1, "long_entity": 1}


@pytest.fixture
def told(home: Path, tmp_path: Path) -> Path:
    """A home with an account and its subscription."""
    with Home.open(home) as opened:
        files.publish(opened)
        accounts.import_files(opened, files.write(tmp_path / "in"), files.NOW_US)
    return home


@pytest.mark.parametrize("name", CALLS)
def test_a_wrong_call(provoke: Provoke, told: Path, name: str) -> None:
    words = CALLS[name].split(" ")
    place = words.index("--") if "--" in words else len(words)
    provoke([*words[:place], "--home", told, *words[place:]], status=STATUS.get(name, 2), golden=f"call/{name}", unchanged=told)


def test_a_schema_to_a_path_with_a_nul(provoke: Provoke) -> None:
    provoke(["tariffs", "schema", "--output", "a\0b"], status=2, golden="call/nul_schema")
