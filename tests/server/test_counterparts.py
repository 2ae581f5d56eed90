"""Commands and calls: the help of a command names its call, the comment of a call names its command, and both say the same."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from server.cli import app, counterparts

if TYPE_CHECKING:
    from collections.abc import Iterator

    import cyclopts

PROTOS = Path(__file__).parents[2] / "proto" / "ratewright" / "v1"
_COMMANDS = re.compile(r"The commands?: ((?:`ratewright [a-z -]+`(?:, )?)+)\.")
_COMMAND = re.compile(r"`ratewright ([a-z -]+)`")
_CALL = re.compile(r"((?:  //[^\n]*\n)*)  rpc (\w+)\(")
# Groups of commands that list without a further word: their call names the long form alone.
_SHORT_FORMS = {
    "controls findings": "controls findings list",
    "usage suspense": "usage suspense list",
    "usage too-late": "usage too-late list",
}


def commands() -> list[str]:
    """Every command that can be called, by its words."""

    def under(group: cyclopts.App, words: tuple[str, ...]) -> Iterator[str]:
        names = [name for name in group if not name.startswith("-")]
        if words and (not names or group.default_command is not None):
            yield " ".join(words)
        for name in names:
            yield from under(group[name], (*words, name))

    return list(under(app.build(), ()))


def calls() -> dict[str, str]:
    """The comment of every call of ours in one line, by service and name."""
    found = {}
    for file in PROTOS.glob("*_service.proto"):
        text = file.read_text(encoding="utf-8")
        service = re.search(r"^service (\w+) \{", text, re.MULTILINE)
        assert service, file
        for comment, name in _CALL.findall(text[service.start() :]):
            found[f"{service[1]}.{name}"] = " ".join(comment.replace("  //", " ").split())
    return found


def test_each_command_has_a_call_or_a_reason() -> None:
    known = commands()
    for command in known:
        assert counterparts.sentence(command), command
    assert set(counterparts.CALLS) <= set(known)
    for start in counterparts.WITHOUT_CALL:  # no reason outlives its command, or the call that made it needless
        of_it = [command for command in known if f"{command} ".startswith(f"{start} ")]
        assert any(command not in counterparts.CALLS for command in of_it), start


def test_each_call_names_its_command_or_why_it_has_none() -> None:
    in_comments: set[tuple[str, str]] = set()
    for call, comment in calls().items():
        named = _COMMANDS.search(comment)
        assert bool(named) != ("No command: " in comment), f"{call}: {comment}"
        in_comments |= {(command, call) for command in _COMMAND.findall(named[1])} if named else set()
    in_help = {(command, call) for command, made in counterparts.CALLS.items() for call in made if command not in _SHORT_FORMS}
    assert in_comments == in_help
    for short, long in _SHORT_FORMS.items():
        assert counterparts.CALLS.get(short) == counterparts.CALLS.get(long), short


def test_each_command_with_a_call_has_a_server() -> None:
    """It has a `Place` among its parameters."""
    root = app.build()
    for command in counterparts.CALLS:
        group: Any = root
        for word in command.split():
            group = group[word]
        assert any("Place" in str(each.annotation) for each in inspect.signature(group.default_command).parameters.values()), command


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("payment", "record"), "Over gRPC: PaymentService.RecordPayment."),
        (("controls",), "Over gRPC: ControlService.CheckBooks, ControlService.KeepFindings."),
        (("db", "where"), "Over gRPC: none; it works on the machine that holds the home."),
    ],
)
def test_help_says_it(words: tuple[str, ...], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main([*words, "--help"]) == 0
    assert line in " ".join(capsys.readouterr().out.split())
