"""Each engine says of clips what the checkpoint says that was exported for it."""

import json
import sys

import numpy as np
import pytest
import soundfile
from attrs import evolve
from safetensors.torch import load_file, save_file

from audioforge.api.loaded import load
from audioforge.errors import CheckpointError, PluginError
from audioforge.plugins import discover
from audioforge.sample import AudioSample, Clip
from audioforge_export import example
from audioforge_whisper.untrained import SIZES, Architecture, write_untrained

LOUD = ("proj.weight", "conv1.weight", "conv2.weight")
ENGINES = {
    "ctranslate2": ["ctranslate2"],
    "onnx": ["onnx", "onnxruntime", "onnxscript"],
    "ggml": ["pywhispercpp"],
}
SMALL = Architecture(
    width=32,
    heads=2,
    encoder_layers=1,
    decoder_layers=1,
    text_tokens=500,
    timestamps=0,
    window_seconds=2,
    positions=20,
)


def create(name, quantize=None):
    for module in ENGINES[name]:
        pytest.importorskip(module, reason=f"needs audioforge-export[{name}]")
    return discover().create("exporters", f"audioforge-export/{name}", quantize=quantize)


@pytest.fixture
def untrained(tmp_path):
    """`untrained(architecture)` is a checkpoint whose output depends on all that it reads."""

    def write(architecture):
        folder = tmp_path / "checkpoint"
        write_untrained(folder, architecture)
        weights = load_file(folder / "model.safetensors")
        larger = {n: w * 20 if n.endswith(LOUD) else w for n, w in weights.items()}
        save_file(larger, folder / "model.safetensors", {"format": "pt"})
        return folder

    return write


def noise(*seconds, languages=("en", "de", "fr")):
    rng = np.random.default_rng(0)
    return [
        Clip(
            AudioSample(language, language=language),
            rng.normal(0, 0.1, int(16_000 * length)).astype(np.float32),
            16_000,
        )
        for language, length in zip(languages, seconds, strict=False)
    ]


def said_by(checkpoint, clips):
    model = load(checkpoint, device="cpu")
    if model.task == "classification":
        return [model.classify(c.waveform, 16_000) for c in clips]
    return [model.transcribe(c.waveform, 16_000, language=c.sample.language) for c in clips]


def export(exporter, checkpoint, folder):
    folder.mkdir()
    exporter.export(checkpoint, folder)
    return folder


def sizes(folder):
    return sum(path.stat().st_size for path in folder.glob("*.onnx"))


def test_ctranslate2_says_what_the_checkpoint_says(untrained, tmp_path):
    checkpoint, clips = untrained(SMALL), noise(0.5, 1, 1.9)
    add_a_token(checkpoint)
    exporter = create("ctranslate2")
    folder = export(exporter, checkpoint, tmp_path / "out")
    expected = said_by(checkpoint, clips)
    assert len(set(expected)) == 3
    assert exporter.load(folder)(clips) == expected
    assert exporter.compute_type == "float32"
    # What faster-whisper would fetch from the hub, for another model.
    for beside in ("tokenizer.json", "preprocessor_config.json", "generation_config.json"):
        assert (folder / beside).is_file()


def test_int8_weights_of_ctranslate2_are_smaller(tmp_path):
    checkpoint = example.ctranslate2(tmp_path).checkpoint
    sizes = [
        (
            export(create("ctranslate2", quantize), checkpoint, tmp_path / str(quantize))
            / "model.bin"
        )
        .stat()
        .st_size
        for quantize in (None, "float16", "int8")
    ]
    assert sizes[0] > 1.5 * sizes[1] > 1.5 * sizes[2]


def add_a_token(checkpoint):
    """Let the tokenizer know a token that the network has no output for, as fine-tuning may."""
    from transformers import WhisperTokenizer

    tokenizer = WhisperTokenizer.from_pretrained(checkpoint)
    tokenizer.add_tokens(["<|laughter|>"], special_tokens=True)
    tokenizer.save_pretrained(checkpoint)


def test_onnx_runtime_says_what_the_checkpoint_says(untrained, tmp_path):
    checkpoint, clips = untrained(SMALL), noise(0.5, 1, 1.9)
    exporter = create("onnx")
    folder = export(exporter, checkpoint, tmp_path / "out")
    expected = said_by(checkpoint, clips)
    assert len(set(expected)) == 3
    assert exporter.load(folder)(clips) == expected
    assert b"site-packages" not in (folder / "decoder.onnx").read_bytes()
    # What `quantize=int8` does on top.
    from audioforge_export.onnx_files import quantize

    before = sizes(folder)
    for name in ("encoder.onnx", "decoder.onnx"):
        quantize(folder / name)
    assert sizes(folder) < 0.7 * before
    assert len(exporter.load(folder)(clips)) == 3


