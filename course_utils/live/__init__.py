"""A lab in front of a class: the notebook on the projector, the speaker's notes beside it, slides."""
