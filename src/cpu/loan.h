// Memory that the caller of an operation lends to it: what the Executor keeps for features serves the map step as
// scratch before features fill it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "cpu/scratch.h"
#include "gavotte/tensor.h"

namespace gavotte::internal::cpu {

/// Lends `memory`, 64-byte aligned or empty, to the Borrowed of this thread until the end of the scope, which all of them must
/// reach first. A loan inside of another hides it.
class Loan {
 public:
  explicit Loan(std::span<std::byte> memory) noexcept;
  ~Loan();
  Loan(const Loan&) = delete;
  Loan& operator=(const Loan&) = delete;

  static Loan* of_this_thread() noexcept;
  /// Where a block of so many bytes begins, a multiple of 64. Refused ones are counted as well.
  std::int64_t take(std::int64_t bytes) noexcept;
  /// The block's address; null where it does not fit: it is refused.
  void* at(std::int64_t begin, std::int64_t bytes) const noexcept {
    return begin + bytes <= size_ ? begin_ + begin : nullptr;
  }
  /// What was taken last is free at once, the rest when all is back.
  void give_back(std::int64_t begin) noexcept;
  /// Bytes that a loan must have so that none would have been refused.
  std::int64_t wanted() const noexcept { return wanted_; }

 private:
  std::byte* begin_;
  std::int64_t size_, used_ = 0, wanted_ = 0, out_ = 0;  ///< Bytes, bytes, bytes, blocks.
  std::int64_t last_ = -1;                               ///< Where what was taken last begins.
  Loan* outer_;
};

/// Scratch from the thread's loan where it has room, else from the pool. Made and ended on one thread.
class Borrowed {
 public:
  Borrowed() = default;
  /// Throws Error (runtime) where there is not enough memory.
  explicit Borrowed(std::int64_t bytes) : loan_(Loan::of_this_thread()) {
    if (loan_ != nullptr) {
      begin_ = loan_->take(bytes);
      lent_ = loan_->at(begin_, bytes);
    }
    if (lent_ == nullptr) own_ = Scratch(bytes);
  }
  Borrowed(Borrowed&& other) noexcept { *this = std::move(other); }
  Borrowed& operator=(Borrowed&& other) noexcept {
    std::swap(loan_, other.loan_);
    std::swap(begin_, other.begin_);
    std::swap(lent_, other.lent_);
    own_ = std::move(other.own_);
    return *this;
  }
  ~Borrowed() {
    if (loan_ != nullptr) loan_->give_back(begin_);
  }

  template <class T>
  T* as() const {
    return lent_ != nullptr ? static_cast<T*>(lent_) : own_.as<T>();
  }
  /// Whether a loan is open: what outlives the call then takes memory of its own size.
  bool under_loan() const noexcept { return loan_ != nullptr; }
  /// The memory, where no loan is open.
  Scratch keep() && { return std::move(own_); }

 private:
  Loan* loan_ = nullptr;
  std::int64_t begin_ = 0;
  void* lent_ = nullptr;
  Scratch own_;
};

/// A tensor over borrowed memory, which must end before the loan does.
Tensor borrowed_tensor(DType dtype, Shape shape);

}  // namespace gavotte::internal::cpu
