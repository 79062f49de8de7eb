"""The field's protocols that need the network itself: protocol clips and features, fine-tuning, cloze as a target task."""
