"""The token of a service on loopback without TLS: in a file that only its owner may read, for the account that serves, for a day.

The account has to be an operator with the role admin: the first one of a home is made here, where there is none.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

from billing import operators
from billing.operators import OperatorKind
from rating.dates import DAY_US
from rating.durable import sync_names
from server.access import key_files, tokens

if TYPE_CHECKING:
    from pathlib import Path

    from billing.persons import Who
    from billing.store.home import Home

FILE: Final = "local-token"
FIRST_NAME: Final = "local-admin"


def provide(home: Home, who: Who) -> Path:
    """The file with a token of the account that serves: made anew at each start, since the one of before may have ended."""
    with home.connect() as connection:
        found = operators.of_number(connection, who.by_uid)
    if found is None:
        found = operators.add(home, FIRST_NAME, OperatorKind.PERSON, who, uid=who.by_uid)
    issued = tokens.issue(home, found.name, who.now_us + DAY_US, secrets.token_hex(tokens.ID_BYTES), who)
    path = key_files.folder(home.path) / FILE
    beside = path.with_name(f"{FILE}.new")
    beside.unlink(missing_ok=True)  # of a service that was killed here
    key_files.write_private(beside, issued.text.encode() + b"\n")
    beside.replace(path)  # a client that goes on after a restart finds one of them at any time
    sync_names(path.parent)
    return path
