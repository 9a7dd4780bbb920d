"""SAML 2.0 assertions with an enveloped XML signature: made with a test key, verified, and wrong on purpose."""

from __future__ import annotations

import base64
import copy
import datetime as dt
import hashlib
import re
import uuid
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from lxml import etree

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

ASSERTION = "urn:oasis:names:tc:SAML:2.0:assertion"
PROTOCOL = "urn:oasis:names:tc:SAML:2.0:protocol"
SIGNATURE = "http://www.w3.org/2000/09/xmldsig#"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
METHODS = {
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256": rsa.RSAPublicKey,
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256": ec.EllipticCurvePublicKey,
}
BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success"
SKEW = dt.timedelta(minutes=1)
_STAMP = "%Y-%m-%dT%H:%M:%SZ"


class AssertionRefusedError(ValueError):
    """An assertion that is not to be trusted, with the reason."""


@dataclass(frozen=True)
class Statement:
    """What an assertion says: who, by whom, for whom, and from when to when."""

    subject: str
    issuer: str
    audience: str
    begins: dt.datetime
    ends: dt.datetime


def _named(name: str, space: str = ASSERTION) -> str:
    return f"{{{space}}}{name}"


def assertion(said: Statement) -> Any:
    """Return the assertion as an element, not signed yet."""
    root = etree.Element(_named("Assertion"), nsmap={"saml": ASSERTION})
    root.set("Version", "2.0")
    root.set("ID", f"_{uuid.uuid4().hex}")
    root.set("IssueInstant", said.begins.strftime(_STAMP))
    etree.SubElement(root, _named("Issuer")).text = said.issuer
    subject = etree.SubElement(root, _named("Subject"))
    etree.SubElement(subject, _named("NameID")).text = said.subject
    confirmation = etree.SubElement(subject, _named("SubjectConfirmation"), Method=BEARER)
    etree.SubElement(
        confirmation, _named("SubjectConfirmationData"), NotOnOrAfter=said.ends.strftime(_STAMP)
    )
    conditions = etree.SubElement(
        root,
        _named("Conditions"),
        NotBefore=said.begins.strftime(_STAMP),
        NotOnOrAfter=said.ends.strftime(_STAMP),
    )
    only = etree.SubElement(conditions, _named("AudienceRestriction"))
    etree.SubElement(only, _named("Audience")).text = said.audience
    statement = etree.SubElement(
        root, _named("AuthnStatement"), AuthnInstant=said.begins.strftime(_STAMP)
    )
    context = etree.SubElement(statement, _named("AuthnContext"))
    etree.SubElement(
        context, _named("AuthnContextClassRef")
    ).text = "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified"
    return root


def _canonical(element: Any) -> bytes:
    bare = copy.deepcopy(element)
    bare.tail = None
    return bytes(etree.tostring(bare, method="c14n", exclusive=True, with_comments=False))


def written(element: Any) -> bytes:
    """Return an element as octets."""
    return bytes(etree.tostring(element))


def sign(root: Any, key: PrivateKey) -> Any:
    """Put an enveloped signature with *key* behind the issuer of the assertion *root*, and return it."""
    digest = base64.b64encode(hashlib.sha256(_canonical(root)).digest()).decode()
    is_rsa = isinstance(key, rsa.RSAPrivateKey)
    method = next(m for m, kind in METHODS.items() if (kind is rsa.RSAPublicKey) == is_rsa)
    outer = etree.Element(_named("Signature", SIGNATURE), nsmap={"ds": SIGNATURE})
    info = etree.SubElement(outer, _named("SignedInfo", SIGNATURE))
    etree.SubElement(info, _named("CanonicalizationMethod", SIGNATURE), Algorithm=EXCLUSIVE)
    etree.SubElement(info, _named("SignatureMethod", SIGNATURE), Algorithm=method)
    reference = etree.SubElement(info, _named("Reference", SIGNATURE), URI=f"#{root.get('ID')}")
    transforms = etree.SubElement(reference, _named("Transforms", SIGNATURE))
    for name in (SIGNATURE + "enveloped-signature", EXCLUSIVE):
        etree.SubElement(transforms, _named("Transform", SIGNATURE), Algorithm=name)
    etree.SubElement(reference, _named("DigestMethod", SIGNATURE), Algorithm=SHA256)
    etree.SubElement(reference, _named("DigestValue", SIGNATURE)).text = digest
    octets = _canonical(info)
    if isinstance(key, rsa.RSAPrivateKey):
        value = key.sign(octets, padding.PKCS1v15(), hashes.SHA256())
    else:
        r, s = utils.decode_dss_signature(key.sign(octets, ec.ECDSA(hashes.SHA256())))
        value = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    etree.SubElement(outer, _named("SignatureValue", SIGNATURE)).text = base64.b64encode(
        value
    ).decode()
    root.insert(1, outer)
    return root


def wrapped(signed: Any, other: Statement) -> Any:
    """Return an assertion of *other* that carries the *signed* one inside: signature wrapping."""
    forged = assertion(other)
    inner = copy.deepcopy(signed)
    signature = inner.find(_named("Signature", SIGNATURE))
    carried = copy.deepcopy(signature)
    inner.remove(signature)
    holder = etree.SubElement(carried, _named("Object", SIGNATURE))
    holder.append(inner)
    forged.insert(1, carried)
    return forged


