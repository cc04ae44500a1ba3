"""Words → what they name in a picture, with nothing downloaded: faces, colours, sizes and places, subject, background.

Whatever else a phrase names needs a detector. phrases.py reads phrases, grounded.py in the engine finds what they name.
"""
