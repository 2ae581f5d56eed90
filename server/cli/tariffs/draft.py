"""`ratewright tariffs draft`: put a catalogue into the home folder, where another person can review it."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 -- cyclopts reads the annotations when the command runs
from typing import Annotated

from cyclopts import Parameter

from server.cli.homes import DEFAULT_HOME, AsJson, HomeFolder, Practice, made


def draft(
    path: Annotated[Path, Parameter(name="PATH")],
    /,
    *,
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
    practice: Practice = False,
) -> int:
    """Check a catalogue and keep it as the draft of its version, for review by another person. Nothing is priced with it yet.

    Saved again with other content it is a new draft, which needs a review of its own.

    Parameters
    ----------
    path
        File or folder of the catalogue.
    home
        Home folder; made when it does not exist.
    as_json
        Print JSON.
    practice
        Make a practice home, where there is none.

    """
    from tariffs.reading.load import load

    catalogue = load(path)

    from server.actions.tariffs import versions
    from server.cli import output
    from server.cli.tariffs.common import act_of, line, summary

    with made(home, practice=practice) as opened:
        saved = versions.draft(opened, catalogue, act_of(opened), str(path))
    if as_json:
        output.print_json({**summary(catalogue), "author": saved.author._asdict(), "commit_seq": saved.commit_seq, "added": saved.added})
        return 0
    print(f"{line(catalogue)}: {f'drafted by {saved.author.name}' if saved.added else 'is the draft already, nothing to do'}")
    print(f"  next: another person runs `ratewright tariffs review {saved.name}`")
    return 0
