"""What `make bench` and benchmarks/gpu.py measure with, and that both run to their end."""

import json
import os
import subprocess
import sys

import pytest
import torch
from attrs import evolve
from performance import floor, report
from performance.material import NANO, Checkpoints
from performance.results import Results
from performance.subjects import Measurement
from performance.timing import Contestant, Figures, alternate
from torch.utils.flop_counter import FlopCounterMode
from transformers import WhisperForConditionalGeneration
from transformers.modeling_outputs import BaseModelOutput

from audioforge.model import LoadOptions, SamplingParams
from audioforge_whisper.adapter import WhisperAdapter
from audioforge_whisper.untrained import model_config

MACHINE = {
    "cpu": "some CPU",
    "flags": ["avx2"],
    "cores": 2,
    "threads": 1,
    "python": "3.11",
    "versions": {"torch": "2"},
}
ROLLOUT = Measurement("rollout", "nano, k = 4", lambda: Figures(unit="CPU s a clip", values={}))


def test_operations_of_the_floor_are_those_that_torch_counts():
    model = WhisperForConditionalGeneration(model_config(NANO)).eval()
    model.set_attn_implementation("eager")  # whose products torch counts
    features = torch.zeros(1, NANO.mels, 2 * model.config.max_source_positions)
    rows = torch.zeros(1, 12, dtype=torch.long)
    with torch.no_grad():
        with FlopCounterMode(display=False) as encoding:
            encoded = model.model.encoder(features)
        assert floor.encoder_operations(NANO) == encoding.get_total_flops()
        with FlopCounterMode(display=False) as decoding:
            model(encoder_outputs=encoded, decoder_input_ids=rows)
    # One hypothesis of 11 tokens after a prompt of 2, fed token by token, attends to half as much.
    shape = evolve(NANO, text_tokens=model.config.vocab_size, timestamps=0)
    work = floor.Work(clips=1, hypotheses=1, tokens=11, prompt=2)
    assert floor.decoder_operations(shape, work) == pytest.approx(
        decoding.get_total_flops(), rel=0.02
    )


@pytest.mark.parametrize("trainable", ["full", "frozen-encoder"])
def test_operations_of_an_update_are_those_that_torch_counts(trainable):
    model = WhisperForConditionalGeneration(model_config(NANO))
    model.set_attn_implementation("eager")
    features = torch.zeros(1, NANO.mels, 2 * model.config.max_source_positions)
    encoded = model.model.encoder(features)
    rows = torch.zeros(1, 12, dtype=torch.long)
    with FlopCounterMode(display=False) as counted:
        if trainable == "full":
            loss = model(input_features=features, labels=rows).loss
        else:
            heard = BaseModelOutput(last_hidden_state=encoded.last_hidden_state.detach())
            loss = model(encoder_outputs=heard, labels=rows).loss
        loss.backward()
    shape = evolve(NANO, text_tokens=model.config.vocab_size, timestamps=0)
    assert floor.update_operations(shape, 12, trainable) == pytest.approx(
        counted.get_total_flops(), rel=0.02
    )


def test_contestants_take_turns_and_preparing_is_not_timed():
    now, order = [0.0], []

    def player(name, seconds):
        def work(prepared):
            order.append(name)
            now[0] += seconds + prepared

        def prepare():
            now[0] += 100
            return 0.5

        return Contestant(name, work, prepare)

    turns = alternate([player("a", 1), player("b", 2)], rounds=2, clock=lambda: now[0])
    assert order == ["a", "b", "a", "b"]
    assert turns == {"a": [1.5, 1.5], "b": [2.5, 2.5]}


def test_results_of_another_machine_are_not_mixed_in_and_a_commit_is_not_measured_twice(tmp_path):
    path = tmp_path / "performance.json"
    figures = Figures(unit="CPU s a clip", values={"AudioForge float32": [3.0, 1.0, 2.0]})
    Results(path, MACHINE).add(ROLLOUT, figures, "abc")
    again = Results(path, MACHINE)
    assert again.has(ROLLOUT, "abc")
    assert not again.has(ROLLOUT, "def")
    assert again.rows("rollout")["nano, k = 4"]["values"] == {
        "AudioForge float32": {"median": 2.0, "min": 1.0, "max": 3.0, "turns": 3}
    }
    again.forget("rollout")
    assert not again.has(ROLLOUT, "abc")
    other = Results(path, MACHINE | {"cpu": "another"})
    assert not other.taken_over
    assert not other.has(ROLLOUT, "abc")


def test_the_page_has_figures_ratios_and_reasons_between_its_marks(tmp_path):
    results = Results(tmp_path / "performance.json", MACHINE)
    figures = Figures(
        unit="CPU s a clip",
        values={"Transformers": [6.0, 6.0], "AudioForge float32": [0.5, 0.7], "floor": [0.3]},
        missing={"AudioForge bfloat16": "no bf16 hardware"},
        details={"gigaflops": {"torch": 100.0}},
    )
    results.add(ROLLOUT, figures, "abc")
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- bench: begin -->\nold\n<!-- bench: end -->\nafter\n")
    report.write_region(page, "bench", report.tables(results.content))
    text = page.read_text()
    assert text.startswith("before\n<!-- bench: begin -->\n\nsome CPU (avx2), 1 thread of 2 cores")
    assert text.endswith("<!-- bench: end -->\nafter\n")
    assert "old" not in text
    assert "| nano, k = 4 | 6 (6–6) | 0.6 (0.5–0.7) | 0.3 |" in text
    assert "| nano, k = 4 | 10.00 | 0.50 |" in text
    assert "- AudioForge bfloat16: not measured, no bf16 hardware." in text
    with pytest.raises(ValueError, match="no region"):
        report.write_region(page, "gpu", "")


def test_an_untrained_model_ends_where_it_is_told_to(tmp_path, tone):
    folder = Checkpoints(tmp_path).whisper("nano", ends_after=8)
    adapter = WhisperAdapter.load(str(folder), LoadOptions())
    with torch.inference_mode():
        (drawn,) = adapter.sample(adapter.prepare((tone,)), 256, SamplingParams(max_new_tokens=100))
    assert 5 < sum(h.tokens for h in drawn) / len(drawn) < 16


@pytest.fixture
def tone():
    from performance.material import noise_clips

    return noise_clips(1, 2)[0]


@pytest.mark.slow
@pytest.mark.soak
@pytest.mark.parametrize(
    "command",
    [["-m", "performance", "--quick"], ["benchmarks/gpu.py", "--device", "cpu", "--quick"]],
)
def test_a_quick_pass_measures_everything(root, command):
    environment = os.environ | {"PYTHONPATH": "benchmarks", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *command], cwd=root, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "| AudioForge float32 |" in done.stdout or "AudioForge bfloat16" in done.stdout
    for subject in ("Rollout", "Update"):
        assert f"### {subject}" in done.stdout


def test_the_figures_of_the_page_are_those_of_the_json(root):
    """The page is written by the command, not by hand."""
    page = (root / "docs/performance.md").read_text(encoding="utf-8")
    for name, region in (("performance", "bench"), ("gpu", "gpu")):
        path = root / f"docs/{name}.json"
        if path.is_file():
            content = json.loads(path.read_text(encoding="utf-8"))
            between = page.split(f"<!-- {region}: begin -->")[1].split(f"<!-- {region}: end")[0]
            assert between.strip() == report.tables(content).strip()
