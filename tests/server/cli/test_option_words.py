"""One word and one meaning for what many commands ask: the last day of a span, and the language. Every command's options are looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from server.cli import app

if TYPE_CHECKING:
    from collections.abc import Iterator

    import cyclopts

# Commands whose --to is no date, and what it is.
OTHER_MEANINGS = {
    "quote": "the number that is called",
    "accounts change-plan": "a plan",
    "accounts transfer": "an account",
    "payment refund": "who gets the money",
    "db upgrade": "a schema",
    "db copy": "a folder",
}
SPANS = {"accounts pause", "accounts outage", "accounts hold", "accounts terms", "usage report", "usage find", "payment statement"}


class Option(NamedTuple):
    """An option of a command as people meet it."""

    command: str
    names: tuple[str, ...]
    help: str
    is_shown: bool


def options() -> Iterator[Option]:
    """Every option of every command."""
    yield from _options_of(app.build(), ())


def _options_of(of: cyclopts.App, words: tuple[str, ...]) -> Iterator[Option]:
    for name in (each for each in of if not each.startswith("-")):
        yield from _options_of(of[name], (*words, name))
    if of.default_command is None:
        return
    for argument in of.assemble_argument_collection():
        names = tuple(each for each in argument.names if each.startswith("--"))
        if names:
            yield Option(" ".join(words), names, argument.parameter.help or "", argument.show)


EVERY = tuple(options())


def test_every_command_is_looked_at() -> None:
    commands = {each.command for each in EVERY}
    assert len(commands) > 130, sorted(commands)
    assert commands >= SPANS | set(OTHER_MEANINGS)


@pytest.mark.parametrize("option", [each for each in EVERY if "--to" in each.names], ids=lambda each: each.command)
def test_the_last_day_of_a_span_is_included(option: Option) -> None:
    """A --to that is a date says so."""
    assert ("included" in option.help) is (option.command not in OTHER_MEANINGS), option
    if "included" in option.help:
        assert option.help.startswith("Last day"), option


def test_no_other_word_ends_a_span() -> None:
    """All that there are include their day. --before is the first instant that is not meant any more, as it says."""
    others = {"payment promise add": "on it is in time", "ledger balance": "Last date, included"}
    found = {each.command: each.help for each in EVERY if {"--until", "--through", "--end"} & set(each.names)}
    assert set(found) == set(others)
    assert all(others[command] in text for command, text in found.items()), found
    assert {each.command for each in EVERY if "--before" in each.names} == {"usage suspense correct"}


def test_the_language_is_called_language_everywhere() -> None:
    languages = [each for each in EVERY if {"--lang", "--language", "--locale"} & set(each.names)]
    assert {each.names for each in languages if each.is_shown} == {("--language",)}
    assert {each.command for each in languages if not each.is_shown} == {"tariffs sheet"}, "where --lang was once shown"


def test_a_time_zone_is_called_time_zone_everywhere() -> None:
    shown = {name for each in EVERY if each.is_shown for name in each.names if "zone" in name}
    assert shown == {"--timezone", "--home-timezone", "--date-timezone"}
    former = {name for each in EVERY if not each.is_shown for name in each.names if "zone" in name}
    assert former == {"--zone", "--date-zone", "--time-zone"}
