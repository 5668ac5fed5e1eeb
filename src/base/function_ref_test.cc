#include "base/function_ref.h"

#include <gtest/gtest.h>

#include <memory>

namespace sterna {
namespace {

int Twice(FunctionRef<int(int)> function) {
  return function(1) + function(10);
}

TEST(FunctionRef, CallsTheObjectItselfNotACopy) {
  int calls = 0;
  EXPECT_EQ(Twice([calls](int x) mutable { return x + calls++; }), 1 + 11);
  EXPECT_EQ(calls, 0);
  auto counting = [&calls](int x) { return x + calls++; };
  EXPECT_EQ(Twice(counting), 12);
  EXPECT_EQ(calls, 2);
}

TEST(FunctionRef, AcceptsConstAndMoveOnlyCallablesAndArguments) {
  const auto owner = [value = std::make_unique<int>(5)](std::unique_ptr<int> x) { return *value + *x; };
  const FunctionRef<int(std::unique_ptr<int>)> function = owner;
  const FunctionRef<int(std::unique_ptr<int>)> copy = function;
  EXPECT_EQ(copy(std::make_unique<int>(7)), 12);
}

TEST(FunctionRef, KeepsReferenceArgumentsAndConvertsTheResult) {
  int target = 1;
  const auto set = [](int& x) { return x = 4; };
  const FunctionRef<double(int&)> function = set;
  EXPECT_EQ(function(target), 4.0);
  EXPECT_EQ(target, 4);
}

}  // namespace
}  // namespace sterna
