"""Which video shows what, and on which side of an evaluation it stands: `read_labels` knows every layout."""
