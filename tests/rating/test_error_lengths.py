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
    error = UserError("m " * 1_000, "r " * 500_000)
    assert error.lines() == ["error: " + "m " * 1_000, "  remedy: " + "r " * 1_000 + "... (1,000,000 characters)"]
    assert str(UserError("m " * 1_500, "")) == "m " * 1_000 + "... (3,000 characters)"


def test_problems_of_a_file_are_cut() -> None:
    error = ProblemsError([Problem("plan.yaml", "k/" * 4_500, "unknown key", "take it out")])
    assert error.lines()[0] == "plan.yaml: " + "k/" * 1_000 + "... (9,000 characters): unknown key; remedy: take it out"
    assert error.problems[0].path.endswith("(9,000 characters)")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\u202eb\u200bc\x00\x85", "a\\u202eb\\u200bc\\x00\\x85"),
        ("two\nlines\tand 中文 é", "two\nlines\tand 中文 é"),
        ("x" * 219, "x" * 219),
        ("x" * 220, "x" * 200 + "... (220 characters)"),
        ("/" + "folder/" * 40, "/" + "folder/" * 40),
    ],
)
def test_an_error_shows_what_is_not_seen_and_cuts_a_long_word(text: str, shown: str) -> None:
    error = UserError(f"account {text} is unknown", f"give {text}")
    assert error.lines() == [f"error: account {shown} is unknown", f"  remedy: give {shown}"]
    assert ProblemsError([Problem("f", "line 1", text, "mend it")]).problems[0].message == shown
