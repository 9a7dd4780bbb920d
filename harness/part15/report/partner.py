"""The sheet for a partner as one HTML page, for paper too, and as Markdown."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from part15.report.html import environment, policy, raw
from part15.report.markdown import code, plain


def html(sheet: Any) -> str:
    """Return the sheet as a page that needs no network and no script."""
    style = raw("report.css")
    return (
        environment()
        .get_template("sheet.html.j2")
        .render(sheet=sheet, style=Markup(style), policy=policy(style=style, script=""))  # noqa: S704 - our own file
    )


def markdown(sheet: Any) -> str:
    """Return the sheet as Markdown."""
    lines = [f"# How {plain(sheet.product)} connects with part15", "", f"{sheet.day}", ""]
    for title, places, ours, theirs in (
        ("You connect to us", sheet.connect, "Our AE title (called)", "Your AE title (calling)"),
        ("We connect to you", sheet.serve, "Our AE title (calling)", "Your AE title (called)"),
    ):
        if places:
            lines += [f"## {title}", ""]
        for place in places:
            lines += [
                f"### {plain(place.name)}",
                "",
                f"- Address: {code(place.address)}, {place.transport}",
                f"- {ours}: {code(place.ours)}",
                f"- {theirs}: {code(place.theirs)}",
                f"- Tested: {plain('; '.join(place.claims) or 'nothing is claimed here')}",
                *_certificate(place),
                *(f"- **{plain(note)}**" for note in place.notes),
                "",
            ]
    if sheet.groups:
        lines += ["## How often you connect", "", "| Connections | Where | Why |", "|---|---|---|"]
        lines += [f"| {n} | {plain(place)} | {plain(why)} |" for n, place, why in sheet.groups]
        lines += ["", "Fewer where one connection shows two things.", ""]
    lines += ["## Trust these authorities", ""]
    for authority in sheet.authorities:
        lines += [f"- {plain(authority.subject)}, SHA-256 {code(authority.fingerprint)}", ""]
        lines += ["```", authority.pem, "```", ""]
    lines += [f"- Ask us for the certificate of {plain(name)}" for name in sheet.missing]
    if not sheet.authorities and not sheet.missing:
        lines.append("No certificate of ours is set yet.")
    return "\n".join(lines).rstrip() + "\n"


def _certificate(place: Any) -> list[str]:
    shown = place.certificate
    if shown is None:
        return []
    names = f", for {', '.join(shown.names)}" if shown.names else ", without a host name"
    lines = [
        f"- Our certificate: {plain(shown.subject + names)}, valid {shown.valid}",
        f"- its SHA-256: {code(shown.fingerprint)}",
    ]
    if place.wrong:
        told = ", ".join(name.replace("_", " ") for name in place.wrong)
        lines.append(f"- We also show certificates that are wrong on purpose ({told}); refuse them")
    return lines
