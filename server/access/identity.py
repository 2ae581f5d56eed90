"""The operator behind a call, by its token or its client certificate.

A signature is checked once and remembered; whether the key is revoked, and which roles hold, is looked up at each call: three look-ups by
primary key say whether anything has changed since.

Refuses: UNAUTHENTICATED: CREDENTIALS_MISSING, CREDENTIALS_REFUSED, CREDENTIALS_EXPIRED, CREDENTIALS_REVOKED.
"""

from __future__ import annotations

import collections
import hashlib
import re
import threading
from typing import TYPE_CHECKING, Final, NamedTuple

import grpc

from billing import operators
from billing.acting import Via
from billing.operators import Identity, KeyKind, Role
from server.access import certificates, key_files, tokens
from server.grpc.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cryptography.hazmat.primitives.asymmetric import ec

    from billing.operators import Generation
    from billing.store.home import Home

REMEMBERED_MAX: Final = 4_096  # credentials whose signature was checked
_BEARER: Final = "bearer "
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)


class Credential(NamedTuple):
    """A key that a call has shown and whose signature is good."""

    kind: KeyKind
    subject: str
    operator: str
    until_us: int


class Caller(NamedTuple):
    """The operator of a call, with the roles that hold now: for all legal entities, and `limited` to one each."""

    name: str
    number: int
    via: Via
    roles: frozenset[Role]
    limited: frozenset[tuple[Role, str]]
    grants: frozenset[int]  # numbers of the grants that hold now
    identity: Identity
    credential: Credential


class Identities:
    """Finds the operators of calls to the service of one home."""

    def __init__(self, home: Home, clock_us: Callable[[], int]) -> None:
        self._home, self._clock_us = home, clock_us
        self.is_practice = home.is_practice
        self._audience = tokens.audience(home.installation_id)
        self._keys: dict[str, ec.EllipticCurvePublicKey] = {}
        self._checked: collections.OrderedDict[tuple[KeyKind, bytes], Credential] = collections.OrderedDict()
        self._reading = 0  # how often keys were read
        self._known: dict[tuple[KeyKind, str], Identity | None] = {}
        self._generation: Generation | None = None
        self._lock = threading.Lock()
        self.read_keys()

    def read_keys(self) -> None:
        """Read the keys that sign tokens again, such as after a new one was made."""
        public = {kid: key.public_key() for kid, key in key_files.token_keys(self._home.path).items()}
        with self._lock:
            self._keys = public
            self._reading += 1
            self._checked.clear()

    def caller(self, metadata: Mapping[str, str], auth_context: Mapping[str, list[bytes]]) -> Caller:
        """The operator of a call. Raises Refusal."""
        credential = self._credential(metadata, auth_context)
        return self.again(credential)

    def again(self, credential: Credential) -> Caller:
        """The operator of a credential as of now: its key may be revoked by now, or its time be over. Raises Refusal."""
        now_us = self._clock_us()
        if now_us >= credential.until_us:
            raise _refused("CREDENTIALS_EXPIRED", "the token or certificate has ended")
        identity = self._identity(credential)
        if identity is None or identity.operator.name != credential.operator:
            raise _refused("CREDENTIALS_REVOKED", "the token or certificate is not one that holds")
        if now_us >= identity.until_us:
            raise _refused("CREDENTIALS_EXPIRED", "the token or certificate has ended")
        via = Via.TOKEN if credential.kind is KeyKind.TOKEN else Via.CERTIFICATE
        row = identity.operator
        grants = frozenset(each.grant_id for each in row.grants if each.holds_at(now_us))
        roles, limited = identity.roles_at(now_us), identity.limited_at(now_us)
        return Caller(row.name, row.person_uid, via, roles, limited, grants, identity, credential)

    def _identity(self, credential: Credential) -> Identity | None:
        name = (credential.kind, credential.subject)
        with self._home.connect() as connection:
            generation = operators.generation(connection)
            with self._lock:
                if generation != self._generation:
                    self._known.clear()
                    self._generation = generation
                if name in self._known:
                    return self._known[name]
            found = operators.known_by_key(connection, *name)
        with self._lock:
            if generation == self._generation:
                self._known[name] = found
        return found

    def _credential(self, metadata: Mapping[str, str], auth_context: Mapping[str, list[bytes]]) -> Credential:
        text, pem = metadata.get("authorization", ""), auth_context.get("x509_pem_cert", [])
        if text:
            if text[: len(_BEARER)].lower() != _BEARER:
                raise _refused("CREDENTIALS_REFUSED", "the metadata `authorization` does not hold a bearer token")
            token = text[len(_BEARER) :]
            if _TOKEN.fullmatch(token) is None:
                raise _refused("CREDENTIALS_REFUSED", "the token is not well made, or its signature is wrong")
            return self._remembered(KeyKind.TOKEN, token.encode("ascii"), lambda: self._of_token(token))
        if pem:
            return self._remembered(KeyKind.CERTIFICATE, pem[0], lambda: _of_certificate(pem[0]))
        raise _refused("CREDENTIALS_MISSING", "this call needs a token or a client certificate")

    def _remembered(self, kind: KeyKind, data: bytes, check: Callable[[], Credential]) -> Credential:
        """The credential of these bytes, checked once as a key of this kind: a certificate is public, and proves nothing as a token."""
        digest = (kind, hashlib.sha256(data).digest())
        with self._lock:
            found, reading = self._checked.get(digest), self._reading
        if found is not None:
            return found
        found = check()
        with self._lock:
            if reading != self._reading:  # keys were read again meanwhile: what was checked by those of before is not remembered
                return found
            self._checked[digest] = found
            while len(self._checked) > REMEMBERED_MAX:
                self._checked.popitem(last=False)
        return found

    def _of_token(self, text: str) -> Credential:
        with self._lock:
            keys = self._keys
        try:
            claims = tokens.verified(text, keys, self._audience)
        except tokens.TokenRefusedError as error:
            raise _refused("CREDENTIALS_REFUSED", str(error)) from None
        return Credential(KeyKind.TOKEN, claims.token_id, claims.operator, claims.until_us)


def _of_certificate(pem: bytes) -> Credential:
    try:
        found = certificates.read_client(pem)
    except certificates.CertificateRefusedError as error:
        raise _refused("CREDENTIALS_REFUSED", str(error)) from None
    return Credential(KeyKind.CERTIFICATE, found.serial, found.operator, found.until_us)


def _refused(reason: str, message: str) -> Refusal:
    return Refusal(grpc.StatusCode.UNAUTHENTICATED, reason, message)
