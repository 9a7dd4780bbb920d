"""The embedded media creator and reader, right or with a fault, and the keys of everybody on the medium."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from part15.forge import DAY, Authority, Template, authority, issue, shared_keys
from part15.observations.media import SecureFileSeen
from part15.wire.cms_opening import Opener, PasswordOpener, RsaOpener
from part15.wire.cms_secure_file import Looked, look
from part15.wire.cms_trust import Trust
from part15.wire.cms_writing import Identity, Recipe, write

Party = Callable[[str, Mapping[str, Any]], tuple[int, Mapping[str, Any]]]
"""An adapter in this process: verb and request to exit status and answer."""

DONE, REFUSED, CANNOT = 0, 1, 2
_YEARS = 3650 * DAY


@dataclass(frozen=True)
class Parties:
    """Everybody: a trusted root, signers of every kind, two recipients, a stranger."""

    root: Authority
    signers: Mapping[str, Identity]
    recipients: Mapping[str, Identity]
    stranger: Identity

    @property
    def trust(self) -> Trust:
        """What a reader trusts: the root alone."""
        return Trust((self.root.certificate,))

    def openers(self, *names: str) -> tuple[RsaOpener, ...]:
        """Return the openers of the recipients *names* (all if none)."""
        chosen = names or tuple(self.recipients)
        return tuple(opener_of(self.recipients[n]) for n in chosen)


def opener_of(identity: Identity) -> RsaOpener:
    """Return what opens files for *identity*."""
    return RsaOpener.of(identity.key, identity.certificate.public_bytes(serialization.Encoding.DER))


@functools.cache
def parties() -> Parties:
    """Return the parties of this process; keys are made once."""
    keys = shared_keys()
    root = authority("media root", keys.rsa("media-root"))
    rogue = authority("media rogue root", keys.rsa("media-rogue"))
    long_ago = Template(since=-_YEARS, until=-DAY, usages=None)

    def one(name: str, key: Any, issuer: Authority, template: Template | None = None) -> Identity:
        return Identity(issue(name, key, issuer, template or Template(usages=None)), key)

    return Parties(
        root,
        {
            "signer": one("media signer", keys.rsa("media-signer"), root),
            "second": one("media second signer", keys.rsa("media-second"), root),
            "expired": one("media expired signer", keys.rsa("media-signer"), root, long_ago),
            "rogue": one("media rogue signer", keys.rsa("media-signer"), rogue),
            "short": one("media short signer", keys.rsa("media-short", 1024), root),
            "ec": one("media EC signer", keys.ec("media-ec"), root),
        },
        {
            "first": one("media recipient 1", keys.rsa("media-first"), root),
            "second": one("media recipient 2", keys.rsa("media-other"), root),
        },
        one("media stranger", keys.rsa("media-stranger"), root),
    )


def base_recipe(edition: str) -> Recipe:
    """Return how a right creator writes for *edition*: two recipients, one signer."""
    everybody = parties()
    recipe = Recipe(
        recipients=tuple(i.certificate for i in everybody.recipients.values()),
        signers=(everybody.signers["signer"],),
    )
    if edition < "2008":
        return replace(recipe, cipher="des-ede3-cbc", digest="sha1")
    return replace(recipe, digest="sha1") if edition < "2011" else recipe


def resolved(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the recipe fields of a fault: ``signers`` and ``extra_recipients`` by name become identities."""
    found = dict(changes)
    everybody = parties()
    if "signers" in found:
        found["signers"] = tuple(everybody.signers[n] for n in found["signers"])
    if "extra_recipients" in found:
        found["extra_recipients"] = (everybody.stranger.certificate,)
    return found


@dataclass(frozen=True)
class ReaderPolicy:
    """What a reader does; the defaults are right, every other value is a fault."""

    ciphers: tuple[str, ...] = ("des-ede3-cbc", "aes128-CBC", "aes192-CBC", "aes256-CBC")
    digests: tuple[str, ...] = ("SHA-1", "SHA-256", "SHA-384", "SHA-512")
    passwords: bool = True
    rsa: bool = True
    verifies: bool = True
    trusts_anybody: bool = False
    stops_at_first: bool = False
    alters: bool = False


