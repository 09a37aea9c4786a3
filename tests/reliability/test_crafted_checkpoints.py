"""Checkpoints with one value another: refused with file and key, or they work. No traceback."""

import json
import resource
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from audioforge.audio import load_clip
from audioforge.errors import AudioForgeError, CheckpointError
from audioforge.find_adapter import load_adapter
from audioforge.model import GREEDY, LoadOptions, SamplingParams
from audioforge.plugins import discover
from audioforge.sample import AudioSample
from audioforge_wav2vec.example import SMALL
from audioforge_wav2vec.untrained import model_config
from audioforge_wav2vec.untrained import write_untrained as write_ctc
from audioforge_whisper.untrained import Architecture
from audioforge_whisper.untrained import write_untrained as write_whisper

pytestmark = pytest.mark.no_cover  # shorter tests pass the same lines

TONE = (0.1 * np.sin(np.arange(8000) * 0.2)).astype(np.float32)
MOST_MEGABYTES = 400
"""That reading a crafted checkpoint of a few may take."""

WIDTHS = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
TINY_WHISPER = {
    "width": 32,
    "heads": 2,
    "encoder_layers": 1,
    "decoder_layers": 1,
    "text_tokens": 300,
    "timestamps": 0,
    "window_seconds": 1,
    "positions": 20,
}
LABELS = {"id2label": {0: "a", 1: "b"}, "label2id": {"a": 0, "b": 1}}


def write_english(folder: Path) -> None:
    write_whisper(folder, Architecture(**TINY_WHISPER, languages=()))


def write_multilingual(folder: Path) -> None:
    write_whisper(folder, Architecture(**TINY_WHISPER, languages=("en", "fr")))


def write_wav2vec2(folder: Path) -> None:
    write_ctc(folder, model_config("wav2vec2", **SMALL | {"num_hidden_layers": 1}))


def write_ast(folder: Path) -> None:
    shape = {"max_length": 64, "num_mel_bins": 32, "frequency_stride": 16}
    config = transformers.ASTConfig(**WIDTHS, intermediate_size=48, **shape, **LABELS)
    transformers.ASTForAudioClassification(config).save_pretrained(folder)
    extractor = transformers.ASTFeatureExtractor(num_mel_bins=32, max_length=64)
    extractor.save_pretrained(folder)


def write_bert(folder: Path) -> None:
    others = {"vocab_size": 32, "feature_projection_input_dim": 160, "classifier_proj_size": 24}
    config = transformers.Wav2Vec2BertConfig(**WIDTHS, intermediate_size=48, **others, **LABELS)
    transformers.Wav2Vec2BertForSequenceClassification(config).save_pretrained(folder)
    transformers.SeamlessM4TFeatureExtractor(stride=2).save_pretrained(folder)


FAMILIES = {
    "english": write_english,
    "multilingual": write_multilingual,
    "ctc": write_wav2vec2,
    "ast": write_ast,
    "bert": write_bert,
}
WRITES_LABELS = ("ast", "bert")
CONFIG, GENERATION = "config.json", "generation_config.json"
PROCESSOR, TOKENIZER, FEATURES = (
    "processor_config.json",
    "tokenizer_config.json",
    "preprocessor_config.json",
)
HUGE = 10**9

