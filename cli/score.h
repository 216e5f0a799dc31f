// How well predicted labels agree with those that a scan holds.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace gavotte::cli {

struct Score {
  std::vector<double> iou;  ///< [classes] intersection over union; NaN for a class that is nowhere.
  double mean_iou = 0;      ///< Over the classes that are somewhere.
  std::int64_t points = 0;  ///< Points that have a true label.
};

/// `predicted`, `truth`: [points] class numbers of `classes`, -1 for none. Points without a true label, or whose true
/// class is named "unlabelled", are left out; a point without a prediction is a miss. Throws InputError, beginning
/// with `path`, where the scan has no labels or one that is no class of the network.
Score score_labels(std::span<const std::int32_t> predicted, std::span<const std::int32_t> truth,
                   const std::vector<std::string>& classes, const std::string& path);

}  // namespace gavotte::cli
