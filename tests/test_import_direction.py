"""One direction: app -> pretrain, embedder, index; pretrain -> embedder. And a search starts without heavy libraries."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAY_IMPORT = {
    "app": {"app", "pretrain", "embedder", "index"},
    "pretrain": {"pretrain", "embedder"},
    "embedder": {"embedder"},
    "index": {"index"},
}


def imported(file: Path) -> Iterator[str]:
    """The top-level names that a file imports anywhere, also inside functions."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} imports relatively; packages import absolutely"
            yield (node.module or "").partition(".")[0]


@pytest.mark.parametrize("package", sorted(MAY_IMPORT))
def test_packages_import_downwards_only(package: str) -> None:
    wrong = [
        (str(file.relative_to(ROOT)), name)
        for file in (ROOT / package).rglob("*.py")
        for name in imported(file)
        if name in MAY_IMPORT and name not in MAY_IMPORT[package]
    ]
    assert wrong == []


@pytest.mark.parametrize("package", ["embedder", "index"])
def test_any_module_can_be_imported_first(package: str) -> None:
    """Modules that import one another in a circle can only be imported in some orders."""
    files = sorted((ROOT / package).rglob("*.py"))
    names = [".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for file in files]
    program = """
import importlib, sys
for name in sys.argv[1:]:
    for module in [one for one in sys.modules if one.partition(".")[0] in ("embedder", "index")]:
        del sys.modules[module]
    importlib.import_module(name)
"""
    # Migrations are run by Alembic alone, and `__main__` runs what it is.
    names = [name for name in names if ".versions" not in name and not name.endswith((".env", "__main__"))]
    done = subprocess.run([sys.executable, "-c", program, *names], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_torch_lives_in_pretrain_only() -> None:
    elsewhere = [p for p in MAY_IMPORT if p != "pretrain"]
    files = [file for package in elsewhere for file in (ROOT / package).rglob("*.py")]
    assert files
    assert [str(file) for file in files if "torch" in imported(file)] == []


def test_streamlit_lives_in_the_page_only() -> None:
    users = {file for package in MAY_IMPORT for file in (ROOT / package).rglob("*.py") if "streamlit" in imported(file)}
    assert [str(file) for file in users if ROOT / "app" / "ui" not in file.parents] == []


def loaded_after(code: str) -> set[str]:
    """The top-level modules that a fresh Python has loaded after running this code."""
    program = f"{code}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stdout.splitlines()[-1].split())


def test_help_loads_nothing_heavy() -> None:
    heavy = {"torch", "faiss", "streamlit", "onnxruntime", "av", "cv2", "alembic", "sqlalchemy", "numpy", "PIL", "pandas"}
    heavy |= {"sklearn", "altair"}
    assert loaded_after("import app.main") & heavy == set()


def test_a_search_by_stored_vectors_loads_no_model_and_no_decoder() -> None:
    heavy = {"torch", "streamlit", "onnxruntime", "av", "cv2", "alembic", "PIL", "pandas"}
    code = (
        "import app.main, app.find_similar, app.workspace, index.catalog, index.search, index.vectors.store, app.encoder_metadata"
    )
    assert loaded_after(code) & heavy == set()


def test_no_file_beside_the_page_hides_a_package() -> None:
    """Streamlit puts the page's folder first on the path."""
    beside = {path.stem for path in (ROOT / "app" / "ui").iterdir()}
    assert beside & set(MAY_IMPORT) == set()
