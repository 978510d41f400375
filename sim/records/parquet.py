"""The observed requests as a Parquet file: a row for each line that was read, without anything on clients.

The columns are those of `Records.requests`, and `rollout`: the number, from 0, of the rollout in whose window and
target group the request was received, or null. The client's address, its user agent and the URL were never read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.experiment.whole_file import whole_file

if TYPE_CHECKING:
    from pathlib import Path

    from sim.records.observation import Observation


def write_requests(observation: Observation, path: Path) -> None:
    """Write the requests. Raises ValueError without an access log, and OSError if the file cannot be written."""
    import pyarrow as pa
    from pyarrow import parquet

    requests = observation.records.requests
    if requests is None:
        raise ValueError("no access log among the records")
    table = pa.Table.from_pandas(requests, preserve_index=False)
    rollout = np.full(len(requests), -1, np.int32)
    for number, one in enumerate(observation.rollouts):
        if one.requests is not None:
            rollout[one.requests.index.to_numpy()] = number
    table = table.append_column("rollout", pa.array(rollout, mask=rollout < 0))
    with whole_file(path) as unfinished:
        parquet.write_table(table, unfinished, compression="zstd")
