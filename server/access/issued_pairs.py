"""Certificates with their keys as files of those who get them: whole on the disk before they hold, and named when they do.

    .NAME.AUTHORITY.SERIAL.pem.part, the same with -key.pem.part     both files, whole
    the certificate is stored                                        it holds from now on; that of the service needs no row
    NAME-key.pem, then NAME.pem                                      further names of the same files; then the first ones go

A kill leaves files of no use: the certificate has no name yet. The next command with that name, folder and home revokes what is
left, deletes it, and makes what it is asked for. Files of other homes and of others stay as they are. A lock of the folder lets one
command work there at a time.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cryptography import x509

from rating.durable import sync_names
from rating.errors import UserError
from server.access import key_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from server.access.certificates import Pair

_ON_A_DISK = "name a folder on a disk of this machine"


class Files(NamedTuple):
    """A certificate and its key, by their names."""

    certificate: Path
    key: Path


def files_of(folder: Path, name: str) -> Files:
    """The files of an operator, or of the service, in a folder."""
    return Files(folder / f"{name}.pem", folder / f"{name}-key.pem")


def issue(
    files: Files, authority: str, pair: Pair, store: Callable[[x509.Certificate], None], revoke: Callable[[int], None]
) -> x509.Certificate:
    """Store the certificate of a pair, and write its files. Returns the certificate.

    `authority`: a mark of the home's authority. `revoke` is given the serial number of each certificate whose files are deleted, stored or
    not. Raises UserError where a file of that name is there, and where another command works in the folder.
    """
    made = x509.load_pem_x509_certificate(pair.certificate)
    with _alone(files.certificate.parent):
        for serial in _left(files, authority):
            _take_back(files, _parts(files, authority, serial), serial, revoke)
        require_free(files)
        parts = _parts(files, authority, made.serial_number)
        try:
            for path, data in zip(parts, pair, strict=True):
                key_files.write_private(path, data)
            store(made)
            _name(parts.key, files.key)
            _name(parts.certificate, files.certificate)
        except UserError:
            _take_back(files, parts, made.serial_number, revoke)
            raise
        for each in parts:
            each.unlink()
        sync_names(files.certificate.parent)
    return made


def require_free(files: Files) -> None:
    """Raises UserError where a file of either name is there."""
    for each in files:
        if os.path.lexists(each):
            raise _is_there(each)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """The folder, locked until the end of the block or of the process."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"another command issues a certificate into {folder}", "wait until it ends, then give yours again") from None
        except OSError as error:
            raise UserError(f"folder {folder} cannot be locked: {error.strerror}", _ON_A_DISK) from error
        yield
    finally:
        os.close(descriptor)


def _parts(files: Files, authority: str, serial: int) -> Files:
    """The files of a pair before they have their names."""
    begin = f".{files.certificate.stem}.{authority}.{serial:x}"
    return Files(*(files.certificate.with_name(begin + ending) for ending in (".pem.part", "-key.pem.part")))


def _left(files: Files, authority: str) -> list[int]:
    """Serial numbers of what commands of this home left that were killed."""
    part = re.compile(rf"\.{re.escape(files.certificate.stem)}\.{authority}\.([0-9a-f]+)(-key)?\.pem\.part")
    found = (part.fullmatch(each.name) for each in files.certificate.parent.iterdir())
    return sorted({int(each[1], 16) for each in found if each})


def _name(part: Path, path: Path) -> None:
    """Give a file a further name, unless there is a file of that name."""
    try:
        path.hardlink_to(part)
    except FileExistsError:
        raise _is_there(path) from None
    except OSError as error:
        raise UserError(f"{path} cannot be made: {error.strerror}", _ON_A_DISK) from error
    sync_names(path.parent)


def _take_back(files: Files, parts: Files, serial: int, revoke: Callable[[int], None]) -> None:
    """Revoke a certificate that has no name, and delete its files. One that has its name is left alone.

    The part of the certificate goes last, so that a kill here leaves what the next command knows. After all went well it goes first.
    """
    if parts.certificate.exists() and parts.certificate.stat().st_nlink == 1:
        revoke(serial)
        with contextlib.suppress(FileNotFoundError):
            if parts.key.samefile(files.key):
                files.key.unlink()
    for each in reversed(parts):
        each.unlink(missing_ok=True)
    sync_names(files.certificate.parent)


def _is_there(path: Path) -> UserError:
    return UserError(f"{path} is there already", "name another folder, or move that file away", exit_status=2)
