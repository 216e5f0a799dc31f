// The Stage of wgrad_tiles-inl.h with AVX-512. Included behind that, in a namespace that is compiled for it.

class VectorStage {
 public:
  // Registers of four rows' 8 channels are transposed within their quarters, so that no shuffle crosses those.
  static void transpose(const Row* rows, std::int64_t first, std::int64_t channels, std::byte* to,
                        std::int64_t tile_stride) {
    const auto place = [&](std::int64_t c) { return to + c / 16 * tile_stride + c % 16 * 64; };
    std::int64_t c = 0;
    for (; c + 8 <= channels; c += 8) transpose_eight(rows, first + c, AllChannels{}, place(c));
    if (c < channels) {
      transpose_eight(rows, first + c, FirstChannels{channels - c}, place(c));
      c += 8;
    }
    if (c % 16 != 0) std::memset(place(c), 0, 8 * 64);
  }

  static void pair(const Row* rows, std::int64_t channels, std::byte* to,
                   std::int64_t tile_stride) {
    std::int64_t c = 0;
    for (; c + 16 < channels; c += 32, to += 2 * tile_stride) {
      const auto some = static_cast<__mmask32>(first_bits(channels - c));
      for (int j = 0; j < 16; ++j) {
        const __m512i a = _mm512_maskz_loadu_epi16(some, rows[2 * j] + c);
        const __m512i b = _mm512_maskz_loadu_epi16(some, rows[2 * j + 1] + c);
        _mm512_store_si512(to + j * 64, _mm512_unpacklo_epi16(a, b));
        _mm512_store_si512(to + tile_stride + j * 64, _mm512_unpackhi_epi16(a, b));
      }
    }
    if (c >= channels) return;
    const auto some = static_cast<__mmask16>(first_bits(channels - c));
    for (int j = 0; j < 16; ++j) {
      const __m512i a = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(some, rows[2 * j] + c));
      const __m512i b = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(some, rows[2 * j + 1] + c));
      _mm512_store_si512(to + j * 64, _mm512_or_si512(a, _mm512_slli_epi32(b, 16)));
    }
  }

 private:
  static std::uint32_t first_bits(std::int64_t count) {
    return count >= 32 ? ~0U : (1U << count) - 1;
  }

  struct AllChannels {
    HWY_INLINE __m128i load(Row from) const {
      return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    }
  };
  struct FirstChannels {
    std::int64_t count;
    HWY_INLINE __m128i load(Row from) const {
      return _mm_maskz_loadu_epi16(static_cast<__mmask8>(first_bits(count)), from);
    }
  };

  // Channels c to c + 8 of 32 rows to as many rows of 64 bytes.
  template <class Channels>
  HWY_INLINE static void transpose_eight(const Row* rows, std::int64_t c, Channels channels,
                                         std::byte* to) {
    __m512i row[8], two[8], four[8];
    GAVOTTE_UNROLL
    for (int j = 0; j < 8; ++j) {
      row[j] = _mm512_castsi128_si512(channels.load(rows[j] + c));
      row[j] = _mm512_inserti32x4(row[j], channels.load(rows[j + 8] + c), 1);
      row[j] = _mm512_inserti32x4(row[j], channels.load(rows[j + 16] + c), 2);
      row[j] = _mm512_inserti32x4(row[j], channels.load(rows[j + 24] + c), 3);
    }
    GAVOTTE_UNROLL
    for (int j = 0; j < 8; j += 2) {
      two[j] = _mm512_unpacklo_epi16(row[j], row[j + 1]);  // channels 0 to 3 of two rows
      two[j + 1] = _mm512_unpackhi_epi16(row[j], row[j + 1]);
    }
    GAVOTTE_UNROLL
    for (int j = 0; j < 8; j += 4) {
      GAVOTTE_UNROLL
      for (int half = 0; half < 2; ++half) {  // of four rows, channels 4 half and 4 half + 1
        four[j + 2 * half] = _mm512_unpacklo_epi32(two[j + half], two[j + 2 + half]);
        four[j + 2 * half + 1] = _mm512_unpackhi_epi32(two[j + half], two[j + 2 + half]);
      }
    }
    GAVOTTE_UNROLL
    for (int j = 0; j < 4; ++j) {
      _mm512_store_si512(to + 2 * j * 64, _mm512_unpacklo_epi64(four[j], four[j + 4]));
      _mm512_store_si512(to + (2 * j + 1) * 64, _mm512_unpackhi_epi64(four[j], four[j + 4]));
    }
  }
};
