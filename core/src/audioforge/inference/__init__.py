"""A model at work: clips decoded, hypotheses sampled, in one process or several."""
