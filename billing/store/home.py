"""The home folder: one database and the files it vouches for.

    ratewright.db      SQLite in WAL mode; `tables.metadata` at the schema `migrations` leads to
    database.json      or, in its place: the PostgreSQL database and the schema in it that hold the same tables (see `location`)
    usage/journal/     Arrow segments that intake appends to
    usage/sealed/      Parquet files that sealing makes of them
    charges/           Parquet files of the runs
    spool/             files while they are sent to a service: each is gone when its call ends

The files that count are listed in a table of the database, so files that a crash leaves behind are garbage and are never read. A write is
one transaction of `begin()`: it takes the home's write lock at its start, and a commit is on disk when it returns. `connect()`
is one unchanging view for reading; writing through it is a mistake and fails.

Refuses, each time with a remedy: a folder that is not a home, one that cannot be written, a locked or damaged database, and a
schema newer than this program.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import sqlalchemy as sa

from billing import acting
from billing.store import access, clock, commit_chain, database, location, requests, schema, settings, tables, user_namespace
from billing.store.clock import PRACTICE
from billing.store.location import DATABASE_NAME, LOCATION_NAME
from billing.store.migrations import long_step
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

HASH_KEY_BYTES: Final = 16
HASH_KEY_VARIABLE: Final = "RATEWRIGHT_HASH_KEY"  # of a new home that is to be compared with others, in hexadecimal digits
PAGE_TOKEN_KEY_BYTES: Final = 32
SPOOL: Final = "spool"
BUSY_TIMEOUT_MS: Final = 10_000  # how long a command waits for another's write to end

# Kinds of commits that commands make where persons act by the service alone: usage, bill runs, operators and their keys, and settings, of
# which those that loosen a guard wait for another person.
OF_THE_MACHINE: Final = user_namespace.UNSIGNED | {"run", "invoice", "operator", "setting"}

_PAGE_TOKEN_KEY: Final = "page_token_key"  # noqa: S105 -- the name of a setting
_FOLDERS: Final = ("usage/journal", "usage/sealed", "usage/index", "charges")
_OWN_NAMES: Final = frozenset({"usage", "charges", LOCATION_NAME, *(DATABASE_NAME + ending for ending in ("", "-wal", "-shm", "-journal"))})


class Home:
    """An open home folder. Use `Home.open`; one instance serves many threads."""

    def __init__(  # noqa: PLR0913 -- what is known of a home
        self,
        path: Path,
        engine: sa.Engine,
        *,
        installation_id: str,
        hash_key: bytes,
        uid_maps: tuple[str, str] = ("", ""),
        is_practice: bool = False,
    ) -> None:
        self.path = path
        self.engine = engine
        self.installation_id = installation_id
        self.hash_key = hash_key  # keys the hash that makes event keys
        self._uid_maps = uid_maps  # of the user namespace in which it was made, and of this process
        self.is_practice = is_practice  # for ever: its clock may be moved, and its documents say so
        is_sqlite = engine.dialect.name == "sqlite"
        self._changes = database.Changes(path / DATABASE_NAME, BUSY_TIMEOUT_MS) if is_sqlite else None
        self._latest_us = 0  # the latest time of a commit: when this was opened, and of its own since

    @classmethod
    def open(  # noqa: PLR0913 -- each has its default
        cls,
        path: Path | str,
        *,
        create: bool = False,
        practice: bool = False,
        hash_key: bytes | None = None,
        busy_timeout_ms: int | None = None,
        uid_map: str | None = None,
    ) -> Self:
        """Open the home at `path`; with `create`, make one where nothing is. With `practice` it is a practice home, new or not.

        `hash_key` (16 bytes) is kept when the home is made and ignored afterwards: event keys must not change. A new home has a random one,
        unless RATEWRIGHT_HASH_KEY names it. Events of one instant go by their keys, so homes that are compared have the same.
        `busy_timeout_ms` is how long a write waits for others, BUSY_TIMEOUT_MS if not given. `uid_map`: of the user namespace of the
        process that opens it, of this process if not given.
        """
        folder = Path(path)
        _check_folder(folder, create=create)
        place = _location(folder)
        engine = engine_of(folder, place, BUSY_TIMEOUT_MS if busy_timeout_ms is None else busy_timeout_ms)
        try:
            schema.bring_up_to_date(engine, folder, place.schema if place else None)
            own_map = user_namespace.of_process() if uid_map is None else uid_map
            stored = _settings(engine, hash_key, own_map, practice=practice)
            long_step.refuse_begun(stored.get(long_step.SETTING), folder)
            if practice:
                _require_practice(folder, stored)
            opened = cls(
                folder,
                engine,
                installation_id=stored["installation_id"],
                hash_key=bytes.fromhex(stored["hash_key"]),
                uid_maps=(_made_under(engine, folder, own_map), own_map),
                is_practice=PRACTICE in stored,
            )
            with opened.connect() as connection:
                last = clock.latest(connection)
        except BaseException:
            engine.dispose()
            raise
        opened._latest_us = 0 if last is None else last.at_us
        return opened

    def page_token_key(self) -> bytes:
        """The key that signs page tokens: random, made when it is asked for first, and nothing else's."""
        with self.connect() as connection:
            stored = _stored_settings(connection).get(_PAGE_TOKEN_KEY)
        if stored is None:
            with self.begin() as connection:
                stored = _stored_settings(connection).get(_PAGE_TOKEN_KEY)  # somebody else may have been faster
                if stored is None:
                    stored = secrets.token_hex(PAGE_TOKEN_KEY_BYTES)
                    connection.execute(tables.settings.insert(), [{"name": _PAGE_TOKEN_KEY, "value": stored}])
        return bytes.fromhex(stored)

    def close(self) -> None:
        """Give back every connection. The last one to go folds the write-ahead log into the database."""
        if self._changes is not None:
            self._changes.close()
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def latest_us(self) -> int:
        """The latest time of a commit, as of the opening or of its own since; microseconds UTC, 0 for none."""
        return self._latest_us

    @property
    def journal_folder(self) -> Path:
        """Folder to which intake appends."""
        return self.path / "usage" / "journal"

    @property
    def sealed_folder(self) -> Path:
        """Folder of sealed usage."""
        return self.path / "usage" / "sealed"

    @property
    def charges_folder(self) -> Path:
        """Folder of charges that runs write."""
        return self.path / "charges"

    @contextlib.contextmanager
    def begin(self, *, dry_run: bool = False) -> Iterator[sa.Connection]:
        """One write transaction: committed and on disk at the end of the block, undone when the block raises.

        `dry_run`: undone at the end as well, so that everything is done and every refusal is met, and nothing is stored.
        """
        with self.engine.connect().execution_options(**database.WRITES) as connection, connection.begin() as transaction:
            commit_chain.forget(connection)
            yield connection
            if dry_run:
                transaction.rollback()
            else:
                commit_chain.sign(connection)

    @contextlib.contextmanager
    def connect(self) -> Iterator[sa.Connection]:
        """One view of the database for reading, unchanged while the block lasts."""
        with self.engine.connect() as connection:
            yield connection

    def changes(self) -> int | None:
        """A number that is another one after each commit of anybody: what is read after it holds as long as it stays. None: not known.

        It takes a tenth of a transaction's time. A server has no such number.
        """
        return None if self._changes is None else self._changes.number()

    def next_commit_seq(self, connection: sa.Connection, kind: str, now_us: int) -> int:
        """Take the next number of the one sequence, inside a write transaction. See `tables.commits` for the kinds.

        The actor of this thread (`billing.acting`) is stored with it, and the request of a call that counts once.
        Raises UserError for a clock that was set back, and for what a person signs in another user namespace. In a home where persons act
        by the service alone, it raises one for what they sign in a shell.

        `now_us` is the instant at which the writer read its clock, which may be long ago. It is compared with the latest commits at the
        opening of the home and with those written through it since, not with what others wrote.
        """
        if kind not in user_namespace.UNSIGNED:
            self.require_persons()
        if kind != clock.NOT_HELD:
            self.require_clock(connection, now_us)
        actor = acting.current()
        if actor.via is acting.Via.OS and kind not in OF_THE_MACHINE:
            settings.require_open_to_shells(connection)
        commit_seq = commit_chain.add(connection, kind, now_us, actor)
        if actor.request is not None:
            requests.keep(connection, actor, commit_seq, now_us)
        return commit_seq

    def require_persons(self) -> None:
        """Raises UserError in another user namespace than the home was made in, as a commit would that a person signs."""
        user_namespace.require_same(*self._uid_maps)

    def require_open_to_shells(self) -> None:
        """Raises UserError for a person in a shell where persons act by the service alone, as a commit would that a person signs."""
        if acting.current().via is acting.Via.OS:
            with self.connect() as connection:
                settings.require_open_to_shells(connection)

    def require_clock(self, connection: sa.Connection, now_us: int) -> None:
        """Raises UserError for a clock that was set back, as a commit would."""
        if clock.is_set_back(now_us, self._latest_us):
            clock.require(connection, now_us)  # what we know of may have been undone, or excused since
            self._latest_us = now_us
        self._latest_us = max(self._latest_us, now_us)

    def end_lost_commits(self) -> None:
        """See `database.end_lost_commits`; a server knows at once what was committed. Called when a holder of a lock was killed."""
        if self.engine.dialect.name == "sqlite":
            database.end_lost_commits(self.engine)

    def head_seq(self, connection: sa.Connection) -> int:
        """The last committed number; 0 in a new home."""
        return int(connection.execute(sa.select(sa.func.coalesce(sa.func.max(tables.commits.c.commit_seq), 0))).scalar_one())


