"""A node that comes later and has something else installed is left out, and its place is filled."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.soak, pytest.mark.slow]
pytest.importorskip("ray", reason="needs audioforge-ray")

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

DRIVER = """
import json, sys, time
sys.path.insert(0, sys.argv[1])
from simulated_cluster import simulated_cluster

with simulated_cluster(1, 1) as nodes:  # before Ray is imported
    import ray
    from audioforge_ray.agreement import require_same, versions_here
    from audioforge_ray.cluster import connect
    from audioforge_ray.group import Group, Post
    from audioforge_ray.options import RayOptions
    from audioforge_ray.worker import Sought

    told, own = [], versions_here()
    cluster = connect(RayOptions(address=nodes.address))
    group = Group(cluster, Post(device="cpu", dtype="float32", cpus=1.0, count=2), told.append)

    def until(is_so):
        ends = time.monotonic() + 90
        while not is_so():
            assert time.monotonic() < ends, (told, group.here)
            group.look(Sought())
            asked = list(group.asked)
            for ref in ray.wait(asked, timeout=1)[0] if asked else ():
                group.hear(ref)
            group.arrived(lambda facts: require_same(own, facts))
            time.sleep(0.05)

    until(lambda: len(group.here) == 1)
    nodes.add_node(PYTHONPATH=sys.argv[2])
    until(lambda: told)
    nodes.add_node()
    until(lambda: len(group.here) == 2)
    group.close()
    cluster.close()
    ray.shutdown()
print(json.dumps(sorted(set(told))))
"""


def other_version(folder):
    """Have a version of a library be there that is not here."""
    info = folder / "rapidfuzz-9.9.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: rapidfuzz\nVersion: 9.9\n")


def no_executor(folder):
    """Have no audioforge-ray be there."""
    package = folder / "audioforge_ray"
    package.mkdir()
    (package / "__init__.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'audioforge_ray'\", name='audioforge_ray')"
    )


@pytest.mark.parametrize(
    ("install", "named"),
    [(other_version, "rapidfuzz 9.9"), (no_executor, "No module named 'audioforge_ray'")],
)
def test_it_is_left_out_and_its_place_is_filled(tmp_path, install, named):
    install(tmp_path)
    command = [sys.executable, "-c", DRIVER, str(BENCHMARKS), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stderr
    (told,) = json.loads(done.stdout.splitlines()[-1])
    assert named in told
