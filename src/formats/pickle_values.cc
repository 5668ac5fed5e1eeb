// What the objects of a checkpoint's pickle mean: globals, storages, tensors, and the names of tensors.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include <array>
#include <set>

#include "base/checked_math.h"
#include "formats/pickle_values_internal.h"
#include "formats/quoted.h"

namespace sterna {
namespace {

struct KnownGlobal {
  std::string_view module, name;
  PickleGlobal global;
  DType dtype = DType::kF32;
};
constexpr std::array kGlobals = {
    KnownGlobal{"collections", "OrderedDict", PickleGlobal::kOrderedDict},
    KnownGlobal{"torch._utils", "_rebuild_tensor", PickleGlobal::kRebuildTensor},
    KnownGlobal{"torch._utils", "_rebuild_tensor_v2", PickleGlobal::kRebuildTensorV2},
    KnownGlobal{"torch._utils", "_rebuild_parameter", PickleGlobal::kRebuildParameter},
    KnownGlobal{"torch", "Size", PickleGlobal::kSize},
    KnownGlobal{"torch", "FloatStorage", PickleGlobal::kStorage, DType::kF32},
    KnownGlobal{"torch", "HalfStorage", PickleGlobal::kStorage, DType::kF16},
    KnownGlobal{"torch", "BFloat16Storage", PickleGlobal::kStorage, DType::kBF16},
    KnownGlobal{"torch", "DoubleStorage", PickleGlobal::kStorage, DType::kF64},
    KnownGlobal{"torch", "ByteStorage", PickleGlobal::kStorage, DType::kU8},
    KnownGlobal{"torch", "CharStorage", PickleGlobal::kStorage, DType::kI8},
    KnownGlobal{"torch", "ShortStorage", PickleGlobal::kStorage, DType::kI16},
    KnownGlobal{"torch", "IntStorage", PickleGlobal::kStorage, DType::kI32},
    KnownGlobal{"torch", "LongStorage", PickleGlobal::kStorage, DType::kI64},
    KnownGlobal{"torch", "BoolStorage", PickleGlobal::kStorage, DType::kBool},
};

// Globals of torch that mean a kind of tensor, so that the refusal says which.
struct RefusedKind {
  std::string_view part, meaning;
};
constexpr std::array kRefusedKinds = {
    RefusedKind{"_rebuild_sparse", "a sparse tensor"},
    RefusedKind{"_rebuild_qtensor", "a quantized tensor"},
    RefusedKind{"_rebuild_nested", "a nested tensor"},
    RefusedKind{"_rebuild_meta", "a tensor without data (meta)"},
    RefusedKind{"Complex", "a complex tensor"},
    RefusedKind{"QInt", "a quantized tensor"},
    RefusedKind{"QUInt", "a quantized tensor"},
    RefusedKind{"_rebuild_tensor_v3", "a tensor of a type without storage class, such as fp8"},
    RefusedKind{"UntypedStorage", "a tensor of a type without storage class, such as fp8"},
    RefusedKind{"_with_state", "a parameter with attributes"},
    RefusedKind{"_rebuild_from_type", "a subclass of Tensor"},
};

constexpr size_t kMaxDimensions = 64;

bool IsContainer(PickleKind kind) {
  return kind == PickleKind::kDict || kind == PickleKind::kOrderedDict || kind == PickleKind::kList || kind == PickleKind::kTuple;
}
bool IsDict(PickleKind kind) {
  return kind == PickleKind::kDict || kind == PickleKind::kOrderedDict;
}

Status WrongArgument(std::string_view what, std::string_view expected, std::string_view found) {
  return Malformed(fmt::format("{}: expected {}, found {}", what, expected, found));
}

Result<std::vector<int64_t>> Numbers(const std::vector<PickleValue>& values, const PickleValue& tuple, std::string_view what) {
  if (tuple.kind != PickleKind::kTuple) return WrongArgument(what, "a tuple", PickleKindName(tuple.kind));
  if (tuple.items.size() > kMaxDimensions) return WrongArgument(what, "at most 64 numbers", fmt::format("{}", tuple.items.size()));
  std::vector<int64_t> numbers;
  for (const PickleIndex item : tuple.items) {
    if (values[item].kind != PickleKind::kInt || values[item].number < 0) {
      return WrongArgument(what, "numbers that are not negative",
                           values[item].kind == PickleKind::kInt ? fmt::format("{}", values[item].number)
                                                                 : std::string(PickleKindName(values[item].kind)));
    }
    numbers.push_back(values[item].number);
  }
  return numbers;
}

/// Whether a tensor's elements follow each other; dimensions of 1 may have any stride.
Result<bool> IsContiguous(const Shape& shape, const std::vector<int64_t>& strides) {
  int64_t expected = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    if (shape[i] == 0) return true;
    if (shape[i] != 1 && strides[i] != expected) return false;
    const auto next = CheckedMul(expected, shape[i]);
    if (!next) return Malformed(fmt::format("shape {} has too many elements", ToString(shape)));
    expected = *next;
  }
  return true;
}

/// One more than the last element that the tensor reaches; nothing where that overflows.
std::optional<int64_t> EndOf(const PickleValue& tensor) {
  std::optional<int64_t> last = tensor.number;
  for (size_t i = 0; i < tensor.shape.size() && last; ++i) {
    const auto reach = CheckedMul(std::max<int64_t>(tensor.shape[i] - 1, 0), tensor.strides[i]);
    last = reach ? CheckedAdd(*last, *reach) : std::nullopt;
  }
  return last ? CheckedAdd(*last, int64_t{1}) : std::nullopt;
}

Status CheckNoHooks(const PickleValue& hooks) {
  if (IsDict(hooks.kind) && hooks.items.empty()) return Status::Ok();
  return Unsupported("a tensor with backward hooks: only plain tensors are read");
}

Result<PickleValue> RebuildTensor(const std::vector<PickleValue>& values, const PickleValue& arguments, bool is_v2) {
  const size_t count = arguments.items.size();
  if (is_v2 ? (count != 6 && count != 7) : count != 4) {
    return WrongArgument("arguments of a tensor", is_v2 ? "6" : "4", fmt::format("{}", count));
  }
  const auto argument = [&](size_t i) -> const PickleValue& { return values[arguments.items[i]]; };
  const PickleValue& storage = argument(0);
  if (storage.kind != PickleKind::kStorage) return WrongArgument("storage of a tensor", "a storage", PickleKindName(storage.kind));
  const PickleValue& offset = argument(1);
  if (offset.kind != PickleKind::kInt || offset.number < 0)
    return Malformed("storage offset: expected a number that is not negative");
  PickleValue tensor;
  tensor.kind = PickleKind::kTensor;
  tensor.dtype = storage.dtype;
  tensor.number = offset.number;
  tensor.items = {arguments.items[0]};
  STERNA_ASSIGN_OR_RETURN(tensor.shape, Numbers(values, argument(2), "shape"));
  STERNA_ASSIGN_OR_RETURN(tensor.strides, Numbers(values, argument(3), "strides"));
  if (tensor.strides.size() != tensor.shape.size()) {
    return WrongArgument("strides", fmt::format("{} numbers", tensor.shape.size()), fmt::format("{}", tensor.strides.size()));
  }
  STERNA_ASSIGN_OR_RETURN(const bool is_contiguous, IsContiguous(tensor.shape, tensor.strides));
  const Result<int64_t> elements = ElementCount(tensor.shape);
  if (!is_contiguous && (!elements.ok() || *elements > storage.number)) {
    // Strides of 0 make any number of elements of few.
    return Unsupported(
        fmt::format("tensor of shape {} with strides {}: more elements than its storage has; save it with .contiguous()",
                    ToString(tensor.shape), ToString(tensor.strides)));
  }
  STERNA_RETURN_IF_ERROR(elements.status());
  const auto end = is_contiguous ? CheckedAdd(tensor.number, *elements) : EndOf(tensor);
  if (is_contiguous) tensor.strides.clear();
  if (!end || *end > storage.number) {
    return Malformed(fmt::format("tensor of shape {} from element {} on: expected it inside the {} elements of storage {}",
                                 ToString(tensor.shape), tensor.number, storage.number, Quoted(storage.text)));
  }
  if (!is_v2) return tensor;
  if (argument(4).kind != PickleKind::kBool) return Malformed("requires_grad: expected a bool");
  STERNA_RETURN_IF_ERROR(CheckNoHooks(argument(5)));
  if (count == 7 && argument(6).kind != PickleKind::kNone && !(IsDict(argument(6).kind) && argument(6).items.empty())) {
    return Unsupported("a tensor with metadata of its own: only plain tensors are read");
  }
  return tensor;
}

/// An OrderedDict from nothing or from a list of pairs.
Result<PickleValue> MakeOrderedDict(const std::vector<PickleValue>& values, const PickleValue& arguments) {
  PickleValue dict;
  dict.kind = PickleKind::kOrderedDict;
  if (arguments.items.empty()) return dict;
  const PickleValue& pairs = values[arguments.items[0]];
  if (arguments.items.size() != 1 || pairs.kind != PickleKind::kList) return Malformed("OrderedDict: expected a list of pairs");
  for (const PickleIndex pair : pairs.items) {
    const PickleValue& both = values[pair];
    const bool is_pair = (both.kind == PickleKind::kTuple || both.kind == PickleKind::kList) && both.items.size() == 2;
    if (!is_pair || values[both.items[0]].kind != PickleKind::kString)
      return Malformed("OrderedDict: expected pairs of a string and a value");
    dict.items.insert(dict.items.end(), both.items.begin(), both.items.end());
  }
  return dict;
}

/// Walks containers with a stack of its own.
class Collector {
 public:
  Collector(const std::vector<PickleValue>& values, std::vector<PickledTensor>& out) : values_(values), out_(out) {}

