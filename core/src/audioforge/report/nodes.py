"""What each node of a cluster did of the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from audioforge.report.components import paragraph, table
from audioforge.report.duration import duration
from audioforge.report.markup import Content
from audioforge.report.record import RunRecord

HEADS = ("node", "workers", "clips", "batches", "worked", "busy", "scored", "lost", "done twice")


def nodes(record: RunRecord) -> list[Content]:
    """Return a table of the accounts in `nodes.jsonl`, added up over stages; nothing without them.

    `busy` is what the workers worked, as a part of the stages that the node took part in.
    """
    of_node: dict[str, list[Mapping[str, Any]]] = {}
    for account in record.lines("nodes.jsonl"):
        of_node.setdefault(str(account["node"]), []).append(account)
    if not of_node:
        return []
    rows = [_row(name, of_node[name]) for name in sorted(of_node)]
    said = "Sampling, scoring and measuring, by the nodes of the cluster; updates are not in it."
    return [paragraph(said), table("What each node did", HEADS, rows)]


def _row(name: str, accounts: Sequence[Mapping[str, Any]]) -> list[Content]:
    def total(key: str) -> float:
        return sum(float(account[key]) for account in accounts)

    offered = sum(float(a["elapsed"]) * float(a["workers"]) for a in accounts)
    busy = min(total("seconds") / offered, 1.0) if offered else None
    return [
        name,
        f"{max(int(account['workers']) for account in accounts)}",
        f"{total('clips'):,.0f}",
        f"{total('batches'):,.0f}",
        duration(total("seconds")),
        "–" if busy is None else f"{100 * busy:.0f} %",
        duration(total("scoring_seconds")),
        f"{total('failures'):.0f}",
        f"{total('repeated'):.0f}",
    ]
