"""`KEY=VALUE`, as `--set` takes it: a dotted key and a value in YAML."""

from __future__ import annotations

from sim.scenario.problems import Problem, ScenarioError
from sim.scenario.yaml_source import read_documents


def parse_assignment(text: str) -> tuple[str, object]:
    """Split `KEY=VALUE` and read its value; raises ScenarioError if it is not of that form or the value not YAML."""
    key, _, value = (part.strip() for part in text.partition("="))
    where = f"--set {key}"
    if not key or not value:
        raise ScenarioError([Problem(file=where, expected="KEY=VALUE", found="no value" if key else "no key")])
    documents = read_documents(value, where)
    if len(documents) != 1:
        raise ScenarioError([Problem(file=where, expected="one value in YAML", found=f"{len(documents)} documents")])
    if documents[0].problems:
        raise ScenarioError(documents[0].problems)
    return key, documents[0].value
