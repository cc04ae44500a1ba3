"""The model that needs no download: a picture's edges → superpixels → a hierarchy of regions → masks for prompts.

No learned network. A picture is read once (`picture.py`); clicks, boxes and "everything" are questions to its
hierarchy, answered down to the pixel. Preview quality: a neural model is better at knowing what an object is.
"""
