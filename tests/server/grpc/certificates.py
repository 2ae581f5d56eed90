"""Certificates that tests show to clients: made here, so that no test depends on a command or a package that may not be there.

A key of the curve P-256 and a certificate that it signs itself (X.509 v3, ecdsa-with-SHA256). For tests alone: the arithmetic takes no
care of what a watch would tell, and nothing that is worth anything is guarded by it.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import secrets
from typing import TYPE_CHECKING, Final

from server.grpc.tls import Tls

if TYPE_CHECKING:
    from pathlib import Path

_Point = tuple[int, int]
_P: Final = 2**256 - 2**224 + 2**192 + 2**96 - 1  # the field, and the order of the group (SEC 2, secp256r1)
_N: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_G: Final[_Point] = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
_EC_KEY, _CURVE, _ECDSA_SHA256, _COMMON_NAME, _ALTERNATIVES = (
    bytes.fromhex(text) for text in ("06072a8648ce3d0201", "06082a8648ce3d030107", "06082a8648ce3d040302", "0603550403", "0603551d11")
)


def make(folder: Path, days: int = 90, name: str = "cert", *, from_date: dt.datetime | None = None) -> Tls:
    """A certificate for localhost, of today unless told, and its key, which its owner alone may read."""
    begin = (from_date or dt.datetime.now(dt.UTC)).replace(microsecond=0)
    private = secrets.randbelow(_N - 1) + 1
    files = Tls(folder / f"{name}.pem", folder / f"{name}-key.pem")
    files.certificate.write_text(_pem("CERTIFICATE", _certificate(private, begin, begin + dt.timedelta(days=days))))
    files.key.touch(0o600)
    files.key.write_text(_pem("EC PRIVATE KEY", _private_key(private)))
    return files


def der(tag: int, *parts: bytes) -> bytes:
    """One value of ASN.1."""
    content = b"".join(parts)
    size = (len(content).bit_length() + 7) // 8
    length = bytes([len(content)]) if len(content) < 0x80 else bytes([0x80 | size]) + len(content).to_bytes(size)
    return bytes([tag]) + length + content


def _certificate(private: int, begin: dt.datetime, end: dt.datetime) -> bytes:
    name = der(0x30, der(0x31, der(0x30, _COMMON_NAME, der(0x0C, b"localhost"))))
    algorithm = der(0x30, _ECDSA_SHA256)
    dates = der(0x30, *(der(0x17, f"{each:%y%m%d%H%M%SZ}".encode()) for each in (begin, end)))
    key = der(0x30, der(0x30, _EC_KEY, _CURVE), der(0x03, b"\0", _public(private)))
    names = der(0xA3, der(0x30, der(0x30, _ALTERNATIVES, der(0x04, der(0x30, der(0x82, b"localhost"))))))
    body = der(0x30, der(0xA0, _integer(2)), _integer(secrets.randbits(63) + 1), algorithm, name, dates, name, key, names)
    return der(0x30, body, algorithm, der(0x03, b"\0", _signature(private, body)))


def _private_key(private: int) -> bytes:
    return der(0x30, _integer(1), der(0x04, private.to_bytes(32)), der(0xA0, _CURVE), der(0xA1, der(0x03, b"\0", _public(private))))


def _public(private: int) -> bytes:
    x, y = _times(private, _G)
    return b"\x04" + x.to_bytes(32) + y.to_bytes(32)


def _signature(private: int, message: bytes) -> bytes:
    digest = int.from_bytes(hashlib.sha256(message).digest())
    while True:
        once = secrets.randbelow(_N - 1) + 1
        r = _times(once, _G)[0] % _N
        s = pow(once, -1, _N) * (digest + r * private) % _N
        if r and s:
            return der(0x30, _integer(r), _integer(s))


def _times(factor: int, point: _Point) -> _Point:
    """A point of the curve, added to itself."""
    found: _Point | None = None
    while factor:
        if factor & 1:
            found = point if found is None else _plus(found, point)
        point = _plus(point, point)
        factor >>= 1
    assert found is not None
    return found


def _plus(one: _Point, other: _Point) -> _Point:
    """The sum of two points; none of those that are met here is the other's negative."""
    rise, run = (3 * (one[0] ** 2 - 1), 2 * one[1]) if one == other else (other[1] - one[1], other[0] - one[0])
    slope = rise * pow(run, -1, _P)
    x = (slope**2 - one[0] - other[0]) % _P
    return x, (slope * (one[0] - x) - one[1]) % _P


def _integer(value: int) -> bytes:
    return der(0x02, value.to_bytes(value.bit_length() // 8 + 1))


def _pem(what: str, content: bytes) -> str:
    text = base64.encodebytes(content).decode()
    return f"-----BEGIN {what}-----\n{text}-----END {what}-----\n"
