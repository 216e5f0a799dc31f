// Written with one launch a line, so that two files can be compared line by line; read strictly.
#include <algorithm>
#include <cmath>
#include <set>
#include <type_traits>

#include "check.h"
#include "gavotte/manifest.h"
#include "manifest/consistency.h"
#include "manifest/fields.h"
#include "network/graph.h"
#include "network/json.h"

namespace gavotte {
namespace internal {
namespace {

using manifest::Metric;
using manifest::Source;

constexpr int kFormat = 1;
constexpr std::size_t kMostElements = 100'000;
constexpr std::size_t kMostHow = 1024;

class Writer {
 public:
  template <class T>
  void operator()(const char* key, T& value, const Limit& = {}) {
    json_[key] = json_of(value);
  }
  void metric(manifest::Words& value, const Limit&) { json_ = json_of(value); }
  Json json() && { return std::move(json_); }

 private:
  template <class T>
  static Json json_of(T& value) {
    Writer writer;
    fields(writer, value);
    return std::move(writer).json();
  }
  static Json json_of(std::string& value) { return value; }
  static Json json_of(std::int64_t value) { return value; }
  static Json json_of(double value) { return value; }
  template <class T>
  static Json json_of(Metric<T>& value) {
    return {{"v", value.v ? Json(*value.v) : Json()},
            {"src", manifest::name(value.src)},
            {"how", value.how}};
  }
  template <class T>
  static Json json_of(std::vector<T>& values) {
    Json array = Json::array();
    for (T& value : values) array.push_back(json_of(value));
    return array;
  }
  template <class T>
  static Json json_of(std::map<std::string, T>& values) {
    Json object = Json::object();
    for (auto& [key, value] : values) object[key] = json_of(value);
    return object;
  }
  template <class... T>
  static Json json_of(std::variant<T...>& value) {
    return std::visit([](const auto& held) { return Json(held); }, value);
  }
  static Json json_of(std::optional<manifest::Config>& value) {
    return value ? json_of(*value) : Json();
  }

  Json json_ = Json::object();
};

bool holds(TextKind kind, const std::string& text) {
  const auto all = [&text](auto allowed) { return std::all_of(text.begin(), text.end(), allowed); };
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto word = [&](char c) { return letter(c) || digit(c) || c == '_'; };
  switch (kind) {
    case TextKind::any:
      return true;
    case TextKind::key:
      return all([&](char c) { return word(c) || c == '.'; });
    case TextKind::symbol:
      return !text.empty() && !digit(text[0]) && all(word);
    case TextKind::formula:
      return all([&](char c) {
        return word(c) || std::string_view(".+*/(), -").find(c) != std::string_view::npos;
      });
    case TextKind::hash:
      return all([&](char c) { return digit(c) || (c >= 'a' && c <= 'f'); });
  }
  return false;
}

class Reader {
 public:
  Reader(const Json& json, std::string where) : json_(to_object(json, where)), where_(where) {}

  template <class T>
  void operator()(const char* key, T& value, const Limit& limit = {}) {
    keys_.insert(key);
    read(member(json_, key, where_), value, where_ + "." + key, limit);
  }
  void metric(manifest::Words& value, const Limit& limit) { members(value, limit); }
  /// Throws where there are more members than were asked for.
  void finish() const {
    for (const auto& item : json_.items())
      GAVOTTE_CHECK(keys_.contains(item.key()),
                    where_ + ": unknown or misplaced attribute " + shown_name(item.key()));
  }

 private:
  template <class T>
  static void read(const Json& json, T& value, const std::string& where, const Limit&) {
    Reader reader(json, where);
    fields(reader, value);
    reader.finish();
  }
  template <class T>
  static void read(const Json& json, Metric<T>& value, const std::string& where,
                   const Limit& limit) {
    Reader reader(json, where);
    reader.members(value, limit);
    reader.finish();
  }
  template <class T>
  void members(Metric<T>& value, const Limit& limit) {
    std::string source;
    (*this)("src", source, one_of({"measured", "derived", "declared", "estimated", "unavailable"}));
    for (const Source candidate : {Source::measured, Source::derived, Source::declared,
                                   Source::estimated, Source::unavailable})
      if (manifest::name(candidate) == source) value.src = candidate;
    (*this)("how", value.how, Limit{.shortest = 1, .longest = kMostHow});
    keys_.insert("v");
    const Json& v = member(json_, "v", where_);
    GAVOTTE_CHECK(v.is_null() == (value.src == Source::unavailable),
                  where_ + ".v: expected " +
                      (v.is_null() ? "a value from the source " + source
                                   : "null from the source unavailable") +
                      ", got " + v.dump().substr(0, 40));
    if (v.is_null()) {
      value.v.reset();
    } else {
      read(v, value.v.emplace(), where_ + ".v", limit);
    }
  }

