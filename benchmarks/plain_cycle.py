"""A cycle of RAFT as a careful script with Transformers: what `make bench` compares with.

Features are computed once. Held-out clips are decoded greedily; k hypotheses of each training clip
are drawn with the batched `generate`; each clip's best, if its WER is at most 0.3 (or a random one,
for models that know nothing), is learnt with AdamW; held-out clips are decoded again. Nothing of
AudioForge is imported.

    python benchmarks/plain_cycle.py --model MODEL --train train.jsonl --heldout heldout.jsonl
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jiwer
import soundfile
import torch
from performance.plain_step import PlainTraining, features_and_labels
from transformers import WhisperProcessor
from transformers.utils import logging

WORST_WER = 0.3


class PlainCycle:
    """One cycle.

    Args:
        arguments: Of the command line.
    """

    def __init__(self, arguments: argparse.Namespace) -> None:
        """Load the model."""
        self._arguments = arguments
        self._training = PlainTraining(arguments.model, arguments.trainable)
        self._processor = WhisperProcessor.from_pretrained(arguments.model)

    def run(self) -> dict[str, Any]:
        """Return the word error rates on the held-out clips, before and after."""
        heldout_features, references = self._read(self._arguments.heldout)
        before = self._word_error_rate(heldout_features, references)
        features, texts = self._read(self._arguments.train)
        kept = self._keep(self._sample(features), texts)
        for number in range(self._arguments.steps):
            self._learn(features, kept, number)
        after = self._word_error_rate(heldout_features, references)
        if self._arguments.output is not None:
            self._training.model.save_pretrained(self._arguments.output)
        return {"before": before, "after": after, "kept": len(kept)}

    def _read(self, manifest: Path) -> tuple[torch.Tensor, list[str]]:
        lines = [json.loads(line) for line in manifest.read_text().splitlines()]
        waves = [soundfile.read(manifest.parent / line["audio_filepath"])[0] for line in lines]
        texts = [line["text"] for line in lines]
        features, _ = features_and_labels(self._arguments.model, waves, texts)
        return features, texts

    def _generate(self, features: torch.Tensor, **options: Any) -> list[str]:
        texts = []
        self._training.model.eval()
        with torch.inference_mode():
            for batch in features.split(self._arguments.batch_size):
                tokens = self._training.model.generate(
                    batch, max_new_tokens=self._arguments.max_new_tokens, **options
                )
                texts += self._processor.batch_decode(tokens, skip_special_tokens=True)
        self._training.model.train()
        return texts

    def _word_error_rate(self, features: torch.Tensor, references: Sequence[str]) -> float:
        said = self._generate(features, do_sample=False)
        return float(jiwer.wer([_plain(t) for t in references], [_plain(t) for t in said]))

    def _sample(self, features: torch.Tensor) -> list[list[str]]:
        k = self._arguments.k
        drawn = self._generate(
            features, do_sample=True, top_k=0, temperature=1.0, num_return_sequences=k
        )
        return [drawn[i : i + k] for i in range(0, len(drawn), k)]

    def _keep(self, rows: list[list[str]], texts: Sequence[str]) -> list[tuple[int, str]]:
        """Return what is learnt: the numbers of clips, and the text of each."""
        kept = []
        for number, (row, text) in enumerate(zip(rows, texts, strict=True)):
            rates = [float(jiwer.wer(_plain(text), _plain(said))) for said in row]
            best = min(range(len(row)), key=rates.__getitem__)
            if self._arguments.selection == "random":
                kept.append((number, random.choice(row)))
            elif rates[best] <= WORST_WER:
                kept.append((number, row[best]))
        return kept

    def _learn(self, features: torch.Tensor, kept: list[tuple[int, str]], number: int) -> None:
        size = self._arguments.batch_size
        chosen = [kept[(number * size + i) % len(kept)] for i in range(size)]
        texts = [text for _, text in chosen]
        tokens = [self._processor.tokenizer(text).input_ids[1:] for text in texts]
        labels = torch.nn.utils.rnn.pad_sequence(
            [torch.tensor(row) for row in tokens], batch_first=True, padding_value=-100
        )
        self._training.step(features[[i for i, _ in chosen]], labels)


def main() -> None:
    """Run a cycle and print what came out."""
    parser = argparse.ArgumentParser(description="A cycle of RAFT with Transformers alone")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--heldout", type=Path, required=True)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--trainable", default="full", choices=["full", "frozen-encoder", "lora"])
    parser.add_argument("--selection", default="best", choices=["best", "random"])
    parser.add_argument("--k", type=int, default=4)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--max-new-tokens", type=int, default=48)
    logging.set_verbosity_error()
    random.seed(0)
    torch.manual_seed(0)
    print(json.dumps(PlainCycle(parser.parse_args()).run()))


def _plain(text: str) -> str:
    """Return lower-case words without punctuation; never nothing, which jiwer would refuse."""
    return " ".join(re.sub(r"[^\w\s']", " ", text.lower()).split()) or "-"


if __name__ == "__main__":
    main()
