"""Re-identifiers: protected objects and one key at a time; what comes back is compared with what was enclosed (E.1.2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from part15.bench import Bench
from part15.channel.adapter import Adapter, Answer, adapter_of
from part15.drivers.deid import write_certificate
from part15.errors import Trouble
from part15.model import Impact
from part15.observations import NotReached
from part15.observations.deid import ReidentifiedSeen, ReidentifiedSet
from part15.registry import driver
from part15.wire.deid_encrypted import MODIFIED, SEQUENCE, envelope, plain_index
from part15.wire.deid_index import Index, index
from part15.wire.elements import MalformedDataSet
from part15.wire.part10 import parse

CIPHERS = ("aes128-CBC", "aes192-CBC", "aes256-CBC", "des-ede3-cbc")
SECONDS = 10.0
_SHOWN = 20


@dataclass(frozen=True)
class Exchange:
    """One question: an object, whose key, and what that key should bring back (path -> plain value)."""

    name: str
    octets: bytes
    key: str
    cipher: str = ""
    openable: int = 0
    chosen: tuple[int, ...] = ()
    due: Mapping[str, bytes] | None = None
    others: tuple[str, ...] = ()


@driver(Impact.OBSERVE, at="target", adapter=True)
def reidentify(bench: Bench) -> ReidentifiedSet | NotReached:
    """Ask the adapter's ``reidentify`` with right keys, a stranger's key, every cipher and damaged objects."""
    try:
        adapter = adapter_of(bench.target)
    except Trouble as trouble:
        return NotReached("reidentify", trouble.why)
    keys = _keys(bench.scratch)
    cases: list[ReidentifiedSeen] = []
    for number, exchange in enumerate(_exchanges(bench.scratch)):
        seen = _asked(bench, adapter, exchange, keys, number)
        if seen.state == "cannot" and not cases:
            return NotReached("reidentify", f"the adapter cannot reidentify: {seen.why}")
        cases.append(seen)
    bench.note(f"{len(cases)} protected objects to re-identify")
    return ReidentifiedSet(tuple(cases))


def _keys(folder: Path) -> dict[str, tuple[str, str]]:
    """Write the certificates and keys of the recipients and the stranger; return their paths by name."""
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    from part15.peers.deid_party import recipients

    found = {}
    for name, identity in recipients().items():
        key = folder / f"{name}.key"
        key.write_bytes(
            identity.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
        certificate = write_certificate(folder / f"{name}.pem", identity.certificate)
        found[name] = (str(certificate), str(key))
    return found


def _exchanges(folder: Path) -> Iterator[Exchange]:
    """Yield the fixed cases: three recipients with three subsets in every cipher, a stranger, damage."""
    from part15.peers.canaries import write_corpus
    from part15.peers.deid_envelope import enclosed
    from part15.peers.deid_party import RECIPIENTS, recipients
    from part15.peers.deidentifier import Deidentifier

    corpus = write_corpus(folder / "originals", "re-identification")
    before = next(
        (corpus.folder / path).read_bytes()
        for path, what in corpus.files.items()
        if "before" in what
    )
    peer = Deidentifier()
    bare = peer.object(before)
    peer.recipients = [recipients()[name].certificate for name in RECIPIENTS]
    for cipher in CIPHERS:
        octets = enclosed(bare, peer, before, cipher)
        subsets = _subsets(octets)
        for number, name in enumerate(RECIPIENTS, 1):
            mine = subsets[number - 1]
            others = {path for subset in subsets for path in subset} - set(mine)
            if number == 1 or cipher == CIPHERS[2]:
                yield Exchange(
                    f"{cipher}, recipient {number}",
                    octets,
                    name,
                    cipher,
                    1,
                    (number,),
                    mine,
                    tuple(others),
                )
    every = tuple({path for subset in subsets for path in subset})
    yield Exchange("a stranger's key", octets, "stranger", due={}, others=every)
    yield Exchange(
        "cut envelopes", _with(peer, bare, before, "cuts_envelopes"), "first", due={}, others=every
    )
    yield Exchange(
        "plain content",
        _with(peer, bare, before, "encloses_without_encrypting"),
        "first",
        due={},
        others=every,
    )


def _with(peer: object, bare: bytes, before: bytes, fault: str) -> bytes:
    from part15.peers.deid_envelope import enclosed
    from part15.peers.deidentifier import Deidentifier

    assert isinstance(peer, Deidentifier)
    wrong = Deidentifier(faults=(fault,), recipients=peer.recipients)
    return enclosed(bare, wrong, before, CIPHERS[2])


def _subsets(octets: bytes) -> list[dict[str, bytes]]:
    """Return what each item encloses: path -> comparable value."""
    from part15.peers.deid_party import RECIPIENTS, opener, recipients
    from part15.wire.cms_opening import open_enveloped

    found = index(parse(octets))
    openers = [opener(recipients()[name]) for name in RECIPIENTS]
    subsets = []
    sequence = found.at(SEQUENCE)
    for number in range(1, (sequence.items if sequence is not None else 0) + 1):
        item = f"{SEQUENCE}[{number}]/"
        content = found.at(item + "(0400,0520)")
        assert content is not None
        data = found.octets(content)
        enveloped, _ = envelope(data)
        opened = open_enveloped(data, enveloped, openers)
        assert opened.plaintext is not None
        inner = plain_index(bytes(opened.plaintext), found.text(item + "(0400,0510)"))
        head = f"{MODIFIED}[1]/"
        subsets.append(
            {
                a.path.removeprefix(head): comparable(inner, at)
                for at, a in enumerate(inner.attributes)
                if a.level == 1 and a.path.startswith(head) and a.tag & 0xFFFF
            }
        )
    return subsets


def comparable(found: Index, position: int) -> bytes:
    """Return the value at *position* so that equal contents are equal octets."""
    attribute = found.attributes[position]
    if attribute.items < 0:
        return found.plain(attribute)
    return repr(found.content(position)).encode()


def _asked(
    bench: Bench,
    adapter: Adapter,
    exchange: Exchange,
    keys: Mapping[str, tuple[str, str]],
    number: int,
) -> ReidentifiedSeen:
    folder = bench.scratch / f"exchange-{number}"
    out = folder / "out"
    out.mkdir(parents=True)
    source = folder / "protected.dcm"
    source.write_bytes(exchange.octets)
    certificate, key = keys[exchange.key]
    request = {"files": [str(source)], "out": str(out), "certificate": certificate, "key": key}
    answer = adapter.ask("reidentify", request, deadline=bench.deadline + SECONDS)
    seen = ReidentifiedSeen(
        exchange.name,
        exchange.cipher,
        exchange.key,
        answer.outcome,
        exchange.openable,
        exchange.chosen,
        why=answer.why,
        unchanged=True,
    )
    made = _output(answer, out)
    return compared(seen, exchange, made) if made is not None else _without(seen)


def _without(seen: ReidentifiedSeen) -> ReidentifiedSeen:
    from dataclasses import replace

    if seen.state != "done":
        return seen
    return replace(seen, state="crashed", why="it answered 'done' and wrote no DICOM file")


def _output(answer: Answer, out: Path) -> bytes | None:
    paths = [Path(f) for f in answer.files] or sorted(out.iterdir())
    return paths[0].read_bytes() if paths and paths[0].is_file() else None


def compared(seen: ReidentifiedSeen, exchange: Exchange, made: bytes) -> ReidentifiedSeen:
    """Return *seen* with what *made* holds of what should, and should not, have come back."""
    from dataclasses import replace

    try:
        old, new = index(parse(exchange.octets)), index(parse(made))
    except MalformedDataSet as trouble:
        return replace(seen, state="crashed", why=f"its output is no DICOM file: {trouble}")
    due = exchange.due or {}
    values = {path: _at(new, path) for path in due}
    counts = [a.path for a in new.attributes if not a.level]
    return replace(
        seen,
        restored=tuple(p for p, value in due.items() if values[p] == value)[:_SHOWN],
        wrong=tuple(p for p, value in due.items() if values[p] not in (None, value, _at(old, p)))[
            :_SHOWN
        ],
        absent=tuple(
            p
            for p, value in due.items()
            if values[p] is None or (values[p] != value and values[p] == _at(old, p))
        )[:_SHOWN],
        doubled=tuple(sorted({p for p in counts if counts.count(p) > 1}))[:_SHOWN],
        leaked=tuple(p for p in exchange.others if _at(new, p) != _at(old, p))[:_SHOWN],
        identity_removed=_flag(new.text("(0012,0062)")),
        method_left=tuple(p for p in ("(0012,0063)", "(0012,0064)") if new.at(p) is not None),
        left_over=tuple(
            p
            for p in (SEQUENCE, "(0028,0303)", "(0028,0301)", "(0028,0302)")
            if new.at(p) is not None
        ),
        unchanged=bytes(old.data[old.attributes[0].value :])
        == bytes(new.data[new.attributes[0].value :]),
    )


def _flag(value: str) -> str:
    return value if value in ("", "YES", "NO") else "other"


def _at(found: Index, path: str) -> bytes | None:
    position = found.by_path.get(path)
    return None if position is None else comparable(found, position)
