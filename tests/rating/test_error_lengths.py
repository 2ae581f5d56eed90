"""What errors repeat of a file or a call is bounded, so that it can be read and arrives."""

from __future__ import annotations

import pytest

from rating.errors import Problem, ProblemsError, UserError, quoted

QUOTED = [
    # what was sent, how it stands in a message
    ("", "''"),
    ("anna", "'anna'"),
    ("a\nb\x1b[31m", r"'a\nb\x1b[31m'"),
    ("x" * 200, "'" + "x" * 200 + "'"),
    ("x" * 201, "'" + "x" * 199 + "... (201 characters)"),
    ("\0" * 200, "'" + r"\x00" * 49 + r"\x0" + "... (200 characters)"),
]


@pytest.mark.parametrize(("sent", "shown"), QUOTED)
def test_what_was_sent_is_quoted_in_part(sent: str, shown: str) -> None:
    assert quoted(sent) == shown


def test_messages_and_remedies_are_cut() -> None:
    error = UserError("m" * 2_000, "r" * 1_000_000)
    assert error.lines() == ["error: " + "m" * 2_000, "  remedy: " + "r" * 2_000 + "... (1,000,000 characters)"]
    assert str(UserError("m" * 3_000, "")) == "m" * 2_000 + "... (3,000 characters)"


def test_problems_of_a_file_are_cut() -> None:
    error = ProblemsError([Problem("plan.yaml", "k" * 9_000, "unknown key", "take it out")])
    assert error.lines()[0] == "plan.yaml: " + "k" * 2_000 + "... (9,000 characters): unknown key; remedy: take it out"
    assert error.problems[0].path.endswith("(9,000 characters)")
