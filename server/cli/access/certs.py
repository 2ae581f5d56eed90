"""`ratewright certs init|issue|list|revoke`."""

from __future__ import annotations

import sys
from pathlib import Path  # noqa: TC003 -- cyclopts reads the annotations when the command runs
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import Parameter

from server.cli.access import common
from server.cli.homes import DEFAULT_HOME, AsJson, HomeFolder

if TYPE_CHECKING:
    from cryptography import x509

    from billing.store.home import Home

_LEFT: Final = "its files got no names, and are deleted"


def init(*, home: HomeFolder = DEFAULT_HOME, as_json: AsJson = False) -> int:
    """Make the authority that signs certificates of this home's service and of its clients. It holds for ten years."""
    from billing import operators
    from billing.store.home import Home
    from server import clock
    from server.access import certificates
    from server.cli import output
    from server.cli.ledger.common import who

    with Home.open(home) as opened:
        with opened.connect() as connection:
            operators.require_admin(opened, connection, who(opened))
        file = certificates.make_authority(opened.path, clock.machine_now_us(), _serial())
    if as_json:
        output.print_json({"certificate": str(file)})
    else:
        print(f"the authority is made; give {file} to clients, so that they know the service")
    return 0


def issue(
    name: Annotated[str | None, Parameter(help="Operator; without it, the service.")] = None,
    /,
    *,
    out: Annotated[Path, Parameter(help="Folder for NAME.pem and NAME-key.pem, or server.pem and server-key.pem.")],
    host: Annotated[list[str] | None, Parameter(negative="", help="Name or address of the service; may be repeated.")] = None,
    days: common.Days = 365,
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """Issue a certificate with its key: for an operator by name, or for the service by the hosts that clients call it by."""
    from billing import operators
    from billing.operators import KeyKind
    from billing.store.home import Home
    from rating.errors import UserError
    from server import clock
    from server.access import certificates, issued_pairs
    from server.cli import output
    from server.cli.ledger.common import who

    if (name is None) == (not host):
        raise UserError("a certificate is for an operator or for hosts", "name an operator, or --host for the service", exit_status=2)
    files = issued_pairs.files_of(out, name or "server")
    now_us = clock.machine_now_us()  # TLS goes by the clock of machines, in a practice home too
    ends = common.until_us(now_us, days)
    out.mkdir(parents=True, exist_ok=True)
    with Home.open(home) as opened:
        by = who(opened)
        with opened.connect() as connection:
            operators.require_admin(opened, connection, by)
        if name is not None:
            pair = certificates.issue_client(opened.path, name, _serial(), now_us, ends)
        else:
            pair = certificates.issue_server(opened.path, host or [], _serial(), now_us, ends)

        def store(made: x509.Certificate) -> None:
            if name is not None:
                subject, until_us = certificates.serial_text(made.serial_number), common.until_us(by.now_us, days)
                operators.issue_key(opened, name, KeyKind.CERTIFICATE, subject, until_us=until_us, who=by)

        def revoke(serial: int) -> None:
            for key_id in _held(opened, certificates.serial_text(serial)):
                operators.revoke_key(opened, key_id, _LEFT, by)
                print(f"certificate {key_id} holds no more: {_LEFT}", file=sys.stderr)

        made = issued_pairs.issue(files, certificates.authority_mark(opened.path), pair, store, revoke)
    number, until = certificates.serial_text(made.serial_number), int(made.not_valid_after_utc.timestamp()) * 1_000_000
    if as_json:
        output.print_json({"operator": name, "certificate": str(files.certificate), "key": str(files.key), "serial": number})
    else:
        print(f"certificate of {name or 'the service'}: {files.certificate}, its key: {files.key}; it ends at {common.instant(until)}")
    return 0


def list_(*, home: HomeFolder = DEFAULT_HOME, as_json: AsJson = False) -> int:
    """List the client certificates that hold."""
    from billing import operators
    from billing.store.home import Home

    with Home.open(home) as opened:
        common.print_keys(opened, operators.KeyKind.CERTIFICATE, as_json=as_json)
    return 0


def revoke(key: int, /, *, reason: common.Reason, home: HomeFolder = DEFAULT_HOME) -> int:
    """Let a client certificate hold no more: further calls are refused at once, and those under way end within a minute."""
    from billing import operators
    from billing.store.home import Home

    with Home.open(home) as opened:
        name = common.revoke(opened, key, operators.KeyKind.CERTIFICATE, reason)
    print(f"certificate {key} of {name} holds no more")
    return 0


def _held(home: Home, subject: str) -> list[int]:
    """Numbers of the keys, one at most, of a certificate that is not revoked."""
    from billing import operators
    from billing.operators import KeyKind

    with home.connect() as connection:
        found = operators.list_operators(connection)
    wanted = (KeyKind.CERTIFICATE.value, subject)
    return [key.key_id for each in found for key in each.keys if (key.kind, key.subject) == wanted]


def _serial() -> int:
    import secrets

    from server.access import certificates

    return int.from_bytes(secrets.token_bytes(certificates.SERIAL_BYTES)) >> 1 | 1  # RFC 5280: positive, at most 20 bytes