  Status Walk(PickleIndex root) {
    STERNA_RETURN_IF_ERROR(Visit(root, ""));
    while (!stack_.empty()) {
      Level& level = stack_.back();
      const PickleValue& container = values_[level.container];
      if (level.next >= container.items.size()) {
        stack_.pop_back();
        continue;
      }
      std::string name;
      if (IsDict(container.kind)) {
        STERNA_ASSIGN_OR_RETURN(name, KeyName(values_[container.items[level.next]]));
        level.next += 2;
      } else {
        name = fmt::format("{}", level.next++);
      }
      const PickleIndex child = container.items[level.next - 1];
      const std::string full = level.name.empty() ? std::move(name) : fmt::format("{}.{}", level.name, name);
      STERNA_RETURN_IF_ERROR(Visit(child, full));
    }
    return Status::Ok();
  }

 private:
  struct Level {
    PickleIndex container;
    size_t next;
    std::string name;
  };

  static Result<std::string> KeyName(const PickleValue& key) {
    if (key.kind == PickleKind::kString) return std::string(key.text);
    if (key.kind == PickleKind::kInt) return fmt::format("{}", key.number);
    return Unsupported(fmt::format("dict key: expected a string or number, found {}", PickleKindName(key.kind)));
  }

  Status Visit(PickleIndex index, const std::string& name) {
    if (++visits_ > kPickleMaxValues) return OutOfRange(fmt::format("more than {} objects below the root", kPickleMaxValues));
    name_bytes_ += name.size();
    if (name_bytes_ > kPickleMaxBytes) return OutOfRange(fmt::format("names of more than {} bytes together", kPickleMaxBytes));
    const PickleValue& value = values_[index];
    if (IsContainer(value.kind)) {
      if (stack_.size() >= kPickleMaxDepth) return OutOfRange(fmt::format("containers nested more than {} deep", kPickleMaxDepth));
      stack_.push_back({index, 0, name});
      return Status::Ok();
    }
    if (value.kind == PickleKind::kTensor) {
      const PickleValue& storage = values_[value.items[0]];
      if (name.empty()) return Malformed("expected a dict of tensors, found one tensor");
      out_.push_back({name, value.dtype, value.shape, std::string(storage.text), storage.number, value.number, value.strides});
    }
    return Status::Ok();
  }

