"""The engine's own trackers: TensorBoard, Weights & Biases, MLflow and Trackio."""
