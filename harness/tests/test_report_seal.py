"""Integrity: every change shows, and openssl accepts the signature."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from part15.cli_report import report_command
from part15.content import folder
from part15.errors import InputError
from part15.report import seal, signature

SAMPLE = folder("reports") / "samples" / "report.json"


def small_run(place):
    place.mkdir()
    shutil.copy(SAMPLE, place / "report.json")
    (place / "plan.json").write_text("{}\n")
    (place / "results.jsonl").write_text('{"case": "a"}\n')
    (place / "target.toml").write_text("[target]\n")
    (place / "evidence" / "tls.offer-0290806c").mkdir(parents=True)
    (place / "evidence" / "tls.offer-0290806c" / "c2s.bin").write_bytes(bytes(range(64)))
    (place / "evidence" / "tls.offer-0290806c" / "empty.bin").write_bytes(b"")
    seal.seal(place)
    return place


def identity(place, key):
    import datetime as dt

    from cryptography import x509

    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "part15 monitor")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1503)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (place / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    (place / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return place / "key.pem", place / "cert.pem"


@pytest.fixture(scope="module")
def rsa_identity(tmp_path_factory):
    return identity(tmp_path_factory.mktemp("rsa"), rsa.generate_private_key(65537, 2048))


@pytest.fixture(scope="module")
def ec_identity(tmp_path_factory):
    return identity(tmp_path_factory.mktemp("ec"), ec.generate_private_key(ec.SECP256R1()))


def call(*args):
    result = CliRunner().invoke(report_command, [str(a) for a in args], standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result.return_value, result.output


def mutate(run, rng):
    """Change one thing in *run*; returns what, and how to undo it."""
    files = sorted(p for p in run.rglob("*") if p.is_file())
    path = rng.choice(files)
    data = path.read_bytes()
    kind = rng.choice(
        ("byte", "byte", "byte", "byte", "delete", "add", "truncate", "append", "insert", "link")
    )
    if kind == "add":
        new = path.with_name(f"{rng.randrange(16**8):08x}{rng.choice(('', '.json', '.bin'))}")
        new.write_bytes(rng.randbytes(rng.randrange(3)))
        return f"add {new.name}", new.unlink
    if kind == "byte" and data:
        at = rng.randrange(len(data))
        path.write_bytes(data[:at] + bytes([data[at] ^ rng.randrange(1, 256)]) + data[at + 1 :])
    elif kind == "truncate" and data:
        path.write_bytes(data[: rng.randrange(len(data))])
    elif kind == "insert":
        at = rng.randrange(len(data) + 1)
        path.write_bytes(data[:at] + rng.randbytes(1) + data[at:])
    elif kind == "delete":
        path.unlink()
    elif kind == "link":
        path.unlink()
        path.symlink_to("plan.json" if path.name != "plan.json" else "target.toml")

        def restore():
            path.unlink()
            path.write_bytes(data)

        return f"link {path.name}", restore
    else:
        path.write_bytes(data + rng.randbytes(1))
    return f"{kind} {path.name}", lambda: path.write_bytes(data)


def intact(run):
    try:
        return not seal.verify(run).problems
    except InputError:
        return False


def test_a_thousand_mutations_of_an_open_run(tmp_path):
    run = small_run(tmp_path / "run")
    rng = random.Random(15)
    assert intact(run)
    for _ in range(1000):
        what, undo = mutate(run, rng)
        assert not intact(run), what
        undo()
    assert intact(run)


def test_mutations_of_a_signed_run(tmp_path, rsa_identity):
    run = small_run(tmp_path / "run")
    key, cert = rsa_identity
    call(run, "--sign", key, "--cert", cert)
    rng = random.Random(3)
    for _ in range(150):
        what, undo = mutate(run, rng)
        assert not intact(run), what
        undo()
    assert intact(run)


@pytest.mark.parametrize("which", ["rsa", "ec"])
def test_every_octet_of_a_signature_counts(tmp_path, which, rsa_identity, ec_identity):
    key, cert = rsa_identity if which == "rsa" else ec_identity
    content = b"digest  name\n"
    pem = signature.sign(content, key, cert)
    mine = signature.fingerprint(cert)
    assert signature.check(pem, content) == (mine, [])
    assert signature.check(pem, content + b" ")[1]
    for at in range(len(pem)):
        changed = pem[:at] + bytes([pem[at] ^ (1 << at % 8)]) + pem[at + 1 :]
        signer, wrong = signature.check(changed, content)
        assert wrong or signer != mine, at


@pytest.mark.parametrize("which", ["rsa", "ec"])
def test_openssl_accepts_the_signature(tmp_path, which, rsa_identity, ec_identity):
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    run = small_run(tmp_path / "run")
    key, cert = rsa_identity if which == "rsa" else ec_identity
    call(run, "--sign", key, "--cert", cert)
    command = [
        "openssl",
        "cms",
        "-verify",
        "-binary",
        "-inform",
        "PEM",
        "-purpose",
        "any",
        "-out",
        "out",
    ]
    command += ["-in", "run/SHA256SUMS.p7s", "-content", "run/SHA256SUMS", "-CAfile", str(cert)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, timeout=30)
    assert done.returncode == 0, done.stderr
    (run / "SHA256SUMS").write_text("0" * 64 + "  report.json\n")
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, timeout=30)
    assert done.returncode != 0


def test_sha256sum_accepts_the_list(tmp_path):
    if shutil.which("sha256sum") is None:
        pytest.skip("sha256sum is not installed")
    run = small_run(tmp_path / "run")
    (run / "evidence" / "odd\nname\\x").write_text("x")
    seal.seal(run)
    done = subprocess.run(
        ["sha256sum", "--strict", "-c", "SHA256SUMS"],
        cwd=run,
        capture_output=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    assert intact(run)


def test_verify_says_what_happened(tmp_path):
    run = small_run(tmp_path / "run")
    code, said = call("verify", run)
    assert code == 0
    assert "7 files are as they were written" in said
    (run / "evidence" / "tls.offer-0290806c" / "c2s.bin").write_bytes(b"")
    (run / "plan.json").unlink()
    (run / "extra.txt").write_text("x")
    code, said = call("verify", run, "--json")
    outcome = json.loads(said)
    assert code == 3
    assert not outcome["intact"]
    assert "evidence/tls.offer-0290806c/c2s.bin was changed" in outcome["problems"]
    assert "plan.json is missing" in outcome["problems"]
    assert "extra.txt was added" in outcome["problems"]


def test_signer_must_be_the_one_that_is_trusted(tmp_path, rsa_identity, ec_identity):
    run = small_run(tmp_path / "run")
    call(run, "--sign", *rsa_identity[:1], "--cert", rsa_identity[1])
    assert seal.verify(run, rsa_identity[1]).trusted
    assert seal.verify(run, ec_identity[1]).problems == (
        "SHA256SUMS.p7s was not made with the certificate cert.pem",
    )
    (run / "SHA256SUMS.p7s").unlink()
    assert (
        "SHA256SUMS.p7s is missing, but report.json says that the run was signed"
        in seal.verify(run).problems
    )


def test_only_an_intact_run_is_signed(tmp_path, rsa_identity):
    run = small_run(tmp_path / "run")
    (run / "plan.json").write_text("[]")
    with pytest.raises(InputError, match=r"not as it was written: plan.json was changed"):
        call(run, "--sign", rsa_identity[0], "--cert", rsa_identity[1])


def test_wrong_key_files_are_named(tmp_path, rsa_identity, ec_identity):
    with pytest.raises(InputError, match="is not the key of the certificate"):
        signature.sign(b"", rsa_identity[0], ec_identity[1])
    with pytest.raises(InputError, match="no private key can be read"):
        signature.sign(b"", rsa_identity[1], rsa_identity[1])
    with pytest.raises(InputError, match="no certificate in PEM form"):
        signature.sign(b"", rsa_identity[0], rsa_identity[0])


def test_a_format_may_be_added_to_an_open_run_only(tmp_path, rsa_identity):
    run = small_run(tmp_path / "run")
    call(run, "--format", "csv", "-o", run / "results.csv")
    assert intact(run)
    with pytest.raises(InputError, match="part of the run itself"):
        call(run, "--format", "json", "-o", run / "report.json")
    call(run, "--sign", rsa_identity[0], "--cert", rsa_identity[1])
    with pytest.raises(InputError, match="is signed"):
        call(run, "--format", "tap", "-o", run / "report.tap")


def test_what_is_no_file_is_never_waited_for(tmp_path):
    run = small_run(tmp_path / "run")
    os.mkfifo(run / "pipe")
    assert "pipe was added" in seal.verify(run).problems
    (run / "pipe").unlink()
    (run / "folder").symlink_to(tmp_path, target_is_directory=True)
    assert "folder was added" in seal.verify(run).problems


def test_not_a_run(tmp_path):
    with pytest.raises(InputError, match="has no SHA256SUMS"):
        seal.verify(tmp_path)
