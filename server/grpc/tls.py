"""The certificate and the key of the server, checked before anything is served with them.

Refuses files that are missing or do not belong together, and a certificate whose time has not come or is over. Refuses a key that others
than its owner may read. A key of root may be read by a group, as systems have it that keep all keys in one folder.
"""

from __future__ import annotations

import os
import re
import ssl
import stat
from pathlib import Path
from typing import Final, NamedTuple

import grpc
from cryptography import x509

from rating.counted import counted
from rating.dates import DAY_US, instant_of, utc_time
from rating.errors import UserError

WARN_DAYS: Final = 30  # before the end of a certificate

_PEM: Final = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


class Tls(NamedTuple):
    """Files in PEM form: the certificate (with its chain) and its private key."""

    certificate: Path
    key: Path


class Validity(NamedTuple):
    """The time in which a certificate holds, in microseconds UTC; `until_us` is its last instant."""

    from_us: int
    until_us: int


def check(tls: Tls, now_us: int) -> str:
    """Refuse what cannot serve now. A warning when the certificate ends soon; else empty."""
    for path in tls:
        if not path.is_file():
            raise UserError(
                f"TLS file {path} does not exist or is not a file", "name PEM files with --tls-cert and --tls-key", exit_status=2
            )
    _check_key_is_private(tls.key)
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(tls.certificate, tls.key)
    except (ssl.SSLError, OSError) as error:
        raise UserError(
            f"TLS certificate {tls.certificate} and key {tls.key} cannot be used",
            "give a certificate and the key that belongs to it, both in PEM form, the key without a passphrase",
        ) from error
    return _check_dates(tls.certificate, now_us)


def end_us(certificate: Path) -> int:
    """The last instant at which all certificates of a file hold, in microseconds UTC."""
    return min(validity(der).until_us for der in _chain(certificate))


def credentials(tls: Tls, *, client_authorities: Path | None = None) -> grpc.ServerCredentials:
    """The key and certificate chain that the server signs with and shows.

    With `client_authorities` (PEM) each client has to show a certificate by one of them.
    """
    pair = [(tls.key.read_bytes(), tls.certificate.read_bytes())]
    if client_authorities is None:
        return grpc.ssl_server_credentials(pair)
    return grpc.ssl_server_credentials(pair, root_certificates=client_authorities.read_bytes(), require_client_auth=True)


def _check_dates(certificate: Path, now_us: int) -> str:
    validities = [validity(der) for der in _chain(certificate)]
    until_us = end_us(certificate)
    if until_us < now_us:
        raise UserError(
            f"TLS certificate {certificate} is not valid any more: it ended at {_instant(until_us)}", "renew it, and start the server again"
        )
    from_us = max(each.from_us for each in validities)
    if from_us > now_us:
        raise UserError(
            f"TLS certificate {certificate} is not valid yet: it begins at {_instant(from_us)}",
            "set the clock of this machine right, or give a certificate that holds today",
        )
    days = (until_us - now_us) // DAY_US
    if days >= WARN_DAYS:
        return ""
    left = counted(days, "day")
    return f"TLS certificate {certificate} ends in {left}, at {_instant(until_us)}: renew it and start the server again before"


def validity(der: bytes) -> Validity:
    """The time in which a certificate (X.509, DER) holds."""
    try:
        found = x509.load_der_x509_certificate(der)
        return Validity(instant_of(found.not_valid_before_utc), instant_of(found.not_valid_after_utc))
    except ValueError as error:
        raise UserError("the TLS certificate has no time of validity that can be read", "give an X.509 certificate in PEM form") from error


def _check_key_is_private(key: Path) -> None:
    found = key.stat()
    allowed = stat.S_IRWXU | (stat.S_IRGRP if found.st_uid == 0 and os.geteuid() != 0 else 0)
    if stat.S_IMODE(found.st_mode) & ~allowed:
        raise UserError(
            f"TLS key {key} may be read or changed by others than its owner (mode {stat.S_IMODE(found.st_mode):04o})",
            f"chmod 600 {key}; a copy of the key lets others pose as this server: consider a new one",
        )


def _chain(certificate: Path) -> list[bytes]:
    """The certificates of a PEM file, DER."""
    return [ssl.PEM_cert_to_DER_cert(text.decode("ascii")) for text in _PEM.findall(certificate.read_bytes())]


def _instant(at_us: int) -> str:
    return f"{utc_time(at_us):%Y-%m-%d %H:%M:%S} UTC"
