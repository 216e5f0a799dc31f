// Recursive descent: sum = product {+|- product}; product = factor {*|/ factor}; factor = number, symbol, -factor, a
// sum in parentheses or a function of one or two of them.
#include "manifest/formula.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <optional>
#include <utility>

#include "check.h"

namespace gavotte::internal {
namespace {

constexpr double kMostCount = 4503599627370496.0;  // 2^52
constexpr int kMostDepth = 64;                     // of parentheses and signs

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Reads a formula into values of an algebra: numbers, or what stands for them.
template <class Algebra>
class Reader {
 public:
  using Value = typename Algebra::Value;
  Reader(std::string_view text, const Algebra& algebra, const std::string& where)
      : text_(text), algebra_(algebra), where_(where) {}

  Value value() {
    Value value = sum(0);
    if (peek() != '\0') fail("an operator");
    GAVOTTE_CHECK(Algebra::finite(value), where_ +
                                              ": expected a formula with a finite value, got '" +
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

  Value sum(int depth) {
    Value value = product(depth);
    while (true) {
      if (take('+')) {
        Algebra::add(value, product(depth), 1);
      } else if (take('-')) {
        Algebra::add(value, product(depth), -1);
      } else {
        return value;
      }
    }
  }
  Value product(int depth) {
    Value value = factor(depth);
    while (true) {
      if (take('*')) {
        if (!Algebra::multiply(value, factor(depth))) fail("one factor without symbols");
      } else if (take('/')) {
        if (!Algebra::divide(value, factor(depth))) fail("a divisor without symbols");
      } else {
        return value;
      }
    }
  }
  Value factor(int depth) {
    if (depth > kMostDepth) fail("less nesting");
    if (take('-')) {
      Value value = factor(depth + 1);
      Algebra::multiply(value, algebra_.number(-1));
      return value;
    }
    if (take('(')) {
      Value value = sum(depth + 1);
      if (!take(')')) fail("')'");
      return value;
    }
    const char first = peek();
    if (is_letter(first)) return name(depth);
    if (!is_digit(first)) fail("a number or a symbol");
    double value = 0;
    const auto [end, error] =
        std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
    if (error != std::errc()) fail("a number");
    at_ = static_cast<std::size_t>(end - text_.data());
    return algebra_.number(value);
  }
  Value function(std::string_view name, int depth) {
    Value value = sum(depth + 1), second = algebra_.number(0);
    if (name == "min" || name == "max") {
      if (!take(',')) fail("','");
      second = sum(depth + 1);
    }
    if (!take(')')) fail("')'");
    if (!Algebra::apply(name, value, second)) fail("a function without symbols");
    return value;
  }
  Value name(int depth) {
    const std::size_t begin = at_;
    while (at_ < text_.size() && (is_letter(text_[at_]) || is_digit(text_[at_]))) ++at_;
    const std::string_view word = text_.substr(begin, at_ - begin);
    if ((word == "min" || word == "max" || word == "ceil" || word == "floor") && take('('))
      return function(word, depth);
    std::optional<Value> value = algebra_.symbol(word);
    if (!value) {
      at_ = begin;
      fail("a symbol of the run");
    }
    return std::move(*value);
  }

  std::string_view text_;
  const Algebra& algebra_;
  const std::string& where_;
  std::size_t at_ = 0;
};

struct Numbers {
  using Value = double;
  const Symbols& symbols;

  static double number(double value) { return value; }
  std::optional<double> symbol(std::string_view name) const {
    const auto found = symbols.find(std::string(name));
    if (found == symbols.end() || !found->second.v) return std::nullopt;
    return static_cast<double>(*found->second.v);
  }
  static bool finite(double value) { return std::isfinite(value); }
  static void add(double& value, double other, int sign) { value += sign * other; }
  static bool multiply(double& value, double other) {
    value *= other;
    return true;
  }
  static bool divide(double& value, double other) {
    value /= other;
    return true;
  }
  static bool apply(std::string_view name, double& value, double other) {
    value = name == "ceil"    ? std::ceil(value)
            : name == "floor" ? std::floor(value)
            : name == "min"   ? std::min(value, other)
                              : std::max(value, other);
    return true;
  }
};

struct LinearForms {
  using Value = LinearForm;
  std::span<const std::string> names;

  LinearForm number(double value) const { return {value, std::vector<double>(names.size(), 0.0)}; }
  std::optional<LinearForm> symbol(std::string_view name) const {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) return std::nullopt;
    LinearForm form = number(0);
    form.of[static_cast<std::size_t>(found - names.begin())] = 1;
    return form;
  }
  static bool finite(const LinearForm& form) {
    return std::isfinite(form.constant) &&
           std::all_of(form.of.begin(), form.of.end(), [](double x) { return std::isfinite(x); });
  }
  static bool is_number(const LinearForm& form) {
    return std::all_of(form.of.begin(), form.of.end(), [](double x) { return x == 0; });
  }
  static void add(LinearForm& form, const LinearForm& other, int sign) { form.add(other, sign); }
  static bool multiply(LinearForm& form, LinearForm other) {
    if (!is_number(other)) std::swap(form, other);
    if (!is_number(other)) return false;
    form.scale(other.constant);
    return true;
  }
  static bool divide(LinearForm& form, const LinearForm& other) {
    if (!is_number(other)) return false;
    form.scale(1 / other.constant);
    return true;
  }
  static bool apply(std::string_view name, LinearForm& form, const LinearForm& other) {
    if (!is_number(form) || !is_number(other)) return false;
    return Numbers::apply(name, form.constant, other.constant);
  }
};

}  // namespace

double evaluate(std::string_view formula, const Symbols& symbols, const std::string& where) {
  const Numbers numbers{symbols};
  return Reader(formula, numbers, where).value();
}

void LinearForm::add(const LinearForm& other, double factor) {
  constant += factor * other.constant;
  for (std::size_t i = 0; i < of.size(); ++i) of[i] += factor * other.of[i];
}

void LinearForm::scale(double factor) {
  constant *= factor;
  for (double& each : of) each *= factor;
}

std::string LinearForm::to_string(std::span<const std::string> names) const {
  std::string text;
  const auto append = [&text](double factor, const std::string& name) {
    if (factor == 0) return;
    char number[40];
    std::snprintf(number, sizeof(number), "%.7g", factor);
    text += (text.empty() ? "" : "+") + std::string(number) + (name.empty() ? "" : "*" + name);
  };
  append(constant, "");
  for (std::size_t i = 0; i < of.size(); ++i) append(of[i], names[i]);
  return text.empty() ? "0" : text;
}

LinearForm linear_form(std::string_view formula, std::span<const std::string> names,
                       const std::string& where) {
  const LinearForms forms{names};
  return Reader(formula, forms, where).value();
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
