"""Every command that a remedy, a comment of a call or a page of the docs names is one that the parser takes as it is written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from server.cli import counterparts
from tests import named_commands
from tests.named_commands import Named, mistake
from tests.server.test_counterparts import commands

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

README: Final = Path(__file__).resolve().parents[2] / "README.md"


def _mistakes(named: list[Named]) -> list[tuple[str, str, str]]:
    found = ((each, mistake(each)) for each in dict.fromkeys(named))
    return [(each.where, each.text, why) for each, why in found if why]


@pytest.mark.parametrize(
    "read", [named_commands.in_sources, named_commands.in_calls, named_commands.in_docs], ids=lambda read: read.__name__
)
def test_every_command_that_is_named_is_taken(read: Callable[[], Iterator[Named]]) -> None:
    named = list(read())
    assert len(named) > 100  # else the texts are not found any more
    assert _mistakes(named) == []


WRONG = [
    ("ratewright tariffs list", "no command tariffs list"),
    ("ratewright bill undo --rnu 3 --reason ...", "--rnu"),
    ("ratewright usage too-late take-back 3", "--reason"),
    ("ratewright approvals agree", ""),  # a bare mention
    ("ratewright approvals agree N --server HOST:PORT", ""),
    ("ratewright bill trial|aprove", "aprove"),
    ("ratewright invoice void NUMBER --reason WHY | head", ""),
    ("ratewright bill run --date DATE --lately", "--lately"),
]


@pytest.mark.parametrize(("text", "why"), WRONG)
def test_what_is_found(text: str, why: str) -> None:
    found = mistake(Named("here", text, is_prose=False))
    assert why in found
    assert bool(found) is bool(why)


def test_the_readme_names_the_commands_without_json() -> None:
    said = re.search(r"each has `--json`, except ([^.]+)\.", README.read_text(encoding="utf-8"))
    assert said
    without = {each for each in commands() if mistake(Named("here", f"ratewright {each} ... --json", is_prose=False))}
    assert set(re.findall(r"`([a-z -]+)`", said[1])) == without


def test_options_in_prose_are_looked_up() -> None:
    assert mistake(Named("here", "ratewright bill undo --run {} --because ... undoes it", is_prose=True)) == "bill undo has no --because"


@pytest.mark.parametrize("command", sorted(set(commands()) & set(counterparts.CALLS)))
def test_a_command_with_a_call_takes_the_options_of_a_service_as_well(command: str) -> None:
    """A remedy holds by both ways: the same command with the same options, and --server behind them."""
    served = f"ratewright {command} ... --server HOST:PORT --token-file FILE"
    assert mistake(Named("here", served, is_prose=False)) == ""
