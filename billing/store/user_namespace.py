"""The user namespace in which a home was made: in another one, its maker chooses the account numbers.

`unshare --user --map-user=N` makes any account of the operating system look like account N, to the kernel's own calls as well. The kernel
says so in /proc/self/uid_map. Inside a namespace anybody may mount another file over it: so it is read without crossing a mount, and from
a file system of the kernel's processes. A home keeps the map under which it was made, and what persons sign is refused under any other. A
home that was made in a rootless container therefore goes on in containers with that map. A home of an earlier version takes the map of
the machine itself, or that of its folder's owner, when it is first opened.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Final

from billing.store import tables
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import sqlalchemy as sa

NAME: Final = "uid_map"  # of the setting that holds it
MACHINE: Final = "0 0 4294967295"  # the map of a process in no user namespace of its own
UNSIGNED: Final = frozenset(
    {"usage", "seal", "collection", "stream"}
)  # kinds of commits that no person signs, but usage that is brought back
_PROC: Final = "/proc"
_FILE: Final = "self/uid_map"
_PROC_SUPER_MAGIC: Final = 0x9FA0  # f_type of the file system of processes (statfs(2))
_OPENAT2: Final = 437  # the number of the system call, the same on every kind of machine
_RESOLVE_NO_XDEV: Final = 0x01  # of openat2(2): no mount is crossed on the way, not even one of a single file
_ENDS: Final = 4_096  # bytes: a map is shorter


class NotKnownError(Exception):
    """The kernel, or a sandbox, has no openat2."""


def of_process(folder: str = _PROC) -> str:
    """The map of this process as `of_text` has it; empty on systems that have none, and where another file is in its place."""
    try:
        with _opened(folder) as file:
            return of_text(os.read(file, _ENDS).decode("ascii")) if _is_of_processes(file) else ""
    except (OSError, UnicodeDecodeError):
        return ""


def of_text(text: str) -> str:
    """A map, one space between numbers and a comma between lines."""
    return ",".join(" ".join(line.split()) for line in text.splitlines())


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
        f"this process is in a user namespace with the map {own or 'none'}, and the home was made under {made_under or 'none'}: "
        "the person who decides is not known",
        "run the command outside of it, or in a container with that map; for good, move the home there with `ratewright db copy`",
    )


@contextlib.contextmanager
def _opened(folder: str) -> Iterator[int]:
    """The file of the map, opened. Raises OSError where it is mounted; a kernel of before 5.6 cannot detect that."""
    root = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            file = _open_beneath(root)
        except NotKnownError:
            file = os.open(_FILE, os.O_RDONLY, dir_fd=root)
        try:
            yield file
        finally:
            os.close(file)
    finally:
        os.close(root)


def _open_beneath(root: int) -> int:
    import ctypes  # noqa: PLC0415 -- this module is loaded by every command
    import errno  # noqa: PLC0415 -- as above

    call = ctypes.CDLL(None, use_errno=True).syscall
    how = (ctypes.c_uint64 * 3)(os.O_RDONLY | os.O_CLOEXEC, 0, _RESOLVE_NO_XDEV)  # flags, mode, resolve
    found = int(call(ctypes.c_long(_OPENAT2), ctypes.c_int(root), _FILE.encode(), how, ctypes.c_size_t(ctypes.sizeof(how))))
    if found >= 0:
        return found
    number = ctypes.get_errno()
    if number in {errno.ENOSYS, errno.EPERM}:
        raise NotKnownError
    raise OSError(number, os.strerror(number))


def _is_of_processes(file: int) -> bool:
    """True where an open file is one of the kernel's file system of processes."""
    import ctypes  # noqa: PLC0415 -- as above

    stat = (ctypes.c_long * 32)()  # struct statfs, whose first member is f_type; it is shorter
    return ctypes.CDLL(None, use_errno=True).fstatfs(ctypes.c_int(file), stat) == 0 and stat[0] == _PROC_SUPER_MAGIC