  const std::vector<PickleValue>& values_;
  std::vector<PickledTensor>& out_;
  std::vector<Level> stack_;
  uint32_t visits_ = 0;
  uint64_t name_bytes_ = 0;
};

}  // namespace

std::string_view PickleKindName(PickleKind kind) {
  constexpr std::array<std::string_view, 12> kNames = {"None",   "a bool", "a number",       "a float",  "a string",  "a tuple",
                                                       "a list", "a dict", "an OrderedDict", "a global", "a storage", "a tensor"};
  return kNames[static_cast<size_t>(kind)];
}

Result<PickleValue> FindPickleGlobal(std::string_view module, std::string_view name) {
  for (const KnownGlobal& known : kGlobals) {
    if (known.module != module || known.name != name) continue;
    PickleValue value;
    value.kind = PickleKind::kGlobal;
    value.global = known.global;
    value.dtype = known.dtype;
    return value;
  }
  const std::string full = Quoted(fmt::format("{}.{}", module, name));
  for (const RefusedKind& refused : kRefusedKinds) {
    if ((module == "torch" || module.starts_with("torch.")) && name.find(refused.part) != std::string_view::npos) {
      return Unsupported(fmt::format("{}: {}: only dense tensors of plain types are read", full, refused.meaning));
    }
  }
  return Unsupported(fmt::format("{} is not one of the globals a checkpoint of tensors needs; nothing of it was run", full));
}

