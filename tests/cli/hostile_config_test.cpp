// Device configs that are cut, forged or of others: exit code 2, one line that names the file.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include <sstream>

#include "cli/process.h"
#include "cli/tuned_files.h"

namespace gavotte::test {
namespace {

using Json = nlohmann::json;

class HostileConfig : public ::testing::Test {
 protected:
  TemporaryFolder folder_;
  const std::string good_ = small_config().to_json();

  // A file of these bytes has to be refused in one line that names it and holds every word of `words`.
  void refused(const std::string& bytes, std::vector<std::string> words = {}) {
    const std::string name = "bad" + std::to_string(refused_.size()) + ".json";
    words.push_back(name);
    refused_.push_back({folder_.write(name, bytes), std::move(words)});
  }

  // One command for all of them: a program that starts for each takes most of the test's time.
  void TearDown() override {
    if (refused_.empty()) return;
    std::vector<std::string> arguments = {"config", "validate"};
    for (const Refused& file : refused_) arguments.push_back(file.path);
    const Outcome outcome = gavotte(arguments);
    EXPECT_EQ(outcome.code, 2);
    EXPECT_EQ(outcome.out, "");
    std::istringstream lines(outcome.err);
    for (const Refused& file : refused_) {
      std::string line;
      ASSERT_TRUE(std::getline(lines, line)) << outcome.err;
      EXPECT_TRUE(line.starts_with("gavotte: ")) << line;
      EXPECT_LE(line.size(), 800U) << line;
      for (const std::string& word : file.words)
        EXPECT_NE(line.find(word), std::string::npos) << "no " << word << ": " << line;
    }
    EXPECT_EQ(lines.peek(), std::istringstream::traits_type::eof()) << outcome.err;
  }

  // The good file with `value` at the place.
  std::string with(const char* place, const Json& value) const {
    Json json = Json::parse(good_);
    json[Json::json_pointer(place)] = value;
    return json.dump();
  }
  std::string without(const char* object, const char* key) const {
    Json json = Json::parse(good_);
    json[Json::json_pointer(object)].erase(key);
    return json.dump();
  }

 private:
  struct Refused {
    std::string path;
    std::vector<std::string> words;
  };
  std::vector<Refused> refused_;
};

TEST_F(HostileConfig, CutAtEachByte) {
  // One file a cut and one command for all of them: each is told in a line of its own.
  std::vector<std::string> arguments = {"config", "validate"};
  const std::string whole = Json::parse(good_).dump();
  for (std::size_t length = 0; length < whole.size(); ++length)
    arguments.push_back(
        folder_.write("cut" + std::to_string(length) + ".json", whole.substr(0, length)));
  const Outcome outcome = gavotte(arguments);
  EXPECT_EQ(outcome.code, 2);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), std::ssize(whole));
  for (std::size_t length = 0; length < whole.size(); ++length)
    EXPECT_NE(outcome.err.find("cut" + std::to_string(length) + ".json"), std::string::npos);
  EXPECT_EQ(gavotte({"config", "validate", folder_.write("whole.json", whole)}).code, 0);
}

TEST_F(HostileConfig, NoConfigAtAll) {
  refused("");
  refused("null", {"object"});
  refused("[]", {"object"});
  refused("{}", {"format"});
  refused(std::string(4096, '\xff'), {"JSON"});
  refused(std::string(4096, '\0'), {"JSON"});
  refused(good_ + "{}", {"JSON"});
  for (const std::string& bytes : {std::string(), std::string("{}"), good_ + "{}"})
    EXPECT_EQ(complaint_problem(gavotte({"config", "show", folder_.write("shown.json", bytes)})),
              "");
  EXPECT_EQ(complaint_problem(gavotte({"config", "show", "/dev/zero"})), "");
  const std::string large = folder_.write("large.json", "");
  std::filesystem::resize_file(large, std::uintmax_t{1} << 40);  // a hole, no blocks
  EXPECT_EQ(complaint_problem(gavotte({"config", "show", large})), "");
}

TEST_F(HostileConfig, DeepNesting) {
  refused(std::string(1'000'000, '['), {"nests"});
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  refused(objects, {"nests"});
}

