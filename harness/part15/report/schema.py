"""The JSON Schema of ``report.json``, written by hand; ``reports/report.schema.json`` is its committed form."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from part15.model import Level, Word
from part15.report.buckets import TITLES
from part15.report.build import SCHEMA
from part15.report.conclude import CONCLUSIONS, GATES, MET
from part15.report.facts import STATES

_TEXT: dict[str, Any] = {"type": "string"}
_FLAG: dict[str, Any] = {"type": "boolean"}
_COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}
_TABLE: dict[str, Any] = {"type": "object"}
_DIGEST: dict[str, Any] = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_MOMENT: dict[str, Any] = {
    "type": "string",
    "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)$",
}
_RELATIVE: dict[str, Any] = {"type": "string", "pattern": r"^(?!/|[A-Za-z]:|.*(^|/)\.\.(/|$)).+$"}
_WORD = {"enum": [w.value for w in Word]}
_COUNTS = {"type": "object", "propertyNames": _WORD, "additionalProperties": _COUNT}


def _nullable(kind: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [kind, {"type": "null"}]}


def _list(of: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": of}


def _record(**fields: dict[str, Any]) -> dict[str, Any]:
    """Return an object schema in which every field is mandatory and no other is allowed."""
    return {
        "type": "object",
        "properties": fields,
        "required": sorted(fields),
        "additionalProperties": False,
    }


def _loose(**fields: dict[str, Any]) -> dict[str, Any]:
    """Return an object schema in which every field is mandatory and others are allowed."""
    return {"type": "object", "properties": fields, "required": sorted(fields)}


_NUMBER: dict[str, Any] = {"type": "number"}
_TEXTS: dict[str, Any] = {"type": "array", "items": _TEXT}


def _facts() -> dict[str, dict[str, Any]]:
    """Return the form of the value of every fact, by its key."""
    return {
        "association.answers": _list(
            _record(stimulus=_TEXT, indication=_TEXT, numbers=_list(_COUNT))
        ),
        "association.policy": _list(
            _record(
                check=_TEXT,
                shown=_TEXT,
                enforced={"enum": ["yes", "no", "not determined"]},
                answer=_TEXT,
                declared=_FLAG,
            )
        ),
        "association.story": _list(_record(by={"enum": ["harness", "sut"]}, text=_TEXT)),
        "audit.connections": _list(
            _record(transport=_TEXT, version=_TEXT, suite=_TEXT, messages=_COUNT)
        ),
        "audit.kinds": {"type": "object", "additionalProperties": _COUNT},
        "audit.maximumSize": _COUNT,
        "deid.altered": _TEXTS,
        "deid.codes": _TEXTS,
        "deid.conflicts": _list(_record(what=_TEXT, kind=_TEXT, scope=_TEXT, count=_COUNT)),
        "deid.links": _COUNT,
        "deid.deviations": _list(
            _record(**{"path": _TEXT, "required": _TEXT, "outcome": _TEXT, "class": _TEXT})
        ),
        "deid.inserted": _TEXTS,
        "deid.keyBits": _list(_COUNT),
        "deid.removed": _TEXTS,
        "deid.transferSyntaxes": _TEXTS,
        "identity.answers": _list(
            _record(shown=_TEXT, type=_COUNT, asked=_FLAG, answer=_TEXT, responses=_COUNT)
        ),
        "identity.environments": _list(
            _record(type=_COUNT, presumes=_TEXT, combination=_TEXT, outcome=_TEXT)
        ),
        "integrity.damages": _list(_record(damage=_TEXT, answer=_TEXT)),
        "media.files": _list(
            _record(content=_TEXT, recipients=_COUNT, cipher=_TEXT, decrypts=_TEXT, signers=_COUNT)
        ),
        "port.foreign": _list(_record(sent=_TEXT, to=_TEXT, answer=_TEXT)),
        "port.silence": _list(_record(stage=_TEXT, closed=_FLAG, seconds=_NUMBER)),
        "ports": _list(_record(endpoint=_TEXT, port=_COUNT, transport=_TEXT)),
        "preservation": _list(
            _record(
                before=_TEXT,
                after=_TEXT,
                identical=_FLAG,
                syntaxBefore=_TEXT,
                syntaxAfter=_TEXT,
                differences=_COUNT,
            )
        ),
        "signatures": _list(
            _record(
                object=_TEXT,
                algorithm=_TEXT,
                certificateType=_TEXT,
                key=_TEXT,
                signed=_COUNT,
                integrity=_TEXT,
                timestamp=_TEXT,
                purpose=_TEXT,
            )
        ),
        "status.cases": _list(
            _record(sent=_nullable(_TEXT), came=_TEXT, asked=_TEXT, committed=_FLAG, returned=_TEXT)
        ),
        "status.stories": _list(_record(rule=_TEXT, steps=_list(_record(text=_TEXT, broke=_TEXT)))),
        "tls.alpn": _TEXTS,
        "tls.certificates": _list(
            _record(
                subject=_TEXT,
                key=_TEXT,
                signedWith=_TEXT,
                selfSigned=_FLAG,
                chain=_COUNT,
                sha256=_TEXT,
            )
        ),
        "tls.clientCertificate": _TEXT,
        "tls.clientIdentities": _list(_record(identity=_TEXT, answer=_TEXT)),
        "tls.compression": _TEXT,
        "tls.dhBits": _list(_COUNT),
        "tls.extensions": _TEXTS,
        "tls.groups": _TEXTS,
        "tls.incomplete": _TEXTS,
        "tls.session": _TEXT,
        "tls.signatureAlgorithms": _TEXTS,
        "tls.suites": _list(_record(version=_TEXT, suite=_TEXT, code=_TEXT, rank=_COUNT)),
        "tls.versions": _TEXTS,
        "use": _record(state=_TEXT, tls=_TEXT, plain=_TEXT),
    }


def _observation() -> dict[str, Any]:
    return {
        "anyOf": [
            _record(
                id=_TEXT,
                csId=_TEXTS,
                key={"const": key},
                value=value,
                provenance={"enum": ["observed", "declared"]},
                endpoint=_TEXT,
                evidence=_TEXTS,
            )
            for key, value in _facts().items()
        ]
    }


def _finding() -> dict[str, Any]:
    return _record(subject=_TEXT, verdict=_WORD, message=_TEXT, expected=_TEXT, observed=_TEXT)


def _result() -> dict[str, Any]:
    return _record(
        case=_TEXT,
        clause=_TEXT,
        profile=_TEXT,
        claim=_TEXT,
        policy=_TEXT,
        section=_TEXT,
        edition=_TEXT,
        role=_TEXT,
        level={"enum": [v.value for v in Level]},
        family=_TEXT,
        group=_TEXT,
        advisory=_FLAG,
        derived=_FLAG,
        verdict=_WORD,
        uncapped=_nullable(_WORD),
        message=_TEXT,
        because=_TEXT,
        text=_TEXT,
        hint=_TEXT,
        expected=_TEXT,
        observed=_TEXT,
        subject=_TEXT,
        endpoint=_TEXT,
        stimulus=_TEXT,
        check=_TEXT,
        reproduce=_TEXT,
        driven=_FLAG,
        findings=_list(_finding()),
        findingsTotal=_COUNT,
        evidence=_list(_TEXT),
        restsOn=_list(_TEXT),
        provenance={"enum": ["observed", "declared", "attested", "not determined"]},
        attestedBy=_TEXT,
        waiver=_nullable(_loose(reason=_TEXT, owner=_TEXT, expires=_TEXT)),
        fingerprint={"type": "string", "pattern": "^[0-9a-f]{16}$"},
        durationMs={"type": "number", "minimum": 0},
    )


def _claim(conclusions: Iterable[str], **more: dict[str, Any]) -> dict[str, Any]:
    return _record(
        **more,
        profile=_TEXT,
        role=_TEXT,
        edition=_TEXT,
        options=_list(_TEXT),
        features=_list(_TEXT),
        source={"enum": ["file", "cli", "statement", "policy"]},
        conclusion={"enum": list(conclusions)},
        decided=_COUNT,
        total=_COUNT,
        notRun=_COUNT,
        counts=_COUNTS,
    )


def _clause() -> dict[str, Any]:
    return _record(
        id=_TEXT,
        profile=_TEXT,
        profileTitle=_TEXT,
        section=_TEXT,
        family=_TEXT,
        group=_TEXT,
        level={"enum": [v.value for v in Level]},
        roles=_list(_TEXT),
        editions={"type": "array", "minItems": 2, "maxItems": 2, "items": _nullable(_TEXT)},
        text=_TEXT,
        how=_TEXT,
        hint=_TEXT,
        status={"enum": ["checked", "statement", "attested", "untestable", "planned"]},
        reason=_TEXT,
        readings=_list(_TEXT),
        uri=_nullable(_TEXT),
    )


def _about() -> dict[str, dict[str, Any]]:
    return {
        "tool": _record(
            name={"const": "part15"},
            version=_TEXT,
            sourceRevision=_nullable(_TEXT),
            python=_TEXT,
            openssl=_TEXT,
            platform=_TEXT,
            dependencies={"type": "object", "additionalProperties": _TEXT},
        ),
        "run": _record(
            id=_TEXT,
            startedAt=_MOMENT,
            endedAt=_MOMENT,
            command=_list(_TEXT),
            configDigest=_TEXT,
            profilesDigest=_TEXT,
            selection=_TEXT,
            workers=_COUNT,
            randomSeed=_nullable({"type": "integer"}),
            timezone=_TEXT,
            clockOffsetMs=_nullable({"type": "number"}),
            interrupted=_FLAG,
            gate={"enum": list(GATES)},
            exitStatus=_nullable({"type": "integer", "minimum": 0, "maximum": 6}),
            notifications=_list(_TEXT),
        ),
        "standard": _record(part={"const": "PS3.15"}, edition=_TEXT, clauseBaseUri=_TEXT),
        "sut": _record(
            id=_TEXT,
            vendor=_TEXT,
            product=_TEXT,
            version=_TEXT,
            build=_TEXT,
            operator=_TEXT,
            targetFile=_TEXT,
            lines={"type": "object", "additionalProperties": _COUNT},
            statementRef=_nullable(_TABLE),
            aes=_list(_TABLE),
            observed=_TABLE,
        ),
    }


def _found() -> dict[str, dict[str, Any]]:
    return {
        "observations": _list(_observation()),
        "evidence": _list(
            _record(
                id=_TEXT,
                kind=_TEXT,
                path=_RELATIVE,
                sha256=_DIGEST,
                size=_COUNT,
                mediaType=_TEXT,
                phi={"enum": ["none", "synthetic", "possible"]},
                redacted=_FLAG,
            )
        ),
        "sent": _record(
            connections={"type": "object", "additionalProperties": _COUNT},
            total=_COUNT,
            items=_list(_record(endpoint=_TEXT, stimulus=_TEXT, what=_TEXT, times=_COUNT)),
        ),
        "endpoints": _list(
            _record(
                id=_TEXT,
                address=_TEXT,
                direction={"enum": ["harness-connects", "sut-connects"]},
                transport=_TEXT,
                aeTitle=_TEXT,
                families=_list(_TEXT),
                state={"enum": list(STATES)},
                why=_TEXT,
                setting=_TEXT,
                claims=_list(_TEXT),
                counts=_COUNTS,
            )
        ),
        "waivers": _list(
            _record(
                case=_TEXT,
                reason=_TEXT,
                owner=_TEXT,
                ticket=_TEXT,
                expires=_TEXT,
                matched=_COUNT,
                state={
                    "enum": [
                        "applied",
                        "expired",
                        "no-longer-applies",
                        "not-decided",
                        "not-in-this-run",
                    ]
                },
            )
        ),
        "attestations": _list(
            _record(case=_TEXT, verdict=_TEXT, by=_TEXT, date=_TEXT, note=_TEXT, matched=_COUNT)
        ),
        "assumptions": _list(_record(topic=_TEXT, text=_TEXT, by=_TEXT, date=_TEXT, how=_TEXT)),
        "buckets": _record(
            **{
                key: _list(_record(what=_TEXT, why=_TEXT, state=_TEXT, evidence=_list(_TEXT)))
                for key in TITLES
            }
        ),
        "unclaimed": _list(_record(profile=_TEXT, reason=_TEXT)),
        "declared": _TABLE,
        "summary": _record(
            results=_COUNT,
            counts=_COUNTS,
            byProfile={"type": "object", "additionalProperties": _COUNTS},
            byLevel={"type": "object", "additionalProperties": _COUNTS},
            byGroup={"type": "object", "additionalProperties": _COUNTS},
            coverage=_record(clauses=_COUNT, decided=_COUNT),
            executed=_COUNT,
            conclusion={"enum": list(CONCLUSIONS)},
            policy=_record(
                results=_COUNT, counts=_COUNTS, conclusion={"enum": ["none", *MET.values()]}
            ),
        ),
        "integrity": _record(
            manifest={"const": "SHA256SUMS"},
            signature=_nullable(_TEXT),
            signerFingerprint=_nullable(_TEXT),
        ),
    }


def report_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) that every ``report.json`` of this version meets."""
    record = _record(
        schema={"const": SCHEMA},
        **_about(),
        claims=_list(_claim(CONCLUSIONS)),
        policies=_list(_claim(MET.values(), title=_TEXT, on=_list(_TEXT))),
        clauses=_list(_clause()),
        results=_list(_result()),
        **_found(),
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA,
        "title": "part15 report",
        **record,
    }
