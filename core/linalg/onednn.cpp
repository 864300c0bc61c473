// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/kernels/dispatch.hpp>
#include <newtape/core/linalg/onednn.hpp>
#include <newtape/core/runtime/error.hpp>

#include <array>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#if defined(NEWTAPE_HAVE_ONEDNN) && defined(__x86_64__)
#include <dnnl.h>
#include <dnnl_version.h>
#if DNNL_VERSION_MAJOR == 2
#define NEWTAPE_CAN_USE_ONEDNN
#include <dlfcn.h>
#endif
#endif

namespace newtape::core::onednn {

#if defined(NEWTAPE_CAN_USE_ONEDNN)

namespace {

/// No table of prepared products is used any more: the process ends, and oneDNN's own objects may be gone.
bool exiting = false;

/// oneDNN's functions, by the types of its header.
struct Library {
  const char* missing = nullptr;  ///< what keeps it from use
  dnnl_engine_t engine = nullptr;
  decltype(&dnnl_engine_create) engine_create = nullptr;
  decltype(&dnnl_stream_create) stream_create = nullptr;
  decltype(&dnnl_stream_destroy) stream_destroy = nullptr;
  decltype(&dnnl_memory_desc_init_by_strides) memory_desc_init_by_strides = nullptr;
  decltype(&dnnl_matmul_desc_init) matmul_desc_init = nullptr;
  decltype(&dnnl_primitive_attr_create) primitive_attr_create = nullptr;
  decltype(&dnnl_primitive_attr_destroy) primitive_attr_destroy = nullptr;
  decltype(&dnnl_primitive_attr_set_post_ops) primitive_attr_set_post_ops = nullptr;
  decltype(&dnnl_post_ops_create) post_ops_create = nullptr;
  decltype(&dnnl_post_ops_destroy) post_ops_destroy = nullptr;
  decltype(&dnnl_post_ops_append_sum) post_ops_append_sum = nullptr;
  decltype(&dnnl_primitive_desc_create) primitive_desc_create = nullptr;
  decltype(&dnnl_primitive_desc_destroy) primitive_desc_destroy = nullptr;
  decltype(&dnnl_primitive_create) primitive_create = nullptr;
  decltype(&dnnl_primitive_destroy) primitive_destroy = nullptr;
  decltype(&dnnl_primitive_execute) primitive_execute = nullptr;
  decltype(&dnnl_memory_create) memory_create = nullptr;
  decltype(&dnnl_memory_destroy) memory_destroy = nullptr;
  decltype(&dnnl_memory_set_data_handle) memory_set_data_handle = nullptr;
  // Of the OpenMP that oneDNN uses: each call keeps to its thread.
  void (*omp_set_num_threads)(int) = nullptr;
  int (*omp_get_max_threads)() = nullptr;

  Library() {
    __builtin_cpu_init();
    if (kernels::isa() != kernels::Isa::avx512 || !__builtin_cpu_supports("avx512bf16")) {
      missing = "the processor has no dot products of bf16, or NEWTAPE_ISA forbids them";
      return;
    }
    void* const handle = dlopen(("libdnnl.so." + std::to_string(DNNL_VERSION_MAJOR)).c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr || !load(handle)) {
      missing = "oneDNN is not found where Newtape runs";
    } else if (engine_create(&engine, dnnl_cpu, 0) != dnnl_success) {
      missing = "oneDNN does not start";
    } else {
      std::atexit([] { exiting = true; });  // comes before the end of what was loaded before
    }
  }

 private:
  bool load(void* handle) {
    bool found = true;
    const auto get = [&](auto& function, const char* name) {
      function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(handle, name));
      found = found && function != nullptr;
    };
    get(engine_create, "dnnl_engine_create");
    get(stream_create, "dnnl_stream_create");
    get(stream_destroy, "dnnl_stream_destroy");
    get(memory_desc_init_by_strides, "dnnl_memory_desc_init_by_strides");
    get(matmul_desc_init, "dnnl_matmul_desc_init");
    get(primitive_attr_create, "dnnl_primitive_attr_create");
    get(primitive_attr_destroy, "dnnl_primitive_attr_destroy");
    get(primitive_attr_set_post_ops, "dnnl_primitive_attr_set_post_ops");
    get(post_ops_create, "dnnl_post_ops_create");
    get(post_ops_destroy, "dnnl_post_ops_destroy");
    get(post_ops_append_sum, "dnnl_post_ops_append_sum");
    get(primitive_desc_create, "dnnl_primitive_desc_create");
    get(primitive_desc_destroy, "dnnl_primitive_desc_destroy");
    get(primitive_create, "dnnl_primitive_create");
    get(primitive_destroy, "dnnl_primitive_destroy");
    get(primitive_execute, "dnnl_primitive_execute");
    get(memory_create, "dnnl_memory_create");
    get(memory_destroy, "dnnl_memory_destroy");
    get(memory_set_data_handle, "dnnl_memory_set_data_handle");
    get(omp_set_num_threads, "omp_set_num_threads");  // dlsym looks into what the library depends on, too
    get(omp_get_max_threads, "omp_get_max_threads");
    return found;
  }
};

const Library& library() {
  static const Library loaded;
  return loaded;
}

void check(dnnl_status_t status) {
  if (status == dnnl_success) return;
  raise<NumericalError>("oneDNN: a product of bf16 failed", "status 0", std::to_string(static_cast<int>(status)));
}

/// OpenMP's number of threads of the calling thread, for a scope.
class OneThread {
 public:
  OneThread() : before_(library().omp_get_max_threads()) { library().omp_set_num_threads(1); }
  ~OneThread() { library().omp_set_num_threads(before_); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;
};

/// An object of oneDNN's.
template <class T, dnnl_status_t (*Library::*destroy)(T)>
struct Destroy {
  void operator()(T object) const {
    if (!exiting) static_cast<void>((library().*destroy)(object));
  }
};
template <class T, dnnl_status_t (*Library::*destroy)(T)>
using Owned = std::unique_ptr<std::remove_pointer_t<T>, Destroy<T, destroy>>;
using Memory = Owned<dnnl_memory_t, &Library::memory_destroy>;

/// `make(&object)`, owned.
template <class T, class F>
T made(const F& make) {
  typename T::pointer object = nullptr;
  check(make(&object));
  return T(object);
}

/// A prepared product of given lengths and strides.
struct Prepared {
  Owned<dnnl_primitive_t, &Library::primitive_destroy> primitive;
  Memory a, b, c;