SIZES = [-2, 0, 2.5, "x", None, True, HUGE, [2]]
WRONG: dict[tuple[str, str], dict[str, list[Any]]] = {
    ("english", CONFIG): {
        "encoder_attention_heads": [-2, 3, *SIZES[1:]],
        "d_model": [-1, HUGE, "32"],
        "vocab_size": [0, HUGE, 10**30],
        "decoder_layers": [-1, 0, 1001],
        "max_target_positions": [0, HUGE],
        "dropout": [5.0, -0.1, "0.1", None],
        "encoder_layerdrop": [2],
        "activation_function": ["banana", 5],
        "pad_token_id": [10_000, "x", 1.5],
        "eos_token_id": [[], "x", [1.5], {}],
        "decoder_start_token_id": ["x", -5],
        "scale_embedding": ["yes"],
        "dtype": ["float99", 5],
        "init_std": ["x"],
        "return_dict": [False],
    },
    ("english", GENERATION): {
        "suppress_tokens": [[10_000], [-1], ["a"], "all", {"a": 1}, [None]],
        "begin_suppress_tokens": [[10_000], [1.5], 220],
        "max_length": [-5, 0, "many", 1.5, [448]],
        "max_new_tokens": [-1, 0, "x"],
        "decoder_start_token_id": [10_000, -1, "x", 3, [1]],
        "no_timestamps_token_id": [10_000, "x", 3],
        "eos_token_id": [10_000, [], ["x"], 3],
        "is_multilingual": ["no", 5],
        "num_beams": [-1, "x"],
        "alignment_heads": ["x", [[1]], [1]],
        "forced_decoder_ids": ["x", [1, 2], [["a", 1]]],
    },
    ("multilingual", GENERATION): {
        "lang_to_id": [["<|en|>"], {"<|en|>": "x"}, {"<|en|>": 10_000}, {"<|en|>": 5}, {"x": 301}],
        "task_to_id": [{"transcribe": None}, {"transcribe": 5}, 5],
        "language": [5, "klingon", ["en"]],
        "task": ["sing", 5],
        "prev_sot_token_id": [10_000, "x"],
        "max_initial_timestamp_index": ["x", -1],
    },
    ("english", PROCESSOR): {
        "feature_extractor.sampling_rate": [16000.5, 0, -1, "16k", None, HUGE],
        "feature_extractor.n_fft": [HUGE, 0, -400, "x", 400.0],
        "feature_extractor.hop_length": [0, -1, 1.5, HUGE],
        "feature_extractor.chunk_length": [0, HUGE, "x", 1.5],
        "feature_extractor.feature_size": [0, HUGE, None],
        "feature_extractor.dither": ["x", -1],
        "feature_extractor.padding_side": ["left", 5],
        "feature_extractor": ["x", 5, []],
    },
    ("english", TOKENIZER): {
        "eos_token": [5, {"x": 1}],
        "model_max_length": ["x", -1],
        "extra_special_tokens": [5, [5]],
    },
    ("ctc", CONFIG): {
        "num_attention_heads": [-2, 3, 0, HUGE],
        "hidden_dropout": [5.0, "x"],
        "conv_dim": [[], [16], 16, [16] * 6 + ["x"], [HUGE] * 7],
        "conv_kernel": [[0] * 7, [10] * 3, None, [-3] * 7],
        "conv_stride": [[0] * 7, "x"],
        "feat_extract_norm": ["batch", None],
        "num_conv_pos_embeddings": [0, HUGE],
        "num_conv_pos_embedding_groups": [5, 0],
        "hidden_act": ["banana"],
        "layer_norm_eps": ["x", -1],
        "num_feat_extract_layers": [-1, "x"],
    },
    ("ctc", PROCESSOR): {
        "feature_extractor.sampling_rate": [16000.5, 0, None],
        "feature_extractor.padding_value": ["x"],
        "feature_extractor.do_normalize": ["yes", 5],
    },
    ("ctc", TOKENIZER): {
        "pad_token": [5, ["<pad>"]],
        "word_delimiter_token": [5],
        "do_lower_case": ["x"],
        "replace_word_delimiter_char": [5, None],
        "added_tokens_decoder": [{"0": 5}, {"0": {"content": "<pad>", "lstrip": 5}}],
    },
    ("ctc", "vocab.json"): {"E": ["x", -5, 1.5, None, 10**12]},
    ("ast", CONFIG): {
        "num_attention_heads": [-2, 3],
        "hidden_dropout_prob": [5.0],
        "patch_size": [0, -1, HUGE],
        "frequency_stride": [0, "x"],
        "max_length": [0, HUGE],
        "id2label": ["x", [1], {"0": ["a"], "1": "b"}, {"x": "a", "1": "b"}],
    },
    ("ast", FEATURES): {
        "sampling_rate": [16000.5, "x"],
        "num_mel_bins": [0, HUGE],
        "max_length": [-1, HUGE],
        "std": [0, "x"],
        "mean": ["x", None],
    },
    ("bert", CONFIG): {
        "num_attention_heads": [-2, 3],
        "conv_depthwise_kernel_size": [0, -1, HUGE],
        "feature_projection_input_dim": [0, HUGE],
    },
    ("bert", FEATURES): {
        "stride": [0, 1, -1, "x", HUGE],
        "num_mel_bins": [0, 1, "x", HUGE],
        "feature_extractor_type": [None, 5, []],
    },
}
"""Values that are refused, by family and file, and key."""

