//go:build llama

#include "shim.hpp"

#include "ggml-alloc.h"
#include "ggml-cpu.h"

#include <cmath>
#include <memory>

namespace {

// The matrices that a device is tried with: rows by columns, times columns by outputs.
constexpr int64_t columns = 256, rows = 64, outputs = 8;

template <auto f> struct frees {
	template <typename T> void operator()(T *p) const { f(p); }
};
using backend = std::unique_ptr<ggml_backend, frees<ggml_backend_free>>;
using context = std::unique_ptr<ggml_context, frees<ggml_free>>;
using buffer = std::unique_ptr<ggml_backend_buffer, frees<ggml_backend_buffer_free>>;

std::vector<float> numbers(int64_t n, int64_t period) {
	std::vector<float> v(n);
	for (int64_t i = 0; i < n; i++) {
		v[i] = static_cast<float>(i % period) / static_cast<float>(period) - 0.5f;
	}
	return v;
}

// product computes the same product on any device. It returns nothing, and says why, if the device does not.
std::vector<float> product(ggml_backend_t on, a0_message *why) {
	context ctx{ggml_init({ggml_tensor_overhead() * 8 + ggml_graph_overhead(), nullptr, true})};
	ggml_tensor *a = ggml_new_tensor_2d(ctx.get(), GGML_TYPE_F32, columns, rows);
	ggml_tensor *b = ggml_new_tensor_2d(ctx.get(), GGML_TYPE_F32, columns, outputs);
	ggml_tensor *c = ggml_mul_mat(ctx.get(), a, b);
	ggml_cgraph *graph = ggml_new_graph(ctx.get());
	ggml_build_forward_expand(graph, c);
	buffer memory{ggml_backend_alloc_ctx_tensors(ctx.get(), on)};
	if (!memory) {
		a0::say(why, "it has no memory");
		return {};
	}
	auto x = numbers(columns * rows, 37), y = numbers(columns * outputs, 53);
	ggml_backend_tensor_set(a, x.data(), 0, ggml_nbytes(a));
	ggml_backend_tensor_set(b, y.data(), 0, ggml_nbytes(b));
	if (ggml_backend_graph_compute(on, graph) != GGML_STATUS_SUCCESS) {
		a0::say(why, "it does not multiply matrices");
		return {};
	}
	std::vector<float> result(rows * outputs);
	ggml_backend_tensor_get(c, result.data(), 0, ggml_nbytes(c));
	return result;
}

} // namespace

int a0_device_prove(int32_t i, a0_message *why) {
	return a0::guard(why, [&] {
		backend device{ggml_backend_dev_init(ggml_backend_dev_get(i), nullptr)}, cpu{ggml_backend_cpu_init()};
		if (!device || !cpu) {
			a0::say(why, "it cannot be opened");
			return A0_FAILED;
		}
		auto got = product(device.get(), why);
		if (got.empty()) {
			return A0_FAILED;
		}
		auto want = product(cpu.get(), why);
		for (size_t n = 0; n < want.size(); n++) {
			// TF32, which GPUs may use, has 10 bits: an element is a sum of 256 products below 1/4.
			if (!(std::abs(got[n] - want[n]) < 0.1f)) {
				std::snprintf(why->text, sizeof why->text, "it computes wrong numbers: %g where the CPU gets %g", got[n], want[n]);
				return A0_FAILED;
			}
		}
		return want.empty() ? A0_FAILED : A0_OK;
	});
}
