"""Memory that runs out: smaller batches, then the clip alone, and a clear end."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from audioforge import AudioRAFTConfig, AudioRAFTTrainer
from audioforge.errors import DatasetError, TrainingError
from audioforge.inference.out_of_memory import is_out_of_memory
from audioforge.terminal.reporter import Reporter

from .tone_run import BATCH, ToneWords, read_lines, results, resume, settings, train

pytestmark = pytest.mark.no_cover  # shorter tests pass the same lines

IMPOSSIBLE = 2**60


def torch_refuses() -> None:
    torch.empty(IMPOSSIBLE)


def accelerator_refuses() -> None:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


def python_refuses() -> None:
    raise MemoryError


KINDS: dict[str, Callable[[], None]] = {
    "torch": torch_refuses, "accelerator": accelerator_refuses, "python": python_refuses
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_memory_is_told_from_other_errors(kind: str) -> None:
    with pytest.raises((RuntimeError, MemoryError)) as caught:
        KINDS[kind]()
    assert is_out_of_memory(caught.value)


def test_other_errors_are_not_taken_for_it() -> None:
    unknown = RuntimeError("could not create a primitive descriptor for a matmul")
    for error in (RuntimeError("shapes"), RuntimeError(5), RuntimeError(), ValueError(), unknown):
        assert not is_out_of_memory(error)


@pytest.mark.parametrize(
    "text",
    [
        "could not create a primitive",
        "could not create a memory object",
        "CUDA error: out of memory",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    ],
)
def test_the_words_of_libraries_below_torch_are_known(text: str) -> None:
    assert is_out_of_memory(RuntimeError(text))


def refuse(patch: pytest.MonkeyPatch, name: str, kind: str, fits: Callable[..., bool]) -> None:
    """Have a method of the model run out of memory on what does not fit."""
    original = getattr(ToneWords, name)

    def _call(adapter: ToneWords, batch: list, *arguments: object) -> object:
        if not fits(batch):
            KINDS[kind]()
        return original(adapter, batch, *arguments)

    patch.setattr(ToneWords, name, _call)


@pytest.mark.sweep(4)
@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_that_does_not_fit_is_sampled_and_decoded_in_halves(
    inputs: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str], kind: str,
) -> None:  # fmt: skip
    refuse(monkeypatch, "sample", kind, lambda batch: len(batch) <= 1)
    train(tmp_path / "run", settings(inputs))
    assert results(tmp_path / "run") == results(whole)
    said = capsys.readouterr().err
    assert f"out of memory with {BATCH} clips at once: trying them in two halves" in said


@pytest.fixture(scope="module", autouse=True)
def _small_heap() -> Iterator[None]:
    """The engine collects garbage when memory runs out; what pytest holds need not be searched."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


class NoRoomForGradients(torch.autograd.Function):
    """Passes a value on; on the way back the allocator is asked for too much."""

    @staticmethod
    def forward(context, value):
        return value.clone()

    @staticmethod
    def backward(context, gradient):
        torch_refuses()


@pytest.mark.sweep(4)
@pytest.mark.parametrize("kind", [*KINDS, "backward"])
def test_a_step_that_does_not_fit_is_done_in_halves(
    inputs: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str], kind: str,
) -> None:  # fmt: skip
    if kind == "backward":
        loss = ToneWords.loss

        def _loss(adapter: ToneWords, batch: list, *arguments: object) -> torch.Tensor:
            value = loss(adapter, batch, *arguments)
            return value if len(batch) <= 2 else NoRoomForGradients.apply(value)

        monkeypatch.setattr(ToneWords, "loss", _loss)
    else:
        refuse(monkeypatch, "loss", kind, lambda batch: len(batch) <= 2)
    train(tmp_path / "run", settings(inputs))
    assert f"out of memory with {BATCH} clips at once: going on with 2" in capsys.readouterr().err
    found, expected = (
        load_file(run / "cycle-02" / "checkpoint" / "model.safetensors")
        for run in (tmp_path / "run", whole)
    )
    for key, tensor in expected.items():  # gradients are added up in another order
        torch.testing.assert_close(found[key], tensor, rtol=1e-4, atol=1e-5)
    assert (
        results(tmp_path / "run")["cycle-01/rollouts-00000.jsonl"]
        == (results(whole)["cycle-01/rollouts-00000.jsonl"])
    )


def clip_of(batch: list) -> set[str]:
    return {identity for identity, _ in batch}


def test_a_clip_that_does_not_fit_alone_is_left_out_and_counted(
    inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch, "sample", "torch", lambda batch: "train/07" not in clip_of(batch))
    summary = train(tmp_path / "run", settings(inputs))
    assert summary["cycles"][0]["hypotheses"] == 19 * 3
    (line,) = [
        line
        for line in read_lines(tmp_path / "run" / "skipped.jsonl")
        if line["kind"] == "out of memory"
    ]
    assert "07.wav" in line["where"]
    assert "do not fit into the memory" in line["reason"]
    config = AudioRAFTConfig.from_mapping(
        {**settings(inputs), "output_dir": tmp_path / "strict", "on_error": "fail"}
    )
    with pytest.raises(DatasetError, match="--on-error skip"):
        AudioRAFTTrainer(config, reporter=Reporter(quiet=True)).train()


@pytest.mark.parametrize("fails_at", [1, 2])
def test_a_held_out_clip_that_fits_only_sometimes_is_compared_where_it_did(
    inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails_at: int
) -> None:
    """The first evaluation is the base model's; differences are of clips that both have."""
    evaluations = {"of heldout/03": 0}

    def _fits(batch: list) -> bool:
        if clip_of(batch) != {"heldout/03"}:
            return "heldout/03" not in clip_of(batch)
        evaluations["of heldout/03"] += 1
        return evaluations["of heldout/03"] != fails_at

    refuse(monkeypatch, "sample", "torch", _fits)
    summary = train(tmp_path / "run", settings(inputs))
    counts = [summary["base"]["n"], *(cycle["n"] for cycle in summary["cycles"])]
    assert counts == ([19, 20, 20] if fails_at == 1 else [20, 19, 20])
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["best"]


def test_an_update_that_does_not_fit_at_all_ends_clearly_and_can_go_on(
    inputs: Path, whole: Path, tmp_path: Path
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        refuse(patch, "loss", "torch", lambda batch: False)
        with pytest.raises(TrainingError, match="update of a single clip does not fit"):
            train(tmp_path / "run", settings(inputs))
    resume(tmp_path / "run")
    assert results(tmp_path / "run") == results(whole)
