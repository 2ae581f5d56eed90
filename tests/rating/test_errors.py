"""How mistakes are shown."""

from __future__ import annotations

from rating.errors import Problem, ProblemsError


def test_a_mistake_in_many_places_is_shown_a_few_times_and_counted() -> None:
    same = [Problem("numbers.csv", f"line {line}", "account 7 is unknown", "correct the id") for line in range(2, 1_502)]
    other = Problem("numbers.csv", "line 9", "account 8 is unknown", "correct the id")
    assert ProblemsError([*same, other]).lines() == [
        "numbers.csv: line 2: account 7 is unknown; remedy: correct the id",
        "numbers.csv: line 3: account 7 is unknown; remedy: correct the id",
        "numbers.csv: line 4: account 7 is unknown; remedy: correct the id",
        "numbers.csv: line 9: account 8 is unknown; remedy: correct the id",
        "numbers.csv: in 1,497 more places: account 7 is unknown",
        "error: 1501 mistakes found",
        "  remedy: correct each and try again; nothing was stored",
    ]
