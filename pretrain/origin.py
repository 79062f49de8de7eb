"""Where a run began, kept in its folder from the first step on, because what it began with may change or vanish; and what an
encoder's card says of its training.

`origin.json` holds `started_from`, what is known of the weights it began with (null: random ones), and `videos`, how many it
found (null where it needs none). Names only, no paths: a card travels with its encoder.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from pretrain.checkpoint import load_checkpoint, load_config
from pretrain.config import TrainConfig
from pretrain.errors import CheckpointError
from pretrain.run_files import CHECKPOINT_NAME, ORIGIN_NAME, read_metrics, write_whole
from pretrain.tasks.base import DrawnTask, PretextTask
from pretrain.video_list import training_videos


def keep_origin(run_dir: Path, config: TrainConfig) -> None:
    """Write it down for a run that begins; one that goes on from its checkpoint keeps what it has.

    Raises CheckpointError or EncoderFileError for weights that cannot be read, TrainingDataError when there is no video.
    """
    if (run_dir / CHECKPOINT_NAME).exists():
        return
    origin = {
        "started_from": None if config.init_from is None else started_from(Path(config.init_from)),
        "videos": len(training_videos(config.footage)) if config.reads_videos else None,
    }
    write_whole(run_dir / ORIGIN_NAME, json.dumps(origin))


def started_from(source: Path) -> dict[str, Any]:
    """What is known of weights to begin with. name: of the encoder, the run or the file; the hash of an encoder's weights or of
    the file; task and training, as its card says or would say, of encoders and runs. Raises as `find_backbone` does.
    """
    if source.suffix == ".onnx":
        from pretrain.encoder_weights import read_encoder

        card, _ = read_encoder(source)
        trained = card.motion_card
        facts = {"name": card.name, "task": trained.task, "training": dict(trained.training)}
        return {**facts, "weights_sha256": card.weights_sha256}
    run_dir = source.parent if source.name == CHECKPOINT_NAME else source
    if not run_dir.is_dir():
        return {"name": source.name, "file_sha256": _sha256(source)}
    config, steps = load_config(run_dir), int(load_checkpoint(run_dir)["step"])
    facts = {"name": run_dir.absolute().name, "task": str(config.tasks), "training": training_of(run_dir, config, steps)}
    return {**facts, "file_sha256": _sha256(run_dir / CHECKPOINT_NAME)}


def training_of(run_dir: Path, config: TrainConfig, steps: int) -> dict[str, Any]:
    """What the card of an encoder made of this run after so many steps says of its training. Raises CheckpointError."""
    origin = _read_origin(run_dir)
    lines = [entry for entry in read_metrics(run_dir) if 0 < entry["step"] <= steps]
    training: dict[str, Any] = {"data": trained_on(config)}
    if origin.get("videos") is not None:
        training["videos"] = origin["videos"]
    training |= {
        "recipe": config.recipe,
        "seed": config.seed,
        "steps": steps,
        "examples": steps * config.batch_size,
        "reached": lines[-1].get("words", "") if lines else "",
    }
    if lines and "clips" in lines[-1]:  # some tasks take several of an example; runs of older versions did not count them
        training["clips"] = round(steps * lines[-1]["clips"] / lines[-1]["step"])
    if config.init_from is None:
        return {**training, "start": config.start}
    # A run of an older version kept nothing; of what it began with, the name alone is sure.
    return {**training, "started_from": origin.get("started_from") or {"name": Path(config.init_from).name}}


def _read_origin(run_dir: Path) -> dict[str, Any]:
    path = run_dir / ORIGIN_NAME
    try:
        origin = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}; delete it to do without") from error
    if (
        not isinstance(origin, dict)
        or not isinstance(origin.get("started_from") or {}, dict)
        or not _is_count(origin.get("videos"))
    ):
        raise CheckpointError(f"{path} is no record of where a run began; delete it to do without")
    return origin


def _is_count(value: Any) -> bool:
    return value is None or (type(value) is int and value >= 0)


def trained_on(config: TrainConfig) -> str:
    """What a run learns from, in words: `videos`, what its tasks draw, or both."""
    kinds = dict.fromkeys(_data_of(part.task, config) for part in config.tasks.parts)
    return " and ".join(sorted(kinds, key=lambda kind: kind != "videos"))


def _data_of(task: PretextTask, config: TrainConfig) -> str:
    if isinstance(task, DrawnTask):
        return task.draws
    return "videos" if config.reads_videos else DrawnTask.draws


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
