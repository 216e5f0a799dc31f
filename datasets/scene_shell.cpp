// A thickened sphere in a grid of voxels: column by column, the cells whose middle lies within half
// the thickness of the surface.
#include <algorithm>
#include <cmath>

#include "check.h"
#include "counter_rng.h"
#include "gavotte/datasets/scenes.h"

namespace gavotte {

PointCloud sphere_shell(int resolution, float thickness, std::uint64_t seed) {
  GAVOTTE_CHECK(
      resolution >= 8 && resolution <= 4096,
      "sphere_shell: expected a resolution in [8, 4096], given " + std::to_string(resolution));
  GAVOTTE_CHECK(thickness >= 1.0f && thickness <= static_cast<float>(resolution) / 8,
                "sphere_shell: expected a thickness in [1, resolution / 8], given " +
                    std::to_string(thickness));
  const double centre = resolution / 2.0;
  const double outer = 0.5 * resolution - 1.0;
  const double inner = outer - double{thickness};
  internal::CounterRng rng(seed, 2);
  PointCloud cloud;
  cloud.channels = {"intensity"};
  for (int x = 0; x < resolution; ++x) {
    const double dx = x + 0.5 - centre;
    for (int y = 0; y < resolution; ++y) {
      const double dy = y + 0.5 - centre;
      const double flat = dx * dx + dy * dy;
      if (flat >= outer * outer) continue;
      // The column's cells inside the outer sphere, less those inside the inner one.
      const double reach = std::sqrt(outer * outer - flat);
      const double hole = flat < inner * inner ? std::sqrt(inner * inner - flat) : -1.0;
      const int first = static_cast<int>(std::ceil(centre - reach - 0.5));
      const int last = static_cast<int>(std::floor(centre + reach - 0.5));
      for (int z = first; z <= last; ++z) {
        const double dz = z + 0.5 - centre;
        if (std::abs(dz) < hole) {
          z = std::max(z, static_cast<int>(std::ceil(centre + hole - 0.5)) - 1);  // across the hole
          continue;
        }
        for (const int index : {x, y, z}) cloud.rows.push_back(static_cast<float>(index) + 0.5f);
        cloud.rows.push_back(static_cast<float>(rng.bits() >> 40) * 0x1p-24f);
      }
    }
  }
  return cloud;
}

}  // namespace gavotte
