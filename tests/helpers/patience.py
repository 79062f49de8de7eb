"""How long a test waits for what must come: so long that a busy machine is no failure. What fails is told late, not wrongly."""

PATIENCE_S = 600.0
