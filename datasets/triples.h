// Three fields of a point that Open3D reads into one array.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "check.h"

namespace gavotte::internal {

struct Triple {
  std::array<std::string_view, 3> names;
  bool needed;  ///< Else all three may be missing.
};

/// A field of a file's header.
struct TypedField {
  std::string_view name;
  std::string_view type;  ///< As the format names it, alike for one type.
};

/// Throws unless the fields have all three, of one type: Open3D makes the array of the first's type and writes each into it.
inline void check_triple(const Triple& triple, const std::vector<TypedField>& fields,
                         const std::string& source) {
  std::vector<TypedField> found;
  for (const std::string_view name : triple.names)
    for (const TypedField& field : fields)
      if (field.name == name) found.push_back(field);
  if (found.empty() && !triple.needed) return;
  const bool one_type = std::all_of(found.begin(), found.end(), [&](const TypedField& field) {
    return field.type == found.front().type;
  });
  std::string given;
  for (const TypedField& field : found)
    given += (given.empty() ? "" : ", ") + std::string(field.type) + " " + std::string(field.name);
  const auto [a, b, c] = triple.names;
  GAVOTTE_CHECK(found.size() == triple.names.size() && one_type,
                source + ": expected the fields " + std::string(a) + ", " + std::string(b) +
                    " and " + std::string(c) + " together and of one type, given " +
                    (given.empty() ? "none" : given));
}

}  // namespace gavotte::internal
