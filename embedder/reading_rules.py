"""The version of the rules by which a video is read. Apart from all that reads, since every search compares it."""

KEY_FRAMES_ALONE = 0
"""Instead of a version, of clips that were made of a video's key frames alone: the next whole reading makes them anew."""

SAME_UNLESS_DAMAGED = 3
"""From this version on, a video that was not called damaged is read as today."""

READING_RULES = 4
"""1: time since the first frame that decodes, FFmpeg's choice of track, rotation by an angle, HDR as stored.
2: time since the start of the file, covers passed over, mirroring, last frames that stand, HDR tone-mapped.
3: black bars around the picture cut off.
4: a decoder that ran out of memory, as it did on large pictures, is not taken for a damaged file."""
