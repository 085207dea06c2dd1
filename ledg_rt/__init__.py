"""ledg-rt: predict how long a neural network takes on a piece of hardware, from its ONNX file."""
