"""The adapter protocol: exit codes, deadlines, floods, and answers that are none."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import pytest

from part15.channel.adapter import Adapter
from part15.cli_start import ADAPTER, init_command
from part15.errors import Trouble
from part15.target_file import load_target


def asked(
    code: str, *, deadline: float = 5.0, verb: str = "verify"
) -> tuple[str, str, dict[str, object]]:
    answer = Adapter((sys.executable, "-c", code)).ask(verb, {"files": ["x"]}, deadline=deadline)
    return answer.outcome, answer.why, dict(answer.values)


@pytest.mark.parametrize(
    ("status", "outcome"), [(0, "done"), (1, "refused"), (2, "cannot"), (3, "crashed")]
)
def test_the_exit_status_is_the_answer(status: int, outcome: str) -> None:
    assert asked(f"raise SystemExit({status})")[0] == outcome


def test_request_and_answer_are_json() -> None:
    code = "import json,sys; r=json.load(sys.stdin); json.dump({'got': r, 'argv': sys.argv[1:]}, sys.stdout)"
    outcome, _, values = asked(code)
    assert outcome == "done"
    assert values == {"got": {"verb": "verify", "files": ["x"]}, "argv": ["verify"]}


def test_a_signal_is_a_crash() -> None:
    assert asked("import os; os.kill(os.getpid(), 9)")[:2] == ("crashed", "it ended with signal 9")


def test_a_missed_deadline_is_late_and_children_end_too() -> None:
    begun = time.monotonic()
    code = (
        "import subprocess,sys; subprocess.run([sys.executable,'-c','import time; time.sleep(60)'])"
    )
    assert asked(code, deadline=0.5)[0] == "late"
    assert time.monotonic() - begun < 5


def test_a_flood_ends() -> None:
    outcome, why, _ = asked("import sys\nwhile True: sys.stdout.write('x' * 65536)", deadline=20)
    assert outcome == "crashed"
    assert "more than" in why


@pytest.mark.parametrize("text", ["nothing", "[1]", "{"])
def test_an_answer_that_is_no_object_is_a_crash(text: str) -> None:
    assert asked(f"print({text!r})")[0] == "crashed"


def test_large_requests_arrive_even_if_unread() -> None:
    adapter = Adapter((sys.executable, "-c", "print('{}')"))
    assert adapter.ask("sign", {"files": ["x" * 1_000_000]}, deadline=5).outcome == "done"


def test_what_cannot_start_is_trouble(tmp_path: Path) -> None:
    with pytest.raises(Trouble, match="cannot be started"):
        Adapter((str(tmp_path / "none"),)).ask("sign", {}, deadline=1)
    with pytest.raises(Trouble, match="no verb"):
        Adapter((sys.executable,)).ask("dance", {}, deadline=1)


def test_the_example_of_the_page_works(tmp_path: Path) -> None:
    page = (Path(__file__).parents[1] / "docs" / "adapter.md").read_text(encoding="utf-8")
    code = page.split("```python\n")[1].split("```")[0]
    assert len(code.splitlines()) <= 24
    program, viewer = tmp_path / "adapter.py", tmp_path / "myviewer"
    program.write_text(code, encoding="utf-8")
    viewer.write_text('#!/bin/sh\nfor last; do :; done\ncp "$2" "$last"\n', encoding="utf-8")
    viewer.chmod(0o755)
    (tmp_path / "in.dcm").write_bytes(b"content")
    (tmp_path / "out").mkdir()
    adapter = Adapter(("env", f"PATH={tmp_path}:/usr/bin:/bin", sys.executable, str(program)))
    request = {"files": [str(tmp_path / "in.dcm")], "out": str(tmp_path / "out")}
    done = adapter.ask("read-media", request, deadline=10)
    assert done.outcome == "done", done
    assert Path(done.files[0]).read_bytes() == b"content"
    assert adapter.ask("sign", request, deadline=10).outcome == "cannot"
    gone = adapter.ask("read-media", {**request, "files": [str(tmp_path / "no")]}, deadline=10)
    assert gone.outcome == "refused"


def test_an_adapter_of_this_process_needs_no_process() -> None:
    adapter = Adapter(
        inside=lambda verb, request: (1, {"reason": f"{verb} {json.dumps(dict(request))}"})
    )
    answer = adapter.ask("verify", {"files": []}, deadline=1)
    assert (answer.outcome, answer.why) == ("refused", 'verify {"files": []}')


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("import json,sys; json.dump(json.load(sys.stdin), sys.stdout)", "done"),
        ("import time; time.sleep(60)", "late"),
        ("import sys\nwhile True: sys.stdout.write('x' * 65536)", "crashed"),
    ],
)
def test_a_system_without_process_groups_will_do(
    monkeypatch: pytest.MonkeyPatch, code: str, outcome: str
) -> None:
    for name in ("killpg", "setsid", "set_blocking"):
        monkeypatch.delattr(os, name)
    assert asked(code, deadline=2.0)[0] == outcome


def test_a_request_that_is_not_read_and_much_on_stderr_are_no_trouble() -> None:
    code = "import sys; sys.stderr.write('y' * 300_000); sys.stderr.flush(); sys.stdout.write('{}')"
    request = {"files": ["x" * 500_000]}
    answer = Adapter((sys.executable, "-c", code)).ask("verify", request, deadline=10.0)
    assert (answer.outcome, len(answer.diagnostics)) == ("done", 2000)


@pytest.fixture
def starter(tmp_path: Path) -> Adapter:
    (tmp_path / "adapter.py").write_text(ADAPTER)
    (tmp_path / "in.dcm").write_bytes(b"DICM")
    (tmp_path / "out").mkdir()
    return Adapter((sys.executable, "adapter.py"), str(tmp_path))


def test_the_starter_adapter_speaks_the_protocol(starter: Adapter, tmp_path: Path) -> None:
    files = [str(tmp_path / "in.dcm")]
    request = {"files": files, "out": str(tmp_path / "out"), "edition": "2023b"}
    refused = starter.ask("verify", request, deadline=10.0)
    assert (refused.outcome, refused.why) == ("refused", "no file was accepted")
    assert refused.values["results"][0]["file"] == files[0]
    done = starter.ask("deidentify", request, deadline=10.0)
    assert done.outcome == "done"
    assert [Path(f).read_bytes() for f in done.files] == [b"DICM"]
    for verb in ("sign", "reidentify", "write-media", "read-media"):
        answer = starter.ask(verb, request, deadline=10.0)
        assert (answer.outcome, answer.why) == ("cannot", f"this product does not {verb}")


def test_init_writes_the_starter_adapter_to_be_run(tmp_path: Path) -> None:
    init_command.main([str(tmp_path / "new")], standalone_mode=False)
    written = tmp_path / "new" / "adapter.py"
    assert written.read_text() == ADAPTER
    assert os.access(written, os.X_OK)
    load_target(tmp_path / "new" / "target.toml")
