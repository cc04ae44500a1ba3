"""Self-hosted image segmentation.

>>> import rubylith
>>> result = rubylith.segment("photo.jpg", points=[(450, 600)])
>>> result.save("out", formats=["overlay", "cutout"])
"""

__version__ = "0.1.0"
