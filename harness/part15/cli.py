"""The command line: names, help and exit codes; each command's work is in its own module."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from part15 import __version__
from part15.errors import InputError

USAGE, INTERRUPTED, FAILED = 4, 2, 3

COMMANDS: dict[str, tuple[str, str]] = {
    "run": (
        "part15.cli_run:run_command",
        "Test a target and write a report; without TARGET, the embedded peer.",
    ),
    "inspect": (
        "part15.cli_files:inspect_command",
        "Judge files: signatures, secure media, de-identification, audit.",
    ),
    "compare": (
        "part15.cli_files:compare_command",
        "Compare objects or folders, value- and VR-exact.",
    ),
    "judge": ("part15.cli_run:judge_command", "Judge a stored run again, without the target."),
    "report": ("part15.cli_report:report_command", "Render, verify or compare reports."),
    "statement": (
        "part15.cli_report:statement_command",
        "Draft or check the Security section of a Conformance Statement.",
    ),
    "list": ("part15.cli_know:list_command", "List profiles, clauses, checks or faults."),
    "explain": (
        "part15.cli_know:explain_command",
        "Explain a clause or case: text, level, stimulus, check.",
    ),
    "peer": (
        "part15.cli_run:peer_command",
        "Run the embedded reference peer, right or with faults.",
    ),
    "selftest": (
        "part15.cli_run:selftest_command",
        "Prove that every check can fail: the kill matrix.",
    ),
    "init": ("part15.cli_start:init_command", "Write a starter target file and adapter."),
    "pki": ("part15.cli_start:pki_command", "Make a test CA with good and bad certificates."),
    "lint": ("part15.cli_know:lint_command", "Check your own profile and target files."),
    "schema": (
        "part15.cli_know:schema_command",
        "Print the JSON Schema of target, profile or report.",
    ),
    "doctor": (
        "part15.cli_start:doctor_command",
        "Can I reach it, is it TLS, which certificate, what to fix.",
    ),
    "iscl": (
        "part15.cli_iscl:iscl_command",
        "ISCL: probe a recording, run a loopback gateway, describe a binding.",
    ),
    "attest": ("part15.cli_attest:attest_command", "Answer the questions that only a person can."),
}


def _no_color(_: click.Context, __: click.Parameter, given: bool) -> None:
    if given:
        os.environ["NO_COLOR"] = "1"


def _usual(command: click.Command) -> click.Command:
    """Give *command* and the commands below it the option ``--no-color`` if they lack it (contract §2)."""
    for below in command.commands.values() if isinstance(command, click.Group) else (command,):
        if not any("--no-color" in parameter.opts for parameter in below.params):
            below.params.append(
                click.Option(
                    ["--no-color"],
                    is_flag=True,
                    expose_value=False,
                    callback=_no_color,
                    help="No colours (as NO_COLOR).",
                )
            )
    return command


def _unread() -> int:
    """Let nothing more be written to a closed pipe; returns the exit code."""
    for stream in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
    return FAILED


class Commands(click.Group):
    """A group that imports a command only when it is used, so that help and lists come at once."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; what nobody reads to its end is no success (and not click's code 1)."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            return _unread()

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return the command *cmd_name*, or None if there is none."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name][0].split(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return _usual(command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table of commands without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.command(
    cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(__version__, prog_name="part15")
def cli() -> None:
    """Test a product against DICOM PS3.15 (security profiles), clause by clause.

    Exit codes: 0 every claim established, 1 a shall is violated, 2 interrupted, 3 the harness failed
    or the target was never reached, 4 usage, 5 nothing was executed, 6 a claim is not established.
    """


def say(text: str) -> None:
    """Print one diagnostic to stderr."""
    click.echo(text, err=True)


def main(args: Sequence[str] | None = None) -> Any:
    """Run the command line and exit with the contract's code."""
    try:
        given = list(args) if args is not None else None
        code = cli.main(args=given, prog_name="part15", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        say(error.format_message())
        code = USAGE
    except click.UsageError as error:
        hint = ""
        if error.ctx is not None:
            hint = f"\nTry '{error.ctx.command_path} --help'."
        say(f"part15: {error.format_message()}{hint}")
        code = USAGE
    except InputError as error:
        say(
            "\n".join(
                f"part15: {problem}".replace("part15: : ", "part15: ") for problem in error.problems
            )
        )
        code = USAGE
    except click.ClickException as error:
        say(f"part15: {error.format_message()}")
        code = USAGE
    except (click.Abort, KeyboardInterrupt):
        say("part15: interrupted")
        code = INTERRUPTED
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        code = _unread()
    sys.exit(code if isinstance(code, int) else 0)
