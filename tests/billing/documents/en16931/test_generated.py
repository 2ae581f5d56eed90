"""Generated documents of any lines: valid in both syntaxes, with the sums of the ledger. 200, or RATEWRIGHT_EINVOICES of them."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest

from billing.documents.en16931.rules import Rules
from billing.documents.semantic.model import Usage
from tests.billing.documents.en16931.cases import document, line
from tests.billing.documents.en16931.whole import faults

if TYPE_CHECKING:
    from billing.documents.semantic.model import Charged, Line, Role, TaxCategory

pytestmark = pytest.mark.slow
DOCUMENTS = int(os.environ.get("RATEWRIGHT_EINVOICES", "200"))
RATES: list[tuple[TaxCategory, int]] = [("S", 190_000), ("S", 70_000), ("S", 60_000), ("S", 25_500), ("Z", 0), ("E", 0), ("AE", 0)]


def any_line(drawn: random.Random, number: int, role: Role) -> Line:
    """A line, some of them of messages at a price below a cent."""
    category, rate = drawn.choice(RATES)
    if role != "line":
        cents = drawn.randint(0, 5_000) * (-1 if role == "allowance" else 1)
        return line(number, cents, category, rate, role)
    if drawn.random() < 0.3:
        count, each = drawn.randint(1, 9_999), drawn.randint(1, 99_999)
        exact = count * each
        usage = Usage(count, count + 7, 7, "message", "", exact)
        return line(number, (exact * 2 + 10_000) // 20_000, category, rate, kind="usage", usage=usage)
    cents = drawn.choice((0, 1, drawn.randint(-50_000, 50_000), drawn.randint(0, 10**9)))
    return line(number, cents, category, rate, text=drawn.choice(("Fee", "套餐 & more", "<b>", "x" * 2_000)))


def any_document(seed: int) -> Charged:
    """An invoice or a credit note."""
    drawn = random.Random(seed)
    count = drawn.randint(1, 8)
    lines = [any_line(drawn, number, "line") for number in range(1, count + 1)]
    lines += [any_line(drawn, number, drawn.choice(("allowance", "charge"))) for number in range(count + 1, count + drawn.randint(1, 4))]
    return document(lines, drawn.choice((0, 0, 1, 10_000)), is_credit_note=drawn.random() < 0.3)


def test_generated_documents_are_valid() -> None:
    with Rules() as rules:
        wrong = [f"{seed}: {fault}" for seed in range(DOCUMENTS) for fault in faults(rules, any_document(seed))]
    assert wrong == []
