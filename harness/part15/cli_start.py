"""``part15 init``, ``pki``, ``doctor`` and ``attest``: the first steps with a target, and the questions to people."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import click

from part15.errors import TargetError
from part15.model import Case, Word

STARTER = """# A target file of part15: what your product claims, where it is, what may be done to it.
# Check it with: part15 lint {name}      Look at it with: part15 doctor {name}
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
"""Adapter of My Archive: one verb per call, JSON on stdin and stdout, exit 0 done, 1 refused, 2 cannot."""
import json
import sys

request = json.load(sys.stdin)
if request.get("verb") == "verify":
    accepted = False  # ask your product about request["input"]
    json.dump({"accepted": accepted}, sys.stdout)
    sys.exit(0 if accepted else 1)
json.dump({"error": f"cannot {request.get('verb')}"}, sys.stdout)
sys.exit(2)
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
def init_command(folder: Path, peer: str | None) -> int:
    """Write a starter target file and adapter into FOLDER."""
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


def open_questions(cases: list[Case]) -> Iterator[Case]:
    """Yield one case per clause that waits for a person."""
    asked: set[str] = set()
    for case in cases:
        waits = (
            case.settled is not None
            and case.settled.word is Word.REVIEW
            and case.attestation is None
        )
        if waits and case.clause not in asked:
            asked.add(case.clause)
            yield case


def attestation_table(case: Case, verdict: str, by: str, note: str, day: dt.date) -> str:
    """Return the ``[[attestations]]`` entry as TOML."""

    def quoted(text: str) -> str:
        import json

        return json.dumps(text, ensure_ascii=False)

    return (
        f"\n[[attestations]]\ncase = {quoted(case.clause)}\nverdict = {quoted(verdict)}\n"
        f"by = {quoted(by)}\ndate = {day.isoformat()}\nnote = {quoted(note)}\n"
    )


@click.command()
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--by", help="Who answers.")
def attest_command(target: Path, by: str | None) -> int:
    """Walk through what only a person can know, and write the answers into TARGET."""
    from part15 import load
    from part15.plan import build_plan
    from part15.target_file import load_target

    loaded = load_target(target)
    plan = build_plan(loaded, load.load_profiles(), load.load_roles())
    questions = list(open_questions(list(plan.cases)))
    if not questions:
        click.echo("There is nothing left that only a person can answer.")
        return 0
    person = by or click.prompt("Your name", type=str)
    entries = []
    for number, case in enumerate(questions, start=1):
        click.echo(f"\n{number} of {len(questions)}  {case.clause}  ({case.section}, {case.level})")
        click.echo(f"  {case.text}")
        answer = click.prompt(
            "  holds, violated, or skip",
            type=click.Choice(("holds", "violated", "skip")),
            default="skip",
        )
        if answer == "skip":
            continue
        note = click.prompt("  how do you know (document, test, date)", type=str)
        verdict = "pass" if answer == "holds" else "fail"
        entries.append(
            attestation_table(case, verdict, person, note, dt.datetime.now(dt.UTC).date())
        )
    if entries:
        text = target.read_text(encoding="utf-8").rstrip("\n") + "\n" + "".join(entries)
        target.write_text(text, encoding="utf-8")
    click.echo(f"\n{len(entries)} of {len(questions)} answered; written to {target}")
    return 0
