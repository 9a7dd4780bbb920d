"""What an endpoint negotiates: versions and suites, from an enumeration (Annex B, RFC 7525, 8996, 9325)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from part15.checks.tls_words import (
    answer,
    ended,
    listed,
    negotiated,
    of_versions,
    undecidable,
    version_list,
)
from part15.model import Finding, Judgement, Word, fails, passes, undecided
from part15.observations.tls import HelloSeen, SuitesSeen
from part15.registry import check
from part15.wire import tls_names as names
from part15.wire.tls_names import suite_label, version_label

PROTOCOL_VERSION = 70
CERTIFICATE_TYPES = ("RSA", "ECDSA", "DSS")


@check
def negotiates(
    seen: SuitesSeen,
    *,
    versions: Sequence[str] = (),
    suites: Sequence[str] = (),
    fitting_only: bool = False,
) -> Judgement:
    """Hold if the server negotiates each of *versions*, or, where *suites* are given, each of these in one of them.

    A suite that no certificate of the endpoint or its twins can serve decides nothing; with
    *fitting_only* it is left out, as long as others remain.
    """
    if suites:
        wanted = [_lookup(seen, code, versions) for code in names.suite_codes(suites)]
        fitting = [item for item in wanted if not item.unservable]
        return _all_of(fitting if fitting_only and fitting else wanted)
    return _all_of([_version(seen, version) for version in versions])


@check
def negotiates_any(
    seen: SuitesSeen, *, suites: Sequence[str], versions: Sequence[str] = ()
) -> Judgement:
    """Hold if the server negotiates at least one of *suites*."""
    wanted = [_lookup(seen, code, versions) for code in names.suite_codes(suites)]
    found = [item for item in wanted if item.word is Word.PASS]
    if found:
        return passes(
            f"server negotiates {len(found)} of the {len(wanted)} suites: "
            f"{', '.join(item.subject for item in found)}.",
            observed=[item.subject for item in found],
        )
    open_ones = [item for item in wanted if item.word is Word.INCONCLUSIVE]
    expected = f"at least one of {len(wanted)} suites"
    if open_ones:
        return undecided(
            f"server negotiates none of the {len(wanted)} suites, but {len(open_ones)} of them could "
            f"not be decided; for instance: {open_ones[0].message}",
            expected=expected,
            rests_on=_readings(wanted),
        )
    return fails(
        f"server negotiates none of the {len(wanted)} suites; for instance: {wanted[0].message}",
        expected=expected,
        observed="none of them",
        rests_on=_readings(wanted),
    )


@check
def refuses(
    seen: SuitesSeen, *, versions: Sequence[str] = (), suites: Sequence[str] = ()
) -> Judgement:
    """Hold if the server refuses *suites* in every version (of *versions*), or *versions* altogether.

    Rests on controls: the endpoint accepted other offers before and after.
    """
    codes = frozenset(names.suite_codes(suites)) if suites else None
    taken = [hello for hello in _hellos(seen, versions) if codes is None or hello.suite in codes]
    what = _what(names.suite_codes(suites)) if suites else version_list(versions)
    if taken:
        return fails(
            f"server negotiated {listed(taken)}; {what} must be refused.",
            expected=f"refusal of {what}",
            observed=[negotiated(hello) for hello in taken],
            findings=_findings(taken) if len(taken) > 1 else (),
        )
    doubt = undecidable(seen, versions)
    if doubt is not None:
        return doubt
    return passes(
        f"server refused {what}{_how(seen, versions)}; it accepted other offers before and after.",
        expected=f"refusal of {what}",
        observed=_refusals(seen, versions),
    )


@check
def only(seen: SuitesSeen, *, suites: Sequence[str], versions: Sequence[str] = ()) -> Judgement:
    """Hold if the server negotiates no suite (in *versions*) but *suites*."""
    allowed = frozenset(names.suite_codes(suites))
    others = [hello for hello in _hellos(seen, versions) if hello.suite not in allowed]
    expected = f"nothing outside the {len(allowed)} suites of the clause"
    if others:
        newest = [hello for hello in others if hello.version == "1.3"]
        return fails(
            f"server negotiated {len(others)} suites that are not listed: {listed(others)}.",
            expected=expected,
            observed=[negotiated(hello) for hello in others],
            findings=_findings(others),
            rests_on=("T-16",) if newest and len(newest) == len(others) else (),
        )
    doubt = undecidable(seen, versions)
    if doubt is not None:
        return doubt
    inside = [negotiated(hello) for hello in _hellos(seen, versions)]
    return passes(
        f"server negotiates {len(inside)} suites, all of them listed, and refused every other one.",
        expected=expected,
        observed=inside,
    )


@check
def negotiates_beyond(seen: SuitesSeen, *, suites: Sequence[str]) -> Judgement:
    """Hold if the server negotiates suites other than *suites*: a permission, listed for the reader."""
    known = frozenset(names.suite_codes(suites))
    others = [hello for hello in seen.hellos if hello.suite not in known]
    order = ", and chooses by its own order" if seen.chooses_itself else ""
    if others:
        return passes(
            f"server also negotiates {listed(others)}{order}.",
            observed=[negotiated(hello) for hello in others],
        )
    return undecidable(seen, ()) or fails(
        "server negotiates nothing but the suites of the profile."
    )


@check
def adds_only_strong(seen: SuitesSeen, *, suites: Sequence[str], minimum: int = 128) -> Judgement:
    """Every suite beyond *suites* is authenticated encryption, forward secret and has *minimum* bits (T-15)."""
    known = frozenset(names.suite_codes(suites))
    others = [hello for hello in seen.hellos if hello.suite not in known]
    weak = [hello for hello in others if not _strong(hello, minimum)]
    expected = f"AEAD, forward secrecy and {minimum} bits or more"
    if weak:
        return fails(
            f"server negotiated additional suites that are weaker than the listed ones: {listed(weak)}.",
            expected=expected,
            observed=[negotiated(hello) for hello in weak],
            findings=_findings(weak),
            rests_on=("T-15",),
        )
    doubt = undecidable(seen, ())
    if doubt is not None:
        return doubt
    told = f"{len(others)} additional suites, none weaker" if others else "no additional suite"
    return passes(f"server negotiates {told}.", expected=expected, rests_on=("T-15",))


@dataclass(frozen=True)
class _Item:
    """What one wanted version or suite came to."""

    subject: str
    word: Word
    message: str
    readings: tuple[str, ...] = ()
    unservable: bool = False


def _all_of(items: Sequence[_Item]) -> Judgement:
    """Return the judgement on *items*, each of which is required."""
    missing = [item for item in items if item.word is Word.FAIL]
    open_ones = [item for item in items if item.word is Word.INCONCLUSIVE]
    expected = ", ".join(item.subject for item in items)
    worst = missing or open_ones
    if not worst:
        return passes(
            f"server negotiates {expected}.",
            expected=expected,
            observed=expected,
            rests_on=_readings(items),
        )
    verb = fails if missing else undecided
    rest = f" ({len(worst)} of {len(items)} so)" if len(items) > 1 else ""
    return verb(
        f"{worst[0].message}{rest}",
        expected=expected,
        observed=[item.subject for item in items if item.word is Word.PASS] or "none of them",
        findings=[Finding(i.subject, i.word, i.message) for i in worst] if len(items) > 1 else (),
        rests_on=_readings(worst),
    )


def _readings(items: Iterable[_Item]) -> tuple[str, ...]:
    return tuple(sorted({reading for item in items for reading in item.readings}))


def _version(seen: SuitesSeen, version: str) -> _Item:
    label = version_label(version)
    if any(hello.accepted for hello in _hellos(seen, (version,))):
        return _Item(label, Word.PASS, f"server negotiates {label}.")
    cut = next(iter(_hellos(seen, (version,))), None)
    if cut is not None:
        return _Item(
            label,
            Word.INCONCLUSIVE,
            f"server selected {label}, but did not go through with it: {cut.detail}.",
        )
    found = next((v for v in seen.versions if v.version == version), None)
    if found is None or not found.complete:
        return _Item(
            label,
            Word.INCONCLUSIVE,
            f"whether the server negotiates {label} is not known: {ended(found)}.",
        )
    refusal = found.refusal
    may_be_type = refusal is not None and refusal.alert not in (None, PROTOCOL_VERSION)
    if version != "1.3" and "RSA" not in seen.types and may_be_type:
        if any(twin.accepted(version) for twin in seen.twins):
            return _Item(label, Word.PASS, f"server negotiates {label} with its other certificate.")
        return _Item(
            label,
            Word.INCONCLUSIVE,
            f"server refused {label} with {answer(refusal)}, which says nothing about the version: no "
            f"suite of it may fit the installed certificate ({_types(seen)}); give an endpoint with an "
            "RSA certificate as well.",
        )
    return _Item(
        label, Word.FAIL, f"server does not negotiate {label}: {answer(refusal)} to every suite."
    )


def _lookup(seen: SuitesSeen, code: int, versions: Sequence[str]) -> _Item:
    """Say whether *code* is negotiable, on the endpoint or on a twin that has the certificate for it."""
    subject = suite_label(code)
    suite = names.suites().get(code)
    needs = suite.auth if suite is not None and suite.auth in CERTIFICATE_TYPES else ""
    if _negotiable(seen, code, versions):
        return _Item(subject, Word.PASS, f"server negotiates {subject}.")
    able = [point for point in seen.everywhere if not needs or needs in point.types]
    if any(_negotiable(point, code, versions) for point in able):
        return _Item(
            subject, Word.PASS, f"server negotiates {subject} with its {needs} certificate."
        )
    if not able:
        return _Item(
            subject,
            Word.INCONCLUSIVE,
            f"{subject} needs a server certificate with an {needs} key, and none was seen "
            f"({_types(seen)}); give a second endpoint with one to have this decided.",
            unservable=True,
        )
    unclear = [v for point in able for v in of_versions(point, versions) if not v.complete]
    if unclear:
        return _Item(subject, Word.INCONCLUSIVE, f"{subject} is undecided: {ended(unclear[0])}.")
    cause, readings = _cause(code)
    return _Item(
        subject,
        Word.FAIL,
        f"server refused {subject}{' although its certificate fits' if needs else ''}{cause}.",
        readings,
    )


def _negotiable(seen: SuitesSeen, code: int, versions: Sequence[str]) -> bool:
    return any(hello.suite == code and hello.accepted for hello in _hellos(seen, versions))


def _cause(code: int) -> tuple[str, tuple[str, ...]]:
    """Return the likely cause of a missing suite and what to do, as a clause of a sentence."""
    suite = names.suites().get(code)
    if suite is None:
        return "", ()
    if suite.enc == "Camellia" and suite.mode == "GCM":
        return (
            (
                "; the cause is most likely the TLS library: no OpenSSL release has Camellia-GCM (GnuTLS and "
                "mbed TLS have); use another library or waive this case"
            ),
            ("T-20",),
        )
    if suite.enc in ("3DES", "RC4", "DES", "IDEA", "SEED"):
        return f"; OpenSSL 3 is built without {suite.enc} by default; use a library that has it", ()
    if suite.first == "1.3" and suite.mode.startswith("CCM"):
        return (
            "; OpenSSL leaves it out of its default TLS 1.3 suites; name it with SSL_CTX_set_ciphersuites",
            (),
        )
    return "; add it to the cipher string of the listener", ()


def _hellos(seen: SuitesSeen, versions: Sequence[str]) -> list[HelloSeen]:
    return [hello for found in of_versions(seen, versions) for hello in found.accepted]


def _refusals(seen: SuitesSeen, versions: Sequence[str]) -> list[str]:
    return [ended(found) for found in of_versions(seen, versions) if found.refusal is not None]


def _how(seen: SuitesSeen, versions: Sequence[str]) -> str:
    alerts = sorted(
        {answer(found.refusal) for found in of_versions(seen, versions) if found.refusal}
    )
    return f" ({', '.join(alerts)})" if alerts else ""


def _types(seen: SuitesSeen) -> str:
    return f"seen: {', '.join(seen.types)}" if seen.types else "its type is not known"


def _what(codes: Sequence[int]) -> str:
    return suite_label(codes[0]) if len(codes) == 1 else f"the {len(codes)} suites of the clause"


def _findings(hellos: Sequence[HelloSeen]) -> list[Finding]:
    return [
        Finding(negotiated(hello), Word.FAIL, f"server negotiated {negotiated(hello)}.")
        for hello in hellos
    ]


def _strong(hello: HelloSeen, minimum: int) -> bool:
    suite = names.suites().get(hello.suite if hello.suite is not None else -1)
    return suite is not None and suite.aead and suite.forward_secret and suite.bits >= minimum
