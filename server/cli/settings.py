"""`ratewright settings list|set`: what an operator may set, and who set it when."""

from __future__ import annotations

from typing import Annotated

import cyclopts
from cyclopts import Parameter

from server.cli.homes import DEFAULT_HOME, AsJson, HomeFolder

app = cyclopts.App(name="settings", help="What an operator may set: approval, limits, order of allocation.")


@app.command(name="list")
def list_(*, home: HomeFolder = DEFAULT_HOME, as_json: AsJson = False) -> int:
    """List every setting with its value and who set it."""
    from billing.store import settings
    from billing.store.home import Home
    from server.cli import output

    with Home.open(home) as opened, opened.connect() as connection:
        newest = {each.name: each for each in settings.changes(connection)}
    rows = [
        (name, newest[name].value if name in newest else known.default, newest[name].by_name if name in newest else "default", known.about)
        for name, known in settings.SETTINGS.items()
    ]
    if as_json:
        output.print_json([{"name": name, "value": value, "set_by": by, "about": about} for name, value, by, about in rows])
        return 0
    output.print_table(("setting", "value", "set by", "what it is"), rows)
    return 0


@app.command(name="set")
def set_(
    name: Annotated[str, Parameter(help="A setting, as `settings list` shows it.")],
    value: Annotated[str, Parameter(help="Its new value.")],
    *,
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """Set a value. It holds for everything that begins after it."""
    from billing.store import settings
    from billing.store.home import Home
    from server import clock, operator
    from server.cli import output

    who = operator.current()
    with Home.open(home) as opened:
        changed = settings.put(opened, name, value, who.name, who.uid, clock.now_us(opened))
    if as_json:
        output.print_json({"name": name, "value": value, "changed": changed})
    else:
        print(f"{name} is {value}" + ("" if changed else " already; nothing changed"))
    return 0
