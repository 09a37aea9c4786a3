"""What this distribution registers. Data only: nothing heavy is imported here."""

from __future__ import annotations

from audioforge.hookspecs import hookimpl
from audioforge.model import TASKS
from audioforge.sound.kinds import SOUND_SUFFIXES
from audioforge.specs import DatasetSpec

from .tars import TAR_SUFFIXES

AUDIOFORGE_API = 4

JSON = (".jsonl", ".json", ".ndjson")

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
        summary="JSON lines as NeMo's, or a list: audio_filepath, text, duration, offset, label",
        tasks=TASKS,
        suffixes=(*JSON, *(f"{json}.{packed}" for json in JSON for packed in ("gz", "zst"))),
        factory="audioforge_datasets.manifest:Manifest",
        example="audioforge_datasets.examples:manifest",
    ),
    DatasetSpec(
        name="table",
        summary="CSV, TSV and the like, in any separator, quoting and Unicode encoding; LJSpeech",
        tasks=TASKS,
        suffixes=(".csv", ".tsv"),
        factory="audioforge_datasets.table:Table",
        example="audioforge_datasets.examples:table",
    ),
    DatasetSpec(
        name="workbook",
        summary="Sheet of an Excel workbook, the first or :sheet=NAME; needs the extra excel",
        tasks=TASKS,
        suffixes=(".xlsx", ".xlsm"),
        factory="audioforge_datasets.workbook:Workbook",
        example="audioforge_datasets.examples:workbook",
        options="audioforge_datasets.workbook:WorkbookOptions",
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
        name="kaldi",
        summary="Data folder of Kaldi, or of several: wav.scp, text, segments, utt2spk",
        tasks=("asr", "tts"),
        markers=("wav.scp", "*/wav.scp"),
        factory="audioforge_datasets.kaldi:Kaldi",
        example="audioforge_datasets.examples:kaldi",
    ),
    DatasetSpec(
        name="lhotse",
        summary="Cuts of Lhotse, or recordings with supervisions; also as any manifest",
        tasks=("asr", "tts"),
        suffixes=tuple(
            f"{kind}.jsonl{packed}"
            for kind in ("cuts", "supervisions", "recordings")
            for packed in ("", ".gz", ".zst")
        ),
        markers=("*cuts*.jsonl*", "*supervisions*.jsonl*", "*recordings*.jsonl.gz"),
        factory="audioforge_datasets.lhotse:Lhotse",
        example="audioforge_datasets.examples:lhotse",
    ),
    DatasetSpec(
        name="nemo-tarred",
        summary="Tarred dataset of NeMo: tarred_audio_manifest.json and audio_0.tar to audio_N.tar",
        tasks=TASKS,
        suffixes=("tarred_audio_manifest.json",),
        markers=("tarred_audio_manifest.json", "sharded_manifests/manifest_*.json"),
        factory="audioforge_datasets.nemo_tarred:NemoTarred",
        example="audioforge_datasets.examples:nemo_tarred",
    ),
    DatasetSpec(
        name="webdataset",
        summary="Tar file of WebDataset, or folder of them: a.wav, a.txt, a.json follow each other",
        tasks=TASKS,
        suffixes=TAR_SUFFIXES,
        holds=TAR_SUFFIXES,
        factory="audioforge_datasets.webdataset:WebDataset",
        example="audioforge_datasets.examples:webdataset",
    ),
    DatasetSpec(
        name="sound-folder",
        summary="Sound files, with a.txt, a.lab or a.trn beside a.wav, or a folder for each class",
        tasks=TASKS,
        holds=SOUND_SUFFIXES,
        factory="audioforge_datasets.sound_folder:SoundFolder",
        example="audioforge_datasets.examples:sound_folder",
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
