"""Commands in texts get `--server`; ids and other texts of persons that look like commands or options do not."""

from __future__ import annotations

import shlex
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rating.errors import quoted
from server.cli.by_service import with_option

OPTION: Final = " --server H:1"
WORDS: Final = (
    "ratewright",
    "accounts",
    "end",
    "show",
    "status",
    "--home",
    "--server",
    "x",
    "'",
    '"',
    "`",
    "\\",
    "ratewright status",
    "...",
    "(1 characters)",
)
IDS: Final = st.lists(st.sampled_from(WORDS), min_size=1, max_size=8).map(" ".join) | st.lists(st.sampled_from(WORDS), max_size=8).map(
    "".join
)


@pytest.mark.parametrize(
    "name",
    [
        "accounts end", "ratewright accounts end", "--home x", "--server", "it's ratewright accounts end", '"ratewright status"',
        "' ratewright accounts end", "it's \"ratewright accounts end", "x" * 190 + " ratewright accounts end", "\\' ratewright status",
        "ratewright accounts end " * 20, "ratewright accounts end... (12 characters) ratewright status",
    ],
)  # fmt: skip
def test_a_text_of_a_person_stays_as_it_is(name: str) -> None:
    for before in ("no payment has the id ", "payment (", "name: ", "the account's id is "):
        for behind in (" exists", "; see it: ratewright accounts show anna", ", not 'ratewright accounts end'", ")"):
            text = f"{before}{quoted(name)}{behind}"
            assert with_option(text, OPTION) == text.replace(
                "; see it: ratewright accounts show", f"; see it: ratewright accounts show{OPTION}"
            )


@settings(max_examples=60, deadline=None)
@given(IDS, IDS)
def test_only_the_commands_of_a_remedy_have_the_option(one: str, other: str) -> None:
    shown, argument = quoted(one), shlex.join(["--id", other])
    text = f"payment {shown} is not {quoted(other)}: give `ratewright payment record {argument} --json`, or ratewright accounts find 'x'"
    wanted = (
        f"payment {shown} is not {quoted(other)}: give `ratewright payment record{OPTION} {argument} --json`, "
        f"or ratewright accounts find{OPTION} 'x'"
    )
    assert with_option(text, OPTION) == wanted
    assert with_option(shown, OPTION) == shown


def test_a_word_that_ends_as_the_program_is_none() -> None:
    for text in ("account my-ratewright status is closed", "file a.ratewright accounts end", "ratewright is served"):
        assert with_option(text, OPTION) == text
