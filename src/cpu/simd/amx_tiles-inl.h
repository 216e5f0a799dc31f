// The tiles of AMX as C++: what indirect_tiles-inl.h and its like take for Tiles. Included in an anonymous namespace, by
// files that include <cstddef>, <cstdint>, <type_traits>, <immintrin.h> and <hwy/base.h> before, for AVX-512.

// What LDTILECFG reads.
struct alignas(64) TileConfiguration {
  std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
  std::uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
static_assert(sizeof(TileConfiguration) == 64);
inline constexpr TileConfiguration kConfiguration;

// One wrapper an instruction. The assembler's form, since the intrinsics of g++ do not tell the compiler that memory is
// read and written. Other code of the thread may use tiles, too: nothing is expected of their configuration before, and
// none is left behind.
class Tiles {
 public:
  HWY_INLINE Tiles() { asm volatile("ldtilecfg %0" : : "m"(kConfiguration) : "memory"); }
  // Rows of tile 6 have 4 * `rows` bytes, tile 7 has so many rows.
  HWY_INLINE explicit Tiles(int rows) {
    TileConfiguration configuration;
    configuration.row_bytes[6] = static_cast<std::uint16_t>(4 * rows);
    configuration.rows[7] = static_cast<std::uint8_t>(rows);
    asm volatile("ldtilecfg %0" : : "m"(configuration) : "memory");
  }
  HWY_INLINE ~Tiles() { asm volatile("tilerelease" : : : "memory"); }
  Tiles(const Tiles&) = delete;
  Tiles& operator=(const Tiles&) = delete;

  template <int t>
  HWY_INLINE void zero() {
    asm volatile("tilezero %%tmm%c0" : : "i"(t));
  }
  template <int t>
  HWY_INLINE void load(const void* from, std::int64_t row_bytes) {
    asm volatile("tileloadd (%0,%1,1), %%tmm%c2" : : "r"(from), "r"(row_bytes), "i"(t) : "memory");
  }
  template <int t>
  HWY_INLINE void store(void* to, std::int64_t row_bytes) {
    asm volatile("tilestored %%tmm%c2, (%0,%1,1)" : : "r"(to), "r"(row_bytes), "i"(t) : "memory");
  }
  template <class Sum, int c, int a, int b>
  HWY_INLINE void multiply_add() {
    if constexpr (std::is_same_v<Sum, float>) {
      asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(c), "i"(a), "i"(b));
    } else {
      asm volatile("tdpbusd %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(c), "i"(a), "i"(b));
    }
  }

  static HWY_INLINE void copy_row(const std::byte* from, std::byte* to) {
    _mm512_store_si512(to, _mm512_loadu_si512(from));
  }
  static HWY_INLINE void copy_row(const std::byte* from, std::int64_t bytes, std::byte* to) {
    const std::uint64_t some = (std::uint64_t{1} << bytes) - 1;
    _mm512_store_si512(to, _mm512_maskz_loadu_epi8(some, from));
  }
  static HWY_INLINE void copy_row(const std::byte* from, std::int64_t skipped, std::int64_t bytes,
                                  std::byte* to) {
    const std::uint64_t some = (~std::uint64_t{0} >> (64 - bytes)) >> skipped << skipped;
    _mm512_store_si512(to, _mm512_maskz_loadu_epi8(some, from));
  }
  static HWY_INLINE void copy_half(const std::byte* from, std::byte* to) {
    _mm512_store_si512(to, _mm512_maskz_loadu_epi64(0x0f, from));
  }
  static HWY_INLINE void copy_into_half(const std::byte* from, std::byte* to) {
    _mm256_store_si256(reinterpret_cast<__m256i*>(to),
                       _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
  }
  static HWY_INLINE void add_row(const std::byte* sums, const float*, float* y) {
    _mm512_storeu_ps(y, _mm512_add_ps(_mm512_loadu_ps(y), _mm512_load_ps(sums)));
  }
  static HWY_INLINE void add_row(const std::byte* sums, const std::int32_t* added,
                                 std::int32_t* y) {
    __m512i row = _mm512_load_si512(sums);
    if (added != nullptr) row = _mm512_add_epi32(row, _mm512_loadu_si512(added));
    _mm512_storeu_si512(y, _mm512_add_epi32(_mm512_loadu_si512(y), row));
  }
  static HWY_INLINE void add_row(const std::byte* sums, const float*, bool first, float* y,
                                 std::int64_t columns) {
    const auto some = static_cast<__mmask16>((1U << columns) - 1);
    __m512 row = _mm512_load_ps(sums);
    if (!first) row = _mm512_add_ps(_mm512_maskz_loadu_ps(some, y), row);
    _mm512_mask_storeu_ps(y, some, row);
  }
  static HWY_INLINE void add_row(const std::byte* sums, const std::int32_t* added, bool first,
                                 std::int32_t* y, std::int64_t columns) {
    const auto some = static_cast<__mmask16>((1U << columns) - 1);
    __m512i row = _mm512_load_si512(sums);
    if (added != nullptr) row = _mm512_add_epi32(row, _mm512_maskz_loadu_epi32(some, added));
    if (!first) row = _mm512_add_epi32(row, _mm512_maskz_loadu_epi32(some, y));
    _mm512_mask_storeu_epi32(y, some, row);
  }
};
