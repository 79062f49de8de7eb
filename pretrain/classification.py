"""Scores of tasks that answer with one of several labels, always beside chance and beside the commonest label.

Shapes: B examples, C labels.
"""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

from pretrain.judgement import Judgement


def answer_scalars(logits_BC: Tensor, labels_B: Tensor, name: str = "") -> dict[str, Tensor]:
    """Accuracy and the share of every label, for the curves; `name` tells several questions of one task apart."""
    num_labels = logits_BC.shape[1]
    shares_C = functional.one_hot(labels_B, num_labels).float().mean(dim=0)
    scalars = {_key(name, "accuracy"): (logits_BC.argmax(dim=1) == labels_B).float().mean()}
    return scalars | {_key(name, f"share_of_label_{i}"): share for i, share in enumerate(torch.unbind(shares_C))}


def judge_answers(averages: Mapping[str, float], num_labels: int, task: str, name: str = "") -> Judgement:
    """What `answer_scalars` of many batches say. score: 0 is always answering with the commonest label."""
    accuracy = averages[_key(name, "accuracy")]
    majority = max(averages[_key(name, f"share_of_label_{i}")] for i in range(num_labels))
    words = f"{task} accuracy {accuracy:.2f} (chance {1 / num_labels:.2f}, always the commonest {majority:.2f})"
    return Judgement(score=(accuracy - majority) / max(1 - majority, 1e-12), words=words)


def _key(name: str, what: str) -> str:
    return f"{name}_{what}" if name else what
