"""``part15 iscl``: what a site needs to learn how ISCL looks on its wire, and to let any tool speak it."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import click

from part15.errors import Trouble
from part15.wire.iscl_binding import DEFAULT

_BINDING = click.option(
    "--binding",
    default=DEFAULT,
    show_default=True,
    help="A shipped binding, or a YAML file.",
)
_REFERENCE = "NUMBER=env:NAME or NUMBER=file:PATH, 16 hex digits; may be given again."


def _key(value: str) -> tuple[int, int]:
    """Return number and value of one key reference. Raises click.UsageError without the value."""
    from part15.references import secret

    number, equals, reference = value.partition("=")
    if not equals or not number.isdigit():
        raise click.UsageError(f"a key is {_REFERENCE.partition(';')[0]}")
    text = secret(reference).strip().removeprefix("0x")
    try:
        found = int(text, 16)
    except ValueError:
        found = -1
    if len(text) != 16 or found < 0:
        raise click.UsageError(f"{reference} does not hold a DES key of 16 hex digits")
    return int(number), found


@click.group("iscl")
def iscl_command() -> None:
    """Probe recorded ISCL exchanges, run a loopback gateway, describe a wire binding.

    The MEDIS-DC text of ISCL is not public. What we speak rests on a binding, a file that says for
    each fact how it is known; the shipped ones are drafts.
    """


@iscl_command.command("describe")
@_BINDING
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def describe_command(binding: str, as_json: bool) -> int:
    """Say what a binding is: status, why, digest, how many facts are known which way."""
    from part15.wire.iscl_binding import load_binding
    from part15.wire.iscl_replay import described

    found = described(load_binding(binding))
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return 0
    click.echo("\n".join(f"{name}: {value}" for name, value in found.items() if value != ""))
    return 0


@iscl_command.command("probe")
@click.argument("recording", type=click.Path(path_type=Path, dir_okay=False))
@_BINDING
@click.option("--keys", "-k", "both", multiple=True, help=f"A key of both kinds: {_REFERENCE}")
@click.option("--authentication-key", "-a", multiple=True, help=_REFERENCE)
@click.option("--encryption-key", "-e", multiple=True, help=_REFERENCE)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def probe_command(
    recording: Path,
    binding: str,
    both: tuple[str, ...],
    authentication_key: tuple[str, ...],
    encryption_key: tuple[str, ...],
    as_json: bool,
) -> int:
    """Try what is not known about ISCL on RECORDING, an exchange with known test keys.

    RECORDING is JSON: {"steps": [{"dir": "S>C", "bytes": "hex"}, ...]}, perhaps with "keys":
    {"authentication": {"1": "hex"}, "encryption": {...}}. Prints the combinations that verify:
    both responses and every MAC. Exit 0: some do, 1: none does.
    """
    import dataclasses

    from part15.wire.iscl_binding import load_binding
    from part15.wire.iscl_probe import MOST, probe
    from part15.wire.iscl_replay import MAX_RECORDING, recording_from

    try:
        with recording.open("rb") as stream:
            found = recording_from(stream.read(MAX_RECORDING + 1))
    except (OSError, ValueError) as error:
        raise click.UsageError(f"{recording}: {error}") from None
    shared = dict(map(_key, both))
    found = dataclasses.replace(
        found,
        authentication={**found.authentication, **shared, **dict(map(_key, authentication_key))},
        encryption={**found.encryption, **shared, **dict(map(_key, encryption_key))},
    )
    if not found.authentication or not found.encryption:
        raise click.UsageError("give test keys with --keys, or -a and -e; see --help")
    probed = probe(load_binding(binding), found)
    if as_json:
        document = {
            "tried": probed.tried,
            "fitting": [dict(f) for f in probed.fitting],
            "settled": dict(probed.settled),
            "nearest": dataclasses.asdict(probed.nearest),
        }
        click.echo(json.dumps(document, indent=2))
    else:
        click.echo(_told(probed, MOST))
    return 0 if probed.fitting else 1


def _told(probed: Any, most: int) -> str:
    if not probed.fitting:
        near = probed.nearest
        return (
            f"None of {probed.tried} combinations fits. The nearest read {near.frames} messages, "
            f"{near.responses} responses and {near.codes} MACs verified; it stops at: {near.why or 'its end'}"
        )
    lines = [f"{len(probed.fitting)} of {probed.tried} combinations verify all of it.", ""]
    lines += ["Settled by this recording:"]
    lines += [f"  {path}: {value}" for path, value in probed.settled.items()]
    open_paths = sorted({p for f in probed.fitting for p in f} - set(probed.settled))
    if open_paths:
        lines += ["", "Not told apart by it (record a longer exchange):"]
        for path in open_paths:
            values = sorted({str(f[path]) for f in probed.fitting if path in f})
            lines.append(f"  {path}: {' or '.join(values[:most])}")
    lines += ["", "Copy the binding, enter these values with provenance 'third-party' and the"]
    lines += ["recording as ref; 'part15 iscl describe --binding FILE' shows the status then."]
    return "\n".join(lines)


@iscl_command.command("gateway")
@_BINDING
@click.option("--listen", default="127.0.0.1:0", show_default=True, help="Where; loopback only.")
@click.option("--to", "to", required=True, help="HOST:PORT that connections are carried to.")
@click.option(
    "--side",
    type=click.Choice(("client", "server")),
    required=True,
    help="client: plain comes in, ISCL goes out. server: ISCL comes in, plain goes out.",
)
@click.option("--authentication-key", "-a", multiple=True, required=True, help=_REFERENCE)
@click.option("--encryption-key", "-e", multiple=True, required=True, help=_REFERENCE)
@click.option("--privacy", is_flag=True, help="Encipher what we send.")
@click.option("--mac", type=click.Choice(("des_mac", "md5")), default="des_mac", show_default=True)
def gateway_command(
    binding: str,
    listen: str,
    to: str,
    side: Any,
    authentication_key: tuple[str, ...],
    encryption_key: tuple[str, ...],
    privacy: bool,
    mac: str,
) -> int:
    """Carry plain DICOM into ISCL or back, until it is interrupted, so that any tool can speak ISCL."""
    from part15.address import split_address
    from part15.channel.iscl_gateway import Gateway
    from part15.wire.iscl import Engine
    from part15.wire.iscl_binding import load_binding
    from part15.wire.iscl_replay import Recording
    from part15.wire.iscl_types import Settings

    host, colon, port = listen.rpartition(":")
    if not colon or not port.isdigit():
        raise click.UsageError(f"--listen {listen} is no HOST:PORT")
    try:
        split_address(to)
    except ValueError as error:
        raise click.UsageError(f"--to: {error}") from None
    used = load_binding(binding)
    tables = dict(map(_key, authentication_key)), dict(map(_key, encryption_key))
    keys = Recording((), *tables).keys(used)
    settings = Settings(
        privacy=privacy,
        mac=mac,
        authentication_key=min(keys.authentication),
        encryption_key=min(keys.encryption),
    )
    gateway = Gateway(
        to,
        lambda: Engine(used, side, keys, settings),
        side == "client",
        host=host.strip("[]"),
        port=int(port),
    )
    try:
        with gateway:
            click.echo(f"{gateway.here} -> {to} ({used.name}, {side})")
            threading.Event().wait()
    except Trouble as trouble:
        raise click.ClickException(str(trouble)) from None
    except KeyboardInterrupt:
        return 0
    return 0
