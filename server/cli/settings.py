"""`ratewright settings list|set|agree`: what an operator may set, and who set it when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import cyclopts
from cyclopts import Parameter

from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place

if TYPE_CHECKING:
    from billing.setting_changes import Changed
    from billing.store.home import Home
    from server.cli.remote.service import Service

app = cyclopts.App(name="settings", help="Settings of the operator: approval, limits, order of allocation.")


@app.command(name="list")
def list_(*, at: Place = HERE, as_json: AsJson = False) -> int:
    """List every setting with its value, who set it and who agreed to that, and what waits for another person to agree."""
    from billing.store.settings import ACCESS
    from server.actions import settings
    from server.cli import by_service, output

    _, found = done_at(at, settings.list_all, lambda service: service.settings.list_all())
    if as_json:
        output.print_json(
            [
                {
                    "name": each.name,
                    "value": each.value,
                    "set_by": each.by_name or "default",
                    "agreed_by": each.agreed_by,
                    "about": each.about,
                    "reason": each.reason,
                    "waits": None
                    if (waits := each.waits) is None
                    else {"value": waits.value, "asked_by": waits.by_name, "reason": waits.reason, "proposal": waits.proposal},
                }
                for each in found
            ]
        )
        return 0
    rows = [(each.name, each.value, each.by_name or "default", each.agreed_by, each.about) for each in found]
    output.print_table(("setting", "value", "set by", "agreed to by", "what it is"), rows)
    asked = [(each.name, each.waits) for each in found if each.waits is not None]
    option = by_service.option(next(each.value for each in found if each.name == ACCESS), at)
    for name, waits in sorted(asked, key=lambda each: each[1].proposal):
        command = f"ratewright settings agree {name}{option}"
        print(f"{name} = {waits.value} waits, asked for by {waits.by_name}: {waits.reason}; another person: {command}")
    return 0


@app.command(name="set")
def set_(
    name: Annotated[str, Parameter(help="A setting, as `settings list` shows it.")],
    value: Annotated[str, Parameter(help="Its new value.")],
    *,
    reason: Annotated[str, Parameter(help="The reason; needed for a value that loosens a guard, and for clock_ahead_through.")] = "",
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Set a value. It applies to everything that begins after it. A value that loosens a guard applies once another person agrees."""
    from billing import setting_changes
    from server.cli import by_service, output
    from server.cli.ledger.common import who

    wanted = setting_changes.Wanted(name, value, reason)

    def here(home: Home) -> tuple[Changed, str]:
        done = setting_changes.change(home, wanted, who(home))
        return done, by_service.option_here(home, at)

    def there(service: Service) -> tuple[Changed, str]:
        done = service.settings.change(name, value, reason)
        return done, "" if done.after.waits is None else by_service.option_there(service, at)

    _, (done, option) = done_at(at, here, there)
    held, waits = done.after.value, done.after.waits
    if as_json:
        output.print_json({"name": name, "value": held, "changed": done.changed, "waits": None if waits is None else waits.value})
    elif held != value:
        print(f"{name} stays {held}: {value} waits for another person to agree{'' if done.changed else ' already; nothing changed'}")
        print(f"another person: ratewright settings agree {name}{option}")
    else:
        print(f"{name} is {value}" + ("" if done.changed else " already; nothing changed"))
    return 0


@app.command
def agree(
    name: Annotated[str, Parameter(help="A setting for which another person proposed a value.")],
    *,
    note: Annotated[str, Parameter(help="A note; it is kept with your name.")] = "",
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Agree to the value that another person proposed. It applies from now on."""
    from server.actions import settings
    from server.cli import output
    from server.cli.ledger.common import who

    _, now = done_at(at, lambda home: settings.agree(home, name, note, who(home)), lambda service: service.settings.agree(name, note))
    if as_json:
        output.print_json({"name": name, "value": now.value, "asked_by": now.by_name, "agreed_by": now.agreed_by})
    else:
        print(f"{name} is {now.value}")
    return 0
