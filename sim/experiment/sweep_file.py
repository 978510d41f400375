"""A sweep's results as a file: Parquet, or CSV with one line of metadata before the header.

- The bytes depend on the results and the libraries' versions alone: no times, no host, fixed options of the writer.
- The metadata are JSON: the scenario, its seed, the varied values, the model's version. The metadata stand under the
  key `albsim` of the Parquet file, or in the CSV file's first line, after `# albsim `.
- A file appears under its name only when it is whole.
"""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

from sim.experiment.estimators import choose_estimator
from sim.experiment.figures import BLOCK_OF_COLUMN, COLUMNS, LATER_COLUMNS
from sim.experiment.grid import cells, grid
from sim.experiment.journal import journal
from sim.experiment.provenance import PROVENANCE
from sim.experiment.spreadsheet import guarded, unguarded
from sim.experiment.sweep import provenance, sweep
from sim.experiment.whole_file import whole_file
from sim.scenario.variations import expanded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Executor
    from pathlib import Path

    import pandas as pd

    from sim.experiment.estimators import Estimator
    from sim.experiment.grid import Cell
    from sim.experiment.rows import Progress
    from sim.experiment.sweep import UntilPrecise
    from sim.scenario.specs import Scenario

SUFFIXES = (".parquet", ".csv")
_DAMAGE = (ValueError, LookupError, TypeError, AttributeError, RecursionError, csv.Error)
"""The errors from reading something else, or a file that has been edited or cut."""
_CSV_START = f"# {PROVENANCE} "


class NotASweepError(Exception):
    """Raised for a file that is not, or no longer, a sweep's results."""


class OtherSweepError(Exception):
    """Raised for a file that holds the results of another sweep."""


def sweep_to_file(
    scenario: Scenario,
    vary: Mapping[str, Sequence[object]],
    path: Path,
    *,
    until: UntilPrecise | None = None,
    estimator: Estimator | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
    replace: bool = False,
) -> pd.DataFrame:
    """Sweep into a file, continuing an interrupted sweep into that file. A finished sweep is read, not repeated.

    Finished replications are kept in `<path>.partial` until the file is whole. `replace` says whether another sweep's
    results in the file may be replaced.

    Raises what `sweep` does, InUseError while another process sweeps into this file, and OSError if the file cannot be
    written. Raises OtherSweepError if the file holds another sweep's results, NotASweepError if it holds anything else
    (the file is left as it is).
    """
    _check_suffix(path)
    chosen = choose_estimator(grid(scenario, vary).points, estimator)
    source = provenance(scenario, vary, until=until, estimator=chosen)
    with journal(path) as kept:
        if path.exists():
            finished = read_sweep(path)
            if finished.attrs[PROVENANCE] == source:
                return finished
            if not replace:
                raise OtherSweepError(f"{path}: another sweep's results are here, {_told(finished, source)}")
        frame = sweep(scenario, vary, until=until, estimator=chosen, executor=executor, progress=progress, kept=kept)
        write_sweep(frame, path)
    return frame


def _told(finished: pd.DataFrame, source: dict[str, Any]) -> str:
    """Return how a finished sweep differs from the one that is asked for, in words."""
    found = finished.attrs[PROVENANCE]
    differing = [name for name in source if found.get(name) != source[name]]
    return f"of {found['scenario']['name']}, seed {found['seed']}; they differ in {', '.join(differing)}"


def write_sweep(frame: pd.DataFrame, path: Path) -> None:
    """Write a sweep's frame. The file is replaced as a whole."""
    _check_suffix(path)
    metadata = json.dumps(frame.attrs[PROVENANCE], ensure_ascii=False)
    with whole_file(path) as unfinished:
        if path.suffix == ".parquet":
            _write_parquet(frame, metadata, unfinished)
        else:
            text = frame.map(guarded).to_csv(index=False, lineterminator="\n")
            unfinished.write_text(f"{_CSV_START}{metadata}\n{text}", encoding="utf-8", newline="")


