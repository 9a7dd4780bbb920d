"""What the contract promises to users and their scripts, command by command; runs and reports have tests of their own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from part15.channel.trigger import acting, unreached
from part15.cli import COMMANDS, cli, main
from part15.errors import TargetError
from part15.load import load_profiles, load_roles
from part15.model import Status, Word
from part15.peers.embedded import embedded_target
from part15.plan import build_plan
from part15.target_file import load_target
from part15.toml_writing import toml_text

VECTORS = Path(__file__).parent / "vectors"
BASIC = {
    "target": {"name": "A product", "edition": "2023b"},
    "claims": {"tls-bcp195-rfc8996": ["tls-server"]},
    "endpoints": {"tls": {"address": "127.0.0.1:1"}},
}
ISCL = {"roles": ["iscl-server"], "edition": "2018a"}
ESCAPE = "\x1b"

Use = Callable[..., tuple[int, str, str]]


@pytest.fixture
def part15(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Use:
    """Return a function that runs one command in an empty folder: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NO_COLOR", raising=False)

    def use(*args: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main([str(a) for a in args])
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return int(ended.value.code or 0), said.out, said.err

    return use


def external(*args: object, cwd: Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "part15", *map(str, args)],
        cwd=cwd,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def written(folder: Path, **changes: Any) -> Path:
    path = folder / "target.toml"
    path.write_text(toml_text({**BASIC, **changes}))
    return path


def verdicts(folder: Path) -> dict[str, dict[str, Any]]:
    document = json.loads((folder / "report.json").read_text())
    return {row["case"]: row for row in document["results"]}


# §2 Commands


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_can_be_without_colours(command: str, part15: Use) -> None:
    code, out, err = part15(command, "--help")
    assert (code, err) == (0, "")
    assert out.startswith(f"Usage: part15 {command}")
    group = cli.get_command(click.Context(cli), command)
    assert ("--no-color" in out) is not isinstance(group, click.Group)
    assert ESCAPE not in out


def test_nothing_asked_is_the_help_and_no_success(part15: Use) -> None:
    code, out, err = part15()
    assert (code, out) == (4, "")
    assert err.startswith("Usage: part15 ")


def test_version(part15: Use) -> None:
    assert part15("--version")[:2] == (0, "part15, version 0.1.0\n")


def test_clauses_have_the_promised_fields(part15: Use) -> None:
    code, out, err = part15("list", "clauses", "--json")
    assert (code, err) == (0, "")
    rows = json.loads(out)
    promised = {"id", "profile", "section", "level", "roles", "editions", "status", "reason"}
    assert all(promised <= set(row) for row in rows)
    assert len({row["id"] for row in rows}) == len(rows) > 1000
    assert {row["status"] for row in rows} <= {
        "checked",
        "statement",
        "attested",
        "untestable",
        "planned",
    }
    assert {row["level"] for row in rows} <= {"shall", "shall-not", "should", "should-not", "may"}
    assert [row["id"] for row in rows if row["status"] != "checked" and not row["reason"]] == []
    known = {row["id"] for row in json.loads(part15("list", "profiles", "--json")[1])}
    assert {row["profile"] for row in rows} <= known


@pytest.mark.parametrize("kind", ["profiles", "checks", "faults"])
def test_lists_are_one_document_on_stdout(kind: str, part15: Use) -> None:
    code, out, err = part15("list", kind, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)


def test_a_profile_chooses_among_clauses_only(part15: Use) -> None:
    code, out, _ = part15("list", "clauses", "-p", "tls-basic", "--json")
    assert code == 0
    assert {row["profile"] for row in json.loads(out)} == {"tls-basic"}
    code, out, err = part15("list", "faults", "-p", "tls-basic")
    assert (code, out) == (4, "")
    assert "-p chooses among clauses" in err


@pytest.mark.parametrize(
    "name",
    [
        "B.12-no-null",
        "B.12-no-null:tls-server",
        "B.12-no-null:tls-server:TLS_RSA_WITH_NULL_SHA",
        "B.12-no-null:tls-client@dicom-tls:TLS_RSA_WITH_NULL_SHA%tls-bcp195-rfc8996-2023b",
        "PS3.8-9.3.8-abort-values:tls-server",
    ],
)
def test_clauses_and_cases_are_explained(name: str, part15: Use) -> None:
    code, out, _ = part15("explain", name)
    assert code == 0
    assert out.startswith(name.partition(":")[0])
    assert re.search(r"^level +\w", out, re.MULTILINE)


def test_every_status_is_explained_with_a_reason(part15: Use) -> None:
    rows = json.loads(part15("list", "clauses", "--json")[1])
    for status in ("attested", "untestable", "planned"):
        name = next(row["id"] for row in rows if set(row["statusByRole"].values()) == {status})
        out = part15("explain", name)[1]
        said = re.search(rf"^status .*: {status}\. \S", out, re.MULTILINE)
        assert said is not None, out


def test_comparing_nothing_is_no_success(part15: Use, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    code, _, err = part15("compare", "a", "b")
    assert code == 5
    assert "nothing was compared" in err


def test_a_case_of_no_role_is_refused(part15: Use) -> None:
    code, out, err = part15("explain", "B.12-no-null:tls-sever")
    assert (code, out) == (4, "")
    assert "its roles are tls-client, tls-server; did you mean 'tls-server'?" in err


@pytest.mark.parametrize("kind", ["target", "profile", "report"])
def test_schemas_are_schemas(kind: str, part15: Use) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    code, out, err = part15("schema", kind)
    assert (code, err) == (0, "")
    jsonschema.Draft202012Validator.check_schema(json.loads(out))


def test_a_starter_is_right_and_never_overwritten(part15: Use, tmp_path: Path) -> None:
    assert part15("init", "mine")[0] == 0
    assert part15("lint", "mine/target.toml")[0] == 0
    assert (tmp_path / "mine" / "adapter.py").stat().st_mode & 0o100
    before = (tmp_path / "mine" / "target.toml").read_bytes()
    code, _, err = part15("init", "mine")
    assert code == 4
    assert "already" in err
    assert (tmp_path / "mine" / "target.toml").read_bytes() == before


@pytest.mark.parametrize("peer", ["dcmtk", "orthanc", "openssl", "gnutls"])
def test_known_peers_are_ready_to_be_started(peer: str, part15: Use, tmp_path: Path) -> None:
    code, out, _ = part15("init", "peer", "--peer", peer)
    assert code == 0
    assert all(Path(line).is_file() for line in out.splitlines())
    assert part15("lint", "peer/target.toml")[0] == 0
    script = tmp_path / "peer" / "start.sh"
    assert script.stat().st_mode & 0o100
    assert subprocess.run(["sh", "-n", script], check=False).returncode == 0
    assert str(tmp_path) not in script.read_text() + (tmp_path / "peer/target.toml").read_text()


def test_test_certificates_come_once(part15: Use, tmp_path: Path) -> None:
    code, out, err = part15("pki", "make", "pki")
    assert code == 0
    assert "for tests" in err
    names = {Path(line).name for line in out.splitlines()}
    assert {"ca.pem", "server.pem", "client.key", "expired.pem", "revoked.pem"} <= names
    assert {p.name for p in (tmp_path / "pki").iterdir()} == names
    assert part15("pki", "make", "pki")[0] == 4


def test_inspection_and_comparison_print_one_document(part15: Use) -> None:
    before = VECTORS / "bits" / "router-drops-private.original.dcm"
    after = VECTORS / "bits" / "router-drops-private.returned.dcm"
    code, out, err = part15("compare", before, after, "--json")
    assert (code, err) == (1, "")
    compared = json.loads(out)
    code, out, err = part15("inspect", before, "--json")
    assert err == ""
    assert set(json.loads(out)) == set(compared)
    assert part15("compare", before, before)[0] == 0
    assert part15("compare", before, "nope")[0] == 4


def test_an_inspection_of_no_edition_or_profile_is_refused(part15: Use) -> None:
    file = VECTORS / "bits" / "router-drops-private.original.dcm"
    for wrong in (["--edition", "bogus"], ["--edition", "1999"], ["-p", "creator-rsaa"]):
        code, out, err = part15("inspect", file, *wrong)
        assert (code, out) == (4, ""), err


def test_a_closed_pipe_is_no_success() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "part15", "list", "clauses"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
        assert process.wait(30) == 3
    assert b"Traceback" not in said


# §6 Target file


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"claims": {"tls-bcp195-rfc8996": ["tls-sever"]}}, "'tls-sever' is no role of it"),
        ({"claims": {"tls-bcp195-rfc899": ["tls-server"]}}, "did you mean 'tls-bcp195-rfc8996'"),
        (
            {"claims": {"iscl": {**ISCL, "features": ["privacyy"]}}},
            "claims.iscl.features: 'privacyy' is none that PS3.15 or part15 knows; did you mean 'privacy'",
        ),
        (
            {
                "claims": {
                    "basic-confidentiality": {"roles": ["de-identifier"], "options": ["uids"]}
                }
            },
            "claims.basic-confidentiality.options: 'uids' is none",
        ),
        (
            {"claims": {"tls-bcp195-rfc8996": {"roles": ["tls-server"], "edition": "2019c"}}},
            "the edition 2019c does not have it (it is in 2023a on)",
        ),
        (
            {"actions": {"stopp": ["true"]}},
            "actions.stopp: nothing asks for it; did you mean 'stop'",
        ),
        ({"limits": {"impact": "strong"}}, "'limits.impact'"),
        ({"limits": {"conections": 1}}, "did you mean 'connections'"),
        ({"waivers": [{"case": "B.12-no-null:tls-server"}]}, "'waivers.0.expires' is missing"),
        (
            {
                "waivers": [
                    {
                        "case": "B.12-no-nul:tls-server",
                        "reason": "r",
                        "owner": "o",
                        "expires": "2030-01-01",
                    }
                ]
            },
            "is no case of this plan",
        ),
        ({"users": {"a": {"type": 2, "name": "n", "passcode": "secret"}}}, "write env:NAME"),
    ],
)
def test_lint_names_file_and_mistake(
    changes: dict[str, Any], said: str, part15: Use, tmp_path: Path
) -> None:
    written(tmp_path, **changes)
    code, out, _ = part15("lint", "target.toml")
    assert code == 4
    assert said in out
    assert "secret" not in out.replace("a secret", "")
    assert all(line.startswith(("target.toml:", f"{tmp_path}")) for line in out.splitlines()), out


