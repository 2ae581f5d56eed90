"""Resource names of catalogues and their versions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from billing.catalogue.names import VersionName
from rating.errors import quoted
from server.grpc.refusals import invalid

if TYPE_CHECKING:
    from server.grpc.refusals import Refusal

ALL: Final = "-"
_IDENTITY: Final = "[a-z0-9][a-z0-9-]{0,63}"
_CATALOGUE: Final = re.compile(f"catalogues/({_IDENTITY}|-)")
_VERSION: Final = re.compile(f"catalogues/({_IDENTITY})/versions/([1-9][0-9]{{0,8}})")


def parse_catalogue(name: str) -> str | None:
    """The identity in `catalogues/{catalogue}`; None for `catalogues/-`."""
    found = _CATALOGUE.fullmatch(name)
    if found is None:
        raise _malformed(name, "catalogues/{catalogue}")
    return None if found[1] == ALL else found[1]


def parse_version(name: str) -> VersionName:
    """The version in `catalogues/{catalogue}/versions/{version}`."""
    found = _VERSION.fullmatch(name)
    if found is None:
        raise _malformed(name, "catalogues/{catalogue}/versions/{version}")
    return VersionName(found[1], int(found[2]))


def version_name(identity: str, version: int) -> str:
    """The name of a version."""
    return f"catalogues/{identity}/versions/{version}"


def _malformed(name: str, form: str) -> Refusal:
    return invalid("MALFORMED_NAME", f"{quoted(name)} does not have the form {form}", {"form": form})
