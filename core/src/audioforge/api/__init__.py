"""What Python users call: measuring, scoring and using models in one line each."""
