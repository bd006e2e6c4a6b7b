"""The multiplicity family of a claim: every finding of the home that shares its data set.

In: the home and a finding. Out: members with the p of their deciding null. A claim without a p yet
counts with p = 1, so that entering many and testing one is not a way round the correction.
"""

from emotui.jobs.audit_record import Audit
from store.findings import list_findings, load_finding
from store.layout import Home
from vectors.audits.multiplicity import Member
from vectors.audits.result import ControlResult

DECIDES = {"probe": "P2", "cosine": "G1", "axis": "G6", "steering": "C1", "ablation": "C9"}
"""The control whose first null carries the claim's p."""


def family_members(home: Home, audit: Audit) -> list[Member]:
    """All claims on the data set, this one as it is in memory; empty of it while it has no p."""
    found = []
    own = audit.results.get(DECIDES[audit.claim.kind])
    if own is not None and own.null is not None:
        found.append(Member(audit.id, own.null.p, own.null.b))
    for other in list_findings(home):
        if other.family != audit.family or other.id == audit.id:
            continue
        record = load_finding(home, other.id)
        value = record["controls"].get(DECIDES.get(record["kind"], ""))
        null = None if value is None else ControlResult.from_json(value).null
        found.append(Member(other.id, 1.0, 0) if null is None else Member(other.id, null.p, null.b))
    return found
