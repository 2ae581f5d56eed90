"""`ratewright tokens issue|list|revoke|rotate`."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 -- cyclopts reads the annotations when the command runs
from typing import Annotated

from cyclopts import Parameter

from server.cli.access import common
from server.cli.homes import DEFAULT_HOME, AsJson, HomeFolder


def issue(
    name: str,
    /,
    *,
    out: Annotated[
        Path, Parameter(help="New file for the token; its owner alone may read it. Its folder is made. The token is stored nowhere else.")
    ],
    days: common.Days = 90,
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """Issue a token for an operator, into a file. Clients send it as `authorization: Bearer TOKEN`."""
    import secrets

    from billing.store.home import Home
    from rating.errors import UserError
    from server.access import key_files, tokens
    from server.cli import output
    from server.cli.ledger.common import who

    if out.exists():
        raise UserError(f"{out} is there already", "name another file, or move that one away", exit_status=2)
    with Home.open(home) as opened:
        by = who(opened)
        ends_us = common.until_us(by.now_us, days)
        out.parent.mkdir(parents=True, exist_ok=True)
        with key_files.new_private(out) as file:  # before the key is stored: a key without its token is of no use
            issued = tokens.issue(opened, name, ends_us, secrets.token_hex(tokens.ID_BYTES), by)
            file.write(issued.text.encode() + b"\n")
    if as_json:
        output.print_json({"operator": name, "key": issued.key_id, "id": issued.token_id, "until_us": issued.until_us, "file": str(out)})
    else:
        print(f"token {issued.key_id} of {name} is in {out}; it ends at {common.instant(issued.until_us)}")
    return 0


def list_(*, home: HomeFolder = DEFAULT_HOME, as_json: AsJson = False) -> int:
    """List the tokens that hold, without their texts."""
    from billing import operators
    from billing.store.home import Home

    with Home.open(home) as opened:
        common.print_keys(opened, operators.KeyKind.TOKEN, as_json=as_json)
    return 0


def revoke(key: int, /, *, reason: common.Reason, home: HomeFolder = DEFAULT_HOME) -> int:
    """Let a token hold no more: further calls are refused at once, and those under way end within a minute."""
    from billing import operators
    from billing.store.home import Home

    with Home.open(home) as opened:
        name = common.revoke(opened, key, operators.KeyKind.TOKEN, reason)
    print(f"token {key} of {name} holds no more")
    return 0


def rotate(
    *,
    forget: Annotated[str | None, Parameter(help="Id of a key to delete: what it signed is refused from then on.")] = None,
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """Sign tokens with a new key from now on; those of before hold. A running service reads keys at SIGHUP.

    With --forget a key of before is deleted instead: do so when its last token has ended, or at once when it is known to others.
    """
    from billing import operators
    from billing.store.home import Home
    from server.access import key_files
    from server.cli import output
    from server.cli.ledger.common import who

    with Home.open(home) as opened:
        with opened.connect() as connection:
            operators.require_admin(opened, connection, who(opened))
        if forget is None:
            key_files.new_token_key(opened.path)
        else:
            key_files.forget_token_key(opened.path, forget)
        kids = list(key_files.token_keys(opened.path))
    if as_json:
        output.print_json({"keys": kids})
    else:
        print("\n".join(f"key {kid}{': signs' if kid == kids[-1] else ''}" for kid in kids) or "no key is left")
    return 0
