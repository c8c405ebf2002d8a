// The one door to llama.cpp. No C++ exception leaves it, and nothing in it trusts a number: what comes from a
// request was checked in Go before. A failed GGML_ASSERT ends the process all the same.
#ifndef AGENT0_SHIM_H
#define AGENT0_SHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum a0_status {
	A0_OK = 0,
	A0_NO_ROOM = 1,  // the KV cache has no place for the batch; nothing was changed
	A0_ABORTED = 2,  // the load was given up as asked
	A0_REFUSED = 3,  // what was asked for is wrong: a grammar that does not parse
	A0_DEAD_END = 4, // no token can follow
	A0_FAILED = 5,   // llama.cpp failed; the message says how
};

// a0_message holds why a call failed.
typedef struct {
	char text[512];
} a0_message;

typedef struct a0_model a0_model;
typedef struct a0_context a0_context;
typedef struct a0_sampler a0_sampler;

// Levels of a0_log_callback are those of ggml_log_level.
void a0_init(void);
// Loads one backend library and reports by its devices.
int a0_load_backend(const char *path, a0_message *why);
int32_t a0_device_count(void);

typedef struct {
	char name[64];        // "CUDA0"
	char description[128]; // "NVIDIA GeForce RTX 4090"
	char backend[32];     // "CUDA"
	int32_t type;         // ggml_backend_dev_type
	uint64_t free, total; // bytes of memory
} a0_device;
void a0_device_get(int32_t i, a0_device *out);
// Has a device multiply matrices, and compares with the CPU.
int a0_device_prove(int32_t i, a0_message *why);

typedef struct {
	int32_t gpu_layers; // layers that go to a GPU, -1 all
	bool mmap, mlock, check_tensors;
	bool cpu_only; // no device but the CPU, whatever was loaded
} a0_model_params;

// a0_progress is what a load has done and whether it is to be given up; both sides read it while the load runs.
typedef struct {
	float done; // 0 to 1
	int32_t stop;
} a0_progress;

int a0_model_load(const char **paths, size_t n_paths, const a0_model_params *p, a0_progress *progress, a0_model **out, a0_message *why);
void a0_model_free(a0_model *m);

typedef struct {
	int32_t n_vocab, n_ctx_train, n_layer;
	int32_t window; // positions that sliding-window layers look back, 0 all
	uint64_t size, n_params;
	char desc[128];
	bool partial_memory; // a part of a sequence can be removed and copied
	bool decoder;        // it generates text
	bool add_bos, add_eos;
	int32_t bos, eos, eot;
} a0_model_info;
void a0_model_info_get(const a0_model *m, a0_model_info *out);
// Returns the length of the value, or -1 if there is none; writes at most n bytes with a zero at the end.
int32_t a0_model_meta(const a0_model *m, const char *key, char *buf, size_t n);
// Returns the chat template, or NULL.
const char *a0_model_template(const a0_model *m, const char *name);

// Both return how many there are, or the negative number of how many there would be if n is too small, or INT32_MIN.
int32_t a0_tokenize(const a0_model *m, const char *text, int32_t len, int32_t *tokens, int32_t n, bool special, bool parse);
int32_t a0_piece(const a0_model *m, int32_t token, char *buf, int32_t n, bool special);
bool a0_is_end(const a0_model *m, int32_t token);
bool a0_is_control(const a0_model *m, int32_t token);

typedef struct {
	uint32_t n_ctx, n_batch, n_ubatch, n_seq_max;
	int32_t threads, threads_batch;
	int32_t type_k, type_v; // ggml_type
	int32_t flash_attention; // llama_flash_attn_type
	// Whether all sequences share one pool of cells, or each has n_ctx / n_seq_max of its own.
	bool unified;
} a0_context_params;

int a0_context_new(a0_model *m, const a0_context_params *p, a0_context **out, a0_message *why);
void a0_context_free(a0_context *c);
uint32_t a0_context_size(const a0_context *c);

typedef struct {
	int32_t token, pos, seq;
	int32_t output; // not 0: its logits are wanted
} a0_entry;

// Computes n entries. Afterwards the logits of entry i are there if it wanted them.
int a0_decode(a0_context *c, const a0_entry *entries, int32_t n, a0_message *why);

bool a0_seq_remove(a0_context *c, int32_t seq, int32_t from, int32_t to);
void a0_seq_copy(a0_context *c, int32_t from_seq, int32_t to_seq, int32_t from, int32_t to);
int32_t a0_seq_first(a0_context *c, int32_t seq);
int32_t a0_seq_last(a0_context *c, int32_t seq);
void a0_clear(a0_context *c);

typedef struct {
	int32_t token;
	float bias;
} a0_bias;

// The fields mean what llama.cpp's do.
typedef struct {
	float temperature, dynatemp_range, dynatemp_exponent;
	int32_t top_k;
	float top_p, min_p, typical_p, top_n_sigma;
	float xtc_probability, xtc_threshold;
	int32_t repeat_last_n;
	float repeat_penalty, frequency_penalty, presence_penalty;
	float dry_multiplier, dry_base;
	int32_t dry_allowed_length, dry_penalty_last_n;
	const char **dry_breakers;
	size_t n_dry_breakers;
	int32_t mirostat;
	float mirostat_tau, mirostat_eta;
	int32_t min_keep;
	const a0_bias *biases;
	size_t n_biases;
	const char *grammar; // GBNF, or NULL
} a0_sampling;

int a0_sampler_new(const a0_model *m, const a0_sampling *p, a0_sampler **out, a0_message *why);
void a0_sampler_free(a0_sampler *s);
// a0_sampler_lead has a sampler with a grammar of JSON lead the model to the end of it: where the model would end and may
// not, and with hurry at every token.
void a0_sampler_lead(a0_sampler *s, bool hurry);
// a0_sampler_remember tells the sampler of a prompt: penalties look back at it, a grammar begins after it.
int a0_sampler_remember(a0_sampler *s, const int32_t *tokens, size_t n, a0_message *why);
// a0_sampler_accept tells the sampler of a token that was chosen.
int a0_sampler_accept(a0_sampler *s, int32_t token, a0_message *why);

typedef struct {
	int32_t token;
	float logprob; // natural logarithm of the model's own probability, before any sampling parameter
} a0_prob;

// Chooses a token by the logits of entry i of the last batch and accepts it. u, in [0, 1), is where in the
// distribution it falls; gate, in [0, 1), decides whether xtc is used. n_top of the likeliest tokens are written to
// top, and prob is the chosen one's; with n_top < 0 neither is.
int a0_sample(a0_context *c, int32_t i, a0_sampler *s, double u, double gate, int32_t n_top, a0_prob *prob, a0_prob *top, a0_message *why);

// The two largest logits of entry i of the last batch.
void a0_top_two(a0_context *c, int32_t i, float *first, float *second);

const char *a0_system_info(void);

// For tests: fails an assertion in C, as a damaged model or an error of llama.cpp would.
void a0_assert_false(void);

#ifdef __cplusplus
}
#endif
#endif
