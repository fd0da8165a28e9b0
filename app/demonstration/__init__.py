"""The demonstration: the main job over real HTTP, every figure checked."""
