// The state of one rendering that builtins share: its budgets, and the making of values that count against them.
#ifndef STERNA_TEXT_TEMPLATE_RUNTIME_H_
#define STERNA_TEXT_TEMPLATE_RUNTIME_H_

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "text/template/heap_object.h"
#include "text/template/template_options.h"

namespace sterna::jinja {

/// The evaluated arguments of a call, filter or test.
struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};

/// Lists, tuples and dicts deeper than this are refused, so that walking a value never recurses further.
inline constexpr int kMaxValueDepth = 100;
/// Bound of nested Evaluate, Execute and filter calls: at most 1600 bytes of stack each, so a thread with 1 MiB is enough.
inline constexpr int kMaxEvaluationDepth = 400;

class Runtime {
 public:
  explicit Runtime(const TemplateOptions& options);
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  const TemplateOptions& options() const { return options_; }

  /// Counts work. ResourceExhausted past TemplateLimits::max_steps.
  Status Spend(uint64_t steps) {
    steps_ += steps;
    return steps_ <= options_.limits.max_steps ? Status() : StepsExhausted();
  }
  Status SpendOnBytes(size_t bytes) { return Spend(bytes / 256); }

  /// Counts one level of evaluation for as long as it lives.
  class Level {
   public:
    explicit Level(Runtime& runtime) : runtime_(runtime) { ++runtime_.evaluation_depth_; }
    ~Level() { --runtime_.evaluation_depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;
    Status Check() const;

   private:
    Runtime& runtime_;
  };

  /// ResourceExhausted where a text of this size may not be made: asked before it is built.
  Status CheckTextSize(uint64_t bytes) const;
  /// ResourceExhausted where a list of this many items would pass the memory budget.
  Status CheckItemCount(uint64_t items) const;

  // Values that count against the memory budget until the last copy is gone.
  Result<Value> MakeString(std::string text, bool is_markup = false);
  Result<Value> MakeList(std::vector<Value> items);
  Result<Value> MakeTuple(std::vector<Value> items);
  Result<Value> MakeGroup(Value grouper, Value list);
  Result<Value> MakeIterator(std::vector<Value> items);
  Result<Value> MakeDict(std::vector<std::pair<Value, Value>> entries);
  Result<Value> MakeDictView(const Value& dict, DictViewObject::What what);
  Result<Value> MakeRange(int64_t start, int64_t stop, int64_t step);
  Result<Value> MakeNamespace();
  Result<Value> MakeMethod(Builtin function, const Value& self);
  Result<Value> MakeUndefined(std::string message);
  Result<Value> MakeMacro(const Statement& definition, Scope& scope);
  Status SetNamespaceAttribute(NamespaceObject& object, std::string_view name, Value value);

  /// The error under way is the text of raise_exception, meant for the caller as it is.
  void NoteRaisedByTemplate() { is_raised_by_template_ = true; }
  bool is_raised_by_template() const { return is_raised_by_template_; }

  /// Counts bytes that stay until the rendering ends, or are given back.
  Status ChargeForever(size_t bytes);
  void GiveBack(size_t bytes) { memory_.live_bytes -= bytes; }
  /// Counts the bytes of `object` until it is destroyed.
  Status Charge(HeapObject& object, size_t bytes);

 private:
  Status StepsExhausted() const;
  Status CheckDepth(const HeapObject& object) const;
  Result<Value> MakeSequence(Kind kind, std::vector<Value> items);

  const TemplateOptions& options_;
  MemoryBudget memory_;
  uint64_t steps_ = 0;
  int evaluation_depth_ = 0;
  bool is_raised_by_template_ = false;
  /// All namespaces, kept to the end: they are what values can form cycles and unbounded chains through.
  std::vector<std::shared_ptr<NamespaceObject>> namespaces_;
};

/// The arguments of a builtin, sorted into its parameters by Python's rules.
class BoundArguments {
 public:
  /// Errors: InvalidArgument with the function's name where a required one is missing or one is unknown, given twice or too many.
  static Result<BoundArguments> Bind(std::string_view function, const Arguments& arguments,
                                     std::initializer_list<std::string_view> parameters, size_t required = 0);

  /// Null where not given.
  const Value* at(size_t i) const { return values_[i]; }
  Value ValueOr(size_t i, Value fallback) const { return values_[i] ? *values_[i] : std::move(fallback); }
  /// InvalidArgument where given and no integer.
  Result<int64_t> IntOr(size_t i, int64_t fallback) const;
  bool TruthOr(size_t i, bool fallback) const;
  /// InvalidArgument where missing or no string.
  Result<std::string_view> Text(size_t i) const;
  bool IsNoneOrMissing(size_t i) const { return !values_[i] || values_[i]->is(Kind::kNone); }

 private:
  std::string_view function_;
  std::vector<std::string_view> names_;
  std::vector<const Value*> values_;
};

}  // namespace sterna::jinja

#endif  // STERNA_TEXT_TEMPLATE_RUNTIME_H_
