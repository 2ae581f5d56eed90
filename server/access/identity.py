"""The operator behind a call, by its token or its client certificate.

A signature is checked once and remembered; whether the key is revoked, and which roles hold, is looked up at each call: the database
says whether anybody has committed anything since, and if so three look-ups by primary key whether it was about operators.

Refuses: UNAUTHENTICATED: CREDENTIALS_MISSING, CREDENTIALS_REFUSED, CREDENTIALS_EXPIRED, CREDENTIALS_REVOKED.
"""

from __future__ import annotations

import collections
import hashlib
import re
import threading
from typing import TYPE_CHECKING, Any, Final, NamedTuple

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


class _Held(NamedTuple):
    """A caller who is the same from an instant until another one, as long as there is no commit: see `Home.changes`."""

    caller: Caller
    changes: int | None
    from_us: int
    until_us: int


class Identities:
    """Finds the operators of calls to the service of one home."""

    def __init__(self, home: Home, clock_us: Callable[[], int]) -> None:
        self._home, self._clock_us = home, clock_us
        self.is_practice = home.is_practice
        self._audience = tokens.audience(home.installation_id)
        self._keys: dict[str, ec.EllipticCurvePublicKey] = {}
        self._checked: collections.OrderedDict[tuple[KeyKind, bytes], Credential] = collections.OrderedDict()
        self._reading = 0  # how often keys were read
        self._callers: collections.OrderedDict[tuple[KeyKind, bytes], _Held] = collections.OrderedDict()
        self._known: dict[tuple[KeyKind, str], Identity | None] = {}
        self._generation: Generation | None = None
        self._changes: int | None = None  # of the home, in front of the last look at `_generation`
        self._lock = threading.Lock()
        self.read_keys()

    def read_keys(self) -> None:
        """Read the keys that sign tokens again, such as after a new one was made."""
        public = {kid: key.public_key() for kid, key in key_files.token_keys(self._home.path).items()}
        with self._lock:
            self._keys = public
            self._reading += 1
            self._checked.clear()
            self._callers.clear()

    def caller(self, metadata: Mapping[str, str], auth_context: Mapping[str, list[bytes]]) -> Caller:
        """The operator of a call. Raises Refusal."""
        kind, data = _shown(metadata, auth_context)
        digest = (kind, hashlib.sha256(data).digest())
        with self._lock:
            held, reading = self._callers.get(digest), self._reading
        credential = self._credential(digest, data) if held is None else held.caller.credential
        now_us, changes = self._clock_us(), self._home.changes()
        if held is not None and changes is not None and changes == held.changes and held.from_us <= now_us < held.until_us:
            return held.caller
        found = self._as_of(credential, now_us, changes)
        with self._lock:
            if reading == self._reading:
                self._callers[digest] = _Held(found, changes, now_us, _until_us(found, now_us))
                _forget_first(self._callers)
        return found

    def again(self, credential: Credential) -> Caller:
        """The operator of a credential as of now: its key may be revoked by now, or its time be over. Raises Refusal."""
        return self._as_of(credential, self._clock_us(), self._home.changes())

    def _as_of(self, credential: Credential, now_us: int, changes: int | None) -> Caller:
        """The operator of a credential at an instant. `changes`: of the home, looked at before."""
        if now_us >= credential.until_us:
            raise _refused("CREDENTIALS_EXPIRED", "the token or certificate has ended")
        identity = self._identity(credential, changes)
        if identity is None or identity.operator.name != credential.operator:
            raise _refused("CREDENTIALS_REVOKED", "the token or certificate is not one that holds")
        if now_us >= identity.until_us:
            raise _refused("CREDENTIALS_EXPIRED", "the token or certificate has ended")
        via = Via.TOKEN if credential.kind is KeyKind.TOKEN else Via.CERTIFICATE
        row = identity.operator
        grants = frozenset(each.grant_id for each in row.grants if each.holds_at(now_us))
        roles, limited = identity.roles_at(now_us), identity.limited_at(now_us)
        return Caller(row.name, row.person_uid, via, roles, limited, grants, identity, credential)

    def _identity(self, credential: Credential, changes: int | None) -> Identity | None:
        name = (credential.kind, credential.subject)
        with self._lock:
            if changes is not None and changes == self._changes and name in self._known:
                return self._known[name]
        with self._home.connect() as connection:
            generation = operators.generation(connection)
            with self._lock:
                if generation != self._generation:
                    self._known.clear()
                    self._generation = generation
                self._changes = changes
                if name in self._known:
                    return self._known[name]
            found = operators.known_by_key(connection, *name)
        with self._lock:
            if generation == self._generation:
                self._known[name] = found
        return found

    def _credential(self, digest: tuple[KeyKind, bytes], data: bytes) -> Credential:
        """The credential of these bytes, checked once as a key of this kind: a certificate is public, and proves nothing as a token."""
        with self._lock:
            found, reading = self._checked.get(digest), self._reading
        if found is not None:
            return found
        found = self._of_token(data) if digest[0] is KeyKind.TOKEN else _of_certificate(data)
        with self._lock:
            if reading == self._reading:  # else keys were read again meanwhile: what was checked by those of before is not remembered
                self._checked[digest] = found
                _forget_first(self._checked)
        return found

    def _of_token(self, data: bytes) -> Credential:
        text = data.decode("utf-8", "replace")
        if _TOKEN.fullmatch(text) is None:
            raise _refused("CREDENTIALS_REFUSED", "the token is not well made, or its signature is wrong")
        with self._lock:
            keys = self._keys
        try:
            claims = tokens.verified(text, keys, self._audience)
        except tokens.TokenRefusedError as error:
            raise _refused("CREDENTIALS_REFUSED", str(error)) from None
        return Credential(KeyKind.TOKEN, claims.token_id, claims.operator, claims.until_us)


def _shown(metadata: Mapping[str, str], auth_context: Mapping[str, list[bytes]]) -> tuple[KeyKind, bytes]:
    """The bytes of the key that a call shows: its token, or else its certificate."""
    text, pem = metadata.get("authorization", ""), auth_context.get("x509_pem_cert", [])
    if text:
        if text[: len(_BEARER)].lower() != _BEARER:
            raise _refused("CREDENTIALS_REFUSED", "the metadata `authorization` does not hold a bearer token")
        return KeyKind.TOKEN, text[len(_BEARER) :].encode("utf-8", "replace")
    if pem:
        return KeyKind.CERTIFICATE, pem[0]
    raise _refused("CREDENTIALS_MISSING", "this call needs a token or a client certificate")


def _until_us(caller: Caller, now_us: int) -> int:
    """The first instant at which a caller may be another one without any change: a grant begins or ends, or the key does."""
    times = [caller.credential.until_us, caller.identity.until_us]
    for each in caller.identity.operator.grants:
        times += [at_us for at_us in (each.from_us, each.until_us) if at_us is not None and at_us > now_us]
    return min(times)


def _forget_first(kept: collections.OrderedDict[Any, Any]) -> None:
    while len(kept) > REMEMBERED_MAX:
        kept.popitem(last=False)


def _of_certificate(pem: bytes) -> Credential:
    try:
        found = certificates.read_client(pem)
    except certificates.CertificateRefusedError as error:
        raise _refused("CREDENTIALS_REFUSED", str(error)) from None
    return Credential(KeyKind.CERTIFICATE, found.serial, found.operator, found.until_us)


def _refused(reason: str, message: str) -> Refusal:
    return Refusal(grpc.StatusCode.UNAUTHENTICATED, reason, message)
