"""Double entry: immutable, idempotent by id, and an error that names the field when a posting comes with other data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing import ledger
from billing.accounting import balances as balances_
from billing.store import tables
from rating.errors import UserError

if TYPE_CHECKING:
    from tests.billing.runs.world import World

ONE = ledger.Posting("R-1", 1, "line", "receivable:a", "revenue:4000", "CNY", 500, "2025-11-01")


def post(world: World, *postings: ledger.Posting) -> int:
    with world.home.begin() as connection:
        return ledger.post(connection, postings, world.home.next_commit_seq(connection, "invoice", world.tick()))


def balances(world: World) -> dict[str, int]:
    with world.home.connect() as connection:
        return {each.account: each.balance_micros for each in balances_.trial_balance(connection, every_customer=True)}


def test_a_posting_moves_an_amount(world: World) -> None:
    assert post(world, ONE) == 1
    assert balances(world) == {"receivable:a": 500, "revenue:4000": -500}


def test_a_repeat_exists(world: World) -> None:
    assert post(world, ONE) == 1
    assert post(world, ONE, ONE._replace(line_no=2)) == 1
    assert balances(world)["receivable:a"] == 1000


@pytest.mark.parametrize(
    ("field", "value"),
    [("debit_account", "cash"), ("credit_account", "tax:1"), ("currency", "EUR"), ("amount_micros", 501), ("posted_on", "2025-11-02")],
)
def test_a_repeat_with_other_data_names_the_field(world: World, field: str, value: object) -> None:
    post(world, ONE)
    with pytest.raises(UserError, match=rf"posting R-1 line 1 line exists with {field}"):
        post(world, ONE._replace(line_no=2), ONE._replace(**{field: value}))
    assert balances(world)["receivable:a"] == 500, "the other posting of the batch is undone with it"


def test_signs() -> None:
    sides = {"debit": "receivable:a", "credit": "revenue:1", "currency": "CNY", "posted_on": "2025-11-01"}
    positive = ledger.posting("R-1", 1, "line", signed_micros=5, **sides)
    negative = ledger.posting("R-1", 1, "line", signed_micros=-5, **sides)
    assert positive is not None
    assert negative is not None
    assert (positive.debit_account, positive.credit_account, positive.amount_micros) == ("receivable:a", "revenue:1", 5)
    assert (negative.debit_account, negative.credit_account, negative.amount_micros) == ("revenue:1", "receivable:a", 5)
    assert ledger.posting("R-1", 1, "line", signed_micros=0, **sides) is None


def test_an_id_is_of_document_line_and_leg_alone() -> None:
    assert ONE.key == ONE._replace(amount_micros=7, posted_on="2026-01-01").key
    assert len({ONE.key, ONE._replace(document="R-11").key, ONE._replace(line_no=11).key, ONE._replace(leg="tax").key}) == 4
    assert ledger.posting_id("R-1", 11, "x") != ledger.posting_id("R-11", 1, "x")


@pytest.mark.parametrize("change", [{"amount_micros": 0}, {"amount_micros": -1}, {"credit_account": "receivable:a"}])
def test_the_database_refuses_what_the_writer_would_not_write(world: World, change: dict[str, object]) -> None:
    bad = ONE._replace(**change)
    with pytest.raises(AssertionError):
        post(world, bad)
    with pytest.raises(sa.exc.IntegrityError), world.home.begin() as connection:
        connection.execute(tables.postings.insert().values(posting_id=bad.key, commit_seq=1, **bad._asdict()))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from("xyz"), st.integers(1, 10**15), st.sampled_from(["CNY", "EUR"])), max_size=20
    )
)
def test_any_sequence_balances(world: World, moves: list[tuple[str, str, int, str]]) -> None:
    document = f"D-{world.tick()}"
    post(world, *(ledger.Posting(document, n, "m", a, b, c, amount, "2025-11-01") for n, (a, b, amount, c) in enumerate(moves)))
    with world.home.connect() as connection:
        found = balances_.trial_balance(connection, every_customer=True)
    for currency in ("CNY", "EUR"):
        assert sum(each.balance_micros for each in found if each.currency == currency) == 0
