// A GPU on paper: ggml's CPU backend, compiled into this library, behind a device that says it is a GPU and keeps its memory to
// itself. What is wrong with it can be chosen: PAPER_NAME is what the backend is called.
#include "ggml-backend-impl.h"
#include "ggml-cpu.h"
#include "ggml-impl.h"

#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <memory>
#include <string>
#include <sys/types.h>
#include <unistd.h>

extern "C" ggml_backend_reg_t ggml_backend_cpu_reg(void);

static ggml_backend_dev_t paper();

// Memory

static const char *buft_name(ggml_backend_buffer_type_t) { return PAPER_NAME "0"; }

// Nobody else may look into the memory of a GPU: what is not asked of it as a GPU would be asked is not there.
static bool not_host(ggml_backend_buffer_type_t) { return false; }

static ggml_backend_buffer_type_t paper_buft() {
	static ggml_backend_buffer_type type = [] {
		ggml_backend_buffer_type t = *ggml_backend_cpu_buffer_type();
		t.iface.get_name = buft_name;
		t.iface.is_host = not_host;
		t.iface.alloc_buffer = [](ggml_backend_buffer_type_t self, size_t size) {
			ggml_backend_buffer_t b = ggml_backend_buft_alloc_buffer(ggml_backend_cpu_buffer_type(), size);
			if (b != nullptr) {
				b->buft = self;
			}
			return b;
		};
		t.device = paper();
		return t;
	}();
	return &type;
}

// Streams

static ggml_guid_t paper_guid() {
	static ggml_guid guid = {'a', 'g', 'e', 'n', 't', '0', ' ', 'p', 'a', 'p', 'e', 'r', ' ', 'g', 'p', 'u'};
	return &guid;
}

// computed tells once from which file the code comes that computes: the names in it are the engine's names too.
static void computed() {
	static bool said = false;
	if (said) {
		return;
	}
	said = true;
	Dl_info info = {};
	dladdr(reinterpret_cast<void *>(ggml_graph_compute), &info);
	GGML_LOG_WARN("paper: computing by the code in %s\n", info.dli_fname);
}

static ggml_backend_t open_stream(ggml_backend_dev_t dev, const char *) {
	ggml_backend_t b = ggml_backend_cpu_init();
	if (b == nullptr) {
		return nullptr;
	}
	ggml_backend_cpu_set_n_threads(b, 1);
	static auto compute = b->iface.graph_compute;
	b->guid = paper_guid();
	b->device = dev;
	b->iface.get_name = [](ggml_backend_t) { return PAPER_NAME "0"; };
	b->iface.graph_compute = [](ggml_backend_t self, ggml_cgraph *graph, int batch) {
		computed();
#ifdef PAPER_BREAKS_LATER
		if (graph->n_nodes > 8) { // the proof is one product; a model is more
			abort();
		}
#endif
#ifdef PAPER_HANGS_LATER
		while (graph->n_nodes > 8) {
			sleep(1);
		}
#endif
		ggml_status status = compute(self, graph, batch);
#ifdef PAPER_WRONG
		ggml_tensor *last = graph->nodes[graph->n_nodes - 1];
		static_cast<float *>(last->data)[0] += 1;
#endif
		return status;
	};
	return b;
}

// The device

static ggml_backend_dev_t paper() {
	static ggml_backend_device device = [] {
		ggml_backend_device d = *ggml_backend_reg_dev_get(ggml_backend_cpu_reg(), 0);
		d.iface.get_name = [](ggml_backend_dev_t) { return PAPER_NAME "0"; };
		d.iface.get_description = [](ggml_backend_dev_t) { return "a GPU on paper"; };
		d.iface.get_type = [](ggml_backend_dev_t) { return GGML_BACKEND_DEVICE_TYPE_GPU; };
		d.iface.get_props = [](ggml_backend_dev_t dev, ggml_backend_dev_props *p) {
			*p = {};
			p->name = ggml_backend_dev_name(dev);
			p->description = ggml_backend_dev_description(dev);
			p->type = ggml_backend_dev_type(dev);
			ggml_backend_dev_memory(dev, &p->memory_free, &p->memory_total);
		};
		d.iface.init_backend = open_stream;
		d.iface.get_buffer_type = [](ggml_backend_dev_t) { return paper_buft(); };
		d.iface.buffer_from_host_ptr = nullptr;
		d.iface.supports_buft = [](ggml_backend_dev_t, ggml_backend_buffer_type_t t) { return t == paper_buft(); };
		return d;
	}();
	return &device;
}

static size_t device_count(ggml_backend_reg_t) {
#ifdef PAPER_NO_DEVICE
	return 0;
#else
	return 1;
#endif
}

static ggml_backend_reg_t paper_reg() {
	static ggml_backend_reg reg = {
		GGML_BACKEND_API_VERSION,
		{
			[](ggml_backend_reg_t) { return PAPER_NAME; },
			device_count,
			[](ggml_backend_reg_t, size_t) { return paper(); },
			[](ggml_backend_reg_t, const char *) -> void * { return nullptr; },
		},
		nullptr,
	};
	paper()->reg = &reg;
	return &reg;
}

GGML_BACKEND_DL_IMPL(paper_reg)
