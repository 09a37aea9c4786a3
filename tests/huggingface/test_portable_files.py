"""What lies beside exported weights: the files that Transformers since 4.46 and engines look for.

`test_other_transformers.py` loads them there for real.
"""

import json

import pytest
from transformers import AutoProcessor, AutoTokenizer

from audioforge.find_adapter import load_adapter
from audioforge.model import LoadOptions

TOKENIZER = {
    "vocab.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
}
FILES = {
    "whisper": {*TOKENIZER, "generation_config.json", "tokenizer.json", "merges.txt"},
    "ctc": TOKENIZER,
    "classifier": set(),
}
ALWAYS = {"config.json", "model.safetensors", "preprocessor_config.json"}


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("family", FILES)
def test_the_files_are_those_that_old_and_new_readers_know(saved, family):
    base, folder = saved(family)
    assert {path.name for path in folder.iterdir()} == FILES[family] | ALWAYS
    config = read(folder / "config.json")
    assert config["dtype"] == config["torch_dtype"] == "float32"
    features = read(folder / "preprocessor_config.json")
    nested = base / "processor_config.json"
    before = (
        read(nested)["feature_extractor"]
        if nested.is_file()
        else read(base / "preprocessor_config.json")
    )
    assert {key: features[key] for key in before} == before
    if family != "classifier":
        assert features["processor_class"] == type(AutoProcessor.from_pretrained(folder)).__name__


def test_whispers_vocabulary_is_written_in_the_order_of_its_numbers(saved):
    base, folder = saved("whisper")
    model = read(folder / "tokenizer.json")["model"]
    vocabulary = read(folder / "vocab.json")
    assert vocabulary == model["vocab"]
    assert list(vocabulary.values()) == sorted(vocabulary.values())
    merges = (folder / "merges.txt").read_text(encoding="utf-8").splitlines()[1:]
    assert merges == [" ".join(pair) for pair in model["merges"]]
    tokenizer = AutoTokenizer.from_pretrained(base)
    beyond = read(folder / "added_tokens.json")
    assert {**vocabulary, **beyond} == tokenizer.get_vocab()


def test_special_tokens_have_the_names_of_transformers_4(saved):
    _, folder = saved("whisper")
    settings = read(folder / "tokenizer_config.json")
    assert not {"extra_special_tokens", "backend", "is_local"} & settings.keys()
    assert "<|notimestamps|>" in settings["additional_special_tokens"]
    marked = {token["content"] for token in settings["added_tokens_decoder"].values()}
    assert {"<|fr|>", "<|startoftranscript|>"} <= marked
    named = read(folder / "special_tokens_map.json")
    assert named["eos_token"] == settings["eos_token"]
    assert named["additional_special_tokens"] == settings["additional_special_tokens"]


def test_the_generation_configuration_stays_the_bases(checkpoint, tmp_path):
    base, adapter = checkpoint("whisper")
    path = base / "generation_config.json"
    own = {
        "task": "transcribe",
        "alignment_heads": [[0, 0], [0, 1]],
        "suppress_tokens": [3, 5],
        "begin_suppress_tokens": [],
        "max_initial_timestamp_index": 2,
    }
    french = read(path)["lang_to_id"]["<|fr|>"]
    of_old_ones = {"forced_decoder_ids": [[1, french]], "num_beams": 5}
    path.write_text(json.dumps({**read(path), **own, **of_old_ones}))
    folder = tmp_path / "saved"
    adapter.load(str(base), LoadOptions()).save(folder)
    kept = read(folder / "generation_config.json")
    # 4.46 looks for the last but one token of every list, and null means the same.
    assert {key: kept[key] for key in own} == {**own, "begin_suppress_tokens": None}
    assert kept["language"] == "<|fr|>"  # what forced tokens said before
    assert (kept["forced_decoder_ids"], kept["num_beams"]) == (None, 1)  # as it was measured


@pytest.mark.parametrize("family", FILES)
def test_saving_what_was_saved_changes_nothing(saved, registry, tmp_path, family):
    _, folder = saved(family)
    task = "classification" if family == "classifier" else "asr"
    adapter = load_adapter(registry, str(folder), task, LoadOptions())
    adapter.save(tmp_path / "again")
    for path in folder.iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes(), path.name
