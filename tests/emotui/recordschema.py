"""The JSON Schema of what an audit leaves on disk, made from the dataclasses that it writes.

In: nothing. Out: the schema as plain values (draft 2020-12). Types come from the annotations,
descriptions from the docstrings under the fields; what neither of them says (the words of plain
strings, hashes, the bodies of events) stands here. Validates nothing.
"""

import ast
import inspect
import re
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from itertools import pairwise
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from emotui.jobs.audit_record import Audit, Subject
from store.findings import Event
from store.ledger import LedgerLine
from vectors.audits.badges import Badge
from vectors.audits.claims import DIRECTIONS, Claim, Deviation, Plan, Prereg
from vectors.audits.finding import SCHEMA, Evidence, Finding, Note, Provenance
from vectors.audits.registry import CONTROLS
from vectors.audits.result import ControlResult, Cost, Null
from vectors.audits.settings import PRESETS
from vectors.audits.verdict import GLYPHS, MIN_REASON, Verdict, Waiver, Word
from vectors.audits.wording import LintHit
from vectors.stats import Interval

Schema = dict[str, Any]
PARTS = (
    Claim, Prereg, Plan, Deviation, Evidence, Interval, Null, ControlResult, Cost, Waiver, Verdict,
    Badge, Note, Provenance, LintHit, Subject,
)  # fmt: skip
"""What a record is made of, each under `$defs`."""
WITH_NAN = (Interval, Null)
"""Their numbers are null where they could not be computed."""
OF_AUDIT = ("created", "preset", "seed", "subject", "inputs", "control_inputs")
"""Fields of the record that `Audit` adds to `Finding`."""

CONTROL: Schema = {"$ref": "#/$defs/ControlId"}
PRESET: Schema = {"enum": list(PRESETS)}
SHA256: Schema = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
SHA256_OR_NONE: Schema = {"type": "string", "pattern": "^([0-9a-f]{64})?$"}
TIME: Schema = {"type": "string", "format": "date-time"}
COUNT: Schema = {"type": "integer", "minimum": 0}
TEXT: Schema = {"type": "string", "minLength": 1}
CONTROL_LIST: Schema = {"type": "array", "items": CONTROL}
TEXTS: Schema = {"type": "array", "items": {"type": "string"}}

NARROWER: Mapping[tuple[type, str], Schema] = {
    (Claim, "text"): TEXT,
    (Claim, "direction"): {"enum": list(DIRECTIONS)},
    (Claim, "effect_min"): {"type": "number", "exclusiveMinimum": 0},
    (Plan, "controls"): CONTROL_LIST,
    (Plan, "preset"): PRESET,
    (Plan, "n"): COUNT,
    (Deviation, "at"): TIME,
    (Prereg, "sha256"): SHA256,
    (Prereg, "sealed_at"): TIME,
    (Evidence, "control"): CONTROL,
    (Evidence, "at"): TIME,
    (Evidence, "tier"): {"enum": ["activations", "logit", "text", "rating"]},
    (Evidence, "artefact_sha256"): SHA256_OR_NONE,
    (Evidence, "interval"): {
        "$ref": "#/$defs/Interval",
        "properties": {"n": {"minimum": 1}, "n_clusters": {"minimum": 1}},
    },
    (Interval, "n"): COUNT,
    (Interval, "n_clusters"): COUNT,
    (Null, "b"): COUNT,
    (ControlResult, "id"): CONTROL,
    (ControlResult, "table"): {
        "type": "object",
        "additionalProperties": {"type": "array", "items": {"type": ["number", "null"]}},
    },
    (Waiver, "control"): CONTROL,
    (Waiver, "reason"): {"type": "string", "minLength": MIN_REASON},
    (Verdict, "waived"): CONTROL_LIST,
    (Verdict, "missing"): CONTROL_LIST,
    (Verdict, "forks"): COUNT,
    (Badge, "step"): {"enum": [1, 2, 3]},
    (Badge, "name"): {"enum": ["associated", "causal", "graded"]},
    (Badge, "detail"): {"enum": ["", "sufficient", "necessary", "sufficient and necessary"]},
    (Provenance, "dataset_sha256"): SHA256_OR_NONE,
    (Provenance, "vector_sha256"): SHA256_OR_NONE,
    (Finding, "id"): TEXT,
    (Finding, "stale"): CONTROL_LIST,
    (Finding, "family_size"): {"type": "integer", "minimum": 1},
    (Finding, "forks"): COUNT,
    (Finding, "controls"): {
        "type": "object",
        "propertyNames": CONTROL,
        "additionalProperties": {"$ref": "#/$defs/ControlResult"},
    },
    (Audit, "created"): TIME,
    (Audit, "preset"): PRESET,
    (Audit, "inputs"): {"type": "object", "additionalProperties": TEXT},
    (Audit, "control_inputs"): {
        "type": "object",
        "propertyNames": CONTROL,
        "additionalProperties": TEXTS,
    },
    (Event, "seq"): COUNT,
    (Event, "at"): TIME,
    (Event, "prev"): SHA256,
    (Event, "hash"): SHA256,
    (LedgerLine, "seq"): COUNT,
    (LedgerLine, "event"): SHA256,
    (LedgerLine, "prev"): SHA256,
    (LedgerLine, "hash"): SHA256,
}
"""Fields of which the annotation says less than is known."""

