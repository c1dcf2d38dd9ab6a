"""Built twice, in other circumstances, interrupted and resumed: the same tables and figures."""

import os
import signal
import subprocess
import time

import pytest
import yaml

import record

FIGURE = "figures/smoke/energy_vs_width"


def small(clone, built):
    """Make a clone's smoke scale as small as can be, and let it use what was compiled already."""
    path = clone.root / "config.yaml"
    config = yaml.safe_load(path.read_text())
    config["model"] |= {"goal": 0.8}
    config["experiments"]["energy_vs_width"]["smoke"] = [
        {"rule": "backprop", "width": [20, 30, 40]}
    ]
    path.write_text(yaml.safe_dump(config))
    (clone.root / ".cache").symlink_to(built.root / ".cache")
    return clone


def made(root):
    """What was made, by file: its bytes, and of a record what does not tell when or where."""
    files = {}
    for folder in ("data", "results/smoke", "figures/smoke"):
        for path in (root / folder).rglob("*"):
            if path.name.endswith(record.SUFFIX):
                content = record.read(path)
                files[str(path.relative_to(root))] = [content[part] for part in ("id", "outputs")]
            elif path.is_file():
                files[str(path.relative_to(root))] = record.sha256(path)
    return files


@pytest.fixture
def circumstances(monkeypatch):
    """Other settings of whoever builds."""
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    monkeypatch.setenv("LC_ALL", "tr_TR.UTF-8")
    monkeypatch.setenv("LANG", "tr_TR.UTF-8")
    monkeypatch.setenv("PYTHONHASHSEED", "7")


def test_the_same_bytes_whoever_builds_where_and_how(copied, built, tmp_path, circumstances):
    target = f"{FIGURE}.svg"
    interrupted = small(copied(tmp_path / "a longer name, elsewhere"), built)
    process = subprocess.Popen(
        interrupted.command(target), cwd=interrupted.root, stderr=subprocess.DEVNULL
    )
    runs = interrupted.root / "results/smoke/runs"
    while not list(runs.glob("*.csv")) and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait() != 0
    assert not (interrupted.root / target).exists()
    done = interrupted.snakemake(target)
    assert done.returncode == 0, done.stderr

    for name in ("TZ", "LC_ALL", "LANG", "PYTHONHASHSEED"):
        os.environ.pop(name, None)
    straight = small(copied(tmp_path / "b"), built)
    done = straight.snakemake("--cores", "1", target)
    assert done.returncode == 0, done.stderr

    files = made(straight.root)
    assert {f"{FIGURE}.{kind}" for kind in ("svg", "png", "pdf", "csv", "record.json")} <= set(
        files
    )
    assert made(interrupted.root) == files
