"""Options of `serve` and `config show`, and what they come to with environment, file and defaults."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import Parameter

from server.configuration import table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from server.configuration.reading import Configuration, Mistake
    from server.grpc.operator_limits import OperatorLimits
    from server.grpc.tls import Tls

_TABLE: Final = "serve."


def _help(key: str) -> str:
    setting = table.BY_KEY[key]
    default = ", ".join(setting.default) if isinstance(setting.default, tuple) else setting.default
    return setting.about if default is None or isinstance(default, bool) else f"{setting.about} Default: {default}."


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ServeOptions:
    """Options; None where the command line has none."""

    config: Annotated[Path | None, Parameter(help="TOML file, else that of RATEWRIGHT_CONFIG; options and environment go before it.")] = (
        None
    )
    home: Annotated[Path | None, Parameter(help=_help("home"))] = None
    address: Annotated[str | None, Parameter(help=_help("serve.address"))] = None
    port_file: Annotated[Path | None, Parameter(help=_help("serve.port_file"))] = None
    source: Annotated[list[str] | None, Parameter(negative="", help=_help("serve.source"))] = None
    tls_cert: Annotated[Path | None, Parameter(help=_help("serve.tls_cert"))] = None
    tls_key: Annotated[Path | None, Parameter(help=_help("serve.tls_key"))] = None
    certified_address: Annotated[str | None, Parameter(help=_help("serve.certified_address"))] = None
    client_ca: Annotated[Path | None, Parameter(help=_help("serve.client_ca"))] = None
    insecure_local: Annotated[bool | None, Parameter(negative="", help=_help("serve.insecure_local"))] = None
    reflection: Annotated[bool | None, Parameter(negative="", help=_help("serve.reflection"))] = None
    metrics_address: Annotated[str | None, Parameter(help=_help("serve.metrics_address"))] = None
    log_format: Annotated[str | None, Parameter(help=_help("serve.log_format"))] = None

    def by_key(self) -> dict[str, object]:
        """Values by the keys of the table."""
        own = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "config"}
        return {name if name == table.HOME else _TABLE + name: value for name, value in own.items()}


def settled(options: ServeOptions, environment: Mapping[str, str] = os.environ) -> Configuration:
    """The configuration, without a mistake. Raises UserError, or ProblemsError with all mistakes."""
    from server.configuration import checking, reading

    named = environment.get(reading.FILE_VARIABLE)
    file = options.config or (Path(named) if named else None)
    found = reading.read(file, options.by_key(), environment)
    reading.raise_mistakes([*found.mistakes, *checking.mistakes(found), *_mistakes_of_files(found)])
    return found


def path(found: Configuration, key: str) -> Path | None:
    """The path of a setting; None where it has none."""
    value = found.value(key)
    return None if value is None else Path(value)


def tls_of(found: Configuration) -> Tls | None:
    """Certificate and key of the service; None without TLS."""
    from server.grpc.tls import Tls

    certificate, key = path(found, "serve.tls_cert"), path(found, "serve.tls_key")
    return None if certificate is None or key is None else Tls(certificate, key)


def limits_of(found: Configuration) -> OperatorLimits:
    """Limits of operators."""
    from server.grpc.operator_limits import Limit, OperatorLimits

    limit = Limit(**{name: found.value(f"{table.LIMITS}.{name}") for name in Limit._fields})
    of_all: dict[str, Any] = limit._asdict()
    own = {name: Limit(**of_all | {key: each.value for key, each in of.items()}) for name, of in found.of_operators.items()}
    return OperatorLimits(limit, own)


def authorities_of(found: Configuration) -> Path:
    """The file with the authorities of clients' certificates."""
    from server.access import certificates, key_files

    return path(found, "serve.client_ca") or Path(found.value(table.HOME)) / key_files.FOLDER / certificates.CA_FILE


def _mistakes_of_files(found: Configuration) -> list[Mistake]:
    """Mistakes of TLS files, sources and the authority of clients."""
    from rating.errors import UserError

    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # gRPC's own log would say in ten lines what we say in one; read at its import
    mistakes = []
    for key, check in (("serve.tls_cert", _check_tls), ("serve.certified_address", _check_authorities), ("serve.source", _check_sources)):
        try:
            check(found)
        except UserError as error:
            mistakes.append(found.mistake_at(key, error))
    return mistakes


def _check_tls(found: Configuration) -> None:
    if found.value("serve.tls_cert") is None or found.value("serve.tls_key") is None:
        return
    from server import clock
    from server.grpc import tls

    files = tls_of(found)
    assert files is not None
    tls.check(files, clock.machine_now_us())


def _check_authorities(found: Configuration) -> None:
    if found.value("serve.certified_address") is None:
        return
    from rating.errors import UserError

    file = authorities_of(found)
    if not file.is_file():
        raise UserError(
            f"{file} does not exist", "make an authority with `ratewright certs init`, or name one with --client-ca", exit_status=2
        )


def _check_sources(found: Configuration) -> None:
    if found.value("serve.source") == table.BY_KEY["serve.source"].default:
        return
    from server.grpc.usage import storing_sink

    storing_sink.stream_sources(found.value("serve.source"))
