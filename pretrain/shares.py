"""Which examples fall to which process: the same ones make up a step, however many processes train."""

from collections.abc import Iterator
from dataclasses import dataclass

from pretrain.config import TrainConfig


@dataclass(frozen=True)
class Share:
    """Process `rank`, from 0, of `world`."""

    rank: int = 0
    world: int = 1

    def of(self, config: TrainConfig) -> int:
        """Examples of a micro-batch that fall to each process. Raises ValueError when they cannot be dealt out evenly."""
        parts = config.accumulate * self.world
        if config.batch_size % parts or config.batch_size // parts < 2:
            raise ValueError(
                f"batch_size is {config.batch_size}; with {self.world} process(es) and accumulate {config.accumulate} it must be a "
                f"multiple of {parts}, and {2 * parts} or more, since batch norm needs 2 examples at a time"
            )
        return config.batch_size // parts


ALONE = Share()


class Turns:
    """The numbers of the examples of this process's batches, `config.accumulate` batches for each step from `first_step` on."""

    def __init__(self, config: TrainConfig, share: Share, *, first_step: int) -> None:
        """Raises ValueError, see `Share.of`."""
        self._size = share.of(config)
        self._piece = config.batch_size // config.accumulate
        self._numbers = range(first_step * config.batch_size, config.steps * config.batch_size)
        self._rank = share.rank

    def __iter__(self) -> Iterator[list[int]]:
        for begin in self._numbers[:: self._piece]:
            own = begin + self._rank * self._size
            yield list(range(own, own + self._size))