TEST_F(HostileConfig, KeysTwiceUnknownAndMissing) {
  std::string twice = good_;
  twice.insert(1, "\"format\": 1,");
  refused(twice, {"twice"});
  refused(with("/more", 1), {"more"});
  refused(with("/layers/0/config/allow_tf32", true), {"allow_tf32"});
  refused(with("/device/compute_capability", {9, 0}), {"compute_capability"});
  for (const char* key : {"format", "kernels", "gavotte", "device", "layers", "maps", "cost_model"})
    refused(without("", key), {key});
  const Json good = Json::parse(good_);
  for (const char* object :
       {"/device", "/layers/0", "/layers/0/config", "/maps/0", "/maps/0/config", "/cost_model/0"})
    for (const auto& item : good[Json::json_pointer(object)].items())
      refused(without(object, item.key().c_str()), {item.key().c_str()});
}

TEST_F(HostileConfig, WrongTypes) {
  const Json good = Json::parse(good_);
  for (const char* object : {"", "/device", "/layers/0", "/layers/0/config", "/maps/0",
                             "/maps/0/config", "/cost_model/0"})
    for (const auto& item : good[Json::json_pointer(object)].items()) {
      const std::string place = std::string(object) + "/" + item.key();
      const Json wrong = item.value().is_string() ? Json(7) : Json("seven");
      refused(with(place.c_str(), wrong), {item.key().c_str()});
      refused(with(place.c_str(), nullptr), {item.key().c_str()});
    }
}

TEST_F(HostileConfig, HugeNegativeAndFractionalNumbers) {
  const auto number = [&](const char* key, const std::string& value) {
    std::string text = Json::parse(good_).dump();
    const std::string head = "\"" + std::string(key) + "\":";
    const std::size_t begin = text.find(head) + head.size();
    EXPECT_LT(begin, text.size());
    text.replace(begin, text.find_first_of(",}", begin) - begin, value);
    refused(text);
  };
  for (const char* key : {"rows", "pairs", "in_channels", "groups", "samples", "tile_rows",
                          "threads", "units", "cache_bytes", "format", "kernels"})
    for (const char* value : {"-1", "99999999999999999999999", "9223372036854775807", "1.5",
                              "18446744073709551615", "1e400"})
      number(key, value);
  for (const char* key :
       {"ms", "default_ms", "noise", "clock_mhz", "error", "padding_threshold", "launch_cost_rows"})
    for (const char* value : {"-1", "1e400", "NaN", "-0.001", "Infinity"}) number(key, value);
}

TEST_F(HostileConfig, ValuesOutOfTheirMeaning) {
  refused(with("/layers/0/config/dataflow", "magic"), {"dataflow", "magic"});
  refused(with("/layers/0/config/dataflow", "minuet"), {"minuet"});
  refused(with("/layers/0/dtype", "float8"), {"float8"});
  refused(with("/layers/0/direction", "sideways"), {"sideways"});
  refused(with("/layers/0/kernel", ""), {"kernel"});
  refused(with("/layers/0/kernel", std::string(100'000, 'k')), {"256"});
  refused(with("/layers/0/config/tile_rows", 1 << 21), {"tile_rows"});
  refused(with("/maps/0/config/threads", 33), {"32"});
  refused(with("/cost_model/0/ns", Json::array({-1})), {"ns"});
  refused(with("/cost_model/0/ns", std::vector<int>(17, 1)), {"16"});
  refused(with("/device/kind", "abacus"), {"abacus"});
  const Json layer = Json::parse(good_)["layers"][0];
  refused(with("/layers/1", layer), {"layers[1]", "one entry"});
  refused(with("/layers", std::vector<int>(20'001, 0)), {"20000"});
}

TEST_F(HostileConfig, OtherVersionsAndOtherDevices) {
  refused(with("/format", 2), {"format 2", "newer", "update"});
  refused(with("/kernels", 999), {"999", "tune anew"});
  // A later format may hold anything.
  refused("{\"format\": 7, \"stanzas\": {}}", {"format 7"});
  Json other = Json::parse(good_);
  other["device"]["name"] = "Another CPU";
  const std::string a = folder_.write("a.json", good_);
  const std::string b = folder_.write("b.json", other.dump());
  const Outcome merged = gavotte({"config", "merge", a, b, "-o", a});
  EXPECT_EQ(complaint_problem(merged), "");
  EXPECT_NE(merged.err.find("Another CPU"), std::string::npos) << merged.err;
  EXPECT_EQ(read_file(a), good_);
}

}  // namespace
}  // namespace gavotte::test
