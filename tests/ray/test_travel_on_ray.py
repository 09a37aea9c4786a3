"""A run on Ray whose nodes see none of its sound: the same results, and each file is sent once.

That a node does not see what lies on this machine is the doing of a plugin file, which travels too.
"""

import json
from collections import Counter
from pathlib import Path

import pytest

from audioforge import AudioRAFTConfig, AudioRAFTTrainer
from audioforge.plugins import discover
from audioforge_demo import assets

pytest.importorskip("ray")

PLUGIN = """
import os
from pathlib import Path
from audioforge.hookspecs import hookimpl
from audioforge.inference import clips
from audioforge.sample import Score
from audioforge.specs import VerifierSpec
from audioforge.verifier import Verifier
AUDIOFORGE_API = 4
LOG, MAIN = Path(__file__).with_name("log"), {main}

def note(what):
    with LOG.open("a") as file:
        file.write(f"{{what}}\\n")

if os.getpid() != MAIN:
    from audioforge_ray import sent_files, travel
    sent_files._is_seen = lambda path: False
    piece, load = travel._Asked.piece, clips.load_clip

    def noted_piece(self, path, start):
        note(f"sent {{Path(path).name}}")
        return piece(self, path, start)

    def noted_load(sample, *rest, **named):
        note(f"decoded {{sample.id}}")
        return load(sample, *rest, **named)

    travel._Asked.piece, clips.load_clip = noted_piece, noted_load


class Known(Verifier):
    tasks = ("asr",)

    def setup(self, context):
        ids = [sample.id for sample in context.corpus]
        again = [sample.id for sample in context.corpus]
        self.share = (len(ids) % 7) / 7 if ids == again else 0.0

    def verify(self, samples, hypotheses):
        return [Score(self.share) for _ in hypotheses]


@hookimpl
def register_verifiers():
    made = f"{{__name__}}:Known"
    return [VerifierSpec(name="known", summary="Corpus", factory=made, tasks=("asr",))]
"""


def train(folder: Path, executor: str) -> Path:
    import os

    folder.mkdir()
    plugin = folder / "unseen.py"
    plugin.write_text(PLUGIN.format(main=os.getpid()))
    config = AudioRAFTConfig(
        model_name=str(assets.model()),
        output_dir=folder / "run",
        executor=executor,
        verifier=["wer", "known:weight=0.5"],
        num_cycles=2,
        steps_per_cycle=2,
        limit=12,
        batch_size=4,
        samples_per_prompt=2,
        normalizer="whisper-english",
        device="cpu",
        min_kept=0,
        reward_threshold=0.0,
    )
    AudioRAFTTrainer(config, discover(files=[plugin])).train("demo")
    return folder / "run"


def lines(run: Path, pattern: str) -> list[dict]:
    found = [json.loads(x) for path in run.glob(pattern) for x in path.read_text().splitlines()]
    return sorted(found, key=lambda line: line["id"])


@pytest.mark.soak
def test_sound_that_nodes_do_not_see_is_sent_once_and_decoded_once(tmp_path):
    here = train(tmp_path / "here", "processes")
    there = train(tmp_path / "there", "ray:rollout_workers=1")
    for pattern in ("cycle-*/rollouts-*.jsonl", "cycle-02/predictions.jsonl"):
        assert lines(here, pattern) == lines(there, pattern) != []
    noted = Counter((tmp_path / "there/log").read_text().splitlines())
    sent = {what: times for what, times in noted.items() if what.startswith("sent")}
    decoded = {what: times for what, times in noted.items() if what.startswith("decoded")}
    assert len(sent) == len(decoded) == 12
    assert {*sent.values(), *decoded.values()} == {1}, "two cycles, four evaluations"
