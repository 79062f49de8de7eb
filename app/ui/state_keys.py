"""Names under which the page keeps things in a browser session. Widgets that only live on one page have their keys there."""

PAGES = "pages"  # the Streamlit pages by name, for going from one to another
DRAFT = "draft"  # the clip being chosen: a `Draft`, or absent
HISTORY = "history"  # tuple of queries, the last one is shown; empty while a clip is being chosen
RESULT = "result"  # (what was asked, SearchResult), so that a rerun does not search again
EMBEDDED = "embedded"  # what was embedded -> EmbeddedQuery, so that other options or examples do not read a clip again
SUGGESTED = "suggested"  # places of the videos that are offered to begin with
VIEW = "view"  # what the search page showed last
WATCHED = "watched"  # the moment in the player's dialog
ASKED = "asked"  # the `Question` that waits for an answer
DONE = "done"  # what the last answer did, said once

LIBRARY = "library"  # name to search in, None for all
NUM_HITS = "num_hits"
ONE_PER_VIDEO = "one_per_video"
INCLUDE_FLAGGED = "include_flagged"
ALL_COPIES = "all_copies"
ENCODER = "encoder"
MIN_SCORE = "min_score"  # least percent of a hit, 0 for any
LOOK = "look"  # how much look counts against movement, 0 to 1

SHOWN_LIBRARY = "shown_library"  # on the Libraries page
