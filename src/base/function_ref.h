// A reference to something callable, for arguments that are called before the function returns: no allocation, no ownership.
#ifndef STERNA_BASE_FUNCTION_REF_H_
#define STERNA_BASE_FUNCTION_REF_H_

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

namespace sterna {

template <class Signature>
class FunctionRef;

/// Refers to a callable object; two pointers, copied by value. The object must outlive every call, so take a FunctionRef as a
/// parameter and keep none. A temporary lambda in the call expression lives long enough.
template <class Out, class... In>
class FunctionRef<Out(In...)> {
 public:
  template <class Callable>
  requires(!std::same_as<std::remove_cvref_t<Callable>, FunctionRef> && std::is_invocable_r_v<Out, Callable&, In...>)
      FunctionRef(Callable&& callable)
  noexcept  // NOLINT: implicit, so that a lambda can be passed
      : object_(const_cast<void*>(static_cast<const void*>(std::addressof(callable)))), call_([](void* object, In... in) -> Out {
          return (*static_cast<std::remove_reference_t<Callable>*>(object))(std::forward<In>(in)...);
        }) {
    static_assert(!std::is_function_v<std::remove_reference_t<Callable>>, "wrap a plain function in a lambda");
  }

  Out operator()(In... in) const { return call_(object_, std::forward<In>(in)...); }

 private:
  void* object_;
  Out (*call_)(void*, In...);
};

}  // namespace sterna

#endif  // STERNA_BASE_FUNCTION_REF_H_
