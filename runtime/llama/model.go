//go:build llama

package llama

// #include <stdlib.h>
// #include "shim.h"
import "C"

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync/atomic"
	"time"
	"unicode"
	"unsafe"
)

// ModelParams say how a model is loaded.
type ModelParams struct {
	// GPULayers is how many layers go to a GPU; -1 is all.
	GPULayers int
	// NoMmap reads the file instead of mapping it; Mlock keeps it in memory; CheckTensors looks for values that are
	// no numbers, which takes a pass over the whole file.
	NoMmap, Mlock, CheckTensors bool
	// CPUOnly leaves all devices alone but the CPU.
	CPUOnly bool
	// Progress is told how much is loaded, from 0 to 1, a few times a second. It may be nil.
	Progress func(float32)
}

// Model is a loaded model. What it says of its vocabulary may be asked by several goroutines at once.
type Model struct {
	c    *C.a0_model
	Info ModelInfo
}

// ModelInfo describes a model.
type ModelInfo struct {
	Description string
	// Vocabulary is the number of tokens, TrainContext the number of positions that it was trained for.
	Vocabulary, TrainContext, Layers int
	// Window is how many positions sliding-window layers look back; 0 is all.
	Window int
	// Size is in bytes.
	Size, Parameters uint64
	// PartialMemory says that a part of a sequence can be removed and copied: recurrent models have one state a sequence.
	PartialMemory bool
	// AddBOS and AddEOS say whether texts begin and end with those tokens.
	AddBOS, AddEOS bool
	// BOS, EOS and EOT are tokens, -1 where there is none.
	BOS, EOS, EOT int32
}

// LoadModel loads a model from one file, or from all the files of a split one in their order. Its header must have been
// checked before: a damaged one may end the process.
func LoadModel(ctx context.Context, paths []string, p ModelParams) (*Model, error) {
	cpaths := make([]*C.char, len(paths))
	for i, path := range paths {
		cpaths[i] = C.CString(path)
		defer C.free(unsafe.Pointer(cpaths[i]))
	}
	progress := (*C.a0_progress)(C.calloc(1, C.size_t(unsafe.Sizeof(C.a0_progress{}))))
	defer C.free(unsafe.Pointer(progress))
	done := make(chan struct{})
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		watch(ctx, progress, p.Progress, done)
	}()
	cp := C.a0_model_params{
		gpu_layers: C.int32_t(p.GPULayers), mmap: C.bool(!p.NoMmap), mlock: C.bool(p.Mlock),
		check_tensors: C.bool(p.CheckTensors), cpu_only: C.bool(p.CPUOnly),
	}
	var m *C.a0_model
	var why C.a0_message
	unloaded.Store(nil)
	code := C.a0_model_load(&cpaths[0], C.size_t(len(cpaths)), &cp, progress, &m, &why)
	close(done)
	<-watched
	if err := status("load "+paths[0], code, &why); err != nil {
		if said := unloaded.Load(); said != nil && !errors.Is(err, ErrAborted) {
			err = fmt.Errorf("%w: %s", err, cut(*said))
		}
		return nil, err
	}
	model := &Model{c: m}
	var decoder bool
	if model.Info, decoder = infoOf(m); !decoder {
		model.Close()
		return nil, &RefusedError{"the model does not generate text: it is an encoder or a diffusion model"}
	}
	return model, nil
}

// cut makes one short line of what llama.cpp says, which may have texts of the file in it.
func cut(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s[:min(len(s), 300)], ""))
}

// watch tells of the progress of a load, and stops the load when the context ends.
func watch(ctx context.Context, progress *C.a0_progress, tell func(float32), done <-chan struct{}) {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	cancelled := ctx.Done()
	for {
		select {
		case <-done:
			return
		case <-cancelled:
			atomic.StoreInt32((*int32)(unsafe.Pointer(&progress.stop)), 1)
			cancelled = nil
		case <-tick.C:
			if tell != nil {
				tell(math.Float32frombits(atomic.LoadUint32((*uint32)(unsafe.Pointer(&progress.done)))))
			}
		}
	}
}

