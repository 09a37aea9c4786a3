"""The language of clips that state none: one for each dataset, heard once, told and kept."""

import io
import json
import shutil
from collections import Counter

import pytest
import soundfile
import torch
from attrs import evolve
from click.testing import CliRunner

from audioforge import AudioRAFTConfig, AudioRAFTTrainer
from audioforge.cli import cli
from audioforge.errors import ConfigError, DatasetError
from audioforge.executor import Outline
from audioforge.inference.clips import chunks_of
from audioforge.inference.hearing import HearingJob, hear_languages
from audioforge.inference.own_executor import ProcessesExecutor
from audioforge.measuring.evaluation import EvaluationSet
from audioforge.run.data.languages import Finding, Listener, check_languages, settle_languages
from audioforge.run.folder import RunFolder
from audioforge.sample import AudioSample
from audioforge.terminal.reporter import Reporter
from audioforge_whisper.adapter import WhisperAdapter
from audioforge_whisper.prompts import Prompts

COUNT = 12
BY_FIVE = Outline(settings={"batch_size": 5})
RECIPE = {
    "normalizer": "none",
    "num_cycles": 1,
    "samples_per_prompt": 2,
    "selection": "reference",  # an untrained model never ends what it says
    "max_new_tokens": 4,
    "steps_per_cycle": 1,
    "batch_size": 5,
    "device": "cpu",
}


@pytest.fixture(scope="module")
def clips(noise_clips):
    return noise_clips(COUNT)


def heard_by_transformers(folder, plain, clips):
    """The decoder's states after the start token, and the logits there, of a plain Whisper."""
    from transformers import WhisperProcessor

    model = plain(folder)
    extractor = WhisperProcessor.from_pretrained(folder).feature_extractor
    waveforms = [clip.waveform for clip in clips]
    features = extractor(waveforms, sampling_rate=16_000, return_tensors="pt").input_features
    start = torch.full((COUNT, 1), model.generation_config.decoder_start_token_id)
    with torch.no_grad():
        states = model.model(features, decoder_input_ids=start).last_hidden_state[:, -1]
        logits = model(features, decoder_input_ids=start).logits[:, -1]
        each = model.detect_language(features)
    return model, states, logits, each


@pytest.fixture(scope="module")
def multilingual(untrained, plain, clips, tmp_path_factory):
    """A Whisper that hears most of the clips as English, and a few as Chinese.

    The states of its decoder differ by clip along one direction most; the tokens of the two
    languages are laid along it, on either side of a point that parts a fourth of the clips.
    """
    folder = tmp_path_factory.mktemp("hears") / "checkpoint"
    shutil.copytree(untrained("multilingual"), folder)
    model, states, *_ = heard_by_transformers(folder, plain, clips)
    mean = states.mean(0)
    direction = torch.linalg.svd(states - mean).Vh[0]
    along = states @ direction
    direction = 20 * direction / (along.max() - along.min())
    border = 20 * along.quantile(0.25) / (along.max() - along.min())
    shifted = direction - border * mean / (mean @ mean)  # 0 at the border for states near the mean
    tokens = model.generation_config.lang_to_id
    with torch.no_grad():
        embedding = model.model.decoder.embed_tokens.weight
        embedding[tokens["<|en|>"]], embedding[tokens["<|zh|>"]] = shifted, -shifted
        embedding[tokens["<|fr|>"]] = -10 * mean / (mean @ mean)
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def truth(multilingual, plain, clips):
    """What Transformers makes of it: each clip's language, and the likeliest of all together."""
    model, _, logits, each = heard_by_transformers(multilingual, plain, clips)
    tokens = model.generation_config.lang_to_id
    names = {number: token.strip("<|>") for token, number in tokens.items()}
    sums = logits.double()[:, list(names)].log_softmax(-1).sum(0)
    best = list(names.values())[sums.argmax()]
    heard = [names[number] for number in each.tolist()]
    assert (best, heard.count("en"), heard.count("zh")) == ("en", 9, 3)
    return {c.sample.id: code for c, code in zip(clips, heard, strict=True)}, best


