"""The table of what can be configured: key, kind, default, meaning. Command line, environment, file and docs follow from it."""

from __future__ import annotations

import enum
from typing import Final, NamedTuple

from rating.dates import DAY_S

Value = str | int | bool | tuple[str, ...] | None
HOME: Final = "home"
LIMITS: Final = "limits"
OPERATORS: Final = "limits.operators"  # a table a name, with the keys of `limits`
FORMATS: Final = ("text", "json")
_PREFIX: Final = "RATEWRIGHT_"


class Kind(enum.Enum):
    """Kinds of values, with the words of a mistake."""

    TEXT = "a text"
    PATH = "the path of a file or folder"
    NUMBER = "a whole number"
    FLAG = "true or false"
    NAMES = "a list of texts"


class Setting(NamedTuple):
    """One value. `key` is dotted as in the file; `least` and `most` bound a number, `choices` a text."""

    key: str
    kind: Kind
    default: Value
    about: str
    least: int = 0
    most: int = 2**40
    choices: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The last part of the key."""
        return self.key.rpartition(".")[2]

    @property
    def variable(self) -> str:
        """The variable of the environment."""
        return _PREFIX + self.key.replace(".", "_").upper()

    @property
    def option(self) -> str:
        """The option of the command line; limits have none."""
        return "" if self.key.startswith(f"{LIMITS}.") else f"--{self.name.replace('_', '-')}"


SETTINGS: Final = (
    Setting(HOME, Kind.PATH, "ratewright-home", "Home folder; made when it does not exist."),
    Setting("serve.address", Kind.TEXT, "127.0.0.1:50051", "HOST:PORT to listen on; port 0 takes a free one. Not loopback: needs TLS."),
    Setting("serve.port_file", Kind.PATH, None, "Write the port into this file once calls are answered."),
    Setting("serve.source", Kind.NAMES, ("stream",), "Name, or YAML definition, of a source whose streams and files are taken; several."),
    Setting("serve.tls_cert", Kind.PATH, None, "Certificate with its chain, PEM."),
    Setting("serve.tls_key", Kind.PATH, None, "Its private key, PEM."),
    Setting("serve.certified_address", Kind.TEXT, None, "A second HOST:PORT, whose clients have to show a certificate by the client CA."),
    Setting("serve.client_ca", Kind.PATH, None, "Authorities of clients' certificates, PEM; else that of `ratewright certs init`."),
    Setting("serve.insecure_local", Kind.FLAG, False, "Make no token, and answer nothing but health: to try that a port can be reached."),
    Setting("serve.reflection", Kind.FLAG, False, "Answer which calls there are, for clients such as grpcurl."),
    Setting("serve.metrics_address", Kind.TEXT, None, "HOST:PORT on the loopback interface for Prometheus; port 0 takes a free one."),
    Setting("serve.log_format", Kind.TEXT, "text", "text, or json: one line an event on stderr.", choices=FORMATS),
    Setting("limits.message_bytes", Kind.NUMBER, 8 * 2**20 + 2**16, "Longest message of a call.", least=1_024, most=8 * 2**20 + 2**16),
    Setting("limits.calls_per_second", Kind.NUMBER, 500, "Calls of an operator; 0: without a limit."),
    Setting("limits.rows_per_second", Kind.NUMBER, 1_000_000, "Rows of usage of an operator; 0: without a limit."),
    Setting("limits.bytes_per_second", Kind.NUMBER, 128 * 2**20, "Bytes that an operator sends; 0: without a limit."),
    Setting("limits.streams", Kind.NUMBER, 32, "Streams of an operator that are open at once.", least=1, most=1_000),
    Setting("limits.deadline_required", Kind.FLAG, False, "Single calls need a deadline; streams do not."),
    Setting(
        "limits.deadline_max_s", Kind.NUMBER, 600, "Longest deadline of a single call; one without is ended then.", least=1, most=DAY_S
    ),
)
BY_KEY: Final = {each.key: each for each in SETTINGS}
BY_VARIABLE: Final = {each.variable: each for each in SETTINGS}
