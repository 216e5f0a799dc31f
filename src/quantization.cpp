#include "gavotte/quantization.h"

namespace gavotte {

std::string_view name(ActivationScales scales) noexcept {
  switch (scales) {
    case ActivationScales::static_tensor:
      return "static_tensor";
    case ActivationScales::dynamic_tensor:
      return "dynamic_tensor";
    case ActivationScales::dynamic_row:
      return "dynamic_row";
  }
  return "unknown";
}

}  // namespace gavotte
