"""A folder of static files that draws in a browser: page, weights, words and ONNX Runtime's own files, no server."""