@pytest.mark.parametrize(
    "claim",
    [
        {"iscl": {**ISCL, "features": ["privacy"]}},
        {"basic-confidentiality": {"roles": ["de-identifier"], "options": ["retain-uids"]}},
        {"basic-confidentiality": {"roles": ["de-identifier"], "options": ["clinical-trial"]}},
    ],
)
def test_options_features_and_presets_that_there_are(
    claim: dict[str, Any], part15: Use, tmp_path: Path
) -> None:
    written(tmp_path, claims=claim)
    code, out, _ = part15("lint", "target.toml")
    assert code == 0, out


@pytest.mark.parametrize("edition", ["bogus", "1999", "2023B", "2023bb", ""])
def test_no_claim_is_judged_by_what_is_no_edition(edition: str, tmp_path: Path) -> None:
    target = load_target(written(tmp_path))
    with pytest.raises(TargetError, match="is no edition"):
        build_plan(target, load_profiles(), load_roles(), edition=edition)


def test_what_the_limit_leaves_out_is_said(tmp_path: Path) -> None:
    target = load_target(written(tmp_path, limits={"impact": "observe"}))
    plan = build_plan(target, load_profiles(), load_roles())
    left = [c for c in plan.cases if c.settled and "not permitted by limits" in c.settled.message]
    assert left
    assert {c.settled.word for c in left if c.settled} == {Word.INCONCLUSIVE}
    assert all(c.impact is not None and not c.impact.within(target.limits.impact) for c in left)
    same = build_plan(load_target(written(tmp_path)), load_profiles(), load_roles(), safe=True)
    assert [c.id for c in same.cases if c.settled] == [c.id for c in plan.cases if c.settled]


