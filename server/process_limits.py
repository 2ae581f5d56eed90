"""Limits that a process sets for itself."""

from __future__ import annotations

import resource


def dump_no_core() -> None:
    """Leave no image of this process behind when it crashes: its memory holds keys, and usage of customers."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
