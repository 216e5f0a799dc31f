// The loops of batch norm, compiled for each target of Highway; the exported functions at the end choose one at run time.
//
// Sums are float32 over the rows of a block, float64 over the blocks. A block's deviations are summed from the block's own
// mean, while its rows are in the first-level cache, and blocks are joined as Chan, Golub and LeVeque do ("Updating
// formulae and a pairwise algorithm for computing sample variances", 1979): memory is read once, and a mean far from zero
// costs no digits.
#include "cpu/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/simd/norm_rows.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h

#include <hwy/highway.h>

#include <algorithm>
#include <vector>

#include "cpu/simd/columns-inl.h"
#include "cpu/simd/epilogue-inl.h"
#include "cpu/simd/norm_rows.h"
#include "cpu/simd/storage-inl.h"
#include "cpu/simd/unroll.h"

HWY_BEFORE_NAMESPACE();
namespace gavotte::internal::cpu::HWY_NAMESPACE {

// Rows of a block: 16 KiB of them, and as many as a sum in float32 may have.
constexpr std::int64_t kBlockBytes = 16 * 1024, kFewestRows = 16, kMostRows = 256;

template <class Storage>
std::int64_t block_rows(std::int64_t channels) {
  constexpr auto size = static_cast<std::int64_t>(sizeof(typename Storage::Accumulator));
  return std::clamp(kBlockBytes / std::max<std::int64_t>(channels * size, 1), kFewestRows,
                    kMostRows);
}

// Calls body(first, count) for the blocks of so many rows.
template <class Storage, class Body>
HWY_INLINE void for_blocks(const NormShape& shape, Body&& body) {
  const std::int64_t rows = block_rows<Storage>(shape.channels);
  for (std::int64_t first = 0; first < shape.rows; first += rows)
    body(first, std::min(rows, shape.rows - first));
}

template <class Storage>
void measure_all(const NormShape& shape, const void* x, double* mean, double* squares) {
  using T = typename Storage::Accumulator;
  const std::int64_t channels = shape.channels;
  std::fill_n(mean, channels, 0.0);
  std::fill_n(squares, channels, 0.0);
  std::vector<T> of_block(static_cast<std::size_t>(3 * channels));
  T *const near = of_block.data(), *const rest = near + channels, *const square = rest + channels;
  for_blocks<Storage>(shape, [&](std::int64_t first, std::int64_t count) HWY_ATTR {
    const auto* const from = elements<Storage>(x) + first * channels;
    for_columns<T>(channels, [&]<int vectors>(auto d, std::int64_t c) HWY_ATTR {
      const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
      hn::Vec<decltype(d)> sum[vectors], squared[vectors], centre[vectors];
      GAVOTTE_UNROLL
      for (int v = 0; v < vectors; ++v) sum[v] = hn::Zero(d);
      for (std::int64_t row = 0; row < count; ++row) {
        GAVOTTE_UNROLL
        for (int v = 0; v < vectors; ++v)
          sum[v] = hn::Add(sum[v], Storage::load(d, from + row * channels + c + v * lanes));
      }
      const auto one_of = hn::Set(d, static_cast<T>(1.0 / static_cast<double>(count)));
      GAVOTTE_UNROLL
      for (int v = 0; v < vectors; ++v) {
        centre[v] = hn::Mul(sum[v], one_of);
        sum[v] = squared[v] = hn::Zero(d);
      }
      for (std::int64_t row = 0; row < count; ++row) {
        GAVOTTE_UNROLL
        for (int v = 0; v < vectors; ++v) {
          const auto away =
              hn::Sub(Storage::load(d, from + row * channels + c + v * lanes), centre[v]);
          sum[v] = hn::Add(sum[v], away);
          squared[v] = hn::MulAdd(away, away, squared[v]);
        }
      }
      GAVOTTE_UNROLL
      for (int v = 0; v < vectors; ++v) {
        hn::StoreU(centre[v], d, near + c + v * lanes);
        hn::StoreU(sum[v], d, rest + c + v * lanes);
        hn::StoreU(squared[v], d, square + c + v * lanes);
      }
    });
    const auto of_before = static_cast<double>(first), of_rows = static_cast<double>(count);
    const double share = of_rows / (of_before + of_rows);
    for (std::int64_t c = 0; c < channels; ++c) {
      const double off = static_cast<double>(rest[c]) / of_rows;
      const double away = static_cast<double>(near[c]) + off - mean[c];
      mean[c] += away * share;
      squares[c] += static_cast<double>(square[c]) - off * static_cast<double>(rest[c]) +
                    away * away * of_before * share;
    }
  });
}

// What a normalised channel is made with, in registers.
template <class D>
struct Channel {
  hn::Vec<D> mean, factor, shift;

