"""The place of a command: a home folder (--home, RATEWRIGHT_HOME, ./ratewright-home), or the service in front of one (--server)."""

from __future__ import annotations

import dataclasses
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
_NamedHome = Annotated[
    Path | None, Parameter(name="--home", env_var="RATEWRIGHT_HOME", help="Home folder; ./ratewright-home without --server.")
]
_ServerAddress = Annotated[
    str | None,
    Parameter(name="--server", env_var="RATEWRIGHT_SERVER", help="Address of a service that does it, such as billing.example:50051."),
]
_TokenFile = Annotated[
    Path | None, Parameter(name="--token-file", env_var="RATEWRIGHT_TOKEN_FILE", help="With --server: file of your token.")
]
_Authority = Annotated[
    Path | None, Parameter(name="--ca", env_var="RATEWRIGHT_CA", help="With --server: certificate of its authority (ca.pem); else no TLS.")
]

_Why = Annotated[
    str,
    Parameter(
        name="--why",
        env_var="RATEWRIGHT_WHY",
        help="With --server: the reason why you look, for the audit trail; support sees whole numbers with it.",
    ),
]


@Parameter(name="*")
@dataclasses.dataclass(frozen=True)
class Place:
    """The place of a command that can also be done by a service. `server` None: in the home folder, by this process."""

    named: _NamedHome = None
    server: _ServerAddress = None
    token_file: _TokenFile = None
    ca: _Authority = None
    why: _Why = ""

    @property
    def home(self) -> Path:
        """The home folder of a command that works in one."""
        return DEFAULT_HOME if self.named is None else self.named

    @property
    def place(self) -> Place:
        """Itself."""
        return self


@Parameter(name="*")
@dataclasses.dataclass(frozen=True)
class ServicePlace:
    """The service that does a command which needs no home. `server` None: this process does it."""

    server: _ServerAddress = None
    token_file: _TokenFile = None
    ca: _Authority = None
    why: _Why = ""

    @property
    def place(self) -> Place:
        """The same as the place of a command."""
        return Place(None, self.server, self.token_file, self.ca, self.why)


HERE: Final = Place()
BY_ITSELF: Final = ServicePlace()


def made(folder: Path, *, practice: bool) -> Home:
    """The home at `folder`, made where there is none. Raises UserError where `practice` is asked for and it is an ordinary one."""
    from billing.store import home
    from server import clock

    if not practice and not home.is_home(folder):  # nothing is made that would refuse its first command
        clock.require_ordinary(f"{folder} would be an ordinary home folder")
    return home.Home.open(folder, create=True, practice=practice)
