// A table for people: columns as wide as they need to be, numbers to the right.
#pragma once

#include <string>
#include <vector>

namespace gavotte::cli {

enum class Align { left, right };

class Table {
 public:
  struct Column {
    std::string head;
    std::string unit = {};  ///< Second line of the head; a table without units has one line.
    Align align = Align::right;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// One cell a column; missing ones are empty. Throws std::invalid_argument for too many.
  void add_row(std::vector<std::string> cells);
  /// A line across the table before the next row.
  void add_rule();
  std::string to_string() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;  ///< An empty row is a rule.
};

/// 1234567 -> "1,234,567".
std::string with_commas(long long value);

/// Bytes with a binary unit: "512 B", "1.5 MiB".
std::string human_bytes(double bytes);

/// Fused layers, "block.conv+block.bn+block.relu", in short: "block.conv +bn +relu".
std::string short_layer_name(const std::string& fused);

}  // namespace gavotte::cli