def write_manifest(path, clips, *, text="one two", **columns):
    lines = []
    for clip in clips:
        wav = path.with_name(f"{clip.sample.id}.wav")
        if not wav.exists():
            soundfile.write(wav, clip.waveform, 16_000, subtype="FLOAT")
        line = {"audio_filepath": str(wav), "id": clip.sample.id, "text": text, **columns}
        lines.append(json.dumps(line))
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def manifest(tmp_path, clips):
    return write_manifest(tmp_path / "noise.jsonl", clips)


@pytest.fixture
def listener(load, multilingual, executor, reporter):
    return Listener(load(multilingual), BY_FIVE, executor, reporter)


@pytest.fixture
def executor():
    made = ProcessesExecutor()
    made.join("cpu", "float32")
    return made


def samples_of(clips):
    return [evolve(clip.as_sample(), reference="one two") for clip in clips]


def settled(samples, listener, asked=None):
    """The languages of samples by id, the account, and what was said beside it."""
    said = io.StringIO()
    dataset = EvaluationSet("noise", samples)
    [account] = settle_languages([("noise", [dataset])], asked, listener, Reporter(said))
    return {s.id: s.language for s in dataset.samples}, account, said.getvalue()


def test_a_dataset_has_the_language_that_all_clips_together_are_likeliest_in(
    listener, clips, truth
):
    languages, _, said = settled(samples_of(clips), listener)
    assert set(languages.values()) == {truth[1]} == {"en"}
    assert said == (
        "language: en, of 75 % of the clips; 3 are heard as zh: state --language (noise)\n"
    )


def test_with_each_every_clip_has_its_own(listener, clips, truth):
    languages, account, _ = settled(samples_of(clips), listener, "each")
    assert languages == truth[0]
    assert account.clips == Counter(truth[0].values())


def test_neither_order_nor_processes_nor_batches_of_others_change_what_is_heard(
    listener, clips, executor, reporter
):
    adapter, samples = listener.adapter, samples_of(clips)
    whole = hear_languages(adapter, samples, BY_FIVE, executor, reporter)
    assert hear_languages(adapter, samples[::-1], BY_FIVE, executor, reporter) == whole
    job = HearingJob(adapter, executor.processes, reporter, BY_FIVE)
    chunks = chunks_of(sorted(samples, key=lambda s: s.id), 5)
    shared = [batch for rank in (0, 1) for batch in job.do(chunks[rank::2])]
    assert {i: row for batch in shared for i, row in batch.items()} == whole
    assert all(sum(2.718281828459045**p for p in row) == pytest.approx(1) for row in whole.values())


def test_a_clip_that_cannot_be_decoded_is_left_to_later_stages(listener, clips, truth, tmp_path):
    broken = AudioSample("broken", audio=tmp_path / "none.wav", reference="one")
    languages, account, _ = settled([*samples_of(clips), broken], listener)
    assert set(languages.values()) == {truth[1]}
    assert f"of {COUNT} clips listened to" in account.how
    languages, account, _ = settled([broken], Listener(*vars_of(listener)))
    assert languages == {"broken": None}
    assert "no clip can be heard" in account.how


def vars_of(listener):
    return listener.adapter, listener.outline, listener.executor, listener.reporter


def test_what_clips_state_counts_and_the_model_is_not_asked(clips, multilingual, load, reporter):
    deaf = Listener(
        load(multilingual), BY_FIVE, None, reporter
    )  # without an executor nothing is heard
    samples = [evolve(s, language="fra") for s in samples_of(clips)]
    languages, account, said = settled(samples, deaf)
    assert set(languages.values()) == {"fr"}
    assert "language: fr, as its clips state (noise)" in said
    samples[0] = evolve(samples[0], language="zh-TW")
    samples[1] = evolve(samples[1], language=None)  # one that says nothing is as most are
    languages, account, _ = settled(samples, deaf)
    assert Counter(languages.values()) == {"fr": COUNT - 1, "zh": 1}
    assert account.how == "as clips state, otherwise as most do"
    languages, _, said = settled(samples, deaf, "en")
    assert set(languages.values()) == {"en"}
    assert f"as --language says; of its clips 1 state zh, {COUNT - 2} state fr" in said


def test_a_tag_that_is_no_language_is_named_and_not_stated(listener, clips, truth):
    samples = [evolve(s, language="klingonish") for s in samples_of(clips)]
    languages, _, said = settled(samples, listener)
    assert set(languages.values()) == {truth[1]}
    assert f"noise: 'klingonish' ({COUNT}), which clips state, is no language of ISO 639" in said


