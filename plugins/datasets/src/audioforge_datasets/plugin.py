"""What this distribution registers. Data only: nothing heavy is imported here."""

from __future__ import annotations

from audioforge.hookspecs import hookimpl
from audioforge.model import TASKS
from audioforge.sound.kinds import SOUND_SUFFIXES
from audioforge.specs import DatasetSpec

AUDIOFORGE_API = 4

CORPORA = (
    DatasetSpec(
        name="librispeech",
        summary="Read English audiobooks, 16 kHz, with speakers",
        tasks=("asr", "tts"),
        size="982 h, 60 GB; train.clean.100: 101 h, 6.3 GB",
        licence="CC BY 4.0",
        factory="audioforge_datasets.librispeech:LibriSpeech",
        example="audioforge_datasets.examples:librispeech",
    ),
    DatasetSpec(
        name="common_voice",
        summary="Read sentences in many languages, from volunteers; needs --data-dir",
        tasks=("asr",),
        size="by language; English: over 3,000 h",
        licence="CC0 1.0",
        factory="audioforge_datasets.common_voice:CommonVoice",
        example="audioforge_datasets.examples:common_voice",
        options="audioforge_datasets.common_voice:CommonVoiceOptions",
    ),
    DatasetSpec(
        name="speech_commands",
        summary="Single English words of one second, 35 classes",
        tasks=("classification", "asr"),
        size="29 h, 2.4 GB (version 0.02)",
        licence="CC BY 4.0",
        factory="audioforge_datasets.speech_commands:SpeechCommands",
        example="audioforge_datasets.examples:speech_commands",
    ),
    DatasetSpec(
        name="audioset",
        summary="Sounds of 10 s from videos, 527 classes, several labels a clip",
        tasks=("classification",),
        size="5,800 h, 2.4 TB; balanced: 52 h, 26 GB",
        licence="CC BY 4.0 (labels); the sound belongs to the videos' owners",
        factory="audioforge_datasets.audioset:AudioSet",
        example="audioforge_datasets.examples:audioset",
    ),
)

FORMATS = (
    DatasetSpec(
        name="manifest",
        summary="NeMo-style JSON lines: audio_filepath, text, duration, offset, speaker, label",
        tasks=TASKS,
        suffixes=(".jsonl", ".json", ".ndjson"),
        factory="audioforge_datasets.manifest:Manifest",
        example="audioforge_datasets.examples:manifest",
    ),
    DatasetSpec(
        name="table",
        summary="CSV or TSV whose first line names the columns",
        tasks=TASKS,
        suffixes=(".csv", ".tsv"),
        factory="audioforge_datasets.table:Table",
        example="audioforge_datasets.examples:table",
    ),
    DatasetSpec(
        name="sound-file",
        summary="One sound file: a dataset of one clip without a transcript",
        tasks=TASKS,
        suffixes=SOUND_SUFFIXES,
        factory="audioforge_datasets.sound_file:SoundFile",
        example="audioforge_datasets.examples:sound_file",
    ),
    DatasetSpec(
        name="saved",
        summary="Folder written by save_to_disk of the datasets library",
        tasks=TASKS,
        markers=("dataset_dict.json", "state.json"),
        factory="audioforge_datasets.saved:Saved",
        example="audioforge_datasets.examples:saved",
    ),
    DatasetSpec(
        name="folder",
        summary="Folder of sound files with metadata.csv or metadata.jsonl, or one a split",
        tasks=TASKS,
        markers=("metadata.csv", "metadata.jsonl", "*/metadata.csv", "*/metadata.jsonl"),
        factory="audioforge_datasets.folder:Folder",
        example="audioforge_datasets.examples:folder",
    ),
    DatasetSpec(
        name="parquet",
        summary="Parquet file, or folder of them, with the sound inside or its paths",
        tasks=TASKS,
        suffixes=(".parquet",),
        markers=("*.parquet", "*/*.parquet"),
        factory="audioforge_datasets.parquet:Parquet",
        example="audioforge_datasets.examples:parquet",
    ),
    DatasetSpec(
        name="hub",
        summary="Dataset id of the Hugging Face hub, such as owner/name:config=en",
        tasks=TASKS,
        hub=True,
        factory="audioforge_datasets.hub:Hub",
        example="audioforge_datasets.examples:hub",
        options="audioforge_datasets.hub:HubOptions",
    ),
)


@hookimpl
def register_datasets() -> tuple[DatasetSpec, ...]:
    """Return the named corpora and the formats."""
    return CORPORA + FORMATS
