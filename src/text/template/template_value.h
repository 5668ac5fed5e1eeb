// Values that chat templates see: JSON's seven kinds, and the few more that exist while a template is rendered.
#ifndef STERNA_TEXT_TEMPLATE_TEMPLATE_VALUE_H_
#define STERNA_TEXT_TEMPLATE_TEMPLATE_VALUE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"

namespace sterna {

namespace jinja {
struct HeapObject;
}

/// An immutable value with the meaning of Python's type of the same name; copies share what they hold. Callers build the first
/// seven kinds, by the functions below or from JSON text; the others appear only inside a rendering. Thread-safe to read and copy.
class TemplateValue {
 public:
  enum class Kind : uint8_t {
    kNone,
    kBool,
    kInt,
    kFloat,
    kString,
    kList,
    kDict,
    kTuple,
    kRange,
    kDictView,
    kIterator,
    kUndefined,
    kCallable,
    kMacro,
    kNamespace,
    kLoop
  };
  using Member = std::pair<std::string, TemplateValue>;

  TemplateValue() = default;  ///< None
  static TemplateValue Bool(bool value);
  static TemplateValue Int(int64_t value);
  static TemplateValue Float(double value);
  /// UTF-8. A byte that is no part of valid UTF-8 counts as one character and is kept.
  static TemplateValue String(std::string text);
  static TemplateValue List(std::vector<TemplateValue> items);
  /// Keeps the order; of equal keys the last value counts, at the place of the first.
  static TemplateValue Dict(std::vector<Member> members);

  /// From JSON text. Integers outside int64 become floats. Errors: Malformed with what is wrong; OutOfRange where lists and
  /// objects are nested deeper than kMaxJsonDepth.
  static Result<TemplateValue> FromJson(std::string_view json);
  static constexpr int kMaxJsonDepth = 64;

  Kind kind() const { return kind_; }
  bool is(Kind kind) const { return kind_ == kind; }
  /// How deep lists and dicts are nested: 0 for a scalar, 1 + the deepest member for a container.
  int depth() const;

  // Each is valid only for its kind.
  bool bool_value() const { return scalar_.boolean; }
  int64_t int_value() const { return scalar_.integer; }
  double float_value() const { return scalar_.real; }
  const std::string& text() const;
  const std::vector<TemplateValue>& items() const;
  /// The value under a key of a dict, or null. Valid as long as the dict.
  const TemplateValue* Find(std::string_view key) const;
  /// Of a dict, in its order: the members whose keys are texts, as all are that come from JSON.
  std::vector<Member> Members() const;

  // For the interpreter: values on the heap.
  TemplateValue(Kind kind, std::shared_ptr<jinja::HeapObject> object) : kind_(kind), object_(std::move(object)) {}
  jinja::HeapObject* object() const { return object_.get(); }

 private:
  union Scalar {
    int64_t integer = 0;
    bool boolean;
    double real;
  };

  Kind kind_ = Kind::kNone;
  Scalar scalar_;
  std::shared_ptr<jinja::HeapObject> object_;
};

}  // namespace sterna

#endif  // STERNA_TEXT_TEMPLATE_TEMPLATE_VALUE_H_
