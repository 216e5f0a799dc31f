#include "executor/row_order.h"

#include <memory>
#include <utility>

namespace gavotte::internal {

Coordinates in_key_order(Backend& backend, const Execution& execution, const Coordinates& set) {
  if (!set.order() || backend.kind() != DeviceKind::cpu) return set;
  CoordinateData sorted = *set.data();
  sorted.lattice = Tensor(execution, DType::int32, set.lattice().shape);
  backend.gather_rows(execution, set.lattice(), set.order(), sorted.lattice);
  sorted.order = {};
  sorted.rank.reset();
  sorted.uses = std::make_shared<StreamUses>();
  return Coordinates(std::make_shared<const CoordinateData>(std::move(sorted)));
}

}  // namespace gavotte::internal
