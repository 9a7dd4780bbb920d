"""What signers leave unsigned or say wrongly under the profiles C.2, C.3 and C.4 of PS3.15."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from part15.peers.signing_orders import Files, SigningFault, right_order
from part15.peers.signing_party import SigningParty
from part15.peers.signing_samples import (
    ROOT,
    ModuleSample,
    image,
    module_samples,
    plain,
    reference,
    report,
    signed,
)
from part15.wire.signing import Order, sign
from part15.wire.tree import Node, file_of, put, text_node

SECTIONS = {"creator-rsa": "C.2", "authorization-rsa": "C.3"}
_IMPLANT = "generic-implant-template-"
VERIFICATION = ("5", "ASTM-sigpurpose", "Verification Signature")


def clause_of(section: str, module: str) -> str:
    """Return the id of the clause that has *module* covered."""
    if module.startswith(_IMPLANT):
        module = "implant-template"
    return f"{section}-cover-{module}"


def profile_files(party: SigningParty, profile: str) -> Files:
    """Return what a right signer of *profile* writes: the image, and one object per module."""
    files = {"image.dcm": sign(plain(), right_order(party))}
    for sample in module_samples(profile):
        files[f"{sample.module}.dcm"] = signed(sample.nodes(), party.right)
    return files


def _without(nodes: list[Node], *omitted: int, **changes: Any) -> Callable[[SigningParty], Files]:
    """Return what signs *nodes* but for the elements *omitted*."""

    def make(party: SigningParty) -> Files:
        tags = tuple(
            n.tag for n in nodes if n.tag not in omitted and n.vr != "UN" and n.tag & 0xFFFF
        )
        tags = tuple(tag for tag in tags if tag != 0xFFFCFFFC)
        return {"object.dcm": sign(file_of(nodes), right_order(party, tags=tags, **changes))}

    return make


def _omits_module(section: str, sample: ModuleSample) -> SigningFault:
    return SigningFault(
        f"leaves_out_{sample.module.replace('-', '_')}_{section.lower().replace('.', '')}",
        f"does not sign an attribute of the module {sample.module}",
        (clause_of(section, sample.module),),
        _without(sample.nodes(), sample.tag, token=None),
    )


def _in_item(party: SigningParty) -> Files:
    order = right_order(party, level=((0x00400275, 2),), token=None)
    return {"image.dcm": sign(plain(), order)}


@functools.cache
def coverage_faults(profile: str) -> tuple[SigningFault, ...]:
    """Return the faults of a signer of *profile*, ``creator-rsa`` or ``authorization-rsa``."""
    section = SECTIONS[profile]
    found = [_omits_module(section, sample) for sample in module_samples(profile)]
    omitted = {
        "sop_class": (0x00080016, f"{section}-cover-sop-uids"),
        "sop_instance": (0x00080018, f"{section}-cover-sop-uids"),
        "study": (0x0020000D, f"{section}-cover-study-series"),
        "series": (0x0020000E, f"{section}-cover-study-series"),
    }
    if profile == "creator-rsa":
        omitted["creation_date"] = (0x00080012, "C.2-cover-creation-datetime")
        omitted["creation_time"] = (0x00080013, "C.2-cover-creation-datetime")
    suffix = section.lower().replace(".", "")
    found += [
        SigningFault(
            f"leaves_out_{name}_{suffix}",
            f"does not sign the {name}",
            (clause,),
            _without(image(), tag),
        )
        for name, (tag, clause) in omitted.items()
    ]
    found.append(
        SigningFault(
            f"signs_by_pss_{suffix}",
            "signs by RSASSA-PSS",
            (f"{section}-base-method", f"{section}-hash"),
            lambda party: {"image.dcm": sign(plain(), right_order(party, block="pss"))},
        )
    )
    every = {clause for fault in found for clause in fault.flips}
    image_clauses = {
        c
        for c in every
        if c.endswith(("sop-uids", "study-series", "creation-datetime", "method", "hash"))
    }
    modules = ("general-equipment", "general-image", "image-pixel")
    there = {clause_of(section, m) for m in modules} & every
    found.append(
        SigningFault(
            f"signs_an_item_only_{suffix}",
            "signs an item of the data set and not the data set",
            tuple(sorted({f"{section}-top-level", *image_clauses, *there})),
            _in_item,
            "nothing of the top level is covered",
        )
    )
    return tuple(found)


def right_documents(party: SigningParty) -> dict[str, bytes]:
    """Return what a right signer of reports writes: a verified one with references, and an unverified one."""
    first = sign(plain(), right_order(party))
    return {
        "image.dcm": first,
        "verified.dcm": sign(file_of(report([reference(first)])), _order(party)),
        "unverified.dcm": sign(
            file_of(report([reference(first)], verified=False)),
            _order(party, 12, purpose=("1", "ASTM-sigpurpose", "Author's Signature")),
        ),
    }


def _order(party: SigningParty, number: int = 11, **changes: Any) -> Order:
    return right_order(
        party, number, **{"purpose": VERIFICATION, "uid": f"{ROOT}.8.{number}", **changes}
    )


def _document(
    name: str,
    text: str,
    flips: Sequence[str],
    nodes: Callable[[], list[Node]] = report,
    **changes: Any,
) -> SigningFault:
    def make(party: SigningParty) -> Files:
        return {"report.dcm": sign(file_of(nodes()), _order(party, **changes))}

    return SigningFault(name, text, tuple(flips), make)


def _document_without(name: str, tag: int, *flips: str) -> SigningFault:
    first = report()
    return SigningFault(
        f"leaves_{name}_unsigned",
        f"does not sign the {name.replace('_', ' ')} of a report",
        flips,
        _without(first, tag, purpose=VERIFICATION),
    )


def _two_observers() -> list[Node]:
    nodes = report()
    put(nodes, Node(0x0040A073, "SQ", items=[[], []]))
    return nodes


def _referring(label: str, **changes: Any) -> Callable[[SigningParty], Files]:
    def make(party: SigningParty) -> Files:
        item = reference(sign(plain(), right_order(party)))
        for node in item:
            if node.tag == 0x04000403 and node.items:
                put(node.items[0], text_node(0x04000015, "CS", label))
        return {"report.dcm": sign(file_of(report([item])), _order(party, **changes))}

    return make


def _evidence_unsigned(party: SigningParty) -> Files:
    nodes = report([reference(sign(plain(), right_order(party)))])
    return _without(nodes, 0x0040A375, purpose=VERIFICATION)(party)


def _report_item_only(party: SigningParty) -> Files:
    order = _order(party, level=((0x0040A730, 1),), token=None)
    return {"report.dcm": sign(file_of(report([reference(plain())])), order)}


DOCUMENTS = (
    _document(
        "signs_without_purpose",
        "states no purpose",
        ("C.4-purpose-code", "C.4-verified-purpose"),
        purpose=None,
    ),
    _document(
        "signs_a_verified_report_as_author",
        "signs a verified report with the purpose of an author only",
        ("C.4-verified-purpose",),
        purpose=("1", "ASTM-sigpurpose", "Author's Signature"),
    ),
    _document(
        "takes_the_five_of_another_scheme",
        "codes verification with 5 of a scheme of its own",
        ("C.4-verified-purpose",),
        purpose=("5", "99PART15", "Verification Signature"),
    ),
    _document(
        "signs_for_two_observers",
        "uses the profile for a report with two verifying observers",
        ("C.4-scope",),
        nodes=_two_observers,
    ),
    _document_without("sop_class", 0x00080016, "C.4-cover-sop-class"),
    _document_without("study", 0x0020000D, "C.4-cover-study-series"),
    _document_without("manufacturer", 0x00080070, "C.4-cover-general-equipment"),
    _document_without("other_evidence", 0x0040A385, "C.4-cover-other-evidence"),
    _document_without("predecessors", 0x0040A360, "C.4-cover-predecessors"),
    _document_without(
        "observation_time", 0x0040A032, "C.4-cover-observation-datetime", "C.4-cover-sr-content"
    ),
    _document_without("content", 0x0040A730, "C.4-cover-sr-content"),
    _document_without("sop_instance", 0x00080018, "C.4-verified-cover"),
    _document_without("verification_flag", 0x0040A493, "C.4-verified-cover"),
    _document_without("verifying_observer", 0x0040A073, "C.4-verified-cover"),
    SigningFault(
        "leaves_evidence_unsigned",
        "does not sign the evidence of the current procedure",
        ("C.4-cover-current-evidence",),
        _evidence_unsigned,
    ),
    SigningFault(
        "labels_references_crc32",
        "labels the MAC of a reference CRC32",
        ("C.4-mac-terms",),
        _referring("CRC32"),
    ),
    _document("signs_reports_by_pss", "signs by RSASSA-PSS", ("C.4-base-method",), block="pss"),
    SigningFault(
        "signs_a_content_item_only",
        "signs a content item and not the report",
        (
            "C.4-top-level-signature",
            "C.4-purpose-code",
            "C.4-verified-purpose",
            "C.4-base-method",
            "C.4-cover-sop-class",
            "C.4-cover-study-series",
            "C.4-cover-general-equipment",
            "C.4-cover-current-evidence",
            "C.4-cover-other-evidence",
            "C.4-cover-predecessors",
            "C.4-cover-observation-datetime",
            "C.4-cover-sr-content",
        ),
        _report_item_only,
        "nothing of the top level is covered",
    ),
)

EARLY_DOCUMENTS = (
    SigningFault(
        "refers_by_sha256_in_2008",
        "uses SHA256 for referenced MACs where the edition has SHA1, MD5 and RIPEMD160",
        ("C.4-mac-terms-2008",),
        _referring("SHA256", algorithm="SHA1"),
    ),
)
