//go:build llama

#include "shim.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>

extern "C" void a0Log(int level, char *text, void *); // Go

void a0_init(void) {
	llama_log_set([](ggml_log_level level, const char *text, void *) { a0Log(level, const_cast<char *>(text), nullptr); }, nullptr);
	llama_backend_init();
}

int a0_load_backend(const char *path, a0_message *why) {
	return a0::guard(why, [&] {
		if (ggml_backend_load(path) != nullptr) {
			return A0_OK;
		}
		a0::say(why, "the library does not load, or is of another version");
		return A0_FAILED;
	});
}

int32_t a0_device_count(void) { return static_cast<int32_t>(ggml_backend_dev_count()); }

void a0_device_get(int32_t i, a0_device *out) {
	ggml_backend_dev_t dev = ggml_backend_dev_get(i);
	*out = {};
	std::snprintf(out->name, sizeof out->name, "%s", ggml_backend_dev_name(dev));
	std::snprintf(out->description, sizeof out->description, "%s", ggml_backend_dev_description(dev));
	std::snprintf(out->backend, sizeof out->backend, "%s", ggml_backend_reg_name(ggml_backend_dev_backend_reg(dev)));
	out->type = ggml_backend_dev_type(dev);
	size_t free = 0, total = 0;
	ggml_backend_dev_memory(dev, &free, &total);
	out->free = free, out->total = total;
}

int a0_model_load(const char **paths, size_t n_paths, const a0_model_params *p, a0_progress *progress, a0_model **out, a0_message *why) {
	return a0::guard(why, [&] {
		ggml_backend_dev_t none[] = {nullptr};
		llama_model_params mp = llama_model_default_params();
		mp.n_gpu_layers = p->gpu_layers < 0 ? 9999 : p->gpu_layers;
		mp.use_mmap = p->mmap;
		mp.use_mlock = p->mlock;
		mp.check_tensors = p->check_tensors;
		if (p->cpu_only) {
			mp.devices = none;
		}
		mp.progress_callback = [](float done, void *data) {
			auto *progress = static_cast<a0_progress *>(data);
			__atomic_store(&progress->done, &done, __ATOMIC_RELAXED);
			return __atomic_load_n(&progress->stop, __ATOMIC_RELAXED) == 0;
		};
		mp.progress_callback_user_data = progress;
		llama_model *model = n_paths == 1 ? llama_model_load_from_file(paths[0], mp) : llama_model_load_from_splits(paths, n_paths, mp);
		if (model == nullptr) {
			a0::say(why, "llama.cpp does not load it");
			return __atomic_load_n(&progress->stop, __ATOMIC_RELAXED) ? A0_ABORTED : A0_FAILED;
		}
		const llama_vocab *vocab = llama_model_get_vocab(model);
		*out = new a0_model{model, vocab, llama_vocab_n_tokens(vocab), {}, -1};
		a0::closers(*out);
		return A0_OK;
	});
}

void a0_model_free(a0_model *m) {
	llama_model_free(m->model);
	delete m;
}

void a0_model_info_get(const a0_model *m, a0_model_info *out) {
	*out = {};
	out->n_vocab = m->n_vocab;
	out->n_ctx_train = llama_model_n_ctx_train(m->model);
	out->n_layer = llama_model_n_layer(m->model);
	out->window = llama_model_n_swa(m->model);
	out->size = llama_model_size(m->model);
	out->n_params = llama_model_n_params(m->model);
	llama_model_desc(m->model, out->desc, sizeof out->desc);
	out->partial_memory = !llama_model_is_recurrent(m->model) && !llama_model_is_hybrid(m->model);
	out->decoder = llama_model_has_decoder(m->model) && !llama_model_has_encoder(m->model) && !llama_model_is_diffusion(m->model);
	out->add_bos = llama_vocab_get_add_bos(m->vocab);
	out->add_eos = llama_vocab_get_add_eos(m->vocab);
	out->bos = llama_vocab_bos(m->vocab);
	out->eos = llama_vocab_eos(m->vocab);
	out->eot = llama_vocab_eot(m->vocab);
}

int32_t a0_model_meta(const a0_model *m, const char *key, char *buf, size_t n) { return llama_model_meta_val_str(m->model, key, buf, n); }

const char *a0_model_template(const a0_model *m, const char *name) { return llama_model_chat_template(m->model, name); }

int32_t a0_tokenize(const a0_model *m, const char *text, int32_t len, int32_t *tokens, int32_t n, bool special, bool parse) {
	int32_t result = INT32_MIN;
	a0_message why;
	a0::guard(&why, [&] {
		result = llama_tokenize(m->vocab, text, len, tokens, n, special, parse);
		return A0_OK;
	});
	return result;
}

int32_t a0_piece(const a0_model *m, int32_t token, char *buf, int32_t n, bool special) {
	int32_t result = INT32_MIN;
	a0_message why;
	a0::guard(&why, [&] {
		result = llama_token_to_piece(m->vocab, token, buf, n, 0, special);
		return A0_OK;
	});
	return result;
}

bool a0_is_end(const a0_model *m, int32_t token) { return llama_vocab_is_eog(m->vocab, token); }

bool a0_is_control(const a0_model *m, int32_t token) { return llama_vocab_is_control(m->vocab, token); }

const char *a0_system_info(void) { return llama_print_system_info(); }

void a0_assert_false(void) { GGML_ABORT("asked to"); }