LEGAL: dict[tuple[str, str], dict[str, list[Any]]] = {
    ("english", CONFIG): {
        "unknown_key": [5, {"a": []}],
        "dropout": [0.1, 0, 1],
        "suppress_tokens": [None, []],
        "torch_dtype": ["float16", "torch.float32"],
        "eos_token_id": [[300]],
        "output_hidden_states": [True],
        "output_attentions": [True],
        "mask_time_prob": [0.9],
    },
    ("english", GENERATION): {
        "unknown_key": [5],
        "max_length": [448, 1, None, 225],
        "max_new_tokens": [None, 3],
        "suppress_tokens": [None, []],
        "begin_suppress_tokens": [None, []],
        "decoder_start_token_id": [None],
        "eos_token_id": [None, [300]],
        "no_timestamps_token_id": [None],
        "alignment_heads": [None, [[1, 0], [25, 6]]],
        "max_initial_timestamp_index": [50],
        "return_timestamps": [True],
        "temperature": [0.0, 0.7],
        "num_beams": [5],
        "is_multilingual": [None],
        "forced_decoder_ids": [None, [[1, 407]]],
    },
    ("multilingual", GENERATION): {
        "lang_to_id": [None],
        "task_to_id": [None],
        "language": [None, "<|fr|>", "french", "pl"],
        "task": [None, "translate"],
        "forced_decoder_ids": [[[1, None], [2, 305]]],
    },
    ("english", PROCESSOR): {"feature_extractor.dither": [0], "other": [{"a": 1}]},
    ("english", TOKENIZER): {"model_max_length": [1e30, None], "language": ["english"]},
    ("ctc", CONFIG): {
        "layerdrop": [0.1],
        "pad_token_id": [None, 5],
        "gradient_checkpointing": [True],
    },
    ("ctc", TOKENIZER): {
        "bos_token": [None],
        "unk_token": [{"__type": "AddedToken", "content": "<unk>"}],
    },
    ("ast", CONFIG): {
        "problem_type": ["multi_label_classification"],
        "id2label": [{"0": "a", "1": "b"}],
    },
    ("bert", FEATURES): {"padding_value": [1, 0.5]},
}
"""Values that may be odd, and work."""


OTHER_SIZES = [
    ("english", "decoder_layers", 900),
    ("english", "max_target_positions", 100_000),
    ("english", "encoder_ffn_dim", 1_000_000),
    ("english", "vocab_size", 10_000_000),
    ("ctc", "num_hidden_layers", 2),
    ("ctc", "intermediate_size", 1_000_000),
    ("ast", "intermediate_size", 1_000_000),
    ("bert", "feature_projection_input_dim", 80),
]
"""Possible sizes of `config.json` that are not those of the weights."""


def cases(table: dict) -> list[Any]:
    return [
        pytest.param(family, file, key, value, id=f"{family}-{file}-{key}-{value!s:.30}-{number}")
        for (family, file), keys in table.items()
        for key, values in keys.items()
        for number, value in enumerate(values)
    ]


