// Recursive descent: sum = product {+|- product}; product = factor {*|/ factor}; factor = number, symbol, -factor or
// a sum in parentheses.
#include "manifest/formula.h"

#include <charconv>
#include <cmath>

#include "check.h"

namespace gavotte::internal {
namespace {

constexpr double kMostCount = 4503599627370496.0;  // 2^52
constexpr int kMostDepth = 64;                     // of parentheses and signs

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

class Reader {
 public:
  Reader(std::string_view text, const Symbols& symbols, const std::string& where)
      : text_(text), symbols_(symbols), where_(where) {}

  double value() {
    const double value = sum(0);
    if (peek() != '\0') fail("an operator");
    GAVOTTE_CHECK(std::isfinite(value), where_ + ": expected a formula with a finite value, got '" +
                                            std::string(text_.substr(0, 80)) + "'");
    return value;
  }

 private:
  [[noreturn]] void fail(const char* expected) const {
    GAVOTTE_CHECK(false, where_ + ": expected " + expected + " at character " +
                             std::to_string(at_) + " of the formula '" +
                             std::string(text_.substr(0, 80)) + "'");
    throw;  // not reached
  }
  char peek() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool take(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }

  double sum(int depth) {
    double value = product(depth);
    while (true) {
      if (take('+')) {
        value += product(depth);
      } else if (take('-')) {
        value -= product(depth);
      } else {
        return value;
      }
    }
  }
  double product(int depth) {
    double value = factor(depth);
    while (true) {
      if (take('*')) {
        value *= factor(depth);
      } else if (take('/')) {
        value /= factor(depth);
      } else {
        return value;
      }
    }
  }
  double factor(int depth) {
    if (depth > kMostDepth) fail("less nesting");
    if (take('-')) return -factor(depth + 1);
    if (take('(')) {
      const double value = sum(depth + 1);
      if (!take(')')) fail("')'");
      return value;
    }
    const char first = peek();
    if (is_letter(first)) return symbol();
    if (!is_digit(first)) fail("a number or a symbol");
    double value = 0;
    const auto [end, error] =
        std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
    if (error != std::errc()) fail("a number");
    at_ = static_cast<std::size_t>(end - text_.data());
    return value;
  }
  double symbol() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && (is_letter(text_[at_]) || is_digit(text_[at_]))) ++at_;
    const auto found = symbols_.find(std::string(text_.substr(begin, at_ - begin)));
    if (found == symbols_.end() || !found->second.v) {
      at_ = begin;
      fail("a symbol of the run");
    }
    return static_cast<double>(*found->second.v);
  }

  std::string_view text_;
  const Symbols& symbols_;
  const std::string& where_;
  std::size_t at_ = 0;
};

}  // namespace

double evaluate(std::string_view formula, const Symbols& symbols, const std::string& where) {
  return Reader(formula, symbols, where).value();
}

std::int64_t evaluate_count(std::string_view formula, const Symbols& symbols,
                            const std::string& where) {
  const double value = evaluate(formula, symbols, where);
  GAVOTTE_CHECK(value >= 0 && value <= kMostCount && value == std::floor(value),
                where + ": expected a formula of a whole number from 0 to 2^52, got '" +
                    std::string(formula.substr(0, 80)) + "' = " + std::to_string(value));
  return static_cast<std::int64_t>(value);
}

}  // namespace gavotte::internal
