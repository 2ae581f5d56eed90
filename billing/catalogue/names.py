"""Names of versions and of the people who handle them."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from rating.errors import UserError

_NAME: Final = re.compile(r"(?P<identity>[^@\s]+)@(?P<version>[0-9]{1,18})")


class Operator(NamedTuple):
    """A person who acts: the account of the operating system, until there are tokens."""

    name: str
    uid: int
    how: str = "os"  # how the identity is known


class Act(NamedTuple):
    """Act of a person at an instant; `commit_seq` is the number it is kept under, once it has one."""

    by: Operator
    at_us: int
    commit_seq: int = 0


class VersionName(NamedTuple):
    """One version of one catalogue."""

    identity: str
    version: int

    def __str__(self) -> str:
        return f"{self.identity}@{self.version}"


def version_name(text: str) -> VersionName:
    """Version named by a text such as `mobile@2`. Raises UserError for anything else."""
    found = _NAME.fullmatch(text)
    if found is None:
        raise UserError(f'"{text}" names no version', "write the catalogue and the number, such as mobile@2", exit_status=2)
    return VersionName(found["identity"], int(found["version"]))
