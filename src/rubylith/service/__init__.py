"""What Rubylith does around the engine: taking pictures in and handing results out."""
