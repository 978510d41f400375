"""The ALB nodes of an access log: whose targets each sent requests to, until when, and which files are missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.records.completeness import missing_files

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd


def nodes_by_group(requests: pd.DataFrame, spans: Iterable[tuple[int, int]]) -> dict[str, list[str]]:
    """Return the ALB nodes that sent requests to a target of each group."""
    found: dict[str, set[str]] = {}
    node, group, target = (requests[name].cat for name in ("node", "target_group", "target"))
    n_nodes = len(node.categories)
    for begin, end in spans:
        pair = group.codes.to_numpy()[begin:end].astype(np.int32) * n_nodes + node.codes.to_numpy()[begin:end]
        named = target.categories.to_numpy()[target.codes.to_numpy()[begin:end]] != ""
        for of_group, of_node in (divmod(one, n_nodes) for one in np.flatnonzero(np.bincount(pair[named])).tolist()):
            found.setdefault(str(group.categories[of_group]), set()).add(str(node.categories[of_node]))
    return {name: sorted(nodes) for name, nodes in found.items()}


def first_by_node(files: pd.DataFrame) -> dict[str, float]:
    """Return for each ALB node when its first file begins, where the files' names tell."""
    logs = files[(files["kind"] == "access_log") & (files["node"] != "") & files["from_s"].notna()]
    return {str(node): float(from_s) for node, from_s in logs.groupby("node")["from_s"].min().items()}


def last_by_node(requests: pd.DataFrame) -> dict[str, float]:
    """Return the time of each ALB node's last request."""
    codes = requests["node"].cat.codes.to_numpy()
    last = {str(name): np.flatnonzero(codes == code) for code, name in enumerate(requests["node"].cat.categories)}
    return {name: float(requests["time_s"].iloc[rows[-1]]) for name, rows in last.items() if rows.size}


def missing_by_node(files: pd.DataFrame) -> dict[str, list[tuple[float, float]]]:
    """Return for each node the stretches whose files are missing."""
    found: dict[str, list[tuple[float, float]]] = {}
    for missing in missing_files(files):
        found.setdefault(missing.node, []).append((missing.from_s, missing.until_s))
    return found
