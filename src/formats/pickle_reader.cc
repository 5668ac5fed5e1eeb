#include "formats/pickle_reader.h"

#include <fmt/format.h>

#include "formats/pickle_stack_internal.h"
#include "formats/quoted.h"

namespace sterna {
namespace {

// Numbers of opcodes: Python's Lib/pickletools.py.
enum Opcode : uint8_t {
  kMark = '(',
  kStop = '.',
  kPop = '0',
  kPopMark = '1',
  kDup = '2',
  kBinInt = 'J',
  kBinInt1 = 'K',
  kBinInt2 = 'M',
  kNone = 'N',
  kBinPersId = 'Q',
  kReduce = 'R',
  kBinUnicode = 'X',
  kAppend = 'a',
  kBuild = 'b',
  kGlobal = 'c',
  kAppends = 'e',
  kBinGet = 'h',
  kLongBinGet = 'j',
  kBinPut = 'q',
  kLongBinPut = 'r',
  kSetItem = 's',
  kTuple = 't',
  kEmptyTuple = ')',
  kEmptyList = ']',
  kList = 'l',
  kEmptyDict = '}',
  kDict = 'd',
  kSetItems = 'u',
  kBinFloat = 'G',
  kProto = 0x80,
  kTuple1 = 0x85,
  kTuple2 = 0x86,
  kTuple3 = 0x87,
  kNewTrue = 0x88,
  kNewFalse = 0x89,
  kLong1 = 0x8a,
  kShortBinUnicode = 0x8c,
  kBinUnicode8 = 0x8d,
  kStackGlobal = 0x93,
  kMemoize = 0x94,
  kFrame = 0x95,
};

/// Opcodes that make or call other objects, by name for the refusal.
std::string_view RefusedOpcode(uint8_t opcode) {
  switch (opcode) {
    case 'i':
      return "INST";
    case 'o':
      return "OBJ";
    case 0x81:
      return "NEWOBJ";
    case 0x92:
      return "NEWOBJ_EX";
    case 0x82:
    case 0x83:
    case 0x84:
      return "EXT";
    case 'P':
      return "PERSID";
    case 0x8b:
      return "LONG4";
    case 'B':
    case 'C':
    case 0x8e:
    case 0x96:
    case 'U':
    case 'T':
      return "bytes";
    case 0x8f:
    case 0x90:
    case 0x91:
      return "sets";
    case 0x97:
    case 0x98:
      return "out-of-band buffers";
    case 'I':
    case 'L':
    case 'F':
    case 'S':
    case 'V':
    case 'g':
    case 'p':
      return "text opcodes of protocol 0";
    default:
      return "an unknown opcode";
  }
}

class Machine : private PickleStack {
 public:
  Machine(std::span<const std::byte> pickle, std::string_view name) : PickleStack(pickle, name) {}

  Result<std::vector<PickledTensor>> Run() {
    STERNA_RETURN_IF_ERROR(ReadProtocol());
    while (true) {
      at_ = reader_.offset();
      STERNA_ASSIGN_OR_RETURN(const auto opcode, reader_.Read<uint8_t>("opcode"));
      if (opcode == kStop) break;
      STERNA_RETURN_IF_ERROR(Step(opcode));
    }
    if (reader_.offset() < frame_end_ || reader_.remaining() != 0) return Wrong("STOP", "at the end of the pickle", "before it");
    STERNA_ASSIGN_OR_RETURN(const PickleIndex root, Pop());
    if (!is_empty()) return Wrong("STOP", "one object", "more on the stack");
    auto tensors = CollectPickledTensors(values_, root);
    if (!tensors.ok()) return tensors.status().WithContext(reader_.Where(at_));
    return tensors;
  }

 private:
  Status ReadProtocol() {
    STERNA_ASSIGN_OR_RETURN(const auto opcode, reader_.Read<uint8_t>("opcode"));
    if (opcode != kProto) return Wrong("pickle", "PROTO first (protocol 2 to 5)", fmt::format("opcode {:#04x}", opcode));
    STERNA_ASSIGN_OR_RETURN(const auto protocol, reader_.Read<uint8_t>("protocol"));
    if (protocol < 2 || protocol > 5) return Wrong("protocol", "2 to 5", fmt::format("{}", protocol));
    return Status::Ok();
  }

