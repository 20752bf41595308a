"""Small ONNX models with inputs and the logits that onnxruntime gives, for the tests of the importer.

    python onnx_models.py ../../trainer/src/import/fixtures

`perceptron` and `convolutional` are exported from PyTorch; `operators` is built node by node out of the
operators that PyTorch does not export. Files: NAME.onnx, and NAME.f32 with inputs and logits of EXAMPLES
examples, little-endian, inputs first. Needs torch, onnx, onnxscript, onnxruntime, numpy.
"""

import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper

EXAMPLES = 4


class Residual(torch.nn.Module):
    """Convolutions with batch norms, a sum, pools and a head."""

    def __init__(self):
        super().__init__()
        conv = torch.nn.Conv2d
        self.first, self.norm1 = conv(1, 6, 3, padding=1, bias=False), torch.nn.BatchNorm2d(6)
        self.second, self.norm2 = conv(6, 6, 3, padding=1), torch.nn.BatchNorm2d(6)
        self.third = conv(6, 8, 3, stride=2, padding=1)
        self.drop, self.head = torch.nn.Dropout(0.3), torch.nn.Linear(8, 5)

    def forward(self, x):
        x = torch.relu(self.norm1(self.first(x)))
        x = x + torch.relu(self.norm2(self.second(x)))
        x = torch.nn.functional.max_pool2d(x, 2)
        x = torch.relu(self.third(x))
        x = torch.nn.functional.adaptive_avg_pool2d(x, 1)
        return torch.softmax(self.head(self.drop(torch.flatten(x, 1))), 1)


def perceptron():
    return torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(144, 20), torch.nn.GELU(), torch.nn.LayerNorm(20),
        torch.nn.Linear(20, 16, bias=False), torch.nn.ReLU(), torch.nn.Linear(16, 5))


def export(model, name, folder):
    model.eval()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.normal_(0, 0.2)
    path = folder / f"{name}.onnx"
    example = torch.randn(EXAMPLES, 1, 12, 12)
    program = torch.onnx.export(
        model, (example,), dynamo=True, opset_version=21, external_data=False, optimize=True,
        dynamic_shapes=({0: torch.export.Dim("batch")},))
    proto = program.model_proto
    for node in proto.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    del proto.graph.value_info[:]
    del proto.graph.metadata_props[:]
    onnx.save(proto, path)
    return example.numpy()


def operators(folder):
    """MatMul with Add, Transpose of a weight, GroupNormalization, AveragePool, Mul, Identity, Constant."""
    generator = np.random.default_rng(5)
    real = lambda *sides: generator.normal(0, 0.4, sides).astype(np.float32)
    tensors = {"kernel": real(4, 1, 3, 3), "scale": 1 + real(4), "shift": real(4),
               "matrix": real(6, 36), "bias": real(6), "head": real(6, 5), "head_bias": real(1, 5),
               "gain": 1 + real(4), "offset": real(4), "mean": real(4), "variance": 1 + real(4) ** 2}
    nodes = [
        helper.make_node("Conv", ["x", "kernel"], ["k"], pads=[1, 1, 1, 1], strides=[2, 2], name="conv"),
        helper.make_node("BatchNormalization", ["k", "gain", "offset", "mean", "variance"], ["c"], name="batch"),
        helper.make_node("GroupNormalization", ["c", "scale", "shift"], ["n"], num_groups=2, name="norm"),
        helper.make_node("Relu", ["n"], ["r"], name="relu"),
        helper.make_node("MaxPool", ["r"], ["p"], kernel_shape=[2, 2], strides=[2, 2], name="pool"),
        helper.make_node("Reshape", ["p", "flat"], ["f"], name="flat"),
        helper.make_node("Transpose", ["matrix"], ["turned"], perm=[1, 0], name="turn"),
        helper.make_node("MatMul", ["f", "turned"], ["m"], name="product"),
        helper.make_node("Add", ["bias", "m"], ["a"], name="bias"),
        helper.make_node("Constant", [], ["half"], value=numpy_helper.from_array(np.float32(0.5).reshape(()))),
        helper.make_node("Mul", ["a", "half"], ["s"], name="halve"),
        helper.make_node("Gelu", ["s"], ["g"], name="gelu"),
        helper.make_node("Mul", ["g", "s"], ["q"], name="gate"),
        helper.make_node("Identity", ["q"], ["i"], name="same"),
        helper.make_node("Gemm", ["i", "head", "head_bias"], ["y"], name="head"),
    ]
    shape = [None, 1, 12, 12]
    # 4 channels of 3 x 3.
    initializers = [numpy_helper.from_array(value, name) for name, value in tensors.items()]
    initializers.append(numpy_helper.from_array(np.array([0, -1], dtype=np.int64), "flat"))
    graph = helper.make_graph(
        nodes, "operators", [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 5])], initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(model)
    onnx.save(model, folder / "operators.onnx")
    return real(EXAMPLES, 1, 12, 12)


def main():
    folder = pathlib.Path(sys.argv[1])
    torch.manual_seed(3)
    inputs = {"perceptron": export(perceptron(), "perceptron", folder),
              "convolutional": export(Residual(), "convolutional", folder),
              "operators": operators(folder)}
    for name, values in inputs.items():
        path = folder / f"{name}.onnx"
        session = onnxruntime.InferenceSession(path)
        graph = onnx.load(path).graph
        print(name, path.stat().st_size, [node.op_type for node in graph.node])
        logits = session.run(None, {session.get_inputs()[0].name: values})[0]
        with open(folder / f"{name}.f32", "wb") as file:
            file.write(values.astype("<f4").tobytes())
            file.write(logits.astype("<f4").tobytes())


main()
