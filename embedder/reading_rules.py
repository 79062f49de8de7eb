"""The version of the rules by which a video is read. Apart from all that reads, since every search compares it."""

READING_RULES = 3
"""1: time since the first frame that decodes, FFmpeg's choice of track, rotation by an angle, HDR as stored.
2: time since the start of the file, covers passed over, mirroring, last frames that stand, HDR tone-mapped.
3: black bars around the picture cut off."""
