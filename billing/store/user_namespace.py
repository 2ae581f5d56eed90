"""The user namespace in which a home was made: in another one account numbers are whatever its maker likes.

`unshare --user --map-user=N` makes any account of the operating system look like account N, to the kernel's own calls as well. The kernel
says so in /proc/self/uid_map. A home keeps the map under which it was made, and what persons sign is refused under any other. A home that
was made in a rootless container therefore goes on in containers with that map. A home of an earlier version takes the map of the machine
itself, or that of its folder's owner, when it is first opened.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from billing.store import tables
from rating.errors import UserError

if TYPE_CHECKING:
    import sqlalchemy as sa

NAME: Final = "uid_map"  # of the setting that holds it
MACHINE: Final = "0 0 4294967295"  # the map of a process in no user namespace of its own
UNSIGNED: Final = frozenset({"usage", "seal", "collection"})  # kinds of commits that no person signs, but usage that is brought back
_FILE: Final = Path("/proc/self/uid_map")


def of_process(file: Path = _FILE) -> str:
    """The map of this process, one space between numbers and a comma between lines; empty on systems that have none."""
    try:
        lines = file.read_text(encoding="ascii").splitlines()
    except OSError:
        return ""
    return ",".join(" ".join(line.split()) for line in lines)


def of_older_home(own: str, *, is_owner: bool) -> str | None:
    """The map that a home without one takes from who opens it; None where it takes none yet, and stays the machine's."""
    return own if own in {MACHINE, ""} or is_owner else None


def adopt(connection: sa.Connection, uid_map: str) -> None:
    """Make a home one of this map, within a write transaction."""
    row = tables.settings
    connection.execute(row.delete().where(row.c.name == NAME))
    connection.execute(row.insert().values(name=NAME, value=uid_map))


def require_same(made_under: str, own: str) -> None:
    """Raises UserError where account numbers mean other persons than when the home was made."""
    if own == made_under:
        return
    raise UserError(
        f"this process is in a user namespace with the map {own or 'of nobody'}, and the home was made under {made_under or 'none'}: "
        "nobody can tell who decides",
        "run the command outside of it, or in a container with that map; for good, move the home there with `ratewright db copy`",
    )
