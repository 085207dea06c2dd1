"""What a file that is not ONNX looks like, so that the message can say it."""

from __future__ import annotations

from collections.abc import Callable

from ledg_rt.errors import ModelError

_SIGNATURES: tuple[tuple[Callable[[bytes, int], bool], str, str], ...] = (
    (
        lambda head, size: head.startswith(b"PK\x03\x04") and (b"data.pkl" in head or b"/version" in head),
        "a PyTorch checkpoint",
        "export it with torch.onnx.export",
    ),
    (
        lambda head, size: head.startswith((b"PK\x03\x04", b"PK\x05\x06")),
        "a zip archive",
        "unpack it; a .pt or .mlpackage has to be exported to ONNX",
    ),
    (lambda head, size: head[4:8] == b"TFL3", "a TensorFlow Lite model", "convert it with tf2onnx --tflite"),
    (
        lambda head, size: head[8:9] == b"{" and 2 <= int.from_bytes(head[:8], "little") <= size - 8,
        "a safetensors file: weights without a graph",
        "export the model itself to ONNX",
    ),
    (lambda head, size: head.startswith(b"\x89HDF"), "an HDF5 (Keras) file", "convert it with tf2onnx"),
    (lambda head, size: head.startswith(b"\x1f\x8b"), "gzip data", "unpack it with gunzip"),
    (lambda head, size: head.startswith(b"BZh"), "bzip2 data", "unpack it with bunzip2"),
    (lambda head, size: head.startswith(b"\xfd7zXZ"), "xz data", "unpack it with unxz"),
    (lambda head, size: head.startswith(b"GGUF"), "a GGUF file", "export the model itself to ONNX"),
    (
        lambda head, size: head[4:8] == b"ORTM",
        "an ONNX Runtime (.ort) model",
        "use the .onnx file it was made from",
    ),
    (
        lambda head, size: head[:1] == b"\x80" and head[1:2] in b"\x02\x03\x04\x05",
        "a Python pickle (an old .pt or .pth)",
        "export it with torch.onnx.export",
    ),
    (
        lambda head, size: (
            head.lstrip()[:64].lower().startswith((b"<!doctype", b"<html", b"<head", b"<?xml", b"<net"))
        ),
        "HTML or XML, perhaps the error page of a download",
        "download the file again and look at it in an editor",
    ),
    (lambda head, size: head.lstrip()[:1] in (b"{", b"[") and _is_text(head), "JSON", "name the .onnx file"),
)


def sniff(head: bytes, size: int) -> ModelError | None:
    """Recognise a file by its first 512 bytes; ``None`` where nothing is recognised."""
    if head.lstrip().startswith(b"version https://git-lfs"):
        return ModelError("lfs_pointer", "the file is a git-LFS pointer, not the model", "run `git lfs pull`")
    for matches, name, hint in _SIGNATURES:
        if matches(head, size):
            return ModelError("not_onnx", f"not an ONNX model: it looks like {name}", hint)
    return None


def not_onnx(head: bytes, detail: str = "") -> ModelError:
    """The error of a file that cannot be parsed and that ``sniff`` does not know."""
    guess = ": it looks like text" if _is_text(head) else f": {detail}" if detail else ""
    return ModelError("not_onnx", f"not an ONNX model{guess}", "export or download the model again")


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:
            return False
        text = head[: error.start].decode("utf-8")
    return bool(text) and all(letter.isprintable() or letter in "\t\r\n" for letter in text)
