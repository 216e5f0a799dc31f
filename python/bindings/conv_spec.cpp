// ConvSpec: immutable in Python, made from keywords.
#include "gavotte/conv_spec.h"

#include <pybind11/stl.h>

#include <array>
#include <string>
#include <variant>
#include <vector>

#include "bindings.h"
#include "gavotte/error.h"
#include "per_axis.h"

namespace py = pybind11;

namespace gavotte::python {
namespace {

/// The value of an enum by its name; the error lists the legal names.
template <class Enum, std::size_t N>
Enum named(const char* what, const py::object& given, const std::array<Enum, N>& all) {
  const auto text = py::isinstance<py::str>(given) ? given.cast<std::string>() : std::string();
  std::string legal;
  for (const Enum value : all) {
    if (name(value) == text) return value;
    legal += (legal.empty() ? "" : ", ") + std::string(name(value));
  }
  throw Error(ErrorKind::value, std::string(what) + ": expected one of " + legal + "; got " +
                                    py::repr(given).cast<std::string>());
}

constexpr std::array kKinds = {ConvKind::submanifold, ConvKind::strided, ConvKind::transposed,
                               ConvKind::inverse, ConvKind::generative};
constexpr std::array kRules = {CoordinateRule::window, CoordinateRule::floor,
                               CoordinateRule::torchsparse};
constexpr std::array kOrders = {OffsetOrder::last_axis_fastest, OffsetOrder::first_axis_fastest,
                                OffsetOrder::torchsparse};

// What is no number for all axes, or one for each, is an error that names the option. Ints and tuples of ints are read
// here: layers that make a spec in each call give them, and Python's check would take 27 us a spec.
PerAxis sizes(const char* what, const py::object& given) {
  py::detail::make_caster<AxisValues> plain;
  if ((py::isinstance<py::int_>(given) || py::isinstance<py::tuple>(given)) &&
      plain.load(given, false))
    return per_axis(py::detail::cast_op<const AxisValues&>(plain));
  const py::object checked = py::module_::import("gavotte._axes").attr("per_axis")(given, what);
  return per_axis(checked.cast<AxisValues>());
}

ConvSpec make(const py::object& kind, const py::object& kernel_size, const py::object& stride,
              const py::object& padding, const py::object& dilation,
              const py::object& output_padding, const py::object& rule,
              const py::object& offset_order, const py::object& spatial_shape) {
  ConvSpec spec;
  spec.kind = named("kind", kind, kKinds);
  spec.kernel_size = sizes("kernel_size", kernel_size);
  spec.stride = sizes("stride", stride);
  spec.padding = sizes("padding", padding);
  spec.dilation = sizes("dilation", dilation);
  spec.output_padding = sizes("output_padding", output_padding);
  spec.rule = named("rule", rule, kRules);
  spec.offset_order = named("offset_order", offset_order, kOrders);
  if (!spatial_shape.is_none()) spec.spatial_shape = sizes("spatial_shape", spatial_shape);
  return spec;
}

py::dict as_dict(const ConvSpec& spec) {
  py::dict values;
  values["kind"] = std::string(name(spec.kind));
  values["kernel_size"] = python_of(spec.kernel_size);
  values["stride"] = python_of(spec.stride);
  values["padding"] = python_of(spec.padding);
  values["dilation"] = python_of(spec.dilation);
  values["output_padding"] = python_of(spec.output_padding);
  values["rule"] = std::string(name(spec.rule));
  values["offset_order"] = std::string(name(spec.offset_order));
  values["spatial_shape"] =
      spec.spatial_shape ? python_of(*spec.spatial_shape) : py::object(py::none());
  return values;
}

constexpr auto kDoc =
    R"(What a convolution or pooling means, without its channels: which outputs exist, and what each reads.

A value: immutable, hashable, picklable, and printable. Sizes are one number for all axes or one for each. What the kinds
do under each rule is in docs/coordinates.md.

Args:
    kind: "submanifold" (outputs are the inputs), "strided", "transposed", "inverse" (back to the set that a strided
        layer came from) or "generative" (every output that an input reaches).
    kernel_size: voxels.
    stride: in units of the input.
    padding: under the rules window and torchsparse; not of a submanifold one, which is centred.
    dilation: under the rules window and floor.
    output_padding: of a transposed or generative one with a spatial_shape.
    rule: "window" (spconv, dense convolution), "floor" (MinkowskiEngine) or "torchsparse".
    offset_order: in which weights list the offsets: "last_axis_fastest", "first_axis_fastest" or "torchsparse".
    spatial_shape: extent of the input's grid, beyond which there are no outputs; None for no bounds.

Raises:
    TypeError: a size that is no whole number.
    ValueError: an unknown word, a size of more than 32 bits, or a number of sizes other than 1 to 4. An option that has
        no meaning for its kind and rule is a ValueError of `validate`, and so of the layer that uses it; none is
        ignored.

>>> import gavotte
>>> spec = gavotte.ConvSpec("strided", kernel_size=3, stride=2, padding=1)
>>> spec
ConvSpec(strided kernel 3 stride 2 padding 1 rule window)
>>> spec.kernel_volume(dims=3), spec == gavotte.ConvSpec(**spec.as_dict())
(27, True)
)";

}  // namespace

