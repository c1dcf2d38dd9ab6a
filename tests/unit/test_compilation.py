"""Compiled code is never older than the sources that went into it."""

import pytest

from plasticity import compilation


@pytest.mark.parametrize("module", ["network.py", "competition.py", "kernels.py"])
def test_compiled_code_has_another_folder_after_an_edit(module, tmp_path, monkeypatch):
    for path in compilation._PACKAGE.glob("*.py"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(compilation, "_PACKAGE", tmp_path)
    before = compilation.cache_folder()
    assert compilation.cache_folder() == before
    (tmp_path / module).write_text((tmp_path / module).read_text() + "# edited\n")
    assert compilation.cache_folder() != before
