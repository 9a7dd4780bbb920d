"""Reports as the secure use profile A.4 asks for them, and what a creator of reports gets wrong in it."""

from __future__ import annotations

from part15.peers.signing_orders import Files, SigningFault, right_order
from part15.peers.signing_party import SigningParty
from part15.peers.signing_samples import plain, reference, report
from part15.wire.signing import sign
from part15.wire.tree import Node, file_of, take

VERIFICATION = ("5", "ASTM-sigpurpose", "Verification Signature")
_OTHER_EVIDENCE = 0x0040A385


def _with_evidence(item: list[Node]) -> bytes:
    """Return a report whose evidence is *item* alone."""
    nodes = report([item])
    take(nodes, _OTHER_EVIDENCE)
    return file_of(nodes)


def right_reports(party: SigningParty) -> Files:
    """Return a signed image and a signed report that refers to it with a signature and a MAC."""
    image = sign(plain(), right_order(party))
    order = right_order(party, 21, purpose=VERIFICATION)
    return {"image.dcm": image, "report.dcm": sign(_with_evidence(reference(image)), order)}


def _without_purpose(party: SigningParty) -> Files:
    image = sign(plain(), right_order(party))
    order = right_order(party, 21, purpose=None)
    return {"report.dcm": sign(_with_evidence(reference(image)), order)}


def _with_bare_evidence(party: SigningParty) -> Files:
    order = right_order(party, 21, purpose=VERIFICATION)
    return {"report.dcm": sign(_with_evidence(reference(plain(), mac=False)), order)}


USE = (
    SigningFault(
        "signs_reports_by_another_profile",
        "signs a report as any object is signed, without a purpose",
        ("A.4-a-use-sr-rsa-profile",),
        _without_purpose,
        "reports are signed by C.4",
        role="creator",
    ),
    SigningFault(
        "refers_to_bare_evidence",
        "signs a report whose evidence carries neither signature nor MAC",
        ("A.4-b-evidence-integrity",),
        _with_bare_evidence,
        "every reference to evidence carries a signature or a MAC",
        role="creator",
    ),
)
