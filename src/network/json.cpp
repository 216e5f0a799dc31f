// Strict parsing and typed access on top of nlohmann::json.
#include "network/json.h"

#include <algorithm>
#include <set>
#include <vector>

#include "check.h"
#include "network/graph.h"

namespace gavotte::internal {

namespace {

constexpr int kMaxDepth = 16;

std::string wrong_type(const std::string& where, const char* expected, const Json& value) {
  return where + ": expected " + expected + ", got " + value.type_name();
}

}  // namespace

Json parse_json(std::string_view text, const std::string& what) {
  std::vector<std::set<std::string>> keys;  // of the objects that are open
  const auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
    GAVOTTE_CHECK(depth <= kMaxDepth,
                  what + ": JSON nests deeper than " + std::to_string(kMaxDepth));
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key) {
      const auto& key = parsed.get_ref<const std::string&>();
      GAVOTTE_CHECK(keys.back().insert(key).second,
                    what + ": the key " + shown_name(key) + " appears twice");
    }
    return true;
  };
  try {
    return Json::parse(text.begin(), text.end(), watch);
  } catch (const Json::exception& error) {
    std::string reason = error.what();
    std::replace_if(
        reason.begin(), reason.end(), [](char c) { return c < 32 || c == 127; }, '?');
    GAVOTTE_CHECK(false, what + " is no valid JSON: " + reason.substr(0, 300));
  }
  return {};
}

std::string dump_json(const Json& value, const std::string& what) {
  try {
    return value.dump();
  } catch (const Json::exception&) {
    GAVOTTE_CHECK(false, what + ": a text is not valid UTF-8");
  }
  return {};
}

const Json& member(const Json& object, const char* key, const std::string& where) {
  const auto found = object.find(key);
  GAVOTTE_CHECK(found != object.end(), where + ": '" + key + "' is missing");
  return *found;
}

std::int64_t to_integer(const Json& value, std::int64_t lowest, std::int64_t highest,
                        const std::string& where) {
  GAVOTTE_CHECK(value.is_number_integer(), wrong_type(where, "an integer", value));
  const bool fits = value.is_number_unsigned()
                        ? value.get<std::uint64_t>() <=
                              static_cast<std::uint64_t>(std::max<std::int64_t>(highest, 0))
                        : value.get<std::int64_t>() <= highest;
  GAVOTTE_CHECK(
      fits &&
          (value.is_number_unsigned() && lowest <= 0 ? true : value.get<std::int64_t>() >= lowest),
      where + ": expected an integer from " + std::to_string(lowest) + " to " +
          std::to_string(highest) + ", got " + value.dump());
  return value.get<std::int64_t>();
}

double to_number(const Json& value, const std::string& where) {
  GAVOTTE_CHECK(value.is_number(), wrong_type(where, "a number", value));
  return value.get<double>();
}

bool to_bool(const Json& value, const std::string& where) {
  GAVOTTE_CHECK(value.is_boolean(), wrong_type(where, "true or false", value));
  return value.get<bool>();
}

const std::string& to_text(const Json& value, const std::string& where) {
  GAVOTTE_CHECK(value.is_string(), wrong_type(where, "a string", value));
  return value.get_ref<const std::string&>();
}

const Json& to_array(const Json& value, std::size_t most, const std::string& where) {
  GAVOTTE_CHECK(value.is_array(), wrong_type(where, "an array", value));
  GAVOTTE_CHECK(value.size() <= most, where + ": expected at most " + std::to_string(most) +
                                          " elements, got " + std::to_string(value.size()));
  return value;
}

const Json& to_object(const Json& value, const std::string& where) {
  GAVOTTE_CHECK(value.is_object(), wrong_type(where, "an object", value));
  return value;
}

void check_keys(const Json& object, std::initializer_list<std::string_view> allowed,
                const std::string& where) {
  for (const auto& item : object.items())
    GAVOTTE_CHECK(std::find(allowed.begin(), allowed.end(), item.key()) != allowed.end(),
                  where + ": unknown or misplaced attribute " + shown_name(item.key()));
}

}  // namespace gavotte::internal
