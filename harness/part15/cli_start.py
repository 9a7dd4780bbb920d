"""``part15 init``, ``pki`` and ``doctor``: the first steps with a target."""

from __future__ import annotations

from pathlib import Path

import click

from part15.errors import TargetError

STARTER = """# A target file of part15: what your product claims, where it is, what may be done to it.
# Check it with: part15 lint {name}      Look at it with: part15 doctor {name}
# adapter = ["./adapter.py"]   # for signing, media and de-identification; see docs/adapter.md

[target]
name = "My Archive"
version = "1.0"
edition = "2023b"            # the edition of PS3.15 that the product claims

[claims]                     # profile = [roles]; 'part15 list profiles' shows what there is
tls-bcp195-rfc8996 = ["tls-server"]

[endpoints.dicom-tls]        # the harness connects here
address = "127.0.0.1:2762"   # [::1]:2762 for IPv6
transport = "tls"
ae_title = "ARCHIVE"
# trust = "pki/ca.pem"       # the CA that issued the server's certificate
# identity = {{ certificate = "pki/client.pem", key = "pki/client.key" }}   # shown by the harness
# setting = "DicomTlsEnabled"  # the setting of the product to name where TLS is off

# [endpoints.dicom-plain]
# address = "127.0.0.1:104"
# transport = "plain"

# What users may see of the product, tried by -p site-query-filtering; see docs/filtering.md
# [users.alice]
# type = 2                   # 1 name, 2 name and passcode, 3 Kerberos, 4 SAML, 5 JWT; or an identity
# name = "alice"
# passcode = "env:ALICE_PASSCODE"   # types 3 to 5: see docs/user-identity.md
# sees = ["ward-a"]
# [studies.ward-a]           # stored by the harness; with uid = "1.2.3" it is there already
# department = "WARD A"

# What the harness may have the product do, by commands of yours
# [actions]
# correct = ["./correct.sh", "{{uid}}", "{{keyword}}", "{{value}}"]   # see docs/correction.md

[declared.tls-bcp195-rfc8996]   # what the Conformance Statement says
# ports = "2762, configurable"
# key_management = "certificates are installed by the service tool"
# abort_provider_reason = "0, reason not specified"

[limits]
impact = "store"             # observe | associate | store | credential | disturb
connections = 4

# [[waivers]]
# case = "B.12-no-null:tls-server"
# reason = "debug listener, removed in 4.3"
# owner = "j.doe"
# expires = 2027-03-31
"""

ADAPTER = '''#!/usr/bin/env python3
"""Adapter of My Archive; the protocol is in docs/adapter.md of part15.

Called with the verb as last argument and one JSON object on stdin; answers with one on stdout.
Exit 0: done or accepted, 1: refused, 2: cannot.
"""
import json
import sys
from pathlib import Path


def verify(ask):
    """Tell whether the product accepts every signature of each file."""
    results = []
    for path in ask["files"]:
        accepted = False  # ask your product about the file at this path
        results.append({"file": path, "accepted": accepted, "reason": "not asked yet"})
    if any(row["accepted"] for row in results):
        return 0, {"results": results}
    return 1, {"results": results, "reason": "no file was accepted"}


def deidentify(ask):
    """Write each file de-identified into the folder that is given as out."""
    written = []
    for path in map(Path, ask["files"]):
        target = Path(ask["out"]) / path.name
        target.write_bytes(path.read_bytes())  # let your product de-identify instead of copying
        written.append(str(target))
    return 0, {"files": written}


VERBS = {"verify": verify, "deidentify": deidentify}  # more: sign, reidentify, write-media, read-media


def main():
    verb, ask = sys.argv[-1], json.load(sys.stdin)
    if verb in VERBS:
        code, answer = VERBS[verb](ask)
    else:
        code, answer = 2, {"reason": f"this product does not {verb}"}
    json.dump(answer, sys.stdout)
    return code


if __name__ == "__main__":
    sys.exit(main())
'''


def write_new(path: Path, text: str, *, executable: bool = False) -> None:
    """Write *text* to *path*, which must not exist.

    Raises TargetError if it does: nothing of a user's is overwritten.
    """
    if path.exists():
        raise TargetError(f"{path} exists already; move it away or choose another folder")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    if executable:
        path.chmod(0o755)


@click.command()
@click.argument("folder", default=".", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--peer",
    "peer",
    help="A ready target and start script for a known peer: dcmtk, orthanc, openssl, gnutls.",
)
@click.option(
    "--sheet",
    is_flag=True,
    help="Write what the partner needs of us (sheet.html, sheet.md): ports, AE titles, CA, certificates.",
)
def init_command(folder: Path, peer: str | None, *, sheet: bool) -> int:
    """Write a starter target file and adapter into FOLDER.

    With --sheet, the sheet for the partner is made from the target.toml in FOLDER; it is written anew
    each time, and holds no private key.
    """
    if sheet:
        return _write_sheet(folder)
    if peer is not None:
        from part15.peers.starting import write_peer

        for path in write_peer(peer, folder):
            click.echo(str(path))
        return 0
    target, adapter = folder / "target.toml", folder / "adapter.py"
    if target.exists() or adapter.exists():
        raise TargetError(
            f"{folder} already holds target.toml or adapter.py; choose another folder"
        )
    write_new(target, STARTER.format(name=target))
    write_new(adapter, ADAPTER, executable=True)
    click.echo(f"{target}\n{adapter}")
    click.echo(f"Edit {target.name}, then: part15 doctor {target} && part15 run {target}", err=True)
    return 0


def _write_sheet(folder: Path) -> int:
    import datetime as dt

    from part15.report import partner
    from part15.sheet import sheet_of
    from part15.target_file import load_target

    path = folder / "target.toml"
    if not path.is_file():
        raise TargetError(f"there is no {path}; write one first: part15 init {folder}")
    made = sheet_of(load_target(path), dt.datetime.now(dt.UTC).date())
    for name, text in (("sheet.html", partner.html(made)), ("sheet.md", partner.markdown(made))):
        (folder / name).write_text(text, encoding="utf-8")
        click.echo(str(folder / name))
    return 0


@click.group()
def pki_command() -> None:
    """Test certificates."""


@pki_command.command("make")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def pki_make(folder: Path) -> int:
    """Make a test CA in FOLDER, with good and deliberately bad certificates. For tests only."""
    from part15.pki import make_pki

    if folder.exists() and any(folder.iterdir()):
        raise TargetError(f"{folder} is not empty; choose another folder")
    make_pki(folder)
    for path in sorted(folder.iterdir()):
        click.echo(str(path))
    click.echo(
        "These keys are for tests. Never install this CA in a product that patients depend on.",
        err=True,
    )
    return 0


@click.command()
@click.argument("target", type=click.Path(path_type=Path))
def doctor_command(target: Path) -> int:
    """Look at a TARGET: can it be reached, is it TLS, which certificate, what to fix."""
    from part15.doctor import examine
    from part15.session import expand_endpoints
    from part15.target_file import load_target

    loaded, notes = expand_endpoints(load_target(target))
    for note in notes:
        click.echo(f"note  {note}")
    sound = True
    for line in examine(loaded):
        click.echo(f"{'ok   ' if line.sound else 'FIX  '} {line.place}: {line.text}")
        sound = sound and line.sound
    return 0 if sound else 3
