"""What can go wrong in a use case, in words for the person at the keyboard.

AppError                  one line on stderr, exit code 1
├── WrongValue            a value that can never be right (exit code 2)
├── BadPath               a path that no file can have (exit code 2)
├── UnknownEncoder        no encoder of that name
│   └── BadEncoderName    a name that no encoder can have (exit code 2)
├── NotIndexed            the library has no vectors of the encoder asked for
├── BadQuery              the query cannot be asked, or names nothing indexed
│   └── BadRange          seconds that are none, or end before they begin (exit code 2)
├── BadFolder             a folder to index that is none
├── BadLibraryName        a name that no library can have (exit code 2)
├── BadPattern            a pattern of what to leave out that cannot be understood (exit code 2)
├── UnknownPattern        a pattern that a library does not leave out
├── BadLabels             a label file that cannot be used
│   └── BadLabelChoice    options that labels of this layout have no use for (exit code 2)
├── UnknownEvaluation     no stored evaluation run of that number
├── BadRun                a stored evaluation run that cannot be read
├── ReportFileError       a report cannot be written where it was asked for
├── DataFolderError       the data folder cannot be written
├── MissingPart           an optional part (torch, Streamlit) is not installed
└── Busy                  another run holds the lock (exit code 4)
"""


class AppError(Exception):
    """Base of the errors that a use case raises for its user."""

    exit_code = 1


class WrongValue(AppError):
    """A value that can never be right, whatever is on disk."""

    exit_code = 2


class BadPath(AppError):
    """A path that no file can have: empty, or with a NUL in it."""

    exit_code = 2


class UnknownEncoder(AppError):
    """No encoder of that name, or a name that cannot be one."""


class BadEncoderName(UnknownEncoder):
    """An encoder cannot be called so."""

    exit_code = 2


class NotIndexed(AppError):
    """There is nothing to search: no library, or none embedded with this encoder."""


class BadQuery(AppError):
    """The query cannot be asked, or names a video that is not indexed."""


class BadRange(BadQuery):
    """Seconds that cannot be understood, are not numbers from 0 on, or end before they begin."""

    exit_code = 2


class BadFolder(AppError):
    """A folder to index does not exist, is a file or cannot be read."""


class BadLibraryName(AppError):
    """A library cannot be called so: empty, too long, or with characters that cannot be printed."""

    exit_code = 2


class BadPattern(AppError):
    """A pattern of what to leave out is empty, leaves nothing out, or cannot be understood."""

    exit_code = 2


class UnknownPattern(AppError):
    """The library does not leave out this pattern."""


class BadLabels(AppError):
    """The label file lacks columns or rows."""


class BadLabelChoice(BadLabels):
    """Options that labels of this layout have no use for."""

    exit_code = 2


class BadRun(AppError):
    """A stored evaluation run has a format of another version, or values that make no sense."""


class ReportFileError(AppError):
    """A report cannot be written: its folder is missing, it is a folder, or the disk or permissions say no."""


class UnknownEvaluation(AppError):
    """No stored evaluation run of that number."""


class DataFolderError(AppError):
    """The data folder cannot be made or written."""


class MissingPart(AppError):
    """An optional part of vret is not installed; the message has the command that installs it."""


class Busy(AppError):
    """Another run holds the lock; the message says which."""

    exit_code = 4
