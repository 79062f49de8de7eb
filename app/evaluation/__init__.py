"""Use cases that measure: retrieval by the field's protocols, probes, fine-tuning, the cloze task; and the runs they store."""
