// Walks a syntax tree and writes the text it renders to.
#ifndef STERNA_TEXT_TEMPLATE_EVALUATOR_H_
#define STERNA_TEXT_TEMPLATE_EVALUATOR_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/status.h"
#include "text/template/runtime.h"
#include "text/template/syntax_tree.h"

namespace sterna::jinja {

/// Names set in one run of a body. Names are views into the syntax tree.
class Scope {
 public:
  explicit Scope(Scope* parent) : parent_(parent) {}

  /// Here or outwards; null where the name is not set.
  const Value* Find(std::string_view name) const {
    for (const Scope* scope = this; scope; scope = scope->parent_) {
      const auto found = scope->values_.find(name);
      if (found != scope->values_.end()) return &found->second;
    }
    return nullptr;
  }
  void Set(std::string_view name, Value value) { values_[name] = std::move(value); }
  /// A macro refers to this scope and those around it: they live as long as the rendering.
  void Keep() {
    for (Scope* scope = this; scope; scope = scope->parent_) scope->is_kept_ = true;
  }
  bool is_kept() const { return is_kept_; }

 private:
  Scope* parent_;
  bool is_kept_ = false;
  std::unordered_map<std::string_view, Value> values_;
};

/// One rendering. Recursion over the tree is bounded by kMaxEvaluationDepth, calls by TemplateLimits::max_call_depth.
class Evaluator {
 public:
  /// `variables`: a dict. All arguments must outlive the object.
  Evaluator(const Value& variables, const TemplateOptions& options) : variables_(variables), runtime_(options) {}

  /// One use.
  Result<std::string> Run(const Body& body);

 private:
  enum class Flow : uint8_t { kNormal, kBreak, kContinue };
  class Capture;
  class InnerScope;

  // Statements: execute.cc
  Result<Flow> ExecuteBody(const Body& body, Scope& scope);
  Result<Flow> Execute(const Statement& statement, Scope& scope);
  Result<Flow> Dispatch(const Statement& statement, Scope& scope);
  Result<Flow> ExecuteIf(const Statement& statement, Scope& scope);
  Result<Flow> ExecuteFor(const Statement& statement, Scope& scope);
  Result<Flow> ExecuteCapture(const Statement& statement, Scope& scope);
  Result<Flow> ExecuteWith(const Statement& statement, Scope& scope);
  Status ExecuteOutput(const Statement& statement, Scope& scope);
  Status ExecuteCallBlock(const Statement& statement, Scope& scope);
  Status ExecuteMacro(const Statement& statement, Scope& scope);
  Result<Flow> RunLoop(const Statement& statement, Scope& scope, const Value& iterable, int depth0);
  Result<Value> MakeLoop(const Statement& statement, Scope& scope, const Value& iterable, int depth0);
  Status Assign(const Target& target, Value value, Scope& scope);
  Status Write(std::string_view text);
  Status WriteValue(const Value& value);

  // Expressions: evaluate.cc
  Result<Value> Evaluate(const Expression& expression, Scope& scope);
  Result<Value> Dispatch(const Expression& expression, Scope& scope);
  Result<Value> EvaluateName(const Expression& expression, Scope& scope);
  Result<std::vector<Value>> EvaluateAll(const std::vector<ExpressionPtr>& operands, Scope& scope);
  Result<Value> EvaluateDict(const Expression& expression, Scope& scope);
  Result<Value> EvaluateSlice(const Expression& expression, Scope& scope);
  Result<Value> EvaluateLogic(const Expression& expression, Scope& scope);
  Result<Value> EvaluateConcatenation(const Expression& expression, Scope& scope);
  Result<Value> EvaluateArithmetic(const Expression& expression, Scope& scope);
  Result<Value> EvaluateComparison(const Expression& expression, Scope& scope);
  Result<Value> EvaluateConditional(const Expression& expression, Scope& scope);
  Result<Value> EvaluateApplication(const Expression& expression, Scope& scope);
  Result<Value> EvaluateCall(const Expression& expression, Scope& scope, const Value* caller = nullptr);

  // Calls: call.cc
  Result<Arguments> EvaluateArguments(const CallArguments& arguments, Scope& scope);
  Result<Value> Call(const Value& callee, Arguments arguments);
  Result<Value> CallMacro(const MacroObject& macro, Arguments arguments);
  Status CheckCallDepth() const;
  Status BindMacroArguments(const Statement& definition, Arguments arguments, Scope& scope);

  /// Remembers where the error under way began: the innermost place that notes it.
  void NoteFailure(Position position) {
    if (!failure_) failure_ = position;
  }

  const Value& variables_;
  Runtime runtime_;
  std::vector<std::unique_ptr<Scope>> kept_scopes_;
  std::string* out_ = nullptr;  // where text goes now
  Value captured_;              // what filters of the block being closed apply to
  int call_depth_ = 0;
  std::optional<Position> failure_;
};

/// Text goes here instead of to the outer place, for as long as it lives.
class Evaluator::Capture {
 public:
  explicit Capture(Evaluator& evaluator) : evaluator_(evaluator), outer_(evaluator.out_) { evaluator_.out_ = &text_; }
  ~Capture() {
    evaluator_.out_ = outer_;
    evaluator_.runtime_.GiveBack(taken_bytes_ + text_.size());
  }
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;
  /// Ends the capture.
  std::string TakeText() {
    evaluator_.out_ = outer_;
    taken_bytes_ = text_.size();
    return std::exchange(text_, std::string());
  }
  Result<Value> Take() { return evaluator_.runtime_.MakeString(TakeText()); }

 private:
  Evaluator& evaluator_;
  std::string* outer_;
  std::string text_;
  size_t taken_bytes_ = 0;
};

/// A scope inside another; kept for the rendering where a macro refers to it.
class Evaluator::InnerScope {
 public:
  InnerScope(Evaluator& evaluator, Scope* parent) : evaluator_(evaluator), scope_(std::make_unique<Scope>(parent)) {}
  ~InnerScope() {
    if (scope_->is_kept()) evaluator_.kept_scopes_.push_back(std::move(scope_));
  }
  InnerScope(const InnerScope&) = delete;
  InnerScope& operator=(const InnerScope&) = delete;
  Scope& operator*() { return *scope_; }
  Scope* operator->() { return scope_.get(); }

 private:
  Evaluator& evaluator_;
  std::unique_ptr<Scope> scope_;
};

}  // namespace sterna::jinja

#endif  // STERNA_TEXT_TEMPLATE_EVALUATOR_H_
