"""Imports of local modules are found, however they are written."""

from pathlib import Path

import pytest

from provenance.identity import local_modules


@pytest.fixture
def modules(tmp_path):
    """Write files of code into a folder and return what local_modules finds for one of them."""

    def write_and_scan(script, **files):
        for name, code in files.items():
            path = tmp_path.joinpath(*name.split("__")).with_suffix(".py")
            path.parent.mkdir(exist_ok=True)
            path.write_text(code)
        found = local_modules(str(tmp_path / f"{script}.py"))
        return {str(Path(file).relative_to(tmp_path)) for file in found}

    return write_and_scan


def test_modules_of_modules_are_found_once(modules):
    found = modules("a", a="import b\nimport sys, numpy", b="import c", c="import a, b")
    assert found == {"b.py", "c.py"}


def test_imports_within_functions_and_branches_are_found(modules):
    found = modules("a", a="def f():\n    import b\nif 0:\n    from c import x", b="", c="")
    assert found == {"b.py", "c.py"}


def test_packages_are_found_with_their_init_files(modules):
    files = {"p__init": "", "p__one": "from . import two", "p__two": "from .three import x"}
    found = modules("a", a="from p import one", p__three="", **files)
    assert found == {"p/one.py", "p/two.py", "p/three.py"}


def test_what_a_package_imports_itself_is_found(tmp_path):
    package = tmp_path / "p"
    package.mkdir()
    (package / "__init__.py").write_text("import p.one")
    (package / "one.py").write_text("import top")
    (tmp_path / "top.py").write_text("")
    script = tmp_path / "a.py"
    script.write_text("import p")
    found = [str(Path(file).relative_to(tmp_path)) for file in local_modules(str(script))]
    assert found == ["p/__init__.py", "p/one.py", "top.py"]


def test_a_name_within_a_module_is_not_a_module(modules):
    assert modules("a", a="from b import c", b="c = 1") == {"b.py"}
