"""Load a checkpoint as its users do, with nothing of AudioForge, and write what it says.

Run as a script by another environment: `load_plainly.py CHECKPOINT OUTPUT`.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
import transformers

RATE = 16_000


def main(checkpoint: str, output: str) -> None:
    """Write the logits, the texts and what a pipeline says of one clip."""
    config = transformers.AutoConfig.from_pretrained(checkpoint)
    clip = np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32)
    architecture = getattr(transformers, config.architectures[0])
    model = architecture.from_pretrained(checkpoint, torch_dtype="auto").eval()
    said = {"version": transformers.__version__, "dtype": str(model.dtype)}
    model = model.float()
    task = "audio-classification"
    if config.architectures[0].endswith("Classification"):
        processor = transformers.AutoFeatureExtractor.from_pretrained(checkpoint)
    else:
        task = "automatic-speech-recognition"
        processor = transformers.AutoProcessor.from_pretrained(checkpoint)
    inputs = dict(processor(clip, sampling_rate=RATE, return_tensors="pt"))
    with torch.no_grad():
        if config.is_encoder_decoder and task != "audio-classification":
            start = torch.tensor([[config.decoder_start_token_id]])
            ids = model.generate(inputs["input_features"])
            said["texts"] = processor.batch_decode(ids, skip_special_tokens=True)
            tokenizer = transformers.WhisperTokenizer.from_pretrained(checkpoint)  # slow in 4.x
            said["slow"] = tokenizer.batch_decode(ids, skip_special_tokens=True)
            said["tokens"] = tokenizer("one two").input_ids
            inputs["decoder_input_ids"] = start
        logits = model(**inputs).logits
        if task == "automatic-speech-recognition" and not config.is_encoder_decoder:
            said["texts"] = processor.batch_decode(logits.argmax(-1))
    pipeline = transformers.pipeline(task, model=checkpoint)
    heard = pipeline({"raw": clip, "sampling_rate": RATE})
    said["pipeline"] = heard["text"] if isinstance(heard, dict) else heard[0]["label"]
    said["logits"] = logits.flatten().tolist()
    Path(output).write_text(json.dumps(said))


if __name__ == "__main__":
    main(*sys.argv[1:])
