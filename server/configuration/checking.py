"""Checks of values beside each other: all mistakes at once. Files that they name are checked where they are used."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from rating.errors import UserError
from server.configuration.addresses import Address, is_loopback, parse_address

if TYPE_CHECKING:
    from server.configuration.reading import Configuration, Mistake


def mistakes(found: Configuration) -> list[Mistake]:
    """Mistakes of single values that their kind does not show, and of values that do not go together."""
    named: list[tuple[str, UserError | None]] = []
    addresses = {key: _address(found, key, named) for key in ("serve.address", "serve.certified_address", "serve.metrics_address")}
    certificate, key = found.value("serve.tls_cert"), found.value("serve.tls_key")
    named.append(("serve.tls_cert" if certificate else "serve.tls_key", _half_tls(certificate, key)))
    has_tls = certificate is not None or key is not None  # of half a pair it is said that the other half is missing
    address, certified, metrics = addresses.values()
    if address is not None:
        named.append(("serve.address", reach(address, has_tls=has_tls)))
    if certified is not None and not has_tls:
        error = UserError("clients cannot show a certificate without TLS", "add --tls-cert FILE --tls-key FILE", exit_status=2)
        named.append(("serve.certified_address", error))
    if found.value("serve.client_ca") is not None and found.value("serve.certified_address") is None:
        remedy = "name the address whose clients show certificates"
        named.append(("serve.client_ca", UserError("--client-ca belongs to --certified-address", remedy, exit_status=2)))
    if metrics is not None and not is_loopback(metrics.host):
        error = UserError(
            f"metrics are not answered on {metrics}, which other machines reach",
            "give an address of 127.0.0.1; let a collector of this machine hand them on",
            exit_status=2,
        )
        named.append(("serve.metrics_address", error))
    port_file = found.value("serve.port_file")
    if port_file is not None:
        named.append(("serve.port_file", _place(Path(port_file))))
    return [found.mistake_at(each, error) for each, error in named if error is not None]


def reach(address: Address, *, has_tls: bool) -> UserError | None:
    """The mistake of listening on a network without TLS."""
    if has_tls or is_loopback(address.host):
        return None
    return UserError(
        f"{address} can be reached from other machines, and there is no TLS",
        "add --tls-cert FILE --tls-key FILE, or listen on 127.0.0.1",
        exit_status=2,
    )


def _address(found: Configuration, key: str, named: list[tuple[str, UserError | None]]) -> Address | None:
    text = found.value(key)
    if text is None:
        return None
    try:
        return parse_address(text)
    except UserError as error:
        named.append((key, error))
        return None


def _half_tls(certificate: str | None, key: str | None) -> UserError | None:
    if (certificate is None) == (key is None):
        return None
    return UserError("--tls-cert and --tls-key belong together", "give both, or neither on a loopback address", exit_status=2)


def _place(port_file: Path) -> UserError | None:
    """The mistake of a port file that cannot be written."""
    if not port_file.is_dir() and os.access(port_file.parent, os.W_OK | os.X_OK):
        return None
    return UserError(f"port file {port_file} cannot be written", "name a file in a folder that exists and may be written", exit_status=2)
