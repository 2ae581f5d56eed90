"""What becomes of each row: the rules of duplicates and conflicts, as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from billing.intake.settle import Outcome, outcome_of_flags, settle
from rating.schema import UsageFlag

if TYPE_CHECKING:
    from collections.abc import Sequence

# rows as event+content, with u unanswered and a absorbed, d a copy and c another version of what came before | outcomes | events whose
# stored versions are taken back, so far as they count
CASES = """
B1                | answered                                  |
B1u               | unanswered                                |
B1a               | absorbed                                  |
B1ua              | absorbed                                  |
A1d               | duplicate                                 |
A1d A1d           | duplicate duplicate                       |
B1 B1d            | answered duplicate                        |
B1 C1             | answered answered                         |
A2c               | conflicting                               | A
A2c A2d           | conflicting duplicate                     | A
A2c A3c           | conflicting conflicting                   | A
A2c A1d           | conflicting duplicate                     | A
A2c D2c           | conflicting conflicting                   | A D
B1 B2c            | conflicting conflicting                   |
B1 B2c B1d        | conflicting conflicting duplicate         |
B1u B2c           | conflicting conflicting                   |
B1a B2c C1        | conflicting conflicting answered          |
A2cu B1           | conflicting answered                      | A
"""


def key(event: str) -> bytes:
    return event.encode().rjust(16, b"\x01")


def decide(texts: Sequence[str]) -> tuple[list[str], set[str]]:
    """Outcomes, and the events that are taken back."""
    flags = [(UsageFlag.UNANSWERED if "u" in text else 0) | (UsageFlag.ABSORBED if "a" in text else 0) for text in texts]
    settled = settle(
        np.frombuffer(b"".join(key(text[0]) for text in texts), dtype=np.uint8).reshape(-1, 16),
        np.array(flags, dtype=np.int32),
        duplicate=np.array(["d" in text for text in texts]),
        conflicting=np.array(["c" in text for text in texts]),
    )
    names = [Outcome(code).name.lower() for code in settled.outcome]
    return names, {each.lstrip(b"\x01").decode() for each in settled.taken_back}


@pytest.mark.parametrize("case", CASES.strip().splitlines())
def test_outcomes(case: str) -> None:
    texts, outcomes, taken_back = (part.split() for part in case.split("|"))
    assert decide(texts) == (outcomes, set(taken_back))


@pytest.mark.parametrize(
    ("flags", "outcome"),
    [
        (UsageFlag(0), Outcome.ANSWERED),
        (UsageFlag.FIRST | UsageFlag.LAST | UsageFlag.CUMULATIVE, Outcome.ANSWERED),
        (UsageFlag.PARTIAL, Outcome.WAITING),
        (UsageFlag.PARTIAL | UsageFlag.LAST, Outcome.WAITING),
        (UsageFlag.PARTIAL | UsageFlag.UNANSWERED, Outcome.WAITING),
        (UsageFlag.RECYCLED, Outcome.RECYCLED),
        (UsageFlag.RECYCLED | UsageFlag.UNANSWERED, Outcome.RECYCLED),
        (UsageFlag.RECYCLED | UsageFlag.PARTIAL, Outcome.RECYCLED),
        (UsageFlag.ASSEMBLED, Outcome.ASSEMBLED),
    ],
)
def test_what_a_row_is_by_its_flags(flags: UsageFlag, outcome: Outcome) -> None:
    assert outcome_of_flags(np.array([int(flags)], np.int32)).tolist() == [outcome]
