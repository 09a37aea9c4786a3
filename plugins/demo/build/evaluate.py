"""Measure the demo's models on the demo's corpora: greedy word error rate, and accuracy.

Usage: `python plugins/demo/build/evaluate.py [--model FOLDER] [--classifier FOLDER]`.
"""

import argparse
import json
from pathlib import Path

import command_clips
import digit_clips
import jiwer
import soundfile
import torch
from clips import ASSETS, Part
from transformers import (
    WhisperFeatureExtractor,
    WhisperForAudioClassification,
    WhisperForConditionalGeneration,
    WhisperProcessor,
)

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


def classify(
    model: WhisperForAudioClassification, extractor: WhisperFeatureExtractor, audio: list[Path]
) -> list[str]:
    """Return the likeliest label of each encoded clip."""
    waves = [soundfile.read(path, dtype="float32")[0] for path in audio]
    features = extractor(waves, sampling_rate=16_000, return_tensors="pt").input_features
    with torch.inference_mode():
        classes = model(features).logits.argmax(-1).tolist()
    names = model.config.id2label or {}
    return [names[index] for index in classes]


def entries(part: Part) -> tuple[list[Path], list[str]]:
    """Read a part's manifest: encoded clips, and what is said in them."""
    lines = [json.loads(line) for line in part.manifest.read_text(encoding="utf-8").splitlines()]
    audio = [part.manifest.parent / line["audio_filepath"] for line in lines]
    return audio, [line[part.key] for line in lines]


def main() -> None:
    """Print the corpus word error rate over raw text, or the accuracy, of every manifest."""
    parser = argparse.ArgumentParser(description="Measure models on the demo's corpora.")
    parser.add_argument("--model", type=Path, default=ASSETS / "model")
    parser.add_argument("--classifier", type=Path, default=ASSETS / "commands" / "model")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model = WhisperForConditionalGeneration.from_pretrained(arguments.model).eval()
    processor = WhisperProcessor.from_pretrained(arguments.model)
    for part in digit_clips.PARTS:
        audio, words = entries(part)
        error = jiwer.wer(words, transcribe(model, processor, audio))
        print(f"{part.folder}/{part.name}: {len(words)} clips, WER {100 * error:.1f} %")
    classifier = WhisperForAudioClassification.from_pretrained(arguments.classifier).eval()
    extractor = WhisperFeatureExtractor.from_pretrained(arguments.classifier)
    for part in command_clips.PARTS:
        audio, words = entries(part)
        labels = classify(classifier, extractor, audio)
        right = sum(word == label for word, label in zip(words, labels, strict=True))
        share = 100 * right / len(words)
        print(f"{part.folder}/{part.name}: {len(words)} clips, accuracy {share:.1f} %")


if __name__ == "__main__":
    main()
