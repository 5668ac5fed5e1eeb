// The codes of ternary blocks as small integers, and back.
#include "tensor/ternary_codecs_internal.h"

#include <algorithm>

namespace sterna {
namespace {

// Base-3 digits lie in runs of bytes: `count` bytes of `digits` digits, digit n of byte m being weight first + m + count * n, the
// first digit most significant, all scaled by 256/243 so that a product with 3^n shows digit n in its top bits.
struct TritRun {
  int first_byte, count, digits, first;
};
constexpr TritRun kTQ1Runs[] = {{0, 32, 5, 0}, {32, 16, 5, 160}, {48, 4, 4, 240}};
constexpr TritRun kPTQ1Runs[] = {{0, 16, 5, 0}, {16, 8, 5, 80}, {24, 2, 4, 120}};

template <const auto& kRuns>
void UnpackTrits(const std::byte* block, int8_t* values) noexcept {
  for (const TritRun& run : kRuns) {
    for (int m = 0; m < run.count; ++m) {
      auto rest = static_cast<uint8_t>(block[run.first_byte + m]);
      for (int n = 0; n < run.digits; ++n) {
        values[run.first + m + run.count * n] = static_cast<int8_t>((rest * 3 >> 8) - 1);
        rest = static_cast<uint8_t>(rest * 3);
      }
    }
  }
}

std::byte ScaledTrits(int number) noexcept {
  return static_cast<std::byte>((number * 256 + 242) / 243);
}

template <const auto& kRuns>
void PackTrits(const int8_t* values, std::byte* block) noexcept {
  for (const TritRun& run : kRuns) {
    for (int m = 0; m < run.count; ++m) {
      int number = 0;  // five base-3 digits; the fifth is 0 where a byte holds four
      for (int n = 0; n < 5; ++n) number = number * 3 + (n < run.digits ? values[run.first + m + run.count * n] + 1 : 0);
      block[run.first_byte + m] = ScaledTrits(number);
    }
  }
}

// 2-bit codes: the four of one byte are `stride` weights apart, a run of `stride` bytes holds 4 * stride weights; the first code in
// the lowest or in the highest bits.
template <int kElements, int kFirstByte, int kStride, bool kFirstIsHighest>
void UnpackCrumbs(const std::byte* block, int8_t* values) noexcept {
  // Loops that a compiler turns into vectors: loading a file is mostly this.
  const std::byte* bytes = block + kFirstByte;
  for (int run = 0; run < kElements; run += 4 * kStride, bytes += kStride) {
    for (int place = 0; place < 4; ++place) {
      const int shift = kFirstIsHighest ? 6 - 2 * place : 2 * place;
      for (int j = 0; j < kStride; ++j) {
        values[run + place * kStride + j] = static_cast<int8_t>((static_cast<int>(bytes[j]) >> shift & 3) - 1);
      }
    }
  }
}
template <int kElements, int kFirstByte, int kStride, bool kFirstIsHighest>
void PackCrumbs(const int8_t* values, std::byte* block) noexcept {
  std::fill_n(block + kFirstByte, kElements / 4, std::byte{0});
  for (int j = 0; j < kElements; ++j) {
    const int place = j % (4 * kStride) / kStride;
    block[kFirstByte + j / (4 * kStride) * kStride + j % kStride] |=
        static_cast<std::byte>((values[j] + 1) << (kFirstIsHighest ? 6 - 2 * place : 2 * place));
  }
}

template <int kElements>
void UnpackBits(const std::byte* block, int8_t* values) noexcept {
  for (int j = 0; j < kElements; ++j) {
    values[j] = static_cast<int8_t>(2 * (static_cast<int>(block[2 + j / 8]) >> (j % 8) & 1) - 1);
  }
}
template <int kElements>
void PackBits(const int8_t* values, std::byte* block) noexcept {
  std::fill_n(block + 2, kElements / 8, std::byte{0});
  for (int j = 0; j < kElements; ++j) block[2 + j / 8] |= static_cast<std::byte>((values[j] > 0) << (j % 8));
}

// IQ1_BN: byte 3i + k of the first twelve holds weights 16i + 5k + j, j < 5, with digit weight 3^j; the last byte the four weights
// 16i + 15 with digit weight 3^i.
constexpr int kPowersOfThree[5] = {1, 3, 9, 27, 81};

void UnpackIQ1_BN(const std::byte* block, int8_t* values) noexcept {
  const auto digit = [](std::byte byte, int j) {
    const auto rest = static_cast<uint8_t>(static_cast<int>(byte) * kPowersOfThree[4 - j]);
    return static_cast<int8_t>((rest * 3 >> 8) - 1);
  };
  for (int i = 0; i < 4; ++i) {
    for (int j = 0; j < 15; ++j) values[16 * i + j] = digit(block[3 * i + j / 5], j % 5);
    values[16 * i + 15] = digit(block[12], i);
  }
}
void PackIQ1_BN(const int8_t* values, std::byte* block) noexcept {
  int last = 0;
  for (int i = 0; i < 4; ++i) {
    for (int k = 0; k < 3; ++k) {
      int number = 0;
      for (int j = 0; j < 5; ++j) number += (values[16 * i + 5 * k + j] + 1) * kPowersOfThree[j];
      block[3 * i + k] = ScaledTrits(number);
    }
    last += (values[16 * i + 15] + 1) * kPowersOfThree[i];
  }
  block[12] = ScaledTrits(last);
}

constexpr bool kHighest = true, kLowest = false;
constexpr TernaryBlockCodec kTQ1_0{TernaryScale::kBlock, 256, 54, 52, UnpackTrits<kTQ1Runs>, PackTrits<kTQ1Runs>};
constexpr TernaryBlockCodec kPTQ1_0{TernaryScale::kBlock, 128, 28, 26, UnpackTrits<kPTQ1Runs>, PackTrits<kPTQ1Runs>};
constexpr TernaryBlockCodec kTQ2_0{TernaryScale::kBlock,           256, 66, 64, UnpackCrumbs<256, 0, 32, kLowest>,
                                   PackCrumbs<256, 0, 32, kLowest>};
constexpr TernaryBlockCodec kQ2_0{TernaryScale::kBlock,          64,    18,  0, UnpackCrumbs<64, 2, 1, kLowest>,
                                  PackCrumbs<64, 2, 1, kLowest>, false, true};
constexpr TernaryBlockCodec kPQ2_0{TernaryScale::kBlock,           128,   34,  0, UnpackCrumbs<128, 2, 1, kLowest>,
                                   PackCrumbs<128, 2, 1, kLowest>, false, true};
constexpr TernaryBlockCodec kQ1_0{TernaryScale::kBlock, 128, 18, 0, UnpackBits<128>, PackBits<128>, true};
constexpr TernaryBlockCodec kQ1_0G32{TernaryScale::kBlock, 32, 6, 0, UnpackBits<32>, PackBits<32>, true};
constexpr TernaryBlockCodec kI2_S{TernaryScale::kTensor,           128, 32, 0, UnpackCrumbs<128, 0, 32, kHighest>,
                                  PackCrumbs<128, 0, 32, kHighest>};
constexpr TernaryBlockCodec kI2_SArm{TernaryScale::kTensor,          64, 16, 0, UnpackCrumbs<64, 0, 16, kHighest>,
                                     PackCrumbs<64, 0, 16, kHighest>};
constexpr TernaryBlockCodec kI2_SSequential{TernaryScale::kTensor,        4, 1, 0, UnpackCrumbs<4, 0, 1, kHighest>,
                                            PackCrumbs<4, 0, 1, kHighest>};
constexpr TernaryBlockCodec kIQ1_BN{TernaryScale::kRowF16, 64, 13, 0, UnpackIQ1_BN, PackIQ1_BN};
constexpr TernaryBlockCodec kIQ2_BN{TernaryScale::kRowF32,         64, 16, 0, UnpackCrumbs<64, 0, 16, kLowest>,
                                    PackCrumbs<64, 0, 16, kLowest>};

// IQ2_BN_R4: per 64 columns 64 bytes; byte 4 row + i + 16 l holds columns 16 l + i + {0, 4, 8, 12}.
struct CrumbPlace {
  int64_t byte;
  int shift;
};
CrumbPlace InterleavedCrumb(int64_t row, int64_t col) noexcept {
  const int64_t in_block = col % 64, i = in_block % 4, quarter = in_block % 16 / 4, l = in_block / 16;
  return {col / 64 * 64 + 4 * row + i + 16 * l, static_cast<int>(2 * quarter)};
}

}  // namespace

const TernaryBlockCodec* FindTernaryBlockCodec(DType dtype) noexcept {
  switch (dtype) {
    case DType::kTQ1_0:
      return &kTQ1_0;
    case DType::kTQ2_0:
      return &kTQ2_0;
    case DType::kI2_S:
      return &kI2_S;
    case DType::kI2_SArm:
      return &kI2_SArm;
    case DType::kI2_SSequential:
      return &kI2_SSequential;
    case DType::kIQ1_BN:
      return &kIQ1_BN;
    case DType::kIQ2_BN:
      return &kIQ2_BN;
    case DType::kQ2_0:
      return &kQ2_0;
    case DType::kPQ2_0:
      return &kPQ2_0;
    case DType::kPTQ1_0:
      return &kPTQ1_0;
    case DType::kQ1_0:
      return &kQ1_0;
    case DType::kQ1_0G32:
      return &kQ1_0G32;
    default:
      return nullptr;
  }
}

void UnpackI2_SRows4(const std::byte* group, int64_t cols, int64_t row, int8_t* values) noexcept {
  for (int64_t c = 0; c < cols; ++c) values[c] = static_cast<int8_t>((static_cast<int>(group[c]) >> (6 - 2 * row) & 3) - 1);
}
void PackI2_SRows4(const int8_t* values, int64_t cols, int64_t row, std::byte* group) noexcept {
  for (int64_t c = 0; c < cols; ++c) group[c] |= static_cast<std::byte>((values[c] + 1) << (6 - 2 * row));
}

void UnpackIQ2_BN_R4(const std::byte* group, int64_t cols, int64_t row, int8_t* values) noexcept {
  for (int64_t c = 0; c < cols; ++c) {
    const CrumbPlace place = InterleavedCrumb(row, c);
    values[c] = static_cast<int8_t>((static_cast<int>(group[place.byte]) >> place.shift & 3) - 1);
  }
}
void PackIQ2_BN_R4(const int8_t* values, int64_t cols, int64_t row, std::byte* group) noexcept {
  for (int64_t c = 0; c < cols; ++c) {
    const CrumbPlace place = InterleavedCrumb(row, c);
    group[place.byte] |= static_cast<std::byte>((values[c] + 1) << place.shift);
  }
}

}  // namespace sterna