RULES: Mapping[type, Schema] = {
    # A bare number is no evidence: an interval, or a null.
    Evidence: {
        "anyOf": [
            {"properties": {"null": {"type": "object"}}},
            {"properties": {"interval": {"properties": {"low": {"type": "number"}}}}},
        ]
    },
    ControlResult: {
        "if": {"properties": {"state": {"not": {"const": "pass"}}}},
        "then": {"properties": {"reasons": {"minItems": 1}}},
    },
    Verdict: {
        "oneOf": [
            {"properties": {"word": {"const": word}, "glyph": {"const": glyph}}}
            for word, glyph in GLYPHS.items()
        ]
    },
}
"""What holds between the fields of one object."""

BODIES: Mapping[str, tuple[str, Schema, tuple[str, ...]]] = {
    "saved": (
        "The record was written.",
        {
            "record": SHA256,
            "verdict": {"enum": [*get_args(Word), None]},
            "evidence": COUNT,
        },
        (),
    ),
    "sealed": (
        "A plan was sealed: its hash, its time, the hash of the whole preregistration.",
        {"sha256": SHA256, "sealed_at": TIME, "record": SHA256},
        (),
    ),
    "note": ("The two questions were answered.", {"controlled": TEXT, "not_controlled": TEXT}, ()),
    "waiver": (
        "A control was left out on purpose.",
        {"control": CONTROL, "reason": {"type": "string", "minLength": MIN_REASON}, "by": TEXT},
        (),
    ),
    "deviation": ("A departure from the plan was logged.", {"what": TEXT, "why": TEXT}, ()),
    "stale": (
        "Inputs had changed since these controls ran; their results were dropped.",
        {"controls": {**CONTROL_LIST, "minItems": 1}},
        (),
    ),
    "supplied": (
        "What the finding is held against was given or replaced; only what changed is named.",
        {
            "keyword_free": {"type": "string"},
            "registers": TEXTS,
            "second_run": {"type": "string"},
            "neutral": {"type": "string"},
            "norms_source": {"type": "string"},
            "paraphrases": TEXTS,
        },
        ("keyword_free", "registers", "second_run", "neutral", "norms_source", "paraphrases"),
    ),
    "line-up": (
        "A curve was picked (R10): the pick and the real one by letter.",
        {"round": {"type": "integer", "minimum": 1}, "pick": TEXT, "real": TEXT, "curves": COUNT},
        (),
    ),
    "blind-sealed": (
        "A blinded rating began (R9): hashes of sheet and key, and who holds the key.",
        {
            "n": {"type": "integer", "minimum": 1},
            "sheet_sha256": SHA256,
            "key_sha256": SHA256,
            "key_elsewhere": {"type": "boolean"},
        },
        (),
    ),
    "unblinded": (
        "The key was opened, once; hash of the ratings as they then were.",
        {"n": {"type": "integer", "minimum": 1}, "key_sha256": SHA256, "ratings_sha256": SHA256},
        (),
    ),
}
"""Kind of event -> what happened, the keys of its body, those of them that may be absent."""


