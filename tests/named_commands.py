"""Commands that texts name, read from sources, calls and docs, and put to the real parser.

A text names a command in backticks, as a line of a block, or in prose of a remedy. `{}` of a formatted text, words in capitals and `...`
stand for what a person gives. A bare mention (`ratewright bill run`) only has to exist; one with arguments has to be a call that is
accepted.
"""

from __future__ import annotations

import ast
import functools
import itertools
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import cyclopts

from server.cli import app

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[1]
PACKAGES: Final = ("rating", "tariffs", "mediation", "billing", "server")
PROGRAM: Final = "ratewright"
HOLE: Final = "{}"  # a value that a formatted text has
ANYTHING: Final = "..."
_TICKED: Final = re.compile(r"`(ratewright [^`]+)`")
_IN_PROSE: Final = re.compile(r"\bratewright ((?:(?![;,()`\n]| - |\. ).)+)")
_BLOCK: Final = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_STAND_IN: Final = re.compile(r"\{\w*\}|[A-Z][A-Z_0-9]*|HOST:PORT|[A-Z]:[A-Z](=\d+%)?")
_OPTIONAL: Final = re.compile(r"\[--.*|[^\[]*\]")  # [--to 0003]
_ENDS: Final = frozenset(("|", ">", ">>", "&&", "||", ";", "&", "2>", "<", "2>&1", ">&-"))


class Named(NamedTuple):
    """A command as a text names it. `is_prose`: what comes behind its options may be a sentence."""

    where: str
    text: str
    is_prose: bool


def in_sources() -> Iterator[Named]:
    """Those of texts and docstrings of the product."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            source = path.read_text(encoding="utf-8")
            if f"{PROGRAM} " in source and "_pb2" not in path.name:
                for line, text in _texts(ast.parse(source)):
                    yield from _of_text(f"{path.relative_to(ROOT)}:{line}", text)


def in_calls() -> Iterator[Named]:
    """Those of comments of calls."""
    for path in sorted((ROOT / "proto" / PROGRAM / "v1").glob("*.proto")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            yield from _of_ticks(f"{path.relative_to(ROOT)}:{number}", line)


def in_docs() -> Iterator[Named]:
    """Those of pages, in lines of their blocks and in backticks."""
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))):
        text, where = path.read_text(encoding="utf-8"), str(path.relative_to(ROOT))
        for block in _BLOCK.findall(text):
            for line in block.replace("\\\n", " ").splitlines():
                found = line.strip().removeprefix("$ ")
                if found.startswith(f"{PROGRAM} "):
                    yield Named(where, found, is_prose=False)
        yield from _of_ticks(where, _BLOCK.sub("", text))


def mistake(named: Named) -> str:
    """The error of a named command; empty where it would be accepted."""
    found = [_mistake_of(words, is_prose=named.is_prose) for words in _spelled_out(_words(named))]
    return "; ".join(filter(None, found))


def _texts(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every text with its line; values of formatted ones are HOLE."""
    inside: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            inside |= {id(each) for each in ast.walk(node) if each is not node}
            yield node.lineno, "".join(str(each.value) if isinstance(each, ast.Constant) else HOLE for each in node.values)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            yield node.lineno, node.value


def _of_text(where: str, text: str) -> Iterator[Named]:
    if f"{PROGRAM} " not in text:
        return
    yield from _of_ticks(where, text)
    for found in _IN_PROSE.findall(re.sub(r"`[^`]*`", "", text)):
        yield Named(where, f"{PROGRAM} {found}", is_prose=True)


def _of_ticks(where: str, text: str) -> Iterator[Named]:
    for found in _TICKED.findall(text):
        yield Named(where, " ".join(found.split()), is_prose=False)


def _words(named: Named) -> list[str]:
    """The words behind the program, up to a pipe or another end."""
    try:
        words = shlex.split(named.text.replace("\\|", "|"), comments=True)
    except ValueError:
        words = named.text.split()
    ended = itertools.takewhile(lambda word: word not in _ENDS, words[1:])
    return [word.removeprefix("[").removesuffix("]") if _OPTIONAL.fullmatch(word) else word for word in ended]


def _spelled_out(words: list[str]) -> Iterator[list[str]]:
    """`bill trial|approve` is two commands."""
    for place, word in enumerate(words):
        if "|" in word and not word.startswith("-") and all(words[:place]):
            for each in word.split("|"):
                yield [*words[:place], each, *words[place + 1 :]]
            return
    yield words


@functools.cache
def _root() -> cyclopts.App:
    return app.build()


def _mistake_of(words: list[str], *, is_prose: bool) -> str:
    root = _root()
    command, given = root, list(words)
    while given and given[0] in set(command):
        command = command[given.pop(0)]
    if command is root:
        return "" if is_prose or (words and words[0] in {"--help", "--version", ANYTHING, HOLE}) else f"no command {words[:1]}"
    path = words[: len(words) - len(given)]
    is_open = ANYTHING in given or is_prose
    given = [each for each in given if each != ANYTHING]
    if not given or given in (["--help"], ["--server"]):  # `bill list --server`: that it has a call
        return ""
    if command.default_command is None:
        return "" if is_prose or given[0] in {HOLE, "COMMAND"} else f"no command {' '.join([*path, given[0]])}"
    unknown = _unknown_options(command, path, given)
    if is_prose or unknown:
        return unknown
    return _refusal(root, path, given, is_open=is_open)


def _unknown_options(command: cyclopts.App, path: list[str], given: list[str]) -> str:
    names = {name for argument in command.assemble_argument_collection() for name in argument.names}
    unknown = [each for each in given if each.startswith("--") and each.partition("=")[0].rstrip(".,:)") not in names]
    return f"{' '.join(path)} has no {', '.join(unknown)}" if unknown else ""


def _refusal(root: cyclopts.App, path: list[str], given: list[str], *, is_open: bool) -> str:
    """The error of the parser; stand-ins are numbers, which most values may be."""
    filled = [_STAND_IN.sub("1", each) for each in given]
    try:
        root.parse_args([*path, *filled], exit_on_error=False, print_error=False)
    except cyclopts.MissingArgumentError as error:
        return "" if is_open else " ".join(str(error).split())
    except (cyclopts.CoercionError, cyclopts.ValidationError) as error:
        return "" if filled != given else " ".join(str(error).split())
    except cyclopts.CycloptsError as error:
        return " ".join(str(error).split())
    return ""
