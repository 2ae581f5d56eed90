"""Key files of a home: in its folder `keys`, which only its owner may enter.

    keys/token-KID.pem       private keys that sign tokens (ES256); the newest signs, all of them verify
    keys/ca.pem, ca-key.pem  the authority that issues certificates of machines and people
    keys/audit-key.pem       signs the end of each day of the audit trail

A file that others may read or change is refused.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from typing import TYPE_CHECKING, BinaryIO, Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from rating.durable import sync_names
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOLDER: Final = "keys"
KID_BYTES: Final = 6
_TOKEN: Final = "token-"  # noqa: S105 -- how names of files begin
_ENDING: Final = ".pem"
_OWNER_FILE: Final = 0o600
_OWNER_FOLDER: Final = 0o700


def folder(home: Path) -> Path:
    """The folder of a home's keys, made where it is not there. Refuses one that others may enter."""
    place = home / FOLDER
    place.mkdir(mode=_OWNER_FOLDER, exist_ok=True)
    _require_own(place)
    return place


def make(path: Path) -> ec.EllipticCurvePrivateKey:
    """Make a private key (P-256) and store it in a new file."""
    key = ec.generate_private_key(ec.SECP256R1())
    write_private(path, pem_of(key))
    return key


def pem_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A private key as PEM, PKCS #8, without a password."""
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def write_private(path: Path, data: bytes) -> None:
    """Write a new file that its owner alone may read. Raises UserError where there is one of that name."""
    with new_private(path) as opened:
        opened.write(data)


@contextlib.contextmanager
def new_private(path: Path) -> Iterator[BinaryIO]:
    """A new file that its owner alone may read, to be written; it is durable at the end, and gone after an error.

    Raises UserError where there is one of that name.
    """
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _OWNER_FILE)
    except FileExistsError:
        raise UserError(f"{path} is there already", "name another file, or move that one away") from None
    try:
        with os.fdopen(file, "wb") as opened:
            yield opened
            opened.flush()
            os.fsync(opened.fileno())
    except BaseException:  # ctrl-C as well: no file is left without its key
        path.unlink()
        raise
    sync_names(path.parent)


def read(path: Path) -> ec.EllipticCurvePrivateKey:
    """A private key of ours. Refuses a file that others may read or change, and one that is no such key."""
    return private_key(read_private(path), path)


def read_private(path: Path) -> bytes:
    """The content of a file that only its owner may read."""
    try:
        _require_own(path)
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"key file {path}: {error.strerror}", "check the file and the account that runs this") from error


def private_key(data: bytes, path: Path) -> ec.EllipticCurvePrivateKey:
    """A private key of its PEM."""
    try:
        key = serialization.load_pem_private_key(data, None)
    except (ValueError, TypeError) as error:
        raise UserError(f"{path} is not a private key without a password: {error}", "put back the file from a backup") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise UserError(f"{path} is not a key on an elliptic curve", "put back the file from a backup")
    return key


def token_keys(home: Path) -> dict[str, ec.EllipticCurvePrivateKey]:
    """Keys that sign tokens, by their ids, the newest last; empty in a home that has issued none."""
    place = home / FOLDER
    if not place.is_dir():
        return {}
    _require_own(place)
    files = sorted(place.glob(f"{_TOKEN}*{_ENDING}"), key=lambda each: (each.stat().st_mtime_ns, each.name))
    return {each.name.removeprefix(_TOKEN).removesuffix(_ENDING): read(each) for each in files}


def new_token_key(home: Path) -> str:
    """Make a key that signs tokens from now on; returns its id."""
    kid = secrets.token_hex(KID_BYTES)
    make(folder(home) / f"{_TOKEN}{kid}{_ENDING}")
    return kid


def forget_token_key(home: Path, kid: str) -> None:
    """Delete a key that signs tokens: those that it signed are refused from then on."""
    path = home / FOLDER / f"{_TOKEN}{kid}{_ENDING}"
    if not path.is_file():
        raise UserError(f"no token was signed by a key {kid}", "`ratewright tokens list` shows the keys")
    path.unlink()
    sync_names(path.parent)


def _require_own(path: Path) -> None:
    found = path.stat()
    if found.st_uid not in {os.geteuid(), 0}:
        raise UserError(f"{path} belongs to another account", f"make it yours: chown {os.geteuid()} {path}")
    if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UserError(f"{path} may be read or changed by others than its owner", f"close it: chmod go-rwx {path}")
