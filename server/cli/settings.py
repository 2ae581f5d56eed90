"""`ratewright settings list|set|agree`: what an operator may set, and who set it when."""

from __future__ import annotations

from typing import Annotated

import cyclopts
from cyclopts import Parameter

from server.cli.homes import DEFAULT_HOME, AsJson, HomeFolder

app = cyclopts.App(name="settings", help="Settings of the operator: approval, limits, order of allocation.")


@app.command(name="list")
def list_(*, home: HomeFolder = DEFAULT_HOME, as_json: AsJson = False) -> int:
    """List every setting with its value, who set it and who agreed to that, and what waits for another person to agree."""
    from billing.store import approvals, settings
    from billing.store.home import Home
    from server.cli import output

    with Home.open(home) as opened, opened.connect() as connection:
        newest = {each.name: each for each in settings.changes(connection)}
        agreed = approvals.agreed_by(connection)
        waits = {each.subject: each for each in settings.pending(connection)}
    asked = {
        name: {"value": settings.wanted_value(each), "asked_by": each.by_name, "reason": each.reason, "proposal": each.approval_id}
        for name, each in waits.items()
    }
    agreed_by = {name: agreed.get(each.commit_seq, "") for name, each in newest.items()}
    rows = [
        (
            name,
            newest[name].value if name in newest else known.default,
            newest[name].by_name if name in newest else "default",
            agreed_by.get(name, ""),
            known.about,
        )
        for name, known in settings.SETTINGS.items()
    ]
    if as_json:
        reasons = {name: each.reason for name, each in newest.items()}
        output.print_json(
            [
                {
                    "name": name,
                    "value": value,
                    "set_by": by,
                    "agreed_by": second,
                    "about": about,
                    "reason": reasons.get(name, ""),
                    "waits": asked.get(name),
                }
                for name, value, by, second, about in rows
            ]
        )
        return 0
    output.print_table(("setting", "value", "set by", "agreed to by", "what it is"), rows)
    for name, each in asked.items():
        print(f"{name} = {each['value']} waits, asked for by {each['asked_by']}: {each['reason']}; "
              f"another person: ratewright settings agree {name}")  # fmt: skip
    return 0


@app.command(name="set")
def set_(
    name: Annotated[str, Parameter(help="A setting, as `settings list` shows it.")],
    value: Annotated[str, Parameter(help="Its new value.")],
    *,
    reason: Annotated[str, Parameter(help="The reason; needed for a value that loosens a guard, and for clock_ahead_through.")] = "",
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """Set a value. It applies to everything that begins after it. A value that loosens a guard applies once another person agrees."""
    from billing import setting_changes
    from billing.store import settings
    from billing.store.home import Home
    from server import clock, operator
    from server.cli import output

    who = operator.current()
    with Home.open(home) as opened:
        changed = setting_changes.put(opened, name, value, who.name, who.uid, clock.now_us(opened), reason=reason)
        with opened.connect() as connection:
            held = settings.text(connection, name)
            waits = [each for each in settings.pending(connection) if each.subject == name]
    if as_json:
        output.print_json({"name": name, "value": held, "changed": changed, "waits": settings.wanted_value(waits[0]) if waits else None})
    elif held != value:
        print(f"{name} stays {held}: {value} waits for another person to agree{'' if changed else ' already; nothing changed'}\n"
              f"another person: ratewright settings agree {name}")  # fmt: skip
    else:
        print(f"{name} is {value}" + ("" if changed else " already; nothing changed"))
    return 0


@app.command
def agree(
    name: Annotated[str, Parameter(help="A setting for which another person proposed a value.")],
    *,
    note: Annotated[str, Parameter(help="A note; it is kept with your name.")] = "",
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """Agree to the value that another person proposed. It applies from now on."""
    from billing import setting_changes
    from billing.store import approvals
    from billing.store.home import Home
    from rating.errors import UserError
    from server.cli import output
    from server.cli.ledger.common import who

    with Home.open(home) as opened:
        with opened.connect() as connection:
            waits = approvals.waiting(connection, approvals.SETTING, name)
        if waits is None:
            raise UserError(f"no change of {name} waits", "`ratewright settings list` shows what waits", exit_status=2)
        by = who(opened)
        value = setting_changes.agree(opened, approvals.Agreement(waits, by, note))
    if as_json:
        output.print_json({"name": name, "value": value, "asked_by": waits.by_name, "agreed_by": by.by_name})
    else:
        print(f"{name} is {value}")
    return 0
