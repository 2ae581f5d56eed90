"""Certificates of operators, and of the service itself, by an authority of the home.

A client certificate names its operator in a subject alternative name, `ratewright:NAME` (a URI); its serial number is stored as a key of
the operator. One that is not stored, or is revoked, is refused, however well it is signed.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from typing import TYPE_CHECKING, Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from rating.dates import DAY_US, utc_time
from rating.errors import UserError
from server.access import key_files

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


CA_FILE: Final = "ca.pem"
CA_KEY_FILE: Final = "ca-key.pem"
CA_DAYS: Final = 3_650
URI_SCHEME: Final = "ratewright:"
SERIAL_BYTES: Final = 16
_BACK: Final = dt.timedelta(minutes=5)  # clocks of two machines differ by so much


class CertificateRefusedError(Exception):
    """A client certificate that names no operator."""


class Pair(NamedTuple):
    """A certificate with its private key, both PEM."""

    certificate: bytes
    key: bytes


class Client(NamedTuple):
    """Content of a client certificate. `serial` as hexadecimal digits."""

    serial: str
    operator: str
    until_us: int


def make_authority(home: Path, now_us: int, serial: int) -> Path:
    """Make the authority of a home; returns the file of its certificate. Refuses where there is one."""
    place = key_files.folder(home)
    key, name = key_files.make(place / CA_KEY_FILE), _name("Ratewright authority")
    builder = _builder(name, name, key, serial, now_us, now_us + CA_DAYS * DAY_US)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
    file = place / CA_FILE
    key_files.write_private(file, builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return file


def authority_mark(home: Path) -> str:
    """The first 16 digits of the fingerprint of a home's authority."""
    return _authority(home)[0].fingerprint(hashes.SHA256()).hex()[:16]


def issue_client(home: Path, operator: str, serial: int, now_us: int, until_us: int) -> Pair:
    """A certificate for an operator."""
    names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(URI_SCHEME + operator)]
    return _issue(home, operator, names, ExtendedKeyUsageOID.CLIENT_AUTH, serial, now_us, until_us)


def issue_server(home: Path, hosts: Iterable[str], serial: int, now_us: int, until_us: int) -> Pair:
    """A certificate for the service, under the names and addresses of its machine."""
    names = [_host(each) for each in hosts]
    if not names:
        raise UserError("a server certificate needs a host", "name it with --host, as clients call it", exit_status=2)
    return _issue(home, "Ratewright service", names, ExtendedKeyUsageOID.SERVER_AUTH, serial, now_us, until_us)


def read_client(pem: bytes) -> Client:
    """The content of a client certificate. Its chain and its time were checked by TLS. Raises CertificateRefusedError."""
    try:
        found = x509.load_pem_x509_certificate(pem)
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    except (ValueError, x509.ExtensionNotFound) as error:
        raise CertificateRefusedError("the certificate names no operator") from error
    operators = [each.removeprefix(URI_SCHEME) for each in uris if each.startswith(URI_SCHEME)]
    if len(operators) != 1:
        raise CertificateRefusedError("the certificate names no operator, or more than one")
    until_us = int(found.not_valid_after_utc.timestamp()) * 1_000_000
    return Client(serial_text(found.serial_number), operators[0], until_us)


def serial_text(serial: int) -> str:
    """A serial number as it is stored."""
    return f"{serial:x}"


def _issue(  # noqa: PLR0913, PLR0917 -- the fields of a certificate
    home: Path, subject: str, names: list[x509.GeneralName], purpose: x509.ObjectIdentifier, serial: int, now_us: int, until_us: int
) -> Pair:
    ca, ca_key = _authority(home)
    if utc_time(until_us) > ca.not_valid_after_utc:
        ends = ca.not_valid_after_utc.date()
        raise UserError(f"the certificate would outlive its authority, which ends on {ends}", "name an earlier end", exit_status=2)
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(_name(subject), ca.subject, key, serial, now_us, until_us)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    signed = builder.sign(ca_key, hashes.SHA256())
    return Pair(signed.public_bytes(serialization.Encoding.PEM), key_files.pem_of(key))


def _authority(home: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    place = key_files.folder(home)
    if not (place / CA_FILE).is_file():
        raise UserError("this home has no authority for certificates", "make one: ratewright certs init")
    return x509.load_pem_x509_certificate(key_files.read_private(place / CA_FILE)), key_files.read(place / CA_KEY_FILE)


def _builder(  # noqa: PLR0913, PLR0917 -- the fields of a certificate
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, serial: int, now_us: int, until_us: int
) -> x509.CertificateBuilder:
    begun = x509.CertificateBuilder(issuer, subject, key.public_key(), serial)
    begun = begun.not_valid_before(utc_time(now_us).replace(microsecond=0) - _BACK).not_valid_after(
        utc_time(until_us).replace(microsecond=0)
    )
    return begun.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates, key_cert_sign=signs_certificates, crl_sign=signs_certificates, content_commitment=False,
        key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


def _host(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        pass
    try:
        return x509.DNSName(text)
    except ValueError as error:
        raise UserError(f"{text} is neither the name nor the address of a machine", "write it as clients call it", exit_status=2) from error