  static void read(const Json& json, std::string& value, const std::string& where,
                   const Limit& limit) {
    value = to_text(json, where);
    // JSON Schema counts characters, of which a text has no more than bytes.
    GAVOTTE_CHECK(value.size() >= limit.shortest && value.size() <= limit.longest,
                  where + ": expected " + std::to_string(limit.shortest) + " to " +
                      std::to_string(limit.longest) + " bytes, got " +
                      std::to_string(value.size()));
    const std::string shown = shown_name(value);
    const bool named = limit.names.empty() || std::find(limit.names.begin(), limit.names.end(),
                                                        value) != limit.names.end();
    std::string names;
    for (const std::string_view name : limit.names)
      names += (names.empty() ? "" : ", ") + std::string(name);
    GAVOTTE_CHECK(named, where + ": expected one of " + names + ", got " + shown);
    static constexpr const char* kKinds[] = {
        "a text", "letters, digits, '_' and '.'", "letters, digits and '_', no digit first",
        "a formula of letters, digits and _.+*/(), -", "hexadecimal digits in lower case"};
    GAVOTTE_CHECK(holds(limit.kind, value),
                  where + ": expected " + kKinds[static_cast<int>(limit.kind)] + ", got " + shown);
  }
  static void read(const Json& json, std::int64_t& value, const std::string& where,
                   const Limit& limit) {
    value = to_integer(json, static_cast<std::int64_t>(limit.lowest),
                       static_cast<std::int64_t>(limit.highest), where);
  }
  static void read(const Json& json, double& value, const std::string& where, const Limit& limit) {
    value = to_number(json, where);
    GAVOTTE_CHECK(value >= limit.lowest && value <= limit.highest,
                  where + ": expected a number from " + Json(limit.lowest).dump() + " to " +
                      Json(limit.highest).dump() + ", got " + json.dump());
  }
  static void read(const Json& json, bool& value, const std::string& where, const Limit&) {
    value = to_bool(json, where);
  }
  static void read(const Json& json, std::array<std::int64_t, 3>& value, const std::string& where,
                   const Limit& limit) {
    const std::size_t size = to_array(json, value.size(), where).size();
    GAVOTTE_CHECK(size == value.size(),
                  where + ": expected [x, y, z], got " + std::to_string(size) + " numbers");
    for (std::size_t i = 0; i < size; ++i) read(json[i], value[i], where, limit);
  }
  template <class T>
  static void read(const Json& json, std::vector<T>& values, const std::string& where,
                   const Limit& limit) {
    for (const Json& element : to_array(json, kMostElements, where)) {
      const std::string place = where + "[" + std::to_string(values.size()) + "]";
      read(element, values.emplace_back(), place, limit);
    }
  }
  template <class T>
  static void read(const Json& json, std::map<std::string, T>& values, const std::string& where,
                   const Limit& limit) {
    constexpr bool kSettings = std::is_same_v<T, decltype(manifest::Config::values)::mapped_type>;
    for (const auto& item : to_object(json, where).items()) {
      std::string key;
      read(Json(item.key()), key, where,
           kSettings ? key_text() : Limit{.shortest = 1, .longest = 64, .kind = TextKind::symbol});
      read(item.value(), values[key], where + "." + key, limit);
    }
  }
  static void read(const Json& json, std::variant<std::string, std::int64_t, double, bool>& value,
                   const std::string& where, const Limit&) {
    GAVOTTE_CHECK(json.is_string() || json.is_number() || json.is_boolean(),
                  where + ": expected a text, a number, true or false, got " + json.type_name());
    if (json.is_string()) value = json.get<std::string>();
    if (json.is_boolean()) value = json.get<bool>();
    if (json.is_number()) value = json.get<double>();
    if (json.is_number_integer()) value = json.get<std::int64_t>();
  }
  static void read(const Json& json, std::optional<manifest::Config>& value,
                   const std::string& where, const Limit& limit) {
    if (!json.is_null()) read(json, value.emplace(), where, limit);
  }

  const Json& json_;
  std::string where_;
  std::set<std::string> keys_;
};

}  // namespace
}  // namespace internal

std::string_view manifest::name(Source source) noexcept {
  static constexpr std::string_view kNames[] = {"measured", "derived", "declared", "estimated",
                                                "unavailable"};
  const auto index = static_cast<std::size_t>(source);
  return index < std::size(kNames) ? kNames[index] : "unknown";
}

std::string Manifest::to_json() const {
  const std::string what = "manifest";
  internal::Writer writer;
  Manifest copy = *this;  // fields() is for readers too
  internal::fields(writer, copy);
  const internal::Json json = std::move(writer).json();
  std::string text = "{\n  \"format\": " + std::to_string(internal::kFormat);
  for (const char* part : {"library", "device", "run"})
    text += ",\n  \"" + std::string(part) + "\": " + internal::dump_json(json[part], what);
  for (const char* part : {"buffers", "launches"}) {
    text += ",\n  \"" + std::string(part) + "\": [";
    for (const internal::Json& entry : json[part])
      text +=
          (&entry == &json[part].front() ? "\n    " : ",\n    ") + internal::dump_json(entry, what);
    text += json[part].empty() ? "]" : "\n  ]";
  }
  text += "\n}\n";
  from_json(text, what);
  return text;
}

Manifest Manifest::from_json(std::string_view text, const std::string& what) {
  internal::Json json = internal::parse_json(text, what);
  internal::to_object(json, what);
  // First of all, so that a file of another version is not called wrong for what is new in it.
  const std::int64_t format =
      internal::to_integer(internal::member(json, "format", what), 1, 1'000'000, what + ".format");
  GAVOTTE_CHECK(format == internal::kFormat, what + ": format " + std::to_string(format) +
                                                 " is of a newer library; this one reads format " +
                                                 std::to_string(internal::kFormat));
  json.erase("format");
  Manifest manifest;
  internal::Reader reader(json, what);
  internal::fields(reader, manifest);
  reader.finish();
  internal::check_consistency(manifest, what);
  return manifest;
}

}  // namespace gavotte
