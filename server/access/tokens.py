"""Bearer tokens: signed texts that say which operator calls, until when.

A token is a JWT signed with ES256: `aud` is this home's service, `sub` the operator's name, `jti` the id under which the token is stored as
a key of the operator. A token that is not stored, or is revoked, is refused, however well it is signed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import jwt

from billing import operators
from billing.operators import KeyKind
from rating.dates import utc_time
from rating.errors import UserError
from server.access import key_files

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography.hazmat.primitives.asymmetric import ec
    from jwt.types import Options

    from billing.persons import Who
    from billing.store.home import Home

ALGORITHM: Final = "ES256"
ID_BYTES: Final = 16
US_PER_S: Final = 1_000_000
TOKEN_BYTES_MAX: Final = 4_096
_CLAIMS: Final = ("aud", "exp", "iat", "jti", "sub")


class TokenRefusedError(Exception):
    """A token that is not one of ours, or not well made. Its text holds nothing of the token."""


class Claims(NamedTuple):
    """Content of a token whose signature is good."""

    token_id: str
    operator: str
    until_us: int


class Issued(NamedTuple):
    """A new token. Its text is shown once and stored nowhere."""

    text: str
    key_id: int
    token_id: str
    until_us: int


def audience(installation_id: str) -> str:
    """The audience of all tokens of a home."""
    return f"ratewright:{installation_id}"


def issue(home: Home, name: str, until_us: int, token_id: str, who: Who) -> Issued:
    """A token for an operator, until an instant. `token_id`: random, ID_BYTES as hexadecimal digits.

    The home gets a signing key if it has none.
    """
    if until_us <= who.now_us:
        raise UserError("the token would end before it begins", "name a later end", exit_status=2)
    until_us -= until_us % US_PER_S  # a token counts in seconds
    key_id = operators.issue_key(home, name, KeyKind.TOKEN, token_id, until_us=until_us, who=who)
    keys = key_files.token_keys(home.path)
    if not keys:
        key_files.new_token_key(home.path)
        keys = key_files.token_keys(home.path)
    kid, key = list(keys.items())[-1]
    claims = {
        "aud": audience(home.installation_id),
        "sub": name,
        "jti": token_id,
        "iat": utc_time(who.now_us),
        "exp": utc_time(until_us),
    }
    return Issued(jwt.encode(claims, key, algorithm=ALGORITHM, headers={"kid": kid}), key_id, token_id, until_us)


def verified(text: str, keys: Mapping[str, ec.EllipticCurvePublicKey], expected_audience: str) -> Claims:
    """The claims of a token with a good signature. Raises TokenRefusedError. Its time is for the caller to judge."""
    if len(text) > TOKEN_BYTES_MAX:
        raise TokenRefusedError("the token is longer than any of ours")
    try:
        kid = jwt.get_unverified_header(text).get("kid")
        key = keys.get(kid) if isinstance(kid, str) else None
        if key is None:
            raise TokenRefusedError("the token was signed by a key that is not one of this home")
        options: Options = {"require": list(_CLAIMS), "verify_exp": False, "verify_nbf": False, "verify_iat": False}
        claims = jwt.decode(text, key, algorithms=[ALGORITHM], audience=expected_audience, options=options)
    except jwt.InvalidAudienceError:
        raise TokenRefusedError("the token is for another service") from None
    except jwt.PyJWTError:
        raise TokenRefusedError("the token is not well made, or its signature is wrong") from None
    token_id, operator, until_s = claims["jti"], claims["sub"], claims["exp"]
    if not (isinstance(token_id, str) and isinstance(operator, str) and isinstance(until_s, int)):
        raise TokenRefusedError("the token is not well made, or its signature is wrong")
    return Claims(token_id, operator, until_s * US_PER_S)
