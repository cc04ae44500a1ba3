"""The vocabulary: values that every other room speaks in. NumPy and pycocotools only, nothing of ours.

Arrays in these values are read-only, so a value can be shared between threads and callers.
"""
