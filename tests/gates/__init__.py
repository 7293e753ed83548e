"""A small site with every form of gate, for every kind of rule."""
