"""The hunt on the path between two real ends: DCMTK's clients and servers, with our relay as the wire."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from part15.bench import Bench, Ledger, Shelf
from part15.checks import tls_stream as checks
from part15.drivers import tls_between, tls_path
from part15.model import Word
from part15.observations import from_json, to_json
from part15.observations.tls_stream import LinkSeen, PathSeen
from part15.peers.known import NODELAY, search_path
from part15.peers.starting import free_port, process
from part15.pki import Pki, make_pki
from part15.target_file import parse_target

OBJECT, QUERY = "object of from-client", "query of actions.query"
PLANTED = {OBJECT: {"the header", "the pixel data"}, QUERY: {"the query"}}
START = Callable[..., None]


class Sink:
    """Keeps evidence by name."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def keep(self, name: str, data: bytes, *, phi: str = "none") -> None:
        """Take it."""
        self.kept[name] = data


def program(name: str) -> str:
    found = shutil.which(name, path=search_path())
    if found is None and os.environ.get("PART15_REQUIRE_PEERS") == "1":
        pytest.fail(f"{name} is not installed, but PART15_REQUIRE_PEERS=1 demands it")
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("between-pki"))


@pytest.fixture
def start(tmp_path: Path) -> Iterator[START]:
    with ExitStack() as stack:

        def begin(port: int, *words: str) -> None:
            command = [program(words[0]), *words[1:]]
            around = process(command, port, words[0], tmp_path, {**os.environ, **NODELAY}, 10.0)
            stack.enter_context(around)

        yield begin


def tls(pki: Pki, name: str, option: str) -> list[str]:
    if option == "plain":
        return []
    mine = pki[name]
    return ["+tls", str(mine.key), str(mine.certificate), "+cf", str(pki.ca), option]


def bench(pki: Pki, port: int, option: str, folder: Path, sends: dict[str, Any]) -> Bench:
    """Return a bench on the server on *port*; *sends* adds a trigger or an action to the target."""
    mine = {"certificate": str(pki["client"].certificate), "key": str(pki["client"].key)}
    transport = "plain" if option == "plain" else "tls"
    point = {"address": f"127.0.0.1:{port}", "transport": transport, "ae_title": "QRSTORE"}
    if transport == "tls":
        point |= {"identity": mine, "trust": str(pki.ca), "server_name": "localhost"}  # type: ignore[dict-item]
    listener = {"transport": transport, "trigger": sends.get("trigger", ["true"])}
    target = parse_target(
        {
            "target": {"name": "two real ends"},
            "endpoints": {"server": point},
            "listeners": {"from-client": listener},
            "actions": sends.get("actions", {}),
        }
    )
    scratch = folder / "scratch"
    scratch.mkdir(exist_ok=True)
    return Bench(
        target, target.endpoints["server"], Sink(), Ledger(), Shelf(), scratch, 3.0, "test"
    )


def storage(
    pki: Pki, start: START, folder: Path, option: str, client: str = "", port: int = 0
) -> Bench:
    port, received = port or free_port(), folder / "received"
    received.mkdir()
    start(port, "storescp", *tls(pki, "server", option), "-od", str(received), str(port))
    mine = tls(pki, "client", client or option)
    trigger = [program("storescu"), *mine, "-to", "3", "{host}", "{port}", "{file}"]
    return bench(pki, port, option, folder, {"trigger": trigger})


def front(pki: Pki, start: START, folder: Path, ports: tuple[int, int], ciphers: str) -> None:
    """Start stunnel from the first of *ports* to the second."""
    mine = pki["server"]
    null = "sslVersionMax = TLSv1.2\n" if "NULL" in ciphers else ""
    (folder / "stunnel.conf").write_text(
        "foreground = yes\npid =\nsyslog = no\n[dicom]\n"
        f"accept = 127.0.0.1:{ports[0]}\nconnect = 127.0.0.1:{ports[1]}\n"
        f"cert = {mine.certificate}\nkey = {mine.key}\nCAfile = {pki.ca}\n"
        f"verifyChain = yes\nrequireCert = yes\nciphers = {ciphers}:@SECLEVEL=0\n{null}"
    )
    start(ports[0], "stunnel", str(folder / "stunnel.conf"))


def queries(pki: Pki, start: START, folder: Path, option: str) -> Bench:
    """Return a bench on dcmqrscp, with stunnel before it unless *option* is plain."""
    port, behind, store = free_port(), free_port(), folder / "store"
    store.mkdir()
    behind = port if option == "plain" else behind
    (folder / "qr.cfg").write_text(
        f"NetworkTCPPort = {behind}\nMaxPDUSize = 16384\nMaxAssociations = 16\n"
        "HostTable BEGIN\nHostTable END\nVendorTable BEGIN\nVendorTable END\n"
        f"AETable BEGIN\nQRSTORE {store} RW (200, 1024mb) ANY\nAETable END\n"
    )
    start(behind, "dcmqrscp", "-c", str(folder / "qr.cfg"))
    if option != "plain":
        front(pki, start, folder, (port, behind), "NULL-SHA" if option == "+pn" else "DEFAULT")
    find = [program("findscu"), *tls(pki, "client", option), "-to", "3", "-S", "-aec", "{aet}"]
    action = [*find, "{host}", "{port}", "{file}"]
    return bench(pki, port, option, folder, {"actions": {"query": action}})


