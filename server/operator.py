"""The person who runs a command: the account of the operating system that the process belongs to.

It is read from the kernel and the user database, not from variables such as LOGNAME that anyone can set. It guards against mistakes and
is no proof against forgery: root, and others who can write the home folder, can pretend to be anyone. A process in a user namespace
of its own cannot: what it signs is refused (`billing.store.user_namespace`).
"""

from __future__ import annotations

import os
import pwd

from billing.catalogue import Operator


def current() -> Operator:
    """The account of this process. One without a name in the user database is called by its number."""
    uid = os.getuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = f"user {uid}"
    return Operator(name, uid)
