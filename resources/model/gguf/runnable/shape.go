package runnable

import (
	"math"
	"slices"
	"strings"

	"github.com/agent0-converge/agent0-converge/resources/model/gguf"
)

// The limits of llama-hparams.h.
const (
	maxLayers  = 512
	maxExperts = 512
)

// size checks what is counted in 32 bits with a sign.
func (m *model) size() error {
	for _, key := range []string{"context_length", "embedding_length"} {
		if name, v, ok := m.number(key); ok && (v < 1 || v > math.MaxInt32) {
			return refuse(name, "is %d, and has to be from 1 to %d", v, math.MaxInt32)
		}
	}
	return nil
}

// layers checks how many there are, and that each of a list of heads divides what it has to.
func (m *model) layers() error {
	name, v, ok := m.number("block_count")
	if ok && (v < 1 || v > maxLayers) {
		return refuse(name, "is %d, and has to be from 1 to %d", v, maxLayers)
	}
	heads, shared := m.perLayer("attention.head_count"), m.perLayer("attention.head_count_kv")
	for i := range min(len(heads), len(shared)) {
		if heads[i] > 0 && shared[i] > 0 && heads[i]%shared[i] != 0 {
			return refuse(m.arch+"attention.head_count_kv", "is %d in layer %d, which does not divide its %d heads", shared[i], i, heads[i])
		}
	}
	return nil
}

// perLayer is a value of each layer, whether the file says one for all or a list.
func (m *model) perLayer(key string) []int64 {
	if _, v, ok := m.number(key); ok {
		_, n, _ := m.number("block_count")
		return slices.Repeat([]int64{v}, int(min(max(n, 1), maxLayers)))
	}
	return m.Arrays[m.arch+key].Numbers
}

// experts checks what is asserted of a mixture of experts.
func (m *model) experts() error {
	_, all, _ := m.number("expert_count")
	used, n, _ := m.number("expert_used_count")
	count := m.arch + "expert_count"
	groups, g, _ := m.number("expert_group_count")
	of, chosen, _ := m.number("expert_group_used_count")
	switch {
	case all < 0 || all > maxExperts:
		return refuse(count, "is %d, and has to be from 0 to %d", all, maxExperts)
	case n < 0 || n > all || all > 0 && n == 0:
		return refuse(used, "is %d, and %s is %d", n, count, all)
	case g < 0 || all > 0 && g >= all || all == 0 && g != 0 || g > 1 && all%g != 0:
		return refuse(groups, "is %d, and %s is %d", g, count, all)
	case g > 1 && (chosen < 1 || chosen >= g):
		return refuse(of, "is %d, and %s is %d", chosen, groups, g)
	}
	return nil
}

// floats checks what is divided by or taken the root of.
func (m *model) floats() error {
	for _, key := range []string{"attention.layer_norm_epsilon", "attention.layer_norm_rms_epsilon", "attention.group_norm_epsilon"} {
		if v, ok := m.Floats[m.arch+key]; ok && !(v >= 0 && v <= 1) {
			return refuse(m.arch+key, "is %g, and has to be from 0 to 1", v)
		}
	}
	for _, key := range []string{"rope.freq_base", "rope.freq_base_swa"} {
		if v, ok := m.Floats[m.arch+key]; ok && (!(v > 0) || math.IsInf(v, 0)) {
			return refuse(m.arch+key, "is %g, and has to be more than 0", v)
		}
	}
	for _, key := range []string{"rope.scaling.factor", "rope.scale_linear", "rope.scaling.attn_factor"} {
		if v, ok := m.Floats[m.arch+key]; ok && (!(v >= 0) || math.IsInf(v, 0)) {
			return refuse(m.arch+key, "is %g, and has to be 0 or more", v)
		}
	}
	return nil
}

// rope checks how positions are stretched.
func (m *model) rope() error {
	name := m.arch + "rope.scaling.type"
	v, ok := m.Texts[name]
	if known := []string{"none", "linear", "yarn", "longrope"}; ok && !slices.Contains(known, v) {
		return refuse(name, "is %q, and has to be one of %s", v, strings.Join(known, ", "))
	}
	return nil
}

// matrices are those tensors that are multiplied with, in every architecture that has them; what comes before in their names is of a layer.
var matrices = []string{"token_embd.weight", "output.weight", "attn_q.weight", "attn_k.weight", "attn_v.weight", "attn_qkv.weight", "attn_output.weight",
	"ffn_gate.weight", "ffn_up.weight", "ffn_down.weight"}

// uncomputed are types of tensors with which no multiplication computes: of whole numbers, or for what lies between two steps.
var uncomputed = []gguf.TensorType{gguf.I8, gguf.I16, gguf.I32, gguf.I64, gguf.F64, gguf.Q8_1, gguf.Q8_K}

// tensors checks that the types of weights are such as can be computed with.
func (m *model) tensors() error {
	for _, t := range m.Tensors {
		name := t.Name
		if rest, ok := strings.CutPrefix(name, "blk."); ok {
			_, name, _ = strings.Cut(rest, ".")
		}
		switch {
		case slices.Contains(matrices, name) && slices.Contains(uncomputed, t.Type):
			return refuse(t.Name, "is stored as %v, with which nothing computes", t.Type)
		case strings.HasSuffix(name, "_norm.weight") && t.Type != gguf.F32:
			return refuse(t.Name, "is stored as %v, and a norm has to be %v", t.Type, gguf.F32)
		}
	}
	return nil
}