def with_entity(signed: Any) -> bytes:
    """Return *signed* behind a document type that declares an external entity, used in the subject."""
    changed = copy.deepcopy(signed)
    changed.find(f"{_named('Subject')}/{_named('NameID')}").text = "PART15ENTITY"
    text = written(changed).replace(b"PART15ENTITY", b"&part15;")
    return b'<!DOCTYPE x [<!ENTITY part15 SYSTEM "file:///etc/hostname">]>' + text


def response() -> bytes:
    """Return a SAML Response that reports success."""
    root = etree.Element(_named("Response", PROTOCOL), nsmap={"samlp": PROTOCOL})
    root.set("ID", f"_{uuid.uuid4().hex}")
    root.set("Version", "2.0")
    root.set("IssueInstant", dt.datetime.now(dt.UTC).strftime(_STAMP))
    status = etree.SubElement(root, _named("Status", PROTOCOL))
    etree.SubElement(status, _named("StatusCode", PROTOCOL), Value=SUCCESS)
    return written(root)


@dataclass(frozen=True)
class Trust:
    """What a service demands of an assertion; a wrong one drops some *demands*."""

    key: PublicKey
    issuer: str
    audience: str
    demands: frozenset[str] = frozenset({"signature", "reference", "times", "issuer", "audience"})


def subject_of(octets: bytes, trust: Trust, now: dt.datetime) -> str:
    """Return the subject of an assertion; raises AssertionRefusedError."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(octets, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise AssertionRefusedError(f"no XML: {error}") from None
    if re.search(rb"<!DOCTYPE", octets) or root.tag != _named("Assertion"):
        raise AssertionRefusedError("no assertion, or one with a document type")
    if "signature" in trust.demands:
        _verify(root, trust)
    _demand(root, trust, now)
    name = root.findtext(f"{_named('Subject')}/{_named('NameID')}")
    if not name:
        raise AssertionRefusedError("it names no subject")
    return str(name)


def _verify(root: Any, trust: Trust) -> None:
    signature = root.find(_named("Signature", SIGNATURE))
    info = None if signature is None else signature.find(_named("SignedInfo", SIGNATURE))
    if info is None:
        raise AssertionRefusedError("it is not signed")
    spaces = {"ds": SIGNATURE}
    method = info.find("ds:SignatureMethod", spaces)
    kind = METHODS.get("" if method is None else method.get("Algorithm", ""))
    if kind is None or not isinstance(trust.key, kind):
        raise AssertionRefusedError("another signature method than the key is for")
    references = info.findall("ds:Reference", spaces)
    if len(references) != 1:
        raise AssertionRefusedError(f"{len(references)} references")
    target = root
    if references[0].get("URI") != f"#{root.get('ID')}":
        if "reference" in trust.demands:
            raise AssertionRefusedError("the signature is over something else")
        wanted = references[0].get("URI", "")[1:]
        target = next((e for e in root.iter() if e.get("ID") == wanted), root)
    covered = copy.deepcopy(target)
    for own in covered.findall(_named("Signature", SIGNATURE)):
        covered.remove(own)
    digest = base64.b64encode(hashlib.sha256(_canonical(covered)).digest()).decode()
    if references[0].findtext("ds:DigestValue", "", spaces) != digest:
        raise AssertionRefusedError("it was changed after it was signed")
    try:
        value = base64.b64decode(signature.findtext("ds:SignatureValue", "", spaces))
        _check(trust.key, value, _canonical(info))
    except (InvalidSignature, ValueError):
        raise AssertionRefusedError("the signature does not verify") from None


def _check(key: PublicKey, value: bytes, octets: bytes) -> None:
    if isinstance(key, rsa.RSAPublicKey):
        key.verify(value, octets, padding.PKCS1v15(), hashes.SHA256())
    else:
        r, s = (int.from_bytes(value[i : i + 32], "big") for i in (0, 32))
        key.verify(utils.encode_dss_signature(r, s), octets, ec.ECDSA(hashes.SHA256()))


def _demand(root: Any, trust: Trust, now: dt.datetime) -> None:
    if "issuer" in trust.demands and root.findtext(_named("Issuer")) != trust.issuer:
        raise AssertionRefusedError("another issuer")
    conditions = root.find(_named("Conditions"))
    if conditions is None:
        raise AssertionRefusedError("it has no conditions")
    if "times" in trust.demands:
        try:
            begins, ends = (
                dt.datetime.strptime(conditions.get(n, ""), _STAMP).replace(tzinfo=dt.UTC)
                for n in ("NotBefore", "NotOnOrAfter")
            )
        except ValueError:
            raise AssertionRefusedError("its conditions have no times") from None
        if not begins - SKEW <= now < ends + SKEW:
            raise AssertionRefusedError("it has expired, or is not valid yet")
    named = [e.text for e in conditions.iter(_named("Audience"))]
    if "audience" in trust.demands and trust.audience not in named:
        raise AssertionRefusedError("another audience")