  HWY_INLINE Channel(D d, const Normalise& how, std::int64_t c) {
    using T = hn::TFromD<D>;
    mean = hn::LoadU(d, static_cast<const T*>(how.mean) + c);
    factor = hn::LoadU(d, static_cast<const T*>(how.factor) + c);
    shift = hn::LoadU(d, static_cast<const T*>(how.shift) + c);
  }
  // The same on the way forward and for the mask on the way back, bit for bit.
  HWY_INLINE hn::Vec<D> value(hn::Vec<D> away) const { return hn::MulAdd(away, factor, shift); }
};

template <class Storage, bool relu, bool adds>
void normalise_all(const NormShape& shape, const void* x, const void* residual,
                   const Normalise& how, void* y) {
  using T = typename Storage::Accumulator;
  const std::int64_t channels = shape.channels;
  const auto* from = elements<Storage>(x);
  const auto* added = elements<Storage>(residual);
  auto* to = static_cast<typename Storage::Element*>(y);
  for (std::int64_t row = 0; row < shape.rows; ++row) {
    for_channels<T>(0, channels, [&](auto d, std::int64_t c) HWY_ATTR {
      const Channel<decltype(d)> channel(d, how, c);
      auto value = channel.value(hn::Sub(Storage::load(d, from + c), channel.mean));
      if constexpr (adds) value = hn::Add(value, Storage::load(d, added + c));
      if constexpr (relu) value = activate<Activation::relu>(d, value, 0.0);
      Storage::store(d, value, to + c);
    });
    from += channels, to += channels;
    if constexpr (adds) added += channels;
  }
}

// The largest value that is stored as 0: half of the least that a dtype has.
template <class Storage>
constexpr typename Storage::Accumulator kStoredAsZero = 0;
template <>
constexpr float kStoredAsZero<Float16Storage> = 0x1p-25F;
template <>
constexpr float kStoredAsZero<BFloat16Storage> = 0x1p-134F;

// grad where the ReLU let the value pass: where the value, or what is stored of it, is not 0.
template <ReluMask mask, class Storage, class D>
HWY_INLINE hn::Vec<D> behind(D d, hn::Vec<D> grad, hn::Vec<D> value) {
  if constexpr (mask == ReluMask::none) return grad;
  const auto zero = mask == ReluMask::of_x ? hn::Set(d, kStoredAsZero<Storage>) : hn::Zero(d);
  return hn::IfThenElse(hn::Le(value, zero), hn::Zero(d), grad);
}

template <class Storage, ReluMask mask>
void sum_all(const NormShape& shape, const SumGradients& args) {
  using T = typename Storage::Accumulator;
  const std::int64_t channels = shape.channels;
  std::fill_n(args.sums, channels, 0.0);
  std::fill_n(args.products, channels, 0.0);
  std::vector<T> of_block(static_cast<std::size_t>(2 * channels));
  T *const sums = of_block.data(), *const products = sums + channels;
  for_blocks<Storage>(shape, [&](std::int64_t first, std::int64_t count) HWY_ATTR {
    const auto* const grads = elements<Storage>(args.grad_y) + first * channels;
    const auto* const from = elements<Storage>(args.x) + first * channels;
    const auto* const passed =
        mask == ReluMask::of_y ? elements<Storage>(args.y) + first * channels : nullptr;
    auto* const masked =
        args.masked != nullptr
            ? static_cast<typename Storage::Element*>(args.masked) + first * channels
            : nullptr;
    for_columns<T>(channels, [&]<int vectors>(auto d, std::int64_t c) HWY_ATTR {
      using Part = Channel<decltype(d)>;
      const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
      hn::Vec<decltype(d)> sum[vectors], product[vectors];
      GAVOTTE_UNROLL
      for (int v = 0; v < vectors; ++v) sum[v] = product[v] = hn::Zero(d);
      for (std::int64_t row = 0; row < count; ++row) {
        GAVOTTE_UNROLL
        for (int v = 0; v < vectors; ++v) {
          const std::int64_t column = c + v * lanes, i = row * channels + column;
          const Part channel(d, args.forward, column);
          const auto away = hn::Sub(Storage::load(d, from + i), channel.mean);
          auto grad = Storage::load(d, grads + i);
          if constexpr (mask == ReluMask::of_x)
            grad = behind<mask, Storage>(d, grad, channel.value(away));
          if constexpr (mask == ReluMask::of_y) {
            grad = behind<mask, Storage>(d, grad, Storage::load(d, passed + i));
            Storage::store(d, grad, masked + i);
          }
          sum[v] = hn::Add(sum[v], grad);
          product[v] = hn::MulAdd(grad, away, product[v]);
        }
      }
      GAVOTTE_UNROLL
      for (int v = 0; v < vectors; ++v) {
        hn::StoreU(sum[v], d, sums + c + v * lanes);
        hn::StoreU(product[v], d, products + c + v * lanes);
      }
    });
    for (std::int64_t c = 0; c < channels; ++c) {
      args.sums[c] += static_cast<double>(sums[c]);
      args.products[c] += static_cast<double>(products[c]);
    }
  });
}

template <class Storage, ReluMask mask>
void spread_all(const NormShape& shape, const SpreadGradients& args) {
  using T = typename Storage::Accumulator;
  const std::int64_t channels = shape.channels;
  const auto* grads = elements<Storage>(args.grad_y);
  const auto* from = elements<Storage>(args.x);
  auto* to = static_cast<typename Storage::Element*>(args.grad_x);
  for (std::int64_t row = 0; row < shape.rows; ++row) {
    for_channels<T>(0, channels, [&](auto d, std::int64_t c) HWY_ATTR {
      const Channel<decltype(d)> channel(d, args.forward, c);
      const auto away = hn::Sub(Storage::load(d, from + c), channel.mean);
      const auto grad = behind<mask, Storage>(d, Storage::load(d, grads + c), channel.value(away));
      const auto slope = hn::LoadU(d, static_cast<const T*>(args.slope) + c);
      const auto offset = hn::LoadU(d, static_cast<const T*>(args.offset) + c);
      const auto value = hn::MulAdd(grad, channel.factor, hn::MulAdd(away, slope, offset));
      Storage::store(d, value, to + c);
    });
    grads += channels, from += channels, to += channels;
  }
}

void measure(const NormShape& shape, const void* x, double* mean, double* squares) {
  with_storage(shape.dtype,
               [&](auto storage) { measure_all<decltype(storage)>(shape, x, mean, squares); });
}

void normalise(const NormShape& shape, const void* x, const void* residual, const Normalise& how,
               void* y) {
  with_storage(shape.dtype, [&](auto storage) {
    using Storage = decltype(storage);
    if (how.relu)
      return residual != nullptr ? normalise_all<Storage, true, true>(shape, x, residual, how, y)
                                 : normalise_all<Storage, true, false>(shape, x, x, how, y);
    return residual != nullptr ? normalise_all<Storage, false, true>(shape, x, residual, how, y)
                               : normalise_all<Storage, false, false>(shape, x, x, how, y);
  });
}

void sum_grads(const NormShape& shape, const SumGradients& args) {
  with_storage(shape.dtype, [&](auto storage) {
    using Storage = decltype(storage);
    switch (args.mask) {
      case ReluMask::none:
        return sum_all<Storage, ReluMask::none>(shape, args);
      case ReluMask::of_x:
        return sum_all<Storage, ReluMask::of_x>(shape, args);
      case ReluMask::of_y:
        return sum_all<Storage, ReluMask::of_y>(shape, args);
    }
  });
}

void spread_grads(const NormShape& shape, const SpreadGradients& args) {
  with_storage(shape.dtype, [&](auto storage) {
    using Storage = decltype(storage);
    return args.mask == ReluMask::of_x ? spread_all<Storage, ReluMask::of_x>(shape, args)
                                       : spread_all<Storage, ReluMask::none>(shape, args);
  });
}

}  // namespace gavotte::internal::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gavotte::internal::cpu {

HWY_EXPORT(measure);
HWY_EXPORT(normalise);
HWY_EXPORT(sum_grads);
HWY_EXPORT(spread_grads);

void measure_rows(const NormShape& shape, const void* x, double* mean, double* squares) {
  HWY_DYNAMIC_DISPATCH(measure)(shape, x, mean, squares);
}
void normalise_rows(const NormShape& shape, const void* x, const void* residual,
                    const Normalise& how, void* y) {
  HWY_DYNAMIC_DISPATCH(normalise)(shape, x, residual, how, y);
}
void sum_gradients(const NormShape& shape, const SumGradients& args) {
  HWY_DYNAMIC_DISPATCH(sum_grads)(shape, args);
}
void spread_gradients(const NormShape& shape, const SpreadGradients& args) {
  HWY_DYNAMIC_DISPATCH(spread_grads)(shape, args);
}

}  // namespace gavotte::internal::cpu
#endif  // HWY_ONCE
