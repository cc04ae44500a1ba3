"""The golden model: what it is drawn, where it begins, how it learns, how it is measured."""