  explicit Prepared(const Product& p) {
    const Library& lib = library();
    const auto described = [&](std::int64_t rows, std::int64_t columns, dnnl_data_type_t type, std::int64_t row,
                               std::int64_t column) {
      const dnnl_dims_t dims = {rows, columns}, strides = {row, column};
      dnnl_memory_desc_t d;
      check(lib.memory_desc_init_by_strides(&d, 2, dims, type, strides));
      return d;
    };
    const auto da = described(p.n, p.k, dnnl_bf16, p.a_row, p.a_column);
    const auto db = described(p.k, p.m, dnnl_bf16, p.b_row, p.b_column);
    const auto dc = described(p.n, p.m, dnnl_f32, p.c_row, 1);
    dnnl_matmul_desc_t product;
    check(lib.matmul_desc_init(&product, &da, &db, nullptr, &dc));
    const auto attributes =
        made<Owned<dnnl_primitive_attr_t, &Library::primitive_attr_destroy>>(lib.primitive_attr_create);
    if (p.add) {
      const auto sum = made<Owned<dnnl_post_ops_t, &Library::post_ops_destroy>>(lib.post_ops_create);
      check(lib.post_ops_append_sum(sum.get(), 1.0F));
      check(lib.primitive_attr_set_post_ops(attributes.get(), sum.get()));
    }
    using Description =
        std::unique_ptr<dnnl_primitive_desc, Destroy<dnnl_primitive_desc_t, &Library::primitive_desc_destroy>>;
    const auto description = made<Description>([&](dnnl_primitive_desc_t* d) {
      return lib.primitive_desc_create(d, &product, attributes.get(), lib.engine, nullptr);
    });
    primitive = made<decltype(primitive)>([&](auto* x) { return lib.primitive_create(x, description.get()); });
    const auto memory = [&](const dnnl_memory_desc_t& d) {
      return made<Memory>([&](auto* x) { return lib.memory_create(x, &d, lib.engine, DNNL_MEMORY_NONE); });
    };
    a = memory(da);
    b = memory(db);
    c = memory(dc);
  }
};

/// What a thread has prepared: oneDNN's scratch memory belongs to the thread that made a product.
struct Table {
  // Far more than the layers of most networks have; a program with ever new lengths begins anew.
  static constexpr std::size_t most = 256;
  using Key = std::array<std::int64_t, 9>;

  Owned<dnnl_stream_t, &Library::stream_destroy> stream;
  std::map<Key, Prepared> products;

  const Prepared& find(const Product& p) {
    const Key key{p.n, p.m, p.k, p.a_row, p.a_column, p.b_row, p.b_column, p.c_row, p.add ? 1 : 0};
    if (const auto at = products.find(key); at != products.end()) return at->second;
    if (products.size() == most) products.clear();
    return products.emplace(key, Prepared(p)).first->second;
  }
};

}  // namespace

bool is_available() { return library().missing == nullptr; }

std::string description() {
  if (!is_available()) return library().missing;
  return "oneDNN " + std::to_string(DNNL_VERSION_MAJOR) + "." + std::to_string(DNNL_VERSION_MINOR);
}

void multiply(const Product& p) {
  const Library& lib = library();
  const OneThread one;
  static thread_local Table table;
  if (!table.stream) {
    table.stream = made<decltype(table.stream)>(
        [&](auto* x) { return lib.stream_create(x, lib.engine, dnnl_stream_default_flags); });
  }
  const Prepared& made = table.find(p);
  check(lib.memory_set_data_handle(made.a.get(), const_cast<std::uint16_t*>(p.a)));  // NOLINT: it is only read
  check(lib.memory_set_data_handle(made.b.get(), const_cast<std::uint16_t*>(p.b)));  // NOLINT: it is only read
  check(lib.memory_set_data_handle(made.c.get(), p.c));
  const dnnl_exec_arg_t arguments[] = {
      {DNNL_ARG_SRC, made.a.get()}, {DNNL_ARG_WEIGHTS, made.b.get()}, {DNNL_ARG_DST, made.c.get()}};
  check(lib.primitive_execute(made.primitive.get(), table.stream.get(), 3, arguments));
}

#else

bool is_available() { return false; }
std::string description() { return "Newtape was built without oneDNN"; }
void multiply(const Product&) {
  raise<NumericalError>("oneDNN: this build is without it", "is_available()", "a product");
}

#endif

}  // namespace newtape::core::onednn
