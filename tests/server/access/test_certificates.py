"""Client certificates over real TLS: of the home's authority, of another one, revoked, of nobody."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import grpc
import pytest

from billing import operators
from billing.operators import KeyKind
from rating.dates import DAY_US
from rating.errors import UserError
from server.access import certificates
from server.access.certificates import CertificateRefusedError, Pair
from server.access.identity import Identities
from server.access.trail import Trail
from server.grpc import service
from server.grpc.entrance import Access
from server.grpc.refusals import Refusal
from server.grpc.tls import Tls
from tests.server.access.test_entrance import OK, UNKNOWN, list_invoices
from tests.server.with_token import with_token

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.server.access.conftest import Guarded

pytestmark = pytest.mark.slow
LOCAL = service.Address("localhost", 0)


class Encrypted:
    """A service with two addresses: for tokens over TLS, and for client certificates."""

    def __init__(self, guarded: Guarded, folder: Path) -> None:
        self.guarded, self.home, self.serial = guarded, guarded.home, 100
        self.machine_us = time.time_ns() // 1_000  # TLS goes by it
        self.authority = certificates.make_authority(self.home.path, self.machine_us, 1)
        pair = certificates.issue_server(self.home.path, ["localhost", "127.0.0.1"], 2, self.machine_us, self.machine_us + DAY_US)
        self.files = Tls(folder / "server.pem", folder / "server-key.pem")
        self.files.certificate.write_bytes(pair.certificate)
        self.files.key.write_bytes(pair.key)
        self.files.key.chmod(0o600)
        listening = service.listen(LOCAL, self.files, certified=service.Certified(LOCAL, self.authority))
        clock = lambda: guarded.now_us  # noqa: E731 -- the clock of the test
        self.trail = Trail(self.home.path, guarded.now_us)
        self.identities = Identities(self.home, clock)
        access = Access(self.identities, self.trail, clock)
        self.service = service.Service.start(listening, self.home, clock, access=access)

    def certificate(self, name: str) -> tuple[Pair, int]:
        """A certificate of an operator, stored as its key, and the number of that key."""
        self.serial += 1
        pair = certificates.issue_client(self.home.path, name, self.serial, self.machine_us, self.machine_us + DAY_US)
        subject, until_us = certificates.serial_text(self.serial), self.guarded.now_us + DAY_US
        return pair, operators.issue_key(self.home, name, KeyKind.CERTIFICATE, subject, until_us=until_us, who=self.guarded.who)

    def channel(self, pair: Pair | None, *, token: str = "", certified: bool = True) -> grpc.Channel:
        """A channel to one of the two addresses."""
        shown = () if pair is None else (pair.key, pair.certificate)
        credentials = grpc.ssl_channel_credentials(self.authority.read_bytes(), *shown)
        address = self.service.certified if certified else self.service.address
        channel = grpc.secure_channel(str(address), credentials)
        return with_token(channel, token) if token else channel


@pytest.fixture
def encrypted(guarded: Guarded, tmp_path: Path) -> Iterator[Encrypted]:
    made = Encrypted(guarded, tmp_path)
    yield made
    made.service.stop()
    made.trail.close()


def test_a_certificate_lets_its_operator_in(encrypted: Encrypted) -> None:
    pair, key_id = encrypted.certificate("the-finance")
    with encrypted.channel(pair) as channel:
        assert list_invoices(channel) == OK
        operators.revoke_key(encrypted.home, key_id, "lost", encrypted.guarded.who)
        assert list_invoices(channel) == (UNKNOWN, "CREDENTIALS_REVOKED")


def test_the_text_of_a_certificate_is_no_token(encrypted: Encrypted) -> None:
    """A certificate is public: without its key it proves nothing, also where its owner has just called."""
    pair, _ = encrypted.certificate("the-finance")
    pem = pair.certificate
    found = encrypted.identities.caller({}, {"x509_pem_cert": [pem]})
    assert found.name == "the-finance"
    with pytest.raises(Refusal) as raised:
        encrypted.identities.caller({"authorization": f"Bearer {pem.decode()}"}, {})
    assert raised.value.reason == "CREDENTIALS_REFUSED"


def test_the_role_of_a_certificate_is_its_operators(encrypted: Encrypted) -> None:
    pair, _ = encrypted.certificate("the-switch")
    with encrypted.channel(pair) as channel:
        assert list_invoices(channel) == (grpc.StatusCode.PERMISSION_DENIED, "ROLE_MISSING")


def test_without_a_certificate_there_is_no_connection(encrypted: Encrypted) -> None:
    with encrypted.channel(None) as channel, pytest.raises(grpc.RpcError) as raised:
        _call(channel)
    assert raised.value.code() is grpc.StatusCode.UNAVAILABLE


def _call(channel: grpc.Channel) -> None:
    channel.unary_unary("/ratewright.v1.InvoiceService/ListInvoices", bytes, bytes)(b"", timeout=10)


def test_a_certificate_of_another_authority_is_no_connection(encrypted: Encrypted, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir(mode=0o700)
    certificates.make_authority(tmp_path / "other", encrypted.machine_us, 1)
    pair = certificates.issue_client(tmp_path / "other", "the-finance", 101, encrypted.machine_us, encrypted.machine_us + DAY_US)
    encrypted.certificate("the-finance")
    with encrypted.channel(pair) as channel, pytest.raises(grpc.RpcError) as raised:
        _call(channel)
    assert raised.value.code() is grpc.StatusCode.UNAVAILABLE


def test_a_certificate_that_was_never_stored_is_refused(encrypted: Encrypted) -> None:
    """The authority's key alone lets nobody in."""
    pair = certificates.issue_client(encrypted.home.path, "the-finance", 77, encrypted.machine_us, encrypted.machine_us + DAY_US)
    with encrypted.channel(pair) as channel:
        assert list_invoices(channel) == (UNKNOWN, "CREDENTIALS_REVOKED")


def test_the_service_certificate_is_no_operator(encrypted: Encrypted) -> None:
    pair = Pair(encrypted.files.certificate.read_bytes(), encrypted.files.key.read_bytes())
    with encrypted.channel(pair) as channel, pytest.raises(grpc.RpcError) as raised:
        _call(channel)
    assert raised.value.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNAUTHENTICATED}


def test_a_token_counts_over_a_certificate_and_at_the_other_address(encrypted: Encrypted) -> None:
    token = encrypted.guarded.tokens["the-finance"]
    with encrypted.channel(None, token=token, certified=False) as channel:
        assert list_invoices(channel) == OK
    with encrypted.channel(None, certified=False) as channel:
        assert list_invoices(channel) == (UNKNOWN, "CREDENTIALS_MISSING")


def test_certificates_that_name_no_operator() -> None:
    for text in (b"", b"nonsense", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        with pytest.raises(CertificateRefusedError):
            certificates.read_client(text)


def test_a_second_authority_is_refused(encrypted: Encrypted) -> None:
    with pytest.raises(UserError, match="is there already"):
        certificates.make_authority(encrypted.home.path, encrypted.machine_us, 3)


def test_a_client_certificate_does_not_outlive_the_authority(encrypted: Encrypted) -> None:
    late = encrypted.machine_us + 4_000 * DAY_US
    with pytest.raises(UserError, match="would outlive its authority"):
        certificates.issue_client(encrypted.home.path, "the-finance", 9, encrypted.machine_us, late)
