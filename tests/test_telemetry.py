"""Nothing that vret or its libraries do is noted down for, or sent to, anybody."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.make_video import draw_moving_picture
from tests.helpers.tiny_encoder import write_tiny_encoder

ROOT = Path(__file__).parents[1]
SET_IT = ("app", "embedder")
FIRST_IMPORT_EMBEDDER = ("pretrain", "tests")

_EMBED = """
import numpy as np
from pathlib import Path
from embedder.onnx_encoder import OnnxEncoder
encoder = OnnxEncoder(Path("home/encoders/default.onnx"), providers=["cpu"])
card = encoder.card
encoder.encode(np.zeros((1, card.num_frames, card.height_px, card.width_px, 3), np.uint8))
"""
_QUANTISE = """
import pretrain.quantise, onnxruntime
onnxruntime.InferenceSession("home/encoders/default.onnx", providers=["CPUExecutionProvider"])
"""
PROGRAMS = {
    "the command line, with its decoders": ["-m", "app", "index", "videos", "--library", "films"],
    "doctor": ["-m", "app", "doctor"],
    "an encoder from Python": ["-c", _EMBED],
    "what export and training use": ["-c", _QUANTISE],
    "onnxruntime after the command line": ["-c", "import app, onnxruntime"],
}


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS.keys())
def test_no_process_writes_into_the_home_folder_or_opens_a_socket(tmp_path: Path, program: list[str]) -> None:
    write_tiny_encoder(tmp_path / "home" / "encoders" / "default.onnx")
    draw_moving_picture(tmp_path / "videos" / "a.mp4")
    user = tmp_path / "user"
    user.mkdir()
    trace = tmp_path / "trace"
    strace = ["strace", "-f", "-qq", "-e", "trace=socket,connect", "-o", str(trace)] if shutil.which("strace") else []

    done = subprocess.run(
        [*strace, sys.executable, *program], cwd=tmp_path, env=_ordinary_environment(user, tmp_path), capture_output=True, text=True
    )

    assert done.returncode == 0 or "doctor" in program, done.stderr
    assert [path for path in user.rglob("*") if path.is_file()] == []
    if strace:
        assert [line for line in trace.read_text().splitlines() if re.search(r"AF_INET", line)] == []


def _ordinary_environment(user: Path, folder: Path) -> dict[str, str]:
    """That of a person: in CI, ONNX Runtime keeps quiet by itself."""
    env = {
        name: value for name, value in os.environ.items() if not re.search(r"^(CI|GITHUB_.*|TF_BUILD|ORT_.*|XDG_.*|VRET_.*)$", name)
    }
    return env | {"HOME": str(user), "VRET_HOME": str(folder / "home"), "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}


@pytest.mark.parametrize("package", ["app", "embedder", "pretrain"])
def test_each_package_that_may_load_onnx_runtime_switches_it_off(package: str) -> None:
    env = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    code = f"import {package}, os; print(os.environ.get('ORT_DISABLE_TELEMETRY'))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"


def test_nobody_imports_onnx_runtime_past_the_switch() -> None:
    """`app` and `embedder` set the switch; `pretrain` and the tests import `embedder` before anything else."""
    for guard in (ROOT / "pretrain" / "__init__.py", ROOT / "tests" / "conftest.py"):
        assert "embedder" in _imports(guard), f"{guard} must import embedder first"
    for package in SET_IT:
        assert _imports(ROOT / package / "__init__.py") == {"os"}, f"{package} must import nothing before it sets the switch"
    guarded = {*SET_IT, *FIRST_IMPORT_EMBEDDER}
    files = [file for file in ROOT.rglob("*.py") if not any(part.startswith(".") for part in file.relative_to(ROOT).parts)]
    users = [file.relative_to(ROOT) for file in files if "onnxruntime" in _imports(file)]
    assert users
    assert [str(file) for file in users if file.parts[0] not in guarded] == []


def _imports(file: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return found


def test_images_report_nothing_either() -> None:
    image, compose = (ROOT / "Dockerfile").read_text(), (ROOT / "docker-compose.yml").read_text()
    assert "ORT_DISABLE_TELEMETRY=1" in image.partition("FROM base")[0]
    assert 'ORT_DISABLE_TELEMETRY: "1"' in compose
