"""Reconciliation: only differences come out, and a life of bills adds up to one bill at its end."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.charges import lines as columns
from billing.charges.reconcile import differences
from tests.billing.charges.rows import lines

KEY = {"account_key": 7, "period_from": 100, "period_to": 131, "kind": 2, "charge_code": 10, "price_id": 1, "tax_class": 1}


def amounts(found: columns.Lines) -> list[int]:
    return found["amount_micros"].tolist()


def test_a_first_bill_bills_everything() -> None:
    proposed = lines({**KEY, "amount_micros": 50, "events": 3}, {**KEY, "account_key": 8, "amount_micros": 70, "events": 1})
    assert amounts(differences(proposed, columns.empty()).lines) == [50, 70]


def test_the_same_again_bills_nothing() -> None:
    proposed = lines({**KEY, "amount_micros": 50, "events": 3})
    assert differences(proposed, proposed).lines.size == 0


def test_late_usage_is_the_difference_on_the_same_key() -> None:
    billed = lines({**KEY, "amount_micros": 50, "events": 3, "quantity": 180})
    found = differences(lines({**KEY, "amount_micros": 65, "events": 4, "quantity": 240}), billed)
    assert found.lines[["amount_micros", "events", "quantity"]].tolist() == [(15, 1, 60)]
    assert found.billed_micros.tolist() == [50]


def test_what_is_no_longer_due_is_credited() -> None:
    found = differences(columns.empty(), lines({**KEY, "amount_micros": 50}, {**KEY, "amount_micros": -20}))
    assert amounts(found.lines) == [-30]
    assert found.billed_micros.tolist() == [30]


def test_free_usage_shows_once() -> None:
    free = lines({**KEY, "amount_micros": 0, "events": 2})
    assert amounts(differences(free, columns.empty()).lines) == [0]
    assert differences(lines({**KEY, "amount_micros": 0, "events": 5}), free).lines.size == 0


def test_every_field_of_the_key_keeps_lines_apart() -> None:
    for name in columns.KEY_FIELDS:
        other = {**KEY, name: KEY.get(name, 0) + 1}
        found = differences(lines({**KEY, "amount_micros": 5}), lines({**other, "amount_micros": 5}))
        assert sorted(amounts(found.lines)) == [-5, 5], name


def test_what_is_due_labels_the_line() -> None:
    proposed = lines({**KEY, "amount_micros": 9, "quantity_unit": 2})
    assert differences(proposed, lines({**KEY, "amount_micros": 4, "quantity_unit": 1})).lines["quantity_unit"].tolist() == [2]


def test_revenue_that_was_booked_elsewhere_moves() -> None:
    proposed = lines({**KEY, "amount_micros": 9, "revenue_code": 4000})
    found = differences(proposed, lines({**KEY, "amount_micros": 4, "revenue_code": 1})).lines
    assert found[["revenue_code", "amount_micros"]].tolist() == [(1, -4), (4000, 9)]


def test_none_and_none_is_none() -> None:
    assert differences(columns.empty(), columns.empty()).lines.size == 0


ROW = st.tuples(st.integers(1, 3), st.integers(1, 2), st.integers(1, 3), st.integers(-(10**12), 10**12), st.integers(0, 5))
STATE = st.lists(ROW, max_size=12)


@settings(max_examples=200, deadline=None)
@given(st.lists(STATE, min_size=1, max_size=6))
def test_all_bills_of_a_life_add_up_to_the_last_proposal(states: list[list[tuple[int, int, int, int, int]]]) -> None:
    """Whatever was proposed in between: what has been billed in all is what is due now, key by key."""
    billed = columns.empty()
    proposed = columns.empty()
    for state in states:
        fields = ("account_key", "kind", "price_id", "amount_micros", "events")
        proposed = lines(*(dict(zip(fields, row, strict=True)) for row in state))
        billed = np.concatenate([billed, differences(proposed, billed).lines])
    assert differences(proposed, billed).lines.size == 0
    total, due = columns.sum_by_key(billed), columns.sum_by_key(proposed)
    wanted = {tuple(row) for row in due[[*list(columns.KEY_FIELDS), "amount_micros"]].tolist() if row[-1]}
    assert {tuple(row) for row in total[[*list(columns.KEY_FIELDS), "amount_micros"]].tolist() if row[-1]} == wanted
