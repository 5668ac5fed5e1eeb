// Private to this family's files with ISA flags: independent chains of sums in vector registers, enough of them to hide the latency
// of an addition.
#ifndef STERNA_KERNELS_PROBE_CHAINS_H_
#define STERNA_KERNELS_PROBE_CHAINS_H_

#include <cstdint>
#include <cstring>

namespace sterna {
namespace {

/// Leaves the value, but hides from the compiler which it is: equal chains are not merged, equal products not reused.
template <class Vector>
inline void Hide(Vector& value) noexcept {
#if defined(__aarch64__)
  __asm__ volatile("" : "+w"(value));
#else
  __asm__ volatile("" : "+v"(value));
#endif
}

/// kCount vectors as a recursive member list: unlike an array, every compiler keeps it in registers. Op::Vector is the register,
/// Op::Add(sums, codes, x) one step of a chain.
template <int kCount, class Op>
struct Chains {
  using Vector = typename Op::Vector;

  Vector sums;
  Chains<kCount - 1, Op> rest;

  void Clear(Vector zero) noexcept {
    sums = zero;
    Hide(sums);
    rest.Clear(zero);
  }
  void Add(Vector codes, Vector& x) noexcept {
    sums = Op::Add(sums, codes, x);
    rest.Add(codes, x);
  }
  template <class Visitor>
  void ForEach(Visitor visit) const noexcept {
    visit(sums);
    rest.ForEach(visit);
  }
};

template <class Op>
struct Chains<0, Op> {
  using Vector = typename Op::Vector;

  void Clear(Vector) noexcept {}
  void Add(Vector, Vector&) noexcept {}
  template <class Visitor>
  void ForEach(Visitor) const noexcept {}
};

/// *sum += all 32-bit lanes, modulo 2^32.
template <class Vector>
inline void AddLanes(Vector vector, uint32_t* sum) noexcept {
  uint32_t lanes[sizeof(Vector) / sizeof(uint32_t)];
  std::memcpy(lanes, &vector, sizeof lanes);
  for (const uint32_t lane : lanes) *sum += lane;
}

}  // namespace
}  // namespace sterna

#endif  // STERNA_KERNELS_PROBE_CHAINS_H_