Result<PickleValue> CallPickleGlobal(const std::vector<PickleValue>& values, const PickleValue& global,
                                     const PickleValue& arguments) {
  if (global.kind != PickleKind::kGlobal) return WrongArgument("called object", "a global", PickleKindName(global.kind));
  if (arguments.kind != PickleKind::kTuple) return WrongArgument("arguments", "a tuple", PickleKindName(arguments.kind));
  switch (global.global) {
    case PickleGlobal::kOrderedDict:
      return MakeOrderedDict(values, arguments);
    case PickleGlobal::kRebuildTensor:
      return RebuildTensor(values, arguments, false);
    case PickleGlobal::kRebuildTensorV2:
      return RebuildTensor(values, arguments, true);
    case PickleGlobal::kRebuildParameter: {
      if (arguments.items.size() != 3 || values[arguments.items[0]].kind != PickleKind::kTensor) {
        return Malformed("_rebuild_parameter: expected a tensor, a bool and hooks");
      }
      STERNA_RETURN_IF_ERROR(CheckNoHooks(values[arguments.items[2]]));
      return values[arguments.items[0]];
    }
    case PickleGlobal::kSize: {
      if (arguments.items.size() != 1) return Malformed("torch.Size: expected one tuple");
      const PickleValue& size = values[arguments.items[0]];
      STERNA_RETURN_IF_ERROR(Numbers(values, size, "torch.Size").status());
      return size;
    }
    case PickleGlobal::kStorage:
      break;
  }
  return Unsupported("a storage class is called: only torch.save's references to storages are read");
}

Result<PickleValue> MakePickleStorage(const std::vector<PickleValue>& values, const PickleValue& id) {
  const auto item = [&](size_t i) -> const PickleValue& { return values[id.items[i]]; };
  if (id.kind != PickleKind::kTuple || id.items.size() != 5 || item(0).kind != PickleKind::kString || item(0).text != "storage") {
    return Malformed("persistent id: expected ('storage', class, key, location, elements)");
  }
  if (item(1).kind != PickleKind::kGlobal || item(1).global != PickleGlobal::kStorage) {
    return WrongArgument("storage class", "a storage class of torch", PickleKindName(item(1).kind));
  }
  const std::string_view key = item(2).kind == PickleKind::kString ? item(2).text : std::string_view();
  if (key.empty() || key.find_first_of("/\\") != std::string_view::npos || key.find('\0') != std::string_view::npos || key == "." ||
      key == "..") {
    return WrongArgument("storage key", "the name of a record", Quoted(key));
  }
  if (item(3).kind != PickleKind::kString) return WrongArgument("storage location", "a string", PickleKindName(item(3).kind));
  if (item(4).kind != PickleKind::kInt || item(4).number < 0)
    return Malformed("storage elements: expected a number that is not negative");
  PickleValue storage;
  storage.kind = PickleKind::kStorage;
  storage.dtype = item(1).dtype;
  storage.text = key;
  storage.number = item(4).number;
  return storage;
}

Result<std::vector<PickledTensor>> CollectPickledTensors(const std::vector<PickleValue>& values, PickleIndex root) {
  if (!IsDict(values[root].kind)) {
    return Malformed(fmt::format("expected a dict of tensors, found {}", PickleKindName(values[root].kind)));
  }
  const std::vector<PickleIndex>& items = values[root].items;
  PickleIndex start = root;
  for (const std::string_view wanted : {"state_dict", "model_state_dict", "model", "module"}) {
    for (size_t i = 0; start == root && i + 1 < items.size(); i += 2) {
      const PickleValue& key = values[items[i]];
      if (key.kind == PickleKind::kString && key.text == wanted && IsDict(values[items[i + 1]].kind)) start = items[i + 1];
    }
  }
  std::vector<PickledTensor> tensors;
  STERNA_RETURN_IF_ERROR(Collector(values, tensors).Walk(start));
  return tensors;
}

}  // namespace sterna
