// The `attribute` arguments of filters: dotted paths into values.
#ifndef STERNA_TEXT_TEMPLATE_ATTRIBUTE_PATH_H_
#define STERNA_TEXT_TEMPLATE_ATTRIBUTE_PATH_H_

#include <vector>

#include "base/status.h"
#include "text/template/heap_object.h"

namespace sterna::jinja {

/// "a.b.0": keys and indices to follow one after the other. Nothing to follow where `attribute` is null or none.
class AttributePath {
 public:
  static AttributePath Parse(const Value* attribute);
  /// Paths separated by commas, as sort takes them; at least one.
  static std::vector<AttributePath> ParseList(const Value* attribute);
  /// An undefined step becomes `fallback`, where that is given and not none.
  Result<Value> Follow(Runtime& runtime, Value value, const Value* fallback = nullptr) const;

 private:
  std::vector<Value> parts_;
};

/// The value sort and its like compare by: texts in lower case unless `case_sensitive`.
Result<Value> SortKey(Runtime& runtime, Value value, bool case_sensitive);

}  // namespace sterna::jinja

#endif  // STERNA_TEXT_TEMPLATE_ATTRIBUTE_PATH_H_