def test_int8_weights_beside_an_onnx_file_take_the_place_of_the_float_ones(tmp_path):
    create("onnx")
    import onnx
    import onnxruntime

    from audioforge_export.onnx_files import quantize

    path, weights = tmp_path / "model.onnx", np.eye(128, dtype=np.float32)
    given, result = (
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 128]) for name in "xy"
    )
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("MatMul", ["x", "w"], ["y"])],
        "graph",
        [given],
        [result],
        [onnx.numpy_helper.from_array(weights, "w")],
    )
    opset = [onnx.helper.make_opsetid("", 18)]
    model = onnx.helper.make_model(graph, opset_imports=opset, ir_version=10)
    onnx.save_model(model, path, save_as_external_data=True, location="model.onnx.data")
    quantize(path)
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < weights.nbytes / 2
    said = onnxruntime.InferenceSession(path).run(None, {"x": weights[:1]})[0]
    assert np.allclose(said, weights[:1], atol=0.02)


def test_whisper_cpp_reads_what_is_written_for_it(untrained, tmp_path):
    narrow = evolve(
        SIZES["tiny.en"], width=64, heads=2, encoder_layers=1, decoder_layers=1, positions=16
    )
    checkpoint, clips = untrained(narrow), noise(1.5)
    expected = said_by(checkpoint, clips)
    exporter = create("ggml")
    told = exporter.load(export(exporter, checkpoint, tmp_path / "half"))(clips)
    assert expected[0].startswith(told[0])
    assert len(told[0].split()) == 4, "whisper.cpp says at most half of the positions, less 4"
    exporter = create("ggml", "int8")
    assert len(exporter.load(export(exporter, checkpoint, tmp_path / "eight"))(clips)) == 1
    small, large = (
        (tmp_path / name / "ggml-model.bin").stat().st_size for name in ("eight", "half")
    )
    assert small < 0.6 * large


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"window_seconds": 4}, "whisper.cpp hears 30 s at a time in steps of 10 ms, and this mo"),
        ({"text_tokens": 50_259}, "which must be 51,864, 51,865 or 51,866, and here is 51,867"),
        ({"text_tokens": 50_258}, "expects <|endoftext|> at 50257 in a vocabulary of 51,866, and"),
    ],
)
def test_what_whisper_cpp_would_misread_is_refused(tmp_path, changes, said):
    tiny = evolve(SIZES["tiny"], width=16, heads=1, encoder_layers=1, decoder_layers=1)
    write_untrained(tmp_path / "checkpoint", evolve(tiny, **changes))
    with pytest.raises(CheckpointError, match=said.replace("|", r"\|")):
        export(create("ggml"), tmp_path / "checkpoint", tmp_path / "out")


@pytest.mark.parametrize("name", ENGINES)
def test_a_missing_engine_is_named_with_its_extra(name, monkeypatch):
    exporter = type(create(name))
    monkeypatch.setitem(sys.modules, ENGINES[name][0], None)
    if name == "ggml":
        monkeypatch.setitem(sys.modules, "pywhispercpp.model", None)
    with pytest.raises(PluginError, match=rf"pip install 'audioforge-export\[{name}\]'"):
        exporter()


@pytest.mark.soak
@pytest.mark.parametrize("name", ENGINES)
def test_a_real_whisper_says_the_same_in_every_engine(shared, tmp_path, name):
    checkpoint = shared / "models/whisper-tiny.en"
    exporter, clips = create(name), recorded(shared / "data/nonnative/heldout.jsonl", 8)
    told = exporter.load(export(exporter, checkpoint, tmp_path / "out"))(clips)
    assert list(told) == said_by(checkpoint, clips)


def recorded(manifest, count):
    rows = [json.loads(line) for line in manifest.read_text().splitlines()[:count]]
    sounds = [soundfile.read(manifest.parent / row["audio_filepath"]) for row in rows]
    return [
        Clip(AudioSample(row["audio_filepath"], language="en"), sound.astype(np.float32), rate)
        for row, (sound, rate) in zip(rows, sounds, strict=True)
    ]


@pytest.mark.soak
@pytest.mark.parametrize("quantize", [None, "int8"])
@pytest.mark.parametrize(
    "model", ["nano-wav2vec2-digits", "nano-digit-classifier", "nano-whisper-digits"]
)
def test_trained_models_say_the_same_in_onnx_runtime(shared, tmp_path, model, quantize):
    folder = shared / "data" / ("digits_cls" if "classifier" in model else "digits_asr")
    clips = recorded(folder / "validation.jsonl", 20)
    checkpoint = shared / "models" / model
    exporter = create("onnx", quantize)
    written = export(exporter, checkpoint, tmp_path / "out")
    expected, told = said_by(checkpoint, clips), exporter.load(written)(clips)
    equal = sum(a == b for a, b in zip(told, expected, strict=True))
    assert equal == 20 if quantize is None else equal >= 14


@pytest.mark.soak
@pytest.mark.audioforge_contract("audioforge-export")
def test_contract(contract_check):
    contract_check()