@dataclass(frozen=True)
class MediaParty:
    """An adapter that runs in this process: ``write-media`` and ``read-media``."""

    recipe: Mapping[str, Any] = field(default_factory=dict)
    policy: ReaderPolicy = field(default_factory=ReaderPolicy)
    any_password: bool = False
    refuses_backslash: bool = False
    skips: str = ""
    """``directory`` leaves a DICOMDIR plain, ``last`` the last file."""

    def __call__(self, verb: str, request: Mapping[str, Any]) -> tuple[int, Mapping[str, Any]]:
        """Answer *request* as the protocol of ``docs/adapter.md`` has it."""
        if verb == "write-media":
            return self._write(request)
        if verb == "read-media":
            return self._read(request)
        return CANNOT, {"reason": f"this adapter has no {verb}"}

    def _write(self, request: Mapping[str, Any]) -> tuple[int, Mapping[str, Any]]:
        recipe = base_recipe(str(request.get("edition", "2023b")))
        recipients = [_certificate(p) for p in request.get("recipients", ())]
        password = request.get("password")
        if password is not None:
            octets = str(password).encode("utf-8")
            plain = all(0x20 <= o <= 0x7E for o in octets)
            if (not plain and not self.any_password) or (
                self.refuses_backslash and b"\\" in octets
            ):
                return REFUSED, {
                    "reason": "the password is outside the Default Character Repertoire"
                }
            recipe = replace(recipe, passwords=(octets,))
        recipe = replace(recipe, recipients=tuple(recipients))
        if request.get("signer"):
            recipe = replace(recipe, signers=(_identity(request["signer"]),))
        recipe = replace(recipe, **resolved(self.recipe))
        out, written = Path(request["out"]), []
        sources = [Path(p) for p in request["files"]]
        for source in sources:
            target = out / source.name
            plain_one = (self.skips == "directory" and source.name == "DICOMDIR") or (
                self.skips == "last" and source is sources[-1]
            )
            content = source.read_bytes()
            target.write_bytes(content if plain_one else write(content, recipe))
            written.append(str(target))
        return DONE, {"files": written}

    def _read(self, request: Mapping[str, Any]) -> tuple[int, Mapping[str, Any]]:
        openers: list[Opener] = []
        if request.get("key") and self.policy.rsa:
            openers.append(opener_of(_identity(request)))
        if request.get("password") is not None and self.policy.passwords:
            openers.append(PasswordOpener(str(request["password"]).encode("utf-8")))
        trust = Trust(tuple(_certificate(p) for p in request.get("trust", ())))
        results: list[dict[str, Any]] = []
        written = []
        for source in map(Path, request["files"]):
            looked = look(source.read_bytes(), openers, trust)
            why = self._objection(looked.seen)
            if why and self.policy.stops_at_first:
                return REFUSED, {"reason": why, "results": results}
            results.append({"file": str(source), "accepted": not why, "reason": why})
            if not why and looked.content is not None:
                if self.policy.verifies and not self.policy.trusts_anybody:
                    results[-1].update(_told(looked))
                written.append(str(self._keep(source, looked.content, Path(request["out"]))))
        refused = next((str(r["reason"]) for r in results if not r["accepted"]), "")
        code = REFUSED if refused and not written else DONE
        return code, {"reason": refused, "files": written, "results": results}

    def _keep(self, source: Path, content: memoryview, out: Path) -> Path:
        path = out / f"{source.name}.dcm"
        path.write_bytes(bytes(content) + (b"\0\0" if self.policy.alters else b""))
        return path

    def _objection(self, seen: SecureFileSeen) -> str:
        """Return why this reader refuses the file, or nothing."""
        inner, cipher, policy = seen.inner, seen.cipher, self.policy
        if seen.outer != "enveloped" or seen.problem or cipher is None:
            return "it is no readable Enveloped-data"
        if cipher.name not in policy.ciphers:
            return "its content encryption is not supported"
        if seen.access != "opened" or inner is None:
            return "no key opens it"
        if inner.kind not in ("signed", "digested"):
            return "it is neither signed nor digested"
        if seen.content is None or seen.content.form != "part10":
            return "there is no DICOM File in it"
        used = {s.digest_name for s in inner.signers}
        if inner.kind == "signed" and not used <= set(policy.digests):
            return "its digest is not supported"
        if not policy.verifies:
            return ""
        return _broken(seen, trusts_anybody=policy.trusts_anybody)


def _broken(seen: SecureFileSeen, *, trusts_anybody: bool) -> str:
    inner = seen.inner
    assert inner is not None
    assert seen.content is not None
    if seen.padding == "wrong" or seen.trailing or not inner.label_agrees or seen.content.trailing:
        return "it is damaged"
    if inner.kind == "digested":
        return "" if inner.digest == "matches" else "its digest does not fit"
    if not inner.signers:
        return "nobody signed it"
    for signer in inner.signers:
        if signer.message_digest == "differs" or signer.signature != "valid":
            return "a signature is not valid"
        if signer.trust not in ("trusted", "not judged") and not trusts_anybody:
            return f"the signer is {signer.trust}"
    return ""


def _told(looked: Looked) -> dict[str, Any]:
    inner = looked.seen.inner
    assert inner is not None
    return {
        "signers": [s.subject for s in inner.signers],
        "trust": [s.trust for s in inner.signers],
    }


def _certificate(path: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(Path(path).read_bytes())


def _identity(paths: Mapping[str, Any]) -> Identity:
    return Identity(_certificate(paths["certificate"]), _key(Path(paths["key"]).read_bytes()))


@functools.lru_cache(maxsize=16)
def _key(pem: bytes) -> Any:
    """Return the key in *pem*; loading checks it, which is slow."""
    return serialization.load_pem_private_key(pem, None)


def write_pem(folder: Path, name: str, identity: Identity) -> dict[str, str]:
    """Write certificate and key of *identity* as PEM into *folder*; returns the two paths by word."""
    certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
    certificate.write_bytes(identity.certificate.public_bytes(serialization.Encoding.PEM))
    key.write_bytes(
        identity.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return {"certificate": str(certificate), "key": str(key)}
