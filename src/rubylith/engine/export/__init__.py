"""Weights → the graphs that the families run. Needs the extra `torch` (PyTorch, transformers, onnx, onnxscript).

A model is written as four graphs and a page about them: `encoder` looks at the picture; `prepare` makes what is the
same for all prompts of a picture or of a mask to be corrected; `transformer` lets the prompts look at the picture and
says how good each mask will be; `upscaler` makes the masks, and is run only for those worth having.
"""
