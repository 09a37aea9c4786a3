"""A cluster of this machine: on loopback alone, quiet, and gone with whoever started it."""

import json
import signal
import subprocess
import sys
import time

import psutil
import pytest

pytestmark = [pytest.mark.soak, pytest.mark.slow]
pytest.importorskip("ray", reason="needs audioforge-ray")

DRIVER = """
import sys, time
from contextlib import suppress
import psutil
from audioforge_ray.cluster import connect
from audioforge_ray.options import RayOptions

cluster = connect(RayOptions(rollout_workers=4))
started = [p for p in psutil.Process().children(recursive=True)]
listening = set()
for process in started:
    with suppress(psutil.NoSuchProcess):  # some only start others
        listening |= {c.laddr.ip for c in process.net_connections() if c.status == "LISTEN"}
node, = cluster.nodes()
print(*(p.pid for p in started), sep=",", flush=True)
print(*listening, sep=",", flush=True)
print(node.address, node.cpus, node.is_driver, cluster.warning(), flush=True)
if sys.argv[1] == "wait":
    time.sleep(600)
cluster.close()
"""


def started(how, tmp_path):
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER, how], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, cwd=tmp_path,
    )  # fmt: skip
    assert driver.stdout is not None
    pids = [int(pid) for pid in driver.stdout.readline().split(",")]
    return driver, pids


def gone(pids, seconds):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if not any(map(psutil.pid_exists, pids)):
            return True
        time.sleep(0.5)
    return False


def test_it_is_on_loopback_alone_and_says_nothing(tmp_path):
    driver, pids = started("close", tmp_path)
    out, err = driver.stdout.read(), driver.stderr.read()  # communicate() would lose what was read
    assert driver.wait() == 0, err
    listening, node = out.splitlines()
    assert {ip.removeprefix("::ffff:") for ip in listening.split(",")} == {"127.0.0.1"}
    assert node == "127.0.0.1 4.0 True None"
    assert err == ""
    assert len(pids) > 3
    assert gone(pids, 10)


def test_a_driver_that_is_killed_leaves_no_cluster(tmp_path):
    driver, pids = started("wait", tmp_path)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    assert len(pids) > 3
    # The kernel ends most of it at once; an agent of Ray that was just starting notices later.
    assert gone(pids, 180)


def test_doctor_looks_at_each_node(tmp_path):
    command = ["doctor", "--json", "--executor", "ray", "--folder", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "audioforge", *command],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert "for this machine alone" in checks["cluster"]["detail"]
    (node,) = (check for name, check in checks.items() if name.startswith("node "))
    assert "computes on cpu in float32" in node["detail"]
    assert "torch" in node["detail"]
    assert checks["folder"]["detail"].endswith("every node sees it")
    assert list(tmp_path.iterdir()) == []
