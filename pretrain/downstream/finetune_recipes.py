"""Named ways of fine-tuning. A variant is `dataclasses.replace` of one."""

import math
from dataclasses import dataclass

from pretrain.config import OptimiserConfig, Precision, Start
from pretrain.registry import Registry


@dataclass(frozen=True, kw_only=True)
class FinetuneRecipe:
    """clip_frames, clip_px: of a clip; None for those of the encoder. frames_px: height and width to which frames are resized
    before a clip is cut out of them; None for squares 8/7 as large as a clip, as in training. max_frame_rate_hz: quicker videos
    are thinned by a whole factor, so that a clip lasts longer; infinite for consecutive frames. epochs: of one clip from each
    video. held_out_share, held_out_most: of the train videos, by which the epoch is chosen. test_clips: of each video, whose
    logits are averaged. precision: of the backbone alone. scratch: how the weights of a network that starts from scratch are drawn.
    """

    name: str
    clip_frames: int | None
    clip_px: int | None
    frames_px: tuple[int, int] | None
    max_frame_rate_hz: float
    optimiser: OptimiserConfig
    batch_size: int
    epochs: int
    held_out_share: float = 0.1
    held_out_most: int | None = None
    test_clips: int = 10
    precision: Precision = "auto"
    scratch: Start = "motion"

    def __post_init__(self) -> None:
        for name in ("batch_size", "epochs", "test_clips"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be 1 or more")


FINETUNE_RECIPES: Registry[FinetuneRecipe] = Registry("fine-tuning recipe")

FINETUNE_RECIPES.register("vcop")(
    # The released code of Xu et al., "Self-supervised Spatiotemporal Learning via Video Clip Order Prediction" (CVPR 2019), which
    # most later papers took up, for UCF101. Not reproduced: pixels in [0, 1], where a network gets those that it was trained with;
    # held-out videos seen by one random crop, where three fixed clips are steadier; 400 videos held out of HMDB51, where a tenth
    # is 357; weight decay on biases and batch norms; and frames of all crops of a clip cut in the same place, on which newer
    # libraries made that code fail.
    FinetuneRecipe(
        name="vcop",
        clip_frames=16,
        clip_px=112,
        frames_px=(128, 171),
        max_frame_rate_hz=math.inf,
        optimiser=OptimiserConfig(
            name="sgd", learning_rate=1e-3, momentum=0.9, weight_decay=5e-4, schedule="constant", clip_norm=None
        ),
        batch_size=8,
        epochs=150,
        held_out_most=800,
        precision="fp32",
        scratch="default",
    )
)

FINETUNE_RECIPES.register("laptop")(
    # Minutes on two cores for some hundred short videos: small clips of about two seconds, as the encoder is used, and quick steps.
    FinetuneRecipe(
        name="laptop",
        clip_frames=None,
        clip_px=None,
        frames_px=None,
        max_frame_rate_hz=8.0,
        optimiser=OptimiserConfig(name="adamw", learning_rate=1e-3, weight_decay=0.01, schedule="cosine", clip_norm=5.0),
        batch_size=16,
        epochs=20,
        held_out_share=0.15,
    )
)
