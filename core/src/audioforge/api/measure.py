"""`audioforge.benchmark` and `audioforge.score`: what the commands do, on data of Python too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import frozen

from audioforge.api.checkpoint import checkpoint_of
from audioforge.config import BenchmarkConfig, VerifyConfig
from audioforge.files.journal import whole_lines
from audioforge.given.hand_over import Data, hand_over
from audioforge.plugins import discover
from audioforge.results.frames import flat, frame
from audioforge.results.shown import Shown, ShowsItself
from audioforge.run.benchmark import Benchmark, run_benchmark
from audioforge.scoring.score import Scoring, score_predictions
from audioforge.scoring.sources import Predictions

if TYPE_CHECKING:
    import pandas as pd

Said: TypeAlias = "str | Path | Iterable[Mapping[str, Any]]"
"""A file of predictions, or what its lines hold."""


def benchmark(model: str | Path, dataset: Data, **settings: Any) -> Benchmark:
    """Measure a model on data by decoding greedily.

    >>> import audioforge
    >>> from audioforge_demo import assets  # a tiny Whisper and ten clips of spoken digits
    >>> measured = audioforge.benchmark(assets.model(), "demo:split=source", limit=10, device="cpu")
    >>> measured.result["n"], 0 <= measured.result["wer"] < 0.2
    (10, True)

    Args:
        model: A checkpoint's folder or hub id; of a run folder, the model that it exported.
        dataset: A name, a path or a hub id, or rows as `AudioRAFTTrainer.train` takes them.
        settings: Those of `audioforge benchmark`, such as `task`, `limit` or `verifier`.

    Returns:
        The measurement: `result` holds what `audioforge benchmark --json` prints (rates are
        fractions), `to_frame()` what was said of each clip; in a notebook it is a table.

    Raises:
        AudioForgeError: If the settings, the checkpoint or the data do not allow it.
    """
    config = BenchmarkConfig.from_mapping({"model_name": checkpoint_of(model), **settings})
    registry, config = hand_over(discover(), config, {"dataset": dataset})
    return run_benchmark(config, registry)


def score(
    predictions: Said,
    *,
    audio_dir: str | Path | None = None,
    reference: str | Path | None = None,
    **settings: Any,
) -> Scored:
    """Score what any system produced, without a model.

    >>> import audioforge
    >>> said = [{"text": "turn left", "pred_text": "turn left"},
    ...         {"text": "stop", "pred_text": "stop it"}]
    >>> scored = audioforge.score(said, language="en")
    >>> scored.reward, scored.as_mapping()["metrics"]["wer"]
    (0.5, 0.3333333333333333)
    >>> [row["reward"] for row in scored]
    [1.0, 0.0]

    Args:
        predictions: A file (JSON lines, CSV, TSV, .trn or .ctm), or rows: mappings with `text`
            (what is right; of a classifier the label) and `pred_text` (what was said), or a data
            frame of such. Rows of one `id` in a row are the k hypotheses of a clip.
        audio_dir: Folder of generated sound, for text to speech.
        reference: File of what is right, where the predictions do not say it.
        settings: Those of `audioforge verify`, such as `verifier`, `language` or `task`.

    Raises:
        AudioForgeError: If the settings or the predictions do not allow it, or a verifier fails
            too often.
    """
    registry, config = hand_over(discover(), VerifyConfig.from_mapping(settings))
    rows: Any = predictions
    if hasattr(rows, "iterrows"):  # of pandas
        rows = rows.to_dict("records")
    given = Predictions(
        Path(rows) if isinstance(rows, str | Path) else list(rows),
        reference=None if reference is None else Path(reference),
    )
    folder = None if audio_dir is None else Path(audio_dir)
    with TemporaryDirectory() as place:
        output = Path(place) / "scores.jsonl"
        scoring = score_predictions(config, given, registry, audio_dir=folder, output=output)
        return Scored(scoring, tuple(whole_lines(output)))


@frozen(eq=False, repr=False)
class Scored(ShowsItself):
    """Predictions, scored.

    Attributes:
        scoring: The figures of all together.
        lines: Of each prediction what was asked for and said, its reward and scores, as
            `audioforge verify --output` writes them.
    """

    scoring: Scoring
    lines: tuple[dict[str, Any], ...]

    @property
    def reward(self) -> float | None:
        """The mean reward; None when no prediction has one."""
        return self.scoring.reward

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield what became of each prediction."""
        return iter(self.lines)

    def __len__(self) -> int:
        """Return how many predictions there were."""
        return len(self.lines)

    def as_mapping(self) -> dict[str, Any]:
        """Return what `audioforge verify --json` prints; rates are fractions."""
        return self.scoring.as_mapping()

    def to_frame(self) -> pd.DataFrame:
        """Return a data frame with a row for each prediction; needs pandas."""
        return frame(map(flat, self.lines), "to_frame")

    def shown(self) -> Shown:
        """Return the table of what was measured."""
        return self.scoring.shown()
