"""Damaged bank files: any bytes end in records that add up, or in mistakes with a place and a remedy."""

from __future__ import annotations

import random
from fractions import Fraction
from pathlib import Path

import pytest

from billing.payments.statements import reading
from billing.payments.statements.records import Entry, EntryEnd, Kind, Problems, Transaction
from billing.payments.statements.totals import Summary
from rating.errors import ProblemsError
from tests.billing.payments.statements import shown
from tests.mediation.damage import damaged

FILES = sorted((Path(__file__).parent / "files").iterdir())
CASES = 1_500
SEED = 20_261_201


def is_told(error: ProblemsError) -> bool:
    """Return whether each mistake has its place, its words and a remedy."""
    return all(each.path.startswith("line ") and each.message and each.remedy for each in error.problems)


def held(path: Path, content: bytes) -> bool:
    """Read damaged content; whether it was taken. What is taken adds up, by fractions of the micro-units."""
    problems = Problems(path.name)
    source = reading.source(path, content)
    net = statement = Fraction(0)
    signed: Fraction | None = None
    try:
        for record in reading.read(source, shown.form_of(path.name), problems):
            match record:
                case Entry():
                    signed = Fraction(record.amount_micros if record.is_credit else -record.amount_micros)
                    statement += signed
                    net = Fraction(0)
                case Transaction():
                    assert record.amount_micros >= 0
                    assert record.charge_micros >= 0
                    net += record.amount_micros if record.is_credit else -record.amount_micros
                case EntryEnd():
                    assert signed is not None
                    assert net - record.charge_micros == signed
                case Summary():
                    if not problems.found and record.statement.kind is Kind.STATEMENT:
                        assert record.opening is not None
                        assert record.closing is not None
                        assert record.opening.micros + statement == record.closing.micros
                    statement = Fraction(0)
                case _:
                    statement = Fraction(0)
        problems.close()
    except ProblemsError as error:
        if not is_told(error):
            raise
        return False
    return True


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_damaged_files(path: Path) -> None:
    rng = random.Random(f"{SEED} {path.name}")
    others = [each.read_bytes() for each in FILES]
    content = path.read_bytes()
    taken = sum(held(path, damaged(rng, content, others)) for _ in range(CASES))
    assert 0 < taken < CASES, taken


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_some_damaged_files(path: Path) -> None:
    rng = random.Random(f"{SEED} some {path.name}")
    others = [each.read_bytes() for each in FILES]
    taken = sum(held(path, damaged(rng, path.read_bytes(), others)) for _ in range(40))
    assert taken < 40, taken
