"""Primes for finite-field Diffie-Hellman by their size in bits; 2 generates a large subgroup of each.

1024: RFC 2409 6.2 · 1536: RFC 3526 2 · 2048: ffdhe2048 of RFC 7919 A.1 · 2047: a safe prime made for this
file, one bit too short for a rule that asks for 2048.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

GENERATOR = 2
PRIMES: Mapping[int, int] = MappingProxyType(
    {
        1024: int(
            "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22"
            "514a08798e3404ddef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6"
            "f44c42e9a637ed6b0bff5cb6f406b7edee386bfb5a899fa5ae9f24117c4b1fe649286651ece65381"
            "ffffffffffffffff",
            16,
        ),
        1536: int(
            "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22"
            "514a08798e3404ddef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6"
            "f44c42e9a637ed6b0bff5cb6f406b7edee386bfb5a899fa5ae9f24117c4b1fe649286651ece45b3d"
            "c2007cb8a163bf0598da48361c55d39a69163fa8fd24cf5f83655d23dca3ad961c62f356208552bb"
            "9ed529077096966d670c354e4abc9804f1746c08ca237327ffffffffffffffff",
            16,
        ),
        2047: int(
            "5dac7b72b8dde0616abd00c61c439c397f850e785bc26d46294a6918945ac29a4c0bd5e687b11025"
            "870364aa287dc21571e8f42930b3ccdbaca4967fc4429fb98149af38489c524a7a895855d5a1a8ac"
            "5d8fe4125860568995bee70fc5ca79d1c6a9fa3153c140d550039349d5a31e5ca533d0f58b0f8d9b"
            "2413a1f7642806be0ff1e7dd6291892603989882a145065b2cf91f81cd76ef3e1491d862392a4091"
            "b720278b82e1e21ffabd3ca2c2166c464781d890d579513b725258f5b5f3200ec25dcc92f885158d"
            "1a6f04481d8959a6a6d21c99847bf4c1bb952d92e76098d59dc4a460e3ec0ee19426822d4fe044c5"
            "8d84811841f2e0e4f88ba24ac8eab1b7",
            16,
        ),
        2048: int(
            "ffffffffffffffffadf85458a2bb4a9aafdc5620273d3cf1d8b9c583ce2d3695a9e13641146433fb"
            "cc939dce249b3ef97d2fe363630c75d8f681b202aec4617ad3df1ed5d5fd65612433f51f5f066ed0"
            "856365553ded1af3b557135e7f57c935984f0c70e0e68b77e2a689daf3efe8721df158a136ade735"
            "30acca4f483a797abc0ab182b324fb61d108a94bb2c8e3fbb96adab760d7f4681d4f42a3de394df4"
            "ae56ede76372bb190b07a7c8ee0a6d709e02fce1cdf7e2ecc03404cd28342f619172fe9ce98583ff"
            "8e4f1232eef28183c3fe3b1b4c6fad733bb5fcbc2ec22005c58ef1837d1683b2c6f34a26c1b2effa"
            "886b423861285c97ffffffffffffffff",
            16,
        ),
    }
)