def record_schema() -> Schema:
    """The whole: a finding's record, and under `$defs` its parts, an event and a ledger line."""
    defs = {cls.__name__: _object(cls) for cls in PARTS}
    glyph = {"enum": sorted(set(GLYPHS.values())), "description": _sentence(Verdict.glyph.__doc__)}
    defs["Verdict"]["properties"]["glyph"] = glyph
    defs["Verdict"]["required"].append("glyph")
    defs["ControlId"] = {"enum": list(CONTROLS), "description": "A control of docs/audits.md."}
    defs["Event"] = _event()
    defs["LedgerLine"] = _object(LedgerLine)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Finding",
        "description": "The record of one audited claim, findings/<id>.json. #/$defs/Event is one "
        "line of findings/<id>.events.jsonl, #/$defs/LedgerLine one of findings/_ledger.jsonl.",
        **_record(),
        "$defs": defs,
    }


def _record() -> Schema:
    """The top of the record: the fields of `Finding`, two beside them, those of `Audit`."""
    properties: Schema = {
        "schema": {"const": SCHEMA, "description": "Version of this layout."},
        "kind": {**_typed(Claim, "kind"), "description": "The claim's kind, for lists."},
    }
    properties |= _object(Finding)["properties"]
    of_audit = _described(Audit, OF_AUDIT)
    return _closed(properties | of_audit)


def _event() -> Schema:
    made = _object(Event)
    made["properties"]["kind"] = {"enum": list(BODIES), "description": "What happened."}
    made["oneOf"] = [
        {
            "description": said,
            "properties": {
                "kind": {"const": kind},
                "body": {
                    "properties": keys,
                    "required": [key for key in keys if key not in optional],
                    "additionalProperties": False,
                },
            },
        }
        for kind, (said, keys, optional) in BODIES.items()
    ]
    return made


def _object(cls: type) -> Schema:
    made = _closed(_described(cls, [f.name for f in fields(cls)]))
    said = _sentence(cls.__doc__)
    return {"description": said, **made, **RULES.get(cls, {})}


def _closed(properties: Schema) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _described(cls: type, names: "list[str] | tuple[str, ...]") -> Schema:
    said = _docstrings(cls)
    return {name: {**_typed(cls, name), "description": said[name]} for name in names}


def _typed(cls: type, name: str) -> Schema:
    narrower = NARROWER.get((cls, name))
    if narrower is not None:
        return narrower
    return _of(
        get_type_hints(cls)[name], number=["number", "null"] if cls in WITH_NAN else "number"
    )


def _of(hint: Any, *, number: "str | list[str]" = "number") -> Schema:
    """The schema of an annotation; KeyError for one that no record has held so far."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is Literal:
        return {"enum": list(args)}
    if origin in (Union, types.UnionType):
        (inner,) = (a for a in args if a is not type(None))
        made = _of(inner)
        simple = isinstance(made.get("type"), str) and made["type"] not in ("object", "array")
        return {"type": [made["type"], "null"]} if simple else {"anyOf": [made, {"type": "null"}]}
    if origin is tuple:
        if args[-1] is Ellipsis:
            return {"type": "array", "items": _of(args[0])}
        return {"type": "array", "prefixItems": [_of(a) for a in args], "items": False,
                "minItems": len(args)}  # fmt: skip
    if origin in (dict, Mapping):
        return {
            "type": "object",
            "additionalProperties": _of(args[1]) if args[1] is not Any else {},
        }
    if is_dataclass(hint):
        return {"$ref": f"#/$defs/{hint.__name__}"}
    plain = {str: "string", int: "integer", bool: "boolean", float: number}
    return {"type": plain[hint]}


@cache
def _docstrings(cls: type) -> Mapping[str, str]:
    """Field -> the docstring under it."""
    body = ast.parse(inspect.getsource(cls)).body[0].body  # type: ignore[attr-defined]
    found = {}
    for field, after in pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(after, ast.Expr):
            assert isinstance(field.target, ast.Name)
            found[field.target.id] = _sentence(ast.literal_eval(after.value))
    return found


def _sentence(text: str | None) -> str:
    assert text, "a class or property without a docstring"
    plain = " ".join(text.split("\n\n")[0].split())
    return re.sub(r"\b(None|NaN)\b", "null", plain)  # as it stands in JSON
