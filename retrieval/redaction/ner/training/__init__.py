"""The recipe of the name model: values, templates, packs, augmentation, training. Never served."""