def read_sweep(path: Path) -> pd.DataFrame:
    """Return a sweep's frame as it was written, with its provenance in `attrs["albsim"]`.

    Raises NotASweepError if the file is something else, OSError if it cannot be read.
    """
    _check_suffix(path)
    try:
        metadata, frame = _read_parquet(path) if path.suffix == ".parquet" else _read_csv(path)
        _require_whole(metadata, frame)
    except _DAMAGE:
        raise NotASweepError(f"{path}: expected a sweep's results (got something else)") from None
    frame = frame.assign(**{name: 0.0 for name in LATER_COLUMNS if name not in frame})
    frame.attrs[PROVENANCE] = metadata
    return frame


def _write_parquet(frame: pd.DataFrame, metadata: str, path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    table = pa.table({name: pa.array(frame[name].tolist()) for name in frame.columns})
    table = table.replace_schema_metadata({PROVENANCE: metadata})
    parquet.write_table(table, path, version="2.6", compression="zstd", compression_level=3)


def _read_parquet(path: Path) -> tuple[dict[str, Any], pd.DataFrame]:
    import pyarrow as pa
    from pyarrow import parquet

    with path.open("rb") as file:
        try:
            table = parquet.read_table(file)
        except (pa.ArrowException, OSError) as error:  # pyarrow calls damage an OSError too
            raise ValueError(str(error)) from None
    metadata = (table.schema.metadata or {})[PROVENANCE.encode()]
    return _metadata(metadata.decode()), table.to_pandas()


def _read_csv(path: Path) -> tuple[dict[str, Any], pd.DataFrame]:
    import pandas as pd

    with path.open(encoding="utf-8", newline="") as file:
        start, _, text = file.readline().partition(_CSV_START)
        if start:
            raise ValueError(start)
        metadata = _metadata(text)
        header, *rows = csv.reader(file)
    kinds = {key: _kind(cells(values)) for key, values in expanded(metadata["vary"]).items()}
    kinds |= {"replication": int} | dict.fromkeys(COLUMNS, _float)
    columns = zip(*rows, strict=True)
    return metadata, pd.DataFrame(
        {name: [kinds[name](text) for text in column] for name, column in zip(header, columns, strict=True)}
    )


def _metadata(text: str) -> dict[str, Any]:
    """Return the metadata. Raises one of `_DAMAGE` if they have another form."""
    metadata: dict[str, Any] = json.loads(text)
    if not {"seed", "version"} <= metadata.keys() or not isinstance(metadata["scenario"]["name"], str):
        raise KeyError(text)
    if not all(isinstance(values, list) for values in metadata["vary"].values()):
        raise TypeError(text)
    return metadata


def _require_whole(metadata: dict[str, Any], frame: pd.DataFrame) -> None:
    """Raise one of `_DAMAGE` if there is no row, or a column is missing."""
    later = {*BLOCK_OF_COLUMN, *LATER_COLUMNS}
    missing = {*expanded(metadata["vary"]), "replication", *COLUMNS} - later - {*frame.columns}
    if missing or frame.empty:
        raise ValueError(f"no rows, or no columns {missing}")


def _kind(column: Sequence[Cell]) -> Callable[[str], Cell]:
    """Return the function that reads a varied key's cells, from the values that the key was given."""
    if any(isinstance(cell, str) for cell in column):
        return unguarded
    if any(isinstance(cell, bool) for cell in column):
        return "True".__eq__
    return float if any(isinstance(cell, float) for cell in column) else int


def _float(text: str) -> float:
    return float(text or "nan")


def _check_suffix(path: Path) -> None:
    if path.suffix not in SUFFIXES:
        found = f"got '{path.suffix}'" if path.suffix else "got none"
        raise NotASweepError(f"{path}: expected a name that ends in {' or '.join(SUFFIXES)} ({found})")
