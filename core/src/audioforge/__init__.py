"""AudioForge: train speech models from verifiable rewards.

from audioforge import AudioRAFTConfig, AudioRAFTTrainer

config = AudioRAFTConfig(model_name="openai/whisper-small", num_cycles=6)
AudioRAFTTrainer(config).train("librispeech")

Beside the trainer there are `benchmark` (measure a model), `score` (score what a system said),
`load` (use a model) and `open_run` (the result of an earlier run); see docs/python-reference.md.
"""

TYPE_CHECKING = False  # as in typing, which is not imported here: see import_path.py
if TYPE_CHECKING:
    from audioforge.api.loaded import LoadedModel, load
    from audioforge.api.measure import Scored, benchmark, score
    from audioforge.config import AudioRAFTConfig
    from audioforge.errors import AudioForgeError
    from audioforge.results.run_results import FinishedRun, RunResults, open_run
    from audioforge.run.benchmark import Benchmark
    from audioforge.sample import AudioSample, Hypothesis, Rollout, Score
    from audioforge.selection import Kept, Selected
    from audioforge.trainer import AudioRAFTTrainer

__version__ = "0.1.0"
__all__ = [
    "AudioForgeError",
    "AudioRAFTConfig",
    "AudioRAFTTrainer",
    "AudioSample",
    "Benchmark",
    "FinishedRun",
    "Hypothesis",
    "Kept",
    "LoadedModel",
    "Rollout",
    "RunResults",
    "Score",
    "Scored",
    "Selected",
    "__version__",
    "benchmark",
    "load",
    "open_run",
    "score",
]

_LAZY = {
    "AudioForgeError": "audioforge.errors:AudioForgeError",
    "AudioRAFTConfig": "audioforge.config:AudioRAFTConfig",
    "AudioRAFTTrainer": "audioforge.trainer:AudioRAFTTrainer",
    "AudioSample": "audioforge.sample:AudioSample",
    "Benchmark": "audioforge.run.benchmark:Benchmark",
    "FinishedRun": "audioforge.results.run_results:FinishedRun",
    "Hypothesis": "audioforge.sample:Hypothesis",
    "Kept": "audioforge.selection:Kept",
    "LoadedModel": "audioforge.api.loaded:LoadedModel",
    "Rollout": "audioforge.sample:Rollout",
    "RunResults": "audioforge.results.run_results:RunResults",
    "Score": "audioforge.sample:Score",
    "Scored": "audioforge.api.measure:Scored",
    "Selected": "audioforge.selection:Selected",
    "benchmark": "audioforge.api.measure:benchmark",
    "load": "audioforge.api.loaded:load",
    "open_run": "audioforge.results.run_results:open_run",
    "score": "audioforge.api.measure:score",
}
"""Where each public name is; none is imported before it is asked for, so that `--help` is quick."""


def __getattr__(name: str) -> object:
    """Import a public name when it is asked for."""
    if name in _LAZY:
        from importlib import import_module

        from audioforge.importing import importing

        module, _, attribute = _LAZY[name].partition(":")
        with importing():
            return getattr(import_module(module), attribute)
    raise AttributeError(f"module 'audioforge' has no attribute '{name}'")


def __dir__() -> list[str]:
    """Return the public names, for whoever completes them."""
    return __all__
