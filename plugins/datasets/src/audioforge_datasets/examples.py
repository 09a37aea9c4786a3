"""What the contract tests check the datasets with: small ones of made sound, in every layout."""

from __future__ import annotations

import csv
import gzip
import importlib.util
import json
import tarfile
from collections.abc import Iterable
from pathlib import Path

import soundfile

from audioforge.dataset import DatasetRequest
from audioforge_kit import CannotCheck, DatasetExample, speech_like

RATE = 16_000
TEXTS = ("one two", "three")
NAMES = ("a.wav", "b é.wav")


def _write_sound(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, speech_like(0.3, path.name, RATE), RATE)
    return path


def _write_rows(path: Path, rows: Iterable[Iterable[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


def _rows(folder: Path) -> list[dict[str, str]]:
    """Write the clips, and return what is known of each."""
    for name in NAMES:
        _write_sound(folder / name)
    return [
        {"audio_filepath": name, "text": text, "label": text.split()[0]}
        for name, text in zip(NAMES, TEXTS, strict=True)
    ]


def manifest(folder: Path) -> DatasetExample:
    """Two lines."""
    lines = [json.dumps(row) for row in _rows(folder)]
    path = folder / "clips.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return DatasetExample(request=DatasetRequest(str(path)))


def table(folder: Path) -> DatasetExample:
    """A CSV file."""
    rows = _rows(folder)
    path = folder / "clips.csv"
    _write_rows(path, [rows[0].keys(), *(row.values() for row in rows)])
    return DatasetExample(request=DatasetRequest(str(path)))


def workbook(folder: Path) -> DatasetExample:
    """One sheet."""
    if importlib.util.find_spec("openpyxl") is None:
        raise CannotCheck("needs openpyxl: python -m pip install 'audioforge-datasets[excel]'")
    import openpyxl

    rows = _rows(folder)
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Clips")
    for cells in [list(rows[0]), *(list(row.values()) for row in rows)]:
        sheet.append(cells)
    book.save(folder / "clips.xlsx")
    return DatasetExample(request=DatasetRequest(str(folder / "clips.xlsx")))


def sound_file(folder: Path) -> DatasetExample:
    """One clip, of which nothing is known."""
    path = _write_sound(folder / "clip.wav")
    return DatasetExample(request=DatasetRequest(str(path)), has_references=False)


def folder(folder: Path) -> DatasetExample:
    """A folder with metadata.csv."""
    rows = [("file_name", "text", "label")]
    rows += [(r["audio_filepath"], r["text"], r["label"]) for r in _rows(folder)]
    _write_rows(folder / "metadata.csv", rows)
    return DatasetExample(request=DatasetRequest(str(folder)))


def parquet(folder: Path) -> DatasetExample:
    """One file with the sound inside."""
    import pyarrow
    import pyarrow.parquet

    rows = _rows(folder)
    sounds = [
        {"bytes": (folder / r["audio_filepath"]).read_bytes(), "path": r["audio_filepath"]}
        for r in rows
    ]
    columns = {"audio": sounds, "text": TEXTS, "label": [row["label"] for row in rows]}
    path = folder / "clips.parquet"
    pyarrow.parquet.write_table(pyarrow.table(columns), path)
    return DatasetExample(request=DatasetRequest(str(path)))


def saved(folder: Path) -> DatasetExample:
    """What the datasets library writes."""
    from audioforge.torch_companions import hide_broken_companions

    hide_broken_companions()
    from datasets import Audio, Dataset

    rows = _rows(folder)
    columns = {
        "audio": [str(folder / row["audio_filepath"]) for row in rows],
        "text": list(TEXTS),
        "label": [row["label"] for row in rows],
    }
    corpus = Dataset.from_dict(columns).cast_column("audio", Audio(decode=False))
    corpus.save_to_disk(str(folder / "saved"))
    return DatasetExample(request=DatasetRequest(str(folder / "saved")))


def hub(folder: Path) -> DatasetExample:
    """Nothing: a check asks no server."""
    raise CannotCheck("it reads from the hub, which a check does not ask")


def librispeech(folder: Path) -> DatasetExample:
    """One chapter, as in the extracted archives."""
    chapter = folder / "LibriSpeech/train-clean-100/103/1240"
    for number in range(len(TEXTS)):
        _write_sound(chapter / f"103-1240-{number:04d}.flac")
    lines = [f"103-1240-{number:04d} {text.upper()}\n" for number, text in enumerate(TEXTS)]
    (chapter / "103-1240.trans.txt").write_text("".join(lines), encoding="utf-8")
    return DatasetExample(request=DatasetRequest("librispeech", data_dir=folder))


def common_voice(folder: Path) -> DatasetExample:
    """One table of one language."""
    language = folder / "cv-corpus-22.0-2025-06-20/en"
    lines = ["client_id\tpath\tsentence\tlocale"]
    for number, text in enumerate(TEXTS):
        name = f"common_voice_en_{number}.mp3"
        _write_sound(language / "clips" / name)
        lines.append(f"speaker\t{name}\t{text}\ten")
    (language / "train.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return DatasetExample(request=DatasetRequest("common_voice", data_dir=folder))


def speech_commands(folder: Path) -> DatasetExample:
    """Two words to train on, and the lists."""
    for path in ("yes/0a7c2a8d_nohash_0.wav", "no/11b1df78_nohash_0.wav", "no/2_nohash_0.wav"):
        _write_sound(folder / path)
    (folder / "testing_list.txt").write_text("no/2_nohash_0.wav\n", encoding="utf-8")
    (folder / "validation_list.txt").write_text("", encoding="utf-8")
    return DatasetExample(request=DatasetRequest("speech_commands", data_dir=folder))


def audioset(folder: Path) -> DatasetExample:
    """Two clips of two videos."""
    _write_rows(
        folder / "class_labels_indices.csv",
        [("index", "mid", "display_name"), ("0", "/m/09x0r", "Speech"), ("1", "/m/04rlf", "Music")],
    )
    (folder / "balanced_train_segments.csv").write_text(
        '# comment\nvideo_000_a, 0.000, 0.300, "/m/09x0r"\n'
        'video_000_b, 0.000, 0.300, "/m/09x0r,/m/04rlf"\n',
        encoding="utf-8",
    )
    for video in ("video_000_a", "video_000_b"):
        _write_sound(folder / "audio" / f"{video}.wav")
    return DatasetExample(request=DatasetRequest("audioset", data_dir=folder))


def kaldi(folder: Path) -> DatasetExample:
    """A data folder with segments of one recording."""
    _write_sound(folder / "session.wav")
    lists = {
        "wav.scp": ["session session.wav"],
        "segments": ["ann-1 session 0.00 0.15", "ann-2 session 0.15 0.30"],
        "text": [f"ann-{number} {text}" for number, text in enumerate(TEXTS, 1)],
        "utt2spk": ["ann-1 ann", "ann-2 ann"],
    }
    for name, lines in lists.items():
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return DatasetExample(request=DatasetRequest(str(folder)))


def lhotse(folder: Path) -> DatasetExample:
    """Two cuts with a supervision each."""
    cuts = []
    for row in _rows(folder):
        name = row["audio_filepath"]
        source = {"type": "file", "channels": [0], "source": name}
        recording = {"id": name, "sources": [source], "sampling_rate": RATE, "duration": 0.3}
        supervision = {"id": name, "start": 0.0, "duration": 0.3, "channel": 0, "text": row["text"]}
        cut = {"id": name, "start": 0.0, "duration": 0.3, "channel": 0, "type": "MonoCut"}
        cuts.append(cut | {"recording": recording, "supervisions": [supervision]})
    with gzip.open(folder / "cuts.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(cut) + "\n" for cut in cuts)
    return DatasetExample(request=DatasetRequest(str(folder)))


def nemo_tarred(folder: Path) -> DatasetExample:
    """A clip in each of two shards."""
    rows = _rows(folder)
    for shard, row in enumerate(rows):
        with tarfile.open(folder / f"audio_{shard}.tar", "w") as tar:
            tar.add(folder / row["audio_filepath"], row["audio_filepath"])
    lines = [json.dumps(row | {"shard_id": shard}) + "\n" for shard, row in enumerate(rows)]
    (folder / "tarred_audio_manifest.json").write_text("".join(lines), encoding="utf-8")
    return DatasetExample(request=DatasetRequest(str(folder)))


def webdataset(folder: Path) -> DatasetExample:
    """One shard of two clips."""
    with tarfile.open(folder / "clips-000000.tar", "w") as tar:
        for number, row in enumerate(_rows(folder)):
            tar.add(folder / row["audio_filepath"], f"{number}.wav")
            text = folder / "text"
            text.write_text(row["text"], encoding="utf-8")
            tar.add(text, f"{number}.txt")
    return DatasetExample(request=DatasetRequest(str(folder / "clips-000000.tar")))


def sound_folder(folder: Path) -> DatasetExample:
    """Two clips with their texts beside them."""
    for row in _rows(folder):
        path = (folder / row["audio_filepath"]).with_suffix(".txt")
        path.write_text(row["text"] + "\n", encoding="utf-8")
    return DatasetExample(request=DatasetRequest(str(folder)))
