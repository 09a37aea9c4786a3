"""What every test may use."""

import hashlib
import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock
from fresh_environment import FreshEnvironment, build_wheel
from hypothesis import HealthCheck, settings

# A busy machine is no fault of what is tested. `make soak` tries many times as many examples.
SLOW = [HealthCheck.too_slow]
settings.register_profile("few", max_examples=30, deadline=None, suppress_health_check=SLOW)
settings.register_profile("many", settings.get_profile("few"), max_examples=1_000)
settings.load_profile("few")

ROOT = Path(__file__).resolve().parent.parent


def pytest_configure(config):
    """Let trackers ask no server, and keep what is beside a run in a folder that is no test's own.

    Some of them read the environment once, when they are imported.
    """
    folder = tempfile.mkdtemp()
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
    os.environ |= {
        "TRACKIO_DIR": f"{folder}/trackio",
        "WANDB_MODE": "offline",
        **{f"WANDB_{kind}_DIR": f"{folder}/wandb" for kind in ("DATA", "CACHE", "CONFIG")},
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }


UNMEASURED = {"reliability", "raft", "documentation"}
"""Folders of tests of whole runs, whose lines shorter tests pass as well."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Leave most cases of a sweep to `make soak`, and measure no coverage of what takes long.

    Shorter tests pass the same lines, and measuring costs a sixth of the time.
    """
    cases = Counter()
    for item in items:
        if sweep := item.get_closest_marker("sweep"):
            test = (item.path, item.originalname)
            if cases[test] % sweep.args[0]:
                item.add_marker("soak")
            cases[test] += 1
        if re.search(r"tracker-(wandb|mlflow)-", item.name):  # each takes a second to open
            item.add_marker("soak")
        if item.get_closest_marker("slow") or UNMEASURED & {*item.path.parts}:
            item.add_marker("no_cover")


@pytest.fixture(autouse=True)
def _processes_of_unmeasured_tests_are_not_measured(request, monkeypatch):
    if request.node.get_closest_marker("no_cover"):
        for name in [name for name in os.environ if name.startswith("COVERAGE")]:
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def once(tmp_path_factory) -> Callable[[str, Callable[[Path], None]], Path]:
    """`once(key, make)` is a folder that `make(folder)` fills, once for all workers of pytest."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent  # that of the whole session

    def _once(key: str, make: Callable[[Path], None]) -> Path:
        folder = base / f"once-{hashlib.sha256(key.encode()).hexdigest()[:16]}"
        done = folder / "made"
        with FileLock(folder.with_suffix(".lock")):  # the other worker waits until it is made
            if not done.exists():
                folder.mkdir(exist_ok=True)
                make(folder)
                done.touch()
        return folder

    return _once


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """Recordings and trained models that lie beside the repository on some machines."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("needs recordings and models in ../shared, which is not there")
    return folder


@pytest.fixture(scope="session")
def wheel(once):
    """`wheel(project)` builds the wheel of a project's folder, once."""

    def build(project: Path) -> Path:
        folder = once(f"wheel of {project}", lambda folder: build_wheel(project, folder / "wheel"))
        return next(folder.glob("wheel/*.whl"))

    return build


@pytest.fixture(scope="session")
def fresh_environment(tmp_path_factory, wheel):
    """`fresh_environment(*projects, leave_out=())` is a new one with the core and these."""

    def make(*projects: Path, leave_out: tuple[str, ...] = ()) -> FreshEnvironment:
        folder = tmp_path_factory.mktemp("fresh") / "venv"
        environment = FreshEnvironment.make(folder, leave_out)
        environment.install(*map(wheel, (ROOT / "core", *projects)))
        return environment

    return make


@pytest.fixture(scope="session")
def shared_environment(once, wheel):
    """As `fresh_environment`, but made once for all tests, none of which changes it."""

    def make(*projects: Path, leave_out: tuple[str, ...] = ()) -> FreshEnvironment:
        def _fill(folder: Path) -> None:
            environment = FreshEnvironment.make(folder / "venv", leave_out)
            environment.install(*map(wheel, (ROOT / "core", *projects)))

        key = f"environment with {[str(p) for p in projects]} without {sorted(leave_out)}"
        return FreshEnvironment(once(key, _fill) / "venv")

    return make


@pytest.fixture(scope="session")
def registry():
    """What is installed."""
    from audioforge.plugins import discover

    return discover()


@pytest.fixture(scope="session")
def reporter():
    """Says nothing but warnings."""
    from audioforge.terminal.reporter import Reporter

    return Reporter(quiet=True)


@pytest.fixture(scope="session")
def processes():
    """This one, on the CPU."""
    from audioforge.inference.processes import Processes

    return Processes("cpu", "float32")


@pytest.fixture(scope="session")
def rollout():
    """`rollout("a", 0.5, None)` has one hypothesis for each reward."""

    from audioforge.sample import AudioSample, Hypothesis, Rollout, Score, ScoredHypothesis

    def _rollout(identity: str, *rewards: float | None, cycle: int = 1) -> Rollout:
        hypotheses = [
            ScoredHypothesis(Hypothesis(i, text=f"{identity}-{i}"), {"wer": Score(reward)}, reward)
            for i, reward in enumerate(rewards)
        ]
        return Rollout(AudioSample(identity), cycle, hypotheses)

    return _rollout
