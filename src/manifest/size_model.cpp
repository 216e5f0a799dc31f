#include "manifest/size_model.h"

#include <algorithm>
#include <cmath>

#include "check.h"
#include "executor/executor_impl.h"
#include "manifest/plan_buffers.h"
#include "manifest/residuals.h"
#include "network/graph.h"

namespace gavotte::internal {
namespace {

const std::string kPoints = "points", kVoxels = "N_in";
constexpr std::size_t kFewestScans = 3;

/// From dense (0) to isolated (1): a strided layer has in_rows / V * K^scatter outputs, a submanifold layer K^filled matches
/// of a row, with K offsets and V cells of a stride. 5 %, middle and 95 % of the layers of both built-in networks on the
/// scenes of bench/predict.py, of voxels of a point on the scenes (docs/predict.md).
struct Ratios {
  double scatter, filled, voxels_of_a_point;
};
constexpr Ratios kLeast = {0.10, 0.54, 0.02}, kTypical = {0.37, 0.73, 0.24},
                 kMost = {0.64, 0.92, 1};

const Ratios& ratios(SizeModel::Bound bound) {
  return bound == SizeModel::Bound::least  ? kLeast
         : bound == SizeModel::Bound::most ? kMost
                                           : kTypical;
}

double cells(const ConvSpec& spec, int dims) {
  double count = 1;
  for (int axis = 0; axis < dims; ++axis) count *= spec.stride[axis];
  return count;
}

std::vector<std::string> symbols_of(const Plan& plan) {
  std::vector<std::string> names;
  for (int set = 0; set < plan.sets; ++set) names.push_back(rows_symbol(set));
  for (std::size_t map = 0; map < plan.maps.size(); ++map) names.push_back(pairs_symbol(map));
  if (std::any_of(plan.values.begin(), plan.values.end(),
                  [](const PlanValue& value) { return value.set == kBatchRows; }))
    names.push_back("B");
  names.push_back("N_out");
  std::sort(names.begin(), names.end());
  return names;
}

/// By the size of each symbol.
template <class Size>
Sizes sizes_by_name(const Plan& plan, bool batch, Size&& size) {
  Sizes sizes;
  for (int set = 0; set < plan.sets; ++set) sizes.rows.push_back(size(rows_symbol(set)));
  for (std::size_t map = 0; map < plan.maps.size(); ++map)
    sizes.pairs.push_back(size(pairs_symbol(map)));
  if (batch) sizes.batch = size("B");
  return sizes;
}

}  // namespace

double SizeModel::Law::at(double x, Bound bound) const {
  const double middle = constant + factor * x;
  return bound == Bound::least  ? middle / (1 + band)
         : bound == Bound::most ? middle * (1 + band)
                                : middle;
}

SizeModel::SizeModel(const Plan& plan)
    : plan_(plan), symbols_(symbols_of(plan)), source_("ratios of procedural scenes") {}

SizeModel::SizeModel(const Plan& plan, std::span<const NamedSizes> scans) : SizeModel(plan) {
  const std::size_t count = scans.size();
  GAVOTTE_CHECK(count >= kFewestScans,
                "expected the sizes of at least 3 scans, got " + std::to_string(count));
  source_ = "lines through the sizes of " + std::to_string(count) + " scans";
  std::vector<double> voxels, points;
  for (const NamedSizes& scan : scans) {
    of_names(scan);  // checks them
    voxels.push_back(static_cast<double>(scan.at(kVoxels)));
    if (const auto found = scan.find(kPoints); found != scan.end())
      points.push_back(static_cast<double>(found->second));
  }
  const auto law_of = [count](const std::vector<double>& x, const std::vector<double>& y) {
    const Line line = fit_line(x, y, all_but(count, count));
    std::vector<double> residuals;
    for (std::size_t i = 0; i < count; ++i)
      residuals.push_back(
          distance(std::max(1.0, fit_line(x, y, all_but(count, i)).at(x[i])), std::max(1.0, y[i])));
    return Law{line.constant, line.factor, band_of(std::move(residuals))};
  };
  for (const std::string& name : symbols_) {
    if (name == kVoxels) continue;
    std::vector<double> sizes;
    for (const NamedSizes& scan : scans) sizes.push_back(static_cast<double>(scan.at(name)));
    laws_[name] = law_of(voxels, sizes);
  }
  knows_points_ = points.size() == count;
  if (knows_points_) laws_[kVoxels] = law_of(points, voxels);
}

Sizes SizeModel::by_ratios(double voxels, Bound bound) const {
  const Ratios& ratio = ratios(bound);
  Sizes sizes{std::vector<double>(at(plan_.sets), -1), std::vector<double>(plan_.maps.size(), 0),
              1};
  sizes.rows[0] = voxels;
  for (std::size_t m = 0; m < plan_.maps.size(); ++m) {
    const ConvSpec& spec = plan_.maps[m].spec;
    const int from = plan_.maps[m].input;
    const double in = sizes.rows[at(from < 0 ? 0 : plan_.map_output[at(from)])];
    double& out = sizes.rows[at(plan_.map_output[m])];
    const double offsets = spec.kernel_volume(plan_.dims), stride = cells(spec, plan_.dims);
    switch (spec.kind) {
      case ConvKind::submanifold:
        sizes.pairs[m] = in * std::pow(offsets, ratio.filled);
        break;
      case ConvKind::strided: {
        const double reached = spec.rule == CoordinateRule::floor ? stride : offsets;
        if (out < 0) out = std::ceil(in / stride * std::pow(reached, ratio.scatter));
        sizes.pairs[m] = in * offsets / stride;  // each input in as many windows
        break;
      }
      default:
        if (out < 0) out = in * stride * std::pow(std::max(1.0, offsets / stride), ratio.scatter);
        sizes.pairs[m] = out * offsets / stride;
    }
  }
  return sizes;
}

Sizes SizeModel::of_voxels(double voxels, Bound bound) const {
  if (laws_.empty()) return by_ratios(voxels, bound);
  return sizes_by_name(plan_, laws_.contains("B"), [&](const std::string& name) {
    return name == kVoxels ? voxels : std::round(laws_.at(name).at(voxels, bound));
  });
}

double SizeModel::voxels_of(double points, Bound bound) const {
  GAVOTTE_CHECK(
      knows_points_,
      "expected scans that all tell their points, to estimate from points; ask by voxels");
  const double voxels = laws_.empty() ? points * ratios(bound).voxels_of_a_point
                                      : laws_.at(kVoxels).at(points, bound);
  return std::min(points, std::round(voxels));
}

Sizes SizeModel::of_names(const NamedSizes& given) const {
  const auto size = [&](const std::string& name) {
    const auto found = given.find(name);
    GAVOTTE_CHECK(found != given.end(), "expected the size '" + name + "', got none");
    GAVOTTE_CHECK(found->second >= 0,
                  name + ": expected a size of at least 0, got " + std::to_string(found->second));
    return static_cast<double>(found->second);
  };
  for (const auto& [name, value] : given)
    GAVOTTE_CHECK(
        name == kPoints || std::find(symbols_.begin(), symbols_.end(), name) != symbols_.end(),
        "expected sizes of the network, got '" + name + "'");
  for (const std::string& name : symbols_) size(name);
  return sizes_by_name(plan_, given.contains("B"), size);
}

}  // namespace gavotte::internal
