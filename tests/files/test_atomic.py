"""A reader sees the old file or the new one, never half of one."""

import json

import pytest

from audioforge.files import atomic


def leftovers(folder):
    return [p.name for p in folder.iterdir() if p.name.endswith(".tmp")]


def test_text_json_and_lines_are_written(tmp_path):
    atomic.write_text(tmp_path / "a.txt", "zażółć\n")
    atomic.write_json(tmp_path / "a.json", {"text": "zażółć", "n": 1})
    atomic.write_jsonl(tmp_path / "a.jsonl", [{"text": "a\nb\u2028c"}, {"text": ""}])
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "zażółć\n"
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))["text"] == "zażółć"
    with (tmp_path / "a.jsonl").open(encoding="utf-8") as lines:
        assert [json.loads(line) for line in lines] == [{"text": "a\nb\u2028c"}, {"text": ""}]
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_what_is_not_json_leaves_the_old_file(tmp_path, number):
    path = tmp_path / "summary.json"
    atomic.write_json(path, {"wer": 0.5})
    with pytest.raises(ValueError, match="JSON compliant"):
        atomic.write_json(path, {"wer": number})
    assert json.loads(path.read_text()) == {"wer": 0.5}


def test_an_error_between_the_lines_leaves_the_old_file(tmp_path):
    path = tmp_path / "rollouts.jsonl"
    atomic.write_jsonl(path, [{"id": 1}])

    def lines():
        yield {"id": 2}
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        atomic.write_jsonl(path, lines())
    assert path.read_text() == '{"id": 1}\n'
    assert leftovers(tmp_path) == []


def test_a_text_that_cannot_be_encoded_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "a.txt"
    atomic.write_text(path, "old")
    with pytest.raises(UnicodeEncodeError):
        atomic.write_text(path, "new \udcff")
    assert path.read_text() == "old"
    assert leftovers(tmp_path) == []


def test_a_name_that_is_not_utf_8_is_written_as_json_escapes_it(tmp_path):
    path = tmp_path / "predictions.jsonl"
    atomic.write_jsonl(path, [{"audio_filepath": "zażółć/caf\udce9.wav"}])
    atomic.write_json(tmp_path / "a.json", {"where": "caf\udce9.wav"})
    assert json.loads(path.read_text(encoding="utf-8"))["audio_filepath"].endswith("caf\udce9.wav")
    assert "zażółć" in path.read_text(encoding="utf-8")
    assert json.loads((tmp_path / "a.json").read_text())["where"] == "caf\udce9.wav"


def test_a_new_folder_takes_the_place_of_the_old_one(tmp_path):
    target = tmp_path / "checkpoint"
    target.mkdir()
    (target / "stale.bin").write_text("old")
    with atomic.new_folder(target) as folder:
        (folder / "deep").mkdir()
        (folder / "deep" / "weights").write_text("new")
        assert (target / "stale.bin").exists()
    assert [p.name for p in target.rglob("*")] == ["deep", "weights"]
    assert leftovers(tmp_path) == []


def test_an_error_in_the_block_leaves_the_old_folder(tmp_path):
    target = tmp_path / "checkpoint"
    with atomic.new_folder(target) as folder:
        (folder / "weights").write_text("old")

    def write_and_fail():
        with atomic.new_folder(target) as folder:
            (folder / "weights").write_text("half")
            raise RuntimeError("disk full")

    with pytest.raises(RuntimeError, match="disk full"):
        write_and_fail()
    assert (target / "weights").read_text() == "old"
    assert leftovers(tmp_path) == []
