// Counts of a confusion matrix, of which only the diagonal and the sums matter.
#include "score.h"

#include <cmath>
#include <limits>

#include "input_error.h"

namespace gavotte::cli {

Score score_labels(std::span<const std::int32_t> predicted, std::span<const std::int32_t> truth,
                   const std::vector<std::string>& classes, const std::string& path) {
  const auto number = static_cast<std::int32_t>(classes.size());
  const auto counted = [&](std::int32_t label) {
    return label >= 0 && classes[static_cast<std::size_t>(label)] != "unlabelled";
  };
  if (truth.empty())
    throw InputError(
        path + ": expected a scan with labels for --score, got one without; leave the option out");
  std::vector<std::int64_t> hits(classes.size()), either(classes.size());
  Score score;
  for (std::size_t point = 0; point < truth.size(); ++point) {
    const std::int32_t label = truth[point], guess = predicted[point];
    if (label >= number) {
      throw InputError(path + ": expected labels below " + std::to_string(number) +
                       ", the classes of the network, got " + std::to_string(label) +
                       "; --score compares class numbers");
    }
    if (!counted(label)) continue;
    ++score.points;
    ++either[static_cast<std::size_t>(label)];
    if (guess == label) {
      ++hits[static_cast<std::size_t>(label)];
    } else if (guess >= 0) {
      ++either[static_cast<std::size_t>(guess)];
    }
  }
  int present = 0;
  for (std::size_t c = 0; c < classes.size(); ++c) {
    const bool somewhere = either[c] > 0 && counted(static_cast<std::int32_t>(c));
    score.iou.push_back(somewhere ? static_cast<double>(hits[c]) / static_cast<double>(either[c])
                                  : std::numeric_limits<double>::quiet_NaN());
    if (!somewhere) continue;
    score.mean_iou += score.iou.back();
    ++present;
  }
  if (present == 0)
    throw InputError(path +
                     ": expected points with a label for --score, got none; leave the option out");
  score.mean_iou /= present;
  return score;
}

}  // namespace gavotte::cli
