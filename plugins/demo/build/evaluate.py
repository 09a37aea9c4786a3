"""Measure the greedy word error rate of the demo's model on the demo's corpora.

Usage: `python plugins/demo/build/evaluate.py [FOLDER]`.
"""

import argparse
import json
from pathlib import Path

import corpora
import jiwer
import soundfile
import torch
from transformers import WhisperForConditionalGeneration, WhisperProcessor

BATCH = 32


def transcribe(
    model: WhisperForConditionalGeneration, processor: WhisperProcessor, audio: list[Path]
) -> list[str]:
    """Transcribe encoded clips greedily, as a user would."""
    texts: list[str] = []
    for start in range(0, len(audio), BATCH):
        waves = [soundfile.read(path, dtype="float32")[0] for path in audio[start : start + BATCH]]
        features = processor(waves, sampling_rate=16_000, return_tensors="pt").input_features
        tokens = model.generate(features, do_sample=False)
        texts += processor.batch_decode(tokens, skip_special_tokens=True)
    return texts


def main() -> None:
    """Print the corpus word error rate over raw text of every manifest."""
    parser = argparse.ArgumentParser(description="Greedy WER of a model on the demo's corpora.")
    parser.add_argument("model", type=Path, nargs="?", default=corpora.ASSETS / "model")
    folder = parser.parse_args().model
    model = WhisperForConditionalGeneration.from_pretrained(folder).eval()
    processor = WhisperProcessor.from_pretrained(folder)
    torch.set_num_threads(1)
    for part in corpora.PARTS:
        lines = part.manifest.read_text(encoding="utf-8").splitlines()
        entries = [json.loads(line) for line in lines]
        audio = [part.manifest.parent / entry["audio_filepath"] for entry in entries]
        error = jiwer.wer([entry["text"] for entry in entries], transcribe(model, processor, audio))
        print(f"{part.folder}/{part.name}: {len(entries)} clips, WER {100 * error:.1f} %")


if __name__ == "__main__":
    main()