PerAxis per_axis(const AxisValues& values) {
  if (const auto* all = std::get_if<std::int32_t>(&values)) return *all;
  const auto& list = std::get<std::vector<std::int32_t>>(values);
  return PerAxis::from(list.data(), static_cast<int>(list.size()));
}

py::object python_of(const PerAxis& values) {
  if (values.count() == 0) return py::int_(values[0]);
  py::tuple result(values.count());
  for (int axis = 0; axis < values.count(); ++axis)
    result[static_cast<std::size_t>(axis)] = values[axis];
  return result;
}

void bind_conv_spec(py::module_& module) {
  py::class_<ConvSpec>(module, "ConvSpec", kDoc)
      .def(py::init(&make), py::arg("kind") = "submanifold", py::kw_only(),
           py::arg("kernel_size") = 3, py::arg("stride") = 1, py::arg("padding") = 0,
           py::arg("dilation") = 1, py::arg("output_padding") = 0, py::arg("rule") = "window",
           py::arg("offset_order") = "last_axis_fastest", py::arg("spatial_shape") = py::none())
      .def_property_readonly(
          "kind", [](const ConvSpec& s) { return std::string(name(s.kind)); },
          "Which outputs there are: the argument.")
      .def_property_readonly(
          "kernel_size", [](const ConvSpec& s) { return python_of(s.kernel_size); },
          "Voxels, a number or one for each axis.")
      .def_property_readonly(
          "stride", [](const ConvSpec& s) { return python_of(s.stride); },
          "In units of the input, a number or one for each axis.")
      .def_property_readonly(
          "padding", [](const ConvSpec& s) { return python_of(s.padding); },
          "Voxels, a number or one for each axis.")
      .def_property_readonly(
          "dilation", [](const ConvSpec& s) { return python_of(s.dilation); },
          "Voxels from offset to offset, a number or one for each axis.")
      .def_property_readonly(
          "output_padding", [](const ConvSpec& s) { return python_of(s.output_padding); },
          "Voxels, a number or one for each axis.")
      .def_property_readonly(
          "rule", [](const ConvSpec& s) { return std::string(name(s.rule)); },
          "By whose rule outputs and offsets are found: the argument.")
      .def_property_readonly(
          "offset_order", [](const ConvSpec& s) { return std::string(name(s.offset_order)); },
          "In which weights list the offsets: the argument.")
      .def_property_readonly(
          "spatial_shape",
          [](const ConvSpec& s) -> py::object {
            return s.spatial_shape ? python_of(*s.spatial_shape) : py::object(py::none());
          },
          "Voxels, a number or one for each axis; None for no bounds.")
      .def("as_dict", &as_dict, "The arguments that make an equal spec, by name.")
      .def("validate", &ConvSpec::validate, py::arg("dims"),
           "ValueError where an option has no meaning on `dims` axes, 1 to 4; it names the option.")
      .def("kernel_volume", &ConvSpec::kernel_volume, py::arg("dims"),
           "Number of kernel offsets K on `dims` axes.")
      .def("__eq__", [](const ConvSpec& a, const ConvSpec& b) { return a == b; })
      .def("__hash__", [](const ConvSpec& s) { return py::hash(py::str(s.to_string())); })
      .def("__repr__", [](const ConvSpec& s) { return "ConvSpec(" + s.to_string() + ")"; })
      .def(py::pickle([](const ConvSpec& s) { return as_dict(s); },
                      [](const py::dict& state) {
                        const py::object type =
                            py::module_::import("gavotte._core").attr("ConvSpec");
                        return type(**state).cast<ConvSpec>();
                      }));
}

}  // namespace gavotte::python
