// The objects of the pickle interpreter: a flat list, so that nothing nested is ever destroyed by recursion.
#ifndef STERNA_FORMATS_PICKLE_VALUES_INTERNAL_H_
#define STERNA_FORMATS_PICKLE_VALUES_INTERNAL_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "formats/byte_reader.h"
#include "formats/pickle_reader.h"

namespace sterna {

enum class PickleKind : uint8_t {
  kNone,
  kBool,
  kInt,
  kFloat,
  kString,
  kTuple,
  kList,
  kDict,
  kOrderedDict,
  kGlobal,
  kStorage,
  kTensor
};

/// "a dict", for messages.
std::string_view PickleKindName(PickleKind kind);

enum class PickleGlobal : uint8_t { kOrderedDict, kRebuildTensor, kRebuildTensorV2, kRebuildParameter, kSize, kStorage };

using PickleIndex = uint32_t;

struct PickleValue {
  PickleKind kind = PickleKind::kNone;
  PickleGlobal global = PickleGlobal::kOrderedDict;
  DType dtype = DType::kF32;       ///< kGlobal of a storage class, kStorage, kTensor
  int64_t number = 0;              ///< kBool, kInt; elements of kStorage; first element of kTensor
  std::string_view text;           ///< kString; key of kStorage
  std::vector<PickleIndex> items;  ///< containers; dicts: key, value, key, value, …; kTensor: its storage
  Shape shape;                     ///< kTensor
  std::vector<int64_t> strides;    ///< kTensor whose elements do not follow each other
};

/// Index into the list of what `GLOBAL module name` stands for, or Unsupported naming it.
Result<PickleValue> FindPickleGlobal(std::string_view module, std::string_view name);

/// What REDUCE makes of a global and its arguments. `values` holds both; the result is new. Errors without place.
Result<PickleValue> CallPickleGlobal(const std::vector<PickleValue>& values, const PickleValue& global,
                                     const PickleValue& arguments);

/// What BINPERSID makes of ('storage', class, key, location, elements).
Result<PickleValue> MakePickleStorage(const std::vector<PickleValue>& values, const PickleValue& id);

/// Names and tensors under `root`.
Result<std::vector<PickledTensor>> CollectPickledTensors(const std::vector<PickleValue>& values, PickleIndex root);

}  // namespace sterna

#endif  // STERNA_FORMATS_PICKLE_VALUES_INTERNAL_H_
