"""The operators that call the service of the demo: a switch and finance, each with a role and a token, and the certificate of the service.

It may be done again after it was interrupted: operators that are there stay, tokens and the certificate are made anew.
"""

from __future__ import annotations

import getpass
import shutil
from typing import TYPE_CHECKING

import commands

if TYPE_CHECKING:
    from pathlib import Path

HOST = "127.0.0.1"
SWITCH, FINANCE = "demo-switch", "demo-finance"
ROLES = {SWITCH: "switch", FINANCE: "finance"}
ADMIN = "demo-admin"


def make(home: Path, keys: Path) -> None:
    """The operators of the home, and in the folder `keys` a token of each and the certificate of the service."""
    shutil.rmtree(keys, ignore_errors=True)
    there = {each["name"] for each in commands.ratewright("operators", "list", "--home", home)}
    if ADMIN not in there:
        commands.ratewright_text("operators", "add", ADMIN, "--account", getpass.getuser(), "--home", home)
    if not authority(home).exists():
        (home / "keys" / "ca-key.pem").unlink(missing_ok=True)  # left over from an end in the middle; nothing was signed with it
        commands.ratewright_text("certs", "init", "--home", home)
    commands.ratewright_text("certs", "issue", "--host", HOST, "--out", keys, "--home", home)
    for name, role in ROLES.items():
        if name not in there:
            commands.ratewright_text("operators", "add", name, "--machine", "--home", home)
        commands.ratewright_text("operators", "grant", name, role, "--reason", "calls in the demo", "--home", home)
        commands.ratewright_text("tokens", "issue", name, "--out", token(keys, name), "--home", home)


def authority(home: Path) -> Path:
    """The certificate by which clients know the service."""
    return home / "keys" / "ca.pem"


def token(keys: Path, name: str) -> Path:
    """The token of an operator."""
    return keys / f"{name}.token"
