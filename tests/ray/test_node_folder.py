"""A run's folder on a node: there while a worker lives, gone afterwards; its bound is of all."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from audioforge.errors import TrainingError
from audioforge_ray import node_folder
from audioforge_ray.node_cache import NodeCache
from audioforge_ray.node_folder import NodeFolder

ROW = {"a": torch.arange(1000, dtype=torch.float32)}  # 8192 bytes on the disk, with its header


def test_the_last_worker_removes_the_folder(tmp_path):
    first, second = NodeFolder("run", tmp_path), NodeFolder("run", tmp_path)
    first.close()
    assert second.path.is_dir()
    second.close()
    assert list(tmp_path.iterdir()) == []


def test_what_killed_workers_left_behind_is_removed_by_the_next_run(tmp_path):
    killed = (
        "import os, pathlib, sys; from audioforge_ray.node_folder import NodeFolder;"
        "node = NodeFolder('old', pathlib.Path(sys.argv[1]));"
        "(node.path / 'rest').write_text('x'); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", killed, str(tmp_path)], check=False)
    assert (tmp_path / "old/rest").exists()
    living = NodeFolder("living", tmp_path)
    NodeFolder("new", tmp_path)
    assert not (tmp_path / "old").exists()
    assert living.path.is_dir()


def test_a_worker_that_comes_while_another_leaves_has_a_folder(tmp_path):
    def come_and_go(_):
        for _ in range(50):
            node = NodeFolder("run", tmp_path)
            assert (node.path / node_folder.LOCK).exists()
            node.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(come_and_go, range(4)))
    assert list(tmp_path.iterdir()) == []


def test_the_folder_of_somebody_else_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(node_folder.tempfile, "gettempdir", lambda: str(tmp_path))
    other = tmp_path / "other"
    other.mkdir()
    node_folder.default_place().rmdir()
    (tmp_path / f"audioforge-{node_folder.os.getuid()}").symlink_to(other)
    with pytest.raises(TrainingError, match="not a folder of this user"):
        node_folder.default_place()


def test_what_is_kept_is_bounded_over_all_workers_and_used_by_all(tmp_path):
    def opened():
        cache = NodeCache(NodeFolder("run", tmp_path))
        cache.open(5 * 8192, pytest.fail)
        return cache

    caches = [opened(), opened()]
    for number in range(4):
        for n, cache in enumerate(caches):
            cache.put("kind", f"{n}-{number}", ROW)
    assert caches[0].bytes_there() == 5 * 8192
    late = opened()  # a worker that was started again
    late.put("kind", "late", ROW)
    assert late.get("kind", "late") is None
    assert torch.equal(late.get("kind", "1-1")["a"], ROW["a"])


def test_rows_of_one_cycle_are_not_kept_on_nodes(tmp_path):
    cache = NodeCache(NodeFolder("run", tmp_path))
    cache.open(10**9, pytest.fail)
    cache.put("rows-passing", "clip", ROW)
    assert cache.get("rows-passing", "clip") is None
    assert cache.bytes_there() == 0