def _location(folder: Path) -> location.Location | None:
    """Location of the home's database: for a new home, as the environment says; None for SQLite."""
    place = location.of_home(folder)
    if place is None and not (folder / DATABASE_NAME).exists():
        place = location.of_new_home(folder)
        if place is not None:
            location.write(folder, place)
    return place


def engine_of(
    folder: Path, place: location.Location | None, busy_timeout_ms: int = BUSY_TIMEOUT_MS, *, file_name: str = DATABASE_NAME
) -> sa.Engine:
    """An engine for the database of the home at `folder`, of any schema version.

    `place`: what its database.json says; None for SQLite, whose file is `file_name`.
    """
    if place is None:
        access.make_file(folder / file_name)
        return database.engine(folder / file_name, busy_timeout_ms)
    try:
        from billing.store import postgres  # noqa: PLC0415 -- its driver comes with an extra, and most homes need none
    except ImportError as error:
        raise UserError(
            f"home folder {folder} has its database on PostgreSQL, and the driver for it is not installed",
            "install it: pip install 'ratewright[postgres]'",
        ) from error
    return postgres.engine(location.url_to_connect(place), place.schema, busy_timeout_ms)


def _check_folder(folder: Path, *, create: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file, not a home folder", "name a folder with --home", exit_status=2)
    known = is_home(folder)
    if not known and not create:
        what = "is not a home folder: it holds no ratewright.db" if folder.is_dir() else "does not exist"
        raise UserError(
            f"home folder {folder} {what}",
            "name another with --home or RATEWRIGHT_HOME; `ratewright tariffs publish` makes a new one",
            exit_status=2,
        )
    if known:
        _check_writable(folder)
        access.set_mask(folder)
    else:
        _check_empty(folder)
    _make_folders(folder, is_new=not known)


def _make_folders(folder: Path, *, is_new: bool) -> None:
    try:
        if is_new:
            access.of_new_home(folder)
            access.set_mask(folder)
        for name in _FOLDERS:
            (folder / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise database.not_writable(folder) from error
    _check_writable(folder)


def is_home(folder: Path) -> bool:
    """Return whether a home is there."""
    return (folder / DATABASE_NAME).is_file() or (folder / LOCATION_NAME).is_file()


def check_known(folder: Path) -> None:
    """Refuse a folder that is not a home."""
    _check_folder(folder, create=False)


def check_new_folder(folder: Path, also: Iterable[str] = ()) -> None:
    """Make the folders of a home that is to come. Refuses a home, and a folder with anything else than a home has and `also` names."""
    if any((folder / name).exists() for name in (DATABASE_NAME, LOCATION_NAME)):
        raise UserError(f"{folder} is a home folder already", "name an empty or new folder", exit_status=2)
    _check_empty(folder, also)
    _make_folders(folder, is_new=True)


def _check_empty(folder: Path, also: Iterable[str] = ()) -> None:
    """A home is made only where nothing of anyone else's lies."""
    if not folder.is_dir():
        return
    own = _OWN_NAMES.union(also)
    try:
        foreign = sorted(item.name for item in folder.iterdir() if item.name not in own and not location.is_beside(item.name))
    except OSError as error:
        raise UserError(f"folder {folder} cannot be read: {error.strerror}", "give this user the right to read and write it") from error
    if foreign:
        raise UserError(
            f"{folder} is not a home folder and not empty: it holds {foreign[0]}",
            "name an empty or new folder, or an existing home, with --home",
            exit_status=2,
        )


def _check_writable(folder: Path) -> None:
    file = folder / DATABASE_NAME
    if not os.access(folder, os.W_OK | os.X_OK) or (file.exists() and not os.access(file, os.R_OK | os.W_OK)):
        raise database.not_writable(folder)


def _made_under(engine: sa.Engine, folder: Path, own_map: str) -> str:
    """The map of the user namespace in which a home was made; one of an earlier version keeps one from now on."""
    with engine.connect() as connection:
        stored = _stored_settings(connection).get(user_namespace.NAME)
    if stored is not None:
        return stored
    taken = user_namespace.of_older_home(own_map, is_owner=folder.stat().st_uid == os.getuid())
    if taken is None:
        return user_namespace.MACHINE
    with engine.connect().execution_options(**database.WRITES) as connection, connection.begin():
        stored = _stored_settings(connection).get(user_namespace.NAME)  # somebody else may have been faster
        if stored is None:
            user_namespace.adopt(connection, taken)
    return taken if stored is None else stored


def _require_practice(folder: Path, stored: dict[str, str]) -> None:
    if PRACTICE not in stored:
        raise UserError(
            f"home folder {folder} is an ordinary one: a home is a practice home from its making on, or never",
            "leave out --practice, or name a new folder with --home",
            exit_status=2,
        )


def _settings(engine: sa.Engine, wanted: bytes | None, own_map: str, *, practice: bool) -> dict[str, str]:
    """Installation id, hash key and whether it is for practice; kept at the first opening and read ever after."""
    if wanted is not None and len(wanted) != HASH_KEY_BYTES:
        raise ValueError(f"hash key of {len(wanted)} bytes")
    with engine.connect() as connection:
        stored = _stored_settings(connection)
    if not stored:
        hash_key = wanted or _named_hash_key() or secrets.token_bytes(HASH_KEY_BYTES)
        with engine.connect().execution_options(**database.WRITES) as connection, connection.begin():
            installation_id = hashlib.sha256(b"installation" + hash_key).hexdigest()[:32]
            stored = _stored_settings(connection)  # somebody else may have been faster
            if not stored:
                stored = {"hash_key": hash_key.hex(), "installation_id": installation_id, user_namespace.NAME: own_map}
                stored |= {PRACTICE: "yes"} if practice else {}
                connection.execute(tables.settings.insert(), [{"name": name, "value": value} for name, value in stored.items()])
    return stored


def _named_hash_key() -> bytes | None:
    """The hash key that RATEWRIGHT_HASH_KEY names; None where it names none."""
    text = os.environ.get(HASH_KEY_VARIABLE)
    if not text:
        return None
    if re.fullmatch(f"[0-9a-fA-F]{{{2 * HASH_KEY_BYTES}}}", text) is None:
        raise UserError(
            f"{HASH_KEY_VARIABLE} is not a key of {HASH_KEY_BYTES} bytes",
            f"give {2 * HASH_KEY_BYTES} hexadecimal digits, or none",
            exit_status=2,
        )
    return bytes.fromhex(text)


def _stored_settings(connection: sa.Connection) -> dict[str, str]:
    return {row.name: row.value for row in connection.execute(sa.select(tables.settings))}
