"""The database goes away, the disk is full, usage streams in: nothing is half done, and the run after it is as if nothing had been."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from billing.runs import cycle
from billing.store import commit_points, location, schema, tables
from billing.store.home import Home
from rating.errors import UserError
from tests import postgres_server, quick_homes
from tests.billing.runs.world import START_US, Call, World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.postgres_server import Server

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
DATE = dt.date(2025, 11, 1)
NOW_US = START_US + 360 * 86_400_000_000  # 27 December 2025
LATER_US = 4_000_000_000_000_000  # after whatever the clock of this machine says, by which the command line goes
KEPT = ("number", "account_key", "period_from", "period_to", "net_micros", "tax_micros", "total_micros")


def invoices(home: Home) -> list[tuple[Any, ...]]:
    row = tables.invoices
    with home.connect() as connection:
        return [tuple(each) for each in connection.execute(sa.select(*(row.c[name] for name in KEPT)).order_by(row.c.number))]


def three_accounts(folder: Path) -> World:
    """Three customers with some calls in October."""
    made = World(folder)
    for index in (1, 2, 3):
        made.account(f"a0{index}")
        made.subscription(f"s0{index}", f"a0{index}", "shop/plus" if index == 2 else "shop/basic", number(index))
        made.take(*(Call(number(index), f"2025-10-{day:02d} 10:00", 600 * index) for day in range(1, 29)))
    return made


def number(index: int) -> str:
    return f"861380000000{index}"


def expected(folder: Path) -> list[tuple[Any, ...]]:
    """What the same world is billed when nothing happens."""
    with three_accounts(folder).home as home:
        assert cycle.run(home, DATE, NOW_US, threads=2).invoices == 3
        return invoices(home)


@pytest.fixture
def own_server() -> Iterator[Server]:
    with postgres_server.own() as server:
        yield server


def test_the_server_goes_away_in_mid_run(tmp_path: Path, own_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RATEWRIGHT_DATABASE", raising=False)
    calm = expected(tmp_path / "calm")
    monkeypatch.setenv("RATEWRIGHT_DATABASE", own_server.url)
    three_accounts(tmp_path / "home").home.close()
    call = [sys.executable, "-c", STOPPED, tmp_path / "home", str(own_server.folder)]
    done = subprocess.run(call, cwd=ROOT, check=False, capture_output=True, text=True)
    assert (done.returncode, "does not answer" in done.stderr) == (1, True), done.stderr
    with pytest.raises(UserError, match="does not answer") as caught:
        Home.open(tmp_path / "home")
    assert "see that the server runs" in (caught.value.remedy or "")
    own_server.start()
    with Home.open(tmp_path / "home") as home:
        assert invoices(home) == []
        cycle.run(home, DATE, LATER_US, threads=2)
        assert invoices(home) == calm


STOPPED = """
import sys
from pathlib import Path
from billing.store import commit_points
from server.cli.app import main
from tests.postgres_server import Server
import signal

def stop(name):
    if name == "run.charges_written":
        Server(Path(sys.argv[2])).stop(signal.SIGQUIT)

commit_points.reached = stop
sys.exit(main(["bill", "run", "--home", sys.argv[1], "--date", "2025-11-01"]))
"""


def test_a_password_is_never_shown_or_stored(tmp_path: Path, postgresql: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATEWRIGHT_DATABASE", postgresql.url.replace("postgres@", "postgres:hush@"))
    Home.open(tmp_path / "home", create=True).close()
    assert "hush" not in (tmp_path / "home" / location.LOCATION_NAME).read_text()
    place = location.of_home(tmp_path / "home")
    assert place is not None
    assert location.url_to_connect(place).password == "hush"  # noqa: S105 -- no secret
    monkeypatch.setenv("RATEWRIGHT_DATABASE", "postgresql://postgres:hush@/nowhere?host=/nowhere")
    with pytest.raises(UserError, match="does not answer") as caught:
        Home.open(tmp_path / "other", create=True)
    assert "hush" not in str(caught.value.lines())


WRONG_PLACES = [
    ('{"url": "postgresql://nobody@/postgres?host=HOST", "schema": "a"}', "does not let this user in", "PGPASSWORD"),
    ('{"url": "postgresql://postgres@/elsewhere?host=HOST", "schema": "a"}', "is not there", "createdb"),
    ('{"url": "mysql://postgres@/postgres", "schema": "a"}', "only postgresql is known", "postgresql://"),
    ('{"url": "postgresql://postgres@/postgres?host=HOST", "schema": "a b"}', "is not a name of a schema", "lower-case"),
    ('{"url": "postgresql://postgres@/postgres?host=HOST"}', "does not say which database", "schema"),
    ("{", "does not say which database", "schema"),
]


@pytest.mark.parametrize(("content", "told", "remedy"), WRONG_PLACES)
def test_a_wrong_place_is_told(tmp_path: Path, postgresql: Server, content: str, told: str, remedy: str) -> None:
    (tmp_path / location.LOCATION_NAME).write_text(content.replace("HOST", str(postgresql.folder)))
    with pytest.raises(UserError, match=told) as caught:
        Home.open(tmp_path)
    assert remedy in (caught.value.remedy or "")


def test_texts_are_in_order_of_code_points_whatever_the_database_says(
    tmp_path: Path, postgresql: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with postgresql.connect() as connection:
        connection.execute("DROP DATABASE IF EXISTS of_people")
        connection.execute("CREATE DATABASE of_people TEMPLATE template0 LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'")
    monkeypatch.setenv("RATEWRIGHT_DATABASE", postgresql.url.replace("/postgres?", "/of_people?"))
    with Home.open(tmp_path / "home", create=True) as home, home.connect() as connection:
        collations = (
            "SELECT DISTINCT collation_name FROM information_schema.columns WHERE table_schema = current_schema() AND data_type = 'text'"
        )
        assert connection.exec_driver_sql(collations).scalars().all() == ["C"]


def test_a_text_with_a_nul_character_is_told(tmp_path: Path, postgresql: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL takes none, not even to look for it: what people type or send is refused, and is no mistake of ours."""
    monkeypatch.setenv("RATEWRIGHT_DATABASE", postgresql.url)
    with Home.open(tmp_path / "home", create=True) as home, home.connect() as connection:
        query = sa.select(tables.accounts).where(tables.accounts.c.account_id == "anna\0")
        with pytest.raises(UserError, match="a text has a NUL character") as caught:
            connection.execute(query)
    assert (caught.value.exit_status, caught.value.remedy) == (2, "leave the character out")