@pytest.fixture(scope="module")
def registry():
    return discover()


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """A tiny checkpoint of each family."""
    folders = {name: tmp_path_factory.mktemp(name) for name in FAMILIES}
    for name, write in FAMILIES.items():
        with torch.random.fork_rng():
            torch.manual_seed(0)
            write(folders[name])
    return folders


@pytest.fixture
def crafted(sound, tmp_path):
    """`crafted(family, file, key, value)` is a checkpoint with one value another."""

    def _crafted(family: str, file: str, key: str, value: Any) -> Path:
        folder = shutil.copytree(sound[family], tmp_path / "crafted")
        content = json.loads((folder / file).read_text(encoding="utf-8"))
        *outer, name = key.split(".")
        inner = content
        for part in outer:
            inner = inner[part]
        inner[name] = value
        (folder / file).write_text(json.dumps(content), encoding="utf-8")
        return folder

    return _crafted


def use(registry, family: str, folder: Path):
    """Load a checkpoint, transcribe or classify a clip, and draw from it."""
    task = "classification" if family in WRITES_LABELS else "asr"
    adapter = load_adapter(registry, str(folder), task, LoadOptions())
    sample = AudioSample("clip", audio=TONE, sampling_rate=16_000, language="en")
    batch = adapter.prepare([load_clip(sample, adapter.sampling_rate)])
    for k, params in ((1, GREEDY), (2, SamplingParams())):
        [drawn] = adapter.sample(batch, k, params)
        assert len(drawn) == k
    return adapter


def most_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@pytest.mark.sweep(8)
@pytest.mark.parametrize(("family", "file", "key", "value"), cases(WRONG))
def test_a_wrong_value_is_named_with_file_and_key(registry, crafted, family, file, key, value):
    folder, before = crafted(family, file, key, value), most_megabytes()
    with pytest.raises(AudioForgeError) as raised:
        use(registry, family, folder)
    assert str(folder) in str(raised.value)
    assert file in str(raised.value)
    assert key in str(raised.value)
    assert most_megabytes() - before < MOST_MEGABYTES


@pytest.mark.sweep(6)
@pytest.mark.parametrize(("family", "key", "value"), OTHER_SIZES)
def test_sizes_of_another_network_take_no_memory(registry, crafted, family, key, value):
    folder, before = crafted(family, CONFIG, key, value), most_megabytes()
    with pytest.raises(CheckpointError, match=r"config\.json"):
        use(registry, family, folder)
    assert most_megabytes() - before < MOST_MEGABYTES


@pytest.mark.sweep(6)
@pytest.mark.parametrize(("family", "file", "key", "value"), cases(LEGAL))
def test_an_odd_value_works_and_can_be_saved(registry, crafted, tmp_path, family, file, key, value):
    adapter = use(registry, family, crafted(family, file, key, value))
    adapter.save(tmp_path / "saved")
    use(registry, family, tmp_path / "saved")


def test_there_are_many():
    assert len(cases(WRONG)) >= 120


@pytest.mark.parametrize("family", FAMILIES)
def test_without_a_change_each_works(registry, sound, family):
    use(registry, family, sound[family])


def test_all_problems_of_a_file_are_said_at_once(registry, crafted):
    folder = crafted("english", GENERATION, "max_length", -5)
    file = folder / GENERATION
    content = json.loads(file.read_text()) | {"suppress_tokens": ["a"], "eos_token_id": 10_000}
    file.write_text(json.dumps(content))
    with pytest.raises(CheckpointError) as raised:
        use(registry, "english", folder)
    [head, *lines, _] = str(raised.value).splitlines()
    assert head == f"{file}: 3 values are wrong:"
    assert [line.split(":")[0].strip() for line in lines] == [
        "eos_token_id",
        "suppress_tokens",
        "max_length",
    ]
    assert lines[2] == "  max_length: -5 is not a whole number from 1 to 1,000,000, or null"
