"""The model that needs no download: a picture's edges → superpixels → a hierarchy of regions → masks for prompts.

A picture is read once (`picture.py`); clicks, boxes and "everything" are questions to its hierarchy, answered down to
the pixel. For clicks and boxes a small network of our own, nano, is asked too where its file is in the package
(`network.py`, `opinions.py`); all works without. Preview quality: larger models know better what an object is.
"""
