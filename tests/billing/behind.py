"""What tests do to a home behind the program's back, on either database: change a row without constraints, copy the folder."""

from __future__ import annotations

import contextlib
import re
import shutil
import sqlite3
from typing import TYPE_CHECKING

from billing.store import copying, location
from billing.store.home import Home

if TYPE_CHECKING:
    from pathlib import Path

_BLOB = re.compile(r"\bx'([0-9a-f]*)'")
_ZEROS = re.compile(r"\bzeroblob\((\d+)\)")


def change(home: Home, statement: str) -> int:
    """Change the database without its constraints, in SQLite's words; how many rows were changed."""
    if home.engine.dialect.name == "sqlite":
        with contextlib.closing(sqlite3.connect(home.path / location.DATABASE_NAME)) as connection, connection:
            return connection.execute(statement).rowcount
    words = _BLOB.sub(r"'\\x\1'", statement)
    words = _ZEROS.sub(lambda found: f"'\\x{'00' * int(found[1])}'", words)
    words = words.replace("CAST(document AS TEXT)", "convert_from(document, 'UTF8')")
    words = re.sub(r"CAST\((replace\(.*?\)) AS BLOB\)", r"convert_to(\1, 'UTF8')", words)
    with home.engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.rollback()  # whatever was begun for reading
        driver.execute("SET TRANSACTION READ WRITE")
        driver.execute("SET session_replication_role = replica")
        changed = driver.execute(words).rowcount
        driver.commit()
        connection.invalidate()  # with the setting
    assert isinstance(changed, int)
    return changed


def copy_home(folder: Path, to: Path) -> Path:
    """A home like the one at `folder`, which must be closed; with all that lies in it, also what does not count."""
    place = location.of_home(folder)
    if place is None:
        shutil.copytree(folder, to)
        return to
    with Home.open(folder) as home:
        copying.copy(home, to, place.url)
    kept = {location.LOCATION_NAME}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name not in kept:
            (to / path.relative_to(folder)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, to / path.relative_to(folder))
    return to
