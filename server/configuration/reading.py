"""Values from all places, the most direct one first, and every mistake in them at once.

    command line -> environment -> file -> default

A mistake names its key, its place and a remedy. It does not repeat a value that may be a secret: a key in the place of its path.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from rating.errors import Problem, ProblemsError, UserError, quoted
from server.configuration import table, toml_file
from server.configuration.table import Kind, Setting, Value

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILE_VARIABLE: Final = "RATEWRIGHT_CONFIG"
COMMAND_LINE: Final = "command line"
ENVIRONMENT: Final = "environment"
DEFAULT: Final = "default"
_OURS: Final = ("RATEWRIGHT_SERVE_", "RATEWRIGHT_LIMITS_")  # other variables of that name belong to other commands
_FLAGS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_TEXT_MAX: Final = 4_096


class Place(NamedTuple):
    """The origin of a value: a file, the environment, the command line or the default; and the line, variable or option there."""

    where: str
    at: str = ""

    def __str__(self) -> str:
        return f"{self.where} {self.at}".strip()


class Found(NamedTuple):
    """A value and its origin."""

    value: Value
    place: Place


class Mistake(NamedTuple):
    """One mistake, at its place."""

    key: str
    place: Place
    message: str
    remedy: str
    exit_status: int = 2


class Configuration(NamedTuple):
    """The value of each setting, limits of single operators, and mistakes."""

    found: dict[str, Found]
    of_operators: dict[str, dict[str, Found]]  # by name of operator and last part of the key
    mistakes: list[Mistake]

    def value(self, key: str) -> Any:  # noqa: ANN401 -- of the kind that the table says
        """The value of a setting."""
        return self.found[key].value

    def mistake_at(self, key: str, error: UserError) -> Mistake:
        """The mistake that a check has found in the value of a key."""
        return Mistake(key, self.found[key].place, error.message, error.remedy, error.exit_status)


def read(file: Path | None, given: Mapping[str, object], environment: Mapping[str, str]) -> Configuration:
    """Read all places. `given`: options of the command line by key, None where there was none."""
    mistakes: list[Mistake] = []
    levels: list[dict[str, Found]] = [_of_file(file, mistakes), _of_environment(environment, mistakes), _of_options(given)]
    found = {each.key: Found(each.default, Place(DEFAULT)) for each in table.SETTINGS}
    of_operators: dict[str, dict[str, Found]] = {}
    for level in levels:
        for key, each in level.items():
            setting = _setting(key)
            assert setting is not None, key
            value = _checked(setting, key, each, mistakes)
            if value is None:
                continue
            if key in found:
                found[key] = Found(value, each.place)
            else:
                operator, _, name = key.removeprefix(f"{table.OPERATORS}.").rpartition(".")
                of_operators.setdefault(operator, {})[name] = Found(value, each.place)
    return Configuration(found, of_operators, mistakes)


def raise_mistakes(mistakes: list[Mistake]) -> None:
    """Refuse to go on. One mistake of the command line alone is reported as that of any command."""
    if not mistakes:
        return
    if len(mistakes) == 1 and mistakes[0].place.where in {COMMAND_LINE, DEFAULT}:
        raise UserError(mistakes[0].message, mistakes[0].remedy, exit_status=mistakes[0].exit_status)
    error = ProblemsError([Problem(each.place.where, _at(each), each.message, each.remedy) for each in mistakes])
    error.exit_status = 2
    raise error


def _at(mistake: Mistake) -> str:
    return f"{mistake.place.at}: {mistake.key}" if mistake.place.at and mistake.place.at != mistake.key else mistake.key


def _of_file(file: Path | None, mistakes: list[Mistake]) -> dict[str, Found]:
    if file is None:
        return {}
    read_file = toml_file.read(file)
    if isinstance(read_file, Problem):
        mistakes.append(Mistake(read_file.path, Place(read_file.file), read_file.message, read_file.remedy))
        return {}
    found: dict[str, Found] = {}
    known = [each.key for each in table.SETTINGS]
    for key, value in read_file.values.items():
        line = read_file.lines.get(key)
        place = Place(str(file), "" if line is None else f"line {line}")
        if _setting(key) is not None:
            found[key] = Found(value, place)
        elif value != {}:
            mistakes.append(Mistake(key[:80], place, "there is no such key", _nearest(_plain(key), known)))
    return found


def _of_environment(environment: Mapping[str, str], mistakes: list[Mistake]) -> dict[str, Found]:
    found: dict[str, Found] = {}
    for name, text in sorted(environment.items()):
        place = Place(ENVIRONMENT, name)
        setting = table.BY_VARIABLE.get(name)
        if setting is None:
            if name.startswith(_OURS):
                mistakes.append(Mistake(name, place, "there is no such variable", _nearest(name, list(table.BY_VARIABLE))))
            continue
        found[setting.key] = Found(_of_text(setting, text), place)
    return found


def _of_options(given: Mapping[str, object]) -> dict[str, Found]:
    options = {key: value for key, value in given.items() if value is not None}
    plain = {key: list(value) if isinstance(value, list | tuple) else value for key, value in options.items()}
    return {
        key: Found(value if isinstance(value, bool | int | list) else str(value), Place(COMMAND_LINE, table.BY_KEY[key].option))  # type: ignore[arg-type] # a list is made a tuple where it is checked
        for key, value in plain.items()
    }


def _of_text(setting: Setting, text: str) -> Any:  # noqa: ANN401 -- of the kind of the setting, or the text where it is none
    if setting.kind is Kind.FLAG:
        return _FLAGS.get(text.strip().lower(), text)
    if setting.kind is Kind.NUMBER:
        digits = text.strip()
        return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < len(str(2**63)) else text
    if setting.kind is Kind.NAMES:
        return [each.strip() for each in text.split(",") if each.strip()]
    return text


def _setting(key: str) -> Setting | None:
    return table.BY_KEY.get(_plain(key))


def _plain(key: str) -> str:
    """The key in the table: a limit of an operator is the limit of its name."""
    if key.startswith(f"{table.OPERATORS}.") and key.count(".") > table.OPERATORS.count(".") + 1:
        return f"{table.LIMITS}.{key.rpartition('.')[2]}"
    return key


def _checked(setting: Setting, key: str, found: Found, mistakes: list[Mistake]) -> Value:
    """The value, or None where it is a mistake."""
    value: Any = found.value
    wrong, remedy = _fault(setting, value)
    if wrong:
        mistakes.append(Mistake(key, found.place, wrong, remedy))
        return None
    return tuple(value) if isinstance(value, list) else value


def _fault(setting: Setting, value: Any) -> tuple[str, str]:  # noqa: ANN401 -- of a file that anybody may have written
    kind = setting.kind
    texts: list[object] = value if isinstance(value, list) else [value]
    fits = {
        Kind.TEXT: isinstance(value, str),
        Kind.PATH: isinstance(value, str),
        Kind.NUMBER: isinstance(value, int) and not isinstance(value, bool),
        Kind.FLAG: isinstance(value, bool),
        Kind.NAMES: isinstance(value, list) and bool(value) and all(isinstance(each, str) for each in texts),
    }
    if not fits[kind]:
        return f"{setting.name} is not {kind.value}", _example(setting)
    if kind is Kind.NUMBER and not setting.least <= value <= setting.most:
        return f"{setting.name} {value} is not between {setting.least:,} and {setting.most:,}", f"the default is {setting.default:,}"
    if any(isinstance(each, str) and ("\n" in each or "\0" in each or len(each) > _TEXT_MAX) for each in texts):
        return f"{setting.name} is the content of a file, or of several lines", "name the file; what a key file holds belongs nowhere else"
    if "" in texts:
        return f"{setting.name} is empty", f"leave the key out, or give {kind.value}"
    if setting.choices and value not in setting.choices:
        return f"{setting.name} cannot be {quoted(value)}", f"give {' or '.join(setting.choices)}"
    return "", ""


def _example(setting: Setting) -> str:
    if setting.kind is Kind.NAMES:
        return f'write {setting.name} = ["stream"]'
    if setting.kind is Kind.FLAG:
        return f"write {setting.name} = true, or false"
    if setting.kind is Kind.NUMBER:
        return f"write digits without quotes, such as {setting.name} = {setting.default}"
    return f'write a text in quotes: {setting.name} = "..."'


def _nearest(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, 1, 0.5)
    last = {each.rpartition(".")[2]: each for each in known}
    if name.rpartition(".")[2] in last:  # the right name in the wrong table
        near = [last[name.rpartition(".")[2]]]
    return f"the nearest name is {near[0]}" if near else "`ratewright config show` lists all names; leave it out"
