"""What a model is worth: corpus metrics, intervals, comparisons."""