func infoOf(m *C.a0_model) (info ModelInfo, decoder bool) {
	var i C.a0_model_info
	C.a0_model_info_get(m, &i)
	return ModelInfo{
		Description: C.GoString(&i.desc[0]), Vocabulary: int(i.n_vocab), TrainContext: int(i.n_ctx_train), Layers: int(i.n_layer), Window: int(i.window),
		Size: uint64(i.size), Parameters: uint64(i.n_params), PartialMemory: bool(i.partial_memory),
		AddBOS: bool(i.add_bos), AddEOS: bool(i.add_eos), BOS: int32(i.bos), EOS: int32(i.eos), EOT: int32(i.eot),
	}, bool(i.decoder)
}

// Close frees the model. Its contexts and samplers must be closed before.
func (m *Model) Close() { C.a0_model_free(m.c) }

// Meta returns a value of the file's header as text, and whether there is one.
func (m *Model) Meta(key string) (string, bool) {
	ckey := C.CString(key)
	defer C.free(unsafe.Pointer(ckey))
	n := C.a0_model_meta(m.c, ckey, nil, 0)
	if n < 0 {
		return "", false
	}
	buf := (*C.char)(C.malloc(C.size_t(n) + 1))
	defer C.free(unsafe.Pointer(buf))
	C.a0_model_meta(m.c, ckey, buf, C.size_t(n)+1)
	return C.GoStringN(buf, n), true
}

// Template returns the model's chat template, as Jinja, or "".
func (m *Model) Template() string {
	t := C.a0_model_template(m.c, nil)
	if t == nil {
		return ""
	}
	return C.GoString(t)
}

// Tokenize makes tokens of text. special adds what the model wants at the beginning and the end of a text; parse takes
// the names of control tokens in the text for those tokens.
func (m *Model) Tokenize(text string, special, parse bool) ([]int32, error) {
	if len(text) > math.MaxInt32/2 {
		return nil, &RefusedError{"the text is too long"}
	}
	tokens := make([]int32, len(text)+8)
	n := m.tokenize(text, tokens, special, parse)
	if n < 0 && n != math.MinInt32 {
		tokens = make([]int32, -n)
		n = m.tokenize(text, tokens, special, parse)
	}
	if n < 0 {
		return nil, errors.New("cannot make tokens of the text")
	}
	return tokens[:n:n], nil
}

func (m *Model) tokenize(text string, tokens []int32, special, parse bool) int32 {
	ptr := (*C.char)(unsafe.Pointer(unsafe.StringData(text)))
	if text == "" {
		ptr = nil
	}
	return int32(C.a0_tokenize(m.c, ptr, C.int32_t(len(text)), (*C.int32_t)(unsafe.Pointer(&tokens[0])), C.int32_t(len(tokens)), C.bool(special), C.bool(parse)))
}

// Piece appends the bytes of a token to b, which may be a part of a character. Control tokens have none but where
// special is true.
func (m *Model) Piece(b []byte, token int32, special bool) []byte {
	if !m.Valid(token) {
		return b
	}
	var short [64]byte
	n := C.a0_piece(m.c, C.int32_t(token), (*C.char)(unsafe.Pointer(&short[0])), C.int32_t(len(short)), C.bool(special))
	if n >= 0 {
		return append(b, short[:n]...)
	}
	if n == math.MinInt32 {
		return b
	}
	long := make([]byte, -n)
	n = C.a0_piece(m.c, C.int32_t(token), (*C.char)(unsafe.Pointer(&long[0])), C.int32_t(len(long)), C.bool(special))
	return append(b, long[:max(0, n)]...)
}

// Valid reports whether there is such a token.
func (m *Model) Valid(token int32) bool { return token >= 0 && int(token) < m.Info.Vocabulary }

// IsEnd reports whether a token ends what is generated.
func (m *Model) IsEnd(token int32) bool {
	return m.Valid(token) && bool(C.a0_is_end(m.c, C.int32_t(token)))
}

// IsControl reports whether a token is no text.
func (m *Model) IsControl(token int32) bool {
	return m.Valid(token) && bool(C.a0_is_control(m.c, C.int32_t(token)))
}
