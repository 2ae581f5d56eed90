"""The home folder of a command: --home, else RATEWRIGHT_HOME, else ./ratewright-home; and the making of one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import Parameter

if TYPE_CHECKING:
    from billing.store.home import Home

DEFAULT_HOME: Final = Path("ratewright-home")
HomeFolder = Annotated[Path, Parameter(name="--home", env_var="RATEWRIGHT_HOME", help="Home folder.")]
AsJson = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON.")]
Overwrite = Annotated[bool, Parameter(name="--overwrite", negative="", help="Replace the file if it exists.")]
Practice = Annotated[
    bool,
    Parameter(
        name="--practice",
        negative="",
        help="Make a practice home. It stays one, each of its documents says so, and RATEWRIGHT_TODAY may set its day.",
    ),
]


def made(folder: Path, *, practice: bool) -> Home:
    """The home at `folder`, made where there is none. Raises UserError where `practice` is asked for and it is an ordinary one."""
    from billing.store import home
    from server import clock

    if not practice and not home.is_home(folder):  # nothing is made that would refuse its first command
        clock.require_ordinary(f"{folder} would be an ordinary home folder")
    return home.Home.open(folder, create=True, practice=practice)
