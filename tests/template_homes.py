"""New homes that begin alike: filled once in a process, copied afterwards; on PostgreSQL row by row."""

from __future__ import annotations

import functools
import os
import pickle
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from billing.store import location, user_namespace
from billing.store.home import HASH_KEY_VARIABLE, Home
from tests import postgres_images, statements
from tests.postgres_images import Rows

if TYPE_CHECKING:
    from collections.abc import Callable


class _Template(NamedTuple):
    """A home to copy, its rows where a server holds them, the statements that made it (where they are noted), and what filling returned."""

    folder: Path
    rows: dict[Path, Rows]
    sent: set[str]
    found: Any


_templates: dict[bytes, _Template] = {}


def new_home(folder: Path, fill: Callable[[Home], object], *key: object) -> Home:
    """A new home at `folder`, filled by `fill`. Equal keys must mean equal fillings."""
    return filled(folder, fill, *key)[0]


def filled(folder: Path, fill: Callable[[Home], object], *key: object) -> tuple[Home, Any]:
    """As `new_home`, with what `fill` returned: for the first home of its key."""
    if folder.exists():
        home = Home.open(folder, create=True)
        return home, fill(home)
    places = tuple(os.environ.get(name) for name in (HASH_KEY_VARIABLE, location.VARIABLE))
    full_key = pickle.dumps((fill.__qualname__, key, *places, user_namespace.of_process()))
    if full_key not in _templates:
        _templates[full_key] = _template(fill)
    template = _templates[full_key]
    statements.sent_again(template.sent)
    if template.rows:
        Home.open(folder, create=True).close()
        postgres_images.put_back(folder, template.rows)
    shutil.copytree(template.folder, folder, ignore=shutil.ignore_patterns(location.LOCATION_NAME), dirs_exist_ok=True)
    return Home.open(folder), template.found


def _template(fill: Callable[[Home], object]) -> _Template:
    template = Path(_room().name) / str(len(_templates))
    with statements.gathered() as sent, Home.open(template, create=True) as home:
        found = fill(home)
    return _Template(template, postgres_images.of_homes(template), sent, found)


@functools.cache
def _room() -> tempfile.TemporaryDirectory[str]:
    """Goes with the process."""
    return tempfile.TemporaryDirectory(prefix="template-homes-")
