package gguf

import "fmt"

// TensorType is how a tensor's elements are stored, by its number in the format.
type TensorType uint32

// The types of tensors, ggml_type of ggml.h in llama.cpp b10864. Their blocks are in TensorType.Block.
const (
	F32     TensorType = 0
	F16     TensorType = 1
	Q4_0    TensorType = 2
	Q4_1    TensorType = 3
	Q5_0    TensorType = 6
	Q5_1    TensorType = 7
	Q8_0    TensorType = 8
	Q8_1    TensorType = 9
	Q2_K    TensorType = 10
	Q3_K    TensorType = 11
	Q4_K    TensorType = 12
	Q5_K    TensorType = 13
	Q6_K    TensorType = 14
	Q8_K    TensorType = 15
	IQ2_XXS TensorType = 16
	IQ2_XS  TensorType = 17
	IQ3_XXS TensorType = 18
	IQ1_S   TensorType = 19
	IQ4_NL  TensorType = 20
	IQ3_S   TensorType = 21
	IQ2_S   TensorType = 22
	IQ4_XS  TensorType = 23
	I8      TensorType = 24
	I16     TensorType = 25
	I32     TensorType = 26
	I64     TensorType = 27
	F64     TensorType = 28
	IQ1_M   TensorType = 29
	BF16    TensorType = 30
	TQ1_0   TensorType = 34
	TQ2_0   TensorType = 35
	MXFP4   TensorType = 39
	NVFP4   TensorType = 40
	Q1_0    TensorType = 41
	Q2_0    TensorType = 42
)

// layout is how a type is stored: per elements in a block of width bytes. One without a block was removed from the format,
// and instead says what took its place.
type layout struct {
	name       string
	per, width int
	instead    string
}

// layouts are type_traits of ggml.c with the sizes of the blocks in ggml-common.h.
var layouts = [...]layout{
	F32:     {name: "F32", per: 1, width: 4},
	F16:     {name: "F16", per: 1, width: 2},
	Q4_0:    {name: "Q4_0", per: 32, width: 18},
	Q4_1:    {name: "Q4_1", per: 32, width: 20},
	4:       {name: "Q4_2", instead: "Q4_0"},
	5:       {name: "Q4_3", instead: "Q4_1"},
	Q5_0:    {name: "Q5_0", per: 32, width: 22},
	Q5_1:    {name: "Q5_1", per: 32, width: 24},
	Q8_0:    {name: "Q8_0", per: 32, width: 34},
	Q8_1:    {name: "Q8_1", per: 32, width: 36},
	Q2_K:    {name: "Q2_K", per: 256, width: 84},
	Q3_K:    {name: "Q3_K", per: 256, width: 110},
	Q4_K:    {name: "Q4_K", per: 256, width: 144},
	Q5_K:    {name: "Q5_K", per: 256, width: 176},
	Q6_K:    {name: "Q6_K", per: 256, width: 210},
	Q8_K:    {name: "Q8_K", per: 256, width: 292},
	IQ2_XXS: {name: "IQ2_XXS", per: 256, width: 66},
	IQ2_XS:  {name: "IQ2_XS", per: 256, width: 74},
	IQ3_XXS: {name: "IQ3_XXS", per: 256, width: 98},
	IQ1_S:   {name: "IQ1_S", per: 256, width: 50},
	IQ4_NL:  {name: "IQ4_NL", per: 32, width: 18},
	IQ3_S:   {name: "IQ3_S", per: 256, width: 110},
	IQ2_S:   {name: "IQ2_S", per: 256, width: 82},
	IQ4_XS:  {name: "IQ4_XS", per: 256, width: 136},
	I8:      {name: "I8", per: 1, width: 1},
	I16:     {name: "I16", per: 1, width: 2},
	I32:     {name: "I32", per: 1, width: 4},
	I64:     {name: "I64", per: 1, width: 8},
	F64:     {name: "F64", per: 1, width: 8},
	IQ1_M:   {name: "IQ1_M", per: 256, width: 56},
	BF16:    {name: "BF16", per: 1, width: 2},
	31:      {name: "Q4_0_4_4", instead: "Q4_0"},
	32:      {name: "Q4_0_4_8", instead: "Q4_0"},
	33:      {name: "Q4_0_8_8", instead: "Q4_0"},
	TQ1_0:   {name: "TQ1_0", per: 256, width: 54},
	TQ2_0:   {name: "TQ2_0", per: 256, width: 66},
	36:      {name: "IQ4_NL_4_4", instead: "IQ4_NL"},
	37:      {name: "IQ4_NL_4_8", instead: "IQ4_NL"},
	38:      {name: "IQ4_NL_8_8", instead: "IQ4_NL"},
	MXFP4:   {name: "MXFP4", per: 32, width: 17},
	NVFP4:   {name: "NVFP4", per: 64, width: 36},
	Q1_0:    {name: "Q1_0", per: 128, width: 18},
	Q2_0:    {name: "Q2_0", per: 64, width: 18},
}

func (t TensorType) String() string {
	if int64(t) >= int64(len(layouts)) {
		return fmt.Sprintf("type %d", uint32(t))
	}
	return layouts[t].name
}

// Block is how many elements the type stores in one block, and in how many bytes. A type that the format does not have,
// or no longer, is an error.
func (t TensorType) Block() (elements, bytes int, err error) {
	if int64(t) >= int64(len(layouts)) {
		return 0, 0, fmt.Errorf("%d is not the type of a tensor (0 to %d)", uint32(t), len(layouts)-1)
	}
	l := layouts[t]
	if l.per == 0 {
		return 0, 0, fmt.Errorf("%d is %s, which was removed from the format: get the model as %s", uint32(t), l.name, l.instead)
	}
	return l.per, l.width, nil
}