def test_letters_of_one_language_tell_it_and_those_of_several_are_heard(listener, clips, truth):
    thai = [evolve(s, reference="สวัสดี") for s in samples_of(clips)]
    languages, account, _ = settled(thai, Listener(*vars_of(listener)))
    assert (set(languages.values()), account.how) == ({"th"}, "as references in Thai letters are")
    russian = [evolve(s, reference="привет мир") for s in samples_of(clips)]
    languages, account, said = settled(russian, Listener(*vars_of(listener)))
    assert set(languages.values()) == {truth[1]}  # which of the languages in these letters it is
    assert f"of {COUNT} references in {truth[1]}, {COUNT} hold letters that" in said
    assert "(Cyrillic), first noise-0: 'привет мир'" in said


def test_a_model_of_one_language_has_that_and_says_what_it_does_not_transcribe(
    load, untrained, clips, executor, reporter
):
    """One foreign clip among 58 turns nothing for the others."""
    listener = Listener(load(untrained("english")), 5, executor, reporter)
    samples = [AudioSample(str(i), reference="one two") for i in range(57)]
    samples.append(AudioSample("foreign", reference="一 二", language="zh"))
    languages, account, _ = settled(samples, listener)
    assert Counter(languages.values()) == {"en": 57, "zh": 1}
    assert languages["foreign"] == "zh"
    assert str(account) == (
        "language: en (57), zh (1), as clips state, otherwise the language of the model (noise)"
    )
    said = io.StringIO()
    data = EvaluationSet("noise", [AudioSample(i, language=c) for i, c in languages.items()])
    check_languages(listener.adapter, "tiny.en", [data], Reporter(said))
    assert "noise: of its 58 clips 1 in zh, and tiny.en transcribes en only" in said.getvalue()
    russian = [AudioSample("a", reference="привет")]
    assert settled(russian, listener)[0] == {"a": "ru"}, "it cannot be English"
    with pytest.raises(ConfigError, match="English-only Whisper cannot tell"):
        listener.adapter.language_logprobs(listener.adapter.prepare(clips))


def test_a_language_that_a_model_of_several_does_not_know_is_refused(listener):
    data = EvaluationSet("noise", [AudioSample("a", language="de"), AudioSample("b")])
    with pytest.raises(DatasetError, match=r"noise: of its 2 clips 1 in de, which base does not"):
        check_languages(listener.adapter, "base", [data], Reporter(quiet=True))


def test_a_checkpoint_for_one_language_is_taken_at_its_word(load, multilingual, tmp_path, clips):
    load(multilingual, "fr").save(tmp_path / "french")
    french = load(tmp_path / "french")
    assert french.own_language == "fr"
    assert french.languages == ("en", "fr", "zh")
    languages, account, _ = settled(samples_of(clips), Listener(french, 5, None, Reporter()))
    assert (set(languages.values()), account.how) == ({"fr"}, "the language of the model")


def test_tokens_that_whisper_calls_otherwise(load, untrained):
    adapter = load(untrained("tiny"))
    assert {"jv", "fil", "he", "no"} <= set(adapter.languages)
    assert not {"jw", "tl", "iw", "nb"} & set(adapter.languages)
    prompts = Prompts(adapter.module.generation_config)
    tags = {"jav": "jw", "fil": "tl", "iw": "he", "nb": "no", "deu": "de", "pt-BR": "pt"}
    assert {tag: prompts.code(tag) for tag in tags} == tags


def train(output, manifest, multilingual, said=None, **settings):
    config = AudioRAFTConfig(
        model_name=str(multilingual),
        dataset=str(manifest),
        eval_dataset=str(manifest),
        output_dir=output,
        **{**RECIPE, **settings},
    )
    reporter = Reporter(said) if said else Reporter(quiet=True)
    return AudioRAFTTrainer(config, reporter=reporter).train().as_mapping()


