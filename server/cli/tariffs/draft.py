"""`ratewright tariffs draft`: put a catalogue into the home folder, where another person can review it."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 -- cyclopts reads the annotations when the command runs
from typing import Annotated

from cyclopts import Parameter

from server.cli import by_service
from server.cli.done import done_at, refuse_served
from server.cli.homes import HERE, AsJson, Place, Practice, made


def draft(
    path: Annotated[Path, Parameter(name="PATH")],
    /,
    *,
    at: Place = HERE,
    as_json: AsJson = False,
    practice: Practice = False,
) -> int:
    """Check a catalogue and keep it as the draft of its version, for review by another person. Nothing is priced with it yet.

    The home folder is made when it does not exist. With --server the files are sent, at most 200 and 8 MiB.
    Saved again with other content it is a new draft, which needs a review of its own.

    Parameters
    ----------
    path
        File or folder of the catalogue.
    at
        Home folder, or the service.
    as_json
        Print JSON.
    practice
        Make a practice home, where there is none.

    """
    if practice:
        refuse_served(at.server, "--practice", "make the practice home where it is to be")

    from tariffs.reading.load import load_located

    located = load_located(path)

    from server.actions.tariffs import versions
    from server.actions.tariffs.figures import summary
    from server.cli import output
    from server.cli.tariffs.common import act_of, line

    _, saved = done_at(
        at,
        lambda home: versions.drafted(versions.draft(home, located.catalogue, act_of(home), str(path))),
        lambda service: service.tariffs.draft(located),
        opening=lambda: made(at.home, practice=practice),
    )
    found = saved.figures
    if as_json:
        output.print_json({**summary(found), "author": saved.author._asdict(), "commit_seq": saved.commit_seq, "added": saved.added})
        return 0
    print(f"{line(found)}: {f'drafted by {saved.author.name}' if saved.added else 'is the draft already, nothing to do'}")
    review = by_service.for_another(f"ratewright tariffs review {found.identity}@{found.version}", at)
    print(f"  next: another person runs `{review}`")
    return 0
