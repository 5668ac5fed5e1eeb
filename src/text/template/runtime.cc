#include "text/template/runtime.h"

#include <fmt/format.h>

#include <algorithm>

#include "text/template/operators.h"
#include "text/template/print.h"

namespace sterna::jinja {

Runtime::Runtime(const TemplateOptions& options) : options_(options) {
  memory_.limit_bytes = options.limits.max_memory_bytes;
}

Runtime::~Runtime() {
  // Every namespace is still held here, so emptying them one after the other breaks cycles without deep recursion.
  for (const auto& object : namespaces_) object->attributes.clear();
}

Status Runtime::StepsExhausted() const {
  return ResourceExhausted(fmt::format("the template took more than {} steps", options_.limits.max_steps));
}

Status Runtime::Level::Check() const {
  if (runtime_.evaluation_depth_ <= kMaxEvaluationDepth) return {};
  return ResourceExhausted(fmt::format("evaluation nested deeper than {} levels", kMaxEvaluationDepth));
}

Status Runtime::CheckTextSize(uint64_t bytes) const {
  if (bytes <= options_.limits.max_output_bytes) return {};
  return ResourceExhausted(fmt::format("the template made a text of more than {} bytes", options_.limits.max_output_bytes));
}

Status Runtime::CheckItemCount(uint64_t items) const {
  const size_t left = memory_.limit_bytes - std::min(memory_.live_bytes, memory_.limit_bytes);
  if (items <= left / sizeof(Value)) return {};
  return ResourceExhausted(fmt::format("the template holds more than {} bytes", memory_.limit_bytes));
}

Status Runtime::ChargeForever(size_t bytes) {
  memory_.live_bytes += bytes;
  if (memory_.live_bytes <= memory_.limit_bytes) return {};
  return ResourceExhausted(fmt::format("the template holds more than {} bytes", memory_.limit_bytes));
}

Status Runtime::Charge(HeapObject& object, size_t bytes) {
  object.budget = &memory_;
  object.charged_bytes += bytes;
  return ChargeForever(bytes);
}

Status Runtime::CheckDepth(const HeapObject& object) const {
  if (object.depth <= kMaxValueDepth) return {};
  return ResourceExhausted(fmt::format("values nested deeper than {} levels", kMaxValueDepth));
}

Result<Value> Runtime::MakeString(std::string text, bool is_markup) {
  STERNA_RETURN_IF_ERROR(CheckTextSize(text.size()));
  STERNA_RETURN_IF_ERROR(SpendOnBytes(text.size()));
  auto object = std::make_shared<StringObject>();
  STERNA_RETURN_IF_ERROR(Charge(*object, sizeof(StringObject) + text.capacity()));
  object->text = std::move(text);
  object->is_markup = is_markup;
  return Value(Kind::kString, std::move(object));
}

Result<Value> Runtime::MakeSequence(Kind kind, std::vector<Value> items) {
  auto object = std::make_shared<ListObject>();
  for (const Value& item : items) object->depth = std::max(object->depth, item.depth());
  object->depth += 1;
  STERNA_RETURN_IF_ERROR(CheckDepth(*object));
  STERNA_RETURN_IF_ERROR(Spend(items.size() / 8));
  STERNA_RETURN_IF_ERROR(Charge(*object, sizeof(ListObject) + items.capacity() * sizeof(Value)));
  object->items = std::move(items);
  return Value(kind, std::move(object));
}

Result<Value> Runtime::MakeList(std::vector<Value> items) {
  return MakeSequence(Kind::kList, std::move(items));
}

Result<Value> Runtime::MakeTuple(std::vector<Value> items) {
  return MakeSequence(Kind::kTuple, std::move(items));
}

Result<Value> Runtime::MakeGroup(Value grouper, Value list) {
  STERNA_ASSIGN_OR_RETURN(Value out, MakeTuple({std::move(grouper), std::move(list)}));
  static_cast<ListObject*>(out.object())->is_group = true;
  return out;
}

Result<Value> Runtime::MakeIterator(std::vector<Value> items) {
  auto object = std::make_shared<IteratorObject>();
  for (const Value& item : items) object->depth = std::max(object->depth, item.depth());
  object->depth += 1;
  STERNA_RETURN_IF_ERROR(CheckDepth(*object));
  STERNA_RETURN_IF_ERROR(Charge(*object, sizeof(IteratorObject) + items.capacity() * sizeof(Value)));
  object->items = std::move(items);
  return Value(Kind::kIterator, std::move(object));
}

Result<Value> Runtime::MakeDict(std::vector<std::pair<Value, Value>> entries) {
  auto object = std::make_shared<DictObject>();
  bool has_other_keys = false;
  for (auto& [key, value] : entries) {
    STERNA_RETURN_IF_ERROR(CheckHashable(key));
    object->depth = std::max({object->depth, key.depth(), value.depth()});
    has_other_keys |= !key.is(Kind::kString);
    STERNA_RETURN_IF_ERROR(Spend(has_other_keys ? 1 + object->entries.size() : 1));
    object->Set(std::move(key), std::move(value));
  }
  object->depth += 1;
  STERNA_RETURN_IF_ERROR(CheckDepth(*object));
  STERNA_RETURN_IF_ERROR(Charge(*object, sizeof(DictObject) + object->entries.size() * (2 * sizeof(Value) + 64)));
  return Value(Kind::kDict, std::move(object));
}

Result<Value> Runtime::MakeDictView(const Value& dict, DictViewObject::What what) {
  auto object = std::make_shared<DictViewObject>();
  object->depth = dict.depth() + 1;
  STERNA_RETURN_IF_ERROR(CheckDepth(*object));
  STERNA_RETURN_IF_ERROR(Charge(*object, sizeof(DictViewObject)));
  object->dict = dict;
  object->what = what;
  return Value(Kind::kDictView, std::move(object));
}

Result<Value> Runtime::MakeRange(int64_t start, int64_t stop, int64_t step) {
  // Python's sandbox blocks longer ranges: jinja2.sandbox.MAX_RANGE.
  constexpr uint64_t kMaxRange = 100000;
  if (step == 0) return InvalidArgument("range() arg 3 must not be zero");
  uint64_t size = 0;
  if (step > 0 ? start < stop : start > stop) {
    const uint64_t distance = step > 0 ? static_cast<uint64_t>(stop) - static_cast<uint64_t>(start)
                                       : static_cast<uint64_t>(start) - static_cast<uint64_t>(stop);
    const uint64_t stride = step > 0 ? static_cast<uint64_t>(step) : uint64_t{0} - static_cast<uint64_t>(step);
    size = (distance - 1) / stride + 1;
  }
  if (size > kMaxRange) {
    return ResourceExhausted(fmt::format("Range too big. The sandbox blocks ranges larger than MAX_RANGE ({}).", kMaxRange));
  }
  auto object = std::make_shared<RangeObject>();
  STERNA_RETURN_IF_ERROR(Charge(*object, sizeof(RangeObject)));
  object->start = start;
  object->stop = stop;
  object->step = step;
  object->size = static_cast<int64_t>(size);
  return Value(Kind::kRange, std::move(object));
}

Result<Value> Runtime::MakeNamespace() {
  auto object = std::make_shared<NamespaceObject>();
  STERNA_RETURN_IF_ERROR(ChargeForever(sizeof(NamespaceObject) + 64));
  namespaces_.push_back(object);
  return Value(Kind::kNamespace, std::move(object));
}

Status Runtime::SetNamespaceAttribute(NamespaceObject& object, std::string_view name, Value value) {
  if (name.starts_with('_')) {
    return InvalidArgument(
        fmt::format("Chat templates cannot store underscore-prefixed attributes on a namespace, but got {}. "
                    "Please rename the attribute.",
                    QuotedText(name)));
  }
  const auto [place, is_new] = object.attributes.try_emplace(std::string(name));
  place->second = std::move(value);
  return is_new ? ChargeForever(sizeof(Value) + 64 + name.size()) : Status();
}

Result<Value> Runtime::MakeMethod(Builtin function, const Value& self) {
  auto object = std::make_shared<CallableObject>();
  object->depth = self.depth() + 1;
  STERNA_RETURN_IF_ERROR(CheckDepth(*object));
  STERNA_RETURN_IF_ERROR(Charge(*object, sizeof(CallableObject)));
  object->function = function;
  object->self = self;
  return Value(Kind::kCallable, std::move(object));
}

Result<Value> Runtime::MakeUndefined(std::string message) {
  auto object = std::make_shared<UndefinedObject>();
  STERNA_RETURN_IF_ERROR(Charge(*object, sizeof(UndefinedObject) + message.capacity()));
  object->message = std::move(message);
  return Value(Kind::kUndefined, std::move(object));
}

Result<Value> Runtime::MakeMacro(const Statement& definition, Scope& scope) {
  auto object = std::make_shared<MacroObject>();
  STERNA_RETURN_IF_ERROR(Charge(*object, sizeof(MacroObject)));
  object->definition = &definition;
  object->scope = &scope;
  return Value(Kind::kMacro, std::move(object));
}

Result<BoundArguments> BoundArguments::Bind(std::string_view function, const Arguments& arguments,
                                            std::initializer_list<std::string_view> parameters, size_t required) {
  BoundArguments out;
  out.function_ = function;
  out.names_.assign(parameters.begin(), parameters.end());
  out.values_.assign(parameters.size(), nullptr);
  if (arguments.positional.size() > parameters.size()) {
    return InvalidArgument(fmt::format("{}() takes at most {} argument{} ({} given)", function, parameters.size(),
                                       parameters.size() == 1 ? "" : "s", arguments.positional.size()));
  }
  for (size_t i = 0; i < arguments.positional.size(); ++i) out.values_[i] = &arguments.positional[i];
  for (const auto& [name, value] : arguments.named) {
    const auto place = std::find(out.names_.begin(), out.names_.end(), name);
    if (place == out.names_.end()) {
      return InvalidArgument(fmt::format("{}() got an unexpected keyword argument '{}'", function, name));
    }
    const Value*& slot = out.values_[static_cast<size_t>(place - out.names_.begin())];
    if (slot) return InvalidArgument(fmt::format("{}() got multiple values for argument '{}'", function, name));
    slot = &value;
  }
  for (size_t i = 0; i < required; ++i) {
    if (!out.values_[i]) return InvalidArgument(fmt::format("{}() missing required argument: '{}'", function, out.names_[i]));
  }
  return out;
}

Result<int64_t> BoundArguments::IntOr(size_t i, int64_t fallback) const {
  if (!values_[i]) return fallback;
  if (values_[i]->is(Kind::kInt)) return values_[i]->int_value();
  if (values_[i]->is(Kind::kBool)) return values_[i]->bool_value() ? 1 : 0;
  if (values_[i]->is(Kind::kUndefined)) return InvalidArgument(AsUndefined(*values_[i]).message);
  return InvalidArgument(
      fmt::format("{}(): argument '{}' must be an integer, not {}", function_, names_[i], TypeName(*values_[i])));
}

bool BoundArguments::TruthOr(size_t i, bool fallback) const {
  return values_[i] ? IsTrue(*values_[i]) : fallback;
}

Result<std::string_view> BoundArguments::Text(size_t i) const {
  if (values_[i] && values_[i]->is(Kind::kString)) return std::string_view(values_[i]->text());
  if (values_[i] && values_[i]->is(Kind::kUndefined)) return InvalidArgument(AsUndefined(*values_[i]).message);
  return InvalidArgument(fmt::format("{}(): argument '{}' must be str, not {}", function_, names_[i],
                                     values_[i] ? TypeName(*values_[i]) : std::string_view("missing")));
}

}  // namespace sterna::jinja
