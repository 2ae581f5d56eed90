"""Database of a home folder: the SQLite file in it, or one schema of a PostgreSQL database that `database.json` names.

    {"url": "postgresql://billing@db.example:5432/ratewright", "schema": "home_1f6d..."}

The file never holds a password: libpq takes it from PGPASSWORD, ~/.pgpass or a certificate. The environment variable
RATEWRIGHT_DATABASE says where the database of a new home is made; its password, if it has one, is used for homes it fits.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from pathlib import Path
from typing import Final

import msgspec
import sqlalchemy as sa

from billing.store import access
from rating import definition_file, durable, field_values
from rating.errors import UserError

DATABASE_NAME: Final = "ratewright.db"
LOCATION_NAME: Final = "database.json"
BESIDE_SUFFIX: Final = ".new"  # of what is written beside it, to take its place
VARIABLE: Final = "RATEWRIGHT_DATABASE"

_FORM: Final = 'write {"url": "postgresql://user@host/database", "schema": "name"}'
_SCHEMA_NAME: Final = re.compile("[a-z_][a-z0-9_]{0,62}")  # such a name means the same with quotes and without


class Location(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A schema of a PostgreSQL database. `url` is without password."""

    url: str
    schema: str


def of_home(folder: Path) -> Location | None:
    """Location in database.json of `folder`; None where there is no such file: the home's database is SQLite's."""
    path = folder / LOCATION_NAME
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}", "give this user the right to read it") from error
    try:
        location = msgspec.json.decode(content, type=Location)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path} does not say which database the home has: {_trouble(error, content)}", _FORM) from error
    checked_url(location.url, str(path))
    if not _SCHEMA_NAME.fullmatch(location.schema):
        raise UserError(f"{path}: {location.schema!r} is not a name of a schema here", "use lower-case letters, digits and _")
    return location


def _trouble(error: Exception, content: bytes) -> str:
    if not isinstance(error, msgspec.ValidationError):
        return definition_file.no_json(error, content)
    wrong = next(field_values.misfits(msgspec.json.decode(content), Location, ""))
    return f"{wrong.place}: {wrong.message}".removeprefix(": ")


def of_new_home(folder: Path) -> Location | None:
    """Location that RATEWRIGHT_DATABASE gives for a new home's database; None when it says nothing."""
    text = os.environ.get(VARIABLE)
    return new(folder, text, VARIABLE) if text else None


def new(folder: Path, text: str, source: str) -> Location:
    """A schema of its own for the home at `folder` in the database that `text` names; `source` says who named it."""
    name = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]
    url = checked_url(text, source)._replace(password=None)
    return Location(url=url.render_as_string(hide_password=False), schema=f"home_{name}")


def write(folder: Path, location: Location) -> None:
    """Put database.json into `folder`, whole or not at all, also when several processes do so at once."""
    with tempfile.NamedTemporaryFile(dir=folder, prefix=f"{LOCATION_NAME}.", suffix=BESIDE_SUFFIX, delete=False) as file:
        file.write(msgspec.json.format(msgspec.json.encode(location), indent=2) + b"\n")
        durable.sync(file)
    access.as_any_file(Path(file.name))
    durable.put(Path(file.name), folder / LOCATION_NAME)


def is_beside(name: str) -> bool:
    """Return whether a file of this name is a database.json that was never put in place: its writer was stopped there."""
    return name.startswith(f"{LOCATION_NAME}.") and name.endswith(BESIDE_SUFFIX)


def url_to_connect(location: Location) -> sa.URL:
    """The address of the database, with the password of RATEWRIGHT_DATABASE where that names the same user, host and database."""
    url = sa.make_url(location.url).set(drivername="postgresql+psycopg")
    text = os.environ.get(VARIABLE)
    if not text:
        return url
    named = checked_url(text, VARIABLE)
    same = all(getattr(named, part) == getattr(url, part) for part in ("username", "host", "port", "database"))
    return url.set(password=named.password) if same and named.password else url


def checked_url(text: str, source: str) -> sa.URL:
    """A PostgreSQL address, or an error that says what is wrong with it and shows no password."""
    try:
        url = sa.make_url(text)
    except sa.exc.ArgumentError as error:
        raise UserError(f"{source} is not an address of a database", "write postgresql://user@host:port/database", exit_status=2) from error
    if url.get_backend_name() != "postgresql":
        raise UserError(
            f"{source} names a database of kind {url.get_backend_name()}; only postgresql is known",
            "write postgresql://user@host:port/database",
            exit_status=2,
        )
    return url.set(drivername="postgresql")