  Result<std::string_view> ReadText(uint64_t bytes) {
    STERNA_ASSIGN_OR_RETURN(const std::span<const std::byte> text, reader_.ReadBytes("string", bytes));
    if (!IsValidUtf8(AsText(text))) return Wrong("string", "UTF-8", Quoted(AsText(text)));
    return AsText(text);
  }
  Status PushText(uint64_t bytes) {
    PickleValue value;
    value.kind = PickleKind::kString;
    STERNA_ASSIGN_OR_RETURN(value.text, ReadText(bytes));
    return PushNew(std::move(value));
  }
  /// The rest of a line, for GLOBAL.
  Result<std::string_view> ReadLine() {
    constexpr uint64_t kMaxLineBytes = 1024;
    const uint64_t start = reader_.offset();
    ByteReader ahead = reader_;
    while (ahead.offset() - start < kMaxLineBytes) {
      STERNA_ASSIGN_OR_RETURN(const auto c, ahead.Read<uint8_t>("line"));
      if (c != '\n') continue;
      STERNA_ASSIGN_OR_RETURN(const std::string_view line, ReadText(ahead.offset() - start - 1));
      STERNA_RETURN_IF_ERROR(reader_.ReadBytes("line", 1).status());
      return line;
    }
    return Wrong("GLOBAL", "a line of at most 1024 bytes", "more");
  }

  Status PushGlobal(std::string_view module, std::string_view name) {
    auto global = FindPickleGlobal(module, name);
    if (!global.ok()) return global.status().WithContext(reader_.Where(at_));
    return PushNew(*std::move(global));
  }

  Status Frame() {
    STERNA_ASSIGN_OR_RETURN(const auto bytes, reader_.Read<uint64_t>("FRAME"));
    if (at_ < frame_end_) return Wrong("FRAME", fmt::format("behind the frame that ends at byte {}", frame_end_), "one inside it");
    if (bytes > reader_.remaining())
      return Wrong("FRAME", fmt::format("at most {} bytes", reader_.remaining()), fmt::format("{}", bytes));
    frame_end_ = reader_.offset() + bytes;
    return Status::Ok();
  }

  Status Reduce() {
    STERNA_ASSIGN_OR_RETURN(const PickleIndex arguments, Pop());
    STERNA_ASSIGN_OR_RETURN(const PickleIndex global, Pop());
    auto made = CallPickleGlobal(values_, values_[global], values_[arguments]);
    if (!made.ok()) return made.status().WithContext(reader_.Where(at_));
    return PushNew(*std::move(made));
  }
  /// State dictionaries carry `_metadata` as an attribute: the one state that is accepted, and ignored.
  Status Build() {
    STERNA_ASSIGN_OR_RETURN(const PickleIndex state, Pop());
    STERNA_ASSIGN_OR_RETURN(const PickleIndex object, Top());
    const bool is_harmless = values_[object].kind == PickleKind::kOrderedDict && values_[state].kind == PickleKind::kDict;
    if (is_harmless) return Status::Ok();
    return Unsupported(fmt::format("{}: BUILD sets the state of {}: only an OrderedDict may have one", reader_.Where(at_),
                                   PickleKindName(values_[object].kind)));
  }

  template <class T>
  Status PushInt() {
    STERNA_ASSIGN_OR_RETURN(const T number, reader_.Read<T>("number"));
    return PushKind(PickleKind::kInt, static_cast<int64_t>(number));
  }
  Status PushLong() {
    STERNA_ASSIGN_OR_RETURN(const auto bytes, reader_.Read<uint8_t>("LONG1"));
    if (bytes > sizeof(int64_t)) return Wrong("LONG1", "at most 8 bytes", fmt::format("{}", bytes));
    STERNA_ASSIGN_OR_RETURN(const std::span<const std::byte> digits, reader_.ReadBytes("LONG1", bytes));
    uint64_t number = bytes > 0 && (digits[bytes - 1u] & std::byte{0x80}) != std::byte{0} ? ~uint64_t{0} : 0;
    for (size_t i = bytes; i-- > 0;) number = number << 8 | static_cast<uint64_t>(digits[i]);
    return PushKind(PickleKind::kInt, static_cast<int64_t>(number));
  }

  Status Step(uint8_t opcode) {
    switch (opcode) {
      case kFrame:
        return Frame();
      case kMark:
        return PushMark();
      case kPop:
        return Pop().status();
      case kPopMark:
        return PopToMark().status();
      case kDup: {
        STERNA_ASSIGN_OR_RETURN(const PickleIndex index, Top());
        return Push(index);
      }
      case kNone:
        return PushKind(PickleKind::kNone);
      case kNewTrue:
      case kNewFalse:
        return PushKind(PickleKind::kBool, opcode == kNewTrue ? 1 : 0);
      case kBinInt:
        return PushInt<int32_t>();
      case kBinInt1:
        return PushInt<uint8_t>();
      case kBinInt2:
        return PushInt<uint16_t>();
      case kLong1:
        return PushLong();
      case kBinFloat:
        STERNA_RETURN_IF_ERROR(reader_.ReadBytes("BINFLOAT", 8).status());
        return PushKind(PickleKind::kFloat);
      case kShortBinUnicode: {
        STERNA_ASSIGN_OR_RETURN(const auto bytes, reader_.Read<uint8_t>("string length"));
        return PushText(bytes);
      }
      case kBinUnicode: {
        STERNA_ASSIGN_OR_RETURN(const auto bytes, reader_.Read<uint32_t>("string length"));
        return PushText(bytes);
      }
      case kBinUnicode8: {
        STERNA_ASSIGN_OR_RETURN(const auto bytes, reader_.Read<uint64_t>("string length"));
        return PushText(bytes);
      }
      default:
        return StepContainers(opcode);
    }
  }

