// Labels from the output of a run.
#include <cmath>

#include "check.h"
#include "dispatch.h"
#include "gavotte/executor.h"

namespace gavotte {

Tensor Result::argmax() const {
  GAVOTTE_CHECK(features.shape.rank() == 2 && features.shape[1] > 0,
                "argmax expects features [M, C] with C > 0, got " + features.shape.to_string());
  Tensor host;
  ConstTensorView scores = features;
  if (features.device.kind != DeviceKind::cpu) {
    host = Tensor::copy_to(Device::cpu(), features);
    scores = std::as_const(host).view();
  }
  const std::int64_t rows = scores.shape[0];
  const std::int64_t channels = scores.shape[1];
  Tensor labels(DType::int32, Shape{rows});
  internal::dispatch_floating(scores.dtype, [&]<class T>() {
    const T* row = static_cast<const T*>(scores.data);
    for (std::int32_t& label : labels.span<std::int32_t>()) {
      label = 0;
      auto best = static_cast<double>(row[0]);
      for (std::int64_t c = 1; c < channels; ++c) {
        const auto value = static_cast<double>(row[c]);
        if (!(value > best) && !(std::isnan(best) && !std::isnan(value))) continue;
        best = value;
        label = static_cast<std::int32_t>(c);
      }
      row += channels;
    }
  });
  return labels;
}

}  // namespace gavotte
