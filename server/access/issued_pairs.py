"""Certificates with their keys as files of those who get them: whole on the disk before they hold, and named when they do.

    .NAME.pem.part, .NAME-key.pem.part   both files, whole
    the certificate is stored            it holds from now on; that of the service needs no row
    NAME-key.pem, then NAME.pem          the same files under their names

A kill leaves files that are of no use, or a pair that holds and lies beside its names. The same command again makes another pair, or gives
that one its names.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cryptography import x509

from rating.durable import put
from rating.errors import UserError
from server.access import key_files

if TYPE_CHECKING:
    from collections.abc import Callable

    from server.access.certificates import Pair


class Files(NamedTuple):
    """A certificate and its key, by their names."""

    certificate: Path
    key: Path


def files_of(folder: Path, name: str) -> Files:
    """The files of an operator, or of the service, in a folder."""
    return Files(folder / f"{name}.pem", folder / f"{name}-key.pem")


def issue(
    files: Files, is_stored: Callable[[int], bool], make: Callable[[], Pair], store: Callable[[x509.Certificate], None]
) -> x509.Certificate:
    """Make a pair, store its certificate, and write its files; or give a pair that is stored its names. Returns the certificate.

    `is_stored`: whether a certificate with a serial number holds already. Raises UserError where a file of that name is there.
    """
    parts = Files(*(each.with_name(f".{each.name}.part") for each in files))
    left = _left(files, parts)
    if left is None or not is_stored(left.serial_number):
        _remove(parts)
        require_free(files)
        pair = make()
        for path, data in zip(parts, pair, strict=True):
            key_files.write_private(path, data)
        left = x509.load_pem_x509_certificate(pair.certificate)
        try:
            store(left)
        except UserError:  # it is not stored
            _remove(parts)
            raise
    if parts.key.exists():
        put(parts.key, files.key)
    put(parts.certificate, files.certificate)
    return left


def require_free(files: Files) -> None:
    """Raises UserError where a file of either name is there."""
    if there := [each for each in files if each.exists()]:
        raise UserError(f"{there[0]} is there already", "name another folder, or move that file away", exit_status=2)


def _left(files: Files, parts: Files) -> x509.Certificate | None:
    """The certificate of a whole pair that has not got both of its names; None where there is none."""
    if files.certificate.exists() or not parts.certificate.exists():
        return None
    key = parts.key if parts.key.exists() else files.key
    try:
        found = x509.load_pem_x509_certificate(key_files.read_private(parts.certificate))
        is_whole = key.exists() and key_files.read(key).public_key() == found.public_key()
    except (ValueError, UserError):  # written in part
        return None
    return found if is_whole else None


def _remove(parts: Files) -> None:
    for each in parts:
        each.unlink(missing_ok=True)
