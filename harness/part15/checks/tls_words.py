"""How answers to hellos are told in messages, and when a refusal proves nothing; shared by the TLS checks."""

from __future__ import annotations

from collections.abc import Sequence

from part15.model import Finding, Judgement, Word, undecided
from part15.observations.tls import ClientHelloSeen, HelloSeen, HellosSeen, SuitesSeen, VersionSeen
from part15.wire import tls_names as names
from part15.wire.tls_names import suite_label, version_label


def answered(seen: HellosSeen) -> list[HelloSeen]:
    """Return the accepted offers."""
    return [hello for hello in seen.hellos if hello.outcome == "hello"]


def unclear(seen: HellosSeen) -> Judgement | None:
    """Return why refusals prove nothing, or None if they do."""
    if not seen.after.ok:
        message = (
            f"server accepted a good offer before and not afterwards ({seen.after.answer}); a service "
            "that fell over does not prove a refusal."
        )
        return undecided(
            message,
            findings=[
                Finding("availability", Word.WARN, message, "service alive", seen.after.answer)
            ],
        )
    lost = [hello for hello in seen.hellos if hello.outcome != "hello" and not hello.refused]
    if lost:
        return undecided(f"an offer was neither accepted nor refused: {answers(seen)}.")
    return None


def without_12(seen: HellosSeen) -> bool:
    """Tell whether the endpoint is known to negotiate nothing but TLS 1.3, where older rules have no object."""
    return seen.known_versions == ("1.3",)


def suite(hello: HelloSeen) -> str:
    """Return suite and version of an accepted offer."""
    if hello.suite is None:
        return version_label(hello.version)
    return f"{suite_label(hello.suite)} in {version_label(hello.version)}"


def answer(hello: HelloSeen | None) -> str:
    """Return the answer to one offer in a few words."""
    if hello is None:
        return "no refusal"
    if hello.outcome == "hello":
        return suite(hello)
    if hello.outcome == "alert":
        return f"alert {names.alert_label(hello.alert)}"
    return f"{hello.outcome} ({hello.detail})" if hello.detail else hello.outcome


def answers(seen: HellosSeen) -> str:
    """Return the different answers in order, each once."""
    return "; ".join(dict.fromkeys(answer(hello) for hello in seen.hellos)) or "nothing"


def undecidable(seen: SuitesSeen, versions: Sequence[str]) -> Judgement | None:
    """Return why a refusal proves nothing, or None if it does."""
    if not seen.after.ok:
        message = (
            f"server accepted a good offer before and not after the refused ones ({seen.after.answer}); "
            "a service that fell over does not prove a refusal."
        )
        return undecided(
            message,
            findings=[
                Finding("availability", Word.WARN, message, "service alive", seen.after.answer)
            ],
        )
    open_ones = [found for found in of_versions(seen, versions) if not found.complete]
    if open_ones:
        labels = version_list([found.version for found in open_ones])
        return undecided(
            f"the offers in {labels} were neither accepted nor refused: {ended(open_ones[0])}."
        )
    wanted = set(versions) - {found.version for found in seen.versions}
    if wanted:
        return undecided(f"{version_list(sorted(wanted))} was not offered.")
    return None


def ended(found: VersionSeen | None) -> str:
    """Return how the enumeration of a version ended."""
    if found is None:
        return "it was not offered"
    return f"{version_label(found.version)} ended with {answer(found.refusal)}"


def negotiated(hello: HelloSeen) -> str:
    """Return suite and version of one accepted offer."""
    return f"{suite_label(hello.suite if hello.suite is not None else -1)} in {version_label(hello.version)}"


def listed(hellos: Sequence[HelloSeen]) -> str:
    """Return the first four accepted offers and how many more."""
    first = ", ".join(negotiated(hello) for hello in hellos[:4])
    return f"{first} and {len(hellos) - 4} more" if len(hellos) > 4 else first


def version_list(versions: Sequence[str]) -> str:
    """Return version names as a list for people."""
    return ", ".join(version_label(version) for version in versions) or "every version"


def of_versions(seen: SuitesSeen, versions: Sequence[str]) -> list[VersionSeen]:
    """Return what was found in *versions*, or in all."""
    return [found for found in seen.versions if not versions or found.version in versions]


def no_hello(hello: ClientHelloSeen) -> Judgement:
    """Return why a client that sent no ClientHello decides nothing."""
    told = f" ({hello.detail})" if hello.detail else ""
    return undecided(f"client sent no TLS ClientHello: {hello.outcome}{told}.")
