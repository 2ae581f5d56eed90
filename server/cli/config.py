"""`ratewright config show`: the configuration of the service, and the origin of each value."""

from __future__ import annotations

import cyclopts

from server.cli import serve_options
from server.cli.homes import AsJson  # noqa: TC001 -- cyclopts reads the annotations when the command runs
from server.cli.serve_options import ServeOptions
from server.configuration import table

app = cyclopts.App(name="config", help="The configuration of the service.")


@app.command
def show(*, options: ServeOptions = ServeOptions(), as_json: AsJson = False) -> int:
    """Show each value of the service and where it comes from, or every mistake.

    The command line goes before the environment, that before the file, and the file before defaults. `serve` with the same words
    has these values. Key files are named, and what they hold is not shown.
    """
    from server.cli import output

    found = serve_options.settled(options)
    values = list(found.found.items())
    for operator, own in sorted(found.of_operators.items()):
        values += [(f"{table.OPERATORS}.{operator}.{name}", each) for name, each in own.items()]
    if as_json:
        output.print_json(
            [{"key": key, "value": each.value, "from": each.place.where, "at": each.place.at, **_places(key)} for key, each in values]
        )
    else:
        output.print_table(("key", "value", "from"), [(key, _text(each.value), each.place) for key, each in values])
    return 0


def _places(key: str) -> dict[str, str]:
    setting = table.BY_KEY.get(key)
    return {} if setting is None else {"option": setting.option, "variable": setting.variable}


def _text(value: table.Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(value) if isinstance(value, tuple) else "" if value is None else str(value)
