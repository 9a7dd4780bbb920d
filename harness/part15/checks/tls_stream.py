"""What is judged of a protected stream: the cut into records has no meaning, and nothing can be read on the path."""

from __future__ import annotations

from part15.model import Finding, Judgement, Word, fails, passes, undecided
from part15.observations.tls_stream import LinkSeen, PathSeen, Recut, RecutSeen
from part15.registry import check


@check
def goes_on(seen: RecutSeen) -> Judgement:
    """However a message is cut into TLS records, the other side takes it whole and the association goes on.

    An object that can be got back is the same as one that was cut as usual.
    """
    if not seen.usual.went_on:
        why = seen.usual.why or seen.usual.how or "no answer"
        return undecided(
            f"the association in which the {seen.message} was cut as usual did not go on ({why})"
        )
    bad = {w: r for w, r in seen.ways.items() if not r.why and (not r.went_on or r.changed)}
    observed = ", ".join(f"{w} ({r.records} records): {_word(r)}" for w, r in seen.ways.items())
    if bad and not seen.after.accepted:
        return undecided(
            f"a {seen.message} with {next(iter(bad))} was not taken, but the control afterwards was not "
            f"accepted either ({seen.after.outcome}); look whether the product fell over",
            observed=observed,
        )
    if bad:
        return fails(
            f"a {seen.message} with {next(iter(bad))} was not taken as the same one that was cut as usual",
            expected="the association goes on, the object is unchanged",
            observed=observed,
            findings=[Finding(w, Word.FAIL, _word(r)) for w, r in bad.items()],
        )
    missing = [f"{w}: {r.why}" for w, r in seen.ways.items() if r.why]
    if missing or not seen.ways:
        return undecided(f"not tried: {'; '.join(missing) or 'nothing'}", observed=observed)
    unseen = [w for w, r in seen.ways.items() if r.changed is None]
    return passes(
        f"the association went on after a {seen.message} cut in {len(seen.ways)} ways",
        observed=observed,
        findings=[Finding("object", Word.INFO, "the product offers no way to get it back")]
        if unseen and seen.message == "C-STORE"
        else (),
    )


def _word(recut: Recut) -> str:
    if recut.why:
        return "not tried"
    if recut.changed:
        return "changed"
    return "went on" if recut.went_on else recut.how or "no answer"


@check
def shows_nothing(seen: PathSeen) -> Judgement:
    """Nothing of what was planted in header, query and pixel data can be read on the path.

    What counts as readable was hunted for in the plain text of our end too, where it must be found.
    """
    carried = {name: link for name, link in seen.links.items() if link.planted}
    read = {name: link for name, link in carried.items() if link.visible}
    observed = "; ".join(_link(name, link) for name, link in seen.links.items())
    if read:
        link = next(iter(read.values()))
        return fails(
            f"on a connection with {link.suite or 'no TLS'} a relay without keys can read "
            f"{', '.join(link.visible)}",
            expected="nothing readable",
            observed=observed,
            findings=[
                Finding(n, Word.FAIL, f"readable: {', '.join(x.visible)}") for n, x in read.items()
            ],
        )
    if "usual" not in carried:
        ended = seen.links["usual"].ended if "usual" in seen.links else "not tried"
        return undecided(f"no association was carried over the relay ({ended})", observed=observed)
    link = carried["usual"]
    return passes(
        f"a relay without keys saw {link.octets} octets of {link.version} with {link.suite} and found none of "
        f"{len(link.planted)} markers in them",
        observed=observed,
    )


def _link(name: str, link: LinkSeen) -> str:
    if not link.planted:
        return f"{name}: {link.ended or 'nothing carried'}"
    readable = ", ".join(link.visible) or "nothing"
    return f"{name}: {link.suite or 'no TLS'}, {link.octets} octets, readable: {readable}"
