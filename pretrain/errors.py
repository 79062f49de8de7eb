"""What can go wrong in pretraining, each with one clear line.

PretrainError
├── ConfigError          what a training config asks for cannot be had
├── RunFolderError       the folder of a run cannot be made, read or written
├── TrainingFailed       the machine gave out: its memory, or a process that makes examples
├── TrainingStopped      a loss or gradient became NaN or infinite
├── TrainingDataError    no video in the data gives an example
├── CheckpointError      a checkpoint is missing, damaged, or of another run
│   └── RunBusy          another process trains in the run's folder
├── ExportError          the exported encoder does not do what the network does
├── EncoderFileError     an encoder file cannot be used as a starting point, or not with another one
└── WeightsError         a file of published weights does not fit its backbone
"""


class PretrainError(Exception):
    """Base of all errors of this package. `str(error)` is one clear line."""


class ConfigError(PretrainError, ValueError):
    """A device that is not there, clips too small for the network, a batch that cannot be dealt out: said before training."""


class RunFolderError(PretrainError):
    """No room, no permission, a file where a folder should be."""


class TrainingFailed(PretrainError):
    """The training could not go on for want of memory or of a worker; the message says what helps."""


class TrainingStopped(PretrainError):
    """A number that must be finite was not; the message names step and layer."""


class TrainingDataError(PretrainError):
    """The data holds nothing to train on."""


class CheckpointError(PretrainError):
    """A checkpoint cannot be used."""


class RunBusy(CheckpointError):
    """Another process trains there; the message says which."""


class ExportError(PretrainError):
    """The encoder file would be wrong, so none was written."""


class EncoderFileError(PretrainError):
    """An encoder file cannot be trained on, not be written in another precision, or not be joined with another."""


class WeightsError(PretrainError):
    """A file of weights cannot be read, or does not fit the backbone it was said to be for."""
