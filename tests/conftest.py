"""What every test may use."""

from pathlib import Path

import pytest
from fresh_environment import FreshEnvironment, build_wheel
from hypothesis import HealthCheck, settings

# A busy machine is no fault of what is tested.
settings.register_profile("any-load", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any-load")

ROOT = Path(__file__).resolve().parent.parent


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
def wheel(tmp_path_factory):
    """`wheel(project)` builds the wheel of a project's folder, once."""
    built: dict[Path, Path] = {}

    def build(project: Path) -> Path:
        if project not in built:
            built[project] = build_wheel(project, tmp_path_factory.mktemp("wheel"))
        return built[project]

    return build


@pytest.fixture(scope="session")
def fresh_environment(tmp_path_factory, wheel):
    """`fresh_environment(*projects, leave_out=())` is a new one with the core and these."""

    def make(*projects: Path, leave_out: tuple[str, ...] = ()) -> FreshEnvironment:
        environment = FreshEnvironment(tmp_path_factory.mktemp("fresh") / "venv", leave_out)
        environment.install(*map(wheel, (ROOT / "core", *projects)))
        return environment

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