  Status StepContainers(uint8_t opcode) {
    switch (opcode) {
      case kEmptyTuple:
        return PushTuple(0);
      case kTuple1:
      case kTuple2:
      case kTuple3:
        return PushTuple(static_cast<size_t>(opcode - kTuple1 + 1));
      case kTuple:
        return PushContainer(PickleKind::kTuple);
      case kEmptyList:
        return PushKind(PickleKind::kList);
      case kList:
        return PushContainer(PickleKind::kList);
      case kEmptyDict:
        return PushKind(PickleKind::kDict);
      case kDict:
        return PushContainer(PickleKind::kDict);
      case kAppend: {
        STERNA_ASSIGN_OR_RETURN(const PickleIndex item, Pop());
        return Extend({item}, false);
      }
      case kAppends: {
        STERNA_ASSIGN_OR_RETURN(const std::vector<PickleIndex> items, PopToMark());
        return Extend(items, false);
      }
      case kSetItem: {
        STERNA_ASSIGN_OR_RETURN(const PickleIndex value, Pop());
        STERNA_ASSIGN_OR_RETURN(const PickleIndex key, Pop());
        return Extend({key, value}, true);
      }
      case kSetItems: {
        STERNA_ASSIGN_OR_RETURN(const std::vector<PickleIndex> items, PopToMark());
        return Extend(items, true);
      }
      default:
        return StepObjects(opcode);
    }
  }

  Status StepObjects(uint8_t opcode) {
    switch (opcode) {
      case kBinPut: {
        STERNA_ASSIGN_OR_RETURN(const auto key, reader_.Read<uint8_t>("memo entry"));
        return Memoize(key);
      }
      case kLongBinPut: {
        STERNA_ASSIGN_OR_RETURN(const auto key, reader_.Read<uint32_t>("memo entry"));
        return Memoize(key);
      }
      case kMemoize:
        return Memoize(memo_size());
      case kBinGet: {
        STERNA_ASSIGN_OR_RETURN(const auto key, reader_.Read<uint8_t>("memo entry"));
        return PushMemo(key);
      }
      case kLongBinGet: {
        STERNA_ASSIGN_OR_RETURN(const auto key, reader_.Read<uint32_t>("memo entry"));
        return PushMemo(key);
      }
      case kGlobal: {
        STERNA_ASSIGN_OR_RETURN(const std::string_view module, ReadLine());
        STERNA_ASSIGN_OR_RETURN(const std::string_view name, ReadLine());
        return PushGlobal(module, name);
      }
      case kStackGlobal: {
        STERNA_ASSIGN_OR_RETURN(const PickleIndex name, Pop());
        STERNA_ASSIGN_OR_RETURN(const PickleIndex module, Pop());
        if (values_[name].kind != PickleKind::kString || values_[module].kind != PickleKind::kString) {
          return Wrong("STACK_GLOBAL", "two strings", PickleKindName(values_[name].kind));
        }
        return PushGlobal(values_[module].text, values_[name].text);
      }
      case kBinPersId: {
        STERNA_ASSIGN_OR_RETURN(const PickleIndex id, Pop());
        auto storage = MakePickleStorage(values_, values_[id]);
        if (!storage.ok()) return storage.status().WithContext(reader_.Where(at_));
        return PushNew(*std::move(storage));
      }
      case kReduce:
        return Reduce();
      case kBuild:
        return Build();
      default:
        return Unsupported(fmt::format("{}: opcode {:#04x} ({}): a checkpoint of tensors does not need it", reader_.Where(at_),
                                       opcode, RefusedOpcode(opcode)));
    }
  }

  uint64_t frame_end_ = 0;
};

}  // namespace

Result<std::vector<PickledTensor>> ReadPickledTensors(std::span<const std::byte> pickle, std::string_view name) {
  if (pickle.size() > kPickleMaxBytes) {
    return OutOfRange(fmt::format("{}: expected at most {} bytes, found {}", name, kPickleMaxBytes, pickle.size()));
  }
  return Machine(pickle, name).Run();
}

}  // namespace sterna