def test_a_run_hears_once_tells_the_model_and_keeps_it(
    multilingual, manifest, truth, tmp_path, monkeypatch, load
):
    said = io.StringIO()
    summary = train(tmp_path / "run", manifest, multilingual, said)
    best = truth[1]
    role = f"train: {manifest}"
    assert "language: en, of 75 % of the clips; 3 are heard as zh: state --language" in (
        said.getvalue()
    )
    assert summary["languages"][role]["clips"] == {best: COUNT}
    assert "by_language" not in summary["base"]
    predictions = (tmp_path / "run/cycle-01/predictions.jsonl").read_text().splitlines()
    assert {json.loads(line)["language"] for line in predictions} == {best}
    exported = json.loads((tmp_path / "run/best/generation_config.json").read_text())
    assert exported["language"] == best
    # What it heard is what a run hears that goes on: the model is not asked again.
    folder = RunFolder(tmp_path / "kept")
    folder.state.mkdir(parents=True)
    folder.remember_findings({role: Finding(best, "as heard", {"a": "zh"})})
    known = folder.recall_findings()
    assert known == {role: Finding(best, "as heard", {"a": "zh"})}
    samples = [AudioSample("a", reference="one"), AudioSample("b", reference="two")]
    deaf = Listener(load(multilingual), BY_FIVE, None, Reporter(quiet=True), known)
    data = EvaluationSet("noise", samples)
    settle_languages([(role, [data])], None, deaf, Reporter(quiet=True))
    assert [s.language for s in data.samples] == ["zh", best]


@pytest.mark.soak
def test_a_run_that_goes_on_has_the_languages_that_it_began_with(
    multilingual, manifest, tmp_path, monkeypatch
):
    whole = train(tmp_path / "whole", manifest, multilingual, language="each")

    def breaks_off(*_):
        raise RuntimeError("broken off")

    with monkeypatch.context() as patch:
        patch.setattr("audioforge.raft.loop.collect", breaks_off)
        with pytest.raises(RuntimeError, match="broken off"):
            train(tmp_path / "run", manifest, multilingual, language="each")
    monkeypatch.setattr(WhisperAdapter, "language_logprobs", breaks_off)
    reporter = Reporter(quiet=True)
    resumed = AudioRAFTTrainer.resume(tmp_path / "run", reporter=reporter).train().as_mapping()
    assert resumed["languages"] == whole["languages"]
    assert resumed["accepted_changes"] == []
    for mapping in (whole, resumed):
        assert set(mapping["base"]["by_language"]) == {"en", "zh"}
    assert resumed["base"] == whole["base"]


def test_with_each_a_run_is_measured_by_language(multilingual, manifest, truth, tmp_path):
    summary = train(tmp_path / "run", manifest, multilingual, language="each")
    counts = Counter(truth[0].values())
    for figures in (summary["base"], *summary["cycles"]):
        by_language = figures["by_language"]
        assert {code: row["n"] for code, row in by_language.items()} == counts
        errors = sum(row["wer"] * 2 * row["n"] for row in by_language.values())
        assert errors / (2 * COUNT) == pytest.approx(figures["wer"])
    exported = json.loads((tmp_path / "run/best/generation_config.json").read_text())
    assert exported.get("language") is None  # of several it is told none


def test_dry_run_and_benchmark_say_it(multilingual, manifest, truth, tmp_path):
    each, best = truth
    sentence = "language: en, of 75 % of the clips; 3 are heard as zh: state --language"
    flags = ("--model", str(multilingual), "--dataset", str(manifest), "--device", "cpu")
    flags += ("--batch-size", "5", "--max-new-tokens", "4", "--normalizer", "none")
    dry = CliRunner().invoke(
        cli, ["train", *flags, "--eval-dataset", str(manifest), "--dry-run",
              "--output", str(tmp_path / "run")]
    )  # fmt: skip
    assert dry.exit_code == 0, dry.output
    assert dry.stdout.count(sentence) == 2  # of the training and of the held-out data
    measured = CliRunner().invoke(cli, ["benchmark", *flags, "--json"])
    result = json.loads(measured.stdout)
    assert sentence in measured.stderr
    assert result["languages"] == {
        str(manifest): {"clips": {best: COUNT}, "how": sentence.removeprefix("language: en, ")}
    }
    shown = CliRunner().invoke(cli, ["benchmark", *flags, "--language", "each"])
    [heads] = [line.split() for line in shown.stdout.splitlines() if line.startswith("language ")]
    assert heads == ["language", "n", "wer", "cer"]
    rows = {line.split()[0]: line.split()[1] for line in shown.stdout.splitlines() if line}
    for code, count in Counter(each.values()).items():
        assert rows[code] == str(count)