def test_permissions_aside_every_clause_of_a_claim_is_a_case(tmp_path: Path) -> None:
    target, profiles = load_target(written(tmp_path)), load_profiles()
    own = {
        clause.id
        for clause in profiles["tls-bcp195-rfc8996"].clauses
        for binding in clause.bindings
        if "tls-server" in binding.roles
        and clause.in_force("2023b")
        and binding.status is not Status.UNTESTABLE
    }
    cases = {case.clause for case in build_plan(target, profiles, load_roles()).cases}
    assert len(own) > 10
    assert own <= cases


def test_the_trigger_of_a_listener_is_looked_up_not_run(part15: Use, tmp_path: Path) -> None:
    claims = {"tls-bcp195-rfc8996": ["tls-client"]}
    mark = tmp_path / "ran"
    for trigger, code in ((["touch", str(mark)], 0), (["./no-such-program"], 3), (None, 3)):
        listener = {"port": 0, **({"trigger": trigger} if trigger else {})}
        written(tmp_path, claims=claims, endpoints={}, listeners={"tls": listener})
        found, out, _ = part15("doctor", "target.toml")
        assert (found, out.startswith("ok" if code == 0 else "FIX")) == (code, True), out
    assert not mark.exists()


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("exit 3", "its trigger 'sh' ended with code 3"),
        ("exit 0", "within 5 s; look what its trigger does"),
    ],
)
def test_a_trigger_that_failed_is_the_reason(command: str, said: str, tmp_path: Path) -> None:
    with acting(["sh", "-c", command], folder=tmp_path, slots={}, what="connect") as process:
        assert process is not None
        process.wait(10)
        assert said in unreached(process, "port 1", 5.0)


