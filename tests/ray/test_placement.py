"""What the options ask of nodes: devices, room, and words for what is wrong; no Ray is started."""

import pytest
from attrs import asdict

from audioforge.errors import ConfigError
from audioforge.plugins import discover
from audioforge.plugins.registry import checked_options

pytest.importorskip("ray", reason="needs audioforge-ray")

from audioforge_ray.options import RayOptions
from audioforge_ray.placement import Node, launch_problem, room_problem, unused_gpus, worker_device


def node(host="a", cpus=8.0, gpus=0.0):
    return Node(id=host, host=host, address="10.0.0.5", cpus=cpus, gpus=gpus, is_driver=False)


@pytest.mark.parametrize(
    ("device", "gpus", "said"),
    [
        ("auto", 0, "cpu"),
        ("cpu", 0, "cpu"),
        ("mps", 0, "mps"),
        ("auto", 1, "cuda"),
        ("cuda", 0.5, "cuda"),
    ],
)
def test_workers_compute_on_what_they_take_up(device, gpus, said):
    assert worker_device(device, RayOptions(gpus_per_worker=gpus)) == said


def test_cuda_without_gpus_for_workers_is_refused():
    with pytest.raises(ConfigError, match=r"device: cuda needs .*gpus_per_worker=1"):
        worker_device("cuda", RayOptions())


def test_gpus_for_workers_that_are_not_to_use_them_are_refused():
    with pytest.raises(ConfigError, match=r"gpus_per_worker: 1 and device: cpu exclude"):
        worker_device("cpu", RayOptions(gpus_per_worker=1))


def test_where_no_worker_has_room_is_told_with_what_nodes_offer():
    asked = RayOptions(cpus_per_worker=4, gpus_per_worker=2)
    problem = room_problem([node("a", 8, 1), node("b", 2, 4)], asked)
    assert problem is not None
    assert problem.startswith("no node has 4 CPUs and 2 GPUs for a worker (a: 8 CPUs, 1 GPUs; b: ")
    assert room_problem([node("a", 2), node("b", 4, 2)], asked) is None
    assert "there is no node" in (room_problem([], asked) or "")


def test_gpus_that_nobody_uses_are_told_unless_the_cpu_was_asked_for():
    assert "has 4 GPUs" in (unused_gpus([node(gpus=4)], "auto", RayOptions()) or "")
    assert unused_gpus([node(gpus=4)], "cpu", RayOptions()) is None
    assert unused_gpus([node(gpus=4)], "auto", RayOptions(gpus_per_worker=1)) is None
    assert unused_gpus([node()], "auto", RayOptions()) is None


def options(**given):
    return checked_options(discover().find("executors", "ray"), given)


def test_options_are_read_as_the_command_line_has_them():
    read = options(address="10.0.0.5:6379", rollout_workers="8", gpus_per_worker="0.5")
    assert read == asdict(
        RayOptions(address="10.0.0.5:6379", rollout_workers=8, gpus_per_worker=0.5)
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"rollout_workers": "0"}, "ray: 'rollout_workers' must be >= 1: 0"),
        ({"gpus_per_worker": "-1"}, "ray: 'gpus_per_worker' must be >= 0: -1"),
        ({"update_workers": "two"}, "ray.update_workers: 'two' is not int"),
        ({"address": "10.0.0.5"}, "ray.address: '10.0.0.5' is no address: write local, auto or"),
        ({"adress": "auto"}, "ray.adress: no such option. Did you mean address?"),
    ],
)
def test_wrong_options_are_named(given, said):
    with pytest.raises(ConfigError) as refused:
        options(**given)
    assert said in str(refused.value)


def test_one_of_several_processes_is_no_driver():
    assert launch_problem({}) is launch_problem({"WORLD_SIZE": "1"}) is None
    assert "update_workers=2" in (launch_problem({"WORLD_SIZE": "2"}) or "")
    assert "torchrun" in (launch_problem({"TORCHELASTIC_RUN_ID": "none", "WORLD_SIZE": "1"}) or "")
