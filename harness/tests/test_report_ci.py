"""The recipes for CI say only what exists, and gates and exit codes are what a shell sees."""

from __future__ import annotations

import copy
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from part15 import cli
from part15.content import folder
from part15.report import FORMATS
from part15.report.build import to_text
from part15.report.stored import read

PAGE = (Path(__file__).parents[1] / "docs" / "ci.md").read_text(encoding="utf-8")
SAMPLE = folder("reports") / "samples" / "report.json"
LINES = sorted(set(re.findall(r"part15 (?:run|report|statement) [^\n`'\"]*", PAGE)))


@pytest.mark.parametrize("line", LINES)
def test_recipes_use_what_exists(line):
    words = shlex.split(re.split(r" >> | 2> ", line)[0], comments=True)[1:]
    command = cli.cli.get_command(None, words[0])
    sub = getattr(command, "commands", {}).get(words[1]) if len(words) > 1 else None
    if words[0] in {"report", "statement"}:
        sub = sub or command.commands["run"]
    known = {o for p in (sub or command).params for o in (*p.opts, *p.secondary_opts)}
    used = [w for w in words if w.startswith("-")]
    assert set(used) <= known
    if "--format" in words:
        assert words[words.index("--format") + 1] in FORMATS


@pytest.mark.parametrize("text", re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))
def test_yaml_recipes_are_yaml(text):
    assert YAML(typ="safe").load(text)


def part15(*args):
    done = subprocess.run(
        [sys.executable, "-m", "part15", *map(str, args)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout, done.stderr


def test_exit_codes_of_report_in_a_shell(tmp_path):
    document = read(SAMPLE)
    other = copy.deepcopy(document)
    row = next(r for r in other["results"] if r["verdict"] == "pass")
    row["verdict"] = "fail"
    (tmp_path / "worse.json").write_text(to_text(other))
    assert part15("report", "diff", SAMPLE, SAMPLE)[0] == 0
    assert part15("report", "diff", SAMPLE, tmp_path / "worse.json")[0] == 1
    row["verdict"] = "inconclusive"
    (tmp_path / "less.json").write_text(to_text(other))
    assert part15("report", "diff", SAMPLE, tmp_path / "less.json")[0] == 6
    code, out, err = part15("report", "verify", tmp_path)
    assert (code, out) == (4, "")
    assert "has no SHA256SUMS" in err
    code, out, err = part15("report", tmp_path, "--format", "html")
    assert (code, out) == (4, "")
    assert "give the folder that 'part15 run' wrote" in err
    assert "Traceback" not in err


def test_formats_go_to_stdout_as_they_are():
    code, out, err = part15("report", SAMPLE, "--format", "json")
    assert (code, err) == (0, "")
    assert out == SAMPLE.read_text(encoding="utf-8")