def test_attesting_adds_answers_to_the_target_even_if_it_is_broken_off(tmp_path: Path) -> None:
    path = written(tmp_path)
    before = path.read_text()
    done = external(
        "attest", path, "--by", "j.doe", cwd=tmp_path, stdin="holds\n\n\nour log\nskip\n"
    )
    assert done.returncode == 2, done.stderr
    assert path.read_text().startswith(before.rstrip("\n"))
    (attestation,) = load_target(path).attestations
    assert (attestation.by, attestation.verdict) == ("j.doe", "pass")
    assert attestation.note == "our log"
    assert external("lint", path, cwd=tmp_path).returncode == 0


# §3, §4 and §6 in one run of a wrong system, and one of a client


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with embedded_target(tmp_path_factory.mktemp("wrong"), faults=("keeps_tls10",)) as path:
        yield path


def waiver(case: str, expires: str) -> str:
    return (
        f'\n[[waivers]]\ncase = "{case}"\nreason = "old modality"\nowner = "j.doe"\n'
        f"expires = {expires}\n"
    )


@pytest.mark.parametrize(
    ("case", "expires", "select", "words", "codes"),
    [
        (
            "RFC8996-no-tls10:tls-server",
            "2999-01-01",
            "RFC8996-no-tls10 or cs-port",
            {"waived", "pass"},
            {"decided": 6, "should": 6, "fail": 0},
        ),
        ("RFC8996-no-tls10:tls-server", "2020-01-01", "RFC8996-no-tls10", {"fail"}, {"fail": 1}),
        ("B.12-cs-port:tls-server", "2999-01-01", "cs-port", {"pass"}, {"fail": 1}),
    ],
    ids=["applies", "expired", "no-longer-applies"],
)
def test_a_waiver_moves_one_failure_until_its_day(
    wrong: Path,
    case: str,
    expires: str,
    select: str,
    words: set[str],
    codes: dict[str, int],
    part15: Use,
    request: pytest.FixtureRequest,
) -> None:
    target = wrong.with_name(f"{request.node.callspec.id}.toml")
    target.write_text(wrong.read_text() + waiver(case, expires))
    out = wrong.parent / target.stem
    gate = min(codes)
    done = external("run", target, "-o", out, "-k", select, "--gate", gate, "-q", cwd=wrong.parent)
    assert done.returncode == codes[gate], done.stderr
    assert done.stdout == ""
    rows = verdicts(out).values()
    assert {row["verdict"] for row in rows} == words
    assert all(row["because"] for row in rows)
    for gate, code in codes.items():
        assert part15("judge", out, "--gate", gate, "--json")[0] == code


CLIENT = """
import socket, ssl, sys
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
try:
    context.wrap_socket(socket.create_connection((sys.argv[1], int(sys.argv[2])), 5))
except OSError:
    pass
"""


def test_a_client_is_tested_by_the_command_that_makes_it_connect(tmp_path: Path) -> None:
    (tmp_path / "client.py").write_text(CLIENT)
    path = written(
        tmp_path,
        claims={"tls-bcp195-rfc8996": ["tls-client"]},
        endpoints={},
        listeners={"tls": {"trigger": [sys.executable, "client.py", "{host}", "{port}"]}},
    )
    select = ("-k", "B.12-no-null or B.12-client-attempts-tls", "-q")
    done = external("run", path, "-o", "out", *select, cwd=tmp_path)
    assert done.returncode == 6, done.stderr
    rows = verdicts(tmp_path / "out")
    assert {row["verdict"] for row in rows.values()} == {"pass"}
    assert {row["role"] for row in rows.values()} == {"tls-client"}
    sent = json.loads((tmp_path / "out" / "report.json").read_text())["sent"]["items"]
    assert any("turned the client away" in item["what"] for item in sent)


def test_where_nobody_can_be_asked_it_is_refused(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        claims={"tls-bcp195-rfc8996": ["tls-client"]},
        endpoints={},
        listeners={"tls": {"trigger": "ask", "wait": 0.3}},
    )
    done = subprocess.run(
        [sys.executable, "-m", "part15", "run", str(path), "-o", "out", "-k", "RFC8996-no-tls10"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        start_new_session=True,
    )
    assert done.returncode == 4, done.stderr
    assert "there is no terminal at which a person could be asked" in done.stderr
    assert not (tmp_path / "out").exists()
