"""What a cycle learns from its rollouts, and by which rule: the engine's own selections."""
