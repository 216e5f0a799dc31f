#include "cpu/loan.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace gavotte::internal::cpu {
namespace {

constexpr std::int64_t kAlignment = 64;

thread_local Loan* current = nullptr;

}  // namespace

Loan::Loan(std::span<std::byte> memory) noexcept
    : begin_(memory.data()),
      size_(static_cast<std::int64_t>(memory.size())),
      outer_(std::exchange(current, this)) {}

Loan::~Loan() { current = outer_; }

Loan* Loan::of_this_thread() noexcept { return current; }

std::int64_t Loan::take(std::int64_t bytes) noexcept {
  last_ = used_;
  // One byte at least, so that no two begin at one place.
  used_ += (std::max<std::int64_t>(bytes, 1) + kAlignment - 1) / kAlignment * kAlignment;
  wanted_ = std::max(wanted_, used_);
  ++out_;
  return last_;
}

void Loan::give_back(std::int64_t begin) noexcept {
  --out_;
  if (out_ == 0) used_ = 0;
  if (begin == last_) used_ = begin;
}

Tensor borrowed_tensor(DType dtype, Shape shape) {
  auto memory = std::make_shared<Borrowed>(shape.elements() * size_bytes(dtype));
  void* const data = memory->as<void>();
  return {std::shared_ptr<void>(std::move(memory), data), dtype, shape, Device::cpu()};
}

}  // namespace gavotte::internal::cpu
