"""Checkpoints for the engines that people deploy with: CTranslate2, ONNX Runtime, whisper.cpp.

The package imports nothing heavy; each exporter brings its engine when it is asked for.
"""
