"""What the engine itself registers, through the same hooks as anybody's plugin."""

from __future__ import annotations

from audioforge.hookspecs import hookimpl
from audioforge.specs import AugmentationSpec, ExecutorSpec, SelectionSpec, TrackerSpec

AUDIOFORGE_API = 4


@hookimpl
def register_selections() -> list[SelectionSpec]:
    """Return the selection of RAFT and its kin, other objectives, and the controls."""
    return [
        SelectionSpec(
            name="best",
            summary="each clip's best hypothesis, from the threshold on (RAFT)",
            factory="audioforge.objectives.filters:Best",
        ),
        SelectionSpec(
            name="top-percent",
            summary="the best percent of all hypotheses of all clips",
            factory="audioforge.objectives.filters:TopPercent",
        ),
        SelectionSpec(
            name="top-n",
            summary="each clip's n best hypotheses, from the threshold on",
            factory="audioforge.objectives.filters:TopN",
            options="audioforge.objectives.filters:TopNOptions",
        ),
        SelectionSpec(
            name="weighted",
            summary="all of a clip's hypotheses, each as much as its reward says",
            factory="audioforge.objectives.filters:Weighted",
            options="audioforge.objectives.filters:WeightedOptions",
        ),
        SelectionSpec(
            name="mix",
            summary="each clip's transcript and its best hypothesis",
            factory="audioforge.objectives.filters:Mix",
            options="audioforge.objectives.filters:MixOptions",
        ),
        SelectionSpec(
            name="rloo",
            summary="policy gradient; the baseline is the mean reward of the clip's others",
            factory="audioforge.objectives.policy_gradient:Rloo",
            options="audioforge.objectives.policy_gradient:Clipping",
        ),
        SelectionSpec(
            name="grpo",
            summary="policy gradient in units of the spread of the clip's rewards",
            factory="audioforge.objectives.policy_gradient:Grpo",
            options="audioforge.objectives.policy_gradient:GrpoOptions",
        ),
        SelectionSpec(
            name="mwer",
            summary="fewer word errors expected of each clip's hypotheses, and the transcript",
            factory="audioforge.objectives.expected_errors:Mwer",
            options="audioforge.objectives.expected_errors:MwerOptions",
        ),
        SelectionSpec(
            name="random",
            summary="a random hypothesis of each clip: a control of equal compute",
            factory="audioforge.objectives.filters:Random",
        ),
        SelectionSpec(
            name="reference",
            summary="each clip's reference, nothing sampled: supervised fine-tuning",
            factory="audioforge.objectives.filters:Reference",
        ),
    ]


@hookimpl
def register_trackers() -> list[TrackerSpec]:
    """Return what shows a run elsewhere; each needs the extra that has its name."""
    rooms = "audioforge.trackers"
    return [
        TrackerSpec(
            name="tensorboard",
            summary="TensorBoard: event files in the run folder",
            factory=f"{rooms}.tensorboard:TensorBoard",
            options=f"{rooms}.accelerated:ShownOptions",
            example=f"{rooms}.example:tensorboard",
        ),
        TrackerSpec(
            name="wandb",
            summary="Weights & Biases: a run of a project, offline with WANDB_MODE=offline",
            factory=f"{rooms}.wandb:Wandb",
            options=f"{rooms}.wandb:WandbOptions",
            example=f"{rooms}.example:wandb",
        ),
        TrackerSpec(
            name="mlflow",
            summary="MLflow: a run of an experiment, on a server or in a database",
            factory=f"{rooms}.mlflow:Mlflow",
            options=f"{rooms}.mlflow:MlflowOptions",
            example=f"{rooms}.example:mlflow",
        ),
        TrackerSpec(
            name="trackio",
            summary="Trackio: a run of a project, on this machine or in a Space",
            factory=f"{rooms}.trackio:Trackio",
            options=f"{rooms}.trackio:TrackioOptions",
            example=f"{rooms}.example:trackio",
        ),
    ]


@hookimpl
def register_executors() -> list[ExecutorSpec]:
    """Return what runs on this machine."""
    return [
        ExecutorSpec(
            name="processes",
            summary="this process, or those that torchrun started",
            factory="audioforge.inference.own_executor:ProcessesExecutor",
        )
    ]


@hookimpl
def register_augmentations() -> list[AugmentationSpec]:
    """Return what is mixed into training clips."""
    return [
        AugmentationSpec(
            name="noise",
            summary="a part of a recording of noise, at a ratio of powers that is drawn",
            tasks=("asr", "classification"),
            factory="audioforge.augmentations.noise:Noise",
            options="audioforge.augmentations.noise:NoiseOptions",
            example="audioforge.augmentations.example:noise",
        )
    ]
