"""What to fetch for a digest, and what was fetched → Report.

plan(spec, period, now) → FetchPlan         every question once (pure)
fetch(plan, source, progress) → Fetched     the only step that asks the API
assemble(plan, fetched) → Report            all that a template may see (pure)
kept(plan, fetched) → Snapshots             the answers, to be stored with the run (pure)
to_json(report) → dict                      the same for programs: `report.json`
"""

from __future__ import annotations

from digest.report.as_json import to_json
from digest.report.assembling import assemble
from digest.report.fetching import Fetched, Gap, Source, fetch
from digest.report.kept import Earlier, Finds, earlier_lists, kept
from digest.report.planning import (
    DigestSpec,
    FetchPlan,
    ListCall,
    SeriesCall,
    Side,
    plan,
    settled_at,
)

__all__ = [
    "DigestSpec",
    "Earlier",
    "FetchPlan",
    "Fetched",
    "Finds",
    "Gap",
    "ListCall",
    "SeriesCall",
    "Side",
    "Source",
    "assemble",
    "earlier_lists",
    "fetch",
    "kept",
    "plan",
    "settled_at",
    "to_json",
]
