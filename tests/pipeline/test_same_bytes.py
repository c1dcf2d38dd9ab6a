"""Built twice, in other circumstances, interrupted and resumed: the same tables and figures."""

import signal
import subprocess
import time

import pytest

FIGURE = "figures/smoke/energy_vs_width"


@pytest.fixture
def circumstances(monkeypatch, tmp_path):
    """Other settings of whoever builds."""
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    monkeypatch.setenv("LC_ALL", "tr_TR.UTF-8")
    monkeypatch.setenv("LANG", "tr_TR.UTF-8")
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    monkeypatch.setenv("NUMBA_OPT", "0")
    monkeypatch.setenv("NUMBA_LOOP_VECTORIZE", "0")
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Nehalem")
    monkeypatch.setenv("NPY_DISABLE_CPU_FEATURES", "AVX2")
    monkeypatch.setenv("RESULT_STORE", str(tmp_path / "store"))  # an empty one: all is trained


def test_the_same_bytes_whoever_builds_where_and_how(small, small_built, tmp_path, circumstances):
    target = f"{FIGURE}.svg"
    interrupted = small(tmp_path / "a longer name, elsewhere")
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

    files = small_built.made()
    assert {f"{FIGURE}.{kind}" for kind in ("svg", "png", "pdf", "csv", "record.json")} <= set(
        files
    )
    assert interrupted.made() == files
    assert not list((interrupted.root / "results").rglob(".*"))  # nothing half written
