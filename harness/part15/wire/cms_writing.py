"""Writing Secure DICOM Files: right ones, and wrong ones on purpose, each deviation a field of the recipe."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from part15.wire.cms_ber import element, oid_octets
from part15.wire.cms_names import (
    AES128_CBC,
    AES192_CBC,
    AES256_CBC,
    AUTH_ENVELOPED_DATA,
    DATA,
    DES_EDE3_CBC,
    DIGESTED_DATA,
    ENCRYPTED_DATA,
    ENVELOPED_DATA,
    KEY_LENGTHS,
    PBKDF2,
    PWRI_KEK,
    RSA_ENCRYPTION,
    RSAES_OAEP,
    RSASSA_PSS,
    SHA1,
    SHA256,
    SHA384,
    SHA512,
    SIGNED_DATA,
)
from part15.wire.cms_opening import block_size, cbc

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

NULL = b"\x05\x00"
DIGEST_OIDS = {
    "md5": "1.2.840.113549.2.5",
    "sha1": SHA1,
    "sha224": "2.16.840.1.101.3.4.2.4",
    "sha256": SHA256,
    "sha384": SHA384,
    "sha512": SHA512,
}
CIPHER_OIDS = {
    "des-ede3-cbc": DES_EDE3_CBC,
    "aes128-CBC": AES128_CBC,
    "aes192-CBC": AES192_CBC,
    "aes256-CBC": AES256_CBC,
    "des-cbc": "1.3.14.3.2.7",
    "rc2-cbc": "1.2.840.113549.3.2",
    "camellia256-cbc": "1.2.392.200011.61.1.1.1.4",
}
_HMAC_SHA256 = "1.2.840.113549.2.9"
_CONTENT_TYPE = "1.2.840.113549.1.9.3"
_MESSAGE_DIGEST = "1.2.840.113549.1.9.4"


@dataclass(frozen=True)
class Identity:
    """A certificate and its key, of a signer; recipients need the certificate only."""

    certificate: Certificate
    key: Any = field(repr=False)


@dataclass(frozen=True)
class Recipe:
    """How one file is written; the defaults are right, every other value of the last group is a deviation.

    *outer*: ``enveloped``, ``signed``, ``encrypted``, ``auth``, ``pem`` or ``plain``. *form*: ``bare``,
    ``wrapped``, ``as-data``, ``contents``, ``indefinite``. *transport*: ``rsa``, ``oaep`` or ``kek``.
    *before* changes the content, *alter* the inner structure before it is encrypted, *damage* the
    finished file.
    """

    recipients: tuple[Certificate, ...] = ()
    passwords: tuple[bytes, ...] = field(default=(), repr=False)
    signers: tuple[Identity, ...] = ()
    digest: str = "sha256"
    cipher: str = "aes256-CBC"
    password_cipher: str = "aes256-CBC"
    iterations: int = 2048
    attributes: bool = True

    inner: str = ""
    label: str = ""
    form: str = "bare"
    outer: str = "enveloped"
    transport: str = "rsa"
    version: int | None = None
    detached: bool = False
    certificates: bool = True
    skip_attribute: str = ""
    pss: bool = False
    wrong_digest: bool = False
    wrong_signature: bool = False
    two_key: bool = False
    padding: bool = True
    content_type: str = DATA
    extra_recipients: tuple[Certificate, ...] = ()
    before: Callable[[bytes], bytes] | None = None
    alter: Callable[[bytes], bytes] | None = None
    damage: Callable[[bytes], bytes] | None = None


def integer(value: int) -> bytes:
    """Return a DER INTEGER."""
    size = value.bit_length() // 8 + 1
    return element(0x02, value.to_bytes(size, "big"))


def sequence(*parts: bytes) -> bytes:
    """Return a DER SEQUENCE of *parts*."""
    return element(0x30, b"".join(parts))


def set_of(*parts: bytes) -> bytes:
    """Return a DER SET OF, in DER order."""
    return element(0x31, b"".join(sorted(parts)))


def octets(value: bytes) -> bytes:
    """Return a DER OCTET STRING."""
    return element(0x04, value)


def algorithm(oid: str, parameters: bytes = NULL) -> bytes:
    """Return an AlgorithmIdentifier."""
    return sequence(oid_octets(oid), parameters)


def content_info(oid: str, content: bytes) -> bytes:
    """Return a ContentInfo."""
    return sequence(oid_octets(oid), element(0xA0, content))


def write(content: bytes, recipe: Recipe) -> bytes:
    """Return *content* (a DICOM File) as a Secure DICOM File made by *recipe*."""
    if recipe.outer == "plain":
        return content
    if recipe.before is not None:
        content = recipe.before(content)
    kind = recipe.inner or ("signed" if recipe.signers else "digested")
    inner, oid = _inner(content, recipe, kind)
    if recipe.alter is not None:
        inner = recipe.alter(inner)
    plain, label = _formed(inner, oid, recipe, kind)
    if recipe.outer == "signed":
        made = content_info(oid, inner)
    else:
        made = _enveloped(plain, recipe.label or label, recipe)
    if recipe.outer == "pem":
        text = base64.encodebytes(made).decode()
        made = f"-----BEGIN CMS-----\n{text}-----END CMS-----\n".encode()
    return recipe.damage(made) if recipe.damage is not None else made


def _inner(content: bytes, recipe: Recipe, kind: str) -> tuple[bytes, str]:
    if kind == "data":
        return content, DATA
    if kind == "enveloped":
        return _enveloped(content, DATA, recipe, wrapped=False), ENVELOPED_DATA
    if kind == "digested":
        return digested_data(content, recipe), DIGESTED_DATA
    return signed_data(content, recipe), SIGNED_DATA


def _formed(inner: bytes, oid: str, recipe: Recipe, kind: str) -> tuple[bytes, str]:
    """Return the octets to encrypt and the content type that names them."""
    if recipe.form == "wrapped":
        return content_info(oid, inner), oid
    if recipe.form == "as-data":
        return content_info(oid, inner), DATA
    if recipe.form == "contents" and kind != "data":
        header = 2 if inner[1] < 0x80 else 2 + (inner[1] & 0x7F)
        return inner[header:], oid
    return inner, oid


def _digest(name: str, value: bytes) -> bytes:
    return hashlib.new(name, value).digest()


def _capsule(content: bytes, recipe: Recipe) -> bytes:
    if recipe.detached:
        return sequence(oid_octets(recipe.content_type))
    if recipe.form == "indefinite":
        pieces = b"".join(octets(content[i : i + 1000]) for i in range(0, len(content), 1000))
        string = b"\x24\x80" + pieces + b"\0\0"
        inside = b"\xa0\x80" + string + b"\0\0"
        return b"\x30\x80" + oid_octets(recipe.content_type) + inside + b"\0\0"
    return sequence(oid_octets(recipe.content_type), element(0xA0, octets(content)))


def digested_data(content: bytes, recipe: Recipe) -> bytes:
    """Return a DigestedData over *content*."""
    digest = _digest(recipe.digest, content + (b"x" if recipe.wrong_digest else b""))
    named = algorithm(DIGEST_OIDS[recipe.digest])
    return sequence(integer(0), named, _capsule(content, recipe), octets(digest))


def signed_data(content: bytes, recipe: Recipe) -> bytes:
    """Return a SignedData over *content*, one SignerInfo per signer."""
    from cryptography.hazmat.primitives.serialization import Encoding

    named = algorithm(DIGEST_OIDS[recipe.digest])
    infos = [_signer_info(content, signer, recipe) for signer in recipe.signers]
    parts = [integer(1), set_of(named), _capsule(content, recipe)]
    if recipe.certificates:
        ders = [s.certificate.public_bytes(Encoding.DER) for s in recipe.signers]
        parts.append(element(0xA0, b"".join(ders)))
    return sequence(*parts, set_of(*infos))


def _signer_info(content: bytes, signer: Identity, recipe: Recipe) -> bytes:
    digest = _digest(recipe.digest, content + (b"x" if recipe.wrong_digest else b""))
    issuer = sequence(
        signer.certificate.issuer.public_bytes(), integer(signer.certificate.serial_number)
    )
    parts = [integer(1), issuer, algorithm(DIGEST_OIDS[recipe.digest])]
    to_sign = content
    if recipe.attributes:
        attributes = {
            "contentType": sequence(
                oid_octets(_CONTENT_TYPE), set_of(oid_octets(recipe.content_type))
            ),
            "messageDigest": sequence(oid_octets(_MESSAGE_DIGEST), set_of(octets(digest))),
        }
        kept = [v for k, v in attributes.items() if k != recipe.skip_attribute]
        to_sign = set_of(*kept)
        parts.append(b"\xa0" + to_sign[1:])
    named, signature = _signature(to_sign, signer.key, recipe)
    if recipe.wrong_signature:
        signature = signature[:-1] + bytes([signature[-1] ^ 1])
    return sequence(*parts, named, octets(signature))


def _signature(to_sign: bytes, key: Any, recipe: Recipe) -> tuple[bytes, bytes]:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

    hashed = getattr(hashes, recipe.digest.upper())()
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return sequence(oid_octets("1.2.840.10045.4.3.2")), key.sign(to_sign, ec.ECDSA(hashed))
    assert isinstance(key, rsa.RSAPrivateKey)
    if recipe.pss:
        size = hashed.digest_size
        named = algorithm(DIGEST_OIDS[recipe.digest])
        mask = sequence(oid_octets("1.2.840.113549.1.1.8"), named)
        parameters = sequence(
            element(0xA0, named), element(0xA1, mask), element(0xA2, integer(size))
        )
        scheme: Any = padding.PSS(padding.MGF1(hashed), size)
        return algorithm(RSASSA_PSS, parameters), key.sign(to_sign, scheme, hashed)
    return algorithm(RSA_ENCRYPTION), key.sign(to_sign, padding.PKCS1v15(), hashed)


def _enveloped(plain: bytes, label: str, recipe: Recipe, *, wrapped: bool = True) -> bytes:
    """Encrypt *plain* and return the ContentInfo (or the bare EnvelopedData)."""
    cipher, key, iv, ciphertext = _encrypted(plain, recipe)
    encrypted = sequence(
        oid_octets(label), algorithm(cipher, octets(iv)), element(0x80, ciphertext)
    )
    if recipe.outer == "encrypted":
        return content_info(ENCRYPTED_DATA, sequence(integer(0), encrypted))
    infos = [_key_transport(c, key, recipe) for c in (*recipe.recipients, *recipe.extra_recipients)]
    infos += [_password_recipient(p, key, recipe) for p in recipe.passwords]
    if recipe.transport == "kek":
        infos = [_kek_recipient(key)]
    due = 3 if recipe.passwords else 2 if recipe.transport == "kek" else 0
    version = due if recipe.version is None else recipe.version
    made = sequence(integer(version), set_of(*infos), encrypted)
    if recipe.outer == "auth":
        made = sequence(integer(0), set_of(*infos), encrypted, octets(bytes(16)))
        return content_info(AUTH_ENVELOPED_DATA, made)
    return content_info(ENVELOPED_DATA, made) if wrapped else made


def _encrypted(plain: bytes, recipe: Recipe) -> tuple[str, bytes, bytes, bytes]:
    oid = CIPHER_OIDS[recipe.cipher]
    if oid in KEY_LENGTHS:
        size, key = block_size(oid), os.urandom(KEY_LENGTHS[oid])
        if recipe.two_key:
            key = key[:16] + key[:8]
        iv = os.urandom(size)
        cipher = cbc(oid, key, iv)
    else:
        key, iv, cipher = _foreign(recipe.cipher)
        size = len(iv)
    pad = size - len(plain) % size
    padded = plain + (bytes([pad]) * pad if recipe.padding else bytes(pad))
    encryptor = cipher.encryptor()
    return oid, key, iv, encryptor.update(padded) + encryptor.finalize()


def _foreign(name: str) -> tuple[bytes, bytes, Any]:
    """Return key, IV and cipher of an algorithm that D.1 does not allow."""
    from cryptography.hazmat.decrepit.ciphers import algorithms as decrepit
    from cryptography.hazmat.decrepit.ciphers.algorithms import RC2, TripleDES
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    if name == "des-cbc":
        key, iv = os.urandom(8), os.urandom(8)
        return key, iv, Cipher(TripleDES(key * 3), modes.CBC(iv))
    if name == "rc2-cbc":
        key, iv = os.urandom(16), os.urandom(8)
        return key, iv, Cipher(RC2(key), modes.CBC(iv))
    key, iv = os.urandom(32), os.urandom(16)
    # Camellia moved to the decrepit algorithms in cryptography 50.
    home: Any = decrepit if hasattr(decrepit, "Camellia") else algorithms
    return key, iv, Cipher(home.Camellia(key), modes.CBC(iv))


def _key_transport(certificate: Certificate, key: bytes, recipe: Recipe) -> bytes:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    public = certificate.public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    issuer = sequence(certificate.issuer.public_bytes(), integer(certificate.serial_number))
    if recipe.transport == "oaep":
        scheme: Any = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)  # noqa: S303
        named = algorithm(RSAES_OAEP, sequence())
    else:
        scheme, named = padding.PKCS1v15(), algorithm(RSA_ENCRYPTION)
    return sequence(integer(0), issuer, named, octets(public.encrypt(key, scheme)))


def _kek_recipient(key: bytes) -> bytes:
    from cryptography.hazmat.primitives.keywrap import aes_key_wrap

    named = sequence(oid_octets("2.16.840.1.101.3.4.1.5"))
    wrapped = aes_key_wrap(bytes(range(16)), key + bytes(-len(key) % 8))
    return element(0xA2, integer(4) + sequence(octets(b"\1")) + named + octets(wrapped))


def _password_recipient(password: bytes, key: bytes, recipe: Recipe) -> bytes:
    oid, salt = CIPHER_OIDS[recipe.password_cipher], os.urandom(16)
    length = KEY_LENGTHS.get(oid, 16)
    kek = hashlib.pbkdf2_hmac("sha256", password, salt, recipe.iterations, length)
    derivation = sequence(octets(salt), integer(recipe.iterations), algorithm(_HMAC_SHA256))
    iv, wrapped = wrap(kek, oid, key)
    named = algorithm(PWRI_KEK, algorithm(oid, octets(iv)))
    derived = element(0xA0, oid_octets(PBKDF2) + derivation)
    return element(0xA3, integer(0) + derived + named + octets(wrapped))


def wrap(kek: bytes, oid: str, key: bytes) -> tuple[bytes, bytes]:
    """Wrap *key* by RFC 3211 2.3.1; returns IV and wrapped key."""
    known = oid in KEY_LENGTHS
    size = block_size(oid) if known else 8
    iv = os.urandom(size)
    plain = bytes([len(key)]) + bytes(b ^ 0xFF for b in key[:3]) + key
    plain += os.urandom(max(2 * size - len(plain), -len(plain) % size))

    def encrypt(start: bytes, value: bytes) -> bytes:
        if known:
            encryptor = cbc(oid, kek, start).encryptor()
        else:
            _, _, cipher = _foreign("rc2-cbc")
            encryptor = cipher.encryptor()
        return bytes(encryptor.update(value) + encryptor.finalize())

    once = encrypt(iv, plain)
    return iv, encrypt(once[-size:], once)
