// Reads the tensors a PyTorch pickle describes, and nothing else: an interpreter of the few opcodes torch.save writes.
#ifndef STERNA_FORMATS_PICKLE_READER_H_
#define STERNA_FORMATS_PICKLE_READER_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "tensor/dtype.h"

namespace sterna {

// Limits no real checkpoint comes near.
inline constexpr uint64_t kPickleMaxBytes = uint64_t{64} << 20;
inline constexpr uint32_t kPickleMaxValues = 1u << 20;  ///< objects, stack entries, memo entries, and steps of the walk over them
inline constexpr int kPickleMaxDepth = 256;             ///< of containers in containers

/// A tensor that fills `shape` with elements of a storage, from `first_element` on. All of them lie inside the storage, and there
/// are no more of them than the storage has.
struct PickledTensor {
  std::string name;  ///< keys of the containers on the way to it, with dots between
  DType dtype;
  Shape shape;
  std::string storage;  ///< record of the archive that holds the elements
  int64_t storage_elements = 0;
  int64_t first_element = 0;
  /// Elements from one index to the next in each dimension; empty where the elements follow each other.
  std::vector<int64_t> strides = {};
};

/// Interprets `pickle` without running anything: objects other than dicts, lists, tuples, numbers, strings, None and dense tensors
/// of CPU types are refused by name, and so is every global that is not one of about twenty, compared with module and name. Names
/// come from the state dictionary: the value of "state_dict", "model_state_dict", "model" or "module" where the whole is a dict
/// with one of these, else the whole. Numbers and strings in it are left out. Errors: Unsupported for opcodes, globals and kinds of
/// tensors that are not read, Malformed for everything that breaks a rule, OutOfRange past a limit; all as FILE: byte N: …. Memory
/// stays in proportion to the pickle.
Result<std::vector<PickledTensor>> ReadPickledTensors(std::span<const std::byte> pickle, std::string_view name);

}  // namespace sterna

#endif  // STERNA_FORMATS_PICKLE_READER_H_