def seen(on: Bench) -> LinkSeen:
    (one,) = tls_between.senders(on)
    found = tls_between.link(on, one)
    assert from_json(to_json(PathSeen({one.name: found}))) == PathSeen({one.name: found})
    return found


PEERS = {OBJECT: storage, QUERY: queries}


@pytest.mark.parametrize("what", list(PEERS))
@pytest.mark.parametrize("option", ["+pa", "+py"])
def test_nothing_is_read_between_two_real_ends(
    pki: Pki, start: START, tmp_path: Path, what: str, option: str
) -> None:
    on = PEERS[what](pki, start, tmp_path, option)
    found = seen(on)
    assert set(found.planted) == PLANTED[what], found
    assert found.visible == ()
    assert found.version in ("TLSv1.2", "TLSv1.3")
    assert "AES" in found.suite
    if what == OBJECT:
        assert len(list((tmp_path / "received").iterdir())) == 1


@pytest.mark.parametrize("what", list(PEERS))
@pytest.mark.parametrize("option", ["+pn", "plain"])
def test_the_same_hunt_finds_everything_on_a_link_without_encryption(
    pki: Pki, start: START, tmp_path: Path, what: str, option: str
) -> None:
    on = PEERS[what](pki, start, tmp_path, option)
    found = seen(on)
    assert set(found.planted) == set(found.visible) == PLANTED[what], found
    assert ("NULL" in found.suite) == (option == "+pn")
    hidden = LinkSeen("TLSv1.2", "x", 900, ("the header",))
    answer = checks.shows_nothing(PathSeen({"usual": hidden, what: found}))
    assert answer.word is Word.FAIL
    assert [f.subject for f in answer.findings] == [what]


def test_the_clause_sees_both_ends_and_passes(pki: Pki, start: START, tmp_path: Path) -> None:
    found = tls_path.hunt(storage(pki, start, tmp_path, "+py"))
    assert isinstance(found, PathSeen)
    assert set(found.links) == {"usual", "NULL", OBJECT}
    assert set(found.links[OBJECT].planted) == PLANTED[OBJECT]
    answer = checks.shows_nothing(found)
    assert answer.word is Word.PASS
    assert f"{OBJECT}: TLS_" in answer.observed


def test_two_real_ends_that_agree_on_a_null_suite_fail_the_clause(
    pki: Pki, start: START, tmp_path: Path
) -> None:
    behind, port = free_port(), free_port()
    storage(pki, start, tmp_path, "plain", port=behind)
    front(pki, start, tmp_path, (port, behind), "ECDHE+AESGCM:NULL-SHA")
    mine = tls(pki, "client", "+pn")
    trigger = [program("storescu"), *mine, "-to", "3", "{host}", "{port}", "{file}"]
    found = tls_path.hunt(bench(pki, port, "+pn", tmp_path, {"trigger": trigger}))
    assert isinstance(found, PathSeen)
    assert not found.links["usual"].visible
    assert set(found.links[OBJECT].visible) == PLANTED[OBJECT]
    answer = checks.shows_nothing(found)
    assert answer.word is Word.FAIL
    assert OBJECT in {f.subject for f in answer.findings}


@pytest.mark.parametrize("client", ["+pn", "plain"])
def test_a_client_that_the_server_refuses_shows_nothing(
    pki: Pki, start: START, tmp_path: Path, client: str
) -> None:
    found = seen(storage(pki, start, tmp_path, "+py", client))
    assert not found.planted
    assert not found.visible
    assert "not sent as a whole" in found.ended


@pytest.mark.parametrize(
    ("trigger", "why"),
    [
        (["true", "{port}", "{file}"], "nothing came to the relay"),
        (["no-such-program", "{port}", "{file}"], "cannot be started"),
    ],
)
def test_a_trigger_that_does_nothing_decides_nothing(
    pki: Pki, tmp_path: Path, trigger: list[str], why: str
) -> None:
    found = seen(bench(pki, free_port(), "+py", tmp_path, {"trigger": trigger}))
    assert not found.planted
    assert why in found.ended


@pytest.mark.parametrize(
    "trigger", ["ask", ["storescu", "{host}", "{port}", "own.dcm"], ["send", "{file}"]]
)
def test_only_a_command_that_takes_our_file_and_port_is_a_sender(
    pki: Pki, tmp_path: Path, trigger: Any
) -> None:
    on = bench(pki, free_port(), "+py", tmp_path, {"trigger": trigger})
    assert not list(tls_between.senders(on))
