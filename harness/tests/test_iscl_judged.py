"""ISCL from the target to the verdict: what is a verdict, what rests on a draft, what needs a second end."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from part15 import load
from part15.channel.iscl import key_from
from part15.channel.iscl_gateway import Gateway
from part15.channel.tls import Plain
from part15.checks import iscl as checks
from part15.errors import TargetError, Trouble
from part15.evidence import Store
from part15.judge import judge
from part15.model import Verdict, Word
from part15.observations import NotReached, from_json, to_json
from part15.observations.iscl import (
    Answer,
    BetweenSeen,
    BindingSeen,
    Carried,
    DirectSeen,
    FreshSeen,
    IsclPortSeen,
    IsclSeen,
)
from part15.observations.session import Foreign
from part15.peers.iscl_faults import faults
from part15.peers.iscl_peer import IsclPeer
from part15.plan import build_plan
from part15.selftest import compare
from part15.selftest_iscl import ARENAS, IsclArena
from part15.session import Session
from part15.target_file import parse_target
from part15.wire.iscl_binding import load_binding

DROPPED = Carried(False, "none", True, True, 5000, 300)
RIGHT = Carried(True, "same", False, True, 50_000, 400)
BETWEEN = BetweenSeen(
    clean=RIGHT,
    runs={
        "altered-middle": (DROPPED, DROPPED),
        "altered-answer": (DROPPED,) * 4,
        "replay": (dataclasses.replace(DROPPED, entered=False),),
        "other-keys": (DROPPED,),
    },
    fresh=FreshSeen(20, 128, 128, 64, True),
    markers=(),
    size=40_000,
    after=RIGHT,
)
SERVED = Answer(True, True, 0, 1, "closed", "", True, 8192, 8192, ("received check_rq",), "des_mac")
REFUSED = Answer(True, False, None, 0, "closed")
ANSWERS = {
    **dict.fromkeys(checks._END, REFUSED),
    **dict.fromkeys(
        ("des-mac", "md5", "md5-first", "md5-second", "with-privacy", "session-keys"), SERVED
    ),
    "without-privacy": REFUSED,
    "small-blocks": SERVED,
    "one-block": dataclasses.replace(SERVED, echoes=3),
}
DRAFT = BindingSeen("medis-1.00-candidate-be", "draft", "21 of its facts are assumed")
DIRECT = DirectSeen(DRAFT, SERVED, ANSWERS, SERVED)
SEEN = IsclSeen("server", ("privacy",), BETWEEN, DIRECT)


def changed(**runs: Any) -> IsclSeen:
    return dataclasses.replace(
        SEEN, between=dataclasses.replace(BETWEEN, runs={**BETWEEN.runs, **runs})
    )


def between(**more: Any) -> IsclSeen:
    return dataclasses.replace(SEEN, between=dataclasses.replace(BETWEEN, **more))


def direct(control: Answer = SERVED, **answers: Answer) -> IsclSeen:
    named = {k.replace("_", "-"): v for k, v in answers.items()}
    made = dataclasses.replace(DIRECT, control=control, answers={**ANSWERS, **named})
    return dataclasses.replace(SEEN, direct=made)


STORED = dataclasses.replace(DROPPED, stored="other")
HELD = dataclasses.replace(DROPPED, dropped=False)


@pytest.mark.parametrize(
    ("facet", "wrong"),
    [
        ("altered-middle", changed(**{"altered-middle": (DROPPED, STORED)})),
        ("altered-middle", changed(**{"altered-middle": (HELD, HELD)})),
        (
            "altered-middle",
            changed(**{"altered-middle": (dataclasses.replace(RIGHT, stored="unknown"),) * 2}),
        ),
        ("altered-answer", changed(**{"altered-answer": (RIGHT,) * 4})),
        ("replay", changed(replay=(dataclasses.replace(DROPPED, entered=True),))),
        ("replay", changed(replay=(dataclasses.replace(DROPPED, entered=False, stored="same"),))),
        ("other-keys", changed(**{"other-keys": (RIGHT,)})),
        ("other-keys", changed(**{"other-keys": (dataclasses.replace(DROPPED, sent=41_000),)})),
        ("fresh-challenges", between(fresh=FreshSeen(20, 64, 0, 0, True))),
        ("fresh-challenges", between(fresh=FreshSeen(20, 128, 64, 0, True))),
        ("fresh-challenges", between(fresh=FreshSeen(20, 128, 128, 64, False))),
        (
            "fresh-challenges",
            dataclasses.replace(between(fresh=FreshSeen(20, 64, 128, 64, True)), role="client"),
        ),
        ("privacy-as-claimed", between(markers=("patient name",))),
    ],
)
def test_what_is_seen_from_outside_is_a_verdict(facet: str, wrong: IsclSeen) -> None:
    right = checks.withstands(SEEN, facet=facet)
    assert (right.word, right.rests_on) == (Word.PASS, ())
    found = checks.withstands(wrong, facet=facet)
    assert (found.word, found.rests_on) == (Word.FAIL, ())
    missing = dataclasses.replace(SEEN, between=NotReached("needs a second endpoint", "give one"))
    assert checks.withstands(missing, facet=facet).word is Word.INCONCLUSIVE
    assert "needs a second endpoint" in checks.withstands(missing, facet=facet).message


def test_octets_that_nothing_protects_make_no_failure() -> None:
    one = checks.withstands(changed(**{"altered-middle": (DROPPED, RIGHT)}), facet="altered-middle")
    assert one.word is Word.PASS
    assert any("nothing protects" in f.message for f in one.findings)
    both = checks.withstands(changed(**{"altered-middle": (RIGHT, RIGHT)}), facet="altered-middle")
    assert both.word is Word.INCONCLUSIVE
    waits = changed(**{"altered-middle": (DROPPED, HELD), "deleted": (HELD,)})
    for facet in ("altered-middle", "deleted"):
        assert checks.withstands(waits, facet=facet).word is Word.INCONCLUSIVE
    dead = between(after=DROPPED)
    assert checks.withstands(dead, facet="altered-middle").word is Word.INCONCLUSIVE
    open_ = dataclasses.replace(SEEN, features=())
    assert checks.withstands(open_, facet="privacy-as-claimed").word is Word.PASS
    heard = dataclasses.replace(between(markers=("patient name",)), features=())
    assert checks.withstands(heard, facet="privacy-as-claimed").word is Word.PASS


REFUSALS = sorted(f for f, judged in checks._END.items() if judged is checks._refused)


@pytest.mark.parametrize("facet", REFUSALS)
def test_what_we_see_as_an_end_rests_on_the_binding(facet: str) -> None:
    right = checks.withstands(SEEN, facet=facet)
    assert (right.word, right.rests_on) == (Word.PASS, ("draft:medis-1.00-candidate-be",))
    wrong = checks.withstands(direct(**{facet: SERVED}), facet=facet)
    assert (wrong.word, wrong.rests_on) == (Word.FAIL, ("draft:medis-1.00-candidate-be",))
    owned = dataclasses.replace(DIRECT, binding=BindingSeen("site", "confirmed"))
    assert checks.withstands(dataclasses.replace(SEEN, direct=owned), facet=facet).rests_on == ()


@pytest.mark.parametrize(
    ("facet", "wrong"),
    [
        ("exchange", direct(dataclasses.replace(SERVED, echo=None))),
        ("exchange", direct(dataclasses.replace(SERVED, disconnected=False))),
        ("server-first", direct(dataclasses.replace(SERVED, trace=("sent check_rp",)))),
        ("blocks", direct(small_blocks=REFUSED)),
        ("blocks", direct(one_block=SERVED)),
        ("mechanisms", direct(dataclasses.replace(SERVED, mac="through"))),
        ("takes-a-mac", direct(des_mac=REFUSED, md5=REFUSED)),
        ("either-order", direct(md5_first=REFUSED)),
        ("either-order", direct(md5_second=REFUSED)),
    ],
)
def test_the_exchange_itself(facet: str, wrong: IsclSeen) -> None:
    assert checks.withstands(SEEN, facet=facet).word is Word.PASS
    assert checks.withstands(wrong, facet=facet).word is Word.FAIL


def test_a_product_with_des_mac_only_need_not_check_orders() -> None:
    only = direct(md5_first=REFUSED, md5_second=REFUSED)
    assert checks.withstands(only, facet="either-order").word is Word.NOT_APPLICABLE


def test_the_port() -> None:
    closed = Foreign("ClientHello", "iscl", False, "closed")
    right = IsclPortSeen(2761, {"ClientHello": closed}, (), True)
    assert checks.keeps_its_port_apart(right).word is Word.PASS
    for answer in ("dicom", "tls"):
        served = {"ClientHello": dataclasses.replace(closed, answer=answer)}
        wrong = dataclasses.replace(right, answers=served)
        assert checks.keeps_its_port_apart(wrong).word is Word.FAIL
    shared = dataclasses.replace(right, shared=("dicom (plain)",))
    assert checks.keeps_its_port_apart(shared).word is Word.FAIL
    dead = dataclasses.replace(right, answers={"x": dataclasses.replace(closed, answer="ours")})
    assert checks.keeps_its_port_apart(dead).word is Word.INCONCLUSIVE


def test_observations_survive_json() -> None:
    assert from_json(to_json(SEEN)) == SEEN


def verdicts(document: dict[str, Any], folder: Path) -> dict[str, Verdict]:
    target = parse_target(document, folder=folder)
    plan = build_plan(target, load.load_profiles(), load.load_roles())
    session = Session(target, Store(folder / "evidence"), deadline=0.5)
    today = dt.datetime.now(dt.UTC).date()
    mine = [c for c in plan.cases if c.profile == "iscl"]
    return {
        case.id: judge(
            case,
            session.observe(case.stimulus) if case.stimulus and not case.settled else None,
            today=today,
        )
        for case in mine
    }


@pytest.mark.parametrize("role", ["server", "client"])
def test_the_right_peer(tmp_path: Path, role: str) -> None:
    with IsclPeer() as peer:
        document = peer.document() if role == "server" else peer.client_document()
        found = verdicts(document, tmp_path)
    uncapped = {i: v.uncapped for i, v in found.items() if v.uncapped not in (Word.PASS, Word.INFO)}
    assert uncapped == {}
    outside = found[f"B.2-auth-and-integrity-minimum:iscl-{role}:replay"]
    assert outside.word is Word.PASS
    inside = found[f"B.2-auth-and-integrity-minimum:iscl-{role}:no-mac"]
    assert inside.word is Word.INCONCLUSIVE
    assert "rests on draft binding medis-1.00-candidate-be" in inside.because
    assert "it would have been pass" in inside.because
    texts = [p.read_text(errors="replace") for p in tmp_path.rglob("*") if p.is_file()]
    assert not any("0E329232EA6D0D73" in t for t in texts)


def test_one_endpoint_alone_decides_the_port_and_no_more(tmp_path: Path) -> None:
    with IsclPeer() as peer:
        document = peer.document()
        del document["endpoints"]["dicom-iscl"]["iscl"]
        found = verdicts(document, tmp_path)
    assert found["B.2-port-distinct:iscl-server"].word is Word.PASS
    words = {v.word for i, v in found.items() if v.case.check == "iscl.withstands"}
    assert words <= {Word.INCONCLUSIVE, Word.INFO}
    message = found["B.2-auth-and-integrity-minimum:iscl-server:replay"].message
    assert message.startswith("needs a second endpoint")


@pytest.mark.parametrize(
    "name",
    ["believes_any_response", "ignores_wrong_mac", "iscl_client_repeats_its_challenge"],
)
def test_a_faulty_peer_is_found_out(name: str) -> None:
    fault = faults()[name]
    arena = IsclArena(fault.role)
    assert arena in ARENAS
    done = compare(fault, arena.name, arena.right().words, arena.wrong(fault).words)
    assert done.sound, done


def test_the_little_endian_twin_is_spoken_too(tmp_path: Path) -> None:
    with IsclPeer(binding="medis-1.00-candidate-le") as peer:
        found = verdicts(peer.document(), tmp_path)
    assert found["B.2-framework:iscl-server:exchange"].uncapped is Word.PASS


def test_ipv6(tmp_path: Path) -> None:
    try:
        peer = IsclPeer(host="::1")
    except OSError:
        pytest.skip("there is no IPv6 here")
    with peer:
        found = verdicts(peer.document(), tmp_path)
    assert found["B.2-framework:iscl-server:exchange"].uncapped is Word.PASS
    assert found["B.2-auth-and-integrity-minimum:iscl-server:replay"].word is Word.PASS


def test_keys_stand_in_no_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with IsclPeer() as peer:
        document = peer.document()
    keys = document["endpoints"]["dicom-iscl"]["iscl"]["keys"]
    keys["encryption"] = {"1": "FEDCBA9876543210"}
    with pytest.raises(TargetError, match="env:NAME or file:PATH") as raised:
        parse_target(document, folder=tmp_path)
    assert "FEDCBA" not in str(raised.value)
    keys["encryption"] = {"one": "env:X"}
    with pytest.raises(TargetError, match="no key number"):
        parse_target(document, folder=tmp_path)
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    with pytest.raises(Trouble, match="NO_SUCH_KEY is not set"):
        key_from("env:NO_SUCH_KEY", load_binding(), "keys")
    monkeypatch.setenv("SHORT_KEY", "FEDC")
    with pytest.raises(Trouble, match="16 hex digits") as trouble:
        key_from("env:SHORT_KEY", load_binding(), "keys")
    assert "FEDC " not in str(trouble.value)


def test_online_electronic_storage_over_two_iscl_ends_as_a_whole(tmp_path: Path) -> None:
    """A.1, for which ISCL was made: the embedded archive behind one ISCL end, the harness as the other."""
    from part15.peers.archive import Archive, right_policy
    from part15.pki import make_pki
    from part15.selftest_tls import drive

    class Behind(Archive):
        """An archive that knows that what comes to its plain port came through ISCL."""

        def _kind(self, stream: Any) -> Any:
            return "partner" if isinstance(stream, Plain) else super()._kind(stream)

    end = IsclPeer(privacy=True)
    with (
        end,
        Behind(
            make_pki(tmp_path / "pki"), (), archive=right_policy(), plain=True, artim=1, idle=2
        ) as archive,
    ):
        document = archive.document(claims={"online-electronic-storage": ("storage-scp",)})
        point = next(p for p in document["endpoints"].values() if p["transport"] == "plain")
        with Gateway(point["address"], lambda: end.engine("server"), False) as gateway:
            said = end.document()["endpoints"]["dicom-iscl"]["iscl"]
            secured = {**point, "address": gateway.here, "transport": "iscl", "iscl": said}
            document["endpoints"] = {"dicom-iscl": secured}
            document["listeners"] = archive.partner_listener()
            _, found = drive(document, tmp_path, deadline=1.0)
    own = [v for v in found if v.case.profile == "online-electronic-storage"]
    assert {v.word for v in own} & {Word.PASS}
    wrong = [
        f"{v.case.id} {v.case.check}: {v.message}" for v in own if v.word in (Word.FAIL, Word.ERROR)
    ]
    assert wrong == []
    assert sum(v.word is Word.PASS for v in own) >= 5
