"""The one way in which a command is told its home folder: --home, else RATEWRIGHT_HOME, else ./ratewright-home."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

DEFAULT_HOME: Final = Path("ratewright-home")
HomeFolder = Annotated[Path, Parameter(name="--home", env_var="RATEWRIGHT_HOME", help="Home folder.")]
AsJson = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON.")]