def test_a_new_home_waits_for_no_table_of_another(tmp_path: Path, postgresql: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """One home is migrated or dropped, its tables locked, while another of the same database is made.

    Joins go in the order in which they are written, which the server chooses by itself once there are many homes.
    """
    monkeypatch.setenv("RATEWRIGHT_DATABASE", f"{postgresql.url}&options=-c%20join_collapse_limit%3D1")
    monkeypatch.setattr(schema, "migrate", quick_homes.real)
    with postgresql.connect() as connection:
        connection.execute("CREATE SCHEMA other CREATE TABLE held (id bigserial PRIMARY KEY)")
        with connection.transaction():
            connection.execute("LOCK TABLE other.held IN ACCESS EXCLUSIVE MODE")
            with Home.open(tmp_path / "home", create=True, busy_timeout_ms=500) as home, home.connect() as reader:
                assert schema.version(reader, tmp_path / "home") == schema.SCHEMA_VERSIONS[-1]
        connection.execute("DROP SCHEMA other CASCADE")


def test_a_full_disk_counts_nothing(tmp_path: Path, both: str) -> None:
    """A file may not grow beyond a limit: the charge files of the run do not fit."""
    assert both
    calm = expected(tmp_path / "calm")
    three_accounts(tmp_path / "home").home.close()
    call = [sys.executable, "-c", LIMITED, tmp_path / "home"]
    done = subprocess.run(call, cwd=ROOT, check=False, capture_output=True, text=True)
    assert (done.returncode, "File too large" in done.stderr) == (1, True), done.stderr
    assert "Traceback" not in done.stderr
    with Home.open(tmp_path / "home") as home:
        assert invoices(home) == []
        with home.connect() as connection:
            assert connection.execute(sa.select(sa.func.count()).select_from(tables.charge_manifest)).scalar_one() == 0
        cycle.run(home, DATE, LATER_US, threads=2)
        assert invoices(home) == calm


# The limit is set where the first charge file is about to be written, so that it is that write which fails.
LIMITED = """
import resource, signal, sys
from billing.store import commit_points
from billing.runs import charge_files
from server.cli.app import main

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

def limit(name):
    if name == "run.started":
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

commit_points.reached = limit
sys.exit(main(["bill", "run", "--home", sys.argv[1], "--date", "2025-11-01"]))
"""


def test_usage_that_streams_in_changes_nothing_in_a_run(tmp_path: Path, both: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls of the month come in while the run computes; it bills what was there when it began."""
    assert both
    calm = expected(tmp_path / "calm")
    world = three_accounts(tmp_path / "home")
    world.now_us = LATER_US - 10**9
    taken: list[int] = []
    real = commit_points.reached

    def and_take(name: str) -> None:
        real(name)
        if name in {"run.started", "run.charges_written"}:
            thread = threading.Thread(target=stream)  # of another process, as it were: on connections of its own
            thread.start()
            thread.join()

    def stream() -> None:
        for minute in range(5):
            world.take(Call(number(1), f"2025-10-30 11:{minute:02d}", 3600, key=f"late {len(taken)}"))
            taken.append(minute)

    with world.home as home:
        monkeypatch.setattr(commit_points, "reached", and_take)
        cycle.run(home, DATE, world.tick(), threads=2)
        monkeypatch.undo()
        world.now_us = LATER_US
        assert len(taken) == 10
        assert invoices(home) == calm
        assert world.bill("2025-12-01").invoices > 0
        corrected = [line for number in world.numbers("a01")[1:] for line in world.lines(number) if line[0].startswith("National calls")]
        assert [line[1:3] for line in corrected] == [("2025-10-01", "2025-11-01")], "the next run bills them, as of their month"
