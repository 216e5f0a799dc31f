// Strict JSON for files that others wrote: depth, duplicate keys and types are checked, every failure is one Error.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace gavotte::internal {

using Json = nlohmann::json;

/// Parses all of `text`; throws Error (value) for what is no JSON, nests deeper than 16 or names a key twice.
/// `what` names the document in messages.
Json parse_json(std::string_view text, const std::string& what);

/// Compact text, keys in lexicographic order; throws Error (value) where a string is not UTF-8.
std::string dump_json(const Json& value, const std::string& what);

// Typed access; `where` names the enclosing object in messages.
const Json& member(const Json& object, const char* key, const std::string& where);
std::int64_t to_integer(const Json& value, std::int64_t lowest, std::int64_t highest,
                        const std::string& where);
double to_number(const Json& value, const std::string& where);
bool to_bool(const Json& value, const std::string& where);
const std::string& to_text(const Json& value, const std::string& where);
const Json& to_array(const Json& value, std::size_t most, const std::string& where);
const Json& to_object(const Json& value, const std::string& where);
/// Throws where the object has a key that is not in `allowed`.
void check_keys(const Json& object, std::initializer_list<std::string_view> allowed,
                const std::string& where);

}  // namespace gavotte::internal
