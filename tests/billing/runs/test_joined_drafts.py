"""Parts of a large run put together: each numbers its currencies, legal entities and texts in its own way."""

from __future__ import annotations

import dataclasses
import datetime as dt

import numpy as np

from billing.charges.charge_keys import Kind
from billing.invoicing import drafts
from billing.invoicing.drafts import HEADS, Drafts
from tests.billing.charges.rows import lines

ONE = np.zeros(1, np.int64)


def part(account_key: int, currency: str, entity: str, text: str) -> Drafts:
    """One draft with one line."""
    heads = dict.fromkeys(HEADS, ONE) | {"account_key": ONE + account_key}
    own = lines({"account_key": account_key, "kind": Kind.RECURRING, "amount_micros": 10_000})
    columns = {"first_line": np.array([0, 1]), "lines": own, "text": np.zeros(1, np.int32), "texts": [text]}
    return dataclasses.replace(drafts.none(dt.date(2025, 11, 1)), **heads, **columns, currencies=(currency,), entities=(entity,))


def test_each_draft_keeps_its_currency_entity_and_text() -> None:
    parts = (part(1, "CNY", "north", "rent"), part(2, "EUR", "south", "rent"), part(3, "CNY", "south", "calls"))
    found = drafts.joined(parts)
    assert [found.entities[place] for place in found.entity] == ["north", "south", "south"]
    assert [found.currencies[place] for place in found.currency] == ["CNY", "EUR", "CNY"]
    assert [found.currencies[place] for place in found.lines["currency"]] == ["CNY", "EUR", "CNY"]
    assert [found.texts[place] for place in found.text] == ["rent", "rent", "calls"]
    assert [each.account_key for each in found.structs()] == [1, 2, 3]
