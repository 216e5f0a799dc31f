#include "manifest/launch_formula.h"

namespace gavotte::internal {

std::optional<std::string> formula_of(const GridRule& rule, const std::string& symbol,
                                      std::int64_t value, std::int64_t units) {
  if (rule.of == Extent::constant) return std::to_string(value);
  if (rule.of == Extent::unknown || symbol.empty()) return std::nullopt;
  const auto text = [](std::int64_t number) { return std::to_string(number); };
  std::string items = symbol;
  if (rule.divided != 1) items = "floor(" + items + "/" + text(rule.divided) + ")";
  if (rule.times != 1) items += "*" + text(rule.times);
  if (rule.plus != 0) items += "+" + text(rule.plus);
  const bool is_sum = rule.plus != 0;
  if (rule.per_block != 1)
    items = "ceil(" + (is_sum ? "(" + items + ")" : items) + "/" + text(rule.per_block) + ")";
  if (rule.tiles != 1)
    items = (is_sum && rule.per_block == 1 ? "(" + items + ")" : items) + "*" + text(rule.tiles);
  if (rule.most != GridRule{}.most) items = "min(" + items + "," + text(rule.most) + ")";
  if (rule.per_unit > 0)
    items = "min(" + items + "," + text(units) + "*" + text(rule.per_unit) + ")";
  if (rule.least > 0) items = "max(" + items + "," + text(rule.least) + ")";
  return items;
}

}  // namespace gavotte::internal
