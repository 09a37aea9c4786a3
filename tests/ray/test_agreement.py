"""Nodes that cannot do the same as the driver are refused, and named."""

from pathlib import Path

import attrs
import pytest

from audioforge.errors import ConfigError, UsageError
from audioforge.executor import Outline

pytest.importorskip("ray", reason="needs audioforge-ray")

from audioforge_ray.agreement import (
    open_address,
    require_folder_seen,
    require_known_elsewhere,
    require_same,
    require_same_versions,
    version_differences,
)
from audioforge_ray.worker import WorkerFacts

OWN = {"python": "3.11.7", "ray": "2.60.0", "torch": "2.14.1", "audioforge-whisper": "0.1.0"}


def worker(host="node-b", sees=True, **versions):
    installed = {**OWN, **{name.replace("_", "-"): v for name, v in versions.items()}}
    return WorkerFacts(
        node="id", host=host, versions=installed, device="cpu", dtype="float32", sees=sees
    )


def test_nodes_with_the_same_are_taken():
    require_same_versions(OWN, [worker(), worker("node-c")])


def test_another_version_is_refused_by_node_package_and_both_versions():
    with pytest.raises(UsageError, match=r"node-b has torch 2\.13\.0, and here is torch 2\.14\.1"):
        require_same_versions(OWN, [worker("node-a"), worker(torch="2.13.0")])


def test_files_that_a_node_sees_otherwise_are_refused_once_each():
    one = attrs.evolve(worker(), problems=("node-b: /model, the model, is not there",))
    with pytest.raises(ConfigError, match="node-b: /model") as refused:
        require_same(OWN, [worker("node-a"), one, one])
    assert str(refused.value).count("/model") == 1
    with pytest.raises(UsageError, match="node-c has torch"):
        require_same(OWN, [one, worker("node-c", torch="2.13.0")])


def test_a_plugin_that_is_missing_or_only_there_is_refused():
    missing = worker(audioforge_whisper=None)
    more = worker(audioforge_jokes="2.0")
    assert version_differences(OWN, [missing, more]) == [
        "node-b has no audioforge-whisper, and here is audioforge-whisper 0.1.0",
        "node-b has audioforge-jokes 2.0, and here is no audioforge-jokes",
    ]


def test_workers_of_one_node_are_named_once():
    assert len(version_differences(OWN, [worker(torch="2.13.0"), worker(torch="2.13.0")])) == 1


@pytest.mark.parametrize("same", [{"torch": "2.14.1+cu130"}, {"python": "3.11.9"}])
def test_builds_for_other_devices_and_bug_fixes_of_python_are_the_same(same):
    require_same_versions(OWN, [worker(**same)])


def test_another_python_is_refused():
    with pytest.raises(UsageError, match=r"python 3\.12\.1"):
        require_same_versions(OWN, [worker(python="3.12.1")])


def test_who_does_not_see_the_run_folder_is_named_with_it():
    facts = [worker("node-a"), worker("node-c", sees=False), worker("node-b", sees=False)]
    with pytest.raises(UsageError, match=r"^/runs/one: node-b, node-c do not see .*--output"):
        require_folder_seen(Path("/runs/one"), facts)
    require_folder_seen(Path("/runs/one"), facts[:1])


def test_functions_given_in_python_are_refused_with_the_mend():
    with pytest.raises(UsageError, match=r"^short: given as a function .*--plugin"):
        require_known_elsewhere(Outline(settings={}, given=("short",)))
    require_known_elsewhere(Outline(settings={}))


@pytest.mark.parametrize(
    ("addresses", "token", "said"),
    [
        (["127.0.0.1"], False, None),
        (["::1", "localhost"], False, None),
        (["10.0.0.5", "10.0.0.6"], True, None),
        (["127.0.0.1", "10.0.0.5"], False, "Ray listens at 10.0.0.5 and asks for no token"),
        (["8.8.8.8"], True, "Ray listens at 8.8.8.8, which the internet may reach"),
        (["8.8.8.8"], False, "Ray listens at 8.8.8.8 and asks for no token"),
    ],
)
def test_whether_others_may_reach_the_cluster(addresses, token, said):
    warning = open_address(addresses, asks_for_token=token)
    assert (warning is None) == (said is None)
    if said is not None:
        assert warning.startswith(said)
        assert "docs/clusters.md" in warning
