"""A policy as a person writes it: a YAML file, read whole, all its mistakes reported at once with place and remedy.

Only the plain core of YAML counts (`tariffs.documents.document`): a field that is there twice is refused, and nothing is turned into
something else.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from billing.dunning_policy.model import CLEAR, Action, Policy, Step
from rating import definition_file
from rating.errors import Problem, ProblemsError, UserError
from rating.money import MoneyError, parse_micros
from tariffs.documents.document import place_text
from tariffs.documents.parsing import parse_text

if TYPE_CHECKING:
    from collections.abc import Iterator

POLICY_FOLDER: Final = Path(__file__).parents[1] / "policies"
NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,63}")  # as accounts name it
STEPS_MAX: Final = 99  # and the highest level
DAYS_MAX: Final = 3_650
_FORM: Final = "docs/dunning.md describes a policy, billing/policies/standard.yaml is one"
_FIELDS: Final = {field.name: field for field in msgspec.structs.fields(Step)}
_REMEDIES: Final = {
    "level": "number the steps by severity: 1, 2, 3",
    "action": f"give {' or '.join(Action)}",
    "days_past_due": "give whole days; 1 is the day after the due date",
    "amount_min": 'write a decimal amount in quotes, such as "10.00"',
    "after": f"name the action ({' or '.join(Action)}) or the level of an earlier step",
    "days_after": "give whole days, 1 or more, beside after",
}

_MOST: Final = {"level": STEPS_MAX, "days_past_due": DAYS_MAX, "days_after": DAYS_MAX}


class _Mistake(NamedTuple):
    place: tuple[str | int, ...]
    message: str
    remedy: str


def read_policy(path: Path) -> Policy:
    """The policy in a YAML file. Raises ProblemsError with all that is wrong with it, and UserError where there is no such file."""
    return parse_policy(content_of(path), str(path))


def content_of(path: Path) -> bytes:
    """The bytes of a policy's file. Raises UserError where there is no such file."""
    try:
        return definition_file.read(path)
    except FileNotFoundError as error:
        raise UserError(f"policy {path} does not exist", "name a YAML file that holds a policy", exit_status=2) from error
    except OSError as error:
        raise UserError(
            f"policy {path} cannot be read: {error.strerror}", "name a YAML file that this user may read", exit_status=2
        ) from error


def parse_policy(content: bytes, name: str) -> Policy:
    """The policy in the bytes of a YAML file that is called `name`. Raises ProblemsError with all that is wrong with it."""
    try:
        parsed = parse_text(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ProblemsError([Problem(name, "document", "the file is not UTF-8 text", "save it as UTF-8")]) from error
    found = [_Mistake(each.place, each.message, each.remedy if each.place else _FORM) for each in parsed.findings]
    found += _wrong_fields(parsed.fields) if parsed.fields else []
    if found:
        raise ProblemsError([Problem(name, place_text(each.place), each.message, each.remedy) for each in found])
    written: Any = parsed.fields["steps"]
    steps = [{key: value for key, value in step.items() if value != _FIELDS[key].default} for step in written]
    return msgspec.convert({**parsed.fields, "steps": steps}, Policy)  # a default that is written out says nothing more


def package_policies(folder: Path = POLICY_FOLDER) -> dict[str, Policy]:
    """The policies that come with this program, by name. Raises ProblemsError that names file and remedy for one that is wrong."""
    found = (read_policy(file) for file in sorted(folder.glob("*.yaml")))
    return {policy.name: policy for policy in found}


def doubts(policy: Policy) -> list[str]:
    """Doubts about what is allowed, and hardly meant: no step at all, and a bar that nothing has to come before."""
    if not policy.steps:
        return ["it has no steps: it sends no reminder, and its next run ends every bar of the accounts that have it"]
    return [
        f"level {step.level} bars without a reminder before; say `after: remind` and `days_after`"
        for step in policy.steps
        if step.action is Action.BAR_OUTGOING and step.after is None
    ]


def _wrong_fields(fields: dict[str, Any]) -> Iterator[_Mistake]:
    for name in fields:
        if name not in Policy.__struct_fields__:
            yield _Mistake((name,), "is not a field of a policy", f"known here: {', '.join(Policy.__struct_fields__)}")
    for name in Policy.__struct_fields__:
        if name not in fields:
            yield _Mistake((name,), "is missing", _FORM)
    name, steps = fields.get("name", "x"), fields.get("steps", [])
    if not isinstance(name, str) or NAME.fullmatch(name) is None:
        yield _Mistake(("name",), f"{name!r} cannot be used", "name a policy with small letters, digits, - and _")
    if not isinstance(steps, list):
        yield _Mistake(("steps",), "is not a list of steps", _FORM)
        return
    if len(steps) > STEPS_MAX:
        yield _Mistake(("steps",), f"has {len(steps)} steps, more than {STEPS_MAX}", _FORM)
        return
    read = [_read_step(place, step) for place, step in enumerate(steps)]
    for _, wrong in read:
        yield from wrong
    known = [values for values, _ in read]
    yield from _wrong_levels(known)
    for place, values in enumerate(known):
        yield from _wrong_after(place, values, known[:place])


def _read_step(place: int, step: object) -> tuple[dict[str, Any], list[_Mistake]]:
    """The fields of a step that can be read, and what is wrong with the others."""
    here = ("steps", place)
    if not isinstance(step, dict):
        return {}, [_Mistake(here, "is not a set of fields", f"write {', '.join(_FIELDS)} as `name: value`")]
    wrong = [_Mistake((*here, name), "is not a field of a step", f"use {', '.join(_FIELDS)}") for name in step if name not in _FIELDS]
    wrong += [
        _Mistake((*here, name), "is missing", _REMEDIES[name]) for name, field in _FIELDS.items() if field.required and name not in step
    ]
    values: dict[str, Any] = {}
    for name in (each for each in _FIELDS if each in step):
        try:
            value = msgspec.convert(step[name], _FIELDS[name].type)
        except msgspec.ValidationError:
            message = f"{step[name]!r} cannot be used"
        else:
            message = _meaningless(name, value)
            if not message:
                values[name] = value
        if message:
            wrong.append(_Mistake((*here, name), message, _REMEDIES[name]))
    return values, wrong


def _meaningless(name: str, value: Any) -> str:  # noqa: ANN401 -- of the field's type
    """Mistake in a field that can be read; empty where there is none."""
    if name in _MOST and not 1 <= value <= _MOST[name]:
        return f"{value} is not from 1 to {_MOST[name]}"
    if name != "amount_min":
        return ""
    try:
        return f"{value!r} is below zero" if parse_micros(value) < 0 else ""
    except MoneyError as error:
        return str(error)


def _wrong_levels(steps: list[dict[str, Any]]) -> Iterator[_Mistake]:
    before = CLEAR
    for place, step in enumerate(steps):
        level = step.get("level", before + 1)
        if level <= before:
            message = f"levels do not grow: {level} follows {before}"
            yield _Mistake(("steps", place, "level"), message, _REMEDIES["level"])
        before = max(before, level)


def _wrong_after(place: int, step: dict[str, Any], earlier: list[dict[str, Any]]) -> Iterator[_Mistake]:
    after = step.get("after")
    if (after is None) != ("days_after" not in step):
        missing = "days_after" if after is not None else "after"
        yield _Mistake(("steps", place, missing), "is missing: after and days_after go together", _REMEDIES[missing])
    if after is not None and not any(after in {each.get("action"), each.get("level")} for each in earlier):
        yield _Mistake(("steps", place, "after"), f"no earlier step is {after}", _REMEDIES["after"])
