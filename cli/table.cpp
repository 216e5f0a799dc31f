// Layout of a table: widths first, then lines.
#include "table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <stdexcept>

namespace gavotte::cli {
namespace {

// Terminal cells of UTF-8 text, one for each code point.
std::size_t width(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

void append_cell(std::string& line, const std::string& text, std::size_t cells, Align align) {
  const std::string pad(cells - width(text), ' ');
  line += align == Align::right ? pad + text : text + pad;
}

void end_line(std::string& out, std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  out += line + "\n";
}

}  // namespace

void Table::add_row(std::vector<std::string> cells) {
  if (cells.size() > columns_.size())
    throw std::invalid_argument("table row has more cells than columns");
  cells.resize(columns_.size());
  rows_.push_back(std::move(cells));
}

void Table::add_rule() { rows_.emplace_back(); }

std::string Table::to_string() const {
  std::vector<std::size_t> widths;
  bool units = false;
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    std::size_t cells = std::max(width(columns_[c].head), width(columns_[c].unit));
    for (const auto& row : rows_) {
      if (!row.empty()) cells = std::max(cells, width(row[c]));
    }
    widths.push_back(cells);
    units = units || !columns_[c].unit.empty();
  }
  const std::string gap = "  ";
  std::string out;
  const auto add_line = [&](auto&& cell) {
    std::string line;
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      if (c > 0) line += gap;
      append_cell(line, cell(c), widths[c], columns_[c].align);
    }
    end_line(out, std::move(line));
  };
  const auto add_rule = [&] {
    std::size_t total = gap.size() * (columns_.size() - 1);
    for (const std::size_t cells : widths) total += cells;
    out += std::string(total, '-') + "\n";
  };
  add_line([&](std::size_t c) { return columns_[c].head; });
  if (units) add_line([&](std::size_t c) { return columns_[c].unit; });
  add_rule();
  for (const auto& row : rows_) {
    if (row.empty()) {
      add_rule();
    } else {
      add_line([&](std::size_t c) { return row[c]; });
    }
  }
  return out;
}

std::string with_commas(long long value) {
  std::string digits = std::to_string(value);
  const std::ptrdiff_t first = digits.front() == '-' ? 1 : 0;
  for (std::ptrdiff_t at = std::ssize(digits) - 3; at > first; at -= 3) {
    digits.insert(static_cast<std::size_t>(at), 1, ',');
  }
  return digits;
}

std::string human_bytes(double bytes) {
  constexpr std::array kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  while (bytes >= 1024 && unit + 1 < kUnits.size()) {
    bytes /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{:.0f} B", bytes) : fmt::format("{:.1f} {}", bytes, kUnits[unit]);
}

std::string short_layer_name(const std::string& fused) {
  std::size_t plus = fused.find('+');
  std::string text = fused.substr(0, plus);
  while (plus != std::string::npos) {
    const std::size_t next = fused.find('+', plus + 1);
    const std::string part =
        fused.substr(plus + 1, next == std::string::npos ? next : next - plus - 1);
    text += " +" + part.substr(part.rfind('.') + 1);
    plus = next;
  }
  return text;
}

}  // namespace gavotte::cli
