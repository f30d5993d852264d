"""The formulas of the lesson on convolution in LaTeX, with the numbers of one pixel in them."""

from __future__ import annotations

from core.lessons.convolution.compute import Products
from core.lessons.sliding import Patch, Sliding

#: Kernels up to this size are written out term by term; larger ones would not fit a line.
WRITTEN_OUT = 3


def number_text(value: float) -> str:
    """Whole numbers as they are, others with three significant digits, and a true minus.

    Example:
        >>> number_text(-312.0), number_text(0.04167), number_text(12345.6)
        ('−312', '0.0417', '12346')
    """
    if abs(value) < 5e-13:
        return "0"
    whole = abs(value - round(value)) < 1e-9 or abs(value) >= 100
    text = f"{value:.0f}" if whole else f"{value:.3g}"
    return text.replace("-", "−")


def cell_text(value: float) -> str:
    """A number for a small cell: three significant digits, but no more than three decimals.

    Example:
        >>> cell_text(-4.1119), cell_text(0.05513), cell_text(-0.0002), cell_text(21.0)
        ('−4.11', '0.055', '≈ 0', '21')
    """
    text = number_text(value)
    if abs(value) >= 1 or text == "0":
        return text
    return "≈ 0" if abs(value) < 0.0005 else f"{value:.3f}".rstrip("0").replace("-", "−")


def latex_number(value: float) -> str:
    """A number as `number_text` writes it, for a formula."""
    text = number_text(value).replace("−", "-")
    if "e" in text:
        digits, power = text.split("e")
        return rf"{digits}\cdot 10^{{{int(power)}}}"
    return text


def size_latex(sliding: Sliding, length: int, name: str = "out") -> str:
    """The output size, in letters and with the values put in.

    Args:
        sliding: The window.
        length: Pixels along one axis of the image.
        name: Of the result, as an index.
    """
    pad = sum(sliding.pads(length))
    if sliding.dilation == 1:
        letters = r"\frac{n + p - k}{s}"
        values = rf"\frac{{{length} + {pad} - {sliding.window}}}{{{sliding.stride}}}"
    else:
        letters = r"\frac{n + p - d\,(k - 1) - 1}{s}"
        inside = rf"{length} + {pad} - {sliding.dilation}\cdot({sliding.window} - 1) - 1"
        values = rf"\frac{{{inside}}}{{{sliding.stride}}}"
    result = sliding.output(length)
    return (
        rf"\begin{{aligned}}n_\text{{{name}}} &= \left\lfloor {letters} \right\rfloor + 1 \\"
        rf"&= \left\lfloor {values} \right\rfloor + 1 = \mathbf{{{result}}}\end{{aligned}}"
    )


def sum_latex(products: Products) -> str:
    """The weighted sum of this very pixel; kernels larger than 3 × 3 are not written out."""
    row, column = products.patch.place
    kernel = products.kernel
    bias = "b + " if kernel.bias else ""
    head = (
        rf"y_{{{row},{column}}} &= {bias}\sum_{{u=0}}^{{{kernel.size - 1}}}\sum_{{v=0}}^{{{kernel.size - 1}}} "
        r"x_{u,v}\, w_{u,v}"
    )
    lines = [head]
    if kernel.size <= WRITTEN_OUT:
        lines += _written_out(products)
    else:
        offset = f"{latex_number(kernel.bias)} + " if kernel.bias else ""
        lines.append(rf"&= {offset}\text{{the sum of the {kernel.size**2} products}}")
    lines.append(rf"&= \mathbf{{{latex_number(products.total)}}}")
    return r"\begin{aligned}" + r"\\".join(lines) + r"\end{aligned}"


def _written_out(products: Products) -> list[str]:
    lines = []
    for row in range(products.kernel.size):
        terms = [
            rf"{latex_number(float(x))}\cdot{_factor(float(w))}"
            for x, w in zip(products.patch.values[row], products.kernel.weights[row], strict=True)
        ]
        first = (
            f"= {latex_number(products.kernel.bias)} + "
            if row == 0 and products.kernel.bias
            else "= "
            if row == 0
            else ""
        )
        lines.append("&" + (first or r"\quad + ") + " + ".join(terms))
    return lines


def _factor(weight: float) -> str:
    return rf"({latex_number(weight)})" if weight < 0 else latex_number(weight)


def pooled_latex(patch: Patch, after: float, kind: str) -> str:
    """A pooling window's one number; windows larger than 3 × 3 do not exist here.

    Args:
        patch: The window.
        after: What it became.
        kind: `max` or `average`.
    """
    row, column = patch.place
    numbers = [latex_number(float(value)) for value in patch.values.ravel()]
    if kind == "max":
        inside = r"\max\{" + r",\ ".join(numbers) + r"\}"
    else:
        inside = rf"\tfrac{{1}}{{{len(numbers)}}}\,({' + '.join(numbers)})"
    return rf"y_{{{row},{column}}} = {inside} = \mathbf{{{latex_number(after)}}}"
